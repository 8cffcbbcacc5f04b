"""Who-has, answered by the bridge: for the server in table 0, for bound clients in table 26."""

from collections.abc import Iterator
from zlib import crc32

from ovsdhcp.config.table import Bridge, Port
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.openflow import meters
from ovsdhcp.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    DL_DST,
    DL_SRC,
    REG15,
)
from ovsdhcp.openflow.flow import (
    IN_PORT_NUMBER,
    Action,
    Flow,
    Match,
    Move,
    Output,
    Resubmit,
    SetField,
)
from ovsdhcp.openflow.layout import (
    ALL_CHECKED,
    ARP_CHECKED,
    ARP_FRAMES,
    ARP_REPLY,
    ARP_REQUEST,
    BROADCAST,
    CLASSIFY,
    LATER,
    PASS,
    REST,
    Site,
    passes,
    unchecked,
)

_WHO_HAS = (ARP_FRAMES, Match(ARP_OP, ARP_REQUEST))
_OWN = PASS + 10


def for_server(site: Site, port: Port) -> Iterator[Flow]:
    """The server is found, so that a client can renew by unicast; as often as it may ask."""
    limit = meters.in_front_of_port(port, site.ofport)
    subnet = port.bindings[0].subnet  # they are all of one
    question = (site.in_port, *_WHO_HAS, Match(ARP_TPA, int(subnet.server_id)))
    answer = _answer(int(subnet.server_id), subnet.server_mac)
    yield site.flow(site.tables.classify, CLASSIFY, question, *limit, *answer)


def for_clients(site: Site, port: Port) -> Iterator[Flow]:
    """The port asks table 26, and its clients are found there by the other ports of its subnet.

    Two subnets may have the same addresses, so reg15 says which one asks, by its name's checksum
    above the bits of the checks.
    """
    tables, name = site.tables, port.bindings[0].subnet.name
    subnet = crc32(name.encode()) << 3 & 0xFFFF_FFFF
    asks = (site.in_port, *_WHO_HAS, BROADCAST, unchecked(ARP_CHECKED))
    onwards = SetField(REG15, subnet), Resubmit(tables.arp_responder)
    yield site.flow(tables.classify, LATER, asks, *onwards)
    for binding in port.bindings:
        if binding.mac is not None:
            yield from _found(site, binding, binding.mac, Match(REG15, subnet))


def _found(site: Site, binding: Binding, mac: bytes, here: Match) -> Iterator[Flow]:
    """The answer; but the owner's probe goes on (RFC 5227 §2.1.1), and so does what is no question
    but an announcement of the address (§2.3).
    """
    table, onwards = site.tables.arp_responder, passes(site.tables, ALL_CHECKED)
    address = int(binding.address)
    asked = (here, ARP_FRAMES, Match(ARP_TPA, address))
    yield site.flow(table, _OWN, (site.in_port, *asked), *onwards)
    yield site.flow(table, _OWN, (*asked, Match(ARP_SPA, address)), *onwards)
    yield site.flow(table, PASS, asked, *_answer(address, mac))


def rest(bridge: Bridge, cookie: int) -> Iterator[Flow]:
    """A question that no client here answers goes on to all."""
    if any(port.arp_responder for port in bridge.ports):
        table, onwards = bridge.tables.arp_responder, passes(bridge.tables, ALL_CHECKED)
        yield Flow(table, REST, cookie, (), onwards)


def _answer(address: int, mac_octets: bytes) -> tuple[Action, ...]:
    """Turn a who-has round into its answer, out of the port that asked."""
    mac = int.from_bytes(mac_octets, "big")
    return (
        Move(DL_SRC, DL_DST),
        SetField(DL_SRC, mac),
        SetField(ARP_OP, ARP_REPLY),
        Move(ARP_SHA, ARP_THA),
        SetField(ARP_SHA, mac),
        Move(ARP_SPA, ARP_TPA),
        SetField(ARP_SPA, address),
        Output(IN_PORT_NUMBER),
    )
