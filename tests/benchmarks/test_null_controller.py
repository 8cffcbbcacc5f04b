"""The null controller, on one end of a pair of sockets; the test is the switch."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from benchmarks.null_controller import serve

FRAME = bytes(range(200))
IN_PORT = bytes.fromhex("0001000c 80000004 00000007 00000000")
"""A match of in_port alone, padded."""


def message(kind: int, xid: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBHI", 4, kind, 8 + len(body), xid) + body


def packet_in(xid: bytes) -> bytes:
    frame = bytes(46) + xid + bytes(250)
    return message(10, 0, struct.pack("!IHBBQ", 0xFFFFFFFF, len(frame), 0, 22, 0) + IN_PORT
                   + bytes(2) + frame)  # fmt: skip


@pytest.fixture
def switch() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    thread = threading.Thread(target=serve, args=(theirs, FRAME))
    thread.start()
    yield ours
    ours.close()
    thread.join()
    theirs.close()


def read(switch: socket.socket) -> tuple[int, bytes]:
    header = switch.recv(8, socket.MSG_WAITALL)
    _, kind, length, _ = struct.unpack("!BBHI", header)
    return kind, header + (switch.recv(length - 8, socket.MSG_WAITALL) if length > 8 else b"")


def test_it_says_hello_and_echoes(switch: socket.socket) -> None:
    assert read(switch)[0] == 0
    switch.sendall(message(2, 77, b"there?"))
    assert read(switch) == (3, message(3, 77, b"there?"))


def test_each_question_gets_the_frame_with_its_xid_however_it_arrives(
    switch: socket.socket,
) -> None:
    read(switch)
    sent = packet_in(b"one!") + packet_in(b"two!")
    for at in range(0, len(sent), 100):
        switch.sendall(sent[at : at + 100])
    for xid in (b"one!", b"two!"):
        kind, out = read(switch)
        assert kind == 13
        assert out[-len(FRAME) :] == FRAME[:46] + xid + FRAME[50:]
        assert out[24:40] == struct.pack("!HHIH6x", 0, 16, 1, 0), "to port 1"
