"""Whether a file is another one, or has other contents, and is written to its end.

By asking for its times, not by a watcher's library: those wait in ways that stop everything beside
eventlet, and see nothing where the file is on another machine.
"""

import os
from typing import NamedTuple

LOOK_EVERY = 0.05
"""Seconds between two looks."""

GONE_FOR = 20
"""Looks for which a file may be gone while it is replaced, before that is taken for the change."""


class Signature(NamedTuple):
    """What tells a file from another, and from itself after a change."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @property
    def renamed(self) -> bool:
        """Whether it was renamed, or the like, after it was written: then it is complete."""
        return self.changed > self.modified


class Watch:
    """Looks at the file that a name stands for, through whatever symbolic links.

    Nothing is taken at first: what is there is a change, unless its contents are known.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._taken: Signature | None = None
        self._last: Signature | None = None
        self._gone = 0
        self._held = -1

    def taken(self) -> None:
        """The file as it is now is known."""
        self._taken = self._last = self._signature()

    def changed(self) -> bool:
        """Whether the file is another one than was taken; it is taken then.

        One that is being written is left until two looks find the same, one that was renamed into
        place is not: it is complete, and may have been replaced before the next look.
        """
        last, self._last = self._last, self._signature()
        now = self._last
        if now == self._taken:
            self._gone = 0
            return False
        if now is None:
            self._gone += 1
            if self._gone < GONE_FOR:
                return False
        elif now != last and not (now.renamed or self._replaced(now, last)):
            return False
        self._taken, self._gone = now, 0
        return True

    def _replaced(self, now: Signature, last: Signature | None) -> bool:
        """Whether another file has come in place of one that was still waited for."""
        return last is not None and last != self._taken and now.inode != last.inode

    def _signature(self) -> Signature | None:
        """Of the file as it is now; it is held until the next look, so that its inode's number is
        not given to the one that replaces it."""
        before, self._held = self._held, -1
        try:
            self._held = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            found = os.fstat(self._held)
        except OSError:
            return None
        finally:
            if before >= 0:
                os.close(before)
        return Signature(
            found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
        )
