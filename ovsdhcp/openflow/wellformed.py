"""Every length and every list of a received message, walked before Ryu's parser sees it.

Ryu's parsers step from entry to entry by the length that the entry claims, and many never look
whether it is 0 (faucetsdn/ryu 188 to 196): one such message keeps the whole process busy for ever.
Others step by the size that their own class has, whatever the entry claims, and so come to read in
the middle of one. Here a message passes only if every entry has the size of its kind, lists are
filled to the octet, and nothing is of a kind that Ryu does not know; then Ryu's steps end.

What a switch may send is `MESSAGES`, OpenFlow 1.3.5 §7 with Nicira's actions (OVS
include/openflow/nicira-ext.h, lib/ofp-actions.c). What only a controller sends is refused.
"""

from collections.abc import Callable, Mapping
from struct import Struct

from ovsdhcp.openflow.messages import NICIRA, NXAST_CONTROLLER2, ONF, VERSION

HELLO, ERROR = 0, 1
SPOKEN_BEFORE_A_VERSION_IS_AGREED = frozenset({HELLO, ERROR})
RYUS_VERSIONS = frozenset({1, 3, 4, 5, 6})

NXAST_CT = 35
NXAC2PT_USERDATA = 3
BUNDLE_CONTROL = 2300
EXPERIMENTER_STATISTICS_AT_MOST = 16_384
"""Ryu copies their tail once for every 16 octets, so that 64 KiB would become 134 MB."""

_HEADER = 8
_U16 = Struct("!H")
_U32 = Struct("!I")

Walk = Callable[[bytes, int, int], None]
"""Looks at the octets from the first index to the second; raises MalformedError."""


class MalformedError(ValueError):
    """A message that Ryu must not see; the text says what is wrong with it, in our own words."""


def check(message: bytes) -> None:
    """Raise MalformedError unless a whole message is what a switch may send, in every length."""
    version, kind = message[0], message[1]
    if kind not in MESSAGES:
        raise MalformedError(f"type {kind} is nothing that a switch sends")
    name, walk = MESSAGES[kind]
    early = kind in SPOKEN_BEFORE_A_VERSION_IS_AGREED
    if version not in RYUS_VERSIONS if early else version != VERSION:
        raise MalformedError(f"{name}: version {version}")
    try:
        walk(message, _HEADER, len(message))
    except MalformedError as fault:
        raise MalformedError(f"{name}: {fault}") from None


def _exactly(size: int) -> Walk:
    def walk(_: bytes, at: int, end: int) -> None:
        if end - at != size:
            raise MalformedError(f"{end - at} octets, not {size}")

    return walk


def _between(least: int, most: int = 0xFFFF) -> Walk:
    def walk(_: bytes, at: int, end: int) -> None:
        if not least <= end - at <= most:
            raise MalformedError(f"{end - at} octets, not {least} to {most}")

    return walk


def _rows(size: int) -> Walk:
    def walk(_: bytes, at: int, end: int) -> None:
        if (end - at) % size:
            raise MalformedError(f"{end - at} octets are no rows of {size}")

    return walk


def _after(fixed: int, walk_rest: Walk) -> Walk:
    def walk(octets: bytes, at: int, end: int) -> None:
        if end - at < fixed:
            raise MalformedError(f"{end - at} octets, not {fixed} and more")
        walk_rest(octets, at + fixed, end)

    return walk


def _entries(
    name: str, kinds: Walk | Mapping[int, Walk], *, least: int = 4, length_at: int = 2, pad: int = 1
) -> Walk:
    """A list of entries, each with its length in it; where `kinds` is a table, its type is first.

    A walk of `kinds` gets the whole entry, its header included, without the padding.
    """

    def walk(octets: bytes, at: int, end: int) -> None:
        while at < end:
            length = _u16(octets, at + length_at, end, name)
            step = length + -length % pad
            if length < least or step > end - at:
                raise MalformedError(f"{name} of {length} octets with {end - at} left")
            inner = kinds if callable(kinds) else kinds.get(_U16.unpack_from(octets, at)[0])
            if inner is None:
                raise MalformedError(f"{name} of unknown type {_U16.unpack_from(octets, at)[0]}")
            try:
                inner(octets, at, at + length)
            except MalformedError as fault:
                raise MalformedError(f"{name}: {fault}") from None
            at += step

    return walk


