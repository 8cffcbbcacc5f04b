"""A bridge with 1,000 ports of the table has all its flows within five seconds."""

import time

import pytest

from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab

PORTS = 1000
WITHIN = 5.0
FLOWS_PER_PORT = 13
FLOWS_OF_THE_BRIDGE = 2

LEASE_TABLE = """
subnets:
  big: {cidr: 10.0.0.0/16, server_id: 10.0.0.1, server_mac: 02:00:00:00:00:01, lease_time: 1h}
bridges:
  br-int:
    ports:
      vm5: {subnet: big, ip: 10.0.255.5}
""" + "".join(
    f"      p{n}: {{subnet: big, ip: 10.0.{n // 200 + 1}.{n % 200 + 1}}}\n" for n in range(1, PORTS)
)


@pytest.fixture
def crowded(lab: Lab) -> Lab:
    """The lab with a thousand ports, and no controller yet."""
    lab.switch.vsctl("del-controller", "br-int", doing="take the controller away")
    ports = (f"p{n}" for n in range(1, PORTS))
    plug = [word for name in ports for word in ("--", "add-port", "br-int", name, *_internal(name))]
    lab.switch.vsctl("--no-wait", *plug, doing="plug in a thousand ports")
    lab.switch.vsctl("--timeout=120", "get", "bridge", "br-int", "name", doing="wait for them")
    return lab


def _internal(name: str) -> tuple[str, ...]:
    return ("--", "set", "Interface", name, "type=internal")


def test_a_thousand_ports_have_their_flows_in_time(crowded: Lab) -> None:
    wanted = PORTS * FLOWS_PER_PORT + FLOWS_OF_THE_BRIDGE
    switch = crowded.switch
    assert wait_for(lambda: _ports(crowded) >= PORTS, within=120, every=0.5)
    start = time.monotonic()
    switch.set_controller()
    assert wait_for(lambda: _count(crowded) == wanted, within=WITHIN, every=0.05)
    print(f"{wanted} flows within {time.monotonic() - start:.2f} s of set-controller")


def _ports(lab: Lab) -> int:
    return lab.switch.ofctl("dump-ports-desc", "br-int", doing="count").count("addr:")


def _count(lab: Lab) -> int:
    said = lab.switch.ofctl(
        "dump-aggregate",
        "br-int",
        "cookie=0x6468637000000000/0xffffffff00000000",
        doing="count the flows",
    )
    return int(said.rpartition("flow_count=")[2])
