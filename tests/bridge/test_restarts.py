"""Controller and switch are killed, not asked, in both orders: clients are served again after."""

import os
import signal
from pathlib import Path

import pytest

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
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
      vm3: {subnet: vm-net, mac: 02:ac:10:ff:01:33, ip: 172.16.255.133}
"""
)
RECONNECTED_WITHIN = 15.0
"""ovs-vswitchd waits up to 8 s between its attempts to reach a controller."""


def kill(lab: Lab, program: str) -> None:
    """End it without a chance to tidy up."""
    home = namespace.identity(lab.home)
    assert home is not None
    pids = namespace.residents_called(program, home)
    assert len(pids) == 1
    os.kill(pids[0], signal.SIGKILL)
    gone = wait_for(lambda: not namespace.residents_called(program, home), within=5)
    assert gone
    if program == "ryu-manager":
        lab.controller.reap()


def assert_serves(lab: Lab) -> None:
    lab.wait_for_flows("vm5", "vm3", within=RECONNECTED_WITHIN)
    client = lab.client("dhclient", "vm5")
    client.start()
    assert client.wait_until_bound().addresses == ("172.16.255.130/26",)


@pytest.mark.parametrize("order", ["controller first", "switch first"])
def test_killed_in_either_order_both_come_back_and_serve(lab: Lab, table: Path, order: str) -> None:
    assert_serves(lab)
    lab.clear("vm5")
    revive = {
        "ryu-manager": lambda: lab.start_controller(table),
        "ovs-vswitchd": lab.switch.start,
    }
    programs = list(revive) if order == "controller first" else list(reversed(revive))
    for program in programs:
        kill(lab, program)
    for program in programs:
        revive[program]()
    assert_serves(lab)
