"""One connected bridge: which of our ports it has, and what it still has to be told.

Events in, messages to send out; no socket, no clock, no Ryu. A sync asks the bridge for its meters
and all flows with our cookie, compares, and sends what differs: the meters, and the flows as one
bundle with a barrier behind it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

from ovsdhcp.config.table import Bridge, Flows, Port, Reply
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.frame import chaddr
from ovsdhcp.openflow import classify, messages, pipeline
from ovsdhcp.openflow.continuation import set_packet_in_format
from ovsdhcp.openflow.flow import Flow
from ovsdhcp.openflow.messages import Entry, FlowStats, Key
from ovsdhcp.openflow.meter_table import MeterTable
from ovsdhcp.openflow.meters import Meter
from ovsdhcp.openflow.rate_limits import DROPPED_FOR, RateLimits, Verdict

_FIRST_XID = 0x6468_0000
"""Anywhere: ours are known by being remembered."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A configured port that is on the bridge; its bindings by MAC where there are several."""

    port: Port
    cookie: int
    hosts: Mapping[bytes, Binding]

    @classmethod
    def of(cls, port: Port) -> "Attached":
        """The port as it is once it is there."""
        several = len(port.bindings) > 1
        hosts = {b.mac: b for b in port.bindings if b.mac is not None} if several else {}
        return cls(port, pipeline.port_cookie(port.name), hosts)

    def binding(self, frame: bytes) -> Binding | None:
        """Whose question a frame is, by who sent it, or by whom a relay sent it on for.

        None where it is nobody's.
        """
        if not self.hosts:
            return self.port.bindings[0]
        found = self.hosts.get(frame[6:12])
        if found is None and self.port.trusted:
            found = self.hosts.get(chaddr(frame) or b"")
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """What a bridge has to be told: flows to add, to put over one of ours, to take away."""

    add: Mapping[Key, Entry]
    replace: Mapping[Key, Entry]
    delete: Mapping[Key, Entry]

    def __bool__(self) -> bool:
        return bool(self.add or self.replace or self.delete)


def difference(wanted: Mapping[Key, Entry], installed: Mapping[Key, Entry]) -> Change:
    """What turns `installed` into `wanted`, and nothing that is right already."""
    differing = {key: entry for key, entry in wanted.items() if installed.get(key) != entry}
    return Change(
        add={key: entry for key, entry in differing.items() if key not in installed},
        replace={key: entry for key, entry in differing.items() if key in installed},
        delete={key: entry for key, entry in installed.items() if key not in wanted},
    )


def _encoded(flows: Iterable[Flow]) -> dict[Key, Entry]:
    return {messages.key(flow): messages.entry(flow) for flow in flows}


@dataclass(slots=True)
class Look:
    """An answer under way: the flows that a bridge has of us, all of them once it is `done`."""

    flows: dict[Key, FlowStats]
    done: bool = False


