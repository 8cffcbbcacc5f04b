"""Paused packets through the service: what is resumed, with which result, and why."""

from dataclasses import replace
from struct import pack

import pytest

from ovsdhcp.config.table import Bridge, Config, Flows, Reply
from ovsdhcp.dhcp import server
from ovsdhcp.openflow import continuation, messages
from ovsdhcp.openflow.pipeline import port_cookie
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.ovn import put_dhcp_opts
from ovsdhcp.service import Service
from tests.dhcp.test_ovn_vectors import CASES, binding_of_case
from tests.dhcp.wire import bootp, frame, mac, see
from tests.openflow.bridges import BR_INT, VM5
from tests.openflow.test_continuation import prop
from tests.settled import noted, settled

EXTERNAL = Bridge("br-int", (), flows=Flows.EXTERNAL)
RESUMING = replace(BR_INT, reply=Reply.RESUME)
NAMES = {2: "vm2", 5: "vm5"}
METADATA = bytes.fromhex("8000000400000005")
RESULT = bytes.fromhex("0001000400000008")
"""reg0 with bit 3 set: reg0[3]."""
CLIENT = mac("02:ac:10:ff:01:30")
SEED = bytes.fromhex(
    "00000002000000000001de1000000063ac10ff82330400000e100104ffffffc00304ac10ff813604ac10ff81"
)
DISCOVER = frame(bootp(1, chaddr=CLIENT), eth_src=CLIENT)
RELEASE = frame(bootp(7, ciaddr="172.16.255.130", chaddr=CLIENT), eth_src=CLIENT)


def handed_over(
    packet: bytes,
    userdata: bytes,
    cookie: int = 0,
    metadata: bytes = METADATA,
    table: int = 22,
    reason: int = messages.OFPR_ACTION,
) -> bytes:
    """The body of an NXT_PACKET_IN2 of a paused packet."""
    return (
        prop(0, packet)
        + prop(3, bytes([table]))
        + prop(4, bytes(4) + cookie.to_bytes(8, "big"))
        + prop(5, bytes([reason]))
        + prop(6, metadata)
        + prop(8, b"state")
        + prop(7, userdata)
    )


def resumed(service: Service, bridge: Bridge, body: bytes) -> tuple[bytes, bytes]:
    """The packet and the metadata of the NXT_RESUME."""
    sent = noted(service, service.paused(Switch(bridge, NAMES), body, 100.0))
    assert sent[:16] == pack("!BBHIII", 4, messages.EXPERIMENTER, len(sent), 0, 0x2320, 28)
    back = continuation.read(sent[16:])
    assert back.kept == continuation.read(body).kept
    return back.packet, back.metadata


@pytest.fixture
def service() -> Service:
    return Service(Config("table.yaml", (EXTERNAL,)))


def test_the_seeds_flow_is_answered_as_it_says(service: Service) -> None:
    packet, metadata = resumed(service, EXTERNAL, handed_over(DISCOVER, SEED))
    assert metadata == METADATA + RESULT
    seen = see(packet)
    assert (seen.address("yiaddr"), seen.ports) == ("172.16.255.130", (68, 67))
    assert [seen.value(code).hex() for code in (53, 1, 3, 51)] == [
        "02",
        "ffffffc0",
        "ac10ff81",
        "00000e10",
    ]


def test_a_broadcast_to_the_servers_mac_is_for_us_whatever_that_is(service: Service) -> None:
    """The userdata does not say the server's MAC; the flow has matched it, if it cared."""
    directed = mac("02:ac:10:ff:01:29") + DISCOVER[6:]
    assert resumed(service, EXTERNAL, handed_over(directed, SEED))[1] == METADATA + RESULT


@pytest.mark.parametrize(
    ("packet", "userdata", "reason"),
    [
        pytest.param(RELEASE, SEED, "release", id="refused"),
        pytest.param(b"no frame", SEED, "frame-short", id="broken"),
        pytest.param(DISCOVER, SEED[:-6], "userdata-no-server-id", id="no server"),
        pytest.param(DISCOVER, SEED + b"\x06\x08", "userdata-options", id="lying options"),
        pytest.param(DISCOVER, SEED[:13], "userdata-short", id="truncated"),
        pytest.param(
            DISCOVER, SEED[:15] + b"\xff" + SEED[16:], "userdata-result", id="no such bit"
        ),
        pytest.param(DISCOVER, b"\0\0\0\6rest", "userdata-opcode", id="a DNS look-up"),
    ],
)
def test_what_is_not_answered_goes_on_as_it_came(
    service: Service, packet: bytes, userdata: bytes, reason: str
) -> None:
    back, metadata = resumed(service, EXTERNAL, handed_over(packet, userdata))
    assert (back, metadata) == (packet, METADATA)
    assert [event.exchange.event for event in settled(service)] == ["resume"]
    assert dict(service.reasons) == {reason: 1}


