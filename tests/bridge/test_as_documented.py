"""The three commands of the README as they stand, on a bridge that is as `add-br` makes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def bare(lab: Lab) -> Lab:
    """The lab without its controller, in-band control on as it is by default."""
    lab.controller.stop()
    lab.switch.vsctl("del-controller", "br-int", doing="take the controller away")
    in_band = ("remove", "Bridge", "br-int", "other-config", "disable-in-band")
    lab.switch.vsctl(*in_band, doing="go back to the default")
    return lab


@pytest.fixture
def shell(bare: Lab, table: Path) -> "Shell":
    return shell_of(bare, table)


def shell_of(lab: Lab, table: Path) -> "Shell":
    """A shell that finds the commands of this environment, and the lease table."""
    with_commands = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    state = str(lab.names.folder / "as documented")
    own = {"OVSDHCP_CONFIG": str(table), "OVSDHCP_STATE_DIR": state, "PATH": with_commands}
    return Shell(lab, own)


class Shell:
    """Runs a command line as it stands, where the lab's Open vSwitch lives."""

    def __init__(self, lab: Lab, environment: dict[str, str]) -> None:
        self.environment = os.environ | environment | lab.switch.client_environment
        self._home = lab.home

    def start(self, line: str) -> "subprocess.Popen[bytes]":
        argv = ("ip", "netns", "exec", self._home, "bash", "-c", f"exec {line}")
        return subprocess.Popen(argv, env=self.environment, stderr=subprocess.DEVNULL)


def test_the_three_commands(bare: Lab, shell: Shell) -> None:
    controller = shell.start("ryu-manager ovsdhcp.app")
    try:
        assert shell.start("ovs-vsctl set-controller br-int tcp:127.0.0.1:6653").wait(10) == 0
        bare.wait_for_flows("vm5", within=15)
        client = bare.client("dhclient", "vm5")
        assert client.command.argv[-2:] == ("dhclient", "vm5")
        client.start()
        assert client.wait_until_bound().addresses == ("172.16.255.130/26",)
    finally:
        controller.terminate()
        controller.wait(10)
