"""Who waits for the next question: this thread in the hub's place, awake or asleep, or the hub."""

import socket
import time
from collections.abc import Iterator

import eventlet
import pytest
from ryu.lib import hub

from ovsdhcp.openflow import readiness
from ovsdhcp.openflow.readiness import SOON, Readiness

STEP, LATER = SOON / 10, 0.05


class Waiter:
    """Waits for an octet; `looked` counts how often it was looked out for in vain."""

    def __init__(self) -> None:
        self.now, self.looked = 0.0, 0
        self.ours, self.theirs = socket.socketpair()
        self.readiness = Readiness(self.ours.fileno())

    def clock(self) -> float:
        self.now += STEP
        return self.now

    def look_in_vain(self) -> None:
        self.looked += 1

    def wait(self, *, eager: bool, there: bool) -> int:
        """For an octet that is there already, or comes when somebody else had a turn."""
        before = self.looked
        if there:
            self.theirs.send(b"x")
        else:
            hub.spawn_after(LATER, self.theirs.send, b"x")
            hub.sleep(0)  # a round of the hub, for it to know of that
        self.readiness.wait(eager=eager)
        assert self.ours.recv(2) == b"x"
        return self.looked - before

    def close(self) -> None:
        self.readiness.close()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def waiter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiter]:
    for timers in ("timers", "next_timers"):  # without those of other tests
        monkeypatch.setattr(eventlet.hubs.get_hub(), timers, [])
    hub.spawn_after(60, print)  # as there is always something in a server
    hub.sleep(0)
    waiter = Waiter()
    monkeypatch.setattr(readiness, "monotonic", waiter.clock)
    monkeypatch.setattr(readiness, "sched_yield", waiter.look_in_vain)
    yield waiter
    waiter.close()


def test_it_is_looked_out_after_a_short_wait_and_not_after_a_long_one(waiter: Waiter) -> None:
    assert waiter.wait(eager=True, there=False) == 0
    assert waiter.wait(eager=True, there=True) == 0
    assert 0 < waiter.wait(eager=True, there=False) <= SOON / STEP
    assert waiter.wait(eager=True, there=False) == 0


def test_it_is_not_looked_out_where_others_work_is_worth_more(waiter: Waiter) -> None:
    waiter.wait(eager=False, there=True)
    assert waiter.wait(eager=False, there=False) == 0


def test_what_is_there_needs_no_second_look(waiter: Waiter) -> None:
    for _ in range(3):
        assert waiter.wait(eager=True, there=True) == 0


def test_the_hub_goes_round_only_where_others_have_something_to_do(
    waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    the_hub = eventlet.hubs.get_hub()
    waiter.wait(eager=False, there=True)
    goes_round = the_hub.wait

    def wait(seconds: float) -> None:
        happened.append("round")
        goes_round(seconds)

    monkeypatch.setattr(the_hub, "wait", wait)

    for _ in range(3):
        waiter.wait(eager=False, there=True)
    assert happened == []

    hub.spawn(happened.append, "spawned")
    waiter.wait(eager=False, there=True)
    assert happened == ["spawned", "round"]

    hub.spawn_after(LATER, happened.append, "due")
    hub.sleep(0)
    time.sleep(1.1 * LATER)
    happened.clear()
    for _ in range(3):
        waiter.wait(eager=False, there=True)
    assert happened == ["round", "due", "round"]


def test_another_descriptor_has_its_turn_however_much_there_is_to_read(waiter: Waiter) -> None:
    theirs, ours = socket.socketpair()
    turns: list[int] = []
    other = Readiness(ours.fileno())

    def wait_for_other() -> None:
        other.wait(eager=False)
        turns.append(1)
        other.close()

    hub.spawn(wait_for_other)
    waiter.wait(eager=False, there=True)
    with ours, theirs:
        theirs.send(b"x")
        waiter.wait(eager=False, there=True)
        waiter.wait(eager=False, there=True)
        assert turns == [1]


def test_who_writes_to_the_same_descriptor_has_its_turn(waiter: Waiter) -> None:
    """It is ready for that at once, and nothing is there to be read."""
    turns: list[int] = []

    def write() -> None:
        eventlet.hubs.trampoline(waiter.ours, write=True)
        turns.append(1)

    waiter.wait(eager=False, there=True)
    hub.spawn(write)
    hub.spawn_after(LATER, waiter.theirs.send, b"x")
    hub.sleep(0)
    waiter.readiness.wait(eager=False)
    assert waiter.ours.recv(2) == b"x"
    assert turns == [1]
