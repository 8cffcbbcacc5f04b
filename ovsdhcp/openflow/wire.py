"""One socket to a switch, read and written in large pieces.

Nothing here waits for a switch that does not read: what it has not taken is kept, and while that
is much, nothing more is read from it.
"""

from collections import deque
from contextlib import suppress
from socket import SHUT_RDWR, SO_SNDBUF, SOL_SOCKET, socket
from typing import Any

from ryu.lib import hub

from ovsdhcp.openflow.readiness import Readiness

ONE, ONE_BY_ONE = 640, 4
"""Octets of a read that had one question at most; after so many of them they come one by one."""

AT_ONCE = 10e-6
"""Seconds: what was waited for less was there already, and more may be behind it."""

READ_AT_MOST = 1 << 16
"""Octets of one read: some 150 questions, which take 2 ms where none was asked before."""

UNSENT_AT_MOST = 1 << 20
"""Octets that a switch may have left unread and still be read from."""

READS_WITHIN = 30.0
"""Seconds in which a switch has to take something of what it is sent."""

_BUFFERED = 1 << 18


class Wire:
    """A connected socket. One green thread reads it, another runs `send_unsent`."""

    def __init__(self, connected: socket) -> None:
        self.socket = connected
        plain = getattr(connected, "fd", None)
        self._plain: Any = plain
        """The socket below eventlet's. None over TLS, which may have read more already than it was
        asked for, and may have to read before it can send."""
        self._readiness = None if plain is None else Readiness(plain.fileno())
        self.ended = False
        """Whether nothing more is said on it."""
        self._unsent: deque[tuple[bytes, bool]] = deque()
        self._unsent_octets = 0
        self._to_send, self._sent = hub.Event(), hub.Event()
        self._alone = 0
        # a small buffer has room again soon, even where a busy switch reads a little at a time
        connected.setsockopt(SOL_SOCKET, SO_SNDBUF, _BUFFERED)
        connected.settimeout(READS_WITHIN)

    def read(self) -> bytes | None:
        """What there is, up to 64 KiB; None where nothing came, no octets at the end.

        Between two reads other connections have their turn, however much there is to read.
        """
        if self._unsent:
            self.wait_until_sent()
        waited = 0.0
        if self._readiness is None:
            hub.sleep(0)
        else:
            waited = self._readiness.wait(eager=self._alone >= ONE_BY_ONE)
        try:
            octets: bytes = (self._plain or self.socket).recv(READ_AT_MOST)
        except (TimeoutError, BlockingIOError):
            return None
        except (EOFError, OSError):
            return b""
        self._alone = self._alone + 1 if len(octets) < ONE and waited > AT_ONCE else 0
        return octets

    def send(self, octets: bytes, *, last: bool = False) -> bool:
        """Send now what the socket takes, and the rest as soon as it does. Never waits.

        False where the wire has ended; it does behind the `last`.
        """
        if self.ended:
            return False
        rest = octets if self._unsent or last else self._send_now(octets)
        if rest:
            self._unsent.append((rest, last))
            self._unsent_octets += len(rest)
            self._to_send.set()
        return True

    def _send_now(self, octets: bytes) -> bytes:
        """What the socket did not take."""
        if self._plain is None:
            return octets
        try:
            sent: int = self._plain.send(octets)
        except BlockingIOError:
            return octets
        except OSError:
            return b""  # the reading side finds out as well, and ends the connection
        return b"" if sent == len(octets) else octets[sent:]

    def send_unsent(self) -> None:
        """Send what had to be kept, to the end of the wire.

        Raises TimeoutError where the switch does not read, OSError where it is gone.
        """
        try:
            while not self.ended and self._send_all():
                self._to_send.clear()
                self._to_send.wait()
        finally:
            self.ended = True
            self._unsent.clear()
            self._unsent_octets = 0
            self._sent.set()

    def _send_all(self) -> bool:
        """Whether there may be more."""
        while self._unsent:
            octets, last = self._unsent[0]
            self.socket.sendall(octets)
            self._unsent.popleft()
            self._unsent_octets -= len(octets)
            self._sent.set()
            if last:
                return False
        return True

    def wait_until_sent(self) -> None:
        """Wait for a switch that leaves so much unread: nothing more is read from it meanwhile."""
        while self._unsent_octets > UNSENT_AT_MOST and not self.ended:
            self._sent.clear()
            self._sent.wait()

    def end(self) -> None:
        """Wake whoever waits for it: nothing more is said on it."""
        self.ended = True
        self._sent.set()
        self._to_send.set()
        if self._readiness is not None:
            self._readiness.wake()

    def close(self) -> None:
        """Called by the thread that reads, behind its last read."""
        self.end()
        if self._readiness is not None:
            self._readiness.close()
        with suppress(OSError):
            self.socket.shutdown(SHUT_RDWR)
        self.socket.close()
