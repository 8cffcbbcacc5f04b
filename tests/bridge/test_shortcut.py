"""A bridge of this machine is heard by its management socket while it has much to say."""

import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import responders, tables
from benchmarks.bed import Bed, bed
from benchmarks.generator import Answered, Load, ask
from benchmarks.responders import Responder
from ovsdhcp.control import client
from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.openflow import messages

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")

KNOWN, PORTS = 40, 2
WITHIN = 15.0
STEADILY = Load(clients=KNOWN, ports=PORTS, window=16, seconds=1.0)
A_BURST = Load(clients=KNOWN, ports=PORTS, window=1500, seconds=0.02)


def status(made: Bed) -> dict[str, Any]:
    """What the server says of br-int."""
    answers = client.ask("status", {}, made.folder / "controller" / "control.sock")
    bridges: list[dict[str, Any]] = [it["bridge"] for it in answers if "bridge" in it]
    return next(it for it in bridges if it["name"] == "br-int")


def in_use(made: Bed) -> bool | None:
    """None where there is no shortcut."""
    shortcut = status(made)["shortcut"]
    return None if shortcut is None else shortcut["in_use"]


def mgmt(made: Bed) -> Path:
    return made.switch.folder / "br-int.mgmt"


@pytest.fixture(scope="module", params=["packet-out", "resume"])
def ours(request: pytest.FixtureRequest) -> Iterator[Responder]:
    with responders.ovsdhcp(KNOWN, PORTS, reply=request.param) as responder:
        yield responder


def asked(made: Bed, load: Load = STEADILY) -> Answered:
    got = ask(made.clients, load)
    assert (got.lost, got.wrong, got.more["stray"], got.more["refused"]) == (0, 0, 0, 0)
    return got


@pytest.fixture
def made(ours: Responder) -> Bed:
    """Much came, and it came there."""
    asked(ours.bed)
    assert in_use(ours.bed)
    return ours.bed


def test_each_question_of_the_handover_is_answered_once(ours: Responder) -> None:
    assert wait_for(lambda: in_use(ours.bed) is False, within=WITHIN), "nothing has come yet"
    assert status(ours.bed)["shortcut"]["path"] == str(mgmt(ours.bed))
    asked(ours.bed)
    assert in_use(ours.bed)


def test_the_bridge_has_its_cpu_for_itself_then(ours: Responder, made: Bed) -> None:
    asked(made)  # it is looked now and then, and maybe was not yet
    (pid,) = ours.pids()
    allowed = os.sched_getaffinity(0)
    assert len(os.sched_getaffinity(pid)) == max(1, len(allowed) - 1)
    assert os.sched_getaffinity(pid) <= allowed


@contextmanager
def snooped(made: Bed) -> Iterator[Path]:
    """What goes over the bridge's connections to its controllers, for as long as this."""
    path = made.folder / "snooped"
    with responders.running(made, "ovs-ofctl", "snoop", "br-int", log="snooped",
                            environment=made.environment()):  # fmt: skip
        assert wait_for(lambda: hears_what_is_asked(made, path), within=WITHIN)
        yield path


def hears_what_is_asked(made: Bed, snooped: Path) -> bool:
    list(client.ask("flows", {"bridge": "br-int"}, made.folder / "controller" / "control.sock"))
    return "OFPST_FLOW" in snooped.read_text(errors="replace")


def test_its_packets_do_not_come_by_tcp_then(made: Bed) -> None:
    with snooped(made) as said:
        asked(made, Load(clients=KNOWN, ports=PORTS, seconds=0.1))
    assert "PACKET_IN" not in said.read_text()


def test_nor_do_its_ports(made: Bed) -> None:
    made.switch.vsctl("del-port", "br-int", "c1", doing="unplug a port")
    assert wait_for(lambda: status(made)["missing"] == ["c1"], within=WITHIN)
    made.switch.vsctl("add-port", "br-int", "c1", "--", "set", "Interface", "c1", "type=internal",
                      "ofport_request=2", doing="plug it in")  # fmt: skip
    made.shell.run("ip", "-n", made.home, "link", "set", "c1", "addrgenmode", "none", "netns",
                   made.clients, doing="move it")  # fmt: skip
    made.shell.run("ip", "-n", made.clients, "link", "set", "c1", "up", doing="bring it up")
    assert wait_for(lambda: not status(made)["missing"], within=WITHIN)
    assert wait_for(lambda: status(made)["in_sync"], within=WITHIN)
    asked(made)


