"""The keys that protect a bridge from its ports: what follows from them, what is refused."""

from ipaddress import IPv4Network

import pytest

from ovsdhcp.config.loading import loads
from ovsdhcp.config.problems import ConfigError
from ovsdhcp.config.table import Bridge, Port, RateLimit, Tables

HOSTS = "hosts: [{mac: '02:00:00:00:00:02', ip: 192.0.2.10}, {mac: '02:00:00:00:00:03', ip: IP}]"


def bridge(port: str = "", *, subnet: str = "", keys: str = "") -> Bridge:
    """A bridge with one port, p, that has one client unless `port` says `hosts`."""
    client = "" if "hosts" in port else "ip: 192.0.2.10, "
    text = f"""
subnets:
  lan: {{cidr: 192.0.2.0/24, server_id: 192.0.2.1, server_mac: "02:00:00:00:00:01",
        lease_time: 60, {subnet}}}
bridges:
  br0: {{{keys} ports: {{p: {{subnet: lan, {client}{port}}}}}}}
"""
    (found,) = loads(text.replace("IP", "192.0.2.11")).bridges
    return found


def only(port: str = "", *, subnet: str = "", keys: str = "") -> Port:
    (found,) = bridge(port, subnet=subnet, keys=keys).ports
    return found


@pytest.mark.parametrize(
    ("subnet", "port", "guarded"),
    [
        ("", "", False),
        ("guard: true", "", True),
        ("guard: true", "guard: false", False),
        ("", "guard: true", True),
    ],
)
def test_a_port_is_guarded_as_it_says_or_else_its_subnet(
    subnet: str, port: str, guarded: bool
) -> None:
    assert only(port, subnet=subnet).guard is guarded


def test_the_arp_responder_is_the_subnets() -> None:
    assert not only().arp_responder
    assert only(subnet="arp_responder: true").arp_responder


def test_allowed_are_addresses_and_networks_of_any_size() -> None:
    allowed = only("allowed: [198.51.100.7, 203.0.113.0/24, 0.0.0.0/0]").allowed
    assert allowed == tuple(map(IPv4Network, ("198.51.100.7/32", "203.0.113.0/24", "0.0.0.0/0")))


@pytest.mark.parametrize(
    ("keys", "port", "expected"),
    [
        pytest.param("", "", RateLimit(10, 20), id="by default"),
        pytest.param("", HOSTS, RateLimit(20, 40), id="for each client"),
        pytest.param("rate_limit: {rate: 3},", "", RateLimit(3, 6), id="twice the rate"),
        pytest.param("rate_limit: {rate: 3, burst: 4},", HOSTS, RateLimit(6, 8), id="the bridge's"),
        pytest.param("", HOSTS + ", rate_limit: {rate: 3}", RateLimit(3, 6), id="the port's own"),
        pytest.param("rate_limit: none,", "", None, id="none"),
        pytest.param("", "rate_limit: none", None, id="none at the port"),
        pytest.param(
            "rate_limit: none,", "rate_limit: {rate: 5}", RateLimit(5, 10), id="but at the port"
        ),
        pytest.param(
            "rate_ceiling: {rate: 15, burst: 30},", HOSTS, RateLimit(15, 30), id="the ceiling"
        ),
    ],
)
def test_rate_of_a_port(keys: str, port: str, expected: RateLimit | None) -> None:
    assert only(port, keys=keys).rate_limit == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", RateLimit(5000, 5000)),
        ("rate_limit: {rate: 1},", RateLimit(5000, 5000)),
        ("rate_limit: none,", None),
        ("rate_limit: none, rate_ceiling: {rate: 7},", RateLimit(7, 14)),
        ("rate_ceiling: none,", None),
    ],
)
def test_ceiling_of_a_bridge(keys: str, expected: RateLimit | None) -> None:
    assert bridge(keys=keys).rate_ceiling == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("{}", (24, 25, 26)),
        ("{dhcp_options: 24}", (26, 27, 28)),
        ("{dhcp_response: 25}", (24, 26, 27)),
        ("{source_guard: 1}", (1, 25, 26)),
        ("{classify: 251, dhcp_options: 252, source_guard: 24, target_guard: 253}", None),
        ("{arp_responder: 24}", (25, 26, 24)),
    ],
)
def test_numbers_of_the_tables_of_their_own(
    tables: str, expected: tuple[int, int, int] | None
) -> None:
    keys = f"tables: {tables},"
    if expected is None:
        assert codes(keys=keys) == ["table-twice"]
    else:
        found: Tables = bridge(keys=keys).tables
        assert (found.source_guard, found.target_guard, found.arp_responder) == expected


def codes(port: str = "", *, subnet: str = "", keys: str = "") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        bridge(port, subnet=subnet, keys=keys)
    return [problem.code for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("keys", "port", "code"),
    [
        ("rate_limit: 10,", "", "bad-rate"),
        ("rate_limit: ,", "", "bad-rate"),
        ("rate_limit: {rate: 0},", "", "bad-number"),
        ("rate_limit: {burst: 3},", "", "missing-key"),
        ("rate_limit: {rate: 1, brust: 3},", "", "unknown-key"),
        ("", "rate_limit: {rate: 4294967296}", "bad-number"),
        ("rate_ceiling: unlimited,", "", "bad-rate"),
        ("", "allowed: 10.0.0.0/8", "bad-list"),
        ("", "allowed: [10.0.0.1/8]", "bad-cidr"),
        ("", "allowed: [224.0.0.5]", "bad-cidr"),
        ("", "allowed: [5]", "bad-cidr"),
        ("", "guard: yes please", "bad-truth"),
        ("tables: {source_guard: 22},", "", "table-twice"),
    ],
)
def test_what_is_refused(keys: str, port: str, code: str) -> None:
    assert codes(port, keys=keys) == [code]
