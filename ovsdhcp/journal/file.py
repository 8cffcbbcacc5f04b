"""The journal's file: opened for writing by one process alone, for reading by anybody who may.

What goes wrong comes out as `JournalError`, in words for people. A file that is broken, or of
another version, is moved aside, and a new one begun.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NoReturn

from ovsdhcp.journal import rows
from ovsdhcp.lease import Key, Lease, Record
from ovsdhcp.leases import Changes
from ovsdhcp.state_folder import STATE_VARIABLE

NAME = "journal.sqlite3"
_LOCK = "journal.lock"
_ASIDE = ".broken"
_PATIENCE = 1.0
"""Seconds to wait for another program that has the file locked."""

_ROWS_AT_ONCE = 50
_REST = 0.000_25
"""Rows of a statement, and seconds between two. SQLite gives Python's lock back while one runs, and
has to wait for it after: row by row it would wait behind a busy server for a minute; without a rest
the server would wait for SQLite, time and again."""

_WAL_KEPT = 16 << 20
"""Octets that the write-ahead log is cut down to after a large batch."""


class JournalError(Exception):
    """The journal cannot be written, or read; `str` says why, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class _BrokenError(Exception):
    """What is in the file is not what we wrote."""


_HINTS = {
    "readonly": "make the state folder writable for the server's user",
    "unable to open": "make the state folder writable for the server's user",
    "locked": "another program has the file open for writing; end it",
    "full": "make room on the disk",
    "disk I/O": "look after the disk (dmesg)",
}
_OTHER_FOLDER = f"or choose another folder with ${STATE_VARIABLE}"


def _error(path: Path, error: Exception) -> JournalError:
    said = (error.strerror if isinstance(error, OSError) else "") or str(error)
    known = (hint for fragment, hint in _HINTS.items() if fragment in said)
    return JournalError(f"{path}: {said}", f"{next(known, 'look at the file')}, {_OTHER_FOLDER}")


class File:
    """The journal of a state folder, open for writing. Not for two threads at a time."""

    def __init__(self, folder: Path, sleep: Callable[[float], object] = time.sleep) -> None:
        """Open it, or make it with all that it needs. Raises `JournalError`.

        `sleep` is how a thread that writes rests.
        One that is broken is moved aside: `aside` says where to, None where nothing was wrong.
        """
        self.path = folder / NAME
        self._sleep = sleep
        self.aside: JournalError | None = None
        self._lock = _locked(folder)
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self) -> None:
        try:
            self._database, self._inode = _opened(self.path)
        except _BrokenError as error:
            self._begin_anew(error)
        except (OSError, sqlite3.Error) as error:
            raise _error(self.path, error) from None

    def _begin_anew(self, error: Exception) -> None:
        """Move what is there aside, in place of what was moved there before."""
        aside = self.path.with_name(NAME + _ASIDE)
        try:
            Path(f"{self.path}-shm").unlink(missing_ok=True)
            Path(f"{aside}-wal").unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}-wal").replace(f"{aside}-wal")
            with contextlib.suppress(FileNotFoundError):
                self.path.replace(aside)
            self._database, self._inode = _opened(self.path)
        except (OSError, sqlite3.Error, _BrokenError) as second:
            raise _error(self.path, second) from None
        hint = f"what was in it is in {aside}, until that happens again"
        self.aside = JournalError(f"{self.path}: {error}; begun anew", hint)

    def close(self) -> None:
        """Let others write it."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        os.close(self._lock)

    def is_there(self) -> bool:
        """Whether it is still this file that has the name."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def write(self, changes: Changes, by: float) -> None:
        """Write all of these records or none.

        Their times are shifted by so many seconds. What `changes` has is taken out on the way: to
        free a hundred thousand records at once takes 20 ms. Raises `JournalError`.
        """
        try:
            with _transaction(self._database) as database:
                for part in changes:
                    while part:
                        _write_some(database, part, by)
                        self._sleep(_REST)
        except sqlite3.OperationalError as error:
            raise _error(self.path, error) from None
        except sqlite3.DatabaseError as error:
            self._broke(error)

    def read(self, by: float) -> Iterator[tuple[Key, Lease]]:
        """Every record by age, its times, which are in seconds since 1970, shifted by so many.

        Raises `JournalError`, maybe after some.
        """
        try:
            for found in self._database.execute(rows.BY_AGE):
                yield rows.record(found, by)
        except sqlite3.OperationalError as error:
            raise _error(self.path, error) from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            self._broke(error)

    def _broke(self, error: Exception) -> NoReturn:
        """Begin anew, and raise that this had to be."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        self._begin_anew(error)
        assert self.aside is not None
        raise self.aside


def _write_some(database: sqlite3.Connection, part: dict[Key, Lease | None], by: float) -> None:
    some = [part.popitem() for _ in range(min(len(part), _ROWS_AT_ONCE))]
    made = [rows.values(key, lease, by) for key, lease in some if lease is not None]
    if made:
        database.execute(rows.replace(len(made)), list(chain.from_iterable(made)))
    if len(made) < len(some):
        forgotten = (rows.identity(key) for key, lease in some if lease is None)
        database.executemany(rows.DELETE, forgotten)


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
            database.execute("ROLLBACK")
        raise


def _locked(folder: Path) -> int:
    """The lock that says who writes, for as long as its descriptor is open."""
    path = folder / _LOCK
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        where = Path(error.filename or path)
        hint = f"`install -d -m 0700 -o USER {folder}` for the server's user, {_OTHER_FOLDER}"
        raise JournalError(f"{where}: {error.strerror}", hint) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        hint = f"give each server its own folder with ${STATE_VARIABLE}"
        raise JournalError(f"{folder / NAME}: another server writes it", hint) from None
    return descriptor


def _opened(path: Path) -> tuple[sqlite3.Connection, int]:
    """The database and the file's inode; made if there is none."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        inode = os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
    database = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database, inode


