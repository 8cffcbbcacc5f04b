"""What happened, one value a transaction, for whoever tells it: the log, `events`, the journal.

The packet path only counts, in `Tallies`; what costs something is done when they are taken.
"""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.message import MESSAGE_TYPE, Client, MessageType, Request
from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.dhcp.server import Drop, Reply, State

MOST_TOLD = 200
"""Events of one taking: beyond it equal exchanges are told as one, then only counted."""

_APART = 1e-7
"""Seconds between two questions of one read, so that it is known which one was the last: less than
it takes to answer one, and more than a float leaves out after years of uptime."""

_WARN = frozenset({reasons.DECLINE.code, reasons.ROGUE_SERVER.code})
"""What somebody has to look into, and not only the client."""


class Resumed(NamedTuple):
    """A packet that waited and goes on as it came, for others' flows to decide, and why.

    `request` is None where there is no well-formed one.
    """

    reason: Reason
    request: Request | None = None


Outcome = Reply | Drop | Resumed


class Exchange(NamedTuple):
    """A question and its answer, less what differs each time the very same is asked.

    `message` is the type asked (`DISCOVER`, …), empty where there is no well-formed request;
    `event` the type answered in small letters, or `drop`, or `resume`; `state` is empty where
    nothing was answered. `binding` is None where the table knows none for the MAC. `dl_src` is
    empty where several MACs are meant.
    """

    bridge: str
    port: str
    dl_src: bytes
    binding: Binding | None
    message: str
    event: str
    state: str
    reason: Reason
    left_out: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, bridge: str, port: str, dl_src: bytes, binding: Binding | None, said: Outcome
    ) -> "Exchange":
        """What a question came to, for the port of a bridge."""
        message = "" if said.request is None else said.request.type_name
        if isinstance(said, Reply):
            event, state = _EVENTS[said.message_type], _STATES[said.state]
            end = (message, event, state, said.reason, said.left_out)
        else:
            end = (message, _UNANSWERED[type(said)], "", said.reason, ())
        return tuple.__new__(cls, (bridge, port, dl_src, binding, *end))


_EVENTS = {kind: kind.name.lower() for kind in MessageType}
_STATES = {state: state.value for state in State}
_UNANSWERED = {Drop: "drop", Resumed: "resume"}


class Event(NamedTuple):
    """One transaction, or several of the very same when there is much to tell.

    `at` is of the caller's clock, when the question was read; `microseconds` lie between that and
    its answer. `xid` is None where there is no well-formed request. With `times` over 1,
    `xid`, `at` and `microseconds` are the last one's.
    """

    exchange: Exchange
    xid: int | None
    at: float
    microseconds: int
    times: int = 1

    @property
    def level(self) -> int:
        """A level of `logging`."""
        return logging.WARNING if self.exchange.reason.code in _WARN else logging.INFO

    def fields(self) -> dict[str, str | int]:
        """What there is to say, by stable keys in the order of a line."""
        said = self.exchange
        words: dict[str, str | int | None] = {
            "event": said.event,
            "bridge": said.bridge,
            "port": said.port,
            "mac": said.dl_src.hex(":") or None,
            "ip": None if said.binding is None else str(said.binding.address),
            "message": said.message or None,
            "xid": None if self.xid is None else f"{self.xid:#010x}",
            "state": said.state or None,
            "left_out": ",".join(map(str, said.left_out)) or None,
            "reason": said.reason.code,
            "us": self.microseconds,
            "times": self.times if self.times > 1 else None,
        }
        return {key: word for key, word in words.items() if word is not None}


@dataclass(slots=True, eq=False)
class Tally:
    """How often an exchange happened that is not settled yet, and what was so the last time.

    `before` are those of the `times` that were told already, as long as the `period` is one that
    is not told; it is below zero where they are settled as well.
    """

    exchange: Exchange
    times: int = 0
    at: float = 0.0
    took: float = 0.0
    xid: int = 0
    client: Client | None = None
    period: int = 0
    before: int = 0

    def event(self) -> Event:
        """All that was not told."""
        times = self.times - self.before
        return _event(self.exchange, self.xid, self.at, self.took, times)


