"""The journal: what is read back is what was kept, and what goes wrong loses nothing else."""

import contextlib
import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import INFINITE
from ovsdhcp.dhcp.message import client_of, decode
from ovsdhcp.journal import Journal, JournalError, read
from ovsdhcp.journal.file import NAME
from ovsdhcp.journal.journal import AT_LAST, EVERY, RETRY_AFTER
from ovsdhcp.lease import Key, Lease, State
from ovsdhcp.leases import Changes, Leases
from tests.dhcp.wire import BINDING, MAC, binding, bootp

NOW, WALL = 1000.0, 1_790_000_000.0
REQUEST = decode(
    bootp(1, {61: b"\1" + MAC, 60: b"dhcpcd-9.4.1", 12: b"vm5\x1b", 81: b"\0\0\0vm5.lan"})
)
WHO = client_of(REQUEST), REQUEST.type_name


def key(number: int) -> Key:
    return "br-int", f"p{number}", IPv4Address(number).packed


def filled(count: int = 3) -> Leases:
    """A binding that is offered, one bound for ever, and many that are declined."""
    leases = Leases()
    leases.record(key(0), BINDING, reasons.OFFER, NOW, *WHO)
    leases.record(key(1), binding(lease_time=INFINITE), reasons.ACK_SELECTING, NOW, *WHO)
    for number in range(2, count):
        leases.record(key(number), BINDING, reasons.DECLINE, NOW - number / 8)
    return leases


def all_of(leases: Leases) -> dict[Key, Lease]:
    return leases.kept()


OPENED: list[Journal] = []


def a_journal(folder: Path, now: float = NOW, wall: float = WALL) -> Journal:
    OPENED.append(Journal(folder, lambda: now, lambda: wall))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def _no_file_stays_open() -> Iterator[None]:
    """As at the end of a process: nothing more is written."""
    yield
    while OPENED:
        file = OPENED.pop()._file
        if file is not None:
            file.close()


def read_back(folder: Path) -> dict[Key, Lease]:
    """What the next server finds."""
    journal = a_journal(folder)
    found = dict(journal.read_back())
    journal.close(Leases())
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_what_was_kept_is_read_back(folder: Path) -> None:
    journal, leases = a_journal(folder), filled(250)
    assert list(journal.read_back()) == []
    assert journal.keep(leases) == EVERY
    journal.close(leases)
    assert read_back(folder) == all_of(leases)


def test_anybody_who_may_can_read_it_with_times_of_the_wall(folder: Path) -> None:
    journal, leases = a_journal(folder), filled()
    journal.keep(leases)
    assert list(read(folder / NAME)) == list(leases.records(WALL - NOW))
    record = next(read(folder / NAME))
    assert (record.hostname, record.vendor_class) == ("vm5.lan", "dhcpcd-9.4.1")
    assert record.at == WALL


