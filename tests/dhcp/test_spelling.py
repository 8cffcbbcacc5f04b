"""Which names a misspelled one may be meant for."""

import pytest

from ovsdhcp.dhcp.options import BY_NAME, meant
from ovsdhcp.dhcp.spelling import near

KEYS = ("T1", "T2", "ip", "mac", "hosts", "server_id", "server_mac", "lease_time", "rate_limit")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hots", ["hosts"]),
        ("server_i", ["server_id"]),
        ("server_ma", ["server_mac"]),
        ("server_", ["server_id", "server_mac"]),
        ("LEASE_TME", ["lease_time"]),
        ("T1x", ["T1"]),
        ("pi", ["ip"]),
        ("1t", ["T1"]),
        ("T3", []),
        ("", []),
        ("color", []),
    ],
)
def test_what_is_near(name: str, expected: list[str]) -> None:
    assert near(name, KEYS) == expected


def test_names_that_differ_in_capitals_alone_are_known() -> None:
    assert near("RACKS", ["racks", "rooms"]) == ["racks"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("routr", "router"),
        ("dns_servr", "dns_server"),
        ("mtuu", "mtu"),
        ("lease_tme", "lease_time"),
        ("ntp_servr", None),  # or nntp_server
        ("colour", None),
    ],
)
def test_an_option_that_may_be_meant(name: str, expected: str | None) -> None:
    assert meant(name) == (expected and BY_NAME[expected])
