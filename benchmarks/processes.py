"""What a process costs, by the kernel's own account."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time used so far by these processes, all threads, in user mode and in the kernel."""
    return sum(_nanoseconds(pid) for pid in pids) / 1e9


def _nanoseconds(pid: int) -> int:
    """The scheduler's count is in ns, where that of /proc/PID/stat is in ticks of 10 ms."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            used += int((task / "schedstat").read_text().split()[0])
    return used


def resident_mb(pids: Iterable[int]) -> float:
    """Memory that is in RAM, in MB (10⁶ octets)."""
    statm = (Path(f"/proc/{pid}/statm").read_text() for pid in pids)
    return sum(int(line.split()[1]) for line in statm) * _PAGE / 1e6