def test_a_result_that_is_set_already_is_cleared(service: Service) -> None:
    body = handed_over(RELEASE, SEED, metadata=METADATA + RESULT)
    assert resumed(service, EXTERNAL, body)[1] == METADATA + RESULT[:4] + bytes(4)


def test_others_userdata_is_mentioned_once(service: Service) -> None:
    for _ in range(5):
        resumed(service, EXTERNAL, handed_over(DISCOVER, b"\0\0\0\6"))
    assert len(settled(service)) == 1
    assert dict(service.reasons) == {"userdata-opcode": 5}


def test_a_packet_that_does_not_wait_is_left_alone(service: Service) -> None:
    body = prop(0, DISCOVER) + prop(6, METADATA) + prop(7, SEED)
    assert service.paused(Switch(EXTERNAL, NAMES), body, 100.0).octets == b""


def test_a_body_that_lies_is_counted_and_not_resumed(service: Service) -> None:
    assert service.paused(Switch(EXTERNAL, NAMES), b"\0\0\xff\xff", 100.0).octets == b""
    assert dict(service.reasons) == {"packet-in-malformed": 1}


@pytest.mark.parametrize("table", [0, 22], ids=["as Open vSwitch says", "as it is"])
def test_our_own_flows_ask_for_the_tables_binding(service: Service, table: int) -> None:
    userdata = put_dhcp_opts.encode(put_dhcp_opts.of_binding(VM5.bindings[0]))
    body = handed_over(DISCOVER, userdata, port_cookie("vm5"), table=table)
    packet, metadata = resumed(service, RESUMING, body)
    direct = server.answer(DISCOVER, VM5.bindings[0], 100.0)
    assert isinstance(direct, server.Reply)
    assert (see(packet).options, metadata) == (see(direct.frame).options, METADATA + RESULT)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"cookie": port_cookie("vm2")}, id="a flow that the port no longer has"),
        pytest.param({"cookie": 0}, id="somebody else's flow"),
        pytest.param({"cookie": port_cookie("vm5"), "table": 23}, id="another table"),
        pytest.param({"cookie": port_cookie("vm5"), "reason": 0}, id="a table miss"),
    ],
)
def test_a_packet_of_no_flow_of_ours_is_not_believed(
    service: Service, said: dict[str, int]
) -> None:
    body = handed_over(DISCOVER, SEED, **said)  # type: ignore[arg-type]  # all of them numbers
    assert resumed(service, RESUMING, body) == (DISCOVER, METADATA)
    assert [event.exchange.event for event in settled(service)] == ["resume"]
    assert dict(service.reasons) == {"stale-flow": 1}


def test_what_our_own_flows_drop_when_refused_is_a_drop(service: Service) -> None:
    userdata = put_dhcp_opts.encode(put_dhcp_opts.of_binding(VM5.bindings[0]))
    body = handed_over(RELEASE, userdata, port_cookie("vm5"))
    assert resumed(service, RESUMING, body) == (RELEASE, METADATA)
    assert [event.exchange.event for event in settled(service)] == ["drop"]


@pytest.mark.parametrize("name", CASES)
def test_ovns_own_requests_are_answered_as_the_engine_answers_them(
    service: Service, name: str
) -> None:
    """With test_ovn_vectors: what differs from OVN, and the RFC that demands it."""
    case = CASES[name]
    question, binding = bytes.fromhex(case["request"]), binding_of_case(case)
    opts = put_dhcp_opts.of_binding(binding)
    packet, metadata = resumed(service, EXTERNAL, handed_over(question, put_dhcp_opts.encode(opts)))
    same = put_dhcp_opts.binding_of(opts, "lsp", None)
    direct = server.answer(question, same, 100.0)
    if isinstance(direct, server.Reply):
        assert metadata == METADATA + RESULT
        assert see(packet).options == see(direct.frame).options
        assert see(packet).fixed == see(direct.frame).fixed
    else:
        assert (packet, metadata) == (question, METADATA)
