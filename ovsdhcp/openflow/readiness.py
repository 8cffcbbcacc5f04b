"""Waiting for a socket without asking the kernel anew each time.

eventlet's own way registers the descriptor with epoll for each wait, and takes it out behind it,
with a timer for the time-out: for a switch that asks one question at a time that is a third of
what an answer costs.
"""

from typing import Any

from ryu.lib import hub

_EVENTLET = hub.eventlet  # which is to be imported by Ryu, see ryu_compat


class Readiness:
    """Lets one green thread wait until there is something to read from a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hub = _EVENTLET.hubs.get_hub()
        self._listener: Any = None
        self._waiting: Any = None

    def wait(self) -> None:
        """Until there is something to read, or the end, or `wake`."""
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
