"""The connection: messages cut from any pieces, ours answered in order, the rest Ryu's way."""

from socket import AF_INET, AF_UNIX, SO_SNDBUF, SOCK_STREAM, SOL_SOCKET, socketpair
from struct import pack
from typing import Any

import pytest
import ryu.base.app_manager
from hypothesis import given
from hypothesis import strategies as st
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER

from ovsdhcp.openflow import connection, messages, wire
from ovsdhcp.openflow.admission import Admission, Limits
from ovsdhcp.openflow.connection import Connection
from ovsdhcp.openflow.door import Passage
from ovsdhcp.openflow.endings import MALFORMED_MESSAGE

ECHO, PACKET_IN = 2, messages.PACKET_IN


class Brick:
    """Ryu's ofp_event application, as far as a connection knows it: it collects the events."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def send_event_to_observers(self, event: Any, state: str) -> None:
        self.events.append(type(event).__name__)

    def get_handlers(self, event: Any) -> list[Any]:
        return []


class Wire:
    """A socket that has `pieces` to read, and then is at its end."""

    family = AF_INET

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)
        self.sent: list[bytes] = []
        self.closed = False

    @property
    def fd(self) -> "Wire":
        """The socket below, as eventlet's has one."""
        return self

    def fileno(self) -> int:
        return -1

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def close(self) -> None:
        self.closed = True

    def setsockopt(self, *_: object) -> None: ...
    def settimeout(self, _: object) -> None: ...
    def shutdown(self, _: object) -> None: ...


class AlwaysReady:
    """In place of `Readiness`: a `Wire` need not be waited for."""

    def __init__(self, descriptor: int) -> None: ...
    def wait(self, *, eager: bool) -> float:
        return 0.0

    def wake(self) -> None: ...
    def close(self) -> None: ...


class Read:
    """What came of reading `pieces` on a connection whose party answers packet-ins."""

    def __init__(self, pieces: list[bytes], patch: pytest.MonkeyPatch) -> None:
        self.brick, self.wire = Brick(), Wire(pieces)
        self.taken: list[bytes] = []
        self.writes_when_counted: list[int] = []
        patch.setattr(ryu.base.app_manager, "lookup_service_brick", lambda _: self.brick)
        patch.setattr(wire, "Readiness", AlwaysReady)
        connected: Any = self.wire
        passage = Passage(Admission(Limits()), connected, ("192.0.2.9", 1))
        self.connection = Connection(connected, ("192.0.2.9", 1), lambda _: self, passage)
        self.connection.set_state(MAIN_DISPATCHER)
        self.brick.events.clear()
        self.connection._recv_loop()

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        while (message := messages.whole(octets, at)) and message[1] == PACKET_IN:
            self.taken.append(message)
            answers.append(b"<" + message[8:] + b">")
            at += len(message)
        return at

    def sent(self) -> None:
        self.writes_when_counted.append(len(self.wire.sent))

    def hear(self, message: bytes) -> bool:
        if message.endswith(b"fault"):
            raise RuntimeError("a fault of ours")
        return message.endswith(b"heard")


