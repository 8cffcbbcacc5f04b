"""What the tables in `configs/` do: the engine's answers to the clients that they are for."""

import subprocess
import sys
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from ovsdhcp import trace
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import Problem
from ovsdhcp.config.table import Flows, Reply
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.message import MessageType

CONFIGS = Path(__file__).parents[1] / "configs"
TESTED_ELSEWHERE = {"external.yaml"}  # it has no ports: tests/bridge/test_external.py

ARCHITECTURE, USER_CLASS, NTP = 93, 77, 42


def offered(
    table: Path, port: str, client: int = 0, asked: Mapping[int, bytes] | None = None
) -> dict[str, object]:
    """The OFFER to a client of the port, its options by name."""
    bridge, found = trace.find_port(load(table), port)
    question = trace.Asked(MessageType.DISCOVER, dict(asked or {}))
    reply = trace.trace(bridge, found, trace.frame_of(question, found.bindings[client])).reply
    assert reply is not None
    return dict(reply.fields) | {option.name: option.value for option in reply.options}


ROUTES = [
    {"to": "169.254.169.254/32", "via": "172.16.255.130"},
    {"to": "0.0.0.0/0", "via": "172.16.255.129"},
]
EXAMPLES: list[tuple[str, str, int, dict[int, bytes], dict[str, object]]] = [
    ("minimal.yaml", "vm1", 0, {}, {"yiaddr": "192.0.2.10", "netmask": "255.255.255.0",
                                    "lease_time": 3600}),
    # the seeds' network, with the route to the metadata server
    ("br-int.yaml", "vm5", 0, {}, {"yiaddr": "172.16.255.130", "classless_static_route": ROUTES,
                                   "dns_server": ["172.25.250.254"], "mtu": 1442}),
    ("br-int.yaml", "vm2", 1, {}, {"yiaddr": "172.16.255.132"}),
    ("br-int.yaml", "vm3", 0, {}, {"yiaddr": "172.16.255.134", "lease_time": 600}),
    ("resume.yaml", "vm5", 0, {}, {"yiaddr": "172.16.255.130", "router": ["172.16.255.129"]}),
    # by network: an old BIOS, UEFI, and iPXE
    ("pxe.yaml", "server1", 0, {ARCHITECTURE: b"\0\0"}, {"yiaddr": "192.0.2.11",
                                                          "siaddr": "192.0.2.5",
                                                          "file": "undionly.kpxe"}),
    ("pxe.yaml", "server1", 0, {ARCHITECTURE: b"\0\7"}, {"file": "ipxe.efi"}),
    ("pxe.yaml", "server1", 0, {USER_CLASS: b"iPXE"}, {"file": "http://192.0.2.5/boot.ipxe"}),
    ("pxe.yaml", "server2", 0, {}, {"yiaddr": "192.0.2.12", "file": "installer.kpxe"}),
    ("pxe.yaml", "uplink", 1, {}, {"yiaddr": "192.0.2.22", "lease_time": 86_400}),
    # by port: whoever is plugged in
    ("by-port.yaml", "robot2", 0, {}, {"yiaddr": "198.51.100.12", "router": ["198.51.100.1"]}),
    ("by-port.yaml", "the camera at gate 3", 0, {}, {"yiaddr": "198.51.100.33"}),
    # guarded: what protects it from its ports is in tests/bridge
    ("guard.yaml", "vm2", 0, {}, {"yiaddr": "192.0.2.12"}),
    ("guard.yaml", "uplink", 1, {}, {"yiaddr": "192.0.2.22"}),
    # several bridges
    ("several-bridges.yaml", "vm2", 0, {}, {"yiaddr": "10.20.1.2", "server_id": "10.20.0.1"}),
    ("several-bridges.yaml", "vm2-disk", 0, {}, {"yiaddr": "192.168.40.12", "mtu": 9000}),
    ("several-bridges.yaml", "edge/customer1", 0, {}, {"yiaddr": "10.20.2.1"}),
]  # fmt: skip


@pytest.mark.parametrize(("table", "port", "client", "asked", "expected"), EXAMPLES)
def test_what_a_client_is_offered(
    table: str, port: str, client: int, asked: dict[int, bytes], expected: dict[str, object]
) -> None:
    offer = offered(CONFIGS / table, port, client, asked)
    assert {name: offer[name] for name in expected} == expected


def test_every_example_is_tested() -> None:
    tested = {table for table, *_ in EXAMPLES} | TESTED_ELSEWHERE
    assert {path.name for path in CONFIGS.glob("*.yaml")} == tested


def test_several_bridges_are_told_apart() -> None:
    bridges = {bridge.name: bridge for bridge in load(CONFIGS / "several-bridges.yaml").bridges}
    assert list(bridges) == ["br-int", "br-storage", "edge"]
    assert (bridges["edge"].dpid, bridges["edge"].reply) == (0xED, Reply.RESUME)
    assert bridges["br-storage"].tables.dhcp_options == 100
    same = [bridges[name].ports[0].bindings[0].mac for name in ("br-int", "br-storage")]
    assert same[0] == same[1]
    assert load(CONFIGS / "external.yaml").bridges[0].flows is Flows.EXTERNAL


def many(tmp_path: Path, *count: str) -> Path:
    made = subprocess.run(
        [sys.executable, CONFIGS / "many_ports.py", *count],
        check=True,
        capture_output=True,
        text=True,
    )
    path = tmp_path / "many.yaml"
    path.write_text(made.stdout)
    return path


def test_ten_thousand_ports_are_generated(tmp_path: Path) -> None:
    odd: list[Problem] = []
    (bridge,) = load(many(tmp_path), odd).bridges
    assert not odd
    bindings: list[Binding] = [binding for port in bridge.ports for binding in port.bindings]
    assert len(bindings) == len({binding.mac for binding in bindings}) == 10_000
    assert (bridge.ports[-1].name, bindings[-1].address) == ("port10000", IPv4Address("10.0.39.16"))


@pytest.mark.parametrize("count", ["0", "-1", "65534", "70000"])
def test_a_number_of_ports_that_has_no_addresses_is_refused(count: str) -> None:
    made = subprocess.run(
        [sys.executable, CONFIGS / "many_ports.py", count],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (made.returncode, made.stdout) == (1, "")
    assert made.stderr == "10.0.0.0/16 has addresses for 1 to 65533 ports\n"


def test_as_many_ports_as_there_are_addresses(tmp_path: Path) -> None:
    offer = offered(many(tmp_path, "300"), "port300")
    assert offer["yiaddr"] == "10.0.1.44"
