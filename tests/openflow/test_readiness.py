"""When it is looked out for the next question, and when it is waited for asleep."""

import socket
from collections.abc import Iterator

import pytest
from ryu.lib import hub

from ovsdhcp.openflow import readiness
from ovsdhcp.openflow.readiness import SOON, Readiness

STEP = SOON / 10


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
            hub.spawn_after(0, self.theirs.send, b"x")
        self.readiness.wait(eager=eager)
        assert self.ours.recv(2) == b"x"
        return self.looked - before

    def close(self) -> None:
        self.readiness.close()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def waiter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiter]:
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
