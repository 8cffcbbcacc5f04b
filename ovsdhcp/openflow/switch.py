"""One connected bridge: which of our ports it has, and what it is told.

Events in, messages to send out; no socket, no clock, no Ryu. An event only notes what became of
it; what the bridge has to be told of it comes from `changes` (telling.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

from ovsdhcp.config.table import Bridge, Flows, Reply
from ovsdhcp.openflow import asynchronous, classify, messages, pipeline
from ovsdhcp.openflow.attached import Attached
from ovsdhcp.openflow.encoding import Encoding
from ovsdhcp.openflow.hearing import Hearing
from ovsdhcp.openflow.messages import Entry, FlowStats, Key
from ovsdhcp.openflow.rate_limits import DROPPED_FOR, RateLimits, Verdict
from ovsdhcp.openflow.telling import Pieces, Telling

_FIRST_XID = 0x6468_0000
"""Anywhere: ours are known by being remembered."""


@dataclass(slots=True)
class Look:
    """An answer under way: the flows that a bridge has of us, all of them once it is `done`."""

    flows: dict[Key, FlowStats]
    done: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """A port that a new table attaches otherwise; None where it is not attached."""

    ofport: int
    before: Attached | None
    after: Attached | None


@dataclass(frozen=True, slots=True)
class SelectedTwice:
    """A port that two entries of the table select; the one by number has it, as is surer."""

    ofport: int
    by_number: str
    by_name: str


class Switch:
    """The state of one connection to one bridge of the lease table.

    `rate_limits` takes the place of the meters on a bridge that has none.
    """

    def __init__(self, bridge: Bridge, names: Mapping[int, str]) -> None:
        self.bridge = bridge
        self.names = dict(names)
        """All ports of the bridge by their numbers, ours or not."""
        self.attached: dict[int, Attached] = {}
        self.rate_limits: RateLimits | None = None
        self.hearing: Hearing | None = None
        """By what it is heard, where it is connected."""
        self._xids = count(_FIRST_XID)
        self._configured = pipeline.configured(bridge)
        self._telling = Telling(self.attached, Encoding(bridge), self._xids)
        self._looks: dict[int, Look] = {}
        for ofport, name in names.items():
            self._attach(ofport, name)

    @property
    def in_sync(self) -> bool:
        """Whether the bridge has confirmed all that it was told."""
        return self._telling.in_sync

    @property
    def missing(self) -> list[str]:
        """The configured ports that are not on the bridge."""
        there = {attached.port.name for attached in self.attached.values()}
        there.update(port.by_name for port in self.selected_twice())
        return [port.name for port in self.bridge.ports if port.name not in there]

    def selected_twice(self, ofport: int | None = None) -> list[SelectedTwice]:
        """The ports, or whether the one with this number is, that two entries select."""
        found = []
        for selector in self._configured if ofport is None else (ofport,):
            if isinstance(selector, int):
                by_number = self._configured.get(selector)
                by_name = self._configured.get(self.names.get(selector, ""))
                if by_number is not None and by_name is not None:
                    found.append(SelectedTwice(selector, by_number.name, by_name.name))
        return found

    def wanted(self) -> dict[Key, Entry]:
        """All the flows that the bridge should have of us."""
        return {at: what for _, flows in self.wanted_by_port() for at, what in flows.items()}

    def wanted_by_port(self) -> Iterator[tuple[int | None, Mapping[Key, Entry]]]:
        """The same in parts: each attached port's, by its number; the bridge's own under None."""
        yield None, self._telling.encoding.own
        for ofport in list(self.attached):
            attached = self.attached.get(ofport)  # it may have gone between two parts
            if attached is not None:
                yield ofport, dict(self._telling.encoding.flows(attached.port, ofport))

    # -- events ------------------------------------------------------------------------------

    def wishes(self) -> bytes:
        """What a connection is told first by which the bridge's own messages come: what of, and
        in which form."""
        return asynchronous.of_any_removal(next(self._xids)) + self.format(waited=False)

    def sync(self) -> bytes:
        """Ask for what the bridge has of us; its answers, in this order, set the rest in motion.

        Not while it is being told something: then it is asked once that is done.
        """
        return self._telling.sync()

    def meter_config(self, xid: int, reply: bytes) -> bool:
        """One part of the answer to `sync`, if it is one."""
        return self._telling.meter_config(xid, reply)

    def flow_stats(self, xid: int, reply: bytes, *, more: bool) -> bool:
        """One part of the answer to `sync`, or to `look`; whether it is one."""
        if xid in self._looks:
            self._seen(xid, reply, more)
            return True
        return self._telling.flow_stats(xid, reply, more=more)

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
        return self._telling.flow_removed(removed)

    def barrier_reply(self, xid: int) -> None:
        """All that was sent before the barrier is done; an error would have been here by now."""
        self._telling.barrier_reply(xid)

    def refused(self, xid: int) -> frozenset[Key]:
        """The flows that an error with this xid is about, which the bridge did not take."""
        return self._telling.refused(xid)

    def refused_meters(self, xid: int) -> bool:
        """Whether an error with this xid is about a meter. The bridge then does without any."""
        if not self._telling.refused_meters(xid):
            return False
        self.rate_limits = RateLimits(self.bridge.rate_ceiling)
        self._telling.without_meters(Encoding(self.bridge, metered=False))
        return True

    def changes(self) -> Pieces:
        """What the bridge has to be told by now, in pieces; some are empty, and only a pause.

        It ends where there is nothing more to say, and is to be called again after an event. One
        at a time.
        """
        return self._telling.changes()

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
        return bool(keys) and keys <= self._telling.encoding.exclusive

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
        own = self._telling.encoding.own
        alike = _but_ports(bridge) == _but_ports(self.bridge)
        self.bridge, self._configured = bridge, pipeline.configured(bridge)
        if not alike and self.rate_limits is not None:
            self.rate_limits = RateLimits(bridge.rate_ceiling)
        self._telling.encoding = Encoding(bridge, metered=self.rate_limits is None)
        for port in replaced:
            if port.after is None:
                self._detach(port.ofport)
            else:
                self.attached[port.ofport] = port.after
                self._telling.stale(port.ofport)
        # others' flows may be where our own would go, which only the bridge can tell
        same = alike and self._telling.encoding.own == own
        return b"" if same else self.sync()

    @property
    def waits(self) -> bool:
        """Whether a packet waits in the bridge for its answer."""
        return self.bridge.flows is Flows.EXTERNAL or self.bridge.reply is Reply.RESUME

    def format(self, *, waited: bool) -> bytes:
        """What has packet-ins in the form that the way back needs, if that was another."""
        if waited is self.waits:
            return b""
        return asynchronous.set_packet_in_format(next(self._xids), waits=self.waits)

    def _attach(self, ofport: int, name: str) -> None:
        port = self._configured.get(ofport) or self._configured.get(name)
        if port is None:
            self._detach(ofport)
            return
        self.attached[ofport] = Attached.of(port)
        self._telling.stale(ofport)

    def _detach(self, ofport: int) -> None:
        if self.attached.pop(ofport, None) is not None:
            self._telling.stale(ofport)


def _but_ports(bridge: Bridge) -> Bridge:
    return replace(bridge, ports=())