def _prepare(database: sqlite3.Connection) -> None:
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
            with _transaction(database):
                database.execute(f"PRAGMA application_id = {rows.APPLICATION}")
                database.execute(f"PRAGMA user_version = {rows.VERSION}")
                database.execute(rows.SCHEMA)
        _check(database)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise _BrokenError(str(error)) from None


def _check(database: sqlite3.Connection) -> None:
    """Whether this is our file, of our version. Raises `_BrokenError`."""
    if database.execute("PRAGMA application_id").fetchone()[0] != rows.APPLICATION:
        raise _BrokenError("not a journal of ovsdhcp")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version != rows.VERSION:
        raise _BrokenError(f"of version {version}, and this server writes {rows.VERSION}")
    columns = [found[1] for found in database.execute("PRAGMA table_info(lease)")]
    if columns != list(rows.COLUMNS):
        raise _BrokenError("its table has other columns")


def read(path: Path) -> Iterator[Record]:
    """Every record of the journal at `path`, with times in seconds since 1970; no server is needed.

    They come by bridge, port and address. While one runs, what comes is of its last batch.
    Raises `JournalError`.
    """
    for key, lease in kept(path, 0.0, rows.SELECT):
        yield Record.of(key, lease)


def kept(path: Path, by: float, asked: str = rows.BY_AGE) -> Iterator[tuple[Key, Lease]]:
    """As `File.read`, of a file that is not ours to write."""
    try:
        path.stat()
        with contextlib.closing(_for_reading(path)) as database:
            _check(database)
            for found in database.execute(asked):
                yield rows.record(found, by)
    except (FileNotFoundError, NotADirectoryError):
        raise JournalError(f"{path}: not there", "a server makes it at its start") from None
    except (OSError, sqlite3.Error, _BrokenError, ValueError, TypeError) as error:
        raise _error(path, error) from None


def _for_reading(path: Path) -> sqlite3.Connection:
    """Where the folder cannot be written, the log beside the file is not read, only the file."""
    for how in ("mode=ro", "immutable=1"):
        uri = f"{path.absolute().as_uri()}?{how}"
        database = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
        try:
            database.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            database.close()
            if how == "immutable=1" or "locked" in str(error):
                raise
        else:
            return database
    raise AssertionError
