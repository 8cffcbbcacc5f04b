"""No octets make the engine raise, and what it answers is always sound."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovsdhcp.dhcp.binding import Boot
from ovsdhcp.dhcp.reasons import REASONS
from ovsdhcp.dhcp.server import Reply, answer
from tests.dhcp.wire import (
    ADDRESS,
    BINDING,
    MAC,
    OFF_NETWORK,
    OPTIONS,
    OTHER_SERVER,
    RELAY,
    SERVER,
    WRONG,
    asking,
    binding,
    bootp,
    discover,
    frame,
    ip,
    request,
    see,
)

_BINDINGS = (
    BINDING,
    binding(mac=None, trusted=True),
    binding(
        options={
            **OPTIONS,
            **{128 + n: bytes(40) for n in range(60)},
            121: b"\x08\x0a" + ip(RELAY),
        },
        boot=Boot(BINDING.address, "bios", {7: "x64"}, "ipxe"),
        trusted=True,
    ),
)


def _judge(octets: bytes) -> None:
    for bound in _BINDINGS:
        given = answer(octets, bound, 1.0, 0.0)
        assert REASONS[given.reason.code] is given.reason
        if isinstance(given, Reply):
            see(given.frame)
            assert len(given.frame) <= 14 + 8 + 1500
            assert given == answer(octets, bound, 2.0, 0.0)


@given(st.binary(max_size=1600))
@example(b"")
def test_arbitrary_octets(octets: bytes) -> None:
    _judge(octets)


@given(st.binary(max_size=700))
def test_an_arbitrary_message(payload: bytes) -> None:
    _judge(frame(payload))
    _judge(frame(bootp(1)[:240] + payload))


_ADDRESSES = st.sampled_from(
    ["0.0.0.0", ADDRESS, WRONG, OFF_NETWORK, SERVER, RELAY, OTHER_SERVER, "255.255.255.255",
     "127.0.0.1", "224.0.0.1", "192.0.2.255"]
)  # fmt: skip
_CODES = st.sampled_from([12, 43, 50, 51, 52, 53, 54, 55, 57, 60, 61, 77, 81, 82, 93, 97, 175])
_OPTIONS = st.lists(
    st.tuples(
        _CODES | st.integers(1, 254),
        st.binary(max_size=255) | _ADDRESSES.map(ip) | st.sampled_from([b"\1", b"\2", b"\3"]),
    ),
    max_size=8,
)


@given(
    kind=st.integers(0, 20) | st.none(),
    given_options=_OPTIONS,
    ciaddr=_ADDRESSES,
    giaddr=_ADDRESSES,
    ip_src=_ADDRESSES,
    ip_dst=_ADDRESSES,
    flags=st.integers(0, 0xFFFF),
    file=st.binary(max_size=128),
    sname=st.binary(max_size=64),
    tags=st.sampled_from([b"", b"\x81\0\0\7", b"\x81\0\0\0", b"\x88\xa8\0\1\x81\0\0\2"]),
)
def test_a_request_by_the_grammar(
    kind: int | None,
    given_options: list[tuple[int, bytes]],
    ciaddr: str,
    giaddr: str,
    ip_src: str,
    ip_dst: str,
    flags: int,
    file: bytes,
    sname: bytes,
    tags: bytes,
) -> None:
    payload = bootp(
        kind, given_options, ciaddr=ciaddr, giaddr=giaddr, flags=flags, file=file, sname=sname
    )
    _judge(frame(payload, ip_src=ip_src, ip_dst=ip_dst, tags=tags))


_GOOD = (
    discover({61: b"\1" + MAC, 57: b"\5\xdc", **asking(1, 3, 6, 12, 15, 121)}),
    discover({93: b"\0\7", 77: b"iPXE", 97: bytes(17), 81: b"\5\0\0\3vm5\0", **asking(67)}),
    discover({82: b"\1\3vm5", **asking(1)}, giaddr=RELAY),
    discover({52: b"\3"}, file=b"\x0c\3vm5\xff", sname=b"\x0c\3vm5\xff"),
    request({50: ip(ADDRESS), 54: ip(SERVER), **asking(1, 3)}),
    request(ciaddr=ADDRESS, ip_src=ADDRESS, ip_dst=SERVER),
)


@settings(max_examples=300)
@given(st.sampled_from(_GOOD), st.integers(0, 0xFFFFFFFF))
def test_a_mutated_request(octets: bytes, seed: int) -> None:
    """Of the whole frame, and of its message in a sound envelope."""
    chance = random.Random(seed)
    _judge(mutated(octets, chance))
    _judge(frame(mutated(octets[42:], chance)))
    _judge(frame(octets[42:282] + mutated(octets[282:], chance)))


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """A good frame with a few octets changed, left out, doubled, or cut off."""
    changed = bytearray(octets)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) or 1)
        what = chance.randrange(5)
        if what <= 1 and changed:
            changed[at] = chance.choice((0, 1, 255, chance.randrange(256)))
        elif what == 2:
            del changed[at : at + chance.randint(1, 4)]
        elif what == 3:
            changed[at:at] = changed[at : at + chance.randint(1, 40)]
        else:
            changed = changed[:at]
    return bytes(changed)
