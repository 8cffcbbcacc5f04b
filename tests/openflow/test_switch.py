"""The switch: whatever happens to a bridge, it ends with the flows that it should have."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.config.table import Bridge, OtherTraffic
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.messages import Entry, Key
from ovsdhcp.openflow.switch import Attached, Switch
from tests.dhcp.wire import bootp, frame, mac
from tests.openflow.bridges import BR_INT, VM1, VM2, VM5
from tests.openflow.fake_bridge import FakeBridge

ALL_PORTS = {1: "vm1", 2: "vm2", 4: "vm4", 5: "vm5", 9: "eth0", 0xFFFF_FFFE: "br-int"}
FOREIGN = {
    Key(0, 500, b""): Entry(0, b""),
    Key(22, 7, b""): Entry(0x1234, b""),
}


def settle(switch: Switch, bridge: FakeBridge, data: bytes) -> None:
    """Send, and carry the bridge's answers back, until neither says anything more."""
    bridge.receive(data)
    while bridge.answers:
        kind, xid = bridge.answers.pop(0)
        if kind == "flows":
            bridge.receive(switch.flow_stats(xid, bridge.flow_stats(), more=False))
        elif kind == "meters":
            switch.meter_config(xid, bridge.meter_config())
        elif kind == "barrier":
            switch.barrier_reply(xid)
        else:
            bridge.receive(switch.refused_meters(xid))
            switch.refused(xid)


def expected(names: dict[int, str], config: Bridge = BR_INT) -> dict[Key, Entry]:
    flows = pipeline.desired(config, names)
    return {messages.key(flow): messages.entry(flow) for flow in flows}


def connected(bridge: FakeBridge, config: Bridge = BR_INT) -> Switch:
    switch = Switch(config, ALL_PORTS)
    settle(switch, bridge, switch.sync())
    assert switch.in_sync
    return switch


def test_an_empty_bridge_gets_every_flow() -> None:
    bridge = FakeBridge()
    connected(bridge)
    assert bridge.flows == expected(ALL_PORTS)


def test_a_bridge_that_is_right_is_told_nothing() -> None:
    bridge = FakeBridge(expected(ALL_PORTS))
    connected(bridge)
    assert bridge.flow_mods == 0


def test_foreign_flows_stay_as_they_are() -> None:
    bridge = FakeBridge(dict(FOREIGN))
    connected(bridge)
    assert bridge.flows == expected(ALL_PORTS) | FOREIGN


def test_flows_of_ours_that_are_out_of_date_are_mended() -> None:
    stale = expected({7: "vm5"}) | {
        messages.key(next(pipeline.port_flows(BR_INT, VM1, 1))): Entry(pipeline.COOKIE, b"")
    }
    bridge = FakeBridge(stale)
    connected(bridge)
    assert bridge.flows == expected(ALL_PORTS)


def test_the_catch_all_gives_way_to_anothers() -> None:
    theirs = {Key(0, 0, b""): Entry(0x77, b"theirs")}
    bridge = FakeBridge(dict(theirs))
    connected(bridge)
    assert bridge.flows == expected(ALL_PORTS) | theirs


def test_our_own_catch_all_follows_the_table() -> None:
    bridge = FakeBridge(expected(ALL_PORTS))
    drop = Bridge("br-int", BR_INT.ports, other_traffic=OtherTraffic.DROP)
    connected(bridge, drop)
    assert bridge.flows == expected(ALL_PORTS, drop)


def test_a_deleted_flow_comes_back() -> None:
    bridge = FakeBridge()
    switch = connected(bridge)
    for key in list(bridge.flows):
        settle(switch, bridge, switch.flow_removed(bridge.flow_removed(key)))
    assert bridge.flows == expected(ALL_PORTS)


def test_only_a_changed_port_is_touched() -> None:
    bridge = FakeBridge()
    switch = connected(bridge)
    bridge.flow_mods = 0
    settle(switch, bridge, switch.port_removed(5))
    assert bridge.flow_mods == len(list(pipeline.port_flows(BR_INT, VM5, 5)))
    assert bridge.flows == expected({n: name for n, name in ALL_PORTS.items() if n != 5})


def test_a_port_that_is_announced_again_changes_nothing() -> None:
    bridge = FakeBridge()
    switch = connected(bridge)
    bridge.flow_mods = 0
    settle(switch, bridge, switch.port_added(5, "vm5"))
    assert bridge.flow_mods == 0
    assert switch.in_sync


@pytest.mark.parametrize(
    ("ofport", "dl_src", "address"),
    [
        (1, "020000000001", "172.16.255.133"),
        (2, "02ac10000001", "172.16.255.131"),
        (2, "02ac10000002", "172.16.255.132"),
        (2, "02ac10000003", None),
        (9, "020000000001", "172.16.255.140"),
    ],
)
def test_the_port_and_the_source_pick_the_binding(
    ofport: int, dl_src: str, address: str | None
) -> None:
    binding = Switch(BR_INT, ALL_PORTS).attached[ofport].binding(bytes(6) + bytes.fromhex(dl_src))
    assert (None if binding is None else str(binding.address)) == address


@pytest.mark.parametrize("trusted", [True, False])
def test_a_relays_client_is_known_by_chaddr_on_a_trusted_port_alone(trusted: bool) -> None:
    client = bytes.fromhex("02ac10000002")
    relayed = frame(
        bootp(1, chaddr=client, giaddr="172.16.255.180"), eth_src=mac("02:00:00:00:00:fe")
    )
    found = Attached.of(replace(VM2, trusted=trusted)).binding(relayed)
    assert (found and found.mac) == (client if trusted else None)


def test_ports_of_the_table_that_are_not_there_are_named() -> None:
    assert Switch(BR_INT, {2: "vm2", 9: "eth0"}).missing == ["vm1", "vm5"]


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 9), st.sampled_from(["vm1", "vm2", "vm4", "vm5"])),
        st.tuples(st.just("remove"), st.integers(1, 9), st.just("")),
        st.tuples(st.just("sync"), st.just(0), st.just("")),
        st.tuples(st.just("deleted"), st.integers(0, 30), st.just("")),
    ),
    max_size=30,
)


@given(EVENTS)
def test_any_course_of_events_ends_with_the_flows_that_should_be_there(
    events: list[tuple[str, int, str]],
) -> None:
    bridge = FakeBridge(dict(FOREIGN))
    names = {1: "vm1"}
    switch = Switch(BR_INT, names)
    settle(switch, bridge, switch.sync())
    for kind, number, name in events:
        if kind == "add":
            names[number] = name
            settle(switch, bridge, switch.port_added(number, name))
        elif kind == "remove":
            names.pop(number, None)
            settle(switch, bridge, switch.port_removed(number))
        elif kind == "sync":
            settle(switch, bridge, switch.sync())
        else:
            ours = [key for key in bridge.flows if key not in FOREIGN]
            key = ours[number % len(ours)]
            settle(switch, bridge, switch.flow_removed(bridge.flow_removed(key)))
    assert bridge.flows == expected(names) | FOREIGN
    assert switch.in_sync


def test_a_port_that_goes_while_the_flows_are_read_leaves_none() -> None:
    bridge = FakeBridge()
    switch = Switch(BR_INT, ALL_PORTS)
    request = switch.sync()
    assert switch.port_removed(5) == b""
    settle(switch, bridge, request)
    assert bridge.flows == expected({n: name for n, name in ALL_PORTS.items() if n != 5})
