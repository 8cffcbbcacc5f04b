"""The transactions in the log: a line for each, but repeated refusals summed up.

A client that is refused tries again, some many times a second, and for ever. The first refusal is
told at once; the same ones (bridge, port, MAC, reason) that follow within ten seconds are one line
at their end, which says how many `times`.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ovsdhcp.events import Event, Exchange
from ovsdhcp.log.logfmt import Fields

LOG = logging.getLogger("ovsdhcp")

SUMMED_FOR = 10.0
"""Seconds."""
MOST_APART = 1_000
"""Refused MACs that are told apart; those beyond are summed up by bridge, port and reason alone."""
SLICE = 20
"""Lines, some 10 µs each, after which others have their turn."""

_REFUSALS = frozenset({"drop", "nak", "resume"})

Key = tuple[str, str, bytes, str]


@dataclass(slots=True)
class _Sum:
    """Refusals that wait for the end of their ten seconds, and the last of them."""

    until: float
    times: int = 0
    last: Event | None = None


class Refusals:
    """Which events are to be told now. `now` is of the events' clock."""

    def __init__(self) -> None:
        self._sums: dict[Key, _Sum] = {}
        """By the end of their time, the next first."""

    def told(self, events: Iterable[Event], now: float) -> list[Event]:
        """What has to be said of what is over, and of what came."""
        return self._over(now) + [event for event in events if self._is_told(event, now)]

    def all(self) -> list[Event]:
        """What was not said yet, because it is the end."""
        summed = [_summed(one) for one in self._sums.values() if one.last is not None]
        self._sums.clear()
        return summed

    def _is_told(self, event: Event, now: float) -> bool:
        if event.exchange.event not in _REFUSALS:
            return True
        key = _key(event.exchange)
        if key not in self._sums and len(self._sums) >= MOST_APART:
            event = event._replace(exchange=_of_any(event.exchange))
            key = _key(event.exchange)
        found = self._sums.get(key)
        if found is None:
            self._sums[key] = _Sum(now + SUMMED_FOR)
            return True
        found.times += event.times
        found.last = event
        return False

    def _over(self, now: float) -> list[Event]:
        """Those whose time is over; where there were some, another ten seconds begin."""
        summed = []
        for key, one in list(self._sums.items()):
            if one.until > now:
                break
            del self._sums[key]
            if one.last is not None:
                summed.append(_summed(one))
                self._sums[key] = _Sum(now + SUMMED_FOR)
        return summed


def _key(exchange: Exchange) -> Key:
    return exchange.bridge, exchange.port, exchange.dl_src, exchange.reason.code


def _of_any(exchange: Exchange) -> Exchange:
    return exchange._replace(dl_src=b"", binding=None)


def _summed(one: _Sum) -> Event:
    assert one.last is not None
    return one.last._replace(times=one.times)


class Exchanges:
    """Tells events to the log, some at a time: between them it calls `pause`."""

    def __init__(
        self,
        pause: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pause, self._clock, self._wall = pause, clock, wall
        self._refusals = Refusals()

    def tell(self, events: list[Event]) -> None:
        """To be called some times a second, with no events as well."""
        self._log(self._refusals.told(events, self._clock()))

    def tell_rest(self) -> None:
        """At the end: what was kept to be summed up."""
        self._log(self._refusals.all())

    def _log(self, events: list[Event]) -> None:
        since = self._wall() - self._clock()
        for number, event in enumerate(events, 1):
            _log(event, since + event.at)
            if number % SLICE == 0:
                self._pause()


def _log(event: Event, at: float) -> None:
    """With the time that it happened at, which is not that of the record."""
    if LOG.isEnabledFor(event.level):
        says = Fields(event.fields())
        record = logging.LogRecord(LOG.name, event.level, "", 0, says, None, None)
        record.created, record.msecs = at, at % 1 * 1000
        LOG.handle(record)
