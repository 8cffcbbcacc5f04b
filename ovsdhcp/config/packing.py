"""A Config in pieces, to be put together in another process without building it a second time.

A port is octets of its own, and where these are those of before, it is the very same object as
before; and so is a subnet, and a bridge of which nothing differs. What changed is then known by
identity, and whatever is remembered for the rest stays good.

Pieces are octets of `marshal`, which is fast and for one Python alone: both sides are this one.
"""

import marshal
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from io import BytesIO
from ipaddress import IPv4Address
from operator import attrgetter
from typing import Any

from ovsdhcp.config.hosts import (
    WITHOUT_REFERENCES,
    Hosts,
    pack_terms,
    unpack_terms,
)
from ovsdhcp.config.table import Bridge, Config, Port
from ovsdhcp.dhcp.binding import Binding, Subnet

PORTS_AT_ONCE = 100
"""Ports in one piece: a millisecond's work to put together."""

_MadeOf = tuple[bytes, bytes, bytes]
"""What a port is made of: its subnet, its clients, and the rest of it."""

_rest = attrgetter(*(it.name for it in fields(Port) if it.name not in ("name", "bindings")))
"""All of a port but its name and its clients, in the order in which it takes them."""

_Rest = tuple[object, ...]


def pack(config: Config) -> Iterator[bytes]:
    """The pieces of a Config, in the order in which `Assembly` takes them."""
    subnets: dict[int, int] = {}
    rests: dict[_Rest, bytes] = {}
    for bridge in config.bridges:
        yield _dumped("bridge", (bridge.name, _octets(replace(bridge, ports=()))))
        for start in range(0, len(bridge.ports), PORTS_AT_ONCE):
            ports = bridge.ports[start : start + PORTS_AT_ONCE]
            for subnet in (port.bindings[0].subnet for port in ports):
                if id(subnet) not in subnets:
                    number = subnets[id(subnet)] = len(subnets)
                    yield _dumped("subnet", (number, _octets(subnet)))
            packed = [(port.name, *_pack_port(port, subnets, rests)) for port in ports]
            yield _dumped("ports", packed)
    yield _dumped("source", config.source)


def _dumped(kind: str, value: Any) -> bytes:
    return marshal.dumps((kind, value), WITHOUT_REFERENCES)


def _octets(value: Bridge | Subnet | _Rest) -> bytes:
    """Pickled so that equal values are equal octets: what is in it twice is written twice."""
    buffer = BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.fast = True
    pickler.dump(value)
    return buffer.getvalue()


def _pack_port(
    port: Port, subnets: Mapping[int, int], rests: dict[_Rest, bytes]
) -> tuple[int, bytes, bytes]:
    """The number of its subnet, its clients, and the rest of it."""
    clients = port.bindings
    packed = clients.packed() if isinstance(clients, Hosts) else _pack_client(*clients)
    octets = marshal.dumps(packed, WITHOUT_REFERENCES)
    rest = _rest(port)
    if rest not in rests:
        rests[rest] = _octets(rest)
    return subnets[id(clients[0].subnet)], octets, rests[rest]


def _pack_client(alone: Binding) -> tuple[bytes, bytes | None, bytes]:
    return alone.address_octets, alone.mac, pack_terms(alone)


def _unpack_port(name: str, made_of: _MadeOf, subnet: Subnet) -> Port:
    clients, rest = marshal.loads(made_of[1]), pickle.loads(made_of[2])
    if len(clients) == 2:
        return Port(name, Hosts(name, subnet, *clients), *rest)
    address, mac, terms = clients
    binding = Binding(name, subnet, IPv4Address(address), mac, *unpack_terms(terms))
    return Port(name, (binding,), *rest)


@dataclass(slots=True)
class _BridgeParts:
    """A bridge's ports by name, each with the octets that it was made of."""

    settings: bytes
    made_of: dict[str, _MadeOf] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    bridge: Bridge | None = None


class Assembly:
    """Puts a Config together from its pieces, and takes from the one before it what is the same."""

    def __init__(self, before: "Assembly | None" = None) -> None:
        self._numbered: dict[int, bytes] = {}
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
            self._take_bridge(*value)
        elif kind == "ports":
            for name, subnet, clients, rest in value:
                self._take_port(name, (self._numbered[subnet], clients, rest))
        elif kind == "subnet":
            self._numbered[value[0]] = value[1]
        else:
            self._source = value

    def config(self) -> Config:
        """The Config that the pieces make; what was before is let go."""
        bridges = tuple(map(self._bridge, self._bridges))
        self._before, self._subnets_before, self._latest_before = None, {}, _NO_BRIDGE
        return Config(self._source, bridges)

    def _take_bridge(self, name: str, settings: bytes) -> None:
        self._latest = self._bridges[name] = _BridgeParts(settings)
        before = {} if self._before is None else self._before._bridges
        self._latest_before = before.get(name, _NO_BRIDGE)

    def _take_port(self, name: str, made_of: _MadeOf) -> None:
        parts, before = self._latest, self._latest_before
        subnet, known = self._subnet(made_of[0]), before.made_of.get(name)
        if known == made_of:
            parts.ports[name], parts.made_of[name] = before.ports[name], known
        else:
            parts.ports[name], parts.made_of[name] = _unpack_port(name, made_of, subnet), made_of

    def _subnet(self, octets: bytes) -> Subnet:
        """The one object of a subnet, the same as before where it is the same."""
        subnet = self._subnets.get(octets)
        if subnet is None:
            subnet = self._subnets_before.get(octets) or pickle.loads(octets)
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
        parts.bridge = replace(pickle.loads(parts.settings), ports=ports)
        return parts.bridge


def _is(one: Port, other: Port) -> bool:
    return one is other


_NO_BRIDGE = _BridgeParts(b"")
