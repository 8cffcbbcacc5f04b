"""The service: which packet-ins it believes, what it remembers, what it says of them."""

import logging
from contextlib import closing
from dataclasses import replace

import pytest

from ovsdhcp.config.table import Bridge, Config, Flows, RateLimit
from ovsdhcp.lease import State
from ovsdhcp.log import logfmt
from ovsdhcp.openflow.messages import PacketIn
from ovsdhcp.openflow.pipeline import port_cookie
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.service import Service
from tests.dhcp.wire import bootp, frame, mac
from tests.openflow.bridges import BR_INT, VM5
from tests.settled import noted, settled

CLIENT = mac("02:ac:10:ff:01:30")
SERVER, ADDRESS = bytes((172, 16, 255, 129)), bytes((172, 16, 255, 130))
COOKIE = port_cookie("vm5")
KEY = ("br-int", "vm5", VM5.bindings[0].address_octets)
DISCOVER = frame(bootp(1, chaddr=CLIENT), eth_src=CLIENT)
REQUEST = frame(bootp(3, {50: ADDRESS, 54: SERVER}, chaddr=CLIENT), eth_src=CLIENT)
DECLINE = frame(bootp(4, {50: ADDRESS, 54: SERVER}, chaddr=CLIENT), eth_src=CLIENT)
NOW = [0.0]
"""What the service's clock says, which is when the last question came."""

PROBATION = VM5.bindings[0].subnet.probation


@pytest.fixture
def service() -> Service:
    return Service(
        Config("table.yaml", (BR_INT, Bridge("named-otherwise", (), dpid=0xB2))), lambda: NOW[0]
    )


@pytest.fixture
def switch() -> Switch:
    return Switch(BR_INT, {1: "vm1", 2: "vm2", 5: "vm5"})


def ask(service: Service, switch: Switch, question: bytes, now: float = 100.0) -> bytes:
    NOW[0] = now + 50e-6
    return noted(service, service.packet_in(switch, PacketIn(COOKIE, 22, 5, question), now), now)


@pytest.mark.parametrize(
    ("dpid", "local", "name"),
    [(1, "br-int", "br-int"), (0xB2, "br-two", "named-otherwise"), (1, "br-two", None)],
)
def test_a_bridge_is_ours_by_name_or_by_dpid(
    service: Service, dpid: int, local: str, name: str | None
) -> None:
    switch = service.connected(dpid, {}, local)
    assert (switch and switch.bridge.name) == name


