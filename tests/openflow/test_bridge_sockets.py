"""Where bridges of this machine connect: each server its own socket, and nobody else's taken."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ovsdhcp.openflow.bridge_sockets import BridgeSocket, BridgeSockets

NOBODY = 65534


class Threads:
    """Green threads' place, in which a listener that is shut down has to be noticed."""

    def __init__(self) -> None:
        self.running: list[threading.Thread] = []

    def spawn(self, work: Any, *arguments: Any) -> None:
        self.running.append(threading.Thread(target=work, args=arguments, daemon=True))
        self.running[-1].start()

    def end(self) -> None:
        for thread in self.running:
            thread.join(5)
            assert not thread.is_alive(), "still accepts"


@contextmanager
def opened(folder: Path | None, *bridges: str) -> Iterator[tuple[BridgeSockets, SimpleQueue[str]]]:
    threads, came = Threads(), SimpleQueue[str]()

    def serve(connected: socket.socket, address: Any) -> None:
        connected.close()
        came.put(address)

    sockets = BridgeSockets(folder, serve, threads.spawn)
    sockets.listen_for(bridges)
    try:
        yield sockets, came
    finally:
        sockets.close()
        threads.end()


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))


def dead(path: Path) -> None:
    """What a server leaves that was killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()


def listening(sockets: BridgeSockets) -> list[str]:
    return [it.bridge for it in sockets.all if not it.problem]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_each_bridge_has_a_socket_of_its_own_and_no_file_is_left(tmp_path: Path) -> None:
    with opened(tmp_path, "br-int", "br-ex") as (sockets, came):
        assert names(tmp_path) == ["br-ex.controller", "br-int.controller"]
        assert sockets.all == [
            BridgeSocket(name, tmp_path / f"{name}.controller") for name in ("br-ex", "br-int")
        ]
        connect(tmp_path / "br-ex.controller")
        assert came.get(timeout=5) == str(tmp_path / "br-ex.controller")
    assert names(tmp_path) == []


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_socket_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with opened(tmp_path, "br-int"):
            mode = (tmp_path / "br-int.controller").stat().st_mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(mode) == 0o600


def test_other_bridges_after_a_reload(tmp_path: Path) -> None:
    with opened(tmp_path, "br-int", "br-old") as (sockets, came):
        kept = (tmp_path / "br-int.controller").stat().st_ino
        sockets.listen_for(["br-int", "br-new"])
        assert names(tmp_path) == ["br-int.controller", "br-new.controller"]
        assert (tmp_path / "br-int.controller").stat().st_ino == kept
        connect(tmp_path / "br-new.controller")
        assert came.get(timeout=5) == str(tmp_path / "br-new.controller")


def test_a_dead_servers_socket_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "br-int.controller"
    dead(path)
    with opened(tmp_path, "br-int") as (_, came):
        connect(path)
        assert came.get(timeout=5) == str(path)
    assert not [it for it in caplog.records if it.levelname == "ERROR"]
    assert not path.exists()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with a full backlog"])
def test_a_living_servers_socket_is_left_to_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, busy: bool
) -> None:
    path = tmp_path / "br-int.controller"
    with socket.socket(socket.AF_UNIX) as living, socket.socket(socket.AF_UNIX) as waiting:
        living.bind(str(path))
        living.listen(0)
        if busy:
            waiting.connect(str(path))
        with opened(tmp_path, "br-int", "br-ex") as (sockets, _):
            assert listening(sockets) == ["br-ex"], "the other one is served"
            sockets.look_again()
        assert path.is_socket()
        living.settimeout(5)
        living.accept()[0].close()
    (said,) = [it.message for it in caplog.records if it.levelname == "ERROR"]
    assert said == (
        f"no socket {path} for bridge br-int: another server listens there; bridges can connect "
        "by TCP, and it is tried again. hint: stop that one, or leave this bridge to it"
    )


def test_what_another_server_put_there_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "br-int.controller"
    with opened(tmp_path, "br-int"):
        path.unlink()
        dead(path)
    assert path.is_socket()


def test_no_folder_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "openvswitch"
    with opened(folder, "br-a", "br-b") as (sockets, came):
        sockets.look_again()
        (said,) = [it.message for it in caplog.records]
        hint = "start Open vSwitch, or set $OVSDHCP_SOCKETS to the folder it runs in"
        assert said == (
            f"no socket {folder}/br-a.controller for bridge br-a: there is no folder {folder}; "
            f"bridges can connect by TCP, and it is tried again. hint: {hint}"
        )
        assert sockets.all == [
            BridgeSocket(name, folder / f"{name}.controller", f"there is no folder {folder}", hint)
            for name in ("br-a", "br-b")
        ]
        folder.mkdir()
        sockets.look_again()
        assert names(folder) == ["br-a.controller", "br-b.controller"]
        assert listening(sockets) == ["br-a", "br-b"]
        connect(folder / "br-b.controller")
        assert came.get(timeout=5) == str(folder / "br-b.controller")


def test_a_folder_that_is_made_anew_has_its_sockets_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As it is when Open vSwitch is stopped and started."""
    folder = tmp_path / "openvswitch"
    folder.mkdir()
    with opened(folder, "br-int") as (sockets, came):
        shutil.rmtree(folder)
        sockets.look_again()
        assert [it.problem for it in sockets.all] == [f"there is no folder {folder}"]
        folder.mkdir()
        sockets.look_again()
        connect(folder / "br-int.controller")
        assert came.get(timeout=5) == str(folder / "br-int.controller")
    assert len([it for it in caplog.records if it.levelname == "ERROR"]) == 1


