"""Tables 22 and 23: whose DHCP the controller hears, and with `resume` the way back."""

from collections.abc import Iterator

from ovsdhcp.config.table import Bridge, Port, Reply
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.openflow import meters
from ovsdhcp.openflow.classify import TO_SERVER
from ovsdhcp.openflow.fields import DL_DST, DL_SRC, NW_DST, NW_SRC, REG0, TP_DST, TP_SRC
from ovsdhcp.openflow.flow import (
    CONTROLLER,
    IN_PORT_NUMBER,
    Action,
    Flow,
    Match,
    Move,
    Output,
    Pause,
    Resubmit,
    SetField,
)
from ovsdhcp.openflow.layout import EVERYBODY, NOT_A_FRAGMENT, PASS, UDP_FRAMES, Site
from ovsdhcp.ovn import put_dhcp_opts

_ANSWERED = Match(REG0, 1 << 3, 1 << 3)
"""OVN's place of the result, reg0[3], which is bit 99 of xxreg0."""


def flows(site: Site, bridge: Bridge, port: Port) -> Iterator[Flow]:
    """The flows that hand a port's clients over."""
    limit = meters.in_front_of_controller(bridge)
    if bridge.reply is Reply.RESUME:
        for binding in port.bindings:
            client = _client(site, port, binding.mac)
            yield from _paused(site, client, binding, limit)
    else:
        alone = len(port.bindings) == 1 and not port.trusted
        client = _client(site, port, port.bindings[0].mac if alone else None)
        yield site.flow(site.tables.dhcp_options, PASS, client, *limit, Output(CONTROLLER))


def rest(bridge: Bridge, cookie: int) -> Iterator[Flow]:
    """Any other DHCP of our ports: dropped, never flooded."""
    tables = bridge.tables
    for table in (tables.dhcp_options, tables.dhcp_response):
        if table == tables.dhcp_options or bridge.reply is Reply.RESUME:
            yield Flow(table, 0, cookie, TO_SERVER)


def _client(site: Site, port: Port, mac: bytes | None) -> tuple[Match, ...]:
    """The DHCP of one client by its MAC; of several, or of whoever is plugged in, by the port.

    A relay, which only a trusted port may have behind it, has a MAC of its own and asks from
    port 67 (RFC 2131 §4.1).
    """
    source = () if mac is None else (Match(DL_SRC, int.from_bytes(mac, "big")),)
    ports = (Match(TP_DST, 67),) if port.trusted else (Match(TP_SRC, 68), Match(TP_DST, 67))
    return (site.in_port, *source, *UDP_FRAMES, NOT_A_FRAGMENT, *ports)


def _paused(
    site: Site, client: tuple[Match, ...], binding: Binding, limit: tuple[Action, ...]
) -> Iterator[Flow]:
    """OVN's two questions of a client, the second to either destination, and the way back.

    The answer's address, the client's MAC and the ports are turned round here (OVN northd.c).
    """
    tables = site.tables
    pause = Pause(put_dhcp_opts.encode(put_dhcp_opts.of_binding(binding)))
    server_id, server_mac = binding.subnet.server_id, binding.subnet.server_mac
    own = int(binding.address)
    for source, destination in (
        (0, EVERYBODY),
        (own, int(server_id)),
        (own, EVERYBODY),
    ):
        asks = (*client, Match(NW_SRC, source), Match(NW_DST, destination))
        onwards = (*limit, pause, Resubmit(tables.dhcp_response))
        yield site.flow(tables.dhcp_options, PASS, asks, *onwards)
    turned = (
        Move(DL_SRC, DL_DST),
        SetField(DL_SRC, int.from_bytes(server_mac, "big")),
        SetField(NW_SRC, int(server_id)),
        SetField(TP_SRC, 67),
        SetField(TP_DST, 68),
        Output(IN_PORT_NUMBER),
    )
    yield site.flow(tables.dhcp_response, PASS, (*client, _ANSWERED), *turned)
