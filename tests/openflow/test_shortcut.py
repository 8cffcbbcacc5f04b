"""A shortcut is taken to the bridge that it proves to be, and to nothing else."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from struct import unpack_from

import pytest

from ovsdhcp.openflow import asynchronous, messages, shortcut
from ovsdhcp.openflow.management import run_dirs_here
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.openflow.wire import Wire
from tests.openflow.bridges import BR_INT
from tests.openflow.test_switch import RESUMING

NAME = f"br-t{os.getpid()}"
SET_CONTROLLER_ID = asynchronous.set_controller_id(0, 0)[8:16]
PORT_STATUS = messages.message(messages.PORT_STATUS, 0, bytes(72))
ERROR = messages.message(messages.ERROR, 0, bytes(4))


def all_of(octets: bytes) -> Iterator[bytes]:
    at = 0
    while message := messages.whole(octets, at):
        yield message
        at += len(message)


class Bridge:
    """Listens as the management of a bridge, and does what it is told there; so much of one."""

    def __init__(
        self, folder: Path, *, knows: bool = True, refuses: bool = False, chatty: bool = False
    ) -> None:
        folder.mkdir()
        self.path = folder / f"{NAME}.mgmt"
        self.told: list[bytes] = []
        self.number = 0
        self._knows, self._refuses, self._chatty = knows, refuses, chatty
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """When it has done all that it was told."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                self._connected, _ = self._listener.accept()
            except OSError:
                return
            with self._connected, suppress(OSError):
                self._converse()

    def _converse(self) -> None:
        rest = b""
        self._connected.sendall(messages.message(messages.HELLO, 0, b""))
        while octets := self._connected.recv(1 << 16):
            rest += octets
            for message in all_of(rest):
                rest = rest[len(message) :]
                self._do(message)

    def _do(self, message: bytes) -> None:
        self.told.append(message)
        if message[8:16] == SET_CONTROLLER_ID:
            (self.number,) = unpack_from("!H", message, 22)
            if self._refuses:
                self._connected.sendall(ERROR)
        elif message[1] == messages.BARRIER_REQUEST:
            xid = int.from_bytes(message[4:8], "big")
            while self._chatty:
                self._connected.sendall(PORT_STATUS * 100)
            self._connected.sendall(messages.message(messages.BARRIER_REPLY, xid, b""))

    def packet_out(self, message: bytes) -> None:
        """By the bridge's own connection, to the controller of a number."""
        (number,) = unpack_from("!H", message, 36)
        if self._knows and number == self.number:
            self._connected.sendall(
                messages.message(messages.PACKET_IN, 0, bytes(34) + message[40:])
            )


class Direct:
    """The bridge's own connection: what was sent over it, and what became of it."""

    def __init__(self, real: Bridge | None) -> None:
        self._real = real
        self.sent: list[bytes] = []
        self.wire: Wire | None = None
        self.path: Path | None = None

    def send(self, buf: bytes) -> bool:
        self.sent.append(buf)
        if self._real is not None and buf[1] == messages.PACKET_OUT:
            self._real.packet_out(buf)
        return True

    def take_shortcut(self, wire: Wire, octets: bytes, path: Path) -> None:
        self.wire, self.path = wire, path


@pytest.fixture
def bridge_at(tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    made: list[Bridge] = []

    def make(folder: str, **settings: bool) -> Bridge:
        made.append(Bridge(tmp_path / folder, **settings))
        return made[-1]

    yield make
    for bridge in made:
        bridge.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "PROVEN_WITHIN", 0.3)


def taken(real: Bridge | None, table: object = BR_INT) -> tuple[Direct, Switch]:
    direct, switch = Direct(real), Switch(table, {})  # type: ignore[arg-type]
    shortcut.take(direct, switch, NAME)
    if direct.wire is not None:
        direct.wire.close()
    return direct, switch


def test_what_the_bridge_says_may_come_by_its_socket(bridge_at: Callable[..., Bridge]) -> None:
    bridge = bridge_at("run")
    direct, _ = taken(bridge)
    assert direct.path == bridge.path
    assert [message[1] for message in direct.sent] == [messages.PACKET_OUT]
    bridge.close()
    assert asynchronous.of_nothing(0)[8:] in [message[8:] for message in bridge.told]
    assert bridge.number == 0, "and told of everybody's packets, once it is told of any"


def test_with_resume_packets_wait_there(bridge_at: Callable[..., Bridge]) -> None:
    bridge = bridge_at("run")
    direct, switch = taken(bridge, RESUMING)
    form = switch.format(waited=False)[8:]
    assert form
    assert direct.wire is not None
    bridge.close()
    assert form in [message[8:] for message in bridge.told]


def test_another_bridge_of_the_same_name_is_passed_over(bridge_at: Callable[..., Bridge]) -> None:
    """It may be anything that knows how to listen: it cannot know the secret."""
    impostor, real = bridge_at("a", knows=False), bridge_at("b")
    assert [impostor.path.parent, real.path.parent] == run_dirs_here(NAME)
    direct, _ = taken(real)
    assert direct.path == real.path
    assert [message[1] for message in direct.sent].count(messages.PACKET_OUT) == 2


@pytest.mark.parametrize("settings", [{"knows": False}, {"refuses": True}])
def test_where_there_is_none_all_stays_as_it_is(
    bridge_at: Callable[..., Bridge], settings: dict[str, bool]
) -> None:
    bridge = bridge_at("run", **settings)
    direct, _ = taken(bridge)
    assert direct.path is None
    assert direct.wire is None
    assert {message[1] for message in direct.sent} <= {messages.PACKET_OUT}


def test_who_may_not_open_it_does_without(
    bridge_at: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge_at("run")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    direct, _ = taken(None)
    assert (direct.sent, direct.path) == ([], None)


def test_the_usual_place_is_asked_first(
    bridge_at: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, usual = (bridge_at(folder).path.parent for folder in ("a", "b"))
    assert run_dirs_here(NAME) == [first, usual]
    monkeypatch.setenv("OVS_RUNDIR", str(usual))
    assert run_dirs_here(NAME) == [usual, first]


def test_who_listens_under_its_name_cannot_keep_it_long(
    bridge_at: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortcut, "MOST_TRIED", 2)
    posing = [bridge_at(f"a{n}", chatty=n == 0, knows=False) for n in range(3)]
    began = time.monotonic()
    direct, _ = taken(posing[-1])
    assert time.monotonic() - began < 5
    assert direct.wire is None
    assert [bool(bridge.told) for bridge in posing] == [True, True, False]


def test_only_who_listens_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as here:
        here.bind(str(folder / f"{NAME}.mgmt"))
        assert run_dirs_here(NAME) == []
        here.listen()
        assert run_dirs_here(NAME) == [folder]
        assert run_dirs_here(NAME[1:]) == []
        assert run_dirs_here(NAME, tmp_path / "no such file") == []
