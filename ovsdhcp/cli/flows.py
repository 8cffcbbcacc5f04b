"""`ovsdhcp flows`."""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from ovsdhcp.cli.arguments import FILE, JSON, Refusal, Unreachable, asking, refusing
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.control import installed
from ovsdhcp.control.client import NoServerError, ask
from ovsdhcp.control.protocol import Document
from ovsdhcp.dhcp.option_kinds import printable
from ovsdhcp.openflow.management import NoBridgeError
from ovsdhcp.openflow.render import rendered
from ovsdhcp.service import config_path


@click.group()
def flows() -> None:
    """The flows that a lease table asks for, and those that are there."""


@flows.command()
@click.argument("config", type=FILE)
def render(config: Path) -> None:
    """Print the flows of the lease table CONFIG, as `ovs-ofctl add-flows` reads them."""
    with refusing(ConfigError):
        bridges = load(config).bridges
    click.echo("\n\n".join("\n".join(rendered(bridge)) for bridge in bridges))


@flows.command()
@click.argument("bridge", required=False)
@click.option("--config", type=FILE, help="Ask for this table, and the bridges themselves.")
@JSON
def diff(bridge: str | None, config: Path | None, *, as_json: bool) -> None:
    """Compare the flows that should be there with those that are, port by port.

    The running server is asked, and asks its bridges. With --config, or where no server runs, the
    bridges of this machine are asked as ovs-ofctl does (which takes root), and compared with the
    table: that of --config, else $OVSDHCP_CONFIG. Nothing is changed, and others' flows are not
    looked at.

    `-` is wanted and not there, `+` is there and not wanted, `~` gives way to another's flow.
    Exit status 1 where anything differs or a bridge is not connected, 3 where nobody answers.

    With --json one object: bridges (name, connected, in_sync, flows, wanted, as_wanted,
    differences, questions, silent_ports) and differences (kind, bridge, port, wanted,
    installed, packets).
    """
    with asking(), refusing(ConfigError), refusing(NoBridgeError, by=Unreachable):
        said = _asked(bridge, config)
    found = {
        "bridges": [item["bridge"] for item in said if "bridge" in item],
        "differences": [item["difference"] for item in said if "difference" in item],
    }
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo("\n".join(_lines(found)))
    sys.exit(any(it["differences"] or it["connected"] is False for it in found["bridges"]))


def _asked(bridge: str | None, config: Path | None) -> list[Document]:
    if config is None:
        try:
            return [item for item in ask("flows", {"bridge": bridge}) if item]
        except NoServerError as error:
            what, _, _ = str(error).partition("\n")
            click.echo(f"{what}; the bridges are asked themselves", err=True)
    table = load(config or config_path())
    bridges = [it for it in table.bridges if bridge in (None, it.name)]
    if not bridges:
        raise Refusal(f"error: {table.source} has no bridge `{bridge}`")
    return [item for it in bridges for item in installed.compared_with(it)]


def _lines(found: dict[str, list[Document]]) -> Iterator[str]:
    ordered = sorted(found["differences"], key=_place)
    for (bridge, port), group in groupby(ordered, key=_place):
        yield click.style(f"{printable(bridge)} {printable(port)}".rstrip(), bold=True)
        for one in group:
            yield from _marked(one)
    yield from map(_sum, found["bridges"])


def _place(difference: Document) -> tuple[str, str]:
    return difference["bridge"], difference["port"] or ""


def _marked(one: Document) -> Iterator[str]:
    if one["kind"] == "gave-way":
        yield f"  ~ {printable(one['wanted'])}"
        return
    if one["wanted"] is not None:
        yield click.style(f"  - {printable(one['wanted'])}", fg="red")
    if one["installed"] is not None:
        yield click.style(f"  + {printable(one['installed'])}", fg="green")


def _sum(bridge: Document) -> str:
    name = printable(bridge["name"])
    if bridge["connected"] is False:
        return f"{name}: not connected"
    if bridge["flows"] == "external":
        return f"{name}: its flows are others'"
    differences = bridge["differences"]
    words = "no difference" if not differences else f"{differences} differ"
    return f"{name}: {bridge['as_wanted']} of {bridge['wanted']} flows are as wanted, {words}"
