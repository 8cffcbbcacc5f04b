"""`ovsdhcp leases`."""

import json
import sys
import time
from collections.abc import Iterable, Iterator

import click

from ovsdhcp.cli.arguments import JSON, Unreachable, asking
from ovsdhcp.cli.terminal import columns
from ovsdhcp.control.client import NotRunningError, ask
from ovsdhcp.control.leases import journal_path, kept
from ovsdhcp.control.protocol import ControlError, Document

EVERY = 2.0
"""Seconds between two looks of `--watch`."""

_COLUMNS = {
    "BRIDGE": "bridge",
    "PORT": "port",
    "MAC": "mac",
    "ADDRESS": "address",
    "STATE": "state",
    "SINCE": "since",
    "UNTIL": "until",
    "HOSTNAME": "hostname",
}


@click.command()
@click.argument("wanted", metavar="[FILTER]", default="")
@click.option("-w", "--watch", is_flag=True, help="Go on, and show what changes.")
@JSON
def leases(wanted: str, *, watch: bool, as_json: bool) -> None:
    """Say what was handed out, when, and to whom: every binding that was ever asked for.

    With FILTER those that have it somewhere in bridge, port, MAC, address, hostname or state.
    UNTIL is where the lease ends, or a declined address's probation; `-` where nothing ends.

    Where no server runs, what it has kept in the state folder is shown, standard error says so, and
    the exit status is 3. --watch needs a server.

    With --json an object a line: bridge, port, mac, address, state, since, until, and what the
    client said of itself. With --watch a lease is printed again whenever it has changed; on a
    terminal the whole list is.

    \b
    ovsdhcp leases
    ovsdhcp leases declined
    ovsdhcp leases 02:ac:10:ff:01:30 --watch
    """
    with asking():
        if watch:
            _watch(wanted, as_json)
            return
        try:
            found, down = list(_rows(wanted)), ""
        except NotRunningError as error:
            found, down = _kept(wanted, error), f"no server runs; this is from {journal_path()}"
    if not _show(found, as_json):
        click.echo("no lease fits" if wanted else "nobody has asked yet", err=True)
    if down:
        raise Unreachable(down)


def _kept(wanted: str, error: NotRunningError) -> list[Document]:
    """What a server has left behind; where that is nothing, its absence is what there is to say."""
    if not journal_path().exists():
        raise error
    try:
        return list(kept(wanted))
    except ControlError as unreadable:
        raise NotRunningError(
            f"{error}\n\nnor can what it kept be read: {unreadable.message}"
        ) from None


def _rows(wanted: str) -> Iterator[Document]:
    for item in ask("leases", {"filter": wanted}):
        yield from item.get("leases", ())


def _show(rows: Iterable[Document], as_json: bool) -> bool:
    """Whether there are any."""
    found = list(rows)
    if found:
        click.echo("\n".join(map(json.dumps, found) if as_json else _table(found)))
    return bool(found)


def _table(rows: list[Document]) -> Iterator[str]:
    yield from columns(
        list(_COLUMNS), [[row.get(key) for key in _COLUMNS.values()] for row in rows]
    )


def _watch(wanted: str, as_json: bool) -> None:
    """Until it is interrupted, which is how it ends."""
    before: list[Document] = []
    try:
        while True:
            now = list(_rows(wanted))
            if sys.stdout.isatty() and not as_json:
                if now != before:
                    click.clear()
                    _show(now, as_json)
            else:
                _show([row for row in now if row not in before], as_json)
            before = now
            time.sleep(EVERY)
    except KeyboardInterrupt:
        click.echo(err=True)