def test_flows_of_ours_that_somebody_deletes_come_back(made: Bed) -> None:
    made.switch.ofctl("del-flows", "br-int", "table=22", doing="delete some")
    assert wait_for(lambda: status(made)["in_sync"], within=WITHIN)
    asked(made)


def test_another_way_back_is_asked_for_by_both(made: Bed) -> None:
    was = status(made)["reply"]
    other = "resume" if was == "packet-out" else "packet-out"
    for reply in (other, was):
        responders.reload(made, tables.lease_table(KNOWN, PORTS, reply=reply))
        assert wait_for(lambda: status(made)["in_sync"], within=WITHIN)
        asked(made)
        assert in_use(made)


def test_where_others_lay_the_flows_it_ends(made: Bed) -> None:
    """A `controller_rate_limit` of theirs is TCP's alone."""
    table = json.loads(tables.lease_table(KNOWN, PORTS))
    table["bridges"]["br-int"] = {"flows": "external"}
    was = status(made)["reply"]
    responders.reload(made, json.dumps(table))
    assert wait_for(lambda: in_use(made) is False, within=WITHIN)
    responders.reload(made, tables.lease_table(KNOWN, PORTS, reply=was))
    assert wait_for(lambda: status(made)["in_sync"], within=WITHIN)
    asked(made)
    assert in_use(made)


def test_a_bridge_that_came_with_others_flows_has_one_once_they_are_ours(made: Bed) -> None:
    ours = tables.lease_table(KNOWN, PORTS, reply=status(made)["reply"])
    table = json.loads(ours)
    table["bridges"]["br-int"] = {"flows": "external"}
    responders.reload(made, json.dumps(table))
    made.switch.vsctl("del-controller", "br-int", doing="take the controller away")
    assert wait_for(lambda: not status(made)["connected"], within=WITHIN)
    made.switch.set_controller()
    assert wait_for(lambda: status(made)["connected"], within=WITHIN)
    assert in_use(made) is None
    responders.reload(made, ours)
    assert wait_for(lambda: in_use(made) is False, within=WITHIN)
    assert wait_for(lambda: status(made)["in_sync"], within=WITHIN)
    asked(made)
    assert in_use(made)


def test_more_than_a_socket_holds_ends_it(ours: Responder, made: Bed) -> None:
    """As if the server had not been given the processor."""
    (pid,) = ours.pids()
    os.kill(pid, signal.SIGSTOP)
    try:
        ask(made.clients, A_BURST)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert wait_for(lambda: in_use(made) is False, within=WITHIN)
    assert os.sched_getaffinity(pid) == os.sched_getaffinity(0)
    asked(made)
    assert not in_use(made), "it is not calm yet"


@contextmanager
def served() -> Iterator[Bed]:
    """Another bridge, not connected yet."""
    with bed("shortcut", PORTS) as made:
        controller = responders.serve(made, tables.lease_table(KNOWN, PORTS))
        yield made
        controller.stop()


def test_without_the_socket_all_comes_by_tcp() -> None:
    with served() as made:
        hidden = mgmt(made).rename(mgmt(made).with_suffix(".hidden"))
        made.set_controllers()
        assert wait_for(lambda: status(made)["in_sync"], within=WITHIN)
        asked(made)
        assert in_use(made) is None
        hidden.rename(mgmt(made))


class Impostor:
    """Poses as the management of a bridge: says yes to everything."""

    def __init__(self, home: str, folder: Path) -> None:
        folder.mkdir()
        self.asked = threading.Event()
        with namespace.inside(home):
            self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "br-int.mgmt"))
        self._listener.listen()
        threading.Thread(target=self._serve).start()

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            with connected:
                connected.sendall(messages.message(messages.HELLO, 0, b""))
                while octets := connected.recv(1 << 16):
                    if octets[-7:-4] == messages.barrier(0)[1:4]:
                        self.asked.set()
                        connected.sendall(messages.message(messages.BARRIER_REPLY, 0, b""))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_who_poses_as_it_is_not_believed() -> None:
    with served() as made:
        impostor = Impostor(made.home, made.folder / "a")  # before `ovs`: it is asked first
        try:
            made.set_controllers()
            assert wait_for(lambda: in_use(made) is False, within=WITHIN)
        finally:
            impostor.close()
        assert impostor.asked.is_set()
        assert status(made)["shortcut"]["path"] == str(mgmt(made))
        asked(made)
        assert in_use(made)
