"""The verb `events`: the last transactions, and those that follow."""

import logging
import time
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from itertools import islice
from typing import Any

from ovsdhcp.control.protocol import WRONG_ARGUMENT, ControlError, Document
from ovsdhcp.control.running import moment
from ovsdhcp.events import Event

REMEMBERED = 5_000
"""Events; older ones are in the log only."""
A_TURN = 200

Items = Generator[Document | None, None, None]


class History:
    """The last events; all who read share them, so a reader that is slow costs nothing.

    It has missed what was forgotten before it came by, and is told how many those were.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._events: deque[Event] = deque(maxlen=remembered)
        self._ever = 0

    def tell(self, events: list[Event]) -> None:
        """Remember what happened."""
        self._events.extend(events)
        self._ever += len(events)

    def since(self, ever: int) -> tuple[list[Event], int, int]:
        """What happened after the first `ever` events: those, how many are lost, all ever."""
        new = self._ever - ever
        lost = max(new - len(self._events), 0)
        kept = new - lost
        return list(islice(self._events, len(self._events) - kept, None)), lost, self._ever

    def events(self, arguments: Mapping[str, Any]) -> Items:
        """`events` in slices, oldest first; `missed` counts those that a follower was too slow for.

        `last` in the arguments is how many of the past, all that are remembered without it;
        with `follow` there is no end.
        """
        last = arguments.get("last", REMEMBERED)
        if type(last) is not int or last < 0:
            raise ControlError(WRONG_ARGUMENT, f"`last` is a number of events, not {last!r}")
        ever = max(self._ever - min(last, len(self._events)), 0)
        while True:
            events, lost, ever = self.since(ever)
            if lost:
                yield {"missed": lost}
            for start in range(0, len(events), A_TURN):
                yield {"events": _documents(events[start : start + A_TURN])}
            if not arguments.get("follow"):
                return
            if not events:
                yield None


def _documents(events: Iterable[Event]) -> list[Document]:
    """The stable keys of each, after the moment on the wall clock and the level, as in the log."""
    offset = time.time() - time.monotonic()
    return [
        {
            "ts": moment(event.at + offset),
            "level": logging.getLevelName(event.level).lower(),
            **event.fields(),
        }
        for event in events
    ]
