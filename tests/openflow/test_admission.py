"""Places, octets and time: what one peer uses up is its own, and never another's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.openflow.admission import Admission, Limits, Visit
from ovsdhcp.openflow.endings import (
    ALREADY_CONNECTED,
    HANDSHAKE_TIMEOUT,
    HANDSHAKE_TOO_LONG,
    MADE_ROOM,
    SILENT,
    STRANGER,
    TOO_MANY_CONNECTIONS,
)

FEW = Limits(waiting=4, waiting_of_one=2, ready=3, ready_of_one=2)


class House:
    """An admission, and how the visits of it ended."""

    def __init__(self, limits: Limits = FEW) -> None:
        self.admission = Admission(limits)
        self.ended: dict[str, str] = {}

    def enter(self, name: str, host: str = "", now: float = 0.0) -> Visit:
        def hang_up(ending: Reason) -> None:
            self.ended[name] = ending.code

        return self.admission.enter(host or name, hang_up, now)


def test_the_oldest_of_a_peer_makes_room_for_its_newest() -> None:
    house = House()
    for number in range(4):
        house.enter(f"idle{number}", "attacker")
    house.enter("switch")
    assert house.ended == {"idle0": MADE_ROOM.code, "idle1": MADE_ROOM.code}


def test_the_oldest_of_all_makes_room_where_every_place_is_taken() -> None:
    house = House()
    for number in range(6):
        house.enter(f"peer{number}")
    assert list(house.ended) == ["peer0", "peer1"]


def test_a_switch_that_is_ready_makes_no_room() -> None:
    house = House()
    assert house.admission.ready(house.enter("switch", "host")) is None
    for number in range(10):
        house.enter(f"idle{number}", "host")
    assert "switch" not in house.ended


def test_a_handshake_has_its_time() -> None:
    house = House()
    house.enter("slow", now=0.0)
    in_time = house.enter("in time", now=0.0)
    house.enter("late", now=5.0)
    house.admission.ready(in_time)
    house.admission.expire(9.9)
    assert house.ended == {}
    house.admission.expire(10.0)
    assert house.ended == {"slow": HANDSHAKE_TIMEOUT.code}


def test_a_handshake_is_short() -> None:
    house = House(Limits(octets_before_ready=100))
    visit = house.enter("talker")
    assert house.admission.heard(visit, 100) is None
    assert house.admission.heard(visit, 1) is HANDSHAKE_TOO_LONG
    switch = house.enter("switch")
    house.admission.ready(switch)
    assert house.admission.heard(switch, 1 << 30) is None


def test_as_many_switches_are_served_as_there_are_places() -> None:
    house = House()
    first, second = house.enter("a", "host"), house.enter("b", "host")
    assert [house.admission.ready(visit) for visit in (first, second)] == [None, None]
    assert house.admission.ready(house.enter("c", "host")) is TOO_MANY_CONNECTIONS
    assert house.admission.ready(house.enter("d", "other")) is None
    assert house.admission.ready(house.enter("e", "third")) is TOO_MANY_CONNECTIONS
    house.admission.leave(first)
    assert house.admission.ready(house.enter("f", "host")) is None


def test_whoever_uses_more_of_ryus_time_than_a_share_rests() -> None:
    admission = Admission(Limits(share=0.5, ahead=5.0))
    visit = admission.enter("busy", lambda _: None, 0.0)
    another = admission.enter("busy", lambda _: None, 0.0)
    other = admission.enter("other", lambda _: None, 0.0)
    assert admission.spent(visit, 5.0, 0.0) == 0.0
    assert admission.spent(visit, 1.0, 0.0) == 2.0
    assert admission.spent(another, 1.0, 0.0) == 4.0, "an address has one share"
    assert admission.spent(other, 1.0, 0.0) == 0.0
    assert admission.spent(visit, 0.5, 14.0) == 0.0, "what was rested is paid"


@given(st.lists(st.floats(0.0001, 0.1), min_size=100, max_size=400))
def test_in_the_long_run_it_is_a_share(messages: list[float]) -> None:
    admission = Admission(Limits(share=0.25, ahead=1.0))
    visit = admission.enter("busy", lambda _: None, 0.0)
    now = 0.0
    for seconds in messages:
        now += seconds
        now += admission.spent(visit, seconds, now)
    assert sum(messages) <= 0.25 * now + 1.0 + 0.1


def test_the_same_ending_of_an_address_is_said_once_a_minute_and_always_counted() -> None:
    admission = Admission(Limits())
    said = [admission.ended("host", STRANGER, now) for now in (0.0, 1.0, 59.0, 60.0)]
    assert said == [0, None, None, 2]
    assert admission.ended("host", SILENT, 1.0) == 0
    assert admission.ended("other", STRANGER, 1.0) == 0
    assert admission.endings == {STRANGER.code: 5, SILENT.code: 1}


def test_what_is_remembered_is_bounded() -> None:
    admission = Admission(Limits())
    for number in range(10_000):
        visit = admission.enter(f"host{number}", lambda _: None, 0.0)
        admission.ended(f"host{number}", ALREADY_CONNECTED, 0.0)
        admission.leave(visit)
    assert len(admission._peers) <= 4096
    assert len(admission._said) <= 1024
    assert not admission._waiting


@pytest.mark.parametrize(
    ("open_files", "waiting", "ready"), [(1 << 20, 1024, 4096), (1024, 320, 320), (256, 64, 64)]
)
def test_places_fit_into_the_limit_of_open_files(open_files: int, waiting: int, ready: int) -> None:
    limits = Limits.within(open_files)
    assert (limits.waiting, limits.ready) == (waiting, ready)
    assert limits.waiting + 2 * limits.ready < open_files
