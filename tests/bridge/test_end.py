"""Asked to end in the middle of its work, it leaves nothing unsaid, unwritten or undone."""

import os
import signal
import time

from ovsdhcp.journal import read
from ovsdhcp.journal.file import NAME
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import MACS, Lab
from tests.bridge.raw import raw_ports
from tests.bridge.tables import VM_NET
from tests.bridge.test_kill import Asker
from tests.dhcp.wire import mac

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, ip: 172.16.255.130}
"""
)
ASKED = 20


def test_what_was_answered_last_is_in_the_log_and_in_the_journal(lab: Lab) -> None:
    (pid,) = lab.controller.pids()
    flows = lab.switch.flows("table=22")
    client = mac("02:ca:00:00:00:05")
    assert client not in map(mac, MACS.values())
    with raw_ports(lab) as ports:
        asker = Asker(ports["vm5"], client, "172.16.255.130")
        for _ in range(ASKED):
            asker.gets(1, {})
        start = time.monotonic()
        os.kill(pid, signal.SIGTERM)
    assert wait_for(lambda: not lab.controller.pids(), within=5)
    took = time.monotonic() - start
    lab.controller.reap()
    print(f"it ended within {took:.2f} s")
    assert took < 1
    (record,) = read(lab.names.folder / "controller" / NAME)
    assert record.offers == ASKED
    log = lab.controller.log.read_text()
    assert log.count("event=offer ") == ASKED
    assert len(lab.switch.flows("table=22")) == len(flows) > 0
