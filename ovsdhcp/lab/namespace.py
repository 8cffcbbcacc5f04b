"""Network namespaces: which one a name stands for, who lives in it, being inside for a moment.

A namespace is known by the device and inode of its nsfs file, not by its name: a name can be taken
over by somebody else, the inode is the namespace. What lives in a namespace that we made is ours to
end; nothing else is.
"""

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ovsdhcp.lab.command import LabError

NAMES = Path("/run/netns")  # where `ip netns` keeps them
CLONE_NEWNET = 0x40000000


class Identity(NamedTuple):
    """What the kernel knows a namespace by."""

    device: int
    inode: int


def identity(name: str) -> Identity | None:
    """The namespace that `name` stands for now."""
    return _identity(NAMES / name)


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)


def residents(namespace: Identity) -> list[int]:
    """The processes whose network namespace this is."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in pids if lives_in(pid, namespace)]


def lives_in(pid: int, namespace: Identity) -> bool:
    """Whether a process is (still) in this namespace."""
    return _identity(Path(f"/proc/{pid}/ns/net")) == namespace


def residents_called(program: str, namespace: Identity) -> list[int]:
    """The processes in this namespace that run `program`."""
    return [pid for pid in residents(namespace) if program in _words(pid)]


def _words(pid: int) -> set[str]:
    """The file names among the first words of a command line: `python3 …/ryu-manager` is both."""
    with contextlib.suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        # dhcpcd rewrites its title: "dhcpcd: vm5 [ip4]"
        words = line.replace(" ", "\0").split("\0")[:2]
        return {word.rpartition("/")[2].rstrip(":") for word in words}
    return set()


def program(pid: int) -> str:
    """A process's name, as the kernel has it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return f"process {pid}"


def end(pids: list[int], namespace: Identity, *, patience: float = 3.0) -> None:
    """End these residents of a namespace: asked first, killed when they are not gone in time.

    A pidfd is taken before we look again whether it is one of ours, so that no process that took
    over the number is ever hit.
    """
    with contextlib.ExitStack() as held:
        ours: list[int] = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                held.callback(os.close, descriptor)
                if lives_in(pid, namespace) and pid not in _ourselves():
                    ours.append(descriptor)
        for how, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
            _signal(ours, how)
            ours = _still_there(ours, seconds)
        if ours:
            raise LabError(f"{len(ours)} processes of the lab do not end, not even by SIGKILL")


def _ourselves() -> set[int]:
    """This process and those it was started from, who may well stand in a namespace of the lab."""
    line, pid = set(), os.getpid()
    while pid > 1:
        line.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return line


def _signal(descriptors: list[int], how: signal.Signals) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, how)


def _still_there(descriptors: list[int], seconds: float) -> list[int]:
    """Those that have not ended within the time. A pidfd becomes readable when its process ends."""
    deadline = time.monotonic() + seconds
    left = set(descriptors)
    poll = select.poll()
    for descriptor in left:
        poll.register(descriptor, select.POLLIN)
    while left and (remaining := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining * 1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
    return sorted(left)


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Be in a namespace for as long as it takes to open a socket, which then stays there.

    Only this thread goes. `os.setns` is there from Python 3.12 on; libc's serves them all.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(libc, there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(libc, home)
    finally:
        os.close(home)


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
