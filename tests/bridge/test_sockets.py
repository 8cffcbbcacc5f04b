"""A bridge that connects by its Unix socket, with a real ovs-vswitchd and a real client."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)
WITHIN = 15.0


def path(lab: Lab) -> Path:
    return Path(lab.switch.socket.removeprefix("unix:"))


@pytest.fixture(scope="module")
def by_socket(module_lab: Lab, table: Path) -> Iterator[Lab]:
    """Nothing of TCP is left to it."""
    module_lab.controller.stop()
    module_lab.switch.set_controller(module_lab.switch.socket)
    module_lab.controller.start(table, sockets=module_lab.switch.folder)
    assert wait_for(lambda: is_connected(module_lab), within=WITHIN)
    yield module_lab
    module_lab.controller.stop()
    assert not path(module_lab).exists(), "the end leaves no file"


def is_connected(lab: Lab) -> bool:
    answer = lab.switch.vsctl("get", "Controller", "br-int", "is_connected", doing="ask")
    return answer.strip() == "true"


def bound(lab: Lab) -> tuple[str, ...]:
    lab.wait_for_flows("vm5", within=WITHIN)
    client = lab.client("dhclient", "vm5")
    client.start()
    return client.wait_until_bound().addresses


def test_a_client_gets_its_lease(by_socket: Lab) -> None:
    assert by_socket.switch.controllers() == [by_socket.switch.socket]
    assert stat.S_IMODE(path(by_socket).stat().st_mode) == 0o600
    assert bound(by_socket) == ("172.16.255.130/26",)


def test_a_reload_opens_and_closes_what_differs(by_socket: Lab, table: Path) -> None:
    another = path(by_socket).with_name("br-new.controller")
    text = table.read_text()
    try:
        table.write_text(text + "  br-new: {ports: {}}\n")
        reload(by_socket)
        assert wait_for(another.is_socket, within=WITHIN)
        table.write_text(text)
        reload(by_socket)
        assert wait_for(lambda: not another.exists(), within=WITHIN)
        assert path(by_socket).is_socket()
        assert is_connected(by_socket)
    finally:
        table.write_text(text)


def reload(lab: Lab) -> None:
    (pid,) = lab.controller.pids()
    os.kill(pid, signal.SIGHUP)


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_the_bridge_comes_back_to_a_controller_that_was_restarted(
    by_socket: Lab, table: Path, killed: bool
) -> None:
    controller = by_socket.controller
    if killed:
        for pid in controller.pids():
            os.kill(pid, signal.SIGKILL)
        controller.reap()
    else:
        controller.stop()
    assert path(by_socket).exists() is killed
    assert wait_for(lambda: not is_connected(by_socket), within=WITHIN)
    controller.start(table, sockets=by_socket.switch.folder)
    assert wait_for(lambda: is_connected(by_socket), within=WITHIN)
    assert bound(by_socket) == ("172.16.255.130/26",)
    assert "Traceback" not in controller.log.read_text()
