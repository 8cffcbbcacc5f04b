"""What systemd is told, as it stands in the datagrams."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovsdhcp import notify


@pytest.fixture(params=["a path", "an abstract name"])
def listening(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The socket that `$NOTIFY_SOCKET` names."""
    is_path = request.param == "a path"
    name = str(tmp_path / "notify") if is_path else f"@ovsdhcp-{tmp_path}"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0", 1))
        listener.setblocking(False)
        yield listener


def test_ready(listening: socket.socket) -> None:
    notify.ready("1 of 1 bridges connected")
    assert listening.recv(999) == b"READY=1\nSTATUS=1 of 1 bridges connected"


def test_a_status_is_one_line(listening: socket.socket) -> None:
    notify.tell(notify.status_word("wrong table\n  line 3\nREADY=1"))
    assert listening.recv(999) == b"STATUS=wrong table line 3 READY=1"


def fail_to_reload() -> None:
    with notify.reloading():
        raise ValueError("wrong")


def test_a_reload_that_fails_is_over_as_well(listening: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    with pytest.raises(ValueError, match="wrong"):
        fail_to_reload()
    said = dict(word.split("=") for word in listening.recv(999).decode().splitlines())
    assert listening.recv(999) == b"READY=1"
    assert said["RELOADING"] == "1"
    assert before <= int(said["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_whoever_does_not_read_stops_nobody(listening: socket.socket) -> None:
    for number in range(1_000):
        notify.tell(f"STATUS={number}")
    assert listening.recv(999) == b"STATUS=0"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "vsock:2:1234", "@", "x"])
def test_without_a_listener_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.tell("READY=1")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 5),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 5),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert notify.watchdog_interval(environment) == seconds