class Switch:
    """The state of one connection to one bridge of the lease table.

    Every method named after an event returns the bytes to send, empty where there are none.
    `in_sync` says that the bridge has confirmed all that it was told. `rate_limits` takes the place
    of the meters on a bridge that has none.
    """

    def __init__(self, bridge: Bridge, names: Mapping[int, str]) -> None:
        self.bridge = bridge
        self.names = dict(names)
        """All ports of the bridge by their numbers, ours or not."""
        self.attached: dict[int, Attached] = {}
        self.in_sync = False
        self.rate_limits: RateLimits | None = None
        self._port_flows: dict[int, dict[Key, Entry]] = {}
        self._port_meters: dict[int, tuple[Meter, ...]] = {}
        self._xids = count(_FIRST_XID)
        self._meters = MeterTable(self._xids)
        self._told: dict[int, frozenset[Key]] = {}
        self._asked = self._barrier = 0
        self._installed: dict[Key, Entry] | None = None
        self._looks: dict[int, Look] = {}
        self._configured = pipeline.configured(bridge)
        self._lay()

    def _lay(self) -> None:
        """What the bridge should have, from the table and the ports that are there."""
        metered = self.rate_limits is None
        self._laid = self.bridge if metered else replace(self.bridge, rate_ceiling=None)
        own = tuple(pipeline.bridge_flows(self._laid))
        self._bridge_flows = _encoded(own)
        self._exclusive = frozenset(messages.key(flow) for flow in own if flow.exclusive)
        for ofport, name in self.names.items():
            self._detach(ofport)
            self._attach(ofport, name)

    @property
    def missing(self) -> list[str]:
        """The configured ports that are not on the bridge."""
        there = {attached.port.name for attached in self.attached.values()}
        return [port.name for port in self.bridge.ports if port.name not in there]

    def wanted(self) -> dict[Key, Entry]:
        """All the flows that the bridge should have of us."""
        flows = dict(self._bridge_flows)
        for of_port in self._port_flows.values():
            flows |= of_port
        return flows

    def wanted_meters(self) -> list[Meter]:
        """All the meters that those flows go through."""
        of_ports = chain.from_iterable(self._port_meters.values())
        return [*pipeline.bridge_meters(self._laid), *of_ports]

    def wanted_by_port(self) -> Iterator[tuple[int | None, Mapping[Key, Entry]]]:
        """The same in parts: each attached port's, by its number; the bridge's own under None."""
        yield None, self._bridge_flows
        yield from list(self._port_flows.items())

    def greet(self) -> bytes:
        """What a connection begins with: what it is to tell, the form of its packet-ins, a sync."""
        bridge = self.bridge
        waits = bridge.flows is Flows.EXTERNAL or bridge.reply is Reply.RESUME
        form = set_packet_in_format(next(self._xids)) if waits else b""
        return messages.tell_of_any_removal(next(self._xids)) + form + self.sync()

    def sync(self) -> bytes:
        """Ask for what the bridge has of us; its answers, in this order, set the rest in motion."""
        self.in_sync = False
        self._installed = {}
        self._asked = next(self._xids)
        flows = messages.flow_stats_request(pipeline.COOKIE, pipeline.COOKIE_MASK, self._asked)
        return (self._meters.ask() if self.rate_limits is None else b"") + flows

    def meter_config(self, xid: int, reply: bytes) -> None:
        """One part of the answer to `sync`."""
        self._meters.told(xid, reply)

    def look(self) -> tuple[Look, bytes]:
        """Ask for the flows that the bridge has of us, to see them and change nothing."""
        xid = next(self._xids)
        look = self._looks[xid] = Look({})
        return look, messages.flow_stats_request(pipeline.COOKIE, pipeline.COOKIE_MASK, xid)

    def flow_stats(self, xid: int, reply: bytes, *, more: bool) -> bytes:
        """One part of the answer to `sync`; after the last one it is known what has to change."""
        if xid in self._looks:
            self._seen(xid, reply, more)
            return b""
        if xid != self._asked or self._installed is None:
            return b""
        self._installed.update((key, entry) for key, entry, _ in messages.read_flow_stats(reply))
        if more:
            return b""
        installed, self._installed = self._installed, None
        self.in_sync = True
        return self._tell(difference(self.wanted(), installed))

    def _seen(self, xid: int, reply: bytes, more: bool) -> None:
        look = self._looks[xid] if more else self._looks.pop(xid)
        look.flows.update((flow.key, flow) for flow in messages.read_flow_stats(reply))
        look.done = not more

    def port_added(self, ofport: int, name: str) -> bytes:
        """A port appeared, or is announced again; one that the table does not name stays alone."""
        self.names[ofport] = name
        before = self._detach(ofport)
        self._attach(ofport, name)
        return self._port_changed(ofport, before)

    def port_removed(self, ofport: int) -> bytes:
        """A port is gone; its flows go with it."""
        self.names.pop(ofport, None)
        return self._port_changed(ofport, self._detach(ofport))

    def flow_removed(self, removed: bytes) -> bytes:
        """Somebody deleted a flow with our cookie: if it is still wanted, look at all of them."""
        key = messages.read_flow_removed(removed)
        return self.sync() if self._installed is None and key in self.wanted() else b""

    def barrier_reply(self, xid: int) -> None:
        """All that was sent before the barrier is done; an error would have been here by now."""
        if xid == self._barrier:
            self._told.clear()
            self._meters.settled()
            self.in_sync = self._installed is None

    def refused(self, xid: int) -> frozenset[Key]:
        """The flows that an error with this xid is about, which the bridge did not take."""
        return self._told.pop(xid, frozenset())

    def refused_meters(self, xid: int) -> bytes:
        """If an error with this xid is about a meter, the bridge does without; look at it again."""
        if self.rate_limits is not None or not self._meters.refused(xid):
            return b""
        self.rate_limits = RateLimits(self.bridge.rate_ceiling)
        self._told.clear()
        self._lay()
        return self.sync()

    def over_limit(self, ofport: int, now: float) -> bytes | None:
        """None where a packet of this port is to be heard; else what the bridge is told of it."""
        attached = self.attached.get(ofport)
        if self.rate_limits is None or attached is None:
            return None
        verdict = self.rate_limits.judge(ofport, attached.port.rate_limit, now)
        if verdict is Verdict.HEARD:
            return None
        if verdict is Verdict.OVER:
            return b""
        drop = classify.dropping(self.bridge, attached.cookie, ofport)
        xid = next(self._xids)
        return messages.add_flow_for(messages.key(drop), messages.entry(drop), DROPPED_FOR, xid)

    def is_exclusive(self, keys: frozenset[Key]) -> bool:
        """Whether these are flows that give way to others' of the same match and priority."""
        return bool(keys) and keys <= self._exclusive

    def _attach(self, ofport: int, name: str) -> None:
        port = self._configured.get(ofport) or self._configured.get(name)
        if port is None:
            return
        self.attached[ofport] = Attached.of(port)
        laid = port if self.rate_limits is None else replace(port, rate_limit=None)
        self._port_flows[ofport] = _encoded(pipeline.port_flows(self._laid, laid, ofport))
        self._port_meters[ofport] = pipeline.port_meters(self._laid, laid, ofport)

    def _detach(self, ofport: int) -> dict[Key, Entry]:
        self.attached.pop(ofport, None)
        self._port_meters.pop(ofport, None)
        return self._port_flows.pop(ofport, {})

    def _port_changed(self, ofport: int, before: dict[Key, Entry]) -> bytes:
        if self._installed is not None:  # the comparison under way sees the port as it is now
            return b""
        return self._tell(difference(self._port_flows.get(ofport, {}), before))

    def _tell(self, change: Change) -> bytes:
        """One bundle, one more for each exclusive flow (its refusal is its own), a barrier."""
        wanted = self.wanted_meters()
        if not change and self._meters.is_right(wanted):
            return b""
        self.in_sync = False
        sent = self._meters.make(wanted)
        shared = {key: entry for key, entry in change.add.items() if key not in self._exclusive}
        shared |= change.replace
        sent += self._bundle(shared, change.delete) if shared or change.delete else b""
        for key in self._exclusive & change.add.keys():
            sent += self._bundle_exclusive(key, change.add[key])
        sent += self._meters.clear(wanted)
        self._barrier = next(self._xids)
        return sent + messages.barrier(self._barrier)

    def _bundle(self, add: Mapping[Key, Entry], delete: Mapping[Key, Entry]) -> bytes:
        xid = next(self._xids)
        self._told[xid] = frozenset(add)
        changes = [messages.delete_flow(key, old.cookie, xid) for key, old in delete.items()]
        changes += [messages.add_flow(key, entry, xid) for key, entry in add.items()]
        return messages.bundle(changes, xid)

    def _bundle_exclusive(self, key: Key, entry: Entry) -> bytes:
        """Lay a flow only where no other of its priority overlaps it.

        OFPFF_CHECK_OVERLAP alone does not do: OVS replaces a flow of the very same match without
        a look at the flag. So a narrower flow goes first, which any such flow refuses, and with it
        the bundle; in the end it is gone again.
        """
        xid = next(self._xids)
        self._told[xid] = frozenset({key})
        probe = messages.narrowed(key)
        return messages.bundle(
            [
                messages.add_flow(probe, entry, xid, exclusive=True),
                messages.delete_flow(probe, entry.cookie, xid),
                messages.add_flow(key, entry, xid),
            ],
            xid,
        )
