"""For any exchanges, restarts and crashes: what is read back is what the last batch had."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.message import MessageType, Request, client_of, decode
from ovsdhcp.journal import Journal, read, rows
from ovsdhcp.journal.file import NAME
from ovsdhcp.lease import Key, Lease, Record, State
from ovsdhcp.leases import Leases
from tests.dhcp.wire import BINDING, bootp
from tests.journal.test_journal import WALL, key

KEYS = [key(number) for number in range(4)]
TOLD = (
    *(reasons.OFFER, reasons.ACK_SELECTING, reasons.ACK_RENEWING, reasons.ACK_INFORM),
    *(reasons.NAK_WRONG_ADDRESS, reasons.RELEASE, reasons.DECLINE, reasons.PROBATION),
    reasons.OTHER_CLIENT,
)
SECONDS = st.integers(0, 1000)
"""Whole seconds, which are the same after they were shifted to another clock and back."""


def asked(kind: int, said: Mapping[int, bytes]) -> Request:
    return decode(bootp(kind, said))


REQUESTS = st.builds(
    asked,
    st.integers(1, 8),
    st.dictionaries(st.sampled_from((12, 60, 61, 81)), st.binary(min_size=1, max_size=9)),
)


class AnyHistory(RuleBasedStateMachine):
    """A server and its journal; `written` is what the last batch made of it, by the wall."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = patch("ovsdhcp.leases._MOST_OF_A_PART", 2)
        self.parts.start()
        self.made = TemporaryDirectory()
        self.now, self.boot = 0.0, WALL
        self.table = set(KEYS)
        self.leases = Leases()
        self.written: dict[Key, Lease] = {}
        self.start()

    def start(self) -> None:
        """A server starts, and finds what was written, in the time of its own clock."""
        self.journal = Journal(self.folder, lambda: self.now, lambda: self.boot + self.now)
        self.leases = Leases()
        found = list(self.journal.read_back())
        assert {it: lease.shifted(self.boot) for it, lease in found} == self.written
        self.leases.adopt(found, self.table, self.now)

    @property
    def folder(self) -> Path:
        return Path(self.made.name) / "state"

    @rule(which=st.sampled_from(KEYS), reason=st.sampled_from(TOLD), request=REQUESTS)
    def exchange(self, which: Key, reason: reasons.Reason, request: Request) -> None:
        self.leases.record(which, BINDING, reason, self.now, client_of(request), request.type_name)

    @rule(which=st.sampled_from(KEYS), reason=st.sampled_from(TOLD), ago=SECONDS)
    def repeated(self, which: Key, reason: reasons.Reason, ago: int) -> None:
        self.leases.record(which, BINDING, reason, self.now - ago, None, "INFORM", 3)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(which=st.sampled_from(KEYS))
    def leaves_the_table(self, which: Key) -> None:
        self.table.discard(which)
        self.leases.left([which], self.now)

    @rule(which=st.sampled_from(KEYS))
    def comes_into_the_table(self, which: Key) -> None:
        self.table.add(which)

    @rule()
    def batch(self) -> None:
        self.journal.keep(self.leases)
        self.written = self.by_the_wall()
        assert {(it.port, repr(it)) for it in read(self.folder / NAME)} == {
            (port, repr(Record.of((bridge, port, address), lease)))
            for (bridge, port, address), lease in self.written.items()
        }

    @rule(down=SECONDS)
    def restart(self, down: int) -> None:
        self.journal.close(self.leases)
        self.written = self.by_the_wall()
        self.boot += self.now + down
        self.now = 0.0
        self.start()

    @rule(down=SECONDS)
    def crash(self, down: int) -> None:
        """What the process had in mind is gone; the next has another clock."""
        assert self.journal._file is not None
        self.journal._file.close()
        self.boot += self.now + down
        self.now = 0.0
        self.start()

    def by_the_wall(self) -> dict[Key, Lease]:
        kept = ((it, self.leases.get(it)) for it in KEYS)
        return {it: lease.shifted(self.boot) for it, lease in kept if lease is not None}

    def teardown(self) -> None:
        self.journal.close(self.leases)
        self.made.cleanup()
        self.parts.stop()


TestAnyHistory = AnyHistory.TestCase

OCTETS = st.none() | st.binary(max_size=255)
TIMES = st.integers(-(2**40), 2**40).map(float)
COUNTS = st.integers(0, 2**63 - 1)
LEASES = st.builds(
    Lease,
    state=st.sampled_from(State),
    since=TIMES,
    until=TIMES | st.just(inf),
    mac=OCTETS,
    client_id=OCTETS,
    vendor_class=OCTETS,
    fqdn=st.none() | st.binary(min_size=3, max_size=255),
    host_name=OCTETS,
    at=TIMES,
    message=st.sampled_from(MessageType).map(lambda it: it.name),
    reason=st.sampled_from(sorted(reasons.REASONS)),
    offers=COUNTS,
    acks=COUNTS,
    naks=COUNTS,
    drops=COUNTS,
    left=st.none() | TIMES,
)


def row(key: Key, lease: Lease, by: float) -> tuple[object, ...]:
    """As SQLite gives it back."""
    asked = f"SELECT {', '.join('?' * len(rows.COLUMNS))}"
    with closing(sqlite3.connect(":memory:")) as database:
        found: tuple[object, ...] = database.execute(asked, rows.values(key, lease, by)).fetchone()
    return found


@given(lease=LEASES, by=TIMES)
def test_a_row_is_its_record(lease: Lease, by: float) -> None:
    kept, found = rows.record(row(KEYS[0], lease, by))
    assert (kept, found.shifted(-by)) == (KEYS[0], lease)
    Record.of(kept, found)


FOUND = st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9)


@given(found=st.lists(FOUND, min_size=len(rows.COLUMNS), max_size=len(rows.COLUMNS)))
def test_no_row_raises_what_is_not_expected(found: list[object]) -> None:
    try:
        Record.of(*rows.record(tuple(found)))
    except (ValueError, TypeError):
        return


@given(found=LEASES, column=st.integers(0, len(rows.COLUMNS) - 1), value=FOUND)
def test_nor_does_one_with_a_single_wrong_value(found: Lease, column: int, value: object) -> None:
    changed = [*row(KEYS[0], found, 0.0)]
    changed[column] = value
    try:
        Record.of(*rows.record(tuple(changed)))
    except (ValueError, TypeError):
        return
