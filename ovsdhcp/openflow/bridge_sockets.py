"""Unix sockets by which bridges of this machine connect, for less of ovs-vswitchd's time than TCP.

Open vSwitch connects only to a socket in its own folder: a bridge's is `FOLDER/BRIDGE.controller`,
and its controller `unix:FOLDER/BRIDGE.controller`. Only its owner and root can connect to it.
The sockets are beside TCP: what is wrong with one is told, and the rest goes on.
"""

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, SOCK_STREAM, socket
from typing import Any

from ovsdhcp.openflow.listener import BACKLOG, Serve, accept_all

LOG = logging.getLogger("ovsdhcp")

Spawn = Callable[..., object]
"""Runs a function with its arguments beside the others: Ryu's `hub.spawn`, or a thread."""


_LIVES = "another server listens there"


class LivingError(OSError):
    """Another server listens there."""


@dataclass(frozen=True, slots=True)
class BridgeSocket:
    """Where a bridge can connect: `problem` and `hint` are empty while it can."""

    bridge: str
    path: Path
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Open:
    """A listener, and its file as it was made: device and inode."""

    listener: socket
    path: Path
    file: tuple[int, int]

    def is_there(self) -> bool:
        """Whether it is still this one that has the name."""
        try:
            return _identity(self.path) == self.file
        except OSError:
            return False

    def close(self) -> None:
        """Whoever accepts from it is woken. A file that another server has put there stays."""
        with suppress(OSError):
            if self.is_there():
                self.path.unlink()
        with suppress(OSError):
            self.listener.shutdown(SHUT_RDWR)


class BridgeSockets:
    """The sockets in `folder`, or none where that is None; `serve` is called for each connection.

    It is given a socket's path as the address of whoever connects, which has none.
    """

    def __init__(self, folder: Path | None, serve: Serve, spawn: Spawn) -> None:
        self._folder, self._serve, self._spawn = folder, serve, spawn
        self._wanted: list[str] = []
        self._open: dict[str, _Open] = {}
        self._problems: dict[str, BridgeSocket] = {}

    @property
    def all(self) -> list[BridgeSocket]:
        """Those that there are, and those that should be, by the name of the bridge."""
        return [
            self._problems.get(name) or BridgeSocket(name, self._path(name))
            for name in self._wanted
        ]

    def listen_for(self, bridges: Iterable[str]) -> None:
        """Listen for these bridges and no others; connections that there are stay.

        To be called again after a reload; what could not be opened is tried again.
        """
        named = () if self._folder is None else bridges
        # Open vSwitch has none with a slash
        self._wanted = sorted(name for name in named if "/" not in name)
        for name in self._open.keys() - set(self._wanted):
            self._open.pop(name).close()
        self._listen_to_the_rest(self._waiting())

    def look_again(self) -> None:
        """Listen where it is possible by now, and anew where the file is gone.

        To be called every second or so: Open vSwitch may start later, or make its folder anew. A
        problem is told once.
        """
        for name in [name for name, it in self._open.items() if not it.is_there()]:
            self._open.pop(name).close()
        self._listen_to_the_rest([name for name in self._waiting() if not self._is_anothers(name)])

    def _waiting(self) -> list[str]:
        return [name for name in self._wanted if name not in self._open]

    def _is_anothers(self, name: str) -> bool:
        """Whether another server was found there, and its file still is: it is not to be asked."""
        known = self._problems.get(name)
        return known is not None and known.problem == _LIVES and os.path.lexists(known.path)

    def _listen_to_the_rest(self, bridges: list[str]) -> None:
        self._problems = {name: it for name, it in self._problems.items() if name in self._wanted}
        for name in bridges:
            try:
                self._listen(name, self._path(name))
            except OSError as error:
                problem = BridgeSocket(name, self._path(name), *_why(self._path(name), error))
                self._tell(problem)
                if not _is_ours_to_write(problem.path.parent):  # nor would the others have one
                    for other in bridges:
                        it = replace(problem, bridge=other, path=self._path(other))
                        self._problems[other] = it
                    return

    def _tell(self, problem: BridgeSocket) -> None:
        if self._problems.get(problem.bridge) != problem:
            self._problems[problem.bridge] = problem
            LOG.error(
                "no socket %s for bridge %s: %s; bridges can connect by TCP, and it is tried "
                "again. hint: %s",
                *(problem.path, problem.bridge, problem.problem, problem.hint),
            )

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{name}.controller"

    def close(self) -> None:
        """Listen for none, and leave no file."""
        self.listen_for(())

    def _listen(self, name: str, path: Path) -> None:
        opened = self._open[name] = _listening(path)
        self._problems.pop(name, None)
        self._spawn(self._accept, opened.listener, str(path))
        LOG.info("bridge %s: can connect to unix:%s", name, path)

    def _accept(self, listener: socket, path: str) -> None:
        def take(connected: socket, _: Any) -> None:
            self._spawn(self._serve, connected, path)

        with listener:
            accept_all(listener, take)


def _listening(path: Path) -> _Open:
    """Listen, in place of a server that died. Raises OSError, of which LivingError is one."""
    if path.is_socket():
        if _is_living(path):
            raise LivingError
        path.unlink()
    listener = socket(AF_UNIX, SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), 0o600)  # Linux makes the file with the socket's own mode
        listener.bind(str(path))
        listener.listen(BACKLOG)
        return _Open(listener, path, _identity(path))
    except OSError:
        listener.close()
        raise


def _is_living(path: Path) -> bool:
    with socket(AF_UNIX, SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:  # it lives, and has more to accept than it may have waiting
            return True
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _is_ours_to_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _why(path: Path, error: OSError) -> tuple[str, str]:
    """What is wrong, and what to do."""
    folder = path.parent
    if isinstance(error, LivingError):
        return _LIVES, "stop that one, or leave this bridge to it"
    if not folder.is_dir():
        hint = "start Open vSwitch, or set $OVSDHCP_SOCKETS to the folder it runs in"
        return f"there is no folder {folder}", hint
    hint = (
        f"remove what is at {path}, if it is of no use"
        if _is_ours_to_write(folder)
        else f"{folder} has to be writable for the server's user"
    )
    return error.strerror or str(error), hint
