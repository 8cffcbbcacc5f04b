"""`ovsdhcp decode`."""

import json
import sys
from collections.abc import Iterator

import click

from ovsdhcp.cli.arguments import Octets, Refusal
from ovsdhcp.ovn.dump import flow_of, is_to_be_a_flow
from ovsdhcp.ovn.explanation import NOT_READ, Explained, explain, explain_flow


@click.command()
@click.argument("octets", metavar="HEX|-", default="-")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def decode(octets: str, *, as_json: bool) -> None:
    """Say what octets or flows mean for DHCP.

    HEX is a controller action's userdata, an Ethernet frame, or a DHCP message without headers.
    With `-`, or nothing, standard input is read: hexadecimal too, or flows, each of which is
    printed with its meaning under it.

    \b
    sudo ovs-ofctl dump-flows br-int | ovsdhcp decode
    ovsdhcp decode 00.00.00.02.00.00.00.00.00.01.de.10.00.00.00.63.ac.10.ff.82.36.04.ac.10.ff.81
    """
    if octets != "-":
        _show([_explained(Octets().convert(octets, None, None))], as_json)
        return
    text = sys.stdin.buffer.read().decode(errors="replace")
    found = _octets(text)
    if found:
        _show([_explained(found)], as_json)
    else:
        _flows(text.splitlines(), as_json)


def _octets(text: str) -> bytes:
    """The octets that are all of the input, none where it is something else."""
    try:
        return Octets().convert("".join(text.split()), None, None)
    except click.UsageError:
        return b""


def _explained(octets: bytes) -> Explained:
    found = explain(octets)
    if found is None:
        raise Refusal("these octets are no DHCP frame, no DHCP message, and no userdata of OVN's")
    return found


def _show(explained: list[Explained], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([one.as_json() for one in explained], indent=2))
    else:
        click.echo("\n".join(line for one in explained for line in one.lines()))


def _flows(lines: list[str], as_json: bool) -> None:
    if as_json:
        shown = [_as_json(line) for line in lines if is_to_be_a_flow(line)]
        click.echo(json.dumps(shown, indent=2))
        return
    for line in lines:
        click.echo(line)
        for said in _meaning(line):
            click.echo(said)


def _as_json(line: str) -> dict[str, object]:
    flow = flow_of(line)
    return {"line": line, "error": "not read"} if flow is None else explain_flow(flow).as_json()


def _meaning(line: str) -> Iterator[str]:
    flow = flow_of(line)
    if flow is not None:
        yield from explain_flow(flow).lines()
    elif is_to_be_a_flow(line):
        yield NOT_READ
