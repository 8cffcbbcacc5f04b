"""The bytes: against Ryu's own encoder and parser, and against what lies about its length."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.ofproto import ofproto_v1_3 as ofproto
from ryu.ofproto import ofproto_v1_3_parser as parser
from ryu.ofproto.ofproto_protocol import ProtocolDesc

from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.flow import Flow
from tests.openflow.bridges import BR_INT, VM5

DATAPATH = ProtocolDesc(ofproto.OFP_VERSION)
FLOWS = list(pipeline.desired(BR_INT, {1: "vm1", 2: "vm2", 5: "vm5", 9: "x"}))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.text())
def test_ryu_reads_in_a_flow_mod_what_the_flow_says(flow: Flow) -> None:
    data = messages.add_flow(messages.key(flow), messages.entry(flow), xid=7)
    read = parser.OFPFlowMod.parser(DATAPATH, data[0], data[1], len(data), 7, bytearray(data))
    assert (read.table_id, read.priority, read.cookie) == (flow.table, flow.priority, flow.cookie)
    assert len(read.match.to_jsondict()["OFPMatch"]["oxm_fields"]) == len(flow.match)
    applied = [i.actions for i in read.instructions if isinstance(i, parser.OFPInstructionActions)]
    gotos = [i for i in read.instructions if isinstance(i, parser.OFPInstructionGotoTable)]
    assert sum(len(actions) for actions in applied) + len(gotos) == len(flow.actions)


def test_packet_out_is_what_ryu_would_send_as_coming_from_the_controller() -> None:
    theirs = parser.OFPPacketOut(
        DATAPATH,
        buffer_id=ofproto.OFP_NO_BUFFER,
        in_port=ofproto.OFPP_CONTROLLER,
        actions=[parser.OFPActionOutput(5, 0)],
        data=b"frame",
    )
    theirs.set_xid(0)
    theirs.serialize()
    assert messages.packet_out(5, b"frame") == bytes(theirs.buf)


def test_a_punt_hands_over_the_whole_frame() -> None:
    punt = list(pipeline.port_flows(BR_INT, VM5, 5))[-1]
    data = messages.add_flow(messages.key(punt), messages.entry(punt), xid=7)
    read = parser.OFPFlowMod.parser(DATAPATH, data[0], data[1], len(data), 7, bytearray(data))
    (output,) = read.instructions[0].actions
    assert (output.port, output.max_len) == (ofproto.OFPP_CONTROLLER, ofproto.OFPCML_NO_BUFFER)


@given(st.binary(max_size=300))
def test_statistics_that_lie_are_a_value_error(tail: bytes) -> None:
    try:
        list(messages.read_flow_stats(bytes(16) + tail))
    except ValueError:
        return


@pytest.mark.parametrize("cut", [1, 30, 49, 60])
def test_statistics_that_are_cut_short_are_a_value_error(cut: int) -> None:
    with pytest.raises(ValueError, match="statistics"):
        list(messages.read_flow_stats(bytes(16) + bytes([0, 96]) + bytes(cut)))


@pytest.mark.parametrize(("reason", "ours"), [(0, False), (1, True), (2, False)])
def test_a_packet_in_is_one_that_an_action_made(reason: int, ours: bool) -> None:
    head = struct.pack("!IHBBQ", messages.NO_BUFFER, 5, reason, 22, 7)
    match = bytes.fromhex("0001000c8000000400000005") + bytes(4)
    read = messages.read_packet_in(messages.message(10, 0, head + match + bytes(2) + b"frame"))
    assert (read == (7, 22, 5, b"frame")) is ours


@given(st.binary(min_size=8, max_size=200))
def test_any_octets_are_a_packet_in_or_none(octets: bytes) -> None:
    packet_in = messages.message(10, 0, octets[8:])
    for message in (packet_in, packet_in[:14] + b"\1" + packet_in[15:]):
        read = messages.read_packet_in(message)
        assert read is None or message.endswith(read.frame)
