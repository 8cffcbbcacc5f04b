"""One connected bridge: which of our ports it has, and what it still has to be told.

Events in, messages to send out; no socket, no clock, no Ryu. An event only notes what became of
it. What the bridge has to be told of it comes from `changes`, in pieces that take a millisecond or
two each, so that packets are answered while 45,000 flows are read, compared and laid. A change is
one bundle with a barrier behind it, its meters before and after; only what differs is in it.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from ovsdhcp.config.table import Bridge, Flows, Port, Reply
from ovsdhcp.openflow import classify, messages, pipeline
from ovsdhcp.openflow.attached import Attached
from ovsdhcp.openflow.bundle import Bundle, exclusive, in_turns
from ovsdhcp.openflow.continuation import set_packet_in_format
from ovsdhcp.openflow.encoding import Encoding
from ovsdhcp.openflow.messages import Entry, FlowStats, Key
from ovsdhcp.openflow.meter_table import MeterTable
from ovsdhcp.openflow.rate_limits import DROPPED_FOR, RateLimits, Verdict

_FIRST_XID = 0x6468_0000
"""Anywhere: ours are known by being remembered."""

PORTS_AT_ONCE = 16
"""Ports between two pauses: some 200 flows."""

Pieces = Generator[bytes, None, None]


@dataclass(slots=True)
class Look:
    """An answer under way: the flows that a bridge has of us, all of them once it is `done`."""

    flows: dict[Key, FlowStats]
    done: bool = False


@dataclass(slots=True)
class _Dump:
    """The same for a sync: parts of it that were not read yet, and the flows of those that were."""

    xid: int
    parts: deque[bytes] = field(default_factory=deque)
    flows: dict[Key, Entry] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """A port that a new table attaches otherwise; None where it is not attached."""

    ofport: int
    before: Attached | None
    after: Attached | None


class Switch:
    """The state of one connection to one bridge of the lease table.

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
        self._encoding = Encoding(bridge)
        self._xids = count(_FIRST_XID)
        self._meters = MeterTable(self._xids)
        self._configured = pipeline.configured(bridge)
        self._laid: dict[int, tuple[Encoding, Port]] = {}
        self._stale: dict[int, None] = {}
        self._told: dict[int, list[Key]] = {}
        self._deleted: set[Key] = set()
        self._dump: _Dump | None = None
        self._telling = self._ask_again = False
        self._barrier = 0
        self._looks: dict[int, Look] = {}
        for ofport, name in names.items():
            self._attach(ofport, name)

    @property
    def missing(self) -> list[str]:
        """The configured ports that are not on the bridge."""
        there = {attached.port.name for attached in self.attached.values()}
        return [port.name for port in self.bridge.ports if port.name not in there]

    def wanted(self) -> dict[Key, Entry]:
        """All the flows that the bridge should have of us."""
        return {at: what for _, flows in self.wanted_by_port() for at, what in flows.items()}

    def wanted_by_port(self) -> Iterator[tuple[int | None, Mapping[Key, Entry]]]:
        """The same in parts: each attached port's, by its number; the bridge's own under None."""
        yield None, self._encoding.own
        for ofport, attached in list(self.attached.items()):
            yield ofport, dict(self._encoding.flows(attached.port, ofport))

    # -- events ------------------------------------------------------------------------------

    def greet(self) -> bytes:
        """What a connection begins with: the form of its packet-ins, and a sync."""
        return self._format(waited=False) + self.sync()

    def sync(self) -> bytes:
        """Ask for what the bridge has of us; its answers, in this order, set the rest in motion.

        Not while it is being told something: then it is asked once that is done.
        """
        self.in_sync = False
        self._ask_again = self._telling
        return b"" if self._telling else self._ask()

    def meter_config(self, xid: int, reply: bytes) -> bool:
        """One part of the answer to `sync`, if it is one."""
        return self._meters.told(xid, reply)

    def flow_stats(self, xid: int, reply: bytes, *, more: bool) -> bool:
        """One part of the answer to `sync`, or to `look`; whether it is one."""
        if xid in self._looks:
            self._seen(xid, reply, more)
            return True
        dump = self._dump
        if dump is None or xid != dump.xid:
            return False
        dump.parts.append(reply)
        dump.whole = not more
        return True

    def look(self) -> tuple[Look, bytes]:
        """Ask for the flows that the bridge has of us, to see them and change nothing."""
        xid = next(self._xids)
        look = self._looks[xid] = Look({})
        return look, messages.flow_stats_request(pipeline.COOKIE, pipeline.COOKIE_MASK, xid)

    def _seen(self, xid: int, reply: bytes, more: bool) -> None:
        look = self._looks[xid] if more else self._looks.pop(xid)
        look.flows.update((flow.key, flow) for flow in messages.read_flow_stats(reply))
        look.done = not more

    def port_added(self, ofport: int, name: str) -> None:
        """A port appeared, or is announced again; one that the table does not name stays alone."""
        self.names[ofport] = name
        self._attach(ofport, name)

    def port_removed(self, ofport: int) -> None:
        """A port is gone; its flows go with it."""
        self.names.pop(ofport, None)
        self._detach(ofport)

    def flow_removed(self, removed: bytes) -> bytes:
        """A flow with our cookie is gone: if it was not we who deleted it, look at all of them."""
        key = messages.read_flow_removed(removed)
        if key in self._deleted:
            self._deleted.remove(key)
        elif messages.was_deleted(removed) and (self._dump is None or self._dump.whole):
            return self.sync()  # what a bridge is still telling, it tells without this flow
        return b""

    def barrier_reply(self, xid: int) -> None:
        """All that was sent before the barrier is done; an error would have been here by now."""
        if xid == self._barrier and not self._telling:
            self._told.clear()
            self._deleted.clear()
            self._meters.settled()
            self.in_sync = self._dump is None and not self._stale

    def refused(self, xid: int) -> frozenset[Key]:
        """The flows that an error with this xid is about, which the bridge did not take."""
        return frozenset(self._told.pop(xid, ()))

    def refused_meters(self, xid: int) -> bool:
        """Whether an error with this xid is about a meter. The bridge then does without any."""
        if self.rate_limits is not None or not self._meters.refused(xid):
            return False
        self.rate_limits = RateLimits(self.bridge.rate_ceiling)
        self._encoding = Encoding(self.bridge, metered=False)
        self._told.clear()
        return True

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
        return bool(keys) and keys <= self._encoding.exclusive

    # -- a new table -------------------------------------------------------------------------

    def reconfigured(self, bridge: Bridge) -> list[Replaced]:
        """What `reconfigure` would replace."""
        configured = pipeline.configured(bridge)
        replaced = []
        for ofport, name in self.names.items():
            port = configured.get(ofport) or configured.get(name)
            before = self.attached.get(ofport)
            if port is not (None if before is None else before.port):
                after = None if port is None else Attached.of(port)
                replaced.append(Replaced(ofport, before, after))
        return replaced

    def reconfigure(self, bridge: Bridge, replaced: Iterable[Replaced]) -> bytes:
        """Be what the table now says: no packet sees anything in between.

        `replaced` is what `reconfigured` said, since when no port has come or gone.
        """
        waited, before = self._waits, self._encoding
        alike = _but_ports(bridge) == _but_ports(self.bridge)
        self.bridge, self._configured = bridge, pipeline.configured(bridge)
        if not alike and self.rate_limits is not None:
            self.rate_limits = RateLimits(bridge.rate_ceiling)
        self._encoding = Encoding(bridge, metered=self.rate_limits is None)
        for port in replaced:
            if port.after is None:
                self._detach(port.ofport)
            else:
                self.attached[port.ofport] = port.after
                self._stale[port.ofport] = None
        # others' flows may be where our own would go, which only the bridge can tell
        same = alike and self._encoding.own == before.own
        return self._format(waited=waited) + (b"" if same else self.sync())

    @property
    def _waits(self) -> bool:
        return self.bridge.flows is Flows.EXTERNAL or self.bridge.reply is Reply.RESUME

    def _format(self, *, waited: bool) -> bytes:
        """What has packet-ins in the form that the way back needs, if that was another."""
        same = waited is self._waits
        return b"" if same else set_packet_in_format(next(self._xids), waits=self._waits)

    def _attach(self, ofport: int, name: str) -> None:
        port = self._configured.get(ofport) or self._configured.get(name)
        if port is None:
            self._detach(ofport)
            return
        self.attached[ofport] = Attached.of(port)
        self._stale[ofport] = None

    def _detach(self, ofport: int) -> None:
        if self.attached.pop(ofport, None) is not None:
            self._stale[ofport] = None

    # -- what the bridge is told -------------------------------------------------------------

    def changes(self) -> Pieces:
        """What the bridge has to be told by now, in pieces; some are empty, and only a pause.

        It ends where there is nothing more to say, and is to be called again after an event. One
        at a time.
        """
        while True:
            if self._ask_again:
                yield self.sync()
            elif self._dump is not None:
                dump = self._dump
                yield from self._read(dump)
                if not dump.whole or self._dump is not dump:
                    return
                self._dump = None
                yield from self._without_another(self._compared(dump.flows))
            elif self._stale:
                yield from self._without_another(self._caught_up())
            else:
                return

    def _ask(self) -> bytes:
        asked = self._meters.ask() if self.rate_limits is None else b""
        self._dump = _Dump(next(self._xids))
        return asked + messages.flow_stats_request(
            pipeline.COOKIE, pipeline.COOKIE_MASK, self._dump.xid
        )

    def _without_another(self, change: Pieces) -> Pieces:
        """All of a change before the next one; at its end a barrier, if anything was told."""
        self._telling, told = True, False
        try:
            for piece in change:
                told = told or bool(piece)
                yield piece
        finally:
            self._telling = False
        if told:
            self._barrier = next(self._xids)
            yield messages.barrier(self._barrier)
        else:
            self.in_sync = self._dump is None and not self._stale

    @staticmethod
    def _read(dump: _Dump) -> Pieces:
        while dump.parts:
            flows = messages.read_flow_stats(dump.parts.popleft())
            dump.flows.update((at, what) for at, what, _ in flows)
            yield b""

    def _compared(self, there: dict[Key, Entry]) -> Pieces:
        """What turns all that is there into all that should be."""
        self._stale.clear()
        self._laid.clear()
        encoding, change = self._encoding, Bundle(self._xids)
        surplus = set(self._meters.there) - {meter.number for meter in encoding.own_meters}
        yield self._meters.make(encoding.own_meters)
        alone = {}
        for at, what in encoding.own.items():
            known = there.pop(at, None)
            if known is None and at in encoding.exclusive:
                alone[at] = what
            elif known != what:
                change.add(at, what)
        yield from self._change(list(self.attached), there, surplus, change)
        for at, what in alone.items():
            xid = next(self._xids)
            self._told[xid] = [at]
            yield exclusive(at, what, xid)

    def _caught_up(self) -> Pieces:
        """What turns that which stale ports were told last into that which they should have."""
        stale, there, surplus = list(self._stale), dict[Key, Entry](), set[int]()
        self._stale.clear()
        for ofport in stale:
            laid = self._laid.pop(ofport, None)
            if laid is not None:
                encoding, port = laid
                surplus |= {meter.number for meter in encoding.meters(port, ofport)}
                for flow in in_turns(encoding.flows(port, ofport)):
                    if flow is None:
                        yield b""
                    else:
                        there[flow[0]] = flow[1]
        yield from self._change(stale, there, surplus, Bundle(self._xids))

    def _change(
        self, ofports: Iterable[int], there: dict[Key, Entry], surplus: set[int], change: Bundle
    ) -> Pieces:
        """Lay what these ports should have, and take away what else of `there` and of the meters
        that are `surplus` is left then."""
        for turn, ofport in enumerate(ofports, 1):
            attached = self.attached.get(ofport)
            if attached is not None:
                yield self._limit(ofport, attached.port, surplus)
                for flow in in_turns(self._lay(ofport, attached.port)):
                    if flow is None:
                        yield change.piece()
                    elif there.pop(flow[0], None) != flow[1]:
                        change.add(*flow)
            if turn % PORTS_AT_ONCE == 0:
                yield change.piece()
        for flow in in_turns(there.items()):
            if flow is None:
                yield change.piece()
            else:
                change.delete(flow[0], flow[1].cookie)
        change.commit()
        if change.xid:
            self._told[change.xid] = change.laid
        self._deleted.update(there)
        yield change.piece()
        yield self._meters.delete(surplus)

    def _limit(self, ofport: int, port: Port, surplus: set[int]) -> bytes:
        meters = self._encoding.meters(port, ofport)
        surplus.difference_update(meter.number for meter in meters)
        return self._meters.make(meters)

    def _lay(self, ofport: int, port: Port) -> Iterator[tuple[Key, Entry]]:
        self._laid[ofport] = self._encoding, port
        return self._encoding.flows(port, ofport)


def _but_ports(bridge: Bridge) -> Bridge:
    return replace(bridge, ports=())
