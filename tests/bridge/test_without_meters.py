"""A switch that takes no meters: the application counts, and drops by a flow who asks too much.

Open vSwitch's userspace datapath has meters; between it and the controller somebody refuses them,
as a kernel without them does.
"""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from struct import pack, unpack_from

import pytest

from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import MACS, Lab
from ovsdhcp.openflow.meter_messages import METER_MOD
from ovsdhcp.openflow.rate_limits import DROPPED_FOR
from tests.bridge.raw import raw_ports
from tests.bridge.tables import VM_NET
from tests.bridge.test_flood import CPU_AT_MOST, binds, cpu, discover, flood
from tests.dhcp.wire import mac

BOTH_WAYS = True
LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm1: {subnet: vm-net, ip: 172.16.255.133}
      vm3: {subnet: vm-net, mac: 02:ac:10:ff:01:33, ip: 172.16.255.134, rate_limit: {rate: 50}}
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)
PROXY = 6654
ERROR, METER_MOD_FAILED, OUT_OF_METERS = 1, 12, 7


class Refusing:
    """Carries OpenFlow between a switch and its controller, but for METER_MOD: an error."""

    def __init__(self, home: str) -> None:
        self._home = home
        with namespace.inside(home):
            self._listener = socket.create_server(("127.0.0.1", PROXY))
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for it in self._open:
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
            it.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                switch, _ = self._listener.accept()
                with namespace.inside(self._home):
                    controller = socket.create_connection(("127.0.0.1", 6653))
                self._open += [switch, controller]
                alone = threading.Lock()
                for ends in ((switch, controller), (controller, switch)):
                    threading.Thread(target=self._carry, args=(*ends, alone), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, alone: threading.Lock) -> None:
        with suppress(OSError):
            rest = b""
            while octets := source.recv(1 << 16):
                rest += octets
                while len(rest) >= 8 and len(rest) >= (length := unpack_from("!H", rest, 2)[0]):
                    message, rest = rest[:length], rest[length:]
                    if message[1] == METER_MOD:
                        body = pack("!HH", METER_MOD_FAILED, OUT_OF_METERS) + message[:64]
                        error = pack("!BBH", 4, ERROR, 8 + len(body)) + message[4:8] + body
                        with alone:
                            source.sendall(error)
                    else:
                        with alone:
                            target.sendall(message)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def unmetered(module_lab: Lab) -> Iterator[Lab]:
    switch = module_lab.switch
    proxy = Refusing(module_lab.home)
    try:
        switch.set_controller(f"tcp:127.0.0.1:{PROXY}")
        switch.ofctl("-O", "OpenFlow13", "del-meters", "br-int", doing="remove all meters")
        log = module_lab.controller.log
        assert wait_for(lambda: "takes no meters" in log.read_text(), within=15)
        module_lab.wait_for_flows("vm1", "vm3", "vm5")
        yield module_lab
    finally:
        proxy.close()


def dropping(lab: Lab) -> list[str]:
    return lab.switch.flows("table=0,udp,in_port=vm1,tp_dst=67")


def test_its_flows_are_without(unmetered: Lab) -> None:
    switch = unmetered.switch
    assert not [flow for flow in switch.flows() if "meter:" in flow]
    meters = switch.ofctl("-O", "OpenFlow13", "dump-meters", "br-int", doing="look")
    assert "meter=" not in meters


def test_a_flood_is_dropped_by_a_flow_that_goes_by_itself(unmetered: Lab) -> None:
    frames = itertools.repeat(discover(mac(MACS["vm1"])))
    (controller,) = unmetered.controller.pids()
    waits = []
    with raw_ports(unmetered) as ports, flood(ports["vm1"], frames) as sent:
        assert wait_for(lambda: len(dropping(unmetered)) == 2, within=5)
        start, cpu_before = time.monotonic(), cpu(controller)
        for _ in range(10):
            waits.append(binds(unmetered, "dhclient", "vm3", 10))
        seconds = time.monotonic() - start
        busy = (cpu(controller) - cpu_before) / seconds
    print(
        f"{sent[0] / seconds:,.0f} frames/s; others bound in {max(waits):.2f} s at the longest; "
        f"the controller had {busy:.1%} of a CPU"
    )
    assert sorted(waits)[-2] < 1, "nine of ten"
    assert busy < CPU_AT_MOST
    assert wait_for(lambda: len(dropping(unmetered)) == 1, within=DROPPED_FOR + 2)
    assert binds(unmetered, "udhcpc", "vm1", 5) < 5
