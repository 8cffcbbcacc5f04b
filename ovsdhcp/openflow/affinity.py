"""On which CPUs we answer, while a bridge of the same machine keeps one of them busy.

Linux likes to wake whom something is sent on the sender's CPU. Where that is ovs-vswitchd with more
to do, it waits while we answer, and PACKET_INs come one by one: on two CPUs that happens now and
then. So, while much comes by a bridge's socket, we keep off the CPU that it was seen on, among
those that we may use. Where that leaves none, we keep off none.

It is about the calling thread alone, and about what that starts meanwhile.
"""

import os
from contextlib import suppress
from pathlib import Path
from socket import SO_PEERCRED, SOL_SOCKET, socket
from struct import Struct

_UCRED = Struct("iII")  # unix(7): the peer's process, user and group

_CPU = 36
"""Of the fields in /proc/PID/task/TID/stat behind the name (proc_pid_stat(5) counts to 39)."""


class Affinity:
    """The CPUs of the thread that calls it, and which of them are left to others."""

    def __init__(self) -> None:
        self._left: dict[int, int] = {}
        self._allowed: set[int] = set()
        self._chosen: set[int] = set()

    def leave(self, cpu: int, to: int) -> None:
        """Run on other CPUs than this; what was left to the same process before is used again."""
        if self._left.get(to) != cpu:
            self._left[to] = cpu
            self._choose()

    def take_back(self, of: int) -> None:
        """Use the CPU that was left to that process, if there was one."""
        if self._left.pop(of, None) is not None:
            self._choose()

    def _choose(self) -> None:
        with suppress(OSError):  # a sandbox may refuse it
            now = os.sched_getaffinity(0)
            if now != self._chosen:  # it is not ours but the user's choice
                self._allowed = now
            self._chosen = self._allowed.difference(self._left.values()) or self._allowed
            if self._chosen != now:
                os.sched_setaffinity(0, self._chosen)


OURS = Affinity()
"""Of the thread that answers."""


class Neighbour:
    """The process at the other end of a Unix socket, which may be that of several such."""

    def __init__(self, connected: socket, affinity: Affinity = OURS) -> None:
        credentials = connected.getsockopt(SOL_SOCKET, SO_PEERCRED, _UCRED.size)
        self._pid, _, _ = _UCRED.unpack(credentials)
        self._stat = Path(f"/proc/{self._pid}/task/{self._pid}/stat")
        self._affinity = affinity

    def give_way(self) -> None:
        """Leave it the CPU on which its main thread runs, or ran last."""
        with suppress(OSError, LookupError):  # it has ended, or is hidden from us
            with self._stat.open("rb", buffering=0) as stat:
                behind_name = stat.read().rpartition(b")")[2].split()
            self._affinity.leave(int(behind_name[_CPU]), to=self._pid)

    def come_back(self) -> None:
        """Leave it nothing any more; another socket of the same process does so again."""
        self._affinity.take_back(of=self._pid)
