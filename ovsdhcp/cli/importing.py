"""`ovsdhcp import`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from ovsdhcp.cli.arguments import Refusal, refusing
from ovsdhcp.config.loading import loads
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.ovn import from_flows
from ovsdhcp.ovn import northbound as nb
from ovsdhcp.ovn.dump import is_to_be_a_flow
from ovsdhcp.ovn.lease_table import Client, lease_table

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)
_WAYS = click.Choice(("packet-out", "resume"))
_BRIDGE = click.option("--bridge", default="br-int", show_default=True, help="Its name.")


def _way(default: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    text = "How answers are to go back."
    return click.option("--reply", type=_WAYS, default=default, show_default=True, help=text)


@click.group("import")
def importing() -> None:
    """Write a lease table, to standard output, from what others have.

    What cannot be carried over is said line by line on standard error, and kept as comments.
    """


@importing.command()
@click.argument("file", type=_FILE, default="-")
@_BRIDGE
@_way("resume")
def flows(file: Path, bridge: str, reply: str) -> None:
    """From flows with put_dhcp_opts, ovsdhcp's own or OVN's.

    \b
    sudo ovs-ofctl dump-flows br-int | ovsdhcp import flows > leases.yaml
    """
    text = _text(file)
    lines = text.splitlines()
    if "actions" not in text and any(map(is_to_be_a_flow, lines)):
        raise Refusal(f"{file}: no line of it is a flow, as `ovs-ofctl dump-flows` prints them")
    notes: list[str] = []
    _write(from_flows.clients_of(lines, notes), notes, bridge, reply, "flows")


@importing.command()
@click.argument("files", type=_FILE, nargs=-1)
@click.option("--db", "databases", multiple=True, metavar="REMOTE", help="A server to ask.")
@_BRIDGE
@_way("packet-out")
def ovn(files: tuple[Path, ...], databases: tuple[str, ...], bridge: str, reply: str) -> None:
    """From OVN's northbound database: its ports and DHCP_Options, in any order.

    With the interfaces' names from a host's Open vSwitch, ports are called as they are there.
    Either is read from files or from a server, `unix:FILE` or `tcp:HOST:PORT`.

    \b
    ovn-nbctl --format=json list Logical_Switch_Port > ports.json
    ovn-nbctl --format=json list DHCP_Options > options.json
    ovs-vsctl --format=json list Interface > interfaces.json
    ovsdhcp import ovn ports.json options.json interfaces.json > leases.yaml
    \b
    ovsdhcp import ovn --db unix:/run/ovn/ovnnb_db.sock --db unix:/run/openvswitch/db.sock
    """
    if not (files or databases):
        raise click.UsageError("no FILES, and no --db to ask")
    notes: list[str] = []
    found = nb.northbound([*map(_rows, files), *_asked(databases)])
    _write(nb.clients_of(found, notes), notes, bridge, reply, "OVN's northbound database")


def _rows(file: Path) -> list[nb.Row]:
    try:
        return nb.rows_of(_text(file))
    except nb.NotATableError as error:
        raise Refusal(f"{file}: {error}") from None


def _asked(databases: tuple[str, ...]) -> list[list[nb.Row]]:
    """The tables that running servers have."""
    if not databases:
        return []
    from ovsdhcp.cli import ovsdb  # noqa: PLC0415 - the ovs package, which only this option needs

    with refusing(ovsdb.NoDatabaseError):
        return [table for remote in databases for table in ovsdb.tables_of(remote)]


def _text(file: Path) -> str:
    octets = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    return octets.decode(errors="replace")


def _write(
    clients: Iterator[Client], notes: list[str], bridge: str, reply: str, source: str
) -> None:
    """The table, the notes, and status 1 where it still needs a hand."""
    found = list(clients)
    table = lease_table(found, notes, bridge, reply, source)
    click.echo(table.text, nl=False)
    for note in table.notes:
        click.echo(f"not carried over: {note}", err=True)
    try:
        loads(table.text, "the table")
    except ConfigError as error:
        raise Refusal(f"{error}\n\nthis table needs a hand before it can be read") from None
