"""Waiting for a socket without asking the kernel anew each time.

eventlet's own way registers the descriptor with epoll for each wait, and takes it out behind it,
with a timer for the time-out: for a switch that asks one question at a time that is a third of
what an answer costs.

Another third is to fall asleep and to be woken. Where one question follows the other so fast that
the last wait was hardly one, the next is looked out for, as the kernel does it for virtual machines
that halt. A wait that turns out to be longer ends this, so that hardly ever is looked out in vain.
"""

from os import sched_yield
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
        self._look: Any = getattr(self._hub, "poll", None)
        """None where another hub than epoll's or poll's was asked for."""
        self._was_soon = False

    def wait(self, *, eager: bool) -> None:
        """Until there is something to read, or the end, or `wake`.

        `eager` says that a short wait is worth some CPU: where many questions come at once, to
        let the others work brings more of them.
        """
        began = monotonic()
        if eager and self._was_soon and self._look is not None:
            self._look_out(began + SOON)
        self._sleep()
        self._was_soon = monotonic() - began < SOON

    def _look_out(self, until: float) -> None:
        """Until there is something for anybody: the hub goes round as ever behind it."""
        while monotonic() < until and not self._look.poll(0):
            sched_yield()

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
