"""What happened, one value a transaction, for whoever tells it: the log, `events`, the journal.

The packet path only appends to a `Ring`; what costs something is done when the ring is taken.
"""

import logging
from collections import Counter, deque
from itertools import chain, count, repeat
from operator import attrgetter, itemgetter
from typing import NamedTuple

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.message import MESSAGE_TYPE, Client, MessageType, Request
from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.dhcp.server import Drop, Reply, State

MOST_TOLD = 200
"""Events of one taking: beyond it equal exchanges are told as one, then only counted."""

TAKEN_AT_ONCE = 2_500
"""Exchanges that are taken in one go, which takes 3 ms where each is another client's."""

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


class Exchanges:
    """The exchanges that happen, each made once: most are of a few kinds for each client.

    So what is alike is identical, which is what a `Ring` counts by.
    """

    def __init__(self, most: int = 32_768) -> None:
        self._most = most
        self._made: dict[object, Exchange] = {}

    def of(
        self, bridge: str, port: str, dl_src: bytes, binding: Binding | None, said: Outcome
    ) -> Exchange:
        """What a question came to, for the port of a bridge."""
        kind = None if said.request is None else said.request.options[MESSAGE_TYPE]
        more = (said.state, said.left_out) if isinstance(said, Reply) else type(said)
        # the exchange keeps its binding, and with it the id from being another's
        key = (bridge, port, dl_src, id(binding), kind, said.reason.code, more)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= self._most:
                self._made.clear()
            made = self._made[key] = Exchange.of(bridge, port, dl_src, binding, said)
        return made


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


Told = tuple[Exchange, Client | None]
"""What is told of a question and its answer, and who asked (None, where there is no well-formed
request)."""


class Read(NamedTuple):
    """The questions that came in one read, in their order, and so were answered in one write.

    `at` is when they were read, `took` how many seconds later they were answered. `xids` are one
    for each, any where there is no well-formed request.
    """

    at: float
    took: float
    told: list[Told]
    xids: list[int]


class Counted(NamedTuple):
    """How often the very same exchange happened, when last, and who asked then."""

    exchange: Exchange
    times: int
    last: float
    client: Client | None

    def and_then(self, later: "Counted") -> "Counted":
        """This, and what happened later of the same."""
        exchange, times, last, client = later
        return tuple.__new__(Counted, (exchange, self.times + times, last, client))


Taken = tuple[list[Event], list[Counted]]


class Ring(deque[Read]):
    """What happened and was not taken yet. The packet path appends, and does no more."""

    def take(self, most: int = TAKEN_AT_ONCE, tell: int = MOST_TOLD) -> Taken:
        """Take the eldest reads, about `most` exchanges: the events to tell, at most `tell`, and
        all exchanges, counted, by when they happened last.
        """
        reads: list[Read] = []
        while self and most > 0:
            reads.append(self.popleft())
            most -= len(reads[-1].told)
        told = list(chain.from_iterable(map(_TOLD, reads)))
        exchanges = list(map(_EXCHANGE, told))
        kinds = list(map(id, exchanges))  # they are the same if they are identical
        times, places = Counter(kinds), dict(zip(kinds, count(), strict=False))
        last = sorted(places.values())
        xids = list(chain.from_iterable(map(_XIDS, reads)))
        moments = list(chain.from_iterable(repeat(read[:2], len(read.told)) for read in reads))
        counted = [
            tuple.__new__(Counted, (exchanges[at], times[kinds[at]], moments[at][0], told[at][1]))
            for at in last
        ]
        alone = len(told) <= tell
        events = [
            _event(exchanges[at], xids[at], moments[at], 1 if alone else times[kinds[at]])
            for at in (range(len(told)) if alone else last[:tell])
        ]
        return events, counted

    def held(self) -> int:
        """How many exchanges there are."""
        return sum(map(len, map(_TOLD, self)))


_EXCHANGE, _TOLD, _XIDS = itemgetter(0), attrgetter("told"), attrgetter("xids")


def _event(exchange: Exchange, xid: int, moment: tuple[float, float], times: int) -> Event:
    at, took = moment
    return Event(exchange, xid if exchange.message else None, at, round(took * 1e6), times)
