"""What an exchange leaves behind, how long a declined address is withheld, what becomes history."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from math import inf

import pytest

from ovsdhcp import leases as leases_module
from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import INFINITE
from ovsdhcp.dhcp.message import Client, client_of, decode
from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.lease import Key, Lease, Record, State
from ovsdhcp.leases import HISTORY, Changes, Leases
from tests.dhcp.wire import BINDING, MAC, OTHER_MAC, binding, bootp

KEY = "br-int", "vm5", IPv4Address("192.0.2.50").packed
WHO = {61: b"\1" + MAC, 60: b"dhcpcd-9.4.1", 12: b"vm5"}


def asked(kind: int, options: Mapping[int, bytes] = WHO, chaddr: bytes = MAC) -> tuple[Client, str]:
    request = decode(bootp(kind, options, chaddr=chaddr))
    return client_of(request), request.type_name


def lease_of(leases: Leases, key: Key = KEY) -> Lease:
    lease = leases.get(key)
    assert lease is not None
    return lease


def record_of(leases: Leases, by: float = 0.0) -> Record:
    (record,) = leases.records(by)
    return record


def key(number: int, bridge: str = "br-int") -> Key:
    return bridge, f"p{number}", IPv4Address(number).packed


def all_of(changes: Changes) -> dict[Key, Lease | None]:
    return {key: lease for part in changes for key, lease in part.items()}


@pytest.mark.parametrize(
    ("story", "state", "since", "until"),
    [
        ([(reasons.OFFER, 1)], State.OFFERED, 1, None),
        ([(reasons.OFFER, 1), (reasons.ACK_SELECTING, 2)], State.BOUND, 2, 3602),
        ([(reasons.ACK_SELECTING, 2), (reasons.ACK_RENEWING, 9)], State.RENEWED, 2, 3609),
        ([(reasons.ACK_INIT_REBOOT, 2), (reasons.ACK_REBINDING, 9)], State.RENEWED, 2, 3609),
        ([(reasons.ACK_INIT_REBOOT, 2), (reasons.ACK_INIT_REBOOT, 9)], State.BOUND, 2, 3609),
        ([(reasons.ACK_RENEWING, 2)], State.RENEWED, 2, 3602),
        ([(reasons.ACK_SELECTING, 2), (reasons.RELEASE, 3)], State.RELEASED, 3, None),
        ([(reasons.RELEASE, 2), (reasons.ACK_RENEWING, 3)], State.RENEWED, 3, 3603),
        ([(reasons.ACK_SELECTING, 2), (reasons.DECLINE, 3)], State.DECLINED, 3, 603),
        ([(reasons.NAK_WRONG_ADDRESS, 4)], State.REFUSED, 4, None),
        ([(reasons.NAK_OFF_NETWORK, 4), (reasons.NAK_NO_ADDRESS, 5)], State.REFUSED, 4, None),
        ([(reasons.OTHER_CLIENT, 4)], State.REFUSED, 4, None),
        ([(reasons.ACK_INFORM, 4)], State.INFORMED, 4, None),
        ([(reasons.ACK_SELECTING, 2), (reasons.OTHER_CLIENT, 4)], State.BOUND, 2, 3602),
        ([(reasons.ACK_SELECTING, 2), (reasons.ACK_INFORM, 4)], State.BOUND, 2, 3602),
    ],
)
def test_an_exchange_leaves_a_state(
    story: list[tuple[Reason, float]], state: State, since: float, until: float | None
) -> None:
    leases = Leases()
    assert leases.get(KEY) is None
    for reason, now in story:
        leases.record(KEY, BINDING, reason, now, *asked(1))
    record = record_of(leases)
    assert (record.state, record.since, record.until) == (state, since, until)
    assert (record.at, record.reason) == (story[-1][1], story[-1][0].code)


def test_every_reason_leaves_something_and_counts_as_what_the_log_calls_it() -> None:
    for code, reason in reasons.REASONS.items():
        leases = Leases()
        leases.record(KEY, BINDING, reason, 1.0, times=3)
        record = record_of(leases)
        kind = code.partition("-")[0]
        counts = {"offer": record.offers, "ack": record.acks, "nak": record.naks}
        assert counts.pop(kind, record.drops) == 3
        assert sum((record.offers, record.acks, record.naks, record.drops)) == 3


def test_a_lease_without_end_has_none() -> None:
    leases = Leases()
    leases.record(KEY, binding(lease_time=INFINITE), reasons.ACK_RENEWING, 200.0)
    assert lease_of(leases).until == inf
    assert record_of(leases).until is None


def test_a_record_says_who_it_is_and_what_was_asked_last() -> None:
    leases = Leases()
    leases.record(KEY, BINDING, reasons.OFFER, 1.0, *asked(1))
    leases.record(KEY, BINDING, reasons.ACK_SELECTING, 2.0, *asked(3, {**WHO, 12: b"later"}))
    leases.record(KEY, BINDING, reasons.OTHER_CLIENT, 3.0, *asked(1, {12: b"thief"}, OTHER_MAC))
    assert record_of(leases, by=1000.0) == Record(
        *("br-int", "vm5", IPv4Address("192.0.2.50"), MAC, State.BOUND, 1002.0, 4602.0),
        *(b"\1" + MAC, "later", "dhcpcd-9.4.1", 1003.0, "DISCOVER", "other-client"),
        *(1, 1, 0, 1, None),
    )


def test_a_repeated_exchange_changes_times_and_counts_alone() -> None:
    leases = Leases()
    leases.record(KEY, BINDING, reasons.OFFER, 1.0, *asked(1))
    leases.record(KEY, BINDING, reasons.ACK_SELECTING, 2.0, *asked(3))
    before = lease_of(leases)
    leases.record(KEY, BINDING, reasons.ACK_SELECTING, 60.0, None, "REQUEST", 58)
    assert lease_of(leases) == before._replace(at=60.0, until=3660.0, acks=59)
    leases.record(KEY, BINDING, reasons.OFFER, 61.0, None, "DISCOVER")
    assert record_of(leases).message == "DISCOVER"


def test_what_is_told_late_is_only_counted() -> None:
    """A repeated ACK is told up to 0.2 s after it: the RELEASE that came meanwhile stands."""
    leases = Leases()
    leases.record(KEY, BINDING, reasons.RELEASE, 2.0, *asked(7))
    before = lease_of(leases)
    leases.record(KEY, BINDING, reasons.ACK_SELECTING, 1.9, None, "REQUEST", 7)
    assert lease_of(leases) == before._replace(acks=7)


@pytest.mark.parametrize("after", [reasons.RELEASE, reasons.NAK_WRONG_ADDRESS, reasons.OFFER])
def test_a_probation_ends_with_time_and_nothing_else(after: Reason) -> None:
    leases = Leases()
    leases.record(KEY, BINDING, reasons.DECLINE, 100.0)
    assert leases.probation_until(KEY) == 700.0
    leases.record(KEY, BINDING, after, 699.0)
    assert leases.probation_until(KEY) == 700.0
    assert record_of(leases).reason == after.code
    leases.record(KEY, BINDING, reasons.DECLINE, 699.0)
    assert leases.probation_until(KEY) == 1299.0
    leases.record(KEY, BINDING, after, 1299.0)
    assert leases.probation_until(KEY) == 0.0


def test_what_a_client_calls_itself_is_escaped_and_cut() -> None:
    leases = Leases()
    hostile = {12: b"\x1b[2J\xff", 60: b"\n" * 255, 61: bytes(range(255))}
    options = b"".join(bytes((code, len(it))) + it for code, it in hostile.items())
    long = bytes((61, 255)) + bytes(255) + b"\xff"
    leases.record(KEY, BINDING, reasons.OFFER, 1.0, client_of(decode(bootp(1, raw=options + long))))
    record = record_of(leases)
    assert record.hostname == "\\x1b[2J\\xff"
    assert record.vendor_class == "\\n" * 255
    assert record.client_id == bytes(range(255)), "and no more, whatever option 61 goes on with"


# -- history -----------------------------------------------------------------------------------


def test_what_left_the_table_is_history_until_it_is_asked_for_again() -> None:
    leases = Leases()
    for number in (1, 2):
        leases.record(key(number), BINDING, reasons.DECLINE, 1.0)
    leases.left([key(1), key(3)], 5.0)
    assert [(it.port, it.left) for it in leases.records()] == [("p2", None), ("p1", 5.0)]
    assert leases.probation_until(key(1)) == 601.0
    leases.record(key(1), BINDING, reasons.OFFER, 601.0)
    assert [it.left for it in leases.records()] == [None, None]


def test_history_is_forgotten_after_its_time_and_when_it_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases_module, "MOST_HISTORY", 3)
    leases = Leases(frozenset({"br-ovn"}))
    for number in range(5):
        leases.record(key(number), BINDING, reasons.OFFER, 1.0)
        leases.record(key(number, "br-ovn"), BINDING, reasons.OFFER, 2.0 + number)
    assert len(leases) == 5 + 3
    leases.record(key(2, "br-ovn"), BINDING, reasons.ACK_SELECTING, 10.0)
    leases.take_changes()
    leases.left([key(0)], 11.0)
    assert all_of(leases.take_changes()) == {
        key(0): lease_of(leases, key(0)),
        key(3, "br-ovn"): None,
    }
    leases.expire(10.0 + HISTORY)
    assert all_of(leases.take_changes()) == {key(4, "br-ovn"): None, key(2, "br-ovn"): None}
    leases.expire(1e12)
    assert [it.port for it in leases.records()] == ["p1", "p2", "p3", "p4"]


def test_a_reader_may_take_its_time_while_records_change() -> None:
    leases = Leases()
    for number in range(10):
        leases.record(key(number), BINDING, reasons.OFFER, 1.0)
    reader = leases.records()
    first = next(reader)
    for number in range(5, 15):
        leases.record(key(number), BINDING, reasons.ACK_SELECTING, 2.0)
    leases.left([key(9)], 3.0)
    assert [first.port, *(it.port for it in reader)] == [f"p{n}" for n in range(10)]


# -- after a restart ----------------------------------------------------------------------------


def test_a_record_is_adopted_where_its_binding_is() -> None:
    before = Leases()
    for number in (1, 2, 3):
        before.record(key(number), BINDING, reasons.ACK_SELECTING, 1.0 + number, *asked(3))
    before.record(key(9, "br-ovn"), BINDING, reasons.OFFER, 8.0)
    before.left([key(3)], 9.0)
    leases = Leases(frozenset({"br-ovn"}))
    leases.record(key(2), BINDING, reasons.RELEASE, 19.0)
    new = lease_of(leases, key(2))
    leases.take_changes()
    kept = {k: it for k, it in all_of(before.take_all()).items() if it is not None}
    leases.adopt(kept.items(), [key(2), key(3), key(9)], 20.0)
    assert all_of(leases.take_all()) == {
        key(2): new,
        key(3): kept[key(3)]._replace(left=None),
        key(1): kept[key(1)]._replace(left=20.0),
        key(9, "br-ovn"): kept[key(9, "br-ovn")],
    }


def test_a_clock_set_back_makes_no_probation_longer_than_it_was() -> None:
    lease = Leases()
    lease.record(KEY, BINDING, reasons.DECLINE, 1000.0)
    for now, until in ((400.0, 1000.0), (1000.0, 1600.0), (1500.0, 1600.0)):
        leases = Leases()
        leases.adopt([(KEY, lease_of(lease))], [KEY], now)
        assert leases.probation_until(KEY) == until


def test_only_what_differs_from_the_journal_is_to_be_written() -> None:
    before = Leases()
    for number in (1, 2):
        before.record(key(number), BINDING, reasons.OFFER, 1.0)
    leases = Leases()
    kept = {k: it for k, it in all_of(before.take_all()).items() if it is not None}
    leases.adopt(kept.items(), [key(1)], 20.0)
    assert all_of(leases.take_changes()) == {key(2): lease_of(leases, key(2))}
    assert all_of(leases.take_changes()) == {}
