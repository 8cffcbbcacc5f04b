"""A connection over a real socket: it never waits for a switch, nor keeps one from ending."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import ryu.base.app_manager
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER
from ryu.lib import hub

from ovsdhcp.openflow import connection, messages, wire
from ovsdhcp.openflow.admission import Admission, Limits
from ovsdhcp.openflow.connection import Connection
from ovsdhcp.openflow.door import Passage
from tests.openflow.test_connection import Brick

eventlet = hub.eventlet
QUESTION = messages.message(messages.PACKET_IN, 0, b"?" * 92)
ANSWER = b"!" * 300


class Answering:
    """A party that answers every packet-in."""

    def __init__(self) -> None:
        self.answered = 0

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        while (message := messages.whole(octets, at)) and message[1] == messages.PACKET_IN:
            self.answered += 1
            answers.append(ANSWER)
            at += len(message)
        return at

    def sent(self) -> None: ...
    def hear(self, message: bytes) -> bool:
        return True


@pytest.fixture
def brick(monkeypatch: pytest.MonkeyPatch) -> Brick:
    brick = Brick()
    monkeypatch.setattr(ryu.base.app_manager, "lookup_service_brick", lambda _: brick)
    return brick


class Ends:
    """A connection and the switch's end of it."""

    def __init__(self, **settings: object) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.party = Answering()
        green: Any = eventlet.greenio.GreenSocket(ours)
        green.setsockopt = lambda *_: None  # no TCP here
        passage = Passage(Admission(Limits()), green, ("192.0.2.9", 1))
        self.connection = Connection(green, ("192.0.2.9", 1), lambda _: self.party, passage)
        for name, value in settings.items():
            setattr(self.connection, name, value)
        self.connection.set_state(MAIN_DISPATCHER)
        self.switch = eventlet.greenio.GreenSocket(theirs)
        self.serving = hub.spawn(self.connection.serve)
        eventlet.sleep(0)
        self.hello = self.switch.recv(8)

    def end(self) -> None:
        self.switch.close()
        with eventlet.Timeout(5):
            self.serving.wait()


@pytest.fixture
def ends(brick: Brick) -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.end()


def read(ends: Ends, size: int) -> bytes:
    octets = b""
    with eventlet.Timeout(5):
        while len(octets) < size:
            octets += ends.switch.recv(size - len(octets))
    return octets


def test_questions_are_answered_in_order_beside_what_is_sent(ends: Ends) -> None:
    ends.switch.sendall(QUESTION * 3)
    assert read(ends, 3 * len(ANSWER)) == 3 * ANSWER
    ends.connection.send(b"1" * 50_000)
    ends.connection.send(b"2" * 50_000)
    ends.switch.sendall(QUESTION)
    assert read(ends, 100_300) == b"1" * 50_000 + b"2" * 50_000 + ANSWER


def test_a_switch_that_never_reads_is_not_read_either(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is owed stays within the limit and the answers of one read."""
    monkeypatch.setattr(wire, "UNSENT_AT_MOST", 20_000)
    with eventlet.Timeout(0.5, False):
        while True:
            ends.switch.sendall(QUESTION * 50)
    once = wire.READ_AT_MOST // len(QUESTION) * len(ANSWER)
    assert 20_000 < ends.connection._wire._unsent_octets <= 20_000 + once
    answered = ends.party.answered
    eventlet.sleep(0.05)
    assert ends.party.answered == answered
    owed = answered * len(ANSWER)
    assert read(ends, owed) == answered * ANSWER


def test_a_send_never_waits(ends: Ends) -> None:
    with eventlet.Timeout(1):
        for _ in range(200):
            assert ends.connection.send(bytes(10_000))
    assert read(ends, 2_000_000) == bytes(2_000_000)


def test_a_switch_that_reads_nothing_for_long_is_given_up(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    ends.connection.socket.settimeout(0.1)
    ends.connection.send(bytes(1_000_000))
    with eventlet.Timeout(5):
        ends.serving.wait()
    assert ends.connection.state == DEAD_DISPATCHER
    assert "reason=does-not-read" in caplog.text


def test_closing_wakes_who_waits_for_a_message(ends: Ends) -> None:
    eventlet.sleep(0)
    ends.connection.close()
    with eventlet.Timeout(1):
        ends.serving.wait()


def test_one_busy_switch_leaves_the_others_their_turn(brick: Brick) -> None:
    busy, quiet = Ends(), Ends()
    flooding = hub.spawn(lambda: [busy.switch.sendall(QUESTION * 500) for _ in range(100)])
    draining = hub.spawn(lambda: [busy.switch.recv(1 << 16) for _ in range(100_000)])
    eventlet.sleep(0.01)
    before = busy.party.answered
    quiet.switch.sendall(QUESTION)
    read(quiet, len(ANSWER))
    turns = (busy.party.answered - before) * len(QUESTION) / wire.READ_AT_MOST
    for thread in (flooding, draining):
        thread.kill()
    busy.end()
    quiet.end()
    assert turns <= 3


ECHO_REQUEST, ECHO_REPLY = 2, 3


def test_a_switch_that_answers_no_echo_is_hung_up_on(
    brick: Brick, caplog: pytest.LogCaptureFixture
) -> None:
    """Ryu's own way is to ask nobody, unless it is told to."""
    ends = Ends(echo_request_interval=0.02, max_unreplied_echo_requests=2)
    said = b""
    with eventlet.Timeout(5):
        while octets := ends.switch.recv(1 << 16):
            said += octets
        ends.serving.wait()
    assert list(said[1::8]) == [ECHO_REQUEST] * 3
    assert "reason=silent" in caplog.text
    ends.end()


@pytest.mark.parametrize("answers", [True, False])
def test_who_is_challenged_has_to_say_something(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answers: bool
) -> None:
    monkeypatch.setattr(connection, "ANSWERS_WITHIN", 0.05)
    challenge = hub.spawn(ends.connection.challenge)
    asked = read(ends, 8)
    assert asked[1] == ECHO_REQUEST
    if answers:
        monkeypatch.setattr(ends.party, "hear", lambda _: False)
        ends.switch.sendall(messages.message(ECHO_REPLY, int.from_bytes(asked[4:], "big"), b""))
    with eventlet.Timeout(5):
        challenge.wait()
    assert ("reason=silent" in caplog.text) is not answers
    assert (ends.connection.state == DEAD_DISPATCHER) is not answers
