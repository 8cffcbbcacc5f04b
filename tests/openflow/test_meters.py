"""Meters: the bytes, against Ryu's own; and that a bridge has those that it should, or none."""

from dataclasses import replace
from itertools import count
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.ofproto import ofproto_v1_3 as ofproto
from ryu.ofproto import ofproto_v1_3_parser as parser
from ryu.ofproto.ofproto_protocol import ProtocolDesc

from ovsdhcp.config.table import Bridge, RateLimit
from ovsdhcp.openflow import classify, messages, meter_messages, meters, pipeline
from ovsdhcp.openflow.meter_table import MeterTable
from ovsdhcp.openflow.meters import CEILING, Meter
from ovsdhcp.openflow.rate_limits import DROPPED_FOR
from ovsdhcp.openflow.switch import Switch
from tests.openflow.bridges import BR_INT, VM1, VM2, VM5
from tests.openflow.fake_bridge import FakeBridge, meter_of
from tests.openflow.test_switch import ALL_PORTS, FOREIGN, connected, expected, settle

DATAPATH = ProtocolDesc(ofproto.OFP_VERSION)
TEN = RateLimit(10, 20)
LIMITED = Bridge(
    "br-int",
    (replace(VM1, rate_limit=TEN), VM2, replace(VM5, rate_limit=RateLimit(5, 9))),
    rate_ceiling=RateLimit(100, 200),
)
MINE = {CEILING: (100, 200), CEILING + 1: (10, 20), CEILING + 5: (5, 9)}
THEIRS = {7: b"\0\x01", 0x6467_0001: b"\0\x01", 0x6469_0000: b"\0\x01"}
"""Others' meters, the latter two as near to ours as can be."""


def octets(rate: int, burst: int) -> bytes:
    """A meter as the fake bridge keeps it."""
    return bytes([0, 14]) + meter_messages.meter_mod(0, Meter(1, rate, burst), 0)[16:]


def of_ours(bridge: FakeBridge) -> dict[int, bytes]:
    return {n: meter for n, meter in (bridge.meters or {}).items() if meters.is_ours(n)}


def wanted() -> dict[int, bytes]:
    return {number: octets(*limit) for number, limit in MINE.items()}


# -- the bytes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "theirs"),
    [(meter_messages.ADD, ofproto.OFPMC_ADD), (meter_messages.MODIFY, ofproto.OFPMC_MODIFY)],
)
def test_a_meter_mod_is_what_ryu_would_send(command: int, theirs: int) -> None:
    flags = ofproto.OFPMF_PKTPS | ofproto.OFPMF_BURST | ofproto.OFPMF_STATS
    bands = [parser.OFPMeterBandDrop(10, 20)]
    message = parser.OFPMeterMod(DATAPATH, theirs, flags, CEILING + 5, bands)
    message.set_xid(7)
    message.serialize()
    assert meter_messages.meter_mod(command, Meter(CEILING + 5, 10, 20), 7) == bytes(message.buf)


def test_a_request_is_what_ryu_would_send() -> None:
    message = parser.OFPMeterConfigStatsRequest(DATAPATH, 0, ofproto.OFPM_ALL)
    message.set_xid(7)
    message.serialize()
    assert meter_messages.meter_config_request(7) == bytes(message.buf)


def test_a_meter_as_text() -> None:
    text = Meter(CEILING + 5, 10, 20).text()
    assert text == "meter=1684537349,pktps,burst,stats,bands=type=drop rate=10 burst_size=20"


@given(st.binary(max_size=100))
def test_a_description_that_lies_is_a_value_error(tail: bytes) -> None:
    try:
        list(meter_messages.read_meter_config(bytes(16) + tail))
    except ValueError:
        return


@pytest.mark.parametrize("tail", [b"\0", b"\0\x08\0\0\0\0\0", b"\0\x07\0\0\0\0\0\1", bytes(8)])
def test_a_description_that_is_cut_short_is_a_value_error(tail: bytes) -> None:
    with pytest.raises(ValueError, match="meter"):
        list(meter_messages.read_meter_config(bytes(16) + tail))


def test_many_are_read_in_slices_and_none_of_them_once_they_are_asked_for_again() -> None:
    table = MeterTable(count(1))
    mods = [meter_messages.meter_mod(0, Meter(CEILING + n, 10, 20), 0) for n in range(1, 1001)]
    reply = bytes(16) + b"".join(pack("!H", 24) + mod[10:] for mod in mods)
    table.ask()
    assert table.told(1, reply)
    slices = table.read()
    for _ in range(3):
        next(slices)
    assert 0 < len(table.there) < 500
    table.ask()
    assert sum(1 for _ in slices) > 2
    assert not table.there
    assert table.told(2, reply)
    for _ in table.read():
        pass
    assert len(table.there) == 1000


# -- what a bridge ends with -----------------------------------------------------------------


def test_flows_that_lead_to_the_controller_are_metered_and_no_other() -> None:
    flows = expected(ALL_PORTS, LIMITED)
    ports = {number for number in map(meter_of, flows.values()) if number}
    assert ports == MINE.keys()
    ceiled = [key for key, entry in flows.items() if meter_of(entry) == CEILING]
    assert {key.table for key in ceiled} == {22}
    assert len(ceiled) == 3


def test_an_empty_bridge_gets_every_meter_before_its_flows() -> None:
    bridge = FakeBridge()
    connected(bridge, LIMITED)
    assert bridge.flows == expected(ALL_PORTS, LIMITED)
    assert bridge.meters == wanted()


