"""Who writes the journal: what to write next, and what is told when it cannot be written."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ovsdhcp.journal.file import NAME, File, JournalError, kept
from ovsdhcp.lease import Key, Lease
from ovsdhcp.leases import Changes, Leases

LOG = logging.getLogger("ovsdhcp")

EVERY, PAUSE, AT_LAST = 1.0, 19.0, 60.0
RETRY_AFTER = 5.0
"""Seconds from one batch to the next; so many times as long as the last one took, where that is
more, but no more seconds than these. And where it could not be written."""

Run = Callable[[Callable[[Changes], None], Changes], object]
"""Calls a function with a batch and returns when that is done, in a thread or not."""


def _at_once(write: Callable[[Changes], None], batch: Changes) -> None:
    write(batch)


@dataclass(frozen=True, slots=True)
class Status:
    """How the journal is: `problem` and `hint` are empty while it is written.

    `written_at` is when it last was, in seconds since 1970, None where it never was.
    """

    path: Path
    problem: str = ""
    hint: str = ""
    written_at: float | None = None
    batches: int = 0


class Journal:
    """The journal of a state folder: `read_back` once, then `keep` time and again.

    Whatever goes wrong is told once, and tried again with all that there is in memory, so that
    nothing is missing once it is written again. Neither raises.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`sleep` is called by whoever writes, so that a thread's is needed where that is one."""
        self._folder, self._clock, self._wall, self._sleep = folder, clock, wall, sleep
        self._file: File | None = None
        self._all = False
        self._told = ""
        self.status = Status(folder / NAME)

    def ahead(self) -> float:
        """By how many seconds the clock on the wall is ahead of the caller's, at this moment."""
        return self._wall() - self._clock()

    def read_back(self) -> Iterator[tuple[Key, Lease]]:
        """What was written before, by age, in times of the caller's clock.

        Where another server writes it, or it cannot be written, it is still read.
        """
        by = -self.ahead()
        try:
            yield from self._open().read(by)
        except JournalError as error:
            self._failed(error)
            if self._file is None:
                with contextlib.suppress(JournalError):
                    yield from kept(self.status.path, by)
        self._tell()

    def _open(self) -> File:
        """Raises `JournalError`, though it is open, where it had to be begun anew."""
        self._file = file = File(self._folder, self._sleep)
        if file.aside is not None:
            raise file.aside
        return file

    def keep(self, leases: Leases, run: Run = _at_once) -> float:
        """Write what has changed; how many seconds later to do so again.

        Large batches come less often, so that most of the time nothing is written: it takes the
        processor from those who answer.
        Beside a packet path, `run` has the writing done in a thread, so that nobody waits for the
        disk but the caller. One call at a time.
        """
        leases.expire(self._clock())
        batch = leases.take_all() if self._all else leases.take_changes()
        took = 0.0
        if batch or self._all:
            start = self._clock()
            run(self._write, batch)
            took = self._clock() - start
            self._tell()
        pause = min(PAUSE * took, AT_LAST)
        return max(RETRY_AFTER if self.status.problem else EVERY, pause)

    def close(self, leases: Leases) -> None:
        """Write what has changed since, and let others write it."""
        self.keep(leases)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, batch: Changes) -> None:
        """Logs nothing: this may be a thread."""
        try:
            self._written(batch)
        except JournalError as error:
            self._failed(error)
        except Exception as error:  # whatever it is, it must not end the journal for good
            self._failed(JournalError(f"{self.status.path}: {error!r}", "report this, it is a bug"))
        else:
            self._all = False
            batches = self.status.batches + 1
            self.status = Status(self.status.path, written_at=self._wall(), batches=batches)

    def _written(self, batch: Changes) -> None:
        file = self._file
        if file is not None and not file.is_there():
            file.close()
            self._file = None
            raise JournalError(
                f"{file.path}: somebody took it away; it is begun anew",
                "stop the server before you touch its files",
            )
        if file is None:
            file = self._open()
        file.write(batch, self.ahead())

    def _failed(self, error: JournalError) -> None:
        self._all = True
        done = self.status
        self.status = Status(done.path, str(error), error.hint, done.written_at, done.batches)

    def _tell(self) -> None:
        problem = self.status.problem
        if problem == self._told:
            return
        self._told = problem
        if problem:
            hint = self.status.hint
            LOG.warning("journal: %s; clients are served all the same (hint: %s)", problem, hint)
        else:
            LOG.info("journal: %s is written again", self.status.path)