def test_a_bridge_may_come_by_a_unix_socket(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Which refuses TCP_NODELAY, and whose peer has no address."""
    monkeypatch.setattr(ryu.base.app_manager, "lookup_service_brick", lambda _: Brick())
    ours, theirs = socketpair(AF_UNIX, SOCK_STREAM)
    path = "/run/openvswitch/br-int.controller"
    with ours, theirs:
        passage = Passage(Admission(Limits()), ours, path)
        connected = Connection(ours, path, lambda _: None, passage)
        assert connected.socket is ours
        assert ours.gettimeout() == wire.READS_WITHIN
        assert ours.getsockopt(SOL_SOCKET, SO_SNDBUF) >= wire._BUFFERED
        connected.end(MALFORMED_MESSAGE)
        assert theirs.recv(8) == b""
    assert caplog.messages == [f"event=closed peer=unix:{path} reason=malformed-message"]


def packet_in(body: bytes) -> bytes:
    return messages.message(PACKET_IN, 0, body)


def echo(body: bytes) -> bytes:
    return messages.message(ECHO, 0, body)


@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=40)), max_size=20),
    st.lists(st.integers(1, 30), max_size=40),
)
def test_any_pieces_are_read_as_the_same_messages(
    said: list[tuple[bool, bytes]], cuts: list[int]
) -> None:
    stream = b"".join((packet_in if ours else echo)(body) for ours, body in said)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    pieces.append(stream[at:])
    with pytest.MonkeyPatch.context() as patch:
        read = Read([piece for piece in pieces if piece], patch)
    ours = [body for mine, body in said if mine]
    assert b"".join(read.wire.sent) == b"".join(b"<" + body + b">" for body in ours)
    assert read.brick.events.count("EventOFPEchoRequest") == len(said) - len(ours)
    assert read.wire.closed


def test_all_answers_of_one_read_leave_in_one_write_and_are_counted_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = [packet_in(b"a") + echo(b"") + packet_in(b"b") + packet_in(b"c"), packet_in(b"d")]
    read = Read(pieces, monkeypatch)
    assert read.wire.sent == [b"<a><b><c>", b"<d>"]
    assert read.writes_when_counted == [0, 1, 2]  # nothing was left by what came before


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_length_that_cannot_be_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    """Ryu 4.34 reads on, one message after the other, as if it had been 8 (faucetsdn/ryu 188)."""
    liar = pack("!BBHI", 4, 0, length, 0)
    read = Read([packet_in(b"a") + liar + packet_in(b"b"), packet_in(b"c")], monkeypatch)
    assert [message[8:] for message in read.taken] == [b"a"]
    assert read.connection.state == DEAD_DISPATCHER
    assert "shorter than its header" in caplog.text


def test_what_was_heard_ryu_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Read([echo(b"heard") + packet_in(b"a") + echo(b"")], monkeypatch)
    assert read.wire.sent == [b"<a>"]
    assert read.brick.events == ["EventOFPEchoRequest"]


def test_a_fault_of_ours_is_told_and_the_next_message_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = Read([echo(b"fault"), packet_in(b"b")], monkeypatch)
    assert read.wire.sent == [b"<b>"]
    assert read.brick.events == ["EventOFPEchoRequest"]
    assert "this is a bug" in caplog.text


def port_status(number: int) -> bytes:
    return messages.message(12, 0, bytes(8) + number.to_bytes(4, "big") + bytes(60))


def test_more_ports_than_there_are_numbers_end_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ryu's own handler keeps whatever port it is told of."""

    def keep(self: Connection, message: bytes) -> None:
        self._ports = {**(self._ports or {}), message[16:20]: None}

    monkeypatch.setattr(Connection, "_ryus_way", keep)
    monkeypatch.setattr(connection, "MOST_PORTS", 3)
    read = Read([port_status(number) for number in range(9)], monkeypatch)
    assert len(read.connection._ports) == 4
    assert 'reason=malformed-message detail="more than 3 ports"' in caplog.text


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (messages.message(14, 0, bytes(48)), "type 14 is nothing that a switch sends"),
        (messages.message(12, 0, bytes(71)), "PORT_STATUS: 71 octets, not 72"),
        (b"\x05" + packet_in(b"a")[1:], "PACKET_IN: version 5"),
    ],
)
def test_what_is_malformed_ends_it_and_ryu_sees_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, message: bytes, detail: str
) -> None:
    monkeypatch.setattr(Read, "answer", lambda self, octets, at, answers: at)
    read = Read([message + echo(b"")], monkeypatch)
    assert read.brick.events == ["EventOFPStateChange"]
    assert read.connection.state == DEAD_DISPATCHER
    assert f'reason=malformed-message detail="{detail}"' in caplog.text


def test_what_ryu_cannot_read_is_passed_over_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bundle's control message with a property: Ryu 4.34 lacks the name of its parser."""
    head = messages.ONF.to_bytes(4, "big") + (2300).to_bytes(4, "big") + bytes(8)
    odd = messages.message(4, 0, head + bytes.fromhex("ffff000c0000000000000000") + bytes(4))
    read = Read([odd + odd + echo(b"")], monkeypatch)
    assert read.brick.events == ["EventOFPEchoRequest"]
    assert caplog.text.count("event=unread peer=192.0.2.9:1 reason=unreadable-message") == 1
