"""The switch: whatever happens to a bridge, it ends with the flows that it should have."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.config.table import Bridge, Flows, OtherTraffic, RateLimit, Reply, Tables
from ovsdhcp.openflow import asynchronous, bundle, messages, pipeline, telling
from ovsdhcp.openflow.attached import Attached
from ovsdhcp.openflow.messages import Entry, Key
from ovsdhcp.openflow.switch import SelectedTwice, Switch
from tests.dhcp.wire import bootp, frame, mac
from tests.openflow.bridges import BR_INT, VM1, VM2, VM5
from tests.openflow.fake_bridge import FakeBridge

ALL_PORTS = {1: "vm1", 2: "vm2", 4: "vm4", 5: "vm5", 9: "eth0", 0xFFFF_FFFE: "br-int"}
FOREIGN = {
    Key(0, 500, b""): Entry(0, b""),
    Key(22, 7, b""): Entry(0x1234, b""),
}


def settle(switch: Switch, bridge: FakeBridge, data: bytes = b"") -> None:
    """Send, and carry the bridge's answers back, until neither says anything more."""
    bridge.receive(data)
    tell(switch, bridge)
    while bridge.answers:
        kind, xid = bridge.answers.pop(0)
        if kind == "flows":
            switch.flow_stats(xid, bridge.flow_stats(), more=False)
        elif kind == "meters":
            switch.meter_config(xid, bridge.meter_config())
        elif kind == "barrier":
            switch.barrier_reply(xid)
        elif switch.refused_meters(xid):
            bridge.receive(switch.sync())
        else:
            switch.refused(xid)
        tell(switch, bridge)


def tell(switch: Switch, bridge: FakeBridge) -> None:
    """Carry over what the bridge has to be told by now."""
    bridge.receive(b"".join(switch.changes()))


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
    switch.port_removed(5)
    settle(switch, bridge)
    assert bridge.flow_mods == len(list(pipeline.port_flows(BR_INT, VM5, 5)))
    assert bridge.flows == expected({n: name for n, name in ALL_PORTS.items() if n != 5})


def test_a_port_that_is_announced_again_changes_nothing() -> None:
    bridge = FakeBridge()
    switch = connected(bridge)
    bridge.flow_mods = 0
    switch.port_added(5, "vm5")
    settle(switch, bridge)
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


@pytest.mark.parametrize(
    ("names", "twice", "missing"),
    [
        ({9: "vm5", 1: "vm1", 2: "vm2"}, [SelectedTwice(9, "uplink", "vm5")], []),
        ({9: "eth9", 5: "vm5"}, [], ["vm1", "vm2"]),
        ({9: "uplink"}, [], ["vm1", "vm2", "vm5"]),
        ({5: "vm5"}, [], ["vm1", "vm2", "uplink"]),
    ],
)
def test_of_two_entries_for_one_port_the_one_by_number_has_it(
    names: dict[int, str], twice: list[SelectedTwice], missing: list[str]
) -> None:
    switch = Switch(BR_INT, names)
    assert (switch.selected_twice(), switch.missing) == (twice, missing)
    assert {it.ofport: switch.attached[it.ofport].port.name for it in twice} == {
        it.ofport: it.by_number for it in twice
    }
    assert [it for ofport in range(12) for it in switch.selected_twice(ofport)] == twice


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
            switch.port_added(number, name)
            settle(switch, bridge)
        elif kind == "remove":
            names.pop(number, None)
            switch.port_removed(number)
            settle(switch, bridge)
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
    switch.port_removed(5)
    settle(switch, bridge, request)
    assert bridge.flows == expected({n: name for n, name in ALL_PORTS.items() if n != 5})


# -- a new table -----------------------------------------------------------------------------

MOVED = replace(BR_INT, ports=(VM2, replace(VM5, ofport=4), VM1))
FEWER = replace(BR_INT, ports=(VM1,), other_traffic=OtherTraffic.DROP)
LIMITED = replace(
    BR_INT, ports=tuple(replace(port, rate_limit=RateLimit(5, 9)) for port in BR_INT.ports)
)
RESUMING = replace(BR_INT, reply=Reply.RESUME, tables=Tables(0, 30, 31))
GUARDED = replace(BR_INT, ports=(VM1, replace(VM5, guard=True, arp_responder=True)))
GONE = Bridge("br-int", (), flows=Flows.EXTERNAL)
TABLES = [BR_INT, MOVED, FEWER, LIMITED, RESUMING, GUARDED, GONE]


def reconfigured(switch: Switch, table: Bridge) -> bytes:
    waited = switch.waits
    sync = switch.reconfigure(table, switch.reconfigured(table))
    return switch.format(waited=waited) + sync


@pytest.mark.parametrize("before", TABLES)
@pytest.mark.parametrize("after", TABLES)
def test_a_new_table_has_its_flows_and_meters_and_no_others(before: Bridge, after: Bridge) -> None:
    bridge = FakeBridge(dict(FOREIGN))
    switch = connected(bridge, before)
    settle(switch, bridge, reconfigured(switch, after))
    assert bridge.flows == expected(ALL_PORTS, after) | FOREIGN
    assert bridge.meters is not None
    wanted = pipeline.desired_meters(after, ALL_PORTS)
    assert bridge.meters.keys() == {meter.number for meter in wanted}
    assert switch.in_sync


