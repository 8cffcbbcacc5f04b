"""How a bridge is set up, and what the doctor says of it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ovsdhcp.config.table import Bridge, Flows, OtherTraffic, RateLimit
from ovsdhcp.control.findings import Finding
from ovsdhcp.doctor.checks import find, of_bridge, of_flows, of_offers
from ovsdhcp.doctor.offers import Offer
from ovsdhcp.doctor.open_vswitch import Controller, OvsBridge
from tests.openflow.bridges import BR_INT, VM5, binding

TARGET = "tcp:127.0.0.1:6653"
CONTROLLER = Controller(TARGET, True, True, "", 1000, None)
METERED = replace(BR_INT, rate_ceiling=RateLimit(5_000, 5_000))
WELL = OvsBridge(
    name="br-int",
    dpid=0xB1,
    fail_mode="secure",
    protocols=frozenset(),
    other_config={},
    controllers=(CONTROLLER,),
    ports=dict.fromkeys(("br-int", "vm1", "vm2", "vm5"), ""),
)


def said(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return [(it.severity, it.check, it.mend) for it in findings if it.severity != "ok"]


def test_a_bridge_that_is_well_has_no_finding_but_that() -> None:
    assert said(of_bridge(METERED, WELL, TARGET)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"controllers": ()},
            ("problem", "controller-set", f"ovs-vsctl set-controller br-int {TARGET}"),
        ),
        (
            {"controllers": (replace(CONTROLLER, connected=False, error="Connection refused"),)},
            ("problem", "controller-connected", "start it there: ovsdhcp run"),
        ),
        (
            {"protocols": frozenset({"OpenFlow10"})},
            ("problem", "protocols", "ovs-vsctl add bridge br-int protocols OpenFlow13"),
        ),
        (
            {"fail_mode": "standalone"},
            ("advice", "fail-mode", "ovs-vsctl set-fail-mode br-int secure"),
        ),
        (
            {"controllers": (replace(CONTROLLER, out_of_band=False),)},
            (
                *("advice", "in-band"),
                "ovs-vsctl set bridge br-int other-config:disable-in-band=true",
            ),
        ),
        (
            {"ports": dict.fromkeys(("br-int", "vm2", "vm5"), "")},
            (
                *("problem", "ports-missing"),
                "ovs-vsctl add-port br-int vm1, or take it out of the table",
            ),
        ),
        (
            {"ports": {**WELL.ports, "vm5": "could not open network device vm5"}},
            ("problem", "port-works", "ip link show vm5"),
        ),
        ({"ports": {**WELL.ports, "eth0": ""}}, ("note", "ports-unnamed", "")),
    ],
)
def test_each_fault_is_found_with_what_mends_it(
    change: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert said(of_bridge(METERED, replace(WELL, **change), TARGET)) == [expected]


def test_in_band_control_that_is_off_is_well() -> None:
    off = {"disable-in-band": "true"}
    there = replace(WELL, controllers=(replace(CONTROLLER, out_of_band=False),), other_config=off)
    assert said(of_bridge(METERED, there, TARGET)) == []


def test_a_controller_elsewhere_may_be_meant() -> None:
    lost = replace(CONTROLLER, target="tcp:192.0.2.1:6653", connected=False, error="timed out")
    (finding,) = of_bridge(METERED, replace(WELL, controllers=(lost,)), TARGET)
    assert finding.text == "bridge br-int does not reach tcp:192.0.2.1:6653: timed out"
    assert f"set-controller br-int {TARGET}" in finding.mend


def test_a_bridge_may_come_by_its_socket() -> None:
    socket = "unix:/run/openvswitch/br-int.controller"
    come = replace(CONTROLLER, target=socket)
    assert said(of_bridge(METERED, replace(WELL, controllers=(come,)), TARGET)) == []
    lost = replace(come, connected=False, error="No such file or directory")
    (finding,) = of_bridge(METERED, replace(WELL, controllers=(lost,)), TARGET)
    assert finding.text == f"bridge br-int does not reach {socket}: No such file or directory"
    assert finding.mend == (
        "start the server with OVSDHCP_SOCKETS=/run/openvswitch; or, for the server here, "
        f"ovs-vsctl set-controller br-int {TARGET}"
    )


def test_the_server_knows_first_that_a_bridge_is_connected() -> None:
    late = replace(WELL, controllers=(replace(CONTROLLER, connected=False),))
    assert said(of_bridge(METERED, late, TARGET, reached=(TARGET,))) == []
    other = "unix:/run/openvswitch/br-int.controller"
    assert [check for _, check, _ in said(of_bridge(METERED, late, TARGET, reached=(other,)))] == [
        "controller-connected"
    ]


def test_of_two_ways_to_the_server_the_database_says_which_it_is() -> None:
    socket = "unix:/run/openvswitch/br-int.controller"
    other = replace(CONTROLLER, target=socket, connected=False)
    both = replace(WELL, controllers=(CONTROLLER, other))
    (finding,) = [
        it for it in of_bridge(METERED, both, TARGET, reached=(TARGET, socket)) if it.mend
    ]
    assert finding.text == f"bridge br-int does not reach {socket}"


def test_a_queue_that_is_too_short_for_all_clients() -> None:
    many = tuple(binding("vm5", f"172.16.255.{n}", f"02:00:00:00:00:{n:02x}") for n in range(120))
    crowded = replace(METERED, ports=(replace(VM5, bindings=many),))
    there = replace(WELL, ports={"vm5": ""})
    ((severity, check, mend),) = said(of_bridge(crowded, there, TARGET))
    assert (severity, check) == ("advice", "queue-size")
    assert mend == "ovs-vsctl set bridge br-int other-config:controller-queue-size=512"
    wide = replace(there, other_config={"controller-queue-size": "512"})
    assert said(of_bridge(crowded, wide, TARGET)) == []


def test_a_bridge_is_found_by_name_or_by_dpid() -> None:
    there = {"br-int": WELL}
    assert find(BR_INT, there) is WELL
    assert find(Bridge("another name", (), dpid=0xB1), there) is WELL
    assert find(Bridge("br-int", (), dpid=0xB2), there) is None
    ((severity, check, _),) = said(of_bridge(Bridge("br-ex", ()), None, TARGET))
    assert (severity, check) == ("problem", "bridge-there")


SUMS = {
    "name": "br-int",
    "connected": True,
    "flows": "managed",
    "wanted": 38,
    "differences": 0,
    "questions": 7,
    "silent_ports": 1,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["ok flows-there", "ok flows-hit"]),
        ({"differences": 2}, ["problem flows-there", "ok flows-hit"]),
        ({"questions": 0}, ["ok flows-there", "note flows-hit"]),
        ({"connected": None}, ["ok flows-there", "ok flows-hit"]),
        ({"connected": False}, []),
        ({"flows": "external"}, []),
    ],
)
def test_are_our_flows_there_and_hit(change: dict[str, object], expected: list[str]) -> None:
    assert [f"{it.severity} {it.check}" for it in of_flows({**SUMS, **change})] == expected


@pytest.mark.parametrize(
    ("offers", "traffic", "severity"),
    [
        ([], OtherTraffic.NORMAL, "ok"),
        ([], OtherTraffic.DROP, "unknown"),
        ([Offer("192.0.2.1", "02:00:00:00:00:01", "192.0.2.9")], OtherTraffic.NORMAL, "advice"),
    ],
)
def test_who_answered(offers: list[Offer], traffic: OtherTraffic, severity: str) -> None:
    (finding,) = of_offers(replace(BR_INT, other_traffic=traffic), "br-int", offers)
    assert (finding.severity, finding.check) == (severity, "other-server")
    assert all(offer.server_id in finding.text for offer in offers)


@pytest.mark.parametrize(
    ("bridge", "limit", "mend"),
    [
        (METERED, None, ""),
        (METERED, 1000, ""),
        (BR_INT, 1000, "rate_ceiling: {rate: 1000, burst: 250} at br-int in the table"),
        (replace(BR_INT, flows=Flows.EXTERNAL), 1000, ""),
        (
            replace(BR_INT, flows=Flows.EXTERNAL),
            None,
            "ovs-vsctl set controller br-int controller_rate_limit=1000 controller_burst_limit=250",
        ),
    ],
)
def test_our_flows_are_limited_by_the_table_and_others_by_the_bridge(
    bridge: Bridge, limit: int | None, mend: str
) -> None:
    there = replace(WELL, controllers=(replace(CONTROLLER, rate_limit=limit),))
    found = [it.mend for it in of_bridge(bridge, there, TARGET) if it.check == "rate-limit"]
    assert found == ([mend] if mend else [])