def test_it_is_its_owners_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        journal = a_journal(folder)
        journal.keep(filled())
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes) >= {NAME, f"{NAME}-wal", "journal.lock"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_changed_twice_is_written_as_it_is_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever part of the changes it is in."""
    monkeypatch.setattr("ovsdhcp.leases._MOST_OF_A_PART", 2)
    journal, leases = a_journal(folder), filled(7)
    for number in (1, 6, 0):
        leases.record(key(number), BINDING, reasons.ACK_RENEWING, NOW + 1)
    leases.left([key(3), key(1)], NOW + 2)
    journal.keep(leases)
    journal.close(leases)
    assert read_back(folder) == all_of(leases)


def test_only_what_changed_is_written(folder: Path) -> None:
    journal, leases = a_journal(folder), filled()
    journal.keep(leases)
    before = journal.status.batches
    assert journal.keep(leases) == EVERY
    assert journal.status.batches == before
    leases.left([key(0)], NOW)
    journal.keep(leases)
    assert {it.port: it.left for it in read(folder / NAME)} == {"p0": WALL, "p1": None, "p2": None}


@pytest.mark.parametrize(("took", "pause"), [(0.01, EVERY), (1.0, 19.0), (30.0, AT_LAST)])
def test_what_takes_long_is_written_less_often_but_every_minute(
    folder: Path, took: float, pause: float
) -> None:
    now = [NOW]

    def slowly(write: Callable[[Changes], None], batch: Changes) -> None:
        write(batch)
        now[0] += took

    OPENED.append(Journal(folder, lambda: now[0], lambda: WALL))
    assert OPENED[-1].keep(filled(), slowly) == pause


def test_what_is_forgotten_leaves_the_journal(folder: Path) -> None:
    journal, leases = a_journal(folder), filled()
    journal.keep(leases)
    leases.left([key(0), key(2)], NOW - 1e9)
    leases.expire(1e12)
    journal.keep(leases)
    assert [it.port for it in read(folder / NAME)] == ["p1"]


@pytest.mark.parametrize(
    ("step", "left"),
    [
        pytest.param(0, 500, id="the clock goes on"),
        pytest.param(300, 200, id="set forward: over earlier"),
        pytest.param(900, -400, id="set forward, beyond its end"),
        pytest.param(-50, 550, id="set back by less than the server was down"),
        pytest.param(-86_400, 600, id="set back: it begins anew"),
    ],
)
def test_a_probation_outlives_a_restart_by_the_wall(folder: Path, step: int, left: int) -> None:
    """Declined at NOW, for 600 s; another boot's monotonic clock, 100 s later."""
    leases = Leases()
    leases.record(key(1), BINDING, reasons.DECLINE, NOW)
    a_journal(folder).keep(leases)
    shutil.copytree(folder, folder.with_name("later"))
    after = Leases()
    journal = a_journal(folder.with_name("later"), now=7.0, wall=WALL + 100 + step)
    after.adopt(journal.read_back(), [key(1)], 7.0)
    assert after.probation_until(key(1)) == 7.0 + left


# -- what goes wrong ---------------------------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(b"leases 1 2 3\n" * 1000)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def holed(path: Path) -> None:
    """A page that a disk has lost."""
    octets = bytearray(path.read_bytes())
    octets[4096 * 3 : 4096 * 4] = bytes(4096)
    path.write_bytes(octets)


def said(*statements: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            for statement in statements:
                database.execute(statement)

    return run


WRONG = {
    "garbage": garbage,
    "cut short": cut_short,
    "holed": holed,
    "of another version": said("PRAGMA user_version = 2"),
    "of another program": said("PRAGMA application_id = 1"),
    "of another shape": said("ALTER TABLE lease ADD COLUMN more TEXT"),
    "without its table": said("ALTER TABLE lease RENAME TO leases"),
    "an unknown state": said("UPDATE lease SET state = 'lost' WHERE port = 'p1'"),
    "a word for a time": said("UPDATE lease SET at = 'noon' WHERE port = 'p1'"),
    "no address": said("UPDATE lease SET address = -1 WHERE port = 'p1'"),
    "a short FQDN": said("UPDATE lease SET fqdn = x'00' WHERE port = 'p1'"),
}


@pytest.fixture
def kept(folder: Path) -> Leases:
    """Records that the journal of `folder` has, written by a server that ended."""
    journal, leases = a_journal(folder), filled(500)
    journal.close(leases)
    return leases


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_read_is_moved_aside_and_begun_anew(
    folder: Path, kept: Leases, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    WRONG[wrong](folder / NAME)
    broken = (folder / NAME).read_bytes()
    journal = a_journal(folder)
    found = dict(journal.read_back())
    assert found.items() < {**all_of(kept)}.items(), "what can be read of it, and no more"
    assert "begun anew" in journal.status.problem
    assert (folder / f"{NAME}.broken").read_bytes() == broken
    assert journal.keep(kept) == EVERY
    assert journal.keep(kept) == EVERY
    assert [it.levelno for it in caplog.records] == [logging.WARNING]
    journal.close(kept)
    assert read_back(folder) == all_of(kept)


def test_a_journal_that_breaks_while_it_is_written_is_begun_anew(
    folder: Path, kept: Leases, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    journal = a_journal(folder)
    list(journal.read_back())
    with (folder / NAME).open("r+b") as file:
        file.seek(4096)
        file.write(b"\0" * 4096 * 4)
    database_of(journal).execute("PRAGMA shrink_memory")  # it is not read again before it has to be
    for number in range(500):
        kept.record(key(number), BINDING, reasons.OFFER, NOW + 700)
    journal.keep(kept)
    assert "begun anew" in journal.status.problem
    assert journal.keep(kept) == EVERY
    journal.close(kept)
    assert read_back(folder) == all_of(kept)
    assert [it.levelno for it in caplog.records] == [logging.WARNING, logging.INFO]


@pytest.mark.parametrize("taken", ["file", "folder"])
def test_a_journal_that_is_taken_away_is_begun_anew(folder: Path, kept: Leases, taken: str) -> None:
    journal = a_journal(folder)
    list(journal.read_back())
    kept.record(key(0), BINDING, reasons.ACK_SELECTING, NOW)
    if taken == "file":
        (folder / NAME).unlink()
    else:
        folder.rename(folder.with_name("elsewhere"))
    assert journal.keep(kept) == RETRY_AFTER
    assert "took it away" in journal.status.problem
    assert journal.keep(kept) == EVERY
    journal.close(kept)
    assert read_back(folder) == all_of(kept)


def database_of(journal: Journal) -> sqlite3.Connection:
    assert journal._file is not None
    return journal._file._database


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody has begun to write, and not ended."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def full(journal: Journal) -> Iterator[None]:
    """No more pages to be had: SQLite says the same of a disk."""
    database = database_of(journal)
    most = database.execute("PRAGMA max_page_count").fetchone()[0]
    database.execute("PRAGMA max_page_count = 4")
    yield
    database.execute(f"PRAGMA max_page_count = {most}")


@pytest.mark.parametrize("trouble", ["locked", "full"])
def test_trouble_is_told_once_and_nothing_is_missing_after_it(
    folder: Path, trouble: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ovsdhcp.journal.file._PATIENCE", 0.05)
    journal, leases = a_journal(folder), filled(2)
    caplog.set_level(logging.INFO)
    list(journal.read_back())
    with locked(folder / NAME) if trouble == "locked" else full(journal):
        for number in range(900):
            leases.record(key(number), BINDING, reasons.OFFER, NOW)
        assert journal.keep(leases) == RETRY_AFTER
        leases.left([key(0)], NOW)
        assert journal.keep(leases) == RETRY_AFTER
        assert trouble in journal.status.problem
        assert journal.status.hint
        assert (journal.status.written_at, journal.status.batches) == (None, 0)
        assert list(read(folder / NAME)) == [], "all of a batch or none"
    assert journal.keep(leases) == EVERY
    assert (journal.status.written_at, journal.status.batches) == (WALL, 1)
    assert [it.levelno for it in caplog.records] == [logging.WARNING, logging.INFO]
    journal.close(leases)
    assert read_back(folder) == all_of(leases)


def test_a_second_server_reads_and_says_so_and_does_not_write(
    folder: Path, kept: Leases, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = a_journal(folder), a_journal(folder)
    assert len(dict(first.read_back())) == len(dict(second.read_back())) == 500
    assert "another server writes it" in second.status.problem
    assert "$OVSDHCP_STATE_DIR" in second.status.hint
    others = Leases()
    others.record(key(1), BINDING, reasons.RELEASE, NOW)
    assert second.keep(others) == RETRY_AFTER
    assert len(caplog.records) == 1
    first.close(kept)
    assert second.keep(others) == EVERY, "its turn has come"
    assert {it.state for it in read(folder / NAME) if it.port == "p1"} == {State.RELEASED}
    second.close(others)


def test_a_folder_that_cannot_be_made_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = a_journal(tmp_path / "file" / "state")
    assert list(journal.read_back()) == []
    assert journal.keep(filled()) == RETRY_AFTER
    assert "Not a directory" in journal.status.problem
    assert "install -d -m 0700" in journal.status.hint
    with pytest.raises(JournalError, match="not there"):
        list(read(tmp_path / "state" / NAME))


AS_NOBODY = """
import os, sys
from pathlib import Path
from ovsdhcp.journal import Journal
from ovsdhcp.leases import Leases
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
folder = Path(sys.argv[1])
journal = Journal(folder)
print(len(dict(journal.read_back())), journal.keep(Leases()), journal.status.problem)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("mode", [0o555, 0o700])
def test_a_folder_that_is_not_ours_to_write_is_read_where_that_is_allowed(mode: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "state"
        Path(made).chmod(0o755)
        leases = filled(50)
        a_journal(folder).close(leases)
        folder.chmod(mode)
        (folder / NAME).chmod(0o644)
        (folder / "journal.lock").unlink()
        argv = (sys.executable, "-W", "ignore", "-c", AS_NOBODY, str(folder))
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        count, retry, problem = done.stdout.split(" ", 2)
        assert (count, retry) == ("50" if mode == 0o555 else "0", str(RETRY_AFTER))
        assert "Permission denied" in problem
        assert done.stderr.count("install -d -m 0700") == 1
