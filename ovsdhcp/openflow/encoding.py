"""A bridge's flows as octets: encoded once for each kind of port, and filled in for each port.

Ports with one client, which are the many, mostly differ in their number, name, MAC and address
alone. So the first of a kind is encoded with stand-ins in their places, and for all others the
octets are put in there: a microsecond a flow, where encoding takes thirty. Whether a kind can be
filled in is seen by its first port, whose flows are encoded in either way and have to be equal.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import fields, replace
from ipaddress import IPv4Address
from operator import attrgetter
from typing import NamedTuple

from ovsdhcp.config.hosts import pack_terms
from ovsdhcp.config.table import Bridge, Port, Reply
from ovsdhcp.dhcp.binding import Subnet
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.flow import Flow
from ovsdhcp.openflow.messages import Entry, Key
from ovsdhcp.openflow.meters import Meter

Flows = Iterator[tuple[Key, Entry]]

_NUMBER, _ADDRESS, _MAC = b"\xb7\xe5", b"\xf3\x9d\xa6\xeb", b"\xfd\x97\xe9\xb5\xd3\xf1"
"""Stand-ins, filled in in this order. No address is in class E, and no client's MAC a group's."""

_STAND_IN = IPv4Address(_ADDRESS)
_HIGHEST = 0xFEFF

_kind = attrgetter(*(f.name for f in fields(Port) if f.name not in ("name", "bindings", "ofport")))


class _Template(NamedTuple):
    """A flow with stand-ins; `filled` says whether its instructions have some too."""

    table: int
    priority: int
    match: bytes
    instructions: bytes
    filled: bool


class Encoding:
    """The flows of one bridge as its table has it. Without meters nothing is limited by them."""

    def __init__(self, bridge: Bridge, *, metered: bool = True) -> None:
        self._metered = metered
        self._bridge = bridge if metered else replace(bridge, rate_ceiling=None)
        own = tuple(pipeline.bridge_flows(self._bridge))
        self.own = dict(_encoded(own))
        """The flows that no port owns."""
        self.exclusive = frozenset(messages.key(flow) for flow in own if flow.exclusive)
        """Those of them that give way to others' of the same match and priority."""
        self.own_meters = pipeline.bridge_meters(self._bridge)
        self._kinds: dict[Hashable, tuple[Subnet, tuple[_Template, ...] | None]] = {}

    def flows(self, port: Port, ofport: int) -> Flows:
        """The flows of a port that is number `ofport`."""
        port = self._limited(port)
        if len(port.bindings) > 1 or ofport > _HIGHEST:
            return self._plainly(port, ofport)
        templates = self._templates(port, ofport)
        if templates is None:
            return self._plainly(port, ofport)
        return _filled(templates, port, ofport)

    def meters(self, port: Port, ofport: int) -> tuple[Meter, ...]:
        """The meters that those flows go through."""
        return pipeline.port_meters(self._bridge, self._limited(port), ofport)

    def _limited(self, port: Port) -> Port:
        return port if self._metered else replace(port, rate_limit=None)

    def _plainly(self, port: Port, ofport: int) -> Flows:
        return _encoded(pipeline.port_flows(self._bridge, port, ofport))

    def _templates(self, port: Port, ofport: int) -> tuple[_Template, ...] | None:
        (binding,) = port.bindings
        subnet = binding.subnet
        said = pack_terms(binding) if self._bridge.reply is Reply.RESUME else b""
        kind = (id(subnet), binding.mac is None, said, _kind(port))
        known = self._kinds.get(kind)
        if known is None or known[0] is not subnet:
            known = self._kinds[kind] = subnet, self._made(port, ofport)
        return known[1]

    def _made(self, port: Port, ofport: int) -> tuple[_Template, ...] | None:
        """The templates of a port's kind; None where they do not come to what it should have."""
        (binding,) = port.bindings
        mac = None if binding.mac is None else _MAC
        someone = replace(binding, mac=mac, address=_STAND_IN)
        flows = self._plainly(replace(port, bindings=(someone,)), int.from_bytes(_NUMBER, "big"))
        templates = tuple(map(_template, flows))
        fits = dict(_filled(templates, port, ofport)) == dict(self._plainly(port, ofport))
        return templates if fits else None


def _encoded(flows: Iterable[Flow]) -> Flows:
    return ((messages.key(flow), messages.entry(flow)) for flow in flows)


def _template(flow: tuple[Key, Entry]) -> _Template:
    (table, priority, match), (_, instructions) = flow
    filled = any(it in instructions for it in (_NUMBER, _ADDRESS, _MAC))
    return _Template(table, priority, match, instructions, filled)


def _filled(templates: tuple[_Template, ...], port: Port, ofport: int) -> Flows:
    (binding,) = port.bindings
    number, address = ofport.to_bytes(2, "big"), binding.address_octets
    mac, cookie = binding.mac or b"", pipeline.port_cookie(port.name)
    for table, priority, match, instructions, filled in templates:
        asked = match.replace(_NUMBER, number).replace(_ADDRESS, address).replace(_MAC, mac)
        if filled:
            instructions = (  # noqa: PLW2901 - the template's, with what is the port's in it
                instructions.replace(_NUMBER, number).replace(_ADDRESS, address).replace(_MAC, mac)
            )
        yield Key(table, priority, asked), Entry(cookie, instructions)