def test_a_bridge_that_is_right_is_told_nothing() -> None:
    bridge = FakeBridge(expected(ALL_PORTS, LIMITED), wanted())
    connected(bridge, LIMITED)
    assert (bridge.flow_mods, bridge.meter_mods) == (0, 0)


STALE = [
    pytest.param({CEILING: octets(1, 2)}, id="another rate"),
    pytest.param({CEILING + 9: octets(10, 20)}, id="of a port that has gone"),
    pytest.param({CEILING + 1: b"\0\x01"}, id="in another unit, without a band"),
    pytest.param({number: octets(1, 1) for number in MINE}, id="all of them"),
]


@pytest.mark.parametrize("there", STALE)
def test_meters_of_ours_are_mended_and_others_stay(there: dict[int, bytes]) -> None:
    bridge = FakeBridge(dict(FOREIGN), THEIRS | there)
    connected(bridge, LIMITED)
    assert bridge.meters == wanted() | THEIRS
    assert bridge.flows == expected(ALL_PORTS, LIMITED) | FOREIGN


def test_without_limits_the_meters_go_and_the_flows_stay() -> None:
    bridge = FakeBridge(expected(ALL_PORTS, LIMITED), wanted() | THEIRS)
    connected(bridge, BR_INT)
    assert bridge.meters == THEIRS
    assert bridge.flows == expected(ALL_PORTS, BR_INT)


def test_a_meter_goes_with_its_port_and_comes_back() -> None:
    bridge = FakeBridge()
    switch = connected(bridge, LIMITED)
    switch.port_removed(5)
    settle(switch, bridge)
    assert of_ours(bridge).keys() == MINE.keys() - {CEILING + 5}
    switch.port_added(6, "vm5")
    settle(switch, bridge)
    assert of_ours(bridge)[CEILING + 6] == octets(5, 9)
    assert bridge.flows == expected({**ALL_PORTS, 5: "vm4", 6: "vm5"}, LIMITED)
    assert switch.in_sync


def test_a_deleted_meter_comes_back_with_its_flows() -> None:
    bridge = FakeBridge()
    switch = connected(bridge, LIMITED)
    assert bridge.meters is not None
    gone = next(key for key, entry in bridge.flows.items() if meter_of(entry) == CEILING + 1)
    removed = bridge.flow_removed(gone)
    bridge.flows = {k: it for k, it in bridge.flows.items() if meter_of(it) != CEILING + 1}
    del bridge.meters[CEILING + 1]
    settle(switch, bridge, switch.flow_removed(removed))
    assert bridge.meters == wanted()
    assert bridge.flows == expected(ALL_PORTS, LIMITED)


# -- where there are none --------------------------------------------------------------------


def unlimited() -> Bridge:
    ports = tuple(replace(port, rate_limit=None) for port in LIMITED.ports)
    return replace(LIMITED, ports=ports, rate_ceiling=None)


def without_meters() -> tuple[Switch, FakeBridge]:
    bridge = FakeBridge(meters=None)
    switch = connected(bridge, LIMITED)
    return switch, bridge


def test_a_bridge_that_refuses_meters_gets_its_flows_without() -> None:
    switch, bridge = without_meters()
    assert bridge.flows == expected(ALL_PORTS, unlimited())
    mods = bridge.meter_mods
    switch.port_added(8, "vm5")
    settle(switch, bridge)
    settle(switch, bridge, switch.sync())
    assert bridge.meter_mods == mods, "it is not asked again"


def test_an_error_about_something_else_leaves_the_meters() -> None:
    bridge = FakeBridge()
    switch = connected(bridge, LIMITED)
    assert not switch.refused_meters(0x1234)
    assert switch.rate_limits is None


def test_with_meters_every_packet_in_is_heard() -> None:
    switch = connected(FakeBridge(), LIMITED)
    assert {switch.over_limit(1, 5.0) for _ in range(1000)} == {None}


def test_without_meters_a_port_over_its_limit_is_dropped_for_a_while() -> None:
    switch, bridge = without_meters()
    heard = [switch.over_limit(5, 50.0) for _ in range(30)]
    assert heard[:9] == [None] * 9
    assert heard[10:] == [b""] * 20
    before = bridge.flows
    bridge.receive(heard[9] or b"")
    drop = classify.dropping(LIMITED, pipeline.port_cookie("vm5"), 5)
    assert bridge.flows == before | {messages.key(drop): messages.entry(drop)}
    assert heard[9] is not None
    assert int.from_bytes(heard[9][28:30], "big") == DROPPED_FOR, "the hard_timeout"
    assert switch.over_limit(1, 50.0) is None, "the others are heard"
    assert switch.over_limit(5, 50.0 + DROPPED_FOR) is None, "and it is itself, afterwards"


def test_without_meters_all_ports_together_have_the_ceiling() -> None:
    switch, _ = without_meters()
    assert switch.rate_limits is not None
    heard = [switch.over_limit(2, 50.0) for _ in range(300)]
    assert heard == [None] * 200 + [b""] * 100
    assert switch.over_limit(2, 50.5) is None


@given(st.lists(st.floats(0, 0.5), max_size=300))
def test_no_port_is_heard_more_often_than_its_rate_and_burst(pauses: list[float]) -> None:
    switch = Switch(LIMITED, ALL_PORTS)
    assert not switch.refused_meters(0)
    switch.sync()
    assert switch.refused_meters(_xid_of_the_meters_request(switch))
    now = heard = 0.0
    for pause in pauses:
        now += pause
        heard += switch.over_limit(1, now) is None
    assert heard <= TEN.burst + TEN.rate * now + 1


def _xid_of_the_meters_request(switch: Switch) -> int:
    return int.from_bytes(switch.sync()[4:8], "big")
