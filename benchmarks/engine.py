"""How long one request takes, beside a bare parse and build with `ryu.lib.packet`.

python -m benchmarks.engine
"""

from collections.abc import Callable
from time import perf_counter

from ryu.lib.packet import dhcp, ethernet, ipv4, packet, udp

from ovsdhcp.dhcp import reply as replies
from ovsdhcp.dhcp.server import answer
from tests.dhcp.wire import ADDRESS, BINDING, MAC, SERVER, asking, discover, ip, request

_ASKED = {61: b"\1" + MAC, 12: b"vm5", **asking(1, 28, 2, 3, 15, 6, 12, 121, 26, 42)}
DISCOVER = discover(_ASKED)
REQUEST = request({**_ASKED, 50: ip(ADDRESS), 54: ip(SERVER)})


def microseconds(work: Callable[[], object], times: int) -> float:
    """The best of five runs, for one call."""
    best = float("inf")
    for _ in range(5):
        start = perf_counter()
        for _ in range(times):
            work()
        best = min(best, perf_counter() - start)
    return best / times * 1e6


def ours() -> float:
    """DISCOVER and REQUEST in turn, frame to frame."""

    def both() -> None:
        answer(DISCOVER, BINDING, 0.0)
        answer(REQUEST, BINDING, 0.0)

    return microseconds(both, 5000) / 2


def ours_never_asked_before() -> float:
    """A DISCOVER of which nothing is remembered."""

    def afresh() -> None:
        replies._templates.clear()
        answer(DISCOVER, BINDING, 0.0)

    return microseconds(afresh, 500)


def ryus() -> float:
    """Parse the DISCOVER, build an OFFER with as many options as ours has."""
    options = [(53, b"\2"), (54, ip(SERVER)), (51, bytes(4)), (58, bytes(4)), (59, bytes(4)),
               (1, bytes(4)), (3, ip(SERVER)), (15, b"example.org"), (6, ip(SERVER)),
               (12, b"vm5"), (26, bytes(2)), (42, ip(SERVER)), (61, b"\1" + MAC)]  # fmt: skip

    def parse_and_build() -> None:
        asked = packet.Packet(DISCOVER).get_protocol(dhcp.dhcp)
        made = packet.Packet()
        made.add_protocol(ethernet.ethernet(dst=asked.chaddr, src="02:00:00:00:00:01"))
        made.add_protocol(ipv4.ipv4(proto=17, src=SERVER, dst=ADDRESS))
        made.add_protocol(udp.udp(src_port=67, dst_port=68))
        listed = dhcp.options([dhcp.option(code, value) for code, value in options])
        made.add_protocol(
            dhcp.dhcp(op=2, chaddr=asked.chaddr, xid=asked.xid, yiaddr=ADDRESS, options=listed)
        )
        made.serialize()

    return microseconds(parse_and_build, 500)


if __name__ == "__main__":
    mine, first, theirs = ours(), ours_never_asked_before(), ryus()
    print(f"ovsdhcp.dhcp       {mine:7.1f} µs a request")
    print(f"  first of a kind  {first:7.1f} µs")
    print(f"ryu.lib.packet     {theirs:7.1f} µs, {theirs / mine:.1f} times as long")
