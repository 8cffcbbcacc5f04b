"""Whatever restarts, moves or is deleted: the bridge ends with our flows, and others' as they were.

What should be there is what `ovsdhcp flows render` prints, read back through ovs-ofctl.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ovsdhcp.config.loading import load
from ovsdhcp.config.table import Bridge
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.openflow import pipeline
from ovsdhcp.openflow.meters import CEILING
from ovsdhcp.openflow.render import rendered
from tests.bridge.tables import VM_NET

WITHIN = 15
"""Seconds for a bridge to converge: ovs-vswitchd waits up to 8 s before it connects again."""

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm1: {subnet: vm-net, ip: 172.16.255.133}
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
  br-two:
    dpid: "0x00000000000000b2"
    other_traffic: none
    ports:
      veth-two: {subnet: vm-net, ip: 172.16.255.140, ofport: 7}
"""
)
FOREIGN = (
    "table=0,priority=500,in_port=vm4,ip,nw_dst=203.0.113.9,actions=drop",
    "cookie=0x1234,table=0,priority=40001,udp,in_port=vm3,tp_dst=67,actions=NORMAL",
    "cookie=0x64686371deadbeef,table=22,priority=100,udp,in_port=vm4,tp_dst=67,actions=drop",
    "cookie=0x99,table=23,priority=1,actions=conjunction(1,1/2)",
    "table=60,priority=0,actions=learn(table=61,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])",
)
COUNTED = re.compile(r"duration=\S+ |n_packets=\d+, |n_bytes=\d+, |(idle|hard)_age=\d+, ")


def table_of(lab: Lab, match: str = "") -> set[str]:
    return {COUNTED.sub("", flow) for flow in lab.switch.flows(match)}


def ours(lab: Lab) -> set[str]:
    return table_of(lab, f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}")


def foreign(lab: Lab) -> set[str]:
    return table_of(lab) - ours(lab)


def bridge(table: Path, name: str = "br-int") -> Bridge:
    return next(bridge for bridge in load(table).bridges if bridge.name == name)


def expected(table: Path, *ports: str) -> int:
    """How many flows the bridge should have of us when these of its ports are there."""
    names = dict(enumerate(ports, 1))
    return len(list(pipeline.desired(bridge(table), names)))


def converged(lab: Lab, number: int) -> Callable[[], bool]:
    return lambda: len(ours(lab)) == number


@pytest.fixture
def settled(lab: Lab, table: Path) -> Iterator[Lab]:
    """The lab with all flows there, and foreign ones beside them."""
    assert wait_for(converged(lab, expected(table, "vm1", "vm5")), within=WITHIN)
    for flow in FOREIGN:
        lab.switch.ofctl("add-flow", "--names", "br-int", flow, doing="add a foreign flow")
    yield lab
    lab.switch.ofctl("del-flows", "br-int", doing="remove all flows")
    assert wait_for(converged(lab, expected(table, "vm1", "vm5")), within=WITHIN)


def binds(lab: Lab) -> None:
    client = lab.client("udhcpc", "vm5")
    client.start()
    assert client.wait_until_bound().addresses == ("172.16.255.130/26",)
    lab.clear("vm5")


def test_a_controller_that_restarts_touches_no_flow(settled: Lab, table: Path) -> None:
    theirs, before = foreign(settled), ours(settled)
    assert len(theirs) == len(FOREIGN)
    ages = settled.switch.flows(f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}")
    settled.start_controller(table)
    assert wait_for(lambda: "connected" in settled.controller.log.read_text(), within=WITHIN)
    binds(settled)
    assert (foreign(settled), ours(settled)) == (theirs, before)
    again = settled.switch.flows(f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}")
    assert min(map(age, again)) > min(map(age, ages)), "a flow that was right was laid again"


def age(flow: str) -> float:
    found = re.search(r"duration=([\d.]+)s", flow)
    assert found
    return float(found[1])


def test_a_switch_that_restarts_gets_its_flows_back(settled: Lab, table: Path) -> None:
    before = ours(settled)
    settled.switch.stop("ovs-vswitchd")
    settled.switch.start()
    assert wait_for(lambda: ours(settled) == before, within=WITHIN)
    binds(settled)


def test_flows_that_somebody_deletes_come_back(settled: Lab) -> None:
    before, theirs = ours(settled), foreign(settled)
    mask = f"cookie={pipeline.COOKIE:#x}/{pipeline.COOKIE_MASK:#x}"
    settled.switch.ofctl("del-flows", "br-int", mask, doing="remove our flows")
    assert wait_for(lambda: ours(settled) == before, within=WITHIN)
    assert foreign(settled) == theirs


def test_flows_follow_a_port(settled: Lab, table: Path) -> None:
    everything, theirs = ours(settled), foreign(settled)
    switch = settled.switch
    switch.vsctl("del-port", "br-int", "vm5", doing="unplug vm5")
    assert wait_for(converged(settled, expected(table, "vm1")), within=WITHIN)
    assert ours(settled) < everything

    switch.add_port("vm5", 42)
    assert wait_for(lambda: ours(settled) == everything, within=WITHIN), "by name they are the same"
    assert "in_port=42" in switch.ofctl("dump-flows", "--no-names", "br-int", doing="look")
    binds(settled)

    switch.vsctl("set", "Interface", "vm5", "ofport_request=5", doing="give vm5 its number back")
    assert wait_for(lambda: settled.switch.flows("table=22,in_port=5"), within=WITHIN)
    assert wait_for(lambda: ours(settled) == everything, within=WITHIN)
    binds(settled)
    assert foreign(settled) == theirs


