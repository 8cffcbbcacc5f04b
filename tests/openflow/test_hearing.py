"""By which way a switch is heard, and that a handover loses nothing and takes nothing twice."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.openflow import asynchronous, hearing, messages
from ovsdhcp.openflow.hearing import CALM, GIVE_WAY, IDLE, STEADY, Hearing

EVERYTHING, NOTHING = asynchronous.of_everything(0)[8:], asynchronous.of_nothing(0)[8:]


def said(octets: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(octets):
        message = messages.whole(octets, at)
        yield message
        at += len(message)


def port_status(number: int) -> bytes:
    return messages.message(messages.PORT_STATUS, 0, pack("!72xQ", number)[8:])


class Way:
    """One connection of a switch: what it was told, and what it said that was not read yet."""

    def __init__(self, *, tells: bool) -> None:
        self.told: deque[bytes] = deque()
        self.unread: deque[bytes] = deque()
        self.tells = tells

    def send(self, octets: bytes) -> bool:
        self.told += said(octets)
        return True

    def carry_out(self) -> None:
        message = self.told.popleft()
        if message[1] == messages.BARRIER_REQUEST:
            xid = int.from_bytes(message[4:8], "big")
            self.unread.append(messages.message(messages.BARRIER_REPLY, xid, b""))
        else:
            assert message[8:] in (EVERYTHING, NOTHING)
            self.tells = message[8:] == EVERYTHING


class Bridge:
    """Who sends by the shortcut, and what we did about its CPU."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_given_way = False

    def give_way(self) -> None:
        self.looks += 1
        self.is_given_way = True

    def come_back(self) -> None:
        self.is_given_way = False


