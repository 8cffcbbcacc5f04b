"""Table 0: what only servers and routers send, and a port that is not trusted may not."""

from collections.abc import Iterator

from ovsdhcp.openflow.fields import DL_DST, DL_TYPE, ICMPV6_TYPE, NW_PROTO, TP_DST
from ovsdhcp.openflow.flow import ICMPV6, IPV6, UDP, Flow, Match
from ovsdhcp.openflow.layout import ANY_FRAGMENT, CLASSIFY, UDP_FRAMES, Site

_IPV6_FRAMES = Match(DL_TYPE, IPV6)
_ALL_NODES = Match(DL_DST, 0x3333_0000_0001)
"""ff02::1 on Ethernet (RFC 2464 §7), where routers advertise themselves."""

_KINDS = (
    # to the client's port, whichever port a server may say that it comes from
    (*UDP_FRAMES, Match(TP_DST, 68)),
    (_IPV6_FRAMES, Match(NW_PROTO, UDP), Match(TP_DST, 546)),
    (_IPV6_FRAMES, Match(NW_PROTO, ICMPV6), Match(ICMPV6_TYPE, 134)),
    # RFC 7113 §2.1: an advertisement in fragments; to one node alone, RFC 6980 §5 has it ignored
    (_ALL_NODES, _IPV6_FRAMES, ANY_FRAGMENT),
)


def flows(site: Site) -> Iterator[Flow]:
    """DHCP, DHCPv6 and router advertisements of a port that serves nobody: dropped and counted."""
    for kind in _KINDS:
        yield site.flow(site.tables.classify, CLASSIFY, (site.in_port, *kind))
