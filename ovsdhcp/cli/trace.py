"""`ovsdhcp trace`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from ovsdhcp import trace as engine
from ovsdhcp.cli.arguments import FILE, Address, DhcpOption, Octets, refusing
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.dhcp.description import Description
from ovsdhcp.dhcp.frame import ANY
from ovsdhcp.dhcp.message import REQUESTED_ADDRESS, MessageType
from ovsdhcp.trace import Asked, Trace


@click.command()
@click.argument("config", type=FILE)
@click.argument("port")
@click.option("--discover", is_flag=True, help="The client looks for an address.")
@click.option("--request", type=Address(), help="It asks for this address (option 50).")
@click.option("--ciaddr", type=Address(), help="It has this address: it renews by unicast.")
@click.option("--option", "options", type=DhcpOption(), multiple=True, help="It sends this, too.")
@click.option("--broadcast", is_flag=True, help="It wants the answer to be broadcast.")
@click.option("--hex", "frame", type=Octets(), help="It sends this Ethernet frame.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def trace(
    config: Path,
    port: str,
    discover: bool,
    request: bytes | None,
    ciaddr: bytes | None,
    options: tuple[tuple[int, bytes], ...],
    broadcast: bool,
    frame: bytes | None,
    as_json: bool,
) -> None:
    """Show what would happen: the engine's answer to a client at PORT of the table CONFIG.

    Of several hosts the one asks whose address is asked for, else the one with the lowest MAC.

    \b
    ovsdhcp trace configs/br-int.yaml vm5 --discover
    ovsdhcp trace configs/br-int.yaml vm5 --request 172.16.255.177
    ovsdhcp trace configs/br-int.yaml vm5 --ciaddr 172.16.255.130 --option 12=laptop
    ovsdhcp trace configs/br-int.yaml vm5 --request 172.16.255.130 --option 54=172.16.255.129
    """
    with refusing(ConfigError, LookupError):
        bridge, found = engine.find_port(load(config), port)
    if frame is None:
        asked = _asked(discover, request, ciaddr, dict(options), broadcast)
        frame = engine.frame_of(asked, engine.client_of(found, request or ciaddr))
    elif discover or request or ciaddr or options or broadcast:
        raise click.UsageError("--hex is the whole question: nothing can be added to it")
    followed = engine.trace(bridge, found, frame)
    click.echo(_document(followed) if as_json else "\n".join(_lines(followed)))


def _asked(
    discover: bool,
    request: bytes | None,
    ciaddr: bytes | None,
    options: dict[int, bytes],
    broadcast: bool,
) -> Asked:
    if discover == (request is not None or ciaddr is not None):
        raise click.UsageError("say what the client asks: --discover, or --request, --ciaddr")
    kind = MessageType.DISCOVER if discover else MessageType.REQUEST
    if request is not None:
        options = {REQUESTED_ADDRESS: request} | options
    return Asked(kind, options, ciaddr or ANY, broadcast)


def _lines(followed: Trace) -> Iterator[str]:
    for title, described in (("request", followed.request), ("reply", followed.reply)):
        if title == "reply":
            yield from _decisions(followed)
        if described is not None:
            yield f"{title}"
            yield from (f"  {line}" for line in _described(described))
            yield ""


def _decisions(followed: Trace) -> Iterator[str]:
    yield "decisions"
    yield from (f"  {step.name}: {step.outcome}" for step in followed.steps)
    reason = followed.reason
    yield f"  reason: {reason.code}, {reason.meaning} ({reason.rfc})"
    if reason.advice:
        yield f"  advice: {reason.advice}"
    yield ""


def _described(described: Description) -> Iterator[str]:
    fields = described.fields
    yield f"{fields['eth_src']} → {fields['eth_dst']}, {fields['ip_src']} → {fields['ip_dst']}"
    shown = {key: fields[key] for key in fields if key not in _IN_THE_FIRST_LINE}
    yield ", ".join(f"{key} {value}" for key, value in shown.items())
    for option in described.options:
        yield f"{option.code:3} {option.name}: {option.text}"


_IN_THE_FIRST_LINE = {"eth_src", "eth_dst", "ip_src", "ip_dst"}


def _document(followed: Trace) -> str:
    """The keys are stable: steps, reason, request, reply."""
    shown = {
        "steps": [asdict(step) for step in followed.steps],
        "reason": asdict(followed.reason),
        "request": followed.request and followed.request.as_json(),
        "reply": followed.reply and followed.reply.as_json(),
    }
    return json.dumps(shown, indent=2)
