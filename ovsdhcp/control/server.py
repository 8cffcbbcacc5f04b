"""The server's end of the control socket: who may ask, how long, and how much at a time.

Each connection has a thread of its own (a green one under Ryu), so a reader that is slow or stuck
holds up nobody else; it is cut off after `PATIENCE`, and no more than one line waits for it.
A verb is a function from arguments to items. It is asked for the next item only once the last one
has left, and between two items everybody else has a turn: a long answer is made in slices.

The socket is there for its owner only. Beside it lies a lock, which ends with the process that has
it: so the socket of a server that died is replaced, and that of one that lives never is.
"""

import contextlib
import fcntl
import logging
import os
import socket
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from ovsdhcp.control import protocol
from ovsdhcp.control.protocol import ControlError, Document, Request

LOG = logging.getLogger("ovsdhcp")

MOST_CONNECTIONS = 32
PATIENCE = 10.0
"""Seconds for a request to be there, and for a line to be taken."""
IDLE = 0.1
"""Seconds until a verb that had nothing to say is asked again."""
ALIVE_EVERY = 5.0
"""Seconds after which an idle connection hears so; it is how a reader that left is noticed."""

Verb = Callable[[Mapping[str, Any]], Generator[Document | None, None, None]]
"""What may be asked: from arguments to items.

None says that there is nothing to say for now, and an empty item only gives the others a turn.
It may raise `ControlError`. It is closed when nobody listens any longer.
"""

Spawn = Callable[..., object]
"""Runs a function with its arguments beside the others: Ryu's `hub.spawn`, or a thread."""


class CannotListenError(Exception):
    """There is no control socket; the message says why, and what to do."""


class Control:
    """The control socket at `path`. All that it does is behind `open`."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], spawn: Spawn) -> None:
        self._path, self._verbs, self._spawn = path, verbs, spawn
        self._listener: socket.socket | None = None
        self._lock = -1
        self._connections = 0

    def open(self) -> None:
        """Listen. Raises `CannotListenError`; without the socket everything else works."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _only_one(self._path.with_suffix(".lock"))
            self._listener = _listening(self._path)
        except BlockingIOError:
            raise CannotListenError(
                f"{self._path}: another server has it\n\n"
                "hint: give each its own folder with $OVSDHCP_STATE_DIR"
            ) from None
        except OSError as error:
            self.close()
            raise CannotListenError(
                f"{self._path}: {error.strerror or error}\n\n"
                "hint: make the folder for the server's user, or choose another with "
                "$OVSDHCP_STATE_DIR"
            ) from None
        self._spawn(self._accept, self._listener)

    def close(self) -> None:
        """Listen no longer, and leave nothing behind but the lock's file."""
        if self._listener is not None:
            self._path.unlink(missing_ok=True)
            self._listener.close()
            self._listener = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                if self._listener is listener:
                    LOG.warning("control socket: %s", error)
                    time.sleep(1)  # no descriptors left, say
                continue
            if self._connections >= MOST_CONNECTIONS:
                _turn_away(connection)
                continue
            self._connections += 1
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        """One connection to its end, whatever it asks."""
        try:
            with contextlib.closing(connection), contextlib.suppress(_GoneError):
                _send(connection, self._answer(connection))
        finally:
            self._connections -= 1

    def _answer(self, connection: socket.socket) -> bytes:
        """Say all that there is to say, but for the last line."""
        try:
            self._say(connection, protocol.read_request(_line_of(connection)))
        except ControlError as error:
            return protocol.error_line(error)
        except _GoneError:
            raise
        except Exception:
            LOG.exception("the control socket failed; this is a bug, please report it")
            said = "the server failed at this; its log says how"
            return protocol.error_line(ControlError(protocol.INTERNAL, said))
        return protocol.line({"done": True})

    def _say(self, connection: socket.socket, request: Request) -> None:
        verb = self._verbs.get(request.verb)
        if verb is None:
            known = ", ".join(sorted(self._verbs))
            message = f"this server knows no `{request.verb[:40]}`"
            raise ControlError(protocol.UNKNOWN_VERB, message, f"it knows {known}")
        said = time.monotonic()
        with contextlib.closing(verb(request.arguments)) as items:
            for item in items:
                now = time.monotonic()
                if item or now - said >= ALIVE_EVERY:
                    said = now
                    answer = {"item": item} if item else {"alive": True}
                    _send(connection, protocol.line(answer))
                time.sleep(IDLE if item is None else 0)


class _GoneError(Exception):
    """Nobody listens any longer, or not fast enough."""


def _send(connection: socket.socket, octets: bytes) -> None:
    try:
        connection.settimeout(PATIENCE)
        connection.sendall(octets)
    except OSError:
        raise _GoneError from None


def _only_one(path: Path) -> int:
    """The lock, for as long as its descriptor is open. Raises BlockingIOError: somebody has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _listening(path: Path) -> socket.socket:
    """A listener in place of a dead one's; anything else that has the name stays."""
    if path.is_socket():
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(MOST_CONNECTIONS)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _turn_away(connection: socket.socket) -> None:
    message = f"{MOST_CONNECTIONS} connections are served already"
    error = ControlError(protocol.BUSY, message, "end a `--watch` or an `events -f`")
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.settimeout(0)
        connection.sendall(protocol.error_line(error))


def _line_of(connection: socket.socket) -> bytes:
    """The request's line. Raises `ControlError` where it does not come, or does not end."""
    octets, deadline = b"", time.monotonic() + PATIENCE
    while b"\n" not in octets:
        if len(octets) >= protocol.MOST_REQUEST:
            said = f"a request has at most {protocol.MOST_REQUEST} octets"
            raise ControlError(protocol.TOO_LONG, said)
        try:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            part = connection.recv(protocol.MOST_REQUEST - len(octets))
        except OSError:
            raise _GoneError from None
        if not part:
            raise ControlError(protocol.MALFORMED, "the request ends before its line does")
        octets += part
    return octets.partition(b"\n")[0]
