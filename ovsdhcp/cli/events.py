"""`ovsdhcp events`."""

import json

import click

from ovsdhcp.cli.arguments import JSON, asking
from ovsdhcp.control.client import ask
from ovsdhcp.control.protocol import Document
from ovsdhcp.log import logfmt

BEFORE_FOLLOWING = 10


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option(
    *("-n", "--last"),
    type=click.IntRange(0),
    help=f"How many of the past (else all that are remembered; {BEFORE_FOLLOWING} with -f).",
)
@JSON
def events(last: int | None, *, follow: bool, as_json: bool) -> None:
    """Say what happened: a line for each transaction, oldest first, as the log has it.

    The server remembers the last 5,000; what is older is in its log. Where it answers more than
    that in a moment, a follower is told on standard error how many it has missed.

    The event is what was answered (offer, ack, nak), or drop; or resume: others' flow had the
    packet wait, and it went on as it came, for the flows to decide.

    With --json an object a line, with the keys of the log: ts, level, event, bridge, port, mac, ip,
    message, xid, state, reason, us (microseconds), times; a key that says nothing is left out.
    """
    if last is None and follow:
        last = BEFORE_FOLLOWING
    arguments = {"follow": follow} | ({} if last is None else {"last": last})
    try:
        with asking():
            for item in ask("events", arguments):
                _show(item, as_json)
    except KeyboardInterrupt:
        if not follow:
            raise
        click.echo(err=True)


def _show(item: Document, as_json: bool) -> None:
    if "missed" in item:
        click.echo(f"missed {item['missed']} events; the log has them", err=True)
    if found := item.get("events"):
        click.echo("\n".join(json.dumps(e) if as_json else line(e) for e in found))


def line(event: Document) -> str:
    """The line of the log."""
    return logfmt.line(event)
