"""A Config in pieces, to be put together in another process without building it a second time.

A piece is octets of `marshal`, which is fast and for one Python alone: both sides are this one.
Each port is octets of its own inside. A port whose octets are those of before is the very same
object as before, and so is a subnet, and a bridge of which nothing differs: what changed is then
known by identity, and whatever is remembered for the rest stays good.
"""

import marshal
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ovsdhcp.config.hosts import (
    WITHOUT_REFERENCES,
    Hosts,
    pack_hosts,
    pack_terms,
    unpack_terms,
)
from ovsdhcp.config.table import Bridge, Config, Flows, OtherTraffic, Port, Reply, Tables
from ovsdhcp.dhcp.binding import Binding, Subnet

PORTS_AT_ONCE = 250
"""Ports in one piece: a millisecond's work to put together."""


def pack(config: Config) -> Iterator[bytes]:
    """The pieces of a Config, in the order in which `Assembly` takes them."""
    for bridge in config.bridges:
        tables = bridge.tables
        yield _dumped(
            "bridge",
            (
                bridge.name,
                bridge.dpid,
                bridge.reply.value,
                bridge.flows.value,
                bridge.other_traffic.value,
                (tables.classify, tables.dhcp_options, tables.dhcp_response),
            ),
        )
        for start in range(0, len(bridge.ports), PORTS_AT_ONCE):
            ports = bridge.ports[start : start + PORTS_AT_ONCE]
            yield _dumped("ports", [_pack_port(port) for port in ports])
    yield _dumped("source", config.source)


def _dumped(kind: str, value: Any) -> bytes:
    return marshal.dumps((kind, value), WITHOUT_REFERENCES)


def _pack_port(port: Port) -> tuple[str, bytes, bytes]:
    """The port's name, its subnet and all that is its own, both as octets."""
    first = port.bindings[0]
    subnet = first.subnet
    server = (
        subnet.name,
        str(subnet.network),
        int(subnet.server_id),
        subnet.server_mac,
        subnet.authoritative,
        subnet.probation,
    )
    alone = first.address_octets, first.mac, pack_terms(first)
    clients = alone if len(port.bindings) == 1 else pack_hosts(port.bindings)
    own = port.name, port.ofport, port.trusted, clients
    return (
        port.name,
        marshal.dumps(server, WITHOUT_REFERENCES),
        marshal.dumps(own, WITHOUT_REFERENCES),
    )


def _unpack_subnet(octets: bytes) -> Subnet:
    name, network, server_id, server_mac, authoritative, probation = marshal.loads(octets)
    return Subnet(
        name,
        IPv4Network(network),
        IPv4Address(server_id),
        server_mac,
        authoritative,
        probation,
    )


def _unpack_port(octets: bytes, subnet: Subnet) -> Port:
    name, ofport, trusted, clients = marshal.loads(octets)
    if len(clients) == 2:
        return Port(name, Hosts(name, subnet, *clients), ofport, trusted)
    address, mac, terms = clients
    binding = Binding(name, subnet, IPv4Address(address), mac, *unpack_terms(terms))
    return Port(name, (binding,), ofport, trusted)


@dataclass(slots=True)
class _BridgeParts:
    """A bridge's ports by name, each with the octets that it was made of."""

    settings: tuple[Any, ...]
    made_of: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    bridge: Bridge | None = None


class Assembly:
    """Puts a Config together from its pieces, and takes from the one before it what is the same."""

    def __init__(self, before: "Assembly | None" = None) -> None:
        self._subnets: dict[bytes, Subnet] = {}
        self._bridges: dict[str, _BridgeParts] = {}
        self._before = before
        self._subnets_before = {} if before is None else before._subnets
        self._latest, self._latest_before = _NO_BRIDGE, _NO_BRIDGE
        self._source = ""

    def take(self, piece: bytes) -> None:
        """Take the next piece; a piece takes about a millisecond."""
        kind, value = marshal.loads(piece)
        if kind == "bridge":
            self._take_bridge(value)
        elif kind == "ports":
            for name, subnet, own in value:
                self._take_port(name, subnet, own)
        else:
            self._source = value

    def config(self) -> Config:
        """The Config that the pieces make; what was before is let go."""
        bridges = tuple(map(self._bridge, self._bridges))
        self._before, self._subnets_before, self._latest_before = None, {}, _NO_BRIDGE
        return Config(self._source, bridges)

    def _take_bridge(self, settings: tuple[Any, ...]) -> None:
        name = settings[0]
        self._latest = self._bridges[name] = _BridgeParts(settings)
        before = {} if self._before is None else self._before._bridges
        self._latest_before = before.get(name, _NO_BRIDGE)

    def _take_port(self, name: str, subnet: bytes, own: bytes) -> None:
        parts, before = self._latest, self._latest_before
        home = self._subnet(subnet)
        made_of = before.made_of.get(name)
        if made_of == (subnet, own):
            parts.ports[name], parts.made_of[name] = before.ports[name], made_of
        else:
            parts.ports[name], parts.made_of[name] = _unpack_port(own, home), (subnet, own)

    def _subnet(self, octets: bytes) -> Subnet:
        """The one object of a subnet, the same as before where it is the same."""
        subnet = self._subnets.get(octets)
        if subnet is None:
            subnet = self._subnets_before.get(octets) or _unpack_subnet(octets)
            self._subnets[octets] = subnet
        return subnet

    def _bridge(self, name: str) -> Bridge:
        parts = self._bridges[name]
        ports = tuple(parts.ports.values())
        known = None if self._before is None else self._before._bridges.get(name)
        if known is not None and known.bridge is not None and known.settings == parts.settings:
            before = known.bridge.ports
            if len(before) == len(ports) and all(map(_is, before, ports)):
                parts.bridge = known.bridge
                return known.bridge
        _, dpid, reply, flows, other_traffic, tables = parts.settings
        parts.bridge = Bridge(
            name,
            ports,
            dpid,
            Reply(reply),
            Flows(flows),
            OtherTraffic(other_traffic),
            Tables(*tables),
        )
        return parts.bridge


def _is(one: Port, other: Port) -> bool:
    return one is other


_NO_BRIDGE = _BridgeParts(())
