"""Which flows a bridge should have: a pure function of the lease table and the ports present.

    table 0   classify      a configured port's DHCP        → table 22
                            … its fragments of a broadcast  → drop (they could hide DHCP)
                            … its ARP for the server_id     → answered here, out of IN_PORT
                            everything else                 → as `other_traffic` says
    table 22  dhcp_options  in_port, dl_src, udp 68→67      → controller
                            any other DHCP                  → drop, never flooded

Our flows are known by their cookie: "dhcp" in the upper half, the port in the lower.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from zlib import crc32

from ovsdhcp.config.table import Bridge, OtherTraffic, Port
from ovsdhcp.openflow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    DL_DST,
    DL_SRC,
    DL_TYPE,
    IN_PORT,
    NW_FRAG,
    NW_PROTO,
    TP_DST,
    TP_SRC,
)
from ovsdhcp.openflow.flow import (
    ARP,
    CONTROLLER,
    IN_PORT_NUMBER,
    IPV4,
    NORMAL,
    UDP,
    Flow,
    GotoTable,
    Match,
    Move,
    Output,
    SetField,
)

COOKIE = int.from_bytes(b"dhcp", "big") << 32
COOKIE_MASK = 0xFFFF_FFFF << 32

CLASSIFY = 40_000
"""Above what others usually lay in table 0, so that our ports' DHCP is not theirs to forward."""
PUNT, REST = 100, 0

_BROADCAST_MAC = 0xFFFF_FFFF_FFFF
_UDP = (Match(DL_TYPE, IPV4), Match(NW_PROTO, UDP))
_ARP_REQUEST, _ARP_REPLY = 1, 2
_NOT_A_FRAGMENT, _ANY_FRAGMENT = Match(NW_FRAG, 0, 3), Match(NW_FRAG, 1, 1)


@lru_cache(maxsize=65_536)
def port_cookie(name: str) -> int:
    """The cookie of a port's flows: it stays the same across restarts and reloads.

    Two names may share one; a packet-in is told apart by its in_port as well.
    """
    return COOKIE | crc32(name.encode())


def configured(bridge: Bridge) -> dict[int | str, Port]:
    """The ports of the table by what selects them: a number, or a name."""
    return {port.name if port.ofport is None else port.ofport: port for port in bridge.ports}


def desired(bridge: Bridge, names: Mapping[int, str]) -> Iterator[Flow]:
    """All the flows of a bridge whose ports, by number, have these names."""
    yield from bridge_flows(bridge)
    ports = configured(bridge)
    for ofport, name in names.items():
        port = ports.get(ofport) or ports.get(name)
        if port is not None:
            yield from port_flows(bridge, port, ofport)


def bridge_flows(bridge: Bridge) -> Iterator[Flow]:
    """The flows that no port owns."""
    tables = bridge.tables
    yield Flow(tables.dhcp_options, REST, COOKIE, (*_UDP, Match(TP_DST, 67)))
    if bridge.other_traffic is not OtherTraffic.NONE:
        normal = bridge.other_traffic is OtherTraffic.NORMAL
        actions = (Output(NORMAL),) if normal else ()
        yield Flow(tables.classify, REST, COOKIE, (), actions, exclusive=True)


def port_flows(bridge: Bridge, port: Port, ofport: int) -> Iterator[Flow]:
    """The flows of one configured port, which is number `ofport` on the bridge."""
    cookie, tables = port_cookie(port.name), bridge.tables
    in_port = Match(IN_PORT, ofport)
    to_server = (in_port, *_UDP, Match(TP_DST, 67))
    yield Flow(tables.classify, CLASSIFY, cookie, to_server, (GotoTable(tables.dhcp_options),))
    broadcast = Match(DL_DST, _BROADCAST_MAC)
    yield Flow(tables.classify, CLASSIFY, cookie, (in_port, broadcast, *_UDP, _ANY_FRAGMENT))
    for server_id, server_mac in _servers(port):
        yield _arp_responder(tables.classify, cookie, in_port, server_id, server_mac)
    yield Flow(tables.dhcp_options, PUNT, cookie, _client(port, in_port), (Output(CONTROLLER),))


def _client(port: Port, in_port: Match) -> tuple[Match, ...]:
    """The DHCP of one client by its MAC; of several, or of whoever is plugged in, by the port."""
    macs = [binding.mac for binding in port.bindings]
    one = macs[0] if len(macs) == 1 else None
    source = () if one is None else (Match(DL_SRC, int.from_bytes(one, "big")),)
    return (in_port, *source, *_UDP, _NOT_A_FRAGMENT, Match(TP_SRC, 68), Match(TP_DST, 67))


def _servers(port: Port) -> Iterator[tuple[int, int]]:
    seen = {(b.subnet.server_id, b.subnet.server_mac) for b in port.bindings}
    for server_id, server_mac in sorted(seen):
        yield int(server_id), int.from_bytes(server_mac, "big")


def _arp_responder(
    table: int, cookie: int, in_port: Match, server_id: int, server_mac: int
) -> Flow:
    """Turn a who-has for the server into its answer, so that a client can renew by unicast."""
    question = (
        in_port,
        Match(DL_TYPE, ARP),
        Match(ARP_OP, _ARP_REQUEST),
        Match(ARP_TPA, server_id),
    )
    answer = (
        Move(DL_SRC, DL_DST),
        SetField(DL_SRC, server_mac),
        SetField(ARP_OP, _ARP_REPLY),
        Move(ARP_SHA, ARP_THA),
        SetField(ARP_SHA, server_mac),
        Move(ARP_SPA, ARP_TPA),
        SetField(ARP_SPA, server_id),
        Output(IN_PORT_NUMBER),
    )
    return Flow(table, CLASSIFY, cookie, question, answer)
