"""The verb `leases`: which there are, and which a filter finds."""

import time
from dataclasses import replace
from typing import Any

import pytest

from ovsdhcp.control import leases
from ovsdhcp.control.protocol import ControlError
from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import INFINITE, Binding
from tests.control.without_ryu import Server
from tests.openflow.bridges import VM1, VM2, VM5


def record(server: Server, binding: Binding, reason: reasons.Reason, ago: float = 0.0) -> None:
    key = "br-int", binding.port, binding.address_octets
    server.service.leases.record(key, binding, reason, time.monotonic() - ago)


@pytest.fixture
def server() -> Server:
    server = Server()
    record(server, VM5.bindings[0], reasons.ACK_SELECTING)
    record(server, VM2.bindings[1], reasons.DECLINE)
    record(server, replace(VM1.bindings[0], lease_time=1), reasons.ACK_RENEWING, ago=2)
    return server


def rows(server: Server, **arguments: Any) -> list[dict[str, Any]]:
    return [row for item in server.ask("leases", **arguments) for row in item["leases"]]


def test_each_record_is_told_with_its_client_and_its_end(server: Server) -> None:
    said = rows(server)
    assert [(row["port"], row["mac"], row["address"], row["state"]) for row in said] == [
        ("vm1", None, "172.16.255.133", "expired"),
        ("vm2", "02:ac:10:00:00:02", "172.16.255.132", "declined"),
        ("vm5", "02:ac:10:ff:01:30", "172.16.255.130", "bound"),
    ]
    assert all(row["since"] < row["until"] for row in said)


def test_a_lease_without_end_has_none() -> None:
    server = Server()
    record(server, replace(VM5.bindings[0], lease_time=INFINITE), reasons.ACK_SELECTING)
    assert [row["until"] for row in rows(server)] == [None]


@pytest.mark.parametrize(
    ("wanted", "ports"),
    [
        ("", ["vm1", "vm2", "vm5"]),
        ("VM5", ["vm5"]),
        ("br-", ["vm1", "vm2", "vm5"]),
        ("02-AC-10-FF", ["vm5"]),
        ("255.13", ["vm1", "vm2", "vm5"]),
        ("decl", ["vm2"]),
        ("nothing", []),
    ],
)
def test_a_filter_is_looked_for_everywhere(server: Server, wanted: str, ports: list[str]) -> None:
    assert [row["port"] for row in rows(server, filter=wanted)] == ports


def test_many_come_in_slices_with_a_turn_for_others_in_between(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "A_TURN", 2)
    items = list(server.verbs["leases"]({"filter": "vm5"}))
    assert [bool(item) for item in items] == [False, True, False]  # five bindings by two


def test_a_record_that_is_in_no_table_any_longer_is_told_too(server: Server) -> None:
    record(server, replace(VM5.bindings[0], port="vm77"), reasons.RELEASE)
    assert rows(server)[-1]["port"] == "vm77"


def test_a_filter_is_text() -> None:
    with pytest.raises(ControlError, match="`filter` is text"):
        Server().ask("leases", filter=5)