@pytest.mark.parametrize(
    ("flows", "whom"),
    [
        (Flows.MANAGED, "1 of its ports served"),
        (Flows.EXTERNAL, "others' flows say whom it serves"),
    ],
)
def test_a_bridge_that_connects_is_mentioned_with_whom_it_serves(
    flows: Flows, whom: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ports = BR_INT.ports if flows is Flows.MANAGED else ()
    service = Service(Config("table.yaml", (replace(BR_INT, flows=flows, ports=ports),)))
    service.connected(1, {5: "vm5"}, "br-int")
    assert caplog.messages[0] == f"bridge br-int: connected, {whom}"


def test_a_stranger_is_mentioned_once(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        service.connected(9, {}, "br-other")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_an_entry_that_is_passed_over_is_warned_of(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.connected(1, {1: "vm1", 2: "vm2", 9: "vm5"}, "br-int")
    assert [it.getMessage() for it in caplog.records if it.levelno == logging.WARNING] == [
        "bridge br-int: two entries of the table are port 9: uplink by its number, which is "
        "served, and vm5 by its name, which is not"
    ]


def test_a_question_is_answered_and_remembered(service: Service, switch: Switch) -> None:
    assert ask(service, switch, DISCOVER)
    assert ask(service, switch, REQUEST, 101)
    events = settled(service)
    lease = service.leases.get(KEY)
    assert lease is not None
    assert (lease.state, lease.since, lease.until) == (State.BOUND, 101, 101 + 3600)
    assert [logfmt.line(event.fields()) for event in events] == [
        "event=offer bridge=br-int port=vm5 mac=02:ac:10:ff:01:30 ip=172.16.255.130 "
        "message=DISCOVER xid=0x0badf00d state=INIT reason=offer us=50",
        "event=ack bridge=br-int port=vm5 mac=02:ac:10:ff:01:30 ip=172.16.255.130 "
        "message=REQUEST xid=0x0badf00d state=SELECTING reason=ack-selecting us=50",
    ]


def test_options_that_did_not_fit_are_said(service: Service) -> None:
    """The client takes 576 octets: the datagram's header, BOOTP's, and 312 of options."""
    large = {224: b"y" * 255, 225: b"z" * 255, 226: b"w" * 255}
    port = replace(VM5, bindings=(replace(VM5.bindings[0], options=large),))
    crowded = Switch(replace(BR_INT, ports=(port,)), {5: "vm5"})
    assert ask(service, crowded, DISCOVER)
    assert settled(service)[0].fields()["left_out"] == "225,226"


@pytest.mark.parametrize(
    ("cookie", "table", "in_port"),
    [
        pytest.param(COOKIE, 22, 1, id="the number is another port's by now"),
        pytest.param(port_cookie("vm1"), 22, 5, id="an old flow still punts"),
        pytest.param(COOKIE, 0, 5, id="another table"),
        pytest.param(COOKIE, 22, 7, id="a port that is not there"),
        pytest.param(0, 22, 5, id="somebody else's flow"),
    ],
)
def test_a_packet_in_of_no_flow_of_ours_is_not_believed(
    service: Service, switch: Switch, cookie: int, table: int, in_port: int
) -> None:
    assert (
        noted(service, service.packet_in(switch, PacketIn(cookie, table, in_port, DISCOVER), 100.0))
        == b""
    )
    settled(service)
    assert dict(service.reasons) == {"stale-flow": 1}


def test_a_mac_that_is_none_of_the_hosts_gets_nothing(service: Service, switch: Switch) -> None:
    assert (
        noted(
            service,
            service.packet_in(switch, PacketIn(port_cookie("vm2"), 22, 2, DISCOVER), 100.0),
        )
        == b""
    )
    settled(service)
    assert dict(service.reasons) == {"no-binding": 1}


def test_a_declined_address_is_withheld_until_the_probation_ends(
    service: Service, switch: Switch
) -> None:
    assert ask(service, switch, DECLINE, 100) == b""
    assert ask(service, switch, DISCOVER, 100 + PROBATION - 1) == b""
    assert ask(service, switch, DISCOVER, 100 + PROBATION)
    said = [(event.level, event.exchange.reason.code) for event in settled(service)]
    assert said[0] == (logging.WARNING, "decline")
    assert [code for _, code in said[1:]] == ["probation", "offer"]


def test_a_port_that_asks_too_much_is_counted_and_dropped_where_there_are_no_meters(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    limited = replace(VM5, rate_limit=RateLimit(1, 2))
    switch = Switch(replace(BR_INT, ports=(limited,)), {5: "vm5"})
    meters_request = int.from_bytes(switch.sync()[4:8], "big")
    assert service.refused_meters(switch, meters_request)
    assert "takes no meters" in caplog.text
    heard = [service.over_limit(switch, 5, 100.0) for _ in range(5)]
    assert (heard[:2], heard[3:]) == ([None, None], [b"", b""])
    assert heard[2], "the bridge is told to drop it"
    assert dict(service.reasons) == {"rate-limited": 3}


def test_what_left_the_table_is_history_and_comes_back(service: Service, switch: Switch) -> None:
    ask(service, switch, REQUEST)
    settled(service)
    for config, left in ((replace(service.config, bridges=()), 150.0), (service.config, None)):
        NOW[0] = 150.0
        service.replace(config)
        if left is None:
            ask(service, switch, REQUEST, 200)
        settled(service)
        lease = service.leases.get(KEY)
        assert lease is not None
        assert (lease.state, lease.left) == (State.BOUND if left else lease.state, left)


def test_what_is_told_late_brings_nothing_back_that_left_the_table(
    service: Service, switch: Switch
) -> None:
    ask(service, switch, REQUEST)
    settled(service)
    ask(service, switch, REQUEST, 140)
    NOW[0] = 150.0
    service.replace(replace(service.config, bridges=()))
    for _ in service.settle():
        pass
    settled(service)
    lease = service.leases.get(KEY)
    assert lease is not None
    assert (lease.at, lease.acks, lease.left) == (140, 2, 150)


def test_who_stops_listening_does_not_keep_what_left_from_history(
    service: Service, switch: Switch
) -> None:
    """As `leases` does that is ended while it waits for the settling."""
    ask(service, switch, REQUEST)
    settled(service)
    service.replace(replace(service.config, bridges=()))
    with closing(service.settle()) as listening:
        next(listening)
    settled(service)
    lease = service.leases.get(KEY)
    assert lease is not None
    assert lease.left is not None