def meters(lab: Lab) -> set[int]:
    said = lab.switch.ofctl("-O", "OpenFlow13", "dump-meters", "br-int", doing="read the meters")
    return {int(number) for number in re.findall(r"meter=(\d+)", said)}


def test_meters_follow_a_port_and_others_stay(settled: Lab) -> None:
    switch = settled.switch
    meter = partial(switch.ofctl, "-O", "OpenFlow13")
    meter(
        "add-meter", "br-int", "meter=7,kbps,bands=type=drop,rate=9", doing="add a meter of others"
    )
    everything, flows = meters(settled), ours(settled)
    assert everything == {7, CEILING, CEILING + 1, CEILING + 5}
    switch.vsctl("del-port", "br-int", "vm5", doing="unplug vm5")
    assert wait_for(lambda: meters(settled) == everything - {CEILING + 5}, within=WITHIN)
    switch.add_port("vm5", 5)
    assert wait_for(lambda: meters(settled) == everything, within=WITHIN)
    meter("del-meters", "br-int", doing="remove all meters, and the flows that go through them")
    assert wait_for(lambda: meters(settled) == everything - {7}, within=WITHIN)
    assert wait_for(lambda: ours(settled) == flows, within=WITHIN)
    binds(settled)


def test_anothers_catch_all_stays_and_ours_gives_way(settled: Lab, table: Path) -> None:
    catch_all = "table=0,priority=0,actions=drop"
    settled.switch.ofctl("add-flow", "br-int", f"cookie=0x77,{catch_all}", doing="add theirs")
    theirs = foreign(settled)
    settled.start_controller(table)
    said = "another flow has table 0's lowest priority"
    assert wait_for(lambda: said in settled.controller.log.read_text(), within=WITHIN)
    assert foreign(settled) == theirs
    settled.switch.ofctl("del-flows", "br-int", "cookie=0x77/-1", doing="remove theirs")


def test_a_second_bridge_known_by_its_dpid_is_served_beside_the_first(settled: Lab) -> None:
    switch = settled.switch
    switch.vsctl(
        *("add-br", "br-two", "--", "set", "Bridge", "br-two", "datapath_type=netdev"),
        *("fail-mode=secure", "other-config:datapath-id=00000000000000b2"),
        *("--", "set-controller", "br-two", "tcp:127.0.0.1:6653"),
        *("--", "add-port", "br-two", "p", "--", "set", "Interface", "p", "type=internal"),
        *("ofport_request=7",),
        doing="make a second bridge",
    )
    try:
        look = ("dump-flows", "br-two", "table=22,in_port=7")
        there = wait_for(
            lambda: "CONTROLLER" in switch.ofctl(*look, doing="read its flows"), within=WITHIN
        )
        assert there
        every = switch.ofctl("dump-flows", "br-two", doing="read its flows")
        assert "NORMAL" not in every, "other_traffic: none"
        binds(settled)
    finally:
        switch.vsctl("del-br", "br-two", doing="remove the second bridge")


def test_a_bridge_that_the_table_does_not_name_is_refused_and_named(settled: Lab) -> None:
    switch = settled.switch
    switch.vsctl(
        *("add-br", "br-other", "--", "set", "Bridge", "br-other", "datapath_type=netdev"),
        *("--", "set-controller", "br-other", "tcp:127.0.0.1:6653"),
        doing="make a bridge of somebody else's",
    )
    try:
        log = settled.controller.log
        assert wait_for(lambda: "reason=stranger" in log.read_text(), within=WITHIN)
        assert "bridge br-other (dpid " in log.read_text()
        flows = switch.ofctl("dump-flows", "br-other", doing="read its flows")
        assert "cookie=0x64686370" not in flows
    finally:
        switch.vsctl("del-br", "br-other", doing="remove it")


def test_the_rendered_file_loads_as_the_flows_that_the_controller_lays(
    settled: Lab, table: Path, tmp_path: Path
) -> None:
    def by_port(flows: set[str]) -> set[str]:  # the file has numbers of its own in the names' place
        return {re.sub(r"meter:\d+", "meter", flow) for flow in flows}

    before = ours(settled)
    file = tmp_path / "br-int.flows"
    file.write_text("\n".join(rendered(bridge(table))) + "\n")
    settled.controller.stop()
    ofctl = partial(settled.switch.ofctl, "-O", "OpenFlow13")
    ofctl("del-flows", "br-int", doing="remove all flows")
    ofctl("del-meters", "br-int", doing="remove all meters")
    for meter in re.findall(r"add-meter br-int '(.*)'", file.read_text()):
        ofctl("add-meter", "br-int", meter, doing="add a meter")
    ofctl("--names", "add-flows", "br-int", str(file), doing="load the file")
    assert by_port(ours(settled)) == by_port(before)
    settled.start_controller(table)