def test_another_server_is_not_asked_time_and_again(tmp_path: Path) -> None:
    path = tmp_path / "br-int.controller"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with opened(tmp_path, "br-int") as (sockets, _):
            living.accept()[0].close()
            living.setblocking(False)
            sockets.look_again()
            with pytest.raises(BlockingIOError):
                living.accept()
            path.unlink()
            sockets.look_again()
            assert listening(sockets) == ["br-int"], "as soon as it has ended"


@pytest.mark.parametrize(
    ("make", "why", "hint"),
    [
        (lambda path: path.write_text("mine"), "Address already in use", "remove what is at"),
        (lambda path: path.mkdir(), "Address already in use", "remove what is at"),
    ],
)
def test_what_is_no_socket_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Any, why: str, hint: str
) -> None:
    path = tmp_path / "br-int.controller"
    make(path)
    with opened(tmp_path, "br-int"):
        pass
    assert path.exists()
    assert why in caplog.text
    assert hint in caplog.text


def test_a_path_that_is_too_long_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path, "b" * 120, "br-int") as (sockets, _):
        assert listening(sockets) == ["br-int"]
    assert "AF_UNIX path too long" in caplog.text


_WITHOUT_PERMISSION = f"""
import logging, os, sys
from pathlib import Path
from ovsdhcp.openflow.bridge_sockets import BridgeSockets
logging.basicConfig(format="%(message)s")
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
BridgeSockets(Path(sys.argv[1]), print, print).listen_for(["br-a", "br-b"])
"""


def test_no_permission_is_said_once() -> None:
    with TemporaryDirectory() as made:  # in a folder that anybody may enter, as pytest's is not
        folder = Path(made)
        folder.chmod(0o555)
        done = subprocess.run(
            (sys.executable, "-c", _WITHOUT_PERMISSION, made),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert done.stderr == (
        f"no socket {folder}/br-a.controller for bridge br-a: Permission denied; bridges can "
        f"connect by TCP, and it is tried again. hint: {folder} has to be writable for the "
        "server's user\n"
    )


def test_without_a_folder_nothing_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with opened(None, "br-int") as (sockets, _):
        sockets.look_again()
        assert not sockets.all
    assert names(tmp_path) == []
    assert not caplog.text


def test_a_name_that_is_no_bridges_leads_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with opened(folder, "../outside", "/tmp/outside"):
        assert names(tmp_path) == ["run"]
        assert names(folder) == []
