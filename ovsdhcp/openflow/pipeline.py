"""Which flows a bridge should have: a pure function of the lease table and the ports present.

    table 0   classify       a configured port's DHCP        → table 22
                             … what could hide DHCP          → drop (see `_hiding`)
                             … its ARP for the server_id     → answered here, out of IN_PORT
                             everything else                 → as `other_traffic` says
    table 22  dhcp_options   in_port, dl_src, udp 68→67      → controller
                             any other DHCP                  → drop, never flooded

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

from ovsdhcp.config.table import Bridge, Flows, OtherTraffic, Port, Reply, Tables
from ovsdhcp.dhcp.binding import Binding
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
    NW_DST,
    NW_FRAG,
    NW_PROTO,
    NW_SRC,
    REG0,
    TP_DST,
    TP_SRC,
)
from ovsdhcp.openflow.flow import (
    ARP,
    CONTROLLER,
    IN_PORT_NUMBER,
    IPV4,
    NORMAL,
    SERVICE_VLAN,
    UDP,
    VLAN,
    Flow,
    GotoTable,
    Match,
    Move,
    Output,
    Pause,
    Resubmit,
    SetField,
)
from ovsdhcp.ovn import put_dhcp_opts

COOKIE = int.from_bytes(b"dhcp", "big") << 32
COOKIE_MASK = 0xFFFF_FFFF << 32

CLASSIFY = 40_000
"""Above what others usually lay in table 0, so that our ports' DHCP is not theirs to forward."""
PUNT, REST = 100, 0

_BROADCAST_MAC = 0xFFFF_FFFF_FFFF
_UDP = (Match(DL_TYPE, IPV4), Match(NW_PROTO, UDP))
_ARP_REQUEST, _ARP_REPLY = 1, 2
_EVERYBODY = 0xFFFF_FFFF
_ANSWERED = Match(REG0, 1 << 3, 1 << 3)
"""OVN's place of the result, reg0[3], which is bit 99 of xxreg0."""
_NOT_A_FRAGMENT, _ANY_FRAGMENT = Match(NW_FRAG, 0, 3), Match(NW_FRAG, 1, 1)


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
    ports = configured(bridge)
    for ofport, name in names.items():
        port = ports.get(ofport) or ports.get(name)
        if port is not None:
            yield from port_flows(bridge, port, ofport)


def bridge_flows(bridge: Bridge) -> Iterator[Flow]:
    """The flows that no port owns."""
    if bridge.flows is Flows.EXTERNAL:
        return
    tables = bridge.tables
    for table in _dhcp_tables(bridge):
        yield Flow(table, REST, COOKIE, (*_UDP, Match(TP_DST, 67)))
    if bridge.other_traffic is not OtherTraffic.NONE:
        normal = bridge.other_traffic is OtherTraffic.NORMAL
        actions = (Output(NORMAL),) if normal else ()
        yield Flow(tables.classify, REST, COOKIE, (), actions, exclusive=True)


def _dhcp_tables(bridge: Bridge) -> tuple[int, ...]:
    tables = bridge.tables
    if bridge.reply is Reply.RESUME:
        return tables.dhcp_options, tables.dhcp_response
    return (tables.dhcp_options,)


def port_flows(bridge: Bridge, port: Port, ofport: int) -> Iterator[Flow]:
    """The flows of one configured port, which is number `ofport` on the bridge."""
    if bridge.flows is Flows.EXTERNAL:
        return
    cookie, tables = port_cookie(port.name), bridge.tables
    in_port = Match(IN_PORT, ofport)
    to_server = (in_port, *_UDP, Match(TP_DST, 67))
    yield Flow(tables.classify, CLASSIFY, cookie, to_server, (GotoTable(tables.dhcp_options),))
    for hidden in _hiding(port):
        yield Flow(tables.classify, CLASSIFY, cookie, (in_port, *hidden))
    for server_id, server_mac in _servers(port):
        yield _arp_responder(tables.classify, cookie, in_port, server_id, server_mac)
    if bridge.reply is Reply.RESUME:
        for binding in port.bindings:
            client = _client(port, in_port, binding.mac)
            yield from _paused(tables, cookie, client, binding)
    else:
        alone = len(port.bindings) == 1 and not port.trusted
        client = _client(port, in_port, port.bindings[0].mac if alone else None)
        yield Flow(tables.dhcp_options, PUNT, cookie, client, (Output(CONTROLLER),))


def _hiding(port: Port) -> Iterator[tuple[Match, ...]]:
    """Frames that could be DHCP where Open vSwitch does not see it, and would be flooded.

    It finds no protocol behind an IPv4 header that lies, no ports behind a UDP header that is cut
    off or in a fragment, and by default (`vlan-limit`) nothing behind a second VLAN tag.
    """
    broadcast = Match(DL_DST, _BROADCAST_MAC)
    yield Match(DL_TYPE, IPV4), Match(NW_PROTO, 0)
    yield (*_UDP, _NOT_A_FRAGMENT, Match(TP_SRC, 0), Match(TP_DST, 0))
    yield broadcast, *_UDP, _ANY_FRAGMENT
    for server_id, _ in _servers(port):
        yield *_UDP, _ANY_FRAGMENT, Match(NW_DST, server_id)
    for tag in (VLAN, SERVICE_VLAN):
        yield broadcast, Match(DL_TYPE, tag)


def _client(port: Port, in_port: Match, mac: bytes | None) -> tuple[Match, ...]:
    """The DHCP of one client by its MAC; of several, or of whoever is plugged in, by the port.

    A relay, which only a trusted port may have behind it, has a MAC of its own and asks from
    port 67 (RFC 2131 §4.1).
    """
    source = () if mac is None else (Match(DL_SRC, int.from_bytes(mac, "big")),)
    ports = (Match(TP_DST, 67),) if port.trusted else (Match(TP_SRC, 68), Match(TP_DST, 67))
    return (in_port, *source, *_UDP, _NOT_A_FRAGMENT, *ports)


def _paused(
    tables: Tables, cookie: int, client: tuple[Match, ...], binding: Binding
) -> Iterator[Flow]:
    """OVN's two questions of a client, the second to either destination, and the way back.

    The answer's address, the client's MAC and the ports are turned round here (OVN northd.c).
    """
    pause = Pause(put_dhcp_opts.encode(put_dhcp_opts.of_binding(binding)))
    server_id, server_mac = binding.subnet.server_id, binding.subnet.server_mac
    own = int(binding.address)
    for source, destination in (
        (0, _EVERYBODY),
        (own, int(server_id)),
        (own, _EVERYBODY),
    ):
        asks = (*client, Match(NW_SRC, source), Match(NW_DST, destination))
        onwards = (pause, Resubmit(tables.dhcp_response))
        yield Flow(tables.dhcp_options, PUNT, cookie, asks, onwards)
    turned = (
        Move(DL_SRC, DL_DST),
        SetField(DL_SRC, int.from_bytes(server_mac, "big")),
        SetField(NW_SRC, int(server_id)),
        SetField(TP_SRC, 67),
        SetField(TP_DST, 68),
        Output(IN_PORT_NUMBER),
    )
    yield Flow(tables.dhcp_response, PUNT, cookie, (*client, _ANSWERED), turned)


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
