"""Flows from the octets that a switch keeps of them: messages.py the other way, for people.

Only what flows of ours are made of is known; of another's flow the octets are shown.
"""

from collections.abc import Iterator, Mapping
from struct import error, unpack_from

from ovsdhcp.openflow import fields, messages
from ovsdhcp.openflow.fields import Field
from ovsdhcp.openflow.flow import (
    Action,
    Flow,
    GotoTable,
    Match,
    Metered,
    Move,
    Output,
    Pause,
    Resubmit,
    SetField,
)
from ovsdhcp.openflow.messages import Entry, Key

_OUTPUT, _SET_FIELD, _EXPERIMENTER = 0, 25, 0xFFFF
_ALL = [field for field in vars(fields).values() if isinstance(field, Field)]
_FIELDS: Mapping[int, Field] = {field.header() >> 9: field for field in _ALL}
_MOVED: Mapping[int, Field] = {field.move_header() >> 9: field for field in _ALL}
"""By class and number."""


def text_of(at: Key, what: Entry, names: Mapping[int, str]) -> str:
    """The flow as `ovs-ofctl` has it; ports by name where a name is known."""
    try:
        return flow_of(at, what).text(names)
    except ValueError:
        head = f"cookie={what.cookie:#x}, table={at.table}, priority={at.priority}"
        return f"{head}, match:{at.match.hex()} instructions:{what.instructions.hex()}"


def flow_of(at: Key, what: Entry) -> Flow:
    """The flow. Raises ValueError where it has something that no flow of ours has."""
    try:
        match, actions = tuple(_matches(at.match)), tuple(_instructions(what.instructions))
    except (error, KeyError, IndexError) as fault:
        raise ValueError("a flow with something that is in none of ours") from fault
    flow = Flow(at.table, at.priority, what.cookie, match, actions)
    if (messages.key(flow), messages.entry(flow)) != (at, what):
        raise ValueError("a flow that says more than ours do")
    return flow


def in_port(at: Key) -> int | None:
    """The port that a flow is about, None where it is about all."""
    header = fields.IN_PORT.header().to_bytes(4, "big")
    return int.from_bytes(at.match[4:8], "big") if at.match.startswith(header) else None


def _matches(oxms: bytes) -> Iterator[Match]:
    while oxms:
        (header,) = unpack_from("!I", oxms)
        end = 4 + (header & 0xFF)
        yield _match(header, oxms[4:end])
        oxms = oxms[end:]


def _match(header: int, octets: bytes) -> Match:
    field, masked = _FIELDS[header >> 9], bool(header & 0x100)
    if header != field.header(masked=masked) or len(octets) != header & 0xFF:
        raise ValueError(f"a match on {field.name} of another size")
    value, mask = octets[: field.size], octets[field.size :]
    return Match(field, int.from_bytes(value, "big"), int.from_bytes(mask, "big"))


def _parts(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and whole octets of each instruction or action: type(2) length(2) and so on."""
    while octets:
        kind, length = unpack_from("!HH", octets)
        if not 8 <= length <= len(octets):
            raise ValueError("a length that lies")
        yield kind, octets[:length]
        octets = octets[length:]


def _instructions(octets: bytes) -> Iterator[Action]:
    for kind, part in _parts(octets):
        if kind == messages.METER:
            yield Metered(*unpack_from("!I", part, 4))
        elif kind == messages.GOTO_TABLE:
            yield GotoTable(part[4])
        elif kind == messages.APPLY_ACTIONS:
            yield from (_action(kind, action) for kind, action in _parts(part[8:]))
        else:
            raise ValueError(f"instruction {kind}")


def _action(kind: int, octets: bytes) -> Action:
    if kind == _OUTPUT:
        return Output(*unpack_from("!I", octets, 4))
    if kind == _SET_FIELD:
        (header,) = unpack_from("!I", octets, 4)
        match = _match(header, octets[8 : 8 + (header & 0xFF)])
        return SetField(match.field, match.value)
    vendor, subtype = unpack_from("!IH", octets, 4)
    if (kind, vendor) != (_EXPERIMENTER, messages.NICIRA):
        raise ValueError(f"action {kind}")
    return _nicira(subtype, octets[10:])


def _nicira(subtype: int, body: bytes) -> Action:
    if subtype == messages.NXAST_REG_MOVE:
        source, target = unpack_from("!II", body, 6)
        return Move(_MOVED[source >> 9], _MOVED[target >> 9])
    if subtype == messages.NXAST_RESUBMIT_TABLE:
        return Resubmit(body[2])
    if subtype == messages.NXAST_CONTROLLER2:
        return Pause(_userdata(body[6:]))
    raise ValueError(f"Nicira's action {subtype}")


def _userdata(properties: bytes) -> bytes:
    kind, length = unpack_from("!HH", properties)
    if kind != messages.NXAC2PT_USERDATA:
        raise ValueError("a controller action that does not begin with userdata")
    return properties[4:length]