def test_of_a_new_table_only_changed_ports_are_touched() -> None:
    bridge = FakeBridge()
    switch = connected(bridge)
    kept = switch.attached[1]
    bridge.flow_mods = 0
    other = replace(VM5, bindings=(replace(VM5.bindings[0], mac=mac("02:00:00:00:00:77")),))
    settle(switch, bridge, reconfigured(switch, replace(BR_INT, ports=(VM1, VM2, other))))
    assert switch.attached[1] is kept
    gone = len(list(pipeline.port_flows(BR_INT, BR_INT.ports[3], 9)))
    assert bridge.flow_mods == 2 + gone, "the punt of another MAC, and of the one before"


def test_what_is_told_and_not_in_the_flows_needs_no_word_to_the_bridge() -> None:
    switch = connected(FakeBridge())
    longer = replace(VM5, bindings=(replace(VM5.bindings[0], lease_time=7200),))
    assert reconfigured(switch, replace(BR_INT, ports=(VM1, VM2, longer, BR_INT.ports[3]))) == b""
    assert b"".join(switch.changes()) == b""
    assert switch.in_sync


def test_another_way_back_has_packet_ins_in_another_form() -> None:
    bridge = FakeBridge()
    switch = connected(bridge)
    settle(switch, bridge, reconfigured(switch, RESUMING))
    assert bridge.packet_in_format == asynchronous.NXPIF_NXT_PACKET_IN2
    settle(switch, bridge, reconfigured(switch, BR_INT))
    assert bridge.packet_in_format == asynchronous.NXPIF_STANDARD


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 9), st.sampled_from(["vm1", "vm2", "vm4", "vm5"])),
        st.tuples(st.just("remove"), st.integers(1, 9), st.just("")),
        st.tuples(st.just("sync"), st.just(0), st.just("")),
        st.tuples(st.just("deleted"), st.integers(0, 30), st.just("")),
        st.tuples(st.just("table"), st.integers(0, len(TABLES) - 1), st.just("")),
        st.tuples(st.just("piece"), st.just(0), st.just("")),
        st.tuples(st.just("answer"), st.just(0), st.just("")),
    ),
    max_size=60,
)


class Talk:
    """A switch and its bridge, and what is on its way between them."""

    def __init__(self) -> None:
        self.bridge = FakeBridge(dict(FOREIGN))
        self.names = {1: "vm1", 5: "vm5"}
        self.table = BR_INT
        self.switch = Switch(BR_INT, self.names)
        self.removed: list[tuple[int, bytes]] = []
        self.pieces: Iterator[bytes] | None = None
        self.bridge.receive(self.switch.sync())

    def add(self, number: int, name: str) -> None:
        self.names[number] = name
        self.switch.port_added(number, name)

    def remove(self, number: int, _: str) -> None:
        self.names.pop(number, None)
        self.switch.port_removed(number)

    def sync(self, _: int, __: str) -> None:
        self.bridge.receive(self.switch.sync())

    def deleted(self, number: int, _: str) -> None:
        ours = [key for key in self.bridge.flows if key not in FOREIGN]
        if ours:
            gone = self.bridge.flow_removed(ours[number % len(ours)])
            self.removed.append((len(self.bridge.answers), gone))

    def table_(self, number: int, _: str) -> None:
        self.table = TABLES[number]
        self.bridge.receive(reconfigured(self.switch, self.table))

    def piece(self, _: int = 0, __: str = "") -> bool:
        """The next piece of what is told; whether there was one."""
        if self.pieces is None:
            self.pieces = self.switch.changes()
        piece = next(self.pieces, None)
        if piece is None:
            self.pieces = None
        else:
            self.bridge.receive(piece)
        return piece is not None

    def answer(self, _: int = 0, __: str = "") -> bool:
        """The next thing that the bridge has to say, in its order; whether there was one."""
        if self.removed and self.removed[0][0] == 0:
            self.bridge.receive(self.switch.flow_removed(self.removed.pop(0)[1]))
            return True
        if not self.bridge.answers:
            return False
        self.removed = [(before - 1, gone) for before, gone in self.removed]
        kind, xid = self.bridge.answers.pop(0)
        if kind == "flows":
            self.switch.flow_stats(xid, self.bridge.said.pop(xid), more=False)
        elif kind == "meters":
            self.switch.meter_config(xid, self.bridge.said.pop(xid))
        elif kind == "barrier":
            self.switch.barrier_reply(xid)
        else:
            raise AssertionError("refused")
        return True

    def settle(self) -> None:
        while self.piece() or self.answer():
            pass


@given(STEPS)
def test_any_course_of_events_amid_what_is_told_ends_with_the_right_flows(
    steps: list[tuple[str, int, str]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "FLOWS_AT_ONCE", 3)
        patch.setattr(telling, "PORTS_AT_ONCE", 1)
        talk = Talk()
        for kind, number, name in steps:
            getattr(talk, "table_" if kind == "table" else kind)(number, name)
        talk.settle()
    assert talk.bridge.flows == expected(talk.names, talk.table) | FOREIGN
    assert talk.switch.in_sync
    wanted = pipeline.desired_meters(talk.table, talk.names)
    assert (talk.bridge.meters or {}).keys() == {meter.number for meter in wanted}
