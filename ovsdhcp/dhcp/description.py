"""A DHCP message for the eye and for JSON: every field and option by name, nothing judged."""

from ipaddress import IPv4Address
from typing import NamedTuple

from ovsdhcp.dhcp import frame as envelopes
from ovsdhcp.dhcp import message
from ovsdhcp.dhcp.frame import ANY, CLIENT_PORT, Envelope
from ovsdhcp.dhcp.message import BROADCAST_FLAG, MESSAGE_TYPE, OVERLOAD, MessageType, Request
from ovsdhcp.dhcp.option_kinds import printable
from ovsdhcp.dhcp.options import lookup
from ovsdhcp.dhcp.reasons import WireError


class Shown(NamedTuple):
    """An option: `value` as JSON holds it (hexadecimal where it is malformed), `text` to read."""

    code: int
    name: str
    value: object
    text: str


class Description(NamedTuple):
    """A frame's addresses, the fields of its message that say something, and its options."""

    fields: dict[str, str]
    options: tuple[Shown, ...]

    def as_json(self) -> dict[str, object]:
        """For `--json`; the keys are stable."""
        return {**self.fields, "options": [shown._asdict() for shown in self.options]}


def describe(frame: bytes) -> Description:
    """Describe a frame of either direction. Raises `WireError` where it is no DHCP."""
    try:
        envelope = envelopes.decode(frame)
    except WireError:
        envelope = envelopes.decode(frame, CLIENT_PORT)
    return describe_message(envelope, message.parse(envelope.payload))


def describe_message(envelope: Envelope, request: Request) -> Description:
    """Describe what is decoded already."""
    options = tuple(show_option(code, value) for code, value in request.options.items())
    return Description(_fields(envelope, request), options)


def show_option(code: int, value: bytes) -> Shown:
    """One option, by its entry in the table."""
    option = lookup(code)
    if code == MESSAGE_TYPE and len(value) == 1 and value[0] in tuple(MessageType):
        return Shown(code, option.name, value[0], MessageType(value[0]).name)
    try:
        return Shown(code, option.name, option.kind.decode(value), option.kind.show(value))
    except ValueError:
        return Shown(code, option.name, value.hex(), f"{value.hex()} (malformed)")


def _fields(envelope: Envelope, request: Request) -> dict[str, str]:
    addresses = {
        "eth_src": envelope.eth_src.hex(":"),
        "eth_dst": envelope.eth_dst.hex(":"),
        "vlan": envelope.tags.hex(),
        "ip_src": str(IPv4Address(envelope.ip_src)),
        "ip_dst": str(IPv4Address(envelope.ip_dst)),
        "xid": f"{request.xid:#010x}",
        "secs": str(request.secs or ""),
        "hops": str(request.hops or ""),
        "flags": "broadcast" if request.flags & BROADCAST_FLAG else "",
        **{name: _address(getattr(request, name)) for name in _ADDRESSES},
        "chaddr": request.mac.hex(":"),
        **_names(envelope.payload, request.options.get(OVERLOAD, b"\0")[-1:]),
    }
    return {name: text for name, text in addresses.items() if text}


def _names(payload: bytes, overload: bytes) -> dict[str, str]:
    """The fields `sname` and `file`, unless they hold options (RFC 2132 §9.3)."""
    holding = overload[0] if overload else 0
    fields = {"sname": (payload[44:108], 2), "file": (payload[108:236], 1)}
    return {
        name: printable(octets.partition(b"\0")[0].decode("utf-8", "backslashreplace"))
        for name, (octets, bit) in fields.items()
        if not holding & bit
    }


_ADDRESSES = ("ciaddr", "yiaddr", "siaddr", "giaddr")


def _address(octets: bytes) -> str:
    return "" if octets == ANY else str(IPv4Address(octets))
