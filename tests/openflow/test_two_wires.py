"""A connection with a shortcut: what comes by either, where it goes, and how both end."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ryu.base.app_manager
from ryu.controller.handler import DEAD_DISPATCHER
from ryu.lib import hub

from ovsdhcp.openflow import connection, hearing, messages
from ovsdhcp.openflow.wire import Wire
from tests.openflow.test_connection import Brick
from tests.openflow.test_sending import ANSWER, QUESTION, Ends

eventlet = hub.eventlet
ECHO_REQUEST = messages.message(messages.ECHO_REQUEST, 7, b"still there?")
ECHO_REPLY = messages.message(messages.ECHO_REPLY, 7, b"still there?")
PORT_STATUS = messages.message(messages.PORT_STATUS, 0, bytes(72))
BARRIER_REPLY = messages.message(messages.BARRIER_REPLY, 0, b"")
ERROR = messages.message(messages.ERROR, 0, bytes(4))


class Both(Ends):
    """A connection, and both of the switch's ends of it; `heard` is what its party heard."""

    def __init__(self, early: bytes = b"") -> None:
        super().__init__()
        self.heard: list[bytes] = []
        self.party.hear = self._hear  # type: ignore[method-assign]
        ours, theirs = socket.socketpair()
        green: Any = eventlet.greenio.GreenSocket(ours)
        self.shortcut = eventlet.greenio.GreenSocket(theirs)
        self.connection.take_shortcut(Wire(green), early, Path("br-int.mgmt"))

    def _hear(self, message: bytes) -> bool:
        self.heard.append(message)
        return True

    def said(self, where: Any, size: int) -> bytes:
        octets = b""
        with eventlet.Timeout(5):
            while len(octets) < size:
                octets += where.recv(size - len(octets))
        return octets

    def settle(self) -> None:
        """Once an echo came back, all before it was handled."""
        self.shortcut.sendall(ECHO_REQUEST)
        assert self.said(self.shortcut, len(ECHO_REPLY)) == ECHO_REPLY

    def end(self) -> None:
        self.shortcut.close()
        super().end()


@pytest.fixture
def brick(monkeypatch: pytest.MonkeyPatch) -> Brick:
    brick = Brick()
    monkeypatch.setattr(ryu.base.app_manager, "lookup_service_brick", lambda _: brick)
    return brick


@pytest.fixture
def both(brick: Brick) -> Iterator[Both]:
    both = Both()
    yield both
    both.end()


def test_answers_go_back_where_the_questions_came_from(both: Both) -> None:
    both.shortcut.sendall(QUESTION * 2)
    assert both.said(both.shortcut, 2 * len(ANSWER)) == 2 * ANSWER
    both.switch.sendall(QUESTION)
    assert both.said(both.switch, len(ANSWER)) == ANSWER


def test_what_is_sent_goes_over_its_own(both: Both) -> None:
    both.connection.send(b"flows")
    assert both.said(both.switch, 5) == b"flows"
    both.connection.wish(b"form")
    assert both.said(both.shortcut, 4) == both.said(both.switch, 4) == b"form"


def test_ports_and_errors_come_by_the_shortcut(both: Both) -> None:
    both.shortcut.sendall(PORT_STATUS + BARRIER_REPLY + ERROR)
    both.settle()
    assert both.heard == [PORT_STATUS, ERROR]


def test_in_a_handover_each_question_is_answered_once(both: Both) -> None:
    own, shortcut = both.switch, both.shortcut
    both.connection.hearing._hear_by(both.connection._shortcut)
    _, told, _, barrier = _messages(both.said(shortcut, 48))
    assert (told, barrier) == (messages.EXPERIMENTER, messages.BARRIER_REQUEST)
    shortcut.sendall(PORT_STATUS + QUESTION)  # held back, until the other has said all
    own.sendall(PORT_STATUS + QUESTION + QUESTION)
    assert both.said(own, 2 * len(ANSWER)) == 2 * ANSWER
    shortcut.sendall(_reply(0))
    both.said(own, 48)
    own.sendall(_reply(1))
    assert both.said(shortcut, 8)[1] == messages.BARRIER_REQUEST
    shortcut.sendall(QUESTION)
    shortcut.sendall(QUESTION + _reply(2) + QUESTION)
    assert both.said(shortcut, 2 * len(ANSWER)) == 2 * ANSWER, "the first of three came before"
    assert both.heard == [PORT_STATUS]
    assert both.party.answered == 4
    assert both.connection.hearing.overlap is None


def _reply(step: int) -> bytes:
    return messages.message(messages.BARRIER_REPLY, hearing._XIDS + 4 + step, b"")


def _messages(octets: bytes) -> tuple[int, int, int, int]:
    """Length and type of the two that there are."""
    first, second = messages.whole(octets, 0), messages.whole(octets, octets[3])
    return len(first), first[1], len(second), second[1]


def test_what_came_early_is_not_lost(brick: Brick) -> None:
    both = Both(early=PORT_STATUS + QUESTION + QUESTION[:10])
    assert both.said(both.shortcut, len(ANSWER)) == ANSWER
    both.shortcut.sendall(QUESTION[10:])
    assert both.said(both.shortcut, len(ANSWER)) == ANSWER
    assert both.heard == [PORT_STATUS]
    both.end()


def test_a_shortcut_that_ends_ends_it_all(both: Both, caplog: pytest.LogCaptureFixture) -> None:
    both.shortcut.shutdown(socket.SHUT_RDWR)
    with eventlet.Timeout(5):
        both.serving.wait()
    assert both.connection.state == DEAD_DISPATCHER
    assert both.connection.lost_shortcut
    assert "reason=shortcut-lost" in caplog.text


def test_a_switch_that_ends_is_no_lost_shortcut(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    """Both end at once then, in any order."""
    both.shortcut.close()
    both.switch.close()
    with eventlet.Timeout(5):
        both.serving.wait()
    eventlet.sleep(2 * connection.SAME_END)
    assert not both.connection.lost_shortcut
    assert not caplog.text


def test_the_end_of_the_connection_is_the_shortcuts(both: Both) -> None:
    both.connection.close()
    with eventlet.Timeout(5):
        assert both.shortcut.recv(1) == b""


def test_a_lie_by_the_shortcut_ends_it_all(both: Both, caplog: pytest.LogCaptureFixture) -> None:
    both.shortcut.sendall(b"\4\x0a\0\1\0\0\0\0")
    with eventlet.Timeout(5):
        both.serving.wait()
    assert "reason=malformed-message" in caplog.text


def test_a_switch_that_reads_nothing_of_it_is_given_up(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    assert both.connection._shortcut is not None
    both.connection._shortcut.socket.settimeout(0.1)
    both.connection.wish(bytes(1_000_000))
    with eventlet.Timeout(5):
        both.serving.wait()
    assert "reason=does-not-read" in caplog.text