def _u16(octets: bytes, at: int, end: int, name: str) -> int:
    if at + 2 > end:
        raise MalformedError(f"{name} cut short")
    found: int = _U16.unpack_from(octets, at)[0]
    return found


def _anything(_: bytes, at: int, end: int) -> None:
    """Octets that Ryu takes as they are."""


def _oxms(octets: bytes, at: int, end: int) -> None:
    """OXM TLVs: class(2) field and mask bit(1) length(1), then value and mask."""
    while at < end:
        length = octets[at + 3] if end - at >= 4 else 0
        if not length or 4 + length > end - at:
            raise MalformedError(f"match field of {length} octets with {end - at} left")
        at += 4 + length


def _match_then(walk_rest: Walk) -> Walk:
    """ofp_match: type(2), length(2) without the padding to 8, OXMs; then something else."""

    def walk(octets: bytes, at: int, end: int) -> None:
        length = _u16(octets, at + 2, end, "match")
        step = length + -length % 8
        if _U16.unpack_from(octets, at)[0] != 1 or length < 4 or step > end - at:
            raise MalformedError(f"match of {length} octets with {end - at} left")
        _oxms(octets, at + 4, at + length)
        walk_rest(octets, at + step, end)

    return walk


def _set_field(octets: bytes, at: int, end: int) -> None:
    """type(2) len(2), one OXM, padding to 8."""
    length = octets[at + 7] if end - at >= 8 else 0
    size = 8 + length
    if not length or end - at != size + -size % 8:
        raise MalformedError(f"{end - at} octets around a match field of {length}")


def _controller2(octets: bytes, at: int, end: int) -> None:
    """NXAST_CONTROLLER2's properties, with Ryu's steps: 8, but for userdata, which is as it says.

    Ryu goes back by 4 where userdata claims 0 octets, and steps 4 too short where it has none.
    """
    at += 16
    while at < end:
        length = _u16(octets, at + 2, end, "property")
        step = 8
        if _U16.unpack_from(octets, at)[0] == NXAC2PT_USERDATA:
            step = length + -length % 8
            if length <= 4:
                raise MalformedError(f"userdata of {length} octets")
        if step > end - at:
            raise MalformedError(f"property of {length} octets with {end - at} left")
        at += step


def _nicira_or_other(nicira: Mapping[int, Walk]) -> Walk:
    """An experimenter's action: type(2) len(2) experimenter(4), Nicira's with subtype(2)."""

    def walk(octets: bytes, at: int, end: int) -> None:
        if end - at < 10 or (end - at) % 8:
            raise MalformedError(f"{end - at} octets of an experimenter's action")
        if _U32.unpack_from(octets, at + 4)[0] == NICIRA:
            nicira.get(_U16.unpack_from(octets, at + 8)[0], _anything)(octets, at, end)

    return walk


def _refused_inside(_: bytes, at: int, end: int) -> None:
    raise MalformedError("ct within ct")


_PLAIN_ACTIONS: Mapping[int, Walk] = {
    0: _exactly(16),  # output
    **dict.fromkeys((11, 12, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 27), _exactly(8)),
    25: _set_field,
}
_inside_ct = {NXAST_CONTROLLER2: _controller2, NXAST_CT: _refused_inside}
_actions_inside_ct = _entries(
    "action", {**_PLAIN_ACTIONS, 0xFFFF: _nicira_or_other(_inside_ct)}, least=8
)
_outside = {NXAST_CONTROLLER2: _controller2, NXAST_CT: _after(24, _actions_inside_ct)}
_actions = _entries("action", {**_PLAIN_ACTIONS, 0xFFFF: _nicira_or_other(_outside)}, least=8)

_instructions = _entries(
    "instruction",
    {
        1: _exactly(8),  # goto_table
        2: _exactly(24),  # write_metadata
        **dict.fromkeys((3, 4, 5), _after(8, _actions)),  # write_, apply_, clear_actions
        6: _exactly(8),  # meter
    },
    least=8,
)