Told = tuple[Tally, Client | None]
"""What is told of a question and its answer, and who asked (None, where there is no well-formed
request)."""


class Counted(NamedTuple):
    """How often an exchange happened, when last, and who asked then."""

    exchange: Exchange
    times: int
    last: float
    client: Client | None


class Tallies:
    """What happened: each exchange is made once, most are of a few kinds for each client."""

    def __init__(self, most: int = 32_768) -> None:
        self._most = most
        self._made: dict[object, Tally] = {}
        self._old: deque[dict[object, Tally]] = deque()
        """What was made before, the eldest first; to let go of one at once takes 8 ms."""
        self._unsettled: deque[Tally] = deque()
        self._period = 1
        """From one taking to the next; what has happened in it, since when each of it was new:"""
        self._happened: list[Tally] = []
        self._untold = 0
        self._singly: list[tuple[Told, int, tuple[float, float]]] = []
        """The first of it, one by one."""

    def of(
        self, bridge: str, port: str, dl_src: bytes, binding: Binding | None, said: Outcome
    ) -> Tally:
        """Where it is counted what a question came to, for the port of a bridge."""
        request, reason = said.request, said.reason
        kind = None if request is None else request.options[MESSAGE_TYPE]
        state, left_out = (said.state, said.left_out) if isinstance(said, Reply) else (None, ())
        # the exchange keeps binding and reason, and with them the ids from being others'
        key = bridge, port, dl_src, id(binding), kind, id(reason), type(said), state, left_out
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= self._most:
                self._old.append(self._made)
                self._made = {}
            made = self._made[key] = Tally(Exchange.of(bridge, port, dl_src, binding, said))
        return made

    def note(self, told: list[Told], xids: list[int], at: float, took: float) -> None:
        """Count the questions of one read, in their order, each with its xid.

        They were read at `at`, and answered `took` seconds later.
        """
        if len(self._singly) < MOST_TOLD:
            self._singly += zip(told, xids, repeat((at, took)), strict=False)
        if len(self._happened) < MOST_TOLD:
            self._mark(told)
        self._untold += len(told)
        unsettled = self._unsettled
        for (tally, client), xid in zip(told, xids, strict=True):
            if not tally.times:
                unsettled.append(tally)
            tally.times += 1
            tally.at, tally.took, tally.xid, tally.client = at, took, xid, client
            at += _APART

    def _mark(self, told: list[Told]) -> None:
        """Keep from when on these count, those that are the first of their kind in the period."""
        period, happened = self._period, self._happened
        for tally, _ in told:
            if tally.period != period:
                tally.period, tally.before = period, tally.times
                happened.append(tally)

    @property
    def untold(self) -> int:
        """How many exchanges there were since the last taking."""
        return self._untold

    @property
    def unsettled(self) -> int:
        """How many different exchanges wait to be settled."""
        return len(self._unsettled)

    def take(self) -> list[Event]:
        """What is to be told of all that happened since the last call."""
        if self._untold == len(self._singly):
            events = [
                _event(tally.exchange, xid, at, took)
                for (tally, _), xid, (at, took) in self._singly
            ]
        else:
            events = [tally.event() for tally in self._happened[:MOST_TOLD]]
            events.sort(key=_AT)
        self._period += 1
        self._untold, self._happened, self._singly = 0, [], []
        return events

    def settle(self, most: int) -> Iterator[Counted]:
        """Take some of what is to be settled out, at most so many."""
        self._let_go(most)
        for _ in range(min(most, len(self._unsettled))):
            tally = self._unsettled.popleft()
            times, tally.times = tally.times, 0
            tally.before -= times
            yield tuple.__new__(Counted, (tally.exchange, times, tally.at, tally.client))

    def _let_go(self, most: int) -> None:
        while self._old and most > 0:
            eldest = self._old[0]
            some = min(most, len(eldest))
            for _ in range(some):
                eldest.popitem()
            if not eldest:
                self._old.popleft()
            most -= some


_AT = attrgetter("at")


def _event(exchange: Exchange, xid: int, at: float, took: float, times: int = 1) -> Event:
    return Event(exchange, xid if exchange.message else None, at, round(took * 1e6), times)
