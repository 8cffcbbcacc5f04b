"""No octets make the engine raise, and what it answers is always sound."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.dhcp.judge import judge, mutated
from tests.dhcp.wire import (
    ADDRESS,
    MAC,
    OFF_NETWORK,
    OTHER_SERVER,
    RELAY,
    SERVER,
    WRONG,
    asking,
    bootp,
    discover,
    frame,
    ip,
    request,
)


@given(st.binary(max_size=1600))
@example(b"")
def test_arbitrary_octets(octets: bytes) -> None:
    judge(octets)


@given(st.binary(max_size=700))
def test_an_arbitrary_message(payload: bytes) -> None:
    judge(frame(payload))
    judge(frame(bootp(1)[:240] + payload))


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
    judge(frame(payload, ip_src=ip_src, ip_dst=ip_dst, tags=tags))


_GOOD = (
    discover({61: b"\1" + MAC, 57: b"\5\xdc", **asking(1, 3, 6, 12, 15, 121)}),
    discover({93: b"\0\7", 77: b"iPXE", 97: bytes(17), 81: b"\5\0\0\3vm5\0", **asking(67)}),
    discover({82: b"\1\3vm5", **asking(1)}, giaddr=RELAY),
    discover({52: b"\3"}, file=b"\x0c\3vm5\xff", sname=b"\x0c\3vm5\xff"),
    request({50: ip(ADDRESS), 54: ip(SERVER), **asking(1, 3)}),
    request(ciaddr=ADDRESS, ip_src=ADDRESS, ip_dst=SERVER),
)


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(_GOOD), st.integers(0, 0xFFFFFFFF))
def test_a_mutated_request(octets: bytes, seed: int) -> None:
    """Of the whole frame, and of its message in a sound envelope."""
    chance = random.Random(seed)
    judge(mutated(octets, chance))
    judge(frame(mutated(octets[42:], chance)))
    judge(frame(octets[42:282] + mutated(octets[282:], chance)))
