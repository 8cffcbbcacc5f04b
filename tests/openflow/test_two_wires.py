"""A connection with a shortcut: what comes by either, where it goes, and how both end."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import ryu.base.app_manager
from ryu.controller.handler import DEAD_DISPATCHER
from ryu.lib import hub

from ovsdhcp.openflow import connection, messages
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
        self.connection.begin_overlap()
        self.connection.take_shortcut(Wire(green), early)

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


@pytest.fixture
def alone(both: Both) -> Both:
    """Nothing comes by both any more."""
    both.connection.end_overlap()
    return both


def test_answers_go_back_where_the_questions_came_from(alone: Both) -> None:
    alone.shortcut.sendall(QUESTION * 2)
    assert alone.said(alone.shortcut, 2 * len(ANSWER)) == 2 * ANSWER
    alone.switch.sendall(QUESTION)
    assert alone.said(alone.switch, len(ANSWER)) == ANSWER


def test_what_is_sent_goes_over_its_own(alone: Both) -> None:
    alone.connection.send(b"flows")
    assert alone.said(alone.switch, 5) == b"flows"
    alone.connection.wish(b"form")
    assert alone.said(alone.shortcut, 4) == b"form"


def test_ports_and_errors_come_by_the_shortcut(alone: Both) -> None:
    alone.shortcut.sendall(PORT_STATUS + BARRIER_REPLY + ERROR)
    alone.settle()
    assert alone.heard == [PORT_STATUS, ERROR]


def test_what_comes_by_both_counts_once(both: Both) -> None:
    both.shortcut.sendall(PORT_STATUS + QUESTION)
    assert both.said(both.shortcut, len(ANSWER)) == ANSWER
    both.switch.sendall(PORT_STATUS + QUESTION + QUESTION)
    assert both.said(both.switch, len(ANSWER)) == ANSWER, "the second one is another"
    both.shortcut.sendall(QUESTION)
    both.settle()
    assert both.heard == [PORT_STATUS]
    assert both.party.answered == 2


def test_the_overlap_ends_by_itself(
    brick: Brick,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "OVERLAPS", 0.01)
    both = Both()
    with eventlet.Timeout(5):
        while both.connection._overlap is not None:
            eventlet.sleep(0.01)
    both.end()


def test_what_came_early_is_not_lost(brick: Brick) -> None:
    both = Both(early=PORT_STATUS + QUESTION + QUESTION[:10])
    assert both.said(both.shortcut, len(ANSWER)) == ANSWER
    both.shortcut.sendall(QUESTION[10:])
    assert both.said(both.shortcut, len(ANSWER)) == ANSWER
    assert both.heard == [PORT_STATUS]
    both.end()


def test_a_shortcut_that_ends_ends_it_all(alone: Both, caplog: pytest.LogCaptureFixture) -> None:
    alone.shortcut.shutdown(socket.SHUT_RDWR)
    with eventlet.Timeout(5):
        alone.serving.wait()
    assert alone.connection.state == DEAD_DISPATCHER
    assert alone.connection.lost_shortcut
    assert "reason=shortcut-lost" in caplog.text


def test_a_switch_that_ends_is_no_lost_shortcut(
    alone: Both, caplog: pytest.LogCaptureFixture
) -> None:
    """Both end at once then, in any order."""
    alone.shortcut.close()
    alone.switch.close()
    with eventlet.Timeout(5):
        alone.serving.wait()
    eventlet.sleep(2 * connection.SAME_END)
    assert not alone.connection.lost_shortcut
    assert not caplog.text


def test_the_end_of_the_connection_is_the_shortcuts(alone: Both) -> None:
    alone.connection.close()
    with eventlet.Timeout(5):
        assert alone.shortcut.recv(1) == b""


def test_a_lie_by_the_shortcut_ends_it_all(alone: Both, caplog: pytest.LogCaptureFixture) -> None:
    alone.shortcut.sendall(b"\4\x0a\0\1\0\0\0\0")
    with eventlet.Timeout(5):
        alone.serving.wait()
    assert "reason=malformed-message" in caplog.text


def test_a_switch_that_reads_nothing_of_it_is_given_up(
    alone: Both, caplog: pytest.LogCaptureFixture
) -> None:
    assert alone.connection._shortcut is not None
    alone.connection._shortcut.socket.settimeout(0.1)
    alone.connection.wish(bytes(1_000_000))
    with eventlet.Timeout(5):
        alone.serving.wait()
    assert "reason=does-not-read" in caplog.text
