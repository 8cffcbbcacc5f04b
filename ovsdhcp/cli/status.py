"""`ovsdhcp status`."""

import json
import sys
from collections.abc import Iterator

import click

from ovsdhcp.cli.arguments import JSON, asking
from ovsdhcp.cli.terminal import duration, labelled, told
from ovsdhcp.config.table import Flows
from ovsdhcp.control.client import status_of_server
from ovsdhcp.control.findings import PROBLEM, findings_of
from ovsdhcp.control.protocol import Document
from ovsdhcp.dhcp.option_kinds import printable


@click.command()
@JSON
def status(*, as_json: bool) -> None:
    """Say how the running server and its bridges are, what is wrong first.

    Each problem comes with the command that mends it. Exit status 1 where there is a problem (an
    advice is none), 3 where no server answers.

    With --json one object: problems (check, severity, text, mend), server, sockets (bridge, target,
    problem, hint), table, bridges, leases, journal, reasons, events.
    """
    with asking():
        said = status_of_server()
    problems = findings_of(said)
    if as_json:
        shown = {"problems": [problem.as_json() for problem in problems], **said}
        click.echo(json.dumps(shown, indent=2))
    else:
        lines = [*told(problems), *([""] if problems else []), *_lines(said)]
        click.echo("\n".join(lines))
    sys.exit(any(problem.severity == PROBLEM for problem in problems))


def _lines(said: Document) -> Iterator[str]:
    server, table = said["server"], said["table"]
    listens = f"{server['listens']['host']}:{server['listens']['port']}"
    up = duration(server["uptime_seconds"])
    yield labelled(
        "server", f"ovsdhcp {server['version']}, pid {server['pid']}, up {up}, listens on {listens}"
    )
    yield labelled("table", _table(table))
    yield labelled("bridges", "\n".join(map(_bridge, said["bridges"])) or "none in the table")
    if said["sockets"]:
        yield labelled("sockets", "\n".join(map(_socket, said["sockets"])))
    yield labelled("leases", _counted(said["leases"]))
    yield labelled("reasons", _counted(said["reasons"]))
    yield labelled("events", f"{said['events']['untold']} not told yet")


def _table(table: Document) -> str:
    said = printable(table["path"])
    if table.get("sha256"):
        said += f", sha256 {table['sha256'][:12]}…, in force since {table['loaded']}"
    if table.get("confirm_within") is not None:
        said += f"\ntaken back in {duration(table['confirm_within'])} unless it is confirmed"
    last = table.get("last_reload")
    if last is not None:
        outcome = "done" if last["ok"] else "refused"
        said += f"\nlast reload {outcome} at {last['at']}"
    return said


def _bridge(bridge: Document) -> str:
    ports, name = bridge["ports"], printable(bridge["name"])
    if not bridge["connected"]:
        return f"{name}: not connected, {ports['configured']} ports in the table"
    sync = "in sync" if bridge["in_sync"] else "not in sync"
    if bridge["flows"] == Flows.EXTERNAL.value:
        served = "others' flows say whom it serves"
    else:
        served = f"{sync}, {ports['attached']} of {ports['configured']} ports there"
    shortcut = bridge["shortcut"]
    heard = f", heard by {printable(shortcut['path'])}" if shortcut and shortcut["in_use"] else ""
    return f"{name}: connected, {served}{heard}"


def _socket(socket: Document) -> str:
    problem = f", not there: {socket['problem']}" if socket["problem"] else ""
    return printable(f"{socket['bridge']}: {socket['target']}{problem}")


def _counted(counts: Document) -> str:
    most_first = sorted(counts.items(), key=lambda count: -count[1])
    return ", ".join(f"{name} {number}" for name, number in most_first) or "none yet"
