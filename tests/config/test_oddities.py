"""What is legal and odd: the warnings, where they stand, and what does not deserve one."""

import pytest

from ovsdhcp.config.loading import loads
from ovsdhcp.config.problems import ConfigError, Problem, Severity

HEAD = """
subnets:
  net:
    cidr: {cidr}
    server_id: 192.0.2.1
    server_mac: 02:00:00:00:00:01
    {subnet}
bridges:
  br0:
    ports:
      vm1: {{subnet: net, ip: 192.0.2.10{port}}}
"""
ROUTES = "classless_static_route: [{to: 10.0.0.0/8, via: 192.0.2.2}]"
DEFAULT = "classless_static_route: [{to: 0.0.0.0/0, via: 192.0.2.2}]"


def warned(subnet: str = "", port: str = "", cidr: str = "192.0.2.0/24") -> list[Problem]:
    found: list[Problem] = []
    lease = "" if "lease_time" in subnet else "lease_time: 1h\n    "
    loads(HEAD.format(cidr=cidr, subnet=lease + subnet, port=port), "t", found)
    assert all(problem.severity is Severity.WARNING for problem in found)
    return found


@pytest.mark.parametrize(
    ("subnet", "port", "expected"),
    [
        ("lease_time: 59s", "", {"subnets.net.lease_time": "short-lease"}),
        ("options: {lease_time: 1}", "", {"subnets.net.options.lease_time": "short-lease"}),
        ("lease_time: 60", "", {}),
        ("", ", lease_time: 5", {"bridges.br0.ports.vm1.lease_time": "short-lease"}),
        ("options: {mtu: 575}", "", {"subnets.net.options.mtu": "small-mtu"}),
        ("options: {mtu: 576}", "", {}),
        ("options: {mtu: 68}", ", options: {mtu: 1500}", {"subnets.net.options.mtu": "small-mtu"}),
        ("", ", options: {26: '0044'}", {"bridges.br0.ports.vm1.options.26": "small-mtu"}),
        ("options: {router: 192.0.3.1}", "", {"subnets.net.options.router": "router-outside"}),
        (
            "options: {router: [192.0.2.1, 192.0.3.1]}",
            "",
            {"subnets.net.options.router": "router-outside"},
        ),
        ("options: {router: 192.0.2.0}", "", {"subnets.net.options.router": "router-is-network"}),
        (
            "options: {gateway: 192.0.2.255}",
            "",
            {"subnets.net.options.gateway": "router-is-broadcast"},
        ),
        # a port that says nothing of routers is not warned about its subnet's a second time
        (
            "options: {router: 192.0.3.1}",
            ", options: {hostname: a}",
            {"subnets.net.options.router": "router-outside"},
        ),
        (
            "options: {bootfile_name_alt: a}",
            "",
            {"subnets.net.options.bootfile_name_alt": "alternative-alone"},
        ),
        ("options: {bootfile_name_alt: a, bootfile_name: b}", "", {}),
        ("options: {bootfile_name: b}", ", options: {bootfile_name_alt: a}", {}),
        ("boot: {file: a, ipxe: b}", "", {}),
    ],
)
def test_warnings(subnet: str, port: str, expected: dict[str, str]) -> None:
    assert {problem.path: problem.code for problem in warned(subnet, port)} == expected


@pytest.mark.parametrize(
    ("subnet", "port", "expected"),
    [
        (f"options: {{{ROUTES}}}", "", {}),
        ("options: {router: 192.0.2.1}", "", {}),
        (f"options: {{router: 192.0.2.1, {DEFAULT}}}", "", {}),
        (
            f"options: {{router: 192.0.2.1, {ROUTES}}}",
            "",
            {"subnets.net.options.classless_static_route": "router-ignored"},
        ),
        (
            f"options: {{{ROUTES}}}",
            ", options: {router: 192.0.2.1}",
            {"bridges.br0.ports.vm1.options.router": "router-ignored"},
        ),
        (
            "options: {router: 192.0.2.1}",
            f", options: {{{ROUTES}}}",
            {"bridges.br0.ports.vm1.options.classless_static_route": "router-ignored"},
        ),
        (
            f"options: {{{DEFAULT}}}",
            "",
            {"subnets.net.options.classless_static_route": "router-missing"},
        ),
        ("options: {router: 192.0.2.1}", ", options: {router: null}", {}),
        (
            "options: {classless_static_route: [{to: 10.0.0.0/8, via: 192.0.3.1}]}",
            "",
            {"subnets.net.options.classless_static_route": "router-outside"},
        ),
        # RFC 3442: via 0.0.0.0 a destination is on the link itself, and so may a router be
        (
            "options: {classless_static_route: [{to: 192.0.3.1/32, via: 0.0.0.0},"
            " {to: 10.0.0.0/8, via: 192.0.3.1}]}",
            "",
            {},
        ),
    ],
)
def test_routers_and_routes(subnet: str, port: str, expected: dict[str, str]) -> None:
    assert {problem.path: problem.code for problem in warned(subnet, port)} == expected


