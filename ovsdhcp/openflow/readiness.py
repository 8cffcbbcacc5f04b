"""Waiting for a socket without asking the kernel anew each time.

eventlet's own way registers the descriptor with epoll for each wait, and takes it out behind it,
with a timer for the time-out: for a switch that asks one question at a time that is a third of
what an answer costs.

Another third is to fall asleep and to be woken. Where one question follows the other so fast that
the last wait was hardly one, the next is looked out for, as the kernel does it for virtual machines
that halt. A wait that turns out to be longer ends this, so that hardly ever is looked out in vain.
"""

from collections.abc import Sequence
from os import sched_yield
from select import POLLIN
from time import monotonic
from typing import Any

from ryu.lib import hub

_EVENTLET = hub.eventlet  # which is to be imported by Ryu, see ryu_compat


SOON = 120e-6
"""Seconds: so long is looked out, and a wait was hardly one. A switch of the same machine that is
answered asks the next question within these.
"""


class Readiness:
    """Lets one green thread wait until there is something to read from a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hub = _EVENTLET.hubs.get_hub()
        self._listener: Any = None
        self._waiting: Any = None
        self._poll: Any = getattr(self._hub, "do_poll", None)
        """None where another hub than epoll's or poll's was asked for."""
        self._was_soon = False

    def wait(self, *, eager: bool) -> float:
        """Until there is something to read, or the end, or `wake`; returns the seconds of it.

        `eager` says that a short wait is worth some CPU: where many questions come at once, to
        let the others work brings more of them.
        """
        began = monotonic()
        if not self._is_next(began + SOON if eager and self._was_soon else 0.0):
            self._sleep()
        waited = monotonic() - began
        self._was_soon = waited < SOON
        return waited

    def _is_next(self, look_out_until: float) -> bool:
        """Wait in the hub's place, which spares its round.

        False as soon as anybody else has something to do, be it to write to the same descriptor:
        then the hub goes round as ever.
        """
        idle = self._idle()
        if idle <= 0:
            return False
        found = self._look_out(look_out_until) if look_out_until else self._poll(idle)
        return len(found) == 1 and found[0] == (self._descriptor, POLLIN)

    def _idle(self) -> float:
        """Seconds until the hub has to do something of its own accord."""
        timed = self._hub
        if self._listener is None or timed.next_timers or timed.closed or not timed.timers:
            return 0.0
        due: float = timed.timers[0][0]
        return due - timed.clock() if self._poll is not None else 0.0

    def _look_out(self, until: float) -> Sequence[tuple[int, int]]:
        """Until there is something for anybody."""
        found: Sequence[tuple[int, int]] = ()
        while not found and monotonic() < until:
            found = self._poll(0)
            if not found:
                sched_yield()
        return found

    def _sleep(self) -> None:
        if self._listener is None:
            self._listener = self._hub.add(
                self._hub.READ, self._descriptor, self._ready, self._failed, self._closed
            )
        self._waiting = hub.getcurrent()
        try:
            self._hub.switch()
        finally:
            self._waiting = None

    def wake(self) -> None:
        """Have the thread that waits look whether it still should."""
        self._hub.schedule_call_global(0, self._switch)

    def close(self) -> None:
        """Before the descriptor is closed."""
        if self._listener is not None:
            self._hub.remove(self._listener)
            self._listener = None

    def _switch(self, *_: object) -> None:
        if self._waiting is not None:
            self._waiting.switch()

    def _ready(self, _: int) -> None:
        """Called by the hub, again and again while nobody reads: then it need not look."""
        if self._waiting is None:
            self.close()
        else:
            self._waiting.switch()

    def _failed(self, *error: object) -> None:
        if self._waiting is not None:
            self._waiting.throw(*error)

    def _closed(self) -> None:
        self._listener = None
