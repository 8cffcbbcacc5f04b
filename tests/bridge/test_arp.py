"""ARP on a configured port: the bridge answers for the server, and for nobody else."""

import subprocess
import time
from contextlib import closing

import pytest

from ovsdhcp.lab.laboratory import Lab
from tests.bridge.frames import ARP, REQUEST, arp, ether
from tests.bridge.raw import RawPort
from tests.bridge.tables import VM_NET
from tests.dhcp.wire import mac

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)


def arping(lab: Lab, port: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = ("ip", "netns", "exec", lab.ports[port].home, "arping", "-w", "2", "-I", port)
    return subprocess.run((*argv, *arguments), capture_output=True, text=True, check=False)


@pytest.fixture
def addressed(lab: Lab) -> Lab:
    for port, address in (("vm5", "172.16.255.130"), ("vm4", "172.16.255.140")):
        home = lab.ports[port].home
        add = ("ip", "-n", home, "addr", "add", f"{address}/26", "dev", port)
        lab.shell.run(*add, doing="set an address")
    return lab


def test_the_server_is_found_though_nothing_has_its_address(addressed: Lab) -> None:
    found = arping(addressed, "vm5", "-c", "1", "172.16.255.129")
    assert found.returncode == 0
    assert "172.16.255.129 [02:AC:10:FF:01:29]" in found.stdout


def test_a_port_that_is_not_configured_gets_no_such_answer(addressed: Lab) -> None:
    assert arping(addressed, "vm4", "-c", "1", "172.16.255.129").returncode == 1


def test_the_server_is_found_as_often_as_the_port_may_ask(lab: Lab) -> None:
    """A flood of questions is answered from the port's burst of twenty, and then ten a second."""
    homes, me = {name: lab.ports[name].home for name in lab.ports}, mac("02:00:00:00:00:50")
    question = ether(me, ARP, arp(REQUEST, me, "172.16.255.130", "172.16.255.129"))
    mark = ether(me, b"\x88\xb5", bytes(46))
    with (
        closing(RawPort(homes["vm5"], "vm5")) as port,
        closing(RawPort(homes["vm4"], "vm4")) as other,
    ):
        start = time.monotonic()
        for _ in range(100):
            port.send(question)
        port.send(mark)
        _, before = other.first(lambda frame: frame == mark or None, within=5)
        answers = [frame for frame in port.arrived() if frame[12:14] == ARP]
        most = 20 + 10 * (time.monotonic() - start)
    assert before == [], "and none of them is flooded"
    assert 0 < len(answers) <= most + 1


def test_a_clients_probe_finds_its_own_address_free(addressed: Lab) -> None:
    assert arping(addressed, "vm5", "-D", "-c", "2", "172.16.255.130").returncode == 0


def test_a_clients_probe_finds_anothers_address_taken(addressed: Lab) -> None:
    assert arping(addressed, "vm5", "-D", "-c", "2", "172.16.255.140").returncode == 1


def test_a_clients_probe_finds_the_servers_address_taken(addressed: Lab) -> None:
    assert arping(addressed, "vm5", "-D", "-c", "2", "172.16.255.129").returncode == 1