@pytest.mark.parametrize("cidr", ["192.0.2.10/32", "192.0.2.10/31"])
def test_a_network_of_one_or_two_has_its_routers_elsewhere(cidr: str) -> None:
    found = warned("options: {router: 169.254.0.1}", cidr=cidr)
    assert [problem.code for problem in found] == []


def test_the_hint_says_the_very_route() -> None:
    (ignored,) = warned(f"options: {{router: 192.0.2.7, {ROUTES}}}")
    assert ignored.hint == "add {to: 0.0.0.0/0, via: 192.0.2.7} to classless_static_route"
    assert (ignored.clash_path, ignored.clash.line) == ("subnets.net.options.router", 8)
    (missing,) = warned(f"options: {{{DEFAULT}}}")
    assert missing.hint == "add `router: 192.0.2.2`; who takes the routes ignores it (RFC 3442)"


@pytest.mark.parametrize(
    ("name", "code"), [("5", "number-as-name"), ("vm\u200b1", "unseen-character")]
)
def test_a_name_that_no_port_will_have(name: str, code: str) -> None:
    text = HEAD.format(cidr="192.0.2.0/24", subnet="lease_time: 1h", port="").replace("vm1", name)
    found: list[Problem] = []
    loads(text, "t", found)
    assert [(problem.code, problem.line) for problem in found] == [(code, 11)]
    found.clear()
    loads(text.replace(f"{name}: {{", f"{name}: {{ofport: 7, "), "t", found)
    assert not found


NET = "cidr: 192.0.2.0/24, server_id: 192.0.2.1, server_mac: 02:00:00:00:00:01, lease_time: 1h"


@pytest.mark.parametrize(
    ("bridge", "subnet", "expected"),
    [
        # nothing of a bridge whose flows are others' is ours to say, not even what is the default
        ("flows: external", "", {}),
        ("flows: external, dpid: '0x1', ports: {}", "", {}),
        ("flows: external, reply: packet-out", "", {"reply": "flows"}),
        ("flows: external, other_traffic: normal", "", {"other_traffic": "flows"}),
        ("flows: external, tables: {classify: 9}", "", {"tables": "flows"}),
        (
            "flows: external, rate_limit: none, rate_ceiling: none",
            "",
            {"rate_limit": "flows", "rate_ceiling": "flows"},
        ),
        ("flows: managed, reply: resume, tables: {classify: 9}, rate_limit: none", "", {}),
        # what a guard lets through, where there is none
        ("ports: {p: {P, allowed: [192.0.2.9]}}", "", {"ports.p.allowed": ""}),
        ("ports: {p: {P, allowed: [192.0.2.9]}}", "guard: true", {}),
        ("ports: {p: {P, allowed: [192.0.2.9], guard: true}}", "", {}),
        (
            "ports: {p: {P, allowed: [192.0.2.9], guard: false}}",
            "guard: true",
            {"ports.p.allowed": "ports.p.guard"},
        ),
        ("ports: {p: {P, allowed: []}}", "", {}),
        # taken away where it was not
        ("ports: {p: {P, options: {mtu: null}}}", "", {"ports.p.options.mtu": ""}),
        ("ports: {p: {P, options: {mtu: null}}}", "options: {26: 05dc}", {}),
        ("ports: {p: {P, options: {bootfile: null}}}", "", {"ports.p.options.bootfile": ""}),
        ("ports: {p: {P, options: {bootfile: null}}}", "boot: {file: a}", {}),
        ("ports: {p: {P, options: {T1: null}}}", "T1: 20m", {}),
        (
            "ports: {p: {subnet: net, options: {mtu: null}, hosts: [{mac: 02:00:00:00:00:02, "
            "ip: 192.0.2.10, options: {mtu: null}}]}}",
            "options: {mtu: 1500}",
            {"ports.p.hosts[0].options.mtu": ""},
        ),
    ],
)
def test_keys_that_are_without_effect(bridge: str, subnet: str, expected: dict[str, str]) -> None:
    bridge = bridge.replace("P,", "subnet: net, ip: 192.0.2.10,")
    found: list[Problem] = []
    loads(f"subnets: {{net: {{{NET}, {subnet}}}}}\nbridges: {{b: {{{bridge}}}}}", "t", found)
    assert {it.path.removeprefix("bridges.b."): it.clash_path for it in found} == {
        path: clash and f"bridges.b.{clash}" for path, clash in expected.items()
    }
    assert {it.code for it in found} <= {"no-effect"}


def test_of_a_port_whose_subnet_is_not_there_nothing_is_said_to_be_without_effect() -> None:
    port = "{subnet: nowhere, ip: 192.0.2.10, allowed: [192.0.2.9], options: {mtu: null}}"
    with pytest.raises(ConfigError) as raised:
        loads(f"bridges: {{b: {{ports: {{p: {port}}}}}}}")
    assert [problem.code for problem in raised.value.problems] == ["unknown-subnet"]
    assert not raised.value.warnings
