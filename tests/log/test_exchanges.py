"""A line for each transaction; refusals that repeat are one line in ten seconds."""

import logging
from dataclasses import dataclass, field

import pytest

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.events import Event, Exchange
from ovsdhcp.log.exchanges import MOST_APART, SLICE, Exchanges
from ovsdhcp.log.form import LINES, Form
from tests.dhcp.wire import BINDING

WALL = 1_795_464_000.0
MAC = bytes.fromhex("02ac10ff0130")


def event(
    kind: str, reason: Reason, at: float, *, mac: bytes = MAC, port: str = "vm5", times: int = 1
) -> Event:
    exchange = Exchange("br-int", port, mac, None, "REQUEST", kind, "", reason)
    return Event(exchange, 7, at, 50, times)


@dataclass
class Told:
    """The log at a time of one's own; its lines less their head."""

    caplog: pytest.LogCaptureFixture
    now: float = 100.0
    pauses: int = 0
    exchanges: Exchanges = field(init=False)

    def __post_init__(self) -> None:
        self.exchanges = Exchanges(self._pause, lambda: self.now, lambda: WALL + self.now)

    def _pause(self) -> None:
        self.pauses += 1

    def tell(self, *events: Event, after: float = 0.0) -> list[str]:
        self.now += after
        self.caplog.clear()
        self.exchanges.tell(list(events))
        return self.lines()

    def lines(self) -> list[str]:
        form = Form(LINES["logfmt"])
        return [form.format(record) for record in self.caplog.records]

    def ends(self, *events: Event, after: float = 0.0) -> list[str]:
        """Of each line what varies here."""
        lines = self.tell(*events, after=after)
        return [line.partition("port=")[2].replace("message=REQUEST xid=", "") for line in lines]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO)
    return Told(caplog)


def nak(at: float, mac: bytes = MAC, port: str = "vm5") -> Event:
    return event("nak", reasons.NAK_WRONG_ADDRESS, at, mac=mac, port=port)


def test_a_line_has_the_time_and_the_gravity_of_what_happened(told: Told) -> None:
    declined = event("drop", reasons.DECLINE, 99.5)
    assert told.tell(declined) == [
        "ts=2026-11-23T20:01:39.500Z level=warning event=drop bridge=br-int port=vm5 "
        "mac=02:ac:10:ff:01:30 message=REQUEST xid=0x00000007 reason=decline us=50"
    ]


def test_what_is_answered_is_told_each_time(told: Told) -> None:
    ack = event("ack", reasons.ACK_RENEWING, 100)
    assert len(told.tell(ack, ack, ack)) == 3


FIRST = "vm5 mac=02:ac:10:ff:01:30 0x00000007 reason=nak-wrong-address us=50"


def test_repeated_refusals_are_summed_up_every_ten_seconds(told: Told) -> None:
    assert told.ends(nak(100), nak(100)) == [FIRST]
    assert told.ends(nak(109), after=9.9) == []
    assert told.ends(after=0.1) == [f"{FIRST} times=2"]
    assert told.ends(nak(111), nak(112), after=2) == []
    assert told.ends(after=8) == [f"{FIRST} times=2"]
    assert told.ends(after=10) == []
    assert told.ends(nak(133), after=2) == [FIRST]


@pytest.mark.parametrize("kind", ["drop", "nak", "resume"])
def test_whatever_is_no_answer_is_a_refusal(told: Told, kind: str) -> None:
    refused = event(kind, reasons.OTHER_CLIENT, 100)
    assert len(told.tell(refused, refused)) == 1


def test_the_last_of_them_says_when(told: Told) -> None:
    told.tell(nak(100), nak(103))
    assert told.tell(after=10)[0].startswith("ts=2026-11-23T20:01:43.000Z ")


def test_those_of_one_telling_count_as_often_as_they_happened(told: Told) -> None:
    many = nak(100)._replace(times=40)
    assert told.ends(many, many) == [f"{FIRST} times=40"]
    assert told.ends(after=10) == [f"{FIRST} times=40"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(nak(100, port="vm1"), id="port"),
        pytest.param(nak(100, mac=b"\2" * 6), id="MAC"),
        pytest.param(event("nak", reasons.NAK_OFF_NETWORK, 100), id="reason"),
        pytest.param(
            Event(
                Exchange("br-ex", "vm5", MAC, BINDING, "", "drop", "", reasons.RELEASE), 1, 100, 1
            ),
            id="bridge",
        ),
    ],
)
def test_another_one_is_another_one(told: Told, other: Event) -> None:
    assert len(told.tell(nak(100), other)) == 2


def test_ever_new_macs_are_summed_up_without_them(told: Told) -> None:
    flood = [nak(100, mac=number.to_bytes(6, "big")) for number in range(MOST_APART + 500)]
    assert len(told.tell(*flood)) == MOST_APART + 1
    assert told.ends(after=10) == ["vm5 0x00000007 reason=nak-wrong-address us=50 times=499"]


def test_others_have_their_turn_between_the_lines(told: Told) -> None:
    ack = event("ack", reasons.ACK_RENEWING, 100)
    told.tell(*[ack] * (10 * SLICE))
    assert told.pauses == 10


def test_at_the_end_nothing_is_kept_back(told: Told) -> None:
    told.tell(nak(100), nak(100), nak(100))
    told.caplog.clear()
    told.exchanges.tell_rest()
    assert [line.endswith("times=2") for line in told.lines()] == [True]
