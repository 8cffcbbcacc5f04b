"""What is counted on the packet path: told once, settled once, and nothing of it lost."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.server import Drop
from ovsdhcp.events import MOST_TOLD, Counted, Event, Resumed, Tallies, Tally, Told

REFUSED = Drop(reasons.NO_BINDING)


def tally(tallies: Tallies, port: str) -> Tally:
    return tallies.of("br-int", port, bytes(6), None, REFUSED)


def read(tallies: Tallies, ports: list[str], at: float = 0.0) -> None:
    """The ports ask in one read, which takes 50 µs."""
    told: list[Told] = [(tally(tallies, port), None) for port in ports]
    tallies.note(told, list(range(len(ports))), at, 50e-6)


def settled(tallies: Tallies, most: int = 1 << 20) -> list[Counted]:
    return list(tallies.settle(most))


def test_what_happens_alike_is_one_exchange_and_few_are_kept() -> None:
    tallies = Tallies(most=2)
    first = tally(tallies, "vm5")
    assert tally(tallies, "vm5") is first
    other = tallies.of("br-int", "vm5", bytes(6), None, Resumed(reasons.NO_BINDING))
    assert other.exchange.event == "resume"
    assert tally(tallies, "vm1").exchange.port == "vm1"
    again = tally(tallies, "vm5")
    assert again is not first
    assert again.exchange == first.exchange


def test_what_was_made_before_is_let_go_as_it_is_settled() -> None:
    tallies = Tallies(most=2)
    read(tallies, [f"vm{number}" for number in range(9)])
    assert [len(it) for it in tallies._old] == [2, 2, 2, 2]
    settled(tallies, 3)
    assert [len(it) for it in tallies._old] == [1, 2, 2], "not all at once"
    settled(tallies, 6)
    assert not tallies._old


def test_few_are_told_one_by_one() -> None:
    tallies = Tallies()
    read(tallies, ["vm1", "vm1"], 1.0)
    read(tallies, ["vm2"], 2.0)
    told = [(one.exchange.port, one.at, one.microseconds, one.times) for one in tallies.take()]
    assert told == [("vm1", 1.0, 50, 1), ("vm1", 1.0, 50, 1), ("vm2", 2.0, 50, 1)]
    assert tallies.take() == []


def test_of_many_those_that_are_alike_are_told_as_one() -> None:
    tallies = Tallies()
    for at in range(MOST_TOLD):
        read(tallies, ["vm1", "vm2"], float(at))
    read(tallies, ["vm1"], float(MOST_TOLD))
    assert tallies.untold == 2 * MOST_TOLD + 1
    told = [(one.exchange.port, int(one.at), one.times) for one in tallies.take()]
    assert told == [("vm2", MOST_TOLD - 1, MOST_TOLD), ("vm1", MOST_TOLD, MOST_TOLD + 1)]
    assert tallies.untold == 0


def test_of_too_many_the_first_are_told_and_all_are_counted() -> None:
    tallies = Tallies()
    ports = [f"vm{number}" for number in range(2 * MOST_TOLD)]
    for _ in range(2):
        read(tallies, ports)
    assert [one.exchange.port for one in tallies.take()] == ports[:MOST_TOLD]
    assert [(it.exchange.port, it.times) for it in settled(tallies)] == [(p, 2) for p in ports]


def test_within_a_read_the_last_is_known() -> None:
    """So that of a client's RELEASE and REQUEST in one read the state is that of the second."""
    years = 1e8
    tallies = Tallies()
    read(tallies, ["vm1", "vm2", "vm1"], years)
    last = {it.exchange.port: it.last for it in settled(tallies)}
    assert years < last["vm2"] < last["vm1"] < years + 1e-6


def test_in_slices_what_comes_meanwhile_is_settled_behind_it() -> None:
    tallies = Tallies()
    read(tallies, ["vm1", "vm2", "vm3"])
    first = settled(tallies, 2)
    read(tallies, ["vm1", "vm3"])
    found = [(it.exchange.port, it.times) for it in first + settled(tallies)]
    assert found == [("vm1", 1), ("vm2", 1), ("vm3", 2), ("vm1", 1)]
    assert tallies.unsettled == 0


def test_who_stops_settling_loses_nothing_that_comes_later() -> None:
    tallies = Tallies()
    read(tallies, ["vm1", "vm2"])
    first = next(tallies.settle(2))
    read(tallies, ["vm1"])
    found = [(it.exchange.port, it.times) for it in (first, *settled(tallies))]
    assert found == [("vm1", 1), ("vm2", 1), ("vm1", 1)]


STEPS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(["vm1", "vm2", "vm3"]), min_size=1, max_size=MOST_TOLD),
        st.just("take"),
        st.integers(1, 4),
    )
)


@given(STEPS)
def test_whatever_the_order_nothing_is_lost_and_nothing_told_twice(
    steps: list[list[str] | str | int],
) -> None:
    tallies, clock = Tallies(), count()
    events: list[Event] = []
    counted: list[Counted] = []
    asked: Counter[str] = Counter()
    for step in steps:
        if isinstance(step, list):
            read(tallies, step, float(next(clock)))
            asked.update(step)
        elif isinstance(step, int):
            counted += settled(tallies, step)
        else:
            events += tallies.take()
    events += tallies.take()
    counted += settled(tallies)
    told: Counter[str] = Counter()
    for event in events:
        told[event.exchange.port] += event.times
    kept: Counter[str] = Counter()
    for one in counted:
        kept[one.exchange.port] += one.times
    assert told == asked
    assert kept == asked
    assert [int(one.at) for one in events] == sorted(int(one.at) for one in events)


@pytest.mark.parametrize("most", [1, 2])
def test_what_is_not_remembered_any_more_is_counted_all_the_same(most: int) -> None:
    tallies = Tallies(most)
    for _ in range(3):
        read(tallies, ["vm1", "vm2", "vm3"])
    found: Counter[str] = Counter()
    for one in settled(tallies):
        found[one.exchange.port] += one.times
    assert found == {"vm1": 3, "vm2": 3, "vm3": 3}
