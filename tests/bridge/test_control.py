"""The commands on a server that runs, on a real bridge, with real clients."""

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovsdhcp.control import protocol
from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET

BOTH_WAYS = True
LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm1: {subnet: vm-net, ip: 172.16.255.133}
      vm2:
        subnet: vm-net
        hosts:
          - {mac: 02:ac:10:00:00:01, ip: 172.16.255.131}
          - {mac: 02:ac:10:00:00:02, ip: 172.16.255.132}
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)


class Ovsdhcp:
    """The command, where the lab's server and Open vSwitch are."""

    def __init__(self, lab: Lab, table: Path) -> None:
        self.state = lab.controller.folder / "controller"
        self._home = lab.home
        self._environment = os.environ | lab.switch.client_environment | {
            "OVSDHCP_CONFIG": str(table),
            "OVSDHCP_STATE_DIR": str(self.state),
        }  # fmt: skip

    def __call__(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """What it prints; it has to end with `status`."""
        done = self.start(*arguments, **environment)
        out, err = done.communicate(timeout=30)
        assert done.returncode == status, (out, err)
        return out

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        program = str(Path(sys.executable).parent / "ovsdhcp")
        return subprocess.Popen(
            ("ip", "netns", "exec", self._home, program, *arguments),
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def ovsdhcp(lab: Lab, table: Path) -> Ovsdhcp:
    found = Ovsdhcp(lab, table)
    assert wait_for(lambda: _is_well(found), within=15)
    return found


def _is_well(ovsdhcp: Ovsdhcp) -> bool:
    done = ovsdhcp.start("status", "--json")
    said = json.loads(done.communicate(timeout=30)[0] or "{}")
    return bool(said) and said["bridges"][0]["in_sync"]


def bind(lab: Lab, port: str) -> None:
    client = lab.client("dhclient", port)
    client.start()
    client.wait_until_bound()


def test_open_vswitch_says_our_flows_back_as_we_mean_them(ovsdhcp: Ovsdhcp, lab: Lab) -> None:
    """So a bridge that is right is left alone, whoever looks."""
    of_server = json.loads(ovsdhcp("flows", "diff", "--json"))
    assert of_server["differences"] == []
    (bridge,) = of_server["bridges"]
    assert bridge["as_wanted"] == bridge["wanted"] > 20
    by_itself = json.loads(ovsdhcp("flows", "diff", "--json", OVSDHCP_STATE_DIR="/nowhere"))
    assert by_itself["differences"] == []
    assert by_itself["bridges"][0]["as_wanted"] == bridge["as_wanted"]


def test_another_table_is_compared_without_being_in_force(
    ovsdhcp: Ovsdhcp, lab: Lab, table: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.yaml"
    changed.write_text(table.read_text().replace("02:ac:10:ff:01:30", "02:ac:10:ff:01:99"))
    before = lab.switch.flows()
    said = json.loads(ovsdhcp("flows", "diff", "--config", str(changed), "--json", status=1))
    assert {one["port"] for one in said["differences"]} == {"vm5"}
    assert "02:ac:10:ff:01:99" in said["differences"][0]["wanted"]
    assert len(lab.switch.flows()) == len(before)


def test_a_follower_hears_a_client_while_another_hangs(ovsdhcp: Ovsdhcp, lab: Lab) -> None:
    bind(lab, "vm1")  # what the follower hears first says that it follows
    assert wait_for(lambda: "event=ack" in ovsdhcp("events", "-n", "1"), within=5)
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.connect(str(ovsdhcp.state / "control.sock"))
        stuck.sendall(protocol.Request("events", {"follow": True}).line())
        follower = ovsdhcp.start("events", "-f", "-n", "1", "--json")
        assert follower.stdout
        try:
            assert json.loads(follower.stdout.readline())["port"] == "vm1"
            bind(lab, "vm5")
            heard = [json.loads(follower.stdout.readline()) for _ in range(2)]
        finally:
            follower.send_signal(signal.SIGINT)
            follower.communicate(timeout=10)
    assert follower.returncode == 0
    assert [(e["message"], e["event"], e["ip"]) for e in heard] == [
        ("DISCOVER", "offer", "172.16.255.130"),
        ("REQUEST", "ack", "172.16.255.130"),
    ]
    (lease,) = map(json.loads, ovsdhcp("leases", "vm5", "--json").splitlines())
    assert (lease["state"], lease["mac"]) == ("bound", "02:ac:10:ff:01:30")


def test_status_and_doctor_see_a_port_that_is_gone(ovsdhcp: Ovsdhcp, lab: Lab) -> None:
    lab.switch.vsctl("del-port", "br-int", "vm1", doing="unplug vm1")
    try:
        assert "ports-missing" in _checks(ovsdhcp("status", "--json", status=1), "problems")
        assert "ports-missing" in _checks(ovsdhcp("doctor", "--json", status=1))
    finally:
        port = lab.ports["vm1"]
        lab.switch.add_port(port.name, port.number)


def _checks(said: str, key: str = "") -> dict[str, str]:
    found = json.loads(said)[key] if key else json.loads(said)
    return {one["check"]: one["text"] for one in found}


@pytest.fixture
def interface(lab: Lab) -> Iterator[str]:
    """The bridge's own interface, up."""
    set_link = ("ip", "-n", lab.home, "link", "set", "br-int")
    lab.shell.run(*set_link, "up", doing="bring the bridge up")
    yield "br-int"
    lab.shell.run(*set_link, "down", doing="bring the bridge down")


def test_doctor_hears_another_server_and_leaves_no_trace(
    ovsdhcp: Ovsdhcp, lab: Lab, interface: str, tmp_path: Path
) -> None:
    assert _checks(ovsdhcp("doctor", "--probe", "--json"))["other-server"].startswith("nobody else")
    home, flows = lab.ports["vm4"].home, len(lab.switch.flows())
    address = ("ip", "-n", home, "addr", "add", "192.0.2.1/24", "dev", "vm4")
    lab.shell.run(*address, doing="give the other server an address")
    leases = tmp_path / "leases"
    other = subprocess.Popen(
        ("ip", "netns", "exec", home, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0",
         "--interface=vm4", "--bind-interfaces", "--no-ping",
         "--dhcp-range=192.0.2.100,192.0.2.200", f"--dhcp-leasefile={leases}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_for(lambda: "192.0.2.1" in _others(ovsdhcp), within=20)
    finally:
        other.terminate()
        other.wait(10)
    assert leases.read_text() == ""
    assert len(lab.switch.flows()) == flows


def _others(ovsdhcp: Ovsdhcp) -> str:
    return _checks(ovsdhcp("doctor", "--probe", "--json"))["other-server"]


def test_a_report_has_all_of_it(ovsdhcp: Ovsdhcp, lab: Lab, tmp_path: Path) -> None:
    bind(lab, "vm5")
    file = tmp_path / "report.tar.gz"
    assert ovsdhcp("bugreport", "-o", str(file)) == f"{file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        parts = {Path(it.name).name: archive.extractfile(it).read() for it in archive}  # type: ignore[union-attr]
    assert {name for name, text in parts.items() if text.startswith(b"not to be had")} == set()
    assert len(parts) == 11
    assert all(name in parts["CONTENTS.txt"].decode() for name in parts.keys() - {"CONTENTS.txt"})
    assert b'"name": "br-int"' in parts["status.json"]
    assert b"172.16.255.130" in parts["leases.jsonl"]
    assert b"br-int: connected" in parts["log.txt"] or b"bridge" in parts["log.txt"]
    assert parts["table.yaml"].decode() == Path(ovsdhcp._environment["OVSDHCP_CONFIG"]).read_text()


def test_a_killed_server_is_named_and_the_next_one_takes_its_socket(
    ovsdhcp: Ovsdhcp, lab: Lab, table: Path
) -> None:
    home = namespace.identity(lab.home)
    assert home is not None
    (pid,) = namespace.residents_called("ryu-manager", home)
    os.kill(pid, signal.SIGKILL)
    lab.controller.reap()
    try:
        done = ovsdhcp.start("status")
        _, err = done.communicate(timeout=10)
        assert done.returncode == 3
        assert "a server was there, and is no more" in err
        doctor = _checks(ovsdhcp("doctor", "--json", status=1))
        assert "is no more" in doctor["server"]
        assert doctor["flows-there"].startswith("all ")
    finally:
        lab.start_controller(table)
    assert wait_for(lambda: _is_well(ovsdhcp), within=20)


def test_a_second_server_in_the_same_folder_serves_and_says_so(
    ovsdhcp: Ovsdhcp, lab: Lab, table: Path
) -> None:
    second = ovsdhcp.start("run", "--port", "6654")
    try:
        assert second.stderr
        said = next(line for line in second.stderr if "no control socket" in line)
        assert "another server has it" in said
        assert second.poll() is None
        assert _is_well(ovsdhcp)
    finally:
        second.kill()
        second.communicate()