_ids = _after(4, _entries("id", _anything))
_oxm_ids = _after(4, _rows(4))
_table_properties = _entries(
    "table property",
    {
        **dict.fromkeys((0, 1), _ids),  # instructions
        **dict.fromkeys((2, 3), _anything),  # next tables, an octet each
        **dict.fromkeys((4, 5, 6, 7), _ids),  # actions
        **dict.fromkeys((8, 10, 12, 13, 14, 15), _oxm_ids),
        **dict.fromkeys((0xFFFE, 0xFFFF), _after(12, _rows(4))),
    },
    pad=8,
)
_bundle_properties = _entries("bundle property", {0xFFFF: _after(12, _rows(4))}, pad=8)
_queue_properties = _entries(
    "queue property",
    {**dict.fromkeys((1, 2), _exactly(16)), 0xFFFF: _between(16)},
    least=8,
)
_buckets = _entries("bucket", _after(16, _actions), least=16, length_at=0)
_bands = _entries("meter band", dict.fromkeys((1, 2, 0xFFFF), _exactly(16)), least=16)

MULTIPART: Mapping[int, Walk] = {
    0: _exactly(1056),  # desc
    1: _entries("flow", _after(48, _match_then(_instructions)), least=56, length_at=0),
    2: _exactly(24),  # aggregate
    3: _rows(24),  # table
    4: _rows(112),  # port_stats
    5: _rows(40),  # queue
    6: _entries("group", _after(40, _rows(16)), least=40, length_at=0),
    7: _entries("group", _after(8, _buckets), least=8, length_at=0),
    8: _exactly(40),  # group_features
    9: _entries("meter", _after(40, _rows(16)), least=40, length_at=4),
    10: _entries("meter", _after(8, _bands), least=8, length_at=0),
    11: _rows(16),  # meter_features
    12: _entries("table", _after(64, _table_properties), least=64, length_at=0),
    13: _rows(64),  # port_desc
    0xFFFF: _between(8, EXPERIMENTER_STATISTICS_AT_MOST),
}
"""The bodies of multipart replies by their type (OpenFlow 1.3.5 §7.3.5)."""


def _multipart(octets: bytes, at: int, end: int) -> None:
    """type(2) flags(2) pad(4), then the body."""
    if end - at < 8:
        raise MalformedError(f"{end - at} octets, not 8 and more")
    kind = _U16.unpack_from(octets, at)[0]
    if kind not in MULTIPART:
        raise MalformedError(f"unknown type {kind}")
    MULTIPART[kind](octets, at + 8, end)


def _experimenter(octets: bytes, at: int, end: int) -> None:
    """experimenter(4) exp_type(4); Ryu reads on where it is ONF's bundle control."""
    if end - at < 8:
        raise MalformedError(f"{end - at} octets, not 8 and more")
    who = _U32.unpack_from(octets, at)[0], _U32.unpack_from(octets, at + 4)[0]
    if who == (ONF, BUNDLE_CONTROL):
        _after(16, _bundle_properties)(octets, at, end)


MESSAGES: Mapping[int, tuple[str, Walk]] = {
    HELLO: ("HELLO", _entries("hello element", _anything)),
    ERROR: ("ERROR", _between(4)),
    2: ("ECHO_REQUEST", _anything),
    3: ("ECHO_REPLY", _anything),
    4: ("EXPERIMENTER", _experimenter),
    6: ("FEATURES_REPLY", _exactly(24)),
    8: ("GET_CONFIG_REPLY", _exactly(4)),
    10: ("PACKET_IN", _after(16, _match_then(_between(2)))),
    11: ("FLOW_REMOVED", _after(40, _match_then(_exactly(0)))),
    12: ("PORT_STATUS", _exactly(72)),
    19: ("MULTIPART_REPLY", _multipart),
    21: ("BARRIER_REPLY", _exactly(0)),
    23: (
        "QUEUE_GET_CONFIG_REPLY",
        _after(8, _entries("queue", _after(16, _queue_properties), least=16, length_at=8)),
    ),
    25: ("ROLE_REPLY", _exactly(16)),
    27: ("GET_ASYNC_REPLY", _exactly(24)),
}
"""What a switch may send, by type: its name, and the walk behind the header of 8 octets."""
