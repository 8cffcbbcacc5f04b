"""A bridge asked over its management socket: what it says, and all the ways it can fail to."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack, unpack

import pytest

from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.management import Management, NoBridgeError
from tests.openflow.bridges import BR_INT
from tests.openflow.fake_bridge import FakeBridge

HELLO = messages.message(0, 1, b"")
FLOWS = {
    messages.key(flow): messages.entry(flow)
    for flow in pipeline.desired(BR_INT, {1: "vm1", 5: "vm5"})
}
FEATURES = messages.message(6, 0, pack("!Q16x", 0xB1))
PORTS = {1: "vm1", 5: "vm5", 0xFFFF_FFFE: "br-int"}


def ports(names: dict[int, str], *, more: bool) -> bytes:
    described = (pack("!I4x6x2x16s32x", n, name.encode()) for n, name in names.items())
    return messages.message(19, 0, pack("!HH4x", 13, more) + b"".join(described))


Serve = Callable[..., None]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A bridge `br` that says these octets, one piece after each message, and no more."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "br.mgmt"))
    listener.listen()

    def answer(said: tuple[bytes, ...]) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as asked:
            for octets in said:
                asked.read(unpack("!2xH4x", asked.read(8))[0] - 8)
                connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            asked.read()

    def start(*said: bytes) -> None:
        threading.Thread(target=answer, args=(said,), daemon=True).start()

    yield start
    listener.close()


def test_a_bridge_says_who_it_is_and_what_it_has(serve: Serve, tmp_path: Path) -> None:
    parts = list(PORTS.items())
    in_two = ports(dict(parts[:1]), more=True) + ports(dict(parts[1:]), more=False)
    serve(HELLO, FEATURES, in_two, FakeBridge(FLOWS).flow_stats())
    with Management("br", tmp_path) as asked:
        assert asked.dpid() == 0xB1
        assert asked.ports() == PORTS
        assert {key: flow.entry for key, flow in asked.flows().items()} == FLOWS


def test_what_is_no_answer_is_passed_over(serve: Serve, tmp_path: Path) -> None:
    port_status = messages.message(12, 0, bytes(72))
    serve(HELLO + port_status, port_status + FEATURES)
    with Management("br", tmp_path) as asked:
        assert asked.dpid() == 0xB1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), "OpenFlow 1.3"),
        ((HELLO,), "OpenFlow 1.3"),
        ((b"\x01\x00\x00\x08\x00\x00\x00\x01",), "OpenFlow 1.3"),
        ((HELLO, messages.message(1, 0, bytes(4))), "OpenFlow 1.3"),
        ((HELLO, FEATURES[:20]), "OpenFlow 1.3"),
        ((HELLO, b"\x04\x06\x00\x03\x00\x00\x00\x00"), "OpenFlow 1.3"),
    ],
)
def test_a_conversation_that_breaks_off_is_named(
    serve: Serve, tmp_path: Path, said: tuple[bytes, ...], expected: str
) -> None:
    serve(*said)
    with Management("br", tmp_path) as asked, pytest.raises(NoBridgeError, match=expected):
        asked.dpid()


def test_a_bridge_that_is_silent_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "br.mgmt"))
        listener.listen()
        asked = Management("br", tmp_path, patience=0.05)
        with asked, pytest.raises(NoBridgeError, match="timed out"):
            asked.dpid()


def test_a_bridge_that_is_not_there_is_named_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(NoBridgeError, match="none of this name") as raised:
        Management("br", tmp_path)
    assert "ovs-vsctl add-br br" in str(raised.value)
