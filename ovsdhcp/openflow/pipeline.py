"""Which flows a bridge should have: a pure function of the lease table and the ports present.

    table 0   classify       a configured port's DHCP        → its meter, table 22
                             … what could hide DHCP          → drop (classify.py)
                             … what servers and routers say  → drop, unless trusted (rogue.py)
                             … its ARP for the server_id     → answered, out of IN_PORT (arp.py)
                             a guarded port's other frames   → table 24 (guard.py)
                             IPv4 to a guarded client        → table 25
                             who-has in an answered subnet   → table 26 (arp.py)
                             everything else                 → as `other_traffic` says
    table 22  dhcp_options   in_port, dl_src, udp 68→67      → the ceiling's meter, controller
                             any other DHCP                  → drop, never flooded
    table 24  source_guard   from its MAC and addresses      → table 0 again, else drop
    table 25  target_guard   to its addresses                → table 0 again, else drop
    table 26  arp_responder  for a bound address             → answered, else table 0 again

With `reply: resume` the frame waits in table 22 for its answer, and goes on from there:

    table 22  dhcp_options   … and from 0.0.0.0 to everybody, or from the client's address
                             to the server or everybody      → controller(…,pause), table 23
    table 23  dhcp_response  answered (reg0[3] is set)       → turned round, out of IN_PORT
                             any other DHCP                  → drop

Our flows are known by their cookie: "dhcp" in the upper half, the port in the lower.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from zlib import crc32

from ovsdhcp.config.table import Bridge, Flows, OtherTraffic, Port
from ovsdhcp.openflow import arp, classify, dhcp_options, guard, meters, rogue
from ovsdhcp.openflow.flow import NORMAL, Flow, Output
from ovsdhcp.openflow.layout import REST, Site
from ovsdhcp.openflow.meters import Meter

COOKIE = int.from_bytes(b"dhcp", "big") << 32
COOKIE_MASK = 0xFFFF_FFFF << 32


@lru_cache(maxsize=65_536)
def port_cookie(name: str) -> int:
    """The cookie of a port's flows: it stays the same across restarts and reloads.

    Two names may share one; a packet-in is told apart by its in_port as well.
    """
    return COOKIE | crc32(name.encode())


def is_ours(cookie: int) -> bool:
    """Whether a flow with this cookie is one of ours."""
    return cookie & COOKIE_MASK == COOKIE


def configured(bridge: Bridge) -> dict[int | str, Port]:
    """The ports of the table by what selects them: a number, or a name."""
    return {port.name if port.ofport is None else port.ofport: port for port in bridge.ports}


def desired(bridge: Bridge, names: Mapping[int, str]) -> Iterator[Flow]:
    """All the flows of a bridge whose ports, by number, have these names."""
    yield from bridge_flows(bridge)
    for ofport, port in present(bridge, names):
        yield from port_flows(bridge, port, ofport)


def desired_meters(bridge: Bridge, names: Mapping[int, str]) -> Iterator[Meter]:
    """All the meters that those flows go through."""
    yield from bridge_meters(bridge)
    for ofport, port in present(bridge, names):
        yield from port_meters(bridge, port, ofport)


def bridge_meters(bridge: Bridge) -> tuple[Meter, ...]:
    """The meter of all ports together, if there is a ceiling."""
    return meters.of_bridge(bridge) if bridge.flows is Flows.MANAGED else ()


def port_meters(bridge: Bridge, port: Port, ofport: int) -> tuple[Meter, ...]:
    """The meter of one configured port, if it has a limit."""
    return meters.of_port(port, ofport) if bridge.flows is Flows.MANAGED else ()


def present(bridge: Bridge, names: Mapping[int, str]) -> Iterator[tuple[int, Port]]:
    """The configured ports that are on the bridge, with their numbers."""
    ports = configured(bridge)
    for ofport, name in names.items():
        port = ports.get(ofport) or ports.get(name)
        if port is not None:
            yield ofport, port


def bridge_flows(bridge: Bridge) -> Iterator[Flow]:
    """The flows that no port owns."""
    if bridge.flows is Flows.EXTERNAL:
        return
    for part in (dhcp_options, guard, arp):
        yield from part.rest(bridge, COOKIE)
    if bridge.other_traffic is not OtherTraffic.NONE:
        normal = bridge.other_traffic is OtherTraffic.NORMAL
        actions = (Output(NORMAL),) if normal else ()
        yield Flow(bridge.tables.classify, REST, COOKIE, (), actions, exclusive=True)


def port_flows(bridge: Bridge, port: Port, ofport: int) -> Iterator[Flow]:
    """The flows of one configured port, which is number `ofport` on the bridge."""
    if bridge.flows is Flows.EXTERNAL:
        return
    site = Site(bridge.tables, ofport, port_cookie(port.name))
    yield from classify.flows(site, port)
    if not port.trusted:
        yield from rogue.flows(site)
    yield from arp.for_server(site, port)
    if port.guard:
        yield from guard.flows(site, port)
    if port.arp_responder:
        yield from arp.for_clients(site, port)
    yield from dhcp_options.flows(site, bridge, port)
