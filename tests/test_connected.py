"""A connected bridge: what it says of its ports as they come, and as the table changes."""

import logging
from dataclasses import replace
from struct import pack

import pytest

from ovsdhcp.config.table import Bridge, Config
from ovsdhcp.connected import ConnectedBridge
from ovsdhcp.openflow import messages
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.service import Service
from tests.openflow.bridges import BR_INT, BY_NUMBER, VM5

ADDED, DELETED = 0, 1
BY_NAME_ALONE = replace(BR_INT, ports=(VM5,))


class Deaf:
    """A line to nobody."""

    def send(self, buf: bytes) -> bool:
        return False

    def wish(self, buf: bytes) -> bool:
        return True

    def wait_until_sent(self) -> None: ...

    def end(self, ending: object, detail: str = "") -> None: ...


def connected(bridge: Bridge, names: dict[int, str]) -> ConnectedBridge:
    service = Service(Config("table.yaml", (bridge,)))
    return ConnectedBridge(service, Switch(bridge, names), Deaf())


def port_status(reason: int, ofport: int, name: str) -> bytes:
    port = pack("!I12x16s32x", ofport, name.encode())
    return pack("!BBHIB7x", 4, messages.PORT_STATUS, messages.PORT_STATUS_SIZE, 0, reason) + port


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [it.getMessage() for it in caplog.records if it.levelno == logging.WARNING]
    caplog.clear()
    return said


PASSED_OVER = [
    "bridge br-int: two entries of the table are port 9: uplink by its number, which is served, "
    "and vm5 by its name, which is not"
]


def test_a_port_that_two_entries_select_is_warned_of_when_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bridge = connected(BR_INT, {})
    for reason, ofport, name, said in (
        (ADDED, 5, "vm5", []),
        (DELETED, 5, "vm5", []),
        (ADDED, 9, "vm5", PASSED_OVER),
        (ADDED, 9, "vm5", []),  # its link went up
        (DELETED, 9, "vm5", []),
        (ADDED, 9, "vm5", PASSED_OVER),
    ):
        bridge.hear(port_status(reason, ofport, name))
        assert warnings(caplog) == said


def test_a_table_that_selects_a_port_twice_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bridge = connected(BY_NAME_ALONE, {9: "vm5"})
    twice = replace(BR_INT, ports=(VM5, BY_NUMBER))
    steps: tuple[tuple[Bridge, list[str]], ...] = (
        (twice, PASSED_OVER),
        (twice, []),
        (BY_NAME_ALONE, []),
        (twice, PASSED_OVER),
    )
    for table, said in steps:
        for _ in bridge.reconfigure(table):
            pass
        assert warnings(caplog) == said
