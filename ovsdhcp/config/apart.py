"""The lease table read in a process of its own, so that the one that answers never waits for it.

A table of 100,000 hosts takes half a second and 100 MB to read and check. The reading process is
started once, with everything imported, and forks for each table: what the reading took is given
back with its end, and whatever becomes of it, the one that answers goes on. (To read in it each
time would keep its memory; to start one each time takes longer than to read a table of 5,000.)

A request is the file's name and the digest of the table in force, with one end of a socket
attached. What comes back over it are pieces, each behind its length (4 octets): a kind and what
goes with it. It ends with the socket; where no end was said, the reading came to a bad one.
"""

import contextlib
import gc
import hashlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from struct import Struct
from types import ModuleType

from ovsdhcp.config.packing import Assembly, pack
from ovsdhcp.config.problems import NOWHERE, SHOWN, ConfigError, Problem
from ovsdhcp.config.table import Config

_LENGTH = Struct("!I")
_REQUEST_AT_MOST = 1 << 16
_READ_AT_MOST = 1 << 16
_DIGEST = 32

_PIECE, _ODD, _SAME, _DONE, _WRONG = b"P", b"O", b"S", b"D", b"W"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table that was read, what is odd in it, and the digest of its file."""

    config: Config
    warnings: tuple[Problem, ...]
    digest: bytes


# -- the side that answers -------------------------------------------------------------------


class Reader:
    """Has tables read. One at a time: what is the same in the next is taken from the one before."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._assembly: Assembly | None = None

    def load(self, path: str, known: bytes = b"") -> Generator[None, None, Loaded | None]:
        """Read the table at `path`; returns None where its digest is `known`.

        Yields where the caller may pause; what is between takes a millisecond or two. Raises
        `ConfigError` with the first problems, and a text that says how many there are.
        """
        answers = self._request(path, known)
        assembly = Assembly(self._assembly)
        warnings: tuple[Problem, ...] = ()
        with contextlib.closing(answers):
            for kind, content in _pieces(answers):
                if kind == _PIECE:
                    assembly.take(content)
                elif kind == _ODD:
                    warnings = pickle.loads(content)
                elif kind == _DONE:
                    self._assembly = assembly
                    return Loaded(assembly.config(), warnings, content)
                elif kind == _SAME:
                    return None
                else:
                    raise _told(content)
                yield
        raise _came_to_an_end(path)

    def close(self) -> None:
        """Let the reading process end."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            self._process.wait()
        self._requests = self._process = None

    def _request(self, path: str, known: bytes) -> socket.socket:
        """Where the answers to a request come from. A reading process that is gone is replaced."""
        request = known.ljust(_DIGEST, b"\0") + os.fsencode(path)
        for _ in range(2):
            requests = self._requests or self._start()
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    socket.send_fds(requests, [request], [theirs.fileno()])
                    return ours
                except OSError:
                    ours.close()
                    self.close()
        raise _came_to_an_end(path)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    (sys.executable, "-m", __name__),
                    stdin=theirs.fileno(),
                    start_new_session=True,  # Ctrl-C is for the server, and its end is this one's
                )
            except OSError as error:
                ours.close()
                raise _no_reader(error) from None
        self._requests = ours
        return ours


def _came_to_an_end(path: str) -> ConfigError:
    message = "the process that reads it came to an unexpected end"
    hint = "is there enough memory? `dmesg` tells what the kernel has ended"
    return ConfigError([Problem(path, NOWHERE, "", "reading-failed", message, hint)])


def _no_reader(error: OSError) -> ConfigError:
    message = f"no process can be started to read the table: {error.strerror}"
    hint = f"may this user run {sys.executable}, and as many processes?"
    return ConfigError([Problem(sys.executable, NOWHERE, "", "reading-failed", message, hint)])


def _pieces(answers: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """The pieces as they come, until the end of all."""
    buffer = bytearray()
    while octets := answers.recv(_READ_AT_MOST):
        buffer += octets
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            start, end = at + _LENGTH.size, at + _LENGTH.size + length
            if end > len(buffer):
                break
            yield bytes(buffer[start : start + 1]), bytes(buffer[start + 1 : end])
            at = end
        del buffer[:at]


def _told(content: bytes) -> ConfigError:
    problems, warnings, more = pickle.loads(content)
    return ConfigError(problems, warnings, more)


# -- the side that reads ---------------------------------------------------------------------


def main() -> None:
    """Read what is asked for on standard input, each table in a fork of its own."""
    from ovsdhcp.config import loading  # noqa: PLC0415 - the side that answers does without pydantic

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    gc.disable()  # a fork ends before there is much to collect
    with _waiting(socket.socket(fileno=0)) as requests:
        while True:
            request, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_AT_MOST, 1)
            if not request:
                return
            with _waiting(socket.socket(fileno=descriptors[0])) as answers:
                if os.fork() == 0:
                    requests.close()
                    _answer(request, answers, loading)
                    os._exit(0)


def _waiting(end: socket.socket) -> socket.socket:
    """A socket that waits: beside eventlet, where it was made, none does."""
    end.setblocking(True)
    return end


def _answer(request: bytes, answers: socket.socket, loading: ModuleType) -> None:
    known, path = request[:_DIGEST], os.fsdecode(request[_DIGEST:])
    with contextlib.suppress(BrokenPipeError):  # the server has ended
        for kind, content in _read(path, known, loading):
            answers.sendall(_LENGTH.pack(1 + len(content)) + kind + content)


def _read(path: str, known: bytes, loading: ModuleType) -> Iterator[tuple[bytes, bytes]]:
    warnings: list[Problem] = []
    try:
        octets = loading.octets_of(path)
        digest = hashlib.sha256(octets).digest()
        if digest == known:
            yield _SAME, b""
            return
        config = loading.parsed(octets, path, warnings)
    except ConfigError as error:
        more = max(0, len(error.problems) - SHOWN)
        said = error.problems[:SHOWN], error.warnings[:SHOWN], more
        yield _WRONG, pickle.dumps(said)
        return
    for piece in pack(config):
        yield _PIECE, piece
    yield _ODD, pickle.dumps(tuple(warnings[:SHOWN]))
    yield _DONE, digest


if __name__ == "__main__":
    main()
