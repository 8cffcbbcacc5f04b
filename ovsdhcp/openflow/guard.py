"""Tables 24 and 25: what a guarded port may send, and what may be sent to it.

A frame that passes goes through table 0 once more, and meets there what lies below our flows:
NORMAL, or flows of others. So a guard is the same whatever `other_traffic` says.

It goes by the lease table and not by leases: there is no time in which a port has no guard.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from ovsdhcp.config.table import Bridge, Port
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_TPA,
    DL_DST,
    DL_SRC,
    DL_TYPE,
    NW_DST,
    NW_SRC,
)
from ovsdhcp.openflow.flow import RARP, SERVICE_VLAN, VLAN, Flow, Match, Resubmit
from ovsdhcp.openflow.layout import (
    ARP_FRAMES,
    ARP_REQUEST,
    DENY,
    EVERYBODY,
    IP_FRAMES,
    LATER,
    PASS,
    RARP_REQUEST,
    REST,
    SOURCE_CHECKED,
    SOURCE_GUARD,
    STATION,
    TARGET_CHECKED,
    Site,
    passes,
    unchecked,
    within,
)

_RARP_FRAMES = Match(DL_TYPE, RARP)
_KINDS = (IP_FRAMES, ARP_FRAMES, _RARP_FRAMES, Match(DL_TYPE, VLAN), Match(DL_TYPE, SERVICE_VLAN))
"""What has to say a right address, and what hides it behind a second VLAN tag."""
_GROUPS = IPv4Network("224.0.0.0/4")


def flows(site: Site, port: Port) -> Iterator[Flow]:
    """Both halves of a port's guard; the second for clients whose MAC is known."""
    yield from _entrance(site)
    for binding in port.bindings:
        yield from _sends(site, binding, _addresses(binding, port))
        if binding.mac is not None:
            yield from _gets(site, binding.mac, _addresses(binding, port))


def rest(bridge: Bridge, cookie: int) -> Iterator[Flow]:
    """What anyone may send to a guarded port's MAC: to everybody, or to a group."""
    if not any(port.guard for port in bridge.ports):
        return
    onwards = passes(bridge.tables, SOURCE_CHECKED | TARGET_CHECKED)
    for target in ((Match(NW_DST, EVERYBODY),), within(NW_DST, _GROUPS)):
        yield Flow(bridge.tables.target_guard, PASS, cookie, (IP_FRAMES, *target), onwards)


def _addresses(binding: Binding, port: Port) -> tuple[IPv4Network, ...]:
    return IPv4Network(binding.address), *port.allowed


def _entrance(site: Site) -> Iterator[Flow]:
    """Into table 24, and what comes to nothing there: each kind has a counter of its own."""
    tables, in_port = site.tables, site.in_port
    asked = (in_port, unchecked(SOURCE_CHECKED))
    yield site.flow(tables.classify, SOURCE_GUARD, asked, Resubmit(tables.source_guard))
    for kind in _KINDS:
        yield site.flow(tables.source_guard, DENY, (in_port, kind))
    yield site.flow(tables.source_guard, REST, (in_port,))


def _sends(site: Site, binding: Binding, addresses: Iterable[IPv4Network]) -> Iterator[Flow]:
    """What one client may send: by its MAC if that is known, else by its address alone.

    A probe for an address of its own (RFC 5227 §1.1) has no sender address; one for another's would
    make that client give the address up. QEMU tells by RARP that a guest has moved.
    """
    table, onwards = site.tables.source_guard, passes(site.tables, SOURCE_CHECKED)
    station: tuple[Match, ...] = (site.in_port,)
    sender: tuple[Match, ...] = ()
    if binding.mac is not None:
        mac = int.from_bytes(binding.mac, "big")
        station, sender = (site.in_port, Match(DL_SRC, mac)), (Match(ARP_SHA, mac),)
    for network in addresses:
        said = (*station, ARP_FRAMES, *sender)
        probe = (Match(ARP_OP, ARP_REQUEST), Match(ARP_SPA, 0), *within(ARP_TPA, network))
        for good in (
            (*station, IP_FRAMES, *within(NW_SRC, network)),
            (*said, *within(ARP_SPA, network)),
            (*said, *probe),
        ):
            yield site.flow(table, PASS, good, *onwards)
    moved = (*station, _RARP_FRAMES, *sender, Match(ARP_OP, RARP_REQUEST))
    yield site.flow(table, PASS, moved, *onwards)
    yield site.flow(table, STATION, station, *onwards)


def _gets(site: Site, mac: bytes, addresses: Iterable[IPv4Network]) -> Iterator[Flow]:
    """What one client may be sent, wherever it comes from: IPv4 for its addresses."""
    tables = site.tables
    to_client = (IP_FRAMES, Match(DL_DST, int.from_bytes(mac, "big")))
    asked = (*to_client, unchecked(TARGET_CHECKED))
    yield site.flow(tables.classify, LATER, asked, Resubmit(tables.target_guard))
    onwards = passes(tables, SOURCE_CHECKED | TARGET_CHECKED)
    for network in addresses:
        yield site.flow(tables.target_guard, PASS, (*to_client, *within(NW_DST, network)), *onwards)
    yield site.flow(tables.target_guard, DENY, to_client)
