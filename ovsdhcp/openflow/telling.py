"""What one bridge has been told of flows and meters, and what it has to be told now.

A change is one bundle with a barrier behind it, its meters before and after; only what differs is
in it. It is made in pieces that take a millisecond or two each, so that packets are answered while
45,000 flows are read, compared and laid.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from ovsdhcp.config.table import Port
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.attached import Attached
from ovsdhcp.openflow.bundle import Bundle, exclusive, in_turns
from ovsdhcp.openflow.encoding import Encoding
from ovsdhcp.openflow.messages import Entry, Key
from ovsdhcp.openflow.meter_table import MeterTable

PORTS_AT_ONCE = 16
"""Ports between two pauses: some 200 flows."""

Pieces = Generator[bytes, None, None]


@dataclass(slots=True)
class _Dump:
    """The same for a sync: parts of it that were not read yet, and the flows of those that were."""

    xid: int
    parts: deque[bytes] = field(default_factory=deque)
    flows: dict[Key, Entry] = field(default_factory=dict)
    whole: bool = False


class Telling:
    """What the bridge has is brought to what `attached` and `encoding` come to.

    `in_sync` says that the bridge has confirmed all that it was told. `xids` numbers the messages.
    """

    def __init__(
        self, attached: Mapping[int, Attached], encoding: Encoding, xids: "count[int]"
    ) -> None:
        self.encoding = encoding
        self.in_sync = False
        self._attached = attached
        self._xids = xids
        self._metered = True
        self._meters = MeterTable(xids)
        self._laid: dict[int, tuple[Encoding, Port]] = {}
        self._stale: dict[int, None] = {}
        self._told: dict[int, list[Key]] = {}
        self._deleted: set[Key] = set()
        self._dump: _Dump | None = None
        self._telling = self._ask_again = False
        self._barrier = 0

    # -- events ------------------------------------------------------------------------------

    def stale(self, ofport: int) -> None:
        """A port's flows may not be what they should be any more."""
        self._stale[ofport] = None

    def sync(self) -> bytes:
        """As `Switch.sync`."""
        self.in_sync = False
        self._ask_again = self._telling
        return b"" if self._telling else self._ask()

    def meter_config(self, xid: int, reply: bytes) -> bool:
        """One part of the answer to `sync`, if it is one."""
        return self._meters.told(xid, reply)

    def flow_stats(self, xid: int, reply: bytes, *, more: bool) -> bool:
        """One part of the answer to `sync`, if it is one."""
        dump = self._dump
        if dump is None or xid != dump.xid:
            return False
        dump.parts.append(reply)
        dump.whole = not more
        return True

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
        """Whether an error with this xid is about a meter."""
        return self._metered and self._meters.refused(xid)

    def without_meters(self, encoding: Encoding) -> None:
        """The bridge takes none: what it was told of flows that go through them is void."""
        self._metered, self.encoding = False, encoding
        self._told.clear()

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
        asked = self._meters.ask() if self._metered else b""
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

    def _read(self, dump: _Dump) -> Pieces:
        for _ in self._meters.read():
            yield b""
        while dump.parts:
            for flow in in_turns(messages.read_flow_stats(dump.parts.popleft())):
                if flow is None:
                    yield b""
                else:
                    dump.flows[flow.key] = flow.entry
            yield b""

    def _compared(self, there: dict[Key, Entry]) -> Pieces:
        """What turns all that is there into all that should be."""
        self._stale.clear()
        self._laid.clear()
        encoding, change = self.encoding, Bundle(self._xids)
        surplus = set(self._meters.there) - {meter.number for meter in encoding.own_meters}
        yield self._meters.make(encoding.own_meters)
        alone = {}
        for at, what in encoding.own.items():
            known = there.pop(at, None)
            if known is None and at in encoding.exclusive:
                alone[at] = what
            elif known != what:
                change.add(at, what)
        yield from self._change(list(self._attached), there, surplus, change)
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
            attached = self._attached.get(ofport)
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
        meters = self.encoding.meters(port, ofport)
        surplus.difference_update(meter.number for meter in meters)
        return self._meters.make(meters)

    def _lay(self, ofport: int, port: Port) -> Iterator[tuple[Key, Entry]]:
        self._laid[ofport] = self.encoding, port
        return self.encoding.flows(port, ofport)
