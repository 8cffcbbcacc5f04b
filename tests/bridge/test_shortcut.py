"""A bridge of this machine is heard by its management socket, whatever happens to either."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.openflow import messages
from tests.bridge.tables import VM_NET
from tests.bridge.test_reload import asked, in_sync, put, reload

BOTH_WAYS = True
LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
      vm3: {subnet: vm-net, mac: 02:ac:10:ff:01:33, ip: 172.16.255.133}
"""
)
WITHIN = 15.0


def mgmt(lab: Lab) -> Path:
    return lab.switch.folder / "br-int.mgmt"


def heard_by(lab: Lab) -> str | None:
    said: str | None = asked(lab, "status")["bridge"]["shortcut"]
    return said


def is_served(lab: Lab, port: str = "vm5", address: str = "172.16.255.130/26") -> None:
    lab.wait_for_flows(port, within=WITHIN)
    client = lab.client("dhclient", port)
    client.start()
    assert client.wait_until_bound().addresses == (address,)


@pytest.fixture
def heard(lab: Lab) -> Lab:
    assert wait_for(lambda: heard_by(lab) == str(mgmt(lab)), within=WITHIN)
    return lab


def hears_what_is_asked(lab: Lab, said: Path) -> bool:
    asked(lab, "flows", bridge="br-int")
    return "OFPST_FLOW" in said.read_text()


@contextmanager
def snooped(lab: Lab) -> Iterator[Path]:
    """What goes over the bridge's connections to its controllers, for as long as this."""
    said = lab.names.folder / "snooped"
    with said.open("wb") as to:
        snoop = subprocess.Popen(
            ("ip", "netns", "exec", lab.home, "ovs-ofctl", "snoop", "br-int"),
            env=lab.switch.client_environment | {"PATH": "/usr/bin:/sbin:/usr/sbin"},
            stdout=to,
            stderr=to,
        )
    try:
        assert wait_for(lambda: hears_what_is_asked(lab, said), within=WITHIN)
        yield said
    finally:
        snoop.terminate()
        snoop.wait(5)


def test_its_packets_come_there_and_not_by_tcp(heard: Lab) -> None:
    with snooped(heard) as said:
        is_served(heard)
    assert "PACKET_IN" not in said.read_text()


def test_so_do_its_ports(heard: Lab) -> None:
    heard.switch.vsctl("del-port", "br-int", "vm3", doing="unplug a port")
    assert wait_for(lambda: asked(heard, "status")["bridge"]["missing"] == ["vm3"], within=WITHIN)
    heard.switch.add_port("vm3", 3)
    is_served(heard, "vm3", "172.16.255.133/26")


def test_and_flows_of_ours_that_somebody_deletes(heard: Lab) -> None:
    heard.switch.ofctl("del-flows", "br-int", "table=22", doing="delete some")
    is_served(heard)


def test_another_way_back_is_asked_for_there(heard: Lab, table: Path) -> None:
    text = table.read_text()
    was, other = ("packet-out", "resume") if "packet-out" in text else ("resume", "packet-out")
    try:
        put(table, text.replace(f"reply: {was}", f"reply: {other}"))
        assert reload(heard)["ok"]
        assert wait_for(lambda: in_sync(heard), within=WITHIN)
        is_served(heard)
    finally:
        put(table, text)
        assert reload(heard)["ok"]
    assert wait_for(lambda: in_sync(heard), within=WITHIN)
    heard.clear("vm5")
    is_served(heard)


def reconnected(lab: Lab) -> None:
    """The bridge connects anew."""
    lab.switch.vsctl("del-controller", "br-int", doing="take the controller away")
    assert wait_for(lambda: not asked(lab, "status")["bridge"]["connected"], within=WITHIN)
    lab.switch.set_controller()
    assert wait_for(lambda: asked(lab, "status")["bridge"]["connected"], within=WITHIN)


def test_without_the_socket_all_comes_by_tcp(heard: Lab) -> None:
    hidden = mgmt(heard).rename(mgmt(heard).with_suffix(".hidden"))
    try:
        reconnected(heard)
        hidden.rename(mgmt(heard))  # for ovs-ofctl
        with snooped(heard) as said:
            is_served(heard)
        assert "PACKET_IN" in said.read_text()
        assert heard_by(heard) is None
    finally:
        if hidden.exists():
            hidden.rename(mgmt(heard))
    reconnected(heard)
    assert wait_for(lambda: heard_by(heard) == str(mgmt(heard)), within=WITHIN)


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


def test_who_poses_as_it_is_not_believed(heard: Lab) -> None:
    impostor = Impostor(heard.home, heard.names.folder / "a")  # before `ovs`: it is asked first
    try:
        reconnected(heard)
        assert wait_for(lambda: heard_by(heard) == str(mgmt(heard)), within=WITHIN)
        assert impostor.asked.is_set()
        is_served(heard)
    finally:
        impostor.close()
