"""Table 0: which frames of a configured port are DHCP, and which could hide some."""

from collections.abc import Iterator

from ovsdhcp.config.table import Bridge, Port
from ovsdhcp.openflow import meters
from ovsdhcp.openflow.fields import DL_TYPE, NW_DST, NW_PROTO, TP_DST, TP_SRC
from ovsdhcp.openflow.flow import SERVICE_VLAN, VLAN, Flow, GotoTable, Match
from ovsdhcp.openflow.layout import (
    ANY_FRAGMENT,
    BROADCAST,
    CLASSIFY,
    IP_FRAMES,
    NOT_A_FRAGMENT,
    UDP_FRAMES,
    Site,
)

TO_SERVER = (*UDP_FRAMES, Match(TP_DST, 67))


def dropping(bridge: Bridge, cookie: int, ofport: int) -> Flow:
    """What drops all DHCP of a port that asks more often than it may."""
    site = Site(bridge.tables, ofport, cookie)
    return site.flow(site.tables.classify, CLASSIFY + 1, (site.in_port, *TO_SERVER))


def flows(site: Site, port: Port) -> Iterator[Flow]:
    """DHCP goes to table 22, as often as the port may ask; what hides it goes nowhere."""
    table = site.tables.classify
    onwards = GotoTable(site.tables.dhcp_options)
    limit = meters.in_front_of_port(port, site.ofport)
    yield site.flow(table, CLASSIFY, (site.in_port, *TO_SERVER), *limit, onwards)
    for hidden in _hiding(port):
        yield site.flow(table, CLASSIFY, (site.in_port, *hidden))


def _hiding(port: Port) -> Iterator[tuple[Match, ...]]:
    """Frames that could be DHCP where Open vSwitch does not see it, and would be flooded.

    It finds no protocol behind an IPv4 header that lies, no ports behind a UDP header that is cut
    off or in a fragment, and by default (`vlan-limit`) nothing behind a second VLAN tag. With two
    tags a server could answer unseen as well, so that those pass from trusted ports alone.
    """
    yield IP_FRAMES, Match(NW_PROTO, 0)
    yield (*UDP_FRAMES, NOT_A_FRAGMENT, Match(TP_SRC, 0), Match(TP_DST, 0))
    yield BROADCAST, *UDP_FRAMES, ANY_FRAGMENT
    server_id = int(port.bindings[0].subnet.server_id)  # they are all of one subnet
    yield *UDP_FRAMES, ANY_FRAGMENT, Match(NW_DST, server_id)
    for tag in (VLAN, SERVICE_VLAN):
        yield *((BROADCAST,) if port.trusted else ()), Match(DL_TYPE, tag)
