"""Unix sockets by which bridges of this machine connect, for less of ovs-vswitchd's time than TCP.

Open vSwitch connects only to a socket in its own folder: a bridge's is `FOLDER/BRIDGE.controller`,
and its controller `unix:FOLDER/BRIDGE.controller`. Only its owner and root can connect to it.
The sockets are beside TCP: what is wrong with one is told, and the rest goes on.
"""

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, SOCK_STREAM, socket
from typing import Any

from ovsdhcp.openflow.listener import BACKLOG, Serve, accept_all

LOG = logging.getLogger("ovsdhcp")

Spawn = Callable[..., object]
"""Runs a function with its arguments beside the others: Ryu's `hub.spawn`, or a thread."""


class LivingError(OSError):
    """Another server listens there."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A listener, and its file as it was made: device and inode."""

    listener: socket
    path: Path
    file: tuple[int, int]

    def close(self) -> None:
        """Whoever accepts from it is woken. A file that another server has put there stays."""
        with suppress(OSError):
            if _identity(self.path) == self.file:
                self.path.unlink()
        with suppress(OSError):
            self.listener.shutdown(SHUT_RDWR)


class BridgeSockets:
    """The sockets in `folder`, or none where that is None; `serve` is called for each connection.

    It is given a socket's path as the address of whoever connects, which has none.
    """

    def __init__(self, folder: Path | None, serve: Serve, spawn: Spawn) -> None:
        self._folder, self._serve, self._spawn = folder, serve, spawn
        self._open: dict[str, _Open] = {}

    @property
    def paths(self) -> dict[str, Path]:
        """Where is listened, by the name of the bridge."""
        return {name: it.path for name, it in self._open.items()}

    def listen_for(self, bridges: Iterable[str]) -> None:
        """Listen for these bridges and no others; connections that there are stay.

        To be called again after a reload; what could not be opened is tried again.
        """
        named = () if self._folder is None else bridges
        wanted = {name for name in named if "/" not in name}  # Open vSwitch has none with one
        for name in self._open.keys() - wanted:
            self._open.pop(name).close()
        for name in sorted(wanted - self._open.keys()):
            assert self._folder is not None
            try:
                self._listen(name, self._folder / f"{name}.controller")
            except OSError as error:
                LOG.error("%s", _said(self._folder, name, error))
                if not _is_ours_to_write(self._folder):
                    return  # nor would there be a socket for the others

    def close(self) -> None:
        """Listen for none, and leave no file."""
        self.listen_for(())

    def _listen(self, name: str, path: Path) -> None:
        opened = self._open[name] = _listening(path)
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


def _said(folder: Path, name: str, error: OSError) -> str:
    """What is wrong, why, what to do, and what goes on."""
    path = folder / f"{name}.controller"
    if isinstance(error, LivingError):
        why, hint = "another server listens there", "stop that one, or leave this bridge to it"
    elif not folder.is_dir():
        why = f"there is no folder {folder}"
        hint = "start Open vSwitch first, or set $OVSDHCP_SOCKETS to the folder it runs in"
    else:
        why = error.strerror or str(error)
        hint = (
            f"remove what is at {path}, if it is of no use"
            if _is_ours_to_write(folder)
            else f"{folder} has to be writable for the server's user"
        )
    return f"no socket {path} for bridge {name}: {why}; bridges can connect by TCP. hint: {hint}"
