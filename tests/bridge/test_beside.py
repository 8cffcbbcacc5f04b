"""Another Ryu application beside ours, on the same bridge: both do their work."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovsdhcp.control.client import ask
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET
from tests.bridge.test_as_documented import Shell, shell_of

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    other_traffic: none
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
      vm1: {subnet: vm-net, ip: 172.16.255.133}
"""
)


@pytest.fixture
def shell(lab: Lab, table: Path) -> Shell:
    lab.controller.stop()
    return shell_of(lab, table)


@pytest.fixture
def both(lab: Lab, shell: Shell) -> Iterator[Lab]:
    controller = shell.start("ryu-manager ovsdhcp.app ryu.app.simple_switch_13")
    try:
        lab.wait_for_flows("vm5", "vm1", within=15)
        assert wait_for(lambda: lab.switch.flows("table=0,cookie=0/-1"), within=15)
        yield lab
    finally:
        controller.terminate()
        controller.wait(10)


def test_clients_get_leases_from_us_and_reach_each_other_through_simple_switch(both: Lab) -> None:
    for port, address in (("vm5", "172.16.255.130/26"), ("vm1", "172.16.255.133/26")):
        client = both.client("udhcpc", port)
        client.start()
        assert client.wait_until_bound().addresses == (address,)
    arping = ("ip", "netns", "exec", both.ports["vm1"].home, "arping", "-I", "vm1", "-c", "2")
    done = subprocess.run((*arping, "172.16.255.130"), capture_output=True, text=True, check=False)
    assert "02:AC:10:FF:01:30" in done.stdout, done.stdout
    learned = [flow for flow in both.switch.flows("table=0,cookie=0/-1") if "dl_dst=02:" in flow]
    assert learned, "simple_switch_13 was told of packets, and laid flows for them"
    socket = both.names.folder / "as documented" / "control.sock"
    (bridge,) = [it["bridge"] for it in ask("status", {}, socket) if "bridge" in it]
    assert bridge["shortcut"] is None, "its packets come by the connection that it knows"
