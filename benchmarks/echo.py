"""How long the controller lets a switch wait: a second switch that asks for nothing but an echo.

It is what Open vSwitch does when it has heard nothing for some seconds; it gives a controller up
that does not answer. Asked every few milliseconds, it shows whatever holds the controller up.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measuring import rounded
from benchmarks.tables import ECHO_DPID
from ovsdhcp.lab import namespace

EVERY = 0.005
_PATIENCE = 30.0
_HEADER = struct.Struct("!BBHI")
_HELLO, _ECHO, _ECHOED, _FEATURES, _FEATURES_ARE, _STATS, _STATS_ARE = 0, 2, 3, 5, 6, 18, 19


class Echo:
    """A connection to a controller on which echo requests go out; `waits` are seconds."""

    def __init__(self, home: str) -> None:
        with namespace.inside(home):
            self._socket = socket.create_connection(("127.0.0.1", 6653), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._send(_HELLO, 0)
        self.waits: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def stop(self) -> None:
        """End it after the reply that it waits for."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _sample(self) -> None:
        while not self._stop.wait(EVERY):
            start = time.perf_counter()
            self._send(_ECHO, 1)
            while self._take() != _ECHOED:
                pass
            self.waits.append(time.perf_counter() - start)

    def _send(self, kind: int, xid: int, body: bytes = b"") -> None:
        self._socket.sendall(_HEADER.pack(4, kind, 8 + len(body), xid) + body)

    def _take(self) -> int:
        """Read a message, and answer what a controller asks at the beginning."""
        _, kind, length, xid = _HEADER.unpack(self._read(8))
        body = self._read(length - 8)
        if kind == _FEATURES:
            self._send(_FEATURES_ARE, xid, struct.pack("!QIBB2xII", ECHO_DPID, 0, 1, 0, 0, 0))
        elif kind == _STATS:
            self._send(_STATS_ARE, xid, body[:2] + bytes(6))
        elif kind == _ECHO:
            self._send(_ECHOED, xid, body)
        return int(kind)

    def _read(self, octets: int) -> bytes:
        read = b""
        while len(read) < octets:
            more = self._socket.recv(octets - len(read))
            if not more:
                raise ConnectionError("the controller has closed the connection")
            read += more
        return read


@contextmanager
def echoes(home: str) -> Iterator[dict[str, float]]:
    """What the echoes took in ms, filled in at the end of the block."""
    shown: dict[str, float] = {}
    echo = Echo(home)
    try:
        yield shown
    finally:
        echo.stop()
    waits = sorted(rounded(wait * 1000) for wait in echo.waits)
    if waits:
        at = {"p50": len(waits) // 2, "p99": len(waits) * 99 // 100, "max": -1}
        shown |= {name: waits[place] for name, place in at.items()}