class Both:
    """A switch with both ways, on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.own, self.shortcut = Way(tells=True), Way(tells=False)
        self.hearing = Hearing(self.own, lambda: self.now)
        self.bridge = Bridge()
        self.hearing.take(self.shortcut, Path("br0.mgmt"), self.bridge)
        self.events = 0
        self.heard: list[int] = []

    def say(self) -> None:
        for way in (self.own, self.shortcut):
            if way.tells:
                way.unread.append(port_status(self.events))
        self.events += 1

    def read(self, way: Way) -> None:
        message = way.unread.popleft()
        for due in self.hearing.due(way, message):
            self.heard.append(int.from_bytes(due[-8:], "big"))

    def settle(self) -> None:
        ways = (self.own, self.shortcut)
        while any(way.told or way.unread for way in ways):
            for way in ways:
                while way.told:
                    way.carry_out()
                while way.unread:
                    self.read(way)

    def comes(self, questions: int, *, seconds: float = 0.0, at_once: int = 20) -> None:
        """So many questions of 400 octets, in reads of so many."""
        question = messages.message(messages.PACKET_IN, 0, bytes(392))
        for _ in range(questions // at_once):
            self.hearing.came(question * at_once)
            self.now += seconds / questions * at_once


STEPS = ["say", "own told", "shortcut told", "own read", "shortcut read", "hand over"]


@given(st.lists(st.sampled_from(STEPS), max_size=200))
def test_a_handover_loses_nothing_and_takes_nothing_twice(steps: list[str]) -> None:
    """Whatever is read and carried out when, and however soon the next one follows."""
    both = Both()
    ways = {"own": both.own, "shortcut": both.shortcut}
    for step in steps:
        name, _, what = step.partition(" ")
        if step == "say":
            both.say()
        elif step == "hand over":
            other = both.own if both.hearing.by_shortcut else both.shortcut
            both.hearing._hear_by(other)
        elif what == "told" and ways[name].told:
            ways[name].carry_out()
        elif what == "read" and ways[name].unread:
            both.read(ways[name])
    both.settle()
    assert both.heard == list(range(both.events))
    assert both.hearing.overlap is None
    assert [both.own.tells, both.shortcut.tells] == [
        not both.hearing.by_shortcut,
        both.hearing.by_shortcut,
    ]


def test_answers_of_the_switch_are_not_held_back_in_a_handover() -> None:
    """An error goes before the barrier that says that there will be none."""
    both = Both()
    both.comes(10_000, seconds=1.0)
    both.settle()
    both.hearing._hear_by(both.own)
    for kind in (messages.ERROR, messages.EXPERIMENTER, messages.MULTIPART_REPLY):
        answer = messages.message(kind, 7, bytes(16))
        assert list(both.hearing.due(both.own, answer)) == [answer]
    event = messages.message(messages.PORT_STATUS, 0, bytes(72))
    assert list(both.hearing.due(both.own, event)) == []
    barrier = messages.message(messages.BARRIER_REPLY, 7, b"")
    assert list(both.hearing.due(both.own, barrier)) == [barrier]


def test_what_comes_steadily_and_fast_comes_by_the_shortcut() -> None:
    both = Both()
    both.comes(10_000, seconds=10_000 / 6_000)
    assert both.hearing.by_shortcut
    both.settle()
    assert both.shortcut.tells
    assert not both.own.tells


@pytest.mark.parametrize(
    ("questions", "seconds"),
    [(10_000, 4.0), (2_000, 0.01), (2_000, STEADY * 0.9), (500, 0.1)],
    ids=["slow", "a burst", "not long", "little"],
)
def test_what_is_slow_or_short_does_not(questions: int, seconds: float) -> None:
    both = Both()
    both.now += 3600
    both.comes(questions, seconds=seconds)
    assert not both.hearing.by_shortcut
    assert both.hearing.overlap is None


def test_a_crowd_ends_it_at_once_and_for_some_time() -> None:
    both = Both()
    both.comes(10_000, seconds=1.0)
    both.settle()
    both.comes(hearing.MANY, at_once=hearing.MANY)
    assert not both.hearing.by_shortcut
    both.settle()
    assert both.own.tells
    assert not both.shortcut.tells
    both.comes(10_000, seconds=CALM * 0.9)
    assert not both.hearing.by_shortcut
    both.comes(10_000, seconds=1.0)
    assert both.hearing.by_shortcut


def test_many_at_once_that_a_socket_holds_are_no_crowd() -> None:
    both = Both()
    both.comes(20_000, seconds=1.0, at_once=hearing.MANY - 1)
    assert both.hearing.by_shortcut


def test_a_long_answer_behind_a_short_one_is_no_crowd() -> None:
    both = Both()
    both.hearing.came(messages.barrier(0) + messages.message(19, 0, bytes(60_000)))
    both.comes(10_000, seconds=1.0)
    assert both.hearing.by_shortcut


def test_when_little_comes_it_is_its_own_turn_again() -> None:
    both = Both()
    both.comes(10_000, seconds=1.0)
    both.settle()
    both.now += IDLE * 0.9
    both.hearing.look()
    assert both.hearing.by_shortcut
    both.now += IDLE
    both.hearing.look()
    assert not both.hearing.by_shortcut


def test_what_comes_in_a_crowd_during_the_handover_ends_it_behind_it() -> None:
    both = Both()
    both.comes(10_000, seconds=1.0)
    both.comes(hearing.MANY, at_once=hearing.MANY)
    assert both.hearing.by_shortcut
    both.settle()
    assert not both.hearing.by_shortcut
    assert (both.own.tells, both.shortcut.tells) == (True, False)


@pytest.mark.parametrize("settled", [False, True])
def test_a_shortcut_that_is_not_allowed_is_not_used(settled: bool) -> None:
    both = Both()
    both.comes(10_000, seconds=1.0)
    if settled:
        both.settle()
    both.hearing.allow(shortcut=False)
    both.settle()
    both.comes(10_000, seconds=1.0)
    assert not both.hearing.by_shortcut
    both.hearing.allow(shortcut=True)
    assert not both.hearing.by_shortcut
    both.comes(10_000, seconds=1.0)
    assert both.hearing.by_shortcut


def test_without_a_shortcut_nothing_is_handed_over() -> None:
    both = Both()
    both.hearing.shortcut = None
    both.comes(10_000, seconds=1.0)
    both.comes(1_000, at_once=500)
    both.hearing.look()
    assert not both.own.told


def test_the_bridge_is_given_way_while_much_comes_by_the_shortcut_and_now_and_then_anew() -> None:
    both = Both()
    both.comes(1_000, seconds=0.1)
    assert not both.bridge.looks
    both.comes(10_000, seconds=1.0)
    assert both.bridge.is_given_way
    both.settle()
    before = both.bridge.looks
    both.comes(100_000, seconds=100 * GIVE_WAY)
    assert 50 < both.bridge.looks - before <= 100


@pytest.mark.parametrize("end", ["a crowd", "little", "not allowed", "the end"])
def test_and_is_no_more_when_that_ends(end: str) -> None:
    both = Both()
    both.comes(10_000, seconds=1.0)
    both.settle()
    assert both.bridge.is_given_way
    if end == "a crowd":
        both.comes(hearing.MANY, at_once=hearing.MANY)
    elif end == "little":
        both.now += IDLE
        both.hearing.look()
    elif end == "not allowed":
        both.hearing.allow(shortcut=False)
    else:
        both.hearing.end()
    assert not both.bridge.is_given_way


def test_nor_is_it_for_what_its_own_wire_still_brings_behind_the_end() -> None:
    both = Both()
    both.comes(10_000, seconds=1.0)
    both.settle()
    both.hearing.end()
    both.comes(10_000, seconds=1.0)
    assert not both.bridge.is_given_way
