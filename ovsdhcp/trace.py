"""What would happen: the real engine on a question that nobody asked, decision by decision.

No switch, no clock and nothing remembered; the lease table alone says who is asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import getdoc
from struct import Struct

from ovsdhcp.config.table import Bridge, Config, Port
from ovsdhcp.dhcp import frame as envelopes
from ovsdhcp.dhcp import message, server
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.description import Description, describe, describe_message
from ovsdhcp.dhcp.frame import ANY, BROADCAST, BROADCAST_MAC, CLIENT_PORT, SERVER_PORT
from ovsdhcp.dhcp.message import (
    BROADCAST_FLAG,
    COOKIE,
    MESSAGE_TYPE,
    PARAMETER_LIST,
    MessageType,
)
from ovsdhcp.dhcp.reasons import NO_BINDING, Reason, WireError
from ovsdhcp.dhcp.server import Drop, Reply
from ovsdhcp.openflow.attached import Attached

SOME_CLIENT = bytes.fromhex("020000000001")
"""Who asks at a port that has no MAC in the table."""

USUAL_REQUESTS = bytes((1, 121, 3, 6, 12, 15, 26, 28, 42, 119))
"""The parameter request list of an ordinary client."""

_BOOTP = Struct("!BBBBIHH4s4s4s4s16s64s128s")
_IPV4 = Struct("!BBHHHBBH4s4s")
_UDP = Struct("!HHHH")
_XID = 0x7ACE


@dataclass(frozen=True, slots=True)
class Step:
    """One decision on the way: what was looked at, and what came of it."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Trace:
    """All of it; `request` and `reply` are None where there is none."""

    steps: tuple[Step, ...]
    reason: Reason
    request: Description | None
    reply: Description | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a client puts it; addresses are octets."""

    type: MessageType
    options: Mapping[int, bytes]
    ciaddr: bytes = ANY
    broadcast: bool = False


def find_port(config: Config, name: str) -> tuple[Bridge, Port]:
    """The port `name`, or `bridge/name` where several bridges have it. LookupError if not one."""
    found = [
        (bridge, port)
        for bridge in config.bridges
        for port in bridge.ports
        if name in (port.name, f"{bridge.name}/{port.name}")
    ]
    if len(found) != 1:
        where = ", ".join(f"{bridge.name}/{port.name}" for bridge, port in found)
        raise LookupError(
            f"several bridges have a port `{name}`: say which, {where}"
            if found
            else f"no bridge of the table has a port `{name}`"
        )
    return found[0]


def client_of(port: Port, address: bytes | None) -> Binding:
    """The client of a port that has this address; where none has, the one with the lowest MAC."""
    return next((it for it in port.bindings if it.address_octets == address), port.bindings[0])


def frame_of(asked: Asked, binding: Binding) -> bytes:
    """The frame with which the client of `binding` asks: a renewal by unicast, else broadcast."""
    mac, subnet = binding.mac or SOME_CLIENT, binding.subnet
    flags = BROADCAST_FLAG if asked.broadcast else 0
    kind = {MESSAGE_TYPE: bytes((asked.type,)), PARAMETER_LIST: USUAL_REQUESTS}
    options = b"".join(
        bytes((code, len(value))) + value for code, value in (kind | dict(asked.options)).items()
    )
    fixed = _BOOTP.pack(
        *(1, 1, 6, 0, _XID, 0, flags, asked.ciaddr, ANY, ANY, ANY, mac.ljust(16, b"\0"), b"", b"")
    )
    payload = fixed + COOKIE + options + b"\xff"
    unicast = asked.ciaddr != ANY
    eth_dst, ip_dst = (
        (subnet.server_mac, subnet.server_octets) if unicast else (BROADCAST_MAC, BROADCAST)
    )
    udp = _UDP.pack(CLIENT_PORT, SERVER_PORT, _UDP.size + len(payload), 0) + payload
    length = _IPV4.size + len(udp)
    ip = _IPV4.pack(0x45, 0, length, 0, 0, 64, 17, 0, asked.ciaddr, ip_dst)
    return eth_dst + mac + b"\x08\x00" + ip + udp


def trace(bridge: Bridge, port: Port, frame: bytes) -> Trace:
    """Follow a frame that enters at a port of the table."""
    dl_src = frame[6:12]
    binding = Attached.of(port).binding(frame)
    if binding is None:
        step = Step("binding", f"none of {bridge.name}/{port.name} has the MAC {dl_src.hex(':')}")
        return Trace((step,), NO_BINDING, None, None)
    whose = "whoever is plugged in" if binding.mac is None else binding.mac.hex(":")
    known = Step("binding", f"{binding.address} of subnet {binding.subnet.name}, for {whose}")
    try:
        envelope = envelopes.decode(frame)
        request = message.decode(envelope.payload)
    except WireError as error:
        return Trace((known, Step("decode", "malformed")), error.reason, None, None)
    decision = server.respond(envelope, request, binding, now=0.0)
    steps = (known, *_steps(envelope, request, binding, decision))
    reply = describe(decision.frame) if isinstance(decision, Reply) else None
    return Trace(steps, decision.reason, describe_message(envelope, request), reply)


def _steps(
    envelope: envelopes.Envelope,
    request: message.Request,
    binding: Binding,
    decision: Reply | Drop,
) -> Iterator[Step]:
    yield Step("decode", f"a {request.type_name} from {request.mac.hex(':')}")
    for check in server.ADMISSION:
        refused = check(envelope, request, binding)
        rule = (getdoc(check) or "").partition("\n")[0]
        yield Step(f"admission: {check.__name__}", f"{'refused' if refused else 'passed'}. {rule}")
        if refused:
            return
    if isinstance(decision, Reply):
        yield Step("state", decision.state.value)
        yield Step("answer", decision.message_type.name)
    else:
        yield Step("answer", "none")
