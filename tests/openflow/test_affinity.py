"""On which CPUs we run beside a bridge: never one that the user did not allow, never none."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from socket import AF_UNIX, socketpair
from typing import Any

import pytest

from ovsdhcp.openflow.affinity import Affinity, Neighbour


class Cpus:
    """What the kernel says of four CPUs, and is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = {0, 1, 2, 3}
        self.told: list[set[int]] = []
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(self.now))
        monkeypatch.setattr(os, "sched_setaffinity", self._set)

    def _set(self, _: int, cpus: set[int]) -> None:
        self.now = set(cpus)
        self.told.append(self.now)


@pytest.fixture
def cpus(monkeypatch: pytest.MonkeyPatch) -> Cpus:
    return Cpus(monkeypatch)


def test_a_cpu_is_left_and_taken_back(cpus: Cpus) -> None:
    affinity = Affinity()
    affinity.leave(2, to=100)
    assert cpus.now == {0, 1, 3}
    affinity.leave(1, to=100)
    assert cpus.now == {0, 2, 3}
    affinity.take_back(of=100)
    assert cpus.now == {0, 1, 2, 3}


def test_what_changes_nothing_asks_the_kernel_nothing(cpus: Cpus) -> None:
    affinity = Affinity()
    for _ in range(3):
        affinity.leave(2, to=100)
    affinity.leave(2, to=101)
    affinity.take_back(of=100)
    affinity.take_back(of=100)
    assert cpus.told == [{0, 1, 3}]


def test_what_several_have_is_left_to_all_of_them(cpus: Cpus) -> None:
    affinity = Affinity()
    for cpu, pid in enumerate((100, 101, 102)):
        affinity.leave(cpu, to=pid)
    assert cpus.now == {3}
    affinity.leave(3, to=103)
    assert cpus.now == {0, 1, 2, 3}, "none is left: as if there were nobody"
    affinity.take_back(of=101)
    assert cpus.now == {1}


def test_the_users_choice_is_kept_to(cpus: Cpus) -> None:
    cpus.now = {1, 2}
    affinity = Affinity()
    affinity.leave(0, to=100)
    assert not cpus.told
    affinity.leave(2, to=100)
    assert cpus.now == {1}
    affinity.take_back(of=100)
    assert cpus.now == {1, 2}


def test_so_is_what_the_user_chooses_meanwhile(cpus: Cpus) -> None:
    affinity = Affinity()
    affinity.leave(2, to=100)
    cpus.now = {2, 3}
    affinity.leave(3, to=100)
    assert cpus.now == {2}
    affinity.take_back(of=100)
    assert cpus.now == {2, 3}


def test_where_it_is_refused_all_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    before = os.sched_getaffinity(0)
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    affinity = Affinity()
    affinity.leave(min(before), to=100)
    affinity.take_back(of=100)
    assert os.sched_getaffinity(0) == before


def in_a_thread(what: Callable[[], Any]) -> Any:
    """Whose affinity ends with it."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(what()))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one CPU alone")
def test_a_neighbour_is_found_on_its_cpu_by_its_socket() -> None:
    """Our own process is at the other end, and its main thread waits on a CPU for this one."""
    cpu = min(os.sched_getaffinity(0))
    allowed = os.sched_getaffinity(0)

    def give_way() -> tuple[set[int], set[int]]:
        os.sched_setaffinity(0, allowed)
        ours, theirs = socketpair(AF_UNIX)
        with ours, theirs:
            neighbour = Neighbour(ours, Affinity())
            neighbour.give_way()
            beside = os.sched_getaffinity(0)
            neighbour.come_back()
            return beside, os.sched_getaffinity(0)

    os.sched_setaffinity(0, {cpu})
    try:
        beside, after = in_a_thread(give_way)
    finally:
        os.sched_setaffinity(0, allowed)
    assert beside == allowed - {cpu}
    assert after == allowed


def test_two_bridges_of_one_process_leave_it_the_cpu_that_was_seen_last(cpus: Cpus) -> None:
    cpus.now = set(range(1024))  # whichever the kernel says that we are on
    ours, theirs = socketpair(AF_UNIX)
    with ours, theirs:
        affinity = Affinity()
        one, other = Neighbour(ours, affinity), Neighbour(theirs, affinity)
        one.give_way()
        affinity.leave(3, to=os.getpid())
        other.give_way()
        assert len(cpus.now) == 1023
        one.come_back()
        other.give_way()
        assert len(cpus.now) == 1023


def test_a_neighbour_that_is_gone_or_hidden_is_nobodys_matter() -> None:
    ours, theirs = socketpair(AF_UNIX)
    with ours, theirs:
        neighbour = Neighbour(ours, Affinity())
        neighbour._stat = Path("/proc/0/task/0/stat")
        before = os.sched_getaffinity(0)
        neighbour.give_way()
        assert os.sched_getaffinity(0) == before
