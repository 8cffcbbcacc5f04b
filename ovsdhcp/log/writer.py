"""Lines on their way to standard error, which nobody waits for.

A reader that does not read (a full pipe, a terminal held by Ctrl-S, a busy journald) would stop
whoever writes, and with him the hub and every client. So an OS thread of its own writes. It gets
finished lines: formatting them there would take the interpreter's lock from the hub for up to 5 ms
a time. What finds too many lines waiting is not written, but counted and said.

Threads, queues and writes are the system's own, and not what eventlet has put in their place.
"""

import logging
import os
from collections.abc import Mapping
from typing import Any

from eventlet import patcher

MOST_WAITING = 20_000
"""Lines, of 200 octets or so each."""
_TOGETHER = 500
_AGAIN = 0.05
"""Seconds until a descriptor that does not block is tried again."""
FLUSHED_WITHIN = 0.3
"""Seconds that the end of the process waits for a reader."""

_PRIORITY = {"CRITICAL": "<2>", "ERROR": "<3>", "WARNING": "<4>", "INFO": "<6>", "DEBUG": "<7>"}
"""syslog(3)'s severity in front of a line, as sd-daemon(3) has it."""

_threading: Any = patcher.original("threading")
_queue: Any = patcher.original("queue")
_time: Any = patcher.original("time")
_os: Any = patcher.original("os")


class Writer(logging.Handler):
    """Hands each record, formatted, to a thread that writes it to a descriptor.

    `most` lines may wait. With `priorities` each line begins with its severity.
    """

    def __init__(self, fd: int, most: int = MOST_WAITING, *, priorities: bool = False) -> None:
        super().__init__()
        self._fd, self._most, self._priorities = fd, most, priorities
        self._waiting: Any = _queue.SimpleQueue()
        self._no_room = self._unwritten = self._said = 0
        self._thread: Any = _threading.Thread(target=self._write_all, daemon=True, name="log")
        self._thread.start()

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """None: the queue needs none, and logging's would be eventlet's, unfit for OS threads."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """As logging's, without the lock."""
        wanted = bool(self.filter(record))
        if wanted:
            self.emit(record)
        return wanted

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line where the thread finds it, or count it."""
        if not self._has_room():
            self._no_room += 1
            return
        self.say_lost()
        self._put(record)

    def say_lost(self) -> None:
        """Say how many lines were not written, if there are any, and room to say it."""
        lost = self._no_room + self._unwritten
        if lost == self._said or not self._has_room():
            return
        text = "%d lines of the log were not written: what reads it is too slow, or gone"
        args = (lost - self._said,)
        self._said = lost
        self._put(logging.LogRecord("ovsdhcp", logging.WARNING, "", 0, text, args, None))

    def flush(self) -> None:
        """Wait until all is written that was put, but not long."""
        if self._thread.is_alive():
            written = _threading.Event()
            self._waiting.put(written)
            written.wait(FLUSHED_WITHIN)

    def _has_room(self) -> bool:
        """Once lines were lost, only when half of what waited is written, so that they are said."""
        silent = self._no_room + self._unwritten > self._said
        return bool(self._waiting.qsize() < (self._most // 2 if silent else self._most))

    def _put(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        priority = _PRIORITY.get(record.levelname, "") if self._priorities else ""
        self._waiting.put(f"{priority}{line}\n".encode())

    def _write_all(self) -> None:
        while True:
            taken = [self._waiting.get()]
            while len(taken) < _TOGETHER and not self._waiting.empty():
                taken.append(self._waiting.get())
            lines = [one for one in taken if isinstance(one, bytes)]
            if not self._write(b"".join(lines)):
                self._unwritten += len(lines)
            for one in taken:
                if not isinstance(one, bytes):
                    one.set()

    def _write(self, octets: bytes) -> bool:
        while octets:
            try:
                octets = octets[_os.write(self._fd, octets) :]
            except BlockingIOError:
                _time.sleep(_AGAIN)
            except OSError:
                return False
        return True


def is_journal(fd: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a descriptor leads to systemd's journal (`$JOURNAL_STREAM`: device and inode)."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
