"""`ovsdhcp reload`."""

import json
import sys
from typing import Any

import click

from ovsdhcp.cli.arguments import JSON, Refusal, asking
from ovsdhcp.control.client import ask
from ovsdhcp.control.protocol import Document


@click.command()
@click.option(
    "--confirm",
    type=click.FloatRange(0, 86_400, min_open=True),
    metavar="SECONDS",
    help="Go back to the table before unless confirmed within this time.",
)
@JSON
def reload(confirm: float | None, *, as_json: bool) -> None:
    """Have the running server read its lease table anew.

    A wrong table changes nothing: its errors are printed, the one in force stays, and the exit
    status is 1. With --confirm you are asked whether to keep the new one; another `ovsdhcp reload`
    within the time keeps it too. The server notices a changed file by itself: what it took within
    the last SECONDS is then what is confirmed or taken back.

    With --json one object: ok, changed, seconds, confirm_within, error, problems, warnings; you
    are not asked.
    """
    with asking():
        said = _said("reload", {} if confirm is None else {"confirm": confirm})["reload"]
    if as_json:
        click.echo(json.dumps(said, indent=2))
        sys.exit(not said["ok"])
    if not said["ok"]:
        raise Refusal(f"{said['error']}\n\nthe table before it stays in force")
    click.echo(_outcome(said), err=True)
    if said["confirm_within"] is not None:
        _ask_whether_to_keep()


def _said(verb: str, arguments: Document) -> Document:
    said: dict[str, Any] = {}
    for item in ask(verb, arguments):
        said |= item
    return said


def _outcome(said: Document) -> str:
    if not said["changed"]:
        done = "what is in the file is in force already"
    else:
        done = f"in force after {said['seconds']:.3f} s"
    within = said["confirm_within"]
    return done if within is None else f"{done}; it is taken back in {within:g} s"


def _ask_whether_to_keep() -> None:
    keep = click.confirm("keep it?", err=True)
    if not keep:
        raise Refusal("not kept: the table before it comes back at the end of that time")
    with asking():
        kept = _said("confirm", {})["confirmed"]
    if not kept:
        raise Refusal("too late: the table before it is in force again")
    click.echo("kept", err=True)
