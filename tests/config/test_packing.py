"""A Config in pieces and back: the same, and of the one before it all that did not change."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovsdhcp.config.hosts import Hosts
from ovsdhcp.config.loading import load, loads
from ovsdhcp.config.packing import Assembly, pack
from ovsdhcp.config.table import Config, Port

CONFIGS = Path(__file__).parents[2] / "configs"
TABLE = """
subnets:
  one: {cidr: 192.0.2.0/24, server_id: 192.0.2.1, server_mac: 02:00:00:00:00:01, lease_time: 1h}
  two: {cidr: 198.51.100.0/24, server_id: 198.51.100.1, server_mac: 02:00:00:00:00:02,
        lease_time: 2h, options: {router: 198.51.100.1}}
bridges:
  br-a:
    ports:
      vm1: {subnet: one, ip: 192.0.2.11, mac: 02:00:00:00:01:01,
            boot: {file: x, next_server: 192.0.2.9}}
      vm2: {subnet: two, ip: 198.51.100.12}
      many:
        subnet: two
        hosts:
          - {mac: 02:00:00:00:03:01, ip: 198.51.100.31}
          - {mac: 02:00:00:00:03:02, ip: 198.51.100.32, options: {hostname: b}}
  br-b:
    dpid: "0x2"
    reply: resume
    tables: {dhcp_options: 7}
    ports:
      vm1: {subnet: one, ip: 192.0.2.13, ofport: 3, trusted: true}
"""


def put_together(config: Config, before: Assembly | None = None) -> tuple[Config, Assembly]:
    assembly = Assembly(before)
    for piece in pack(config):
        assembly.take(piece)
    return assembly.config(), assembly


def plain(config: Config) -> list[object]:
    """The Config, hosts in the order of their MACs and in a tuple."""
    return [
        (config.source, replace(bridge, ports=()), [_clients(port) for port in bridge.ports])
        for bridge in config.bridges
    ]


def _clients(port: Port) -> tuple[object, ...]:
    clients = sorted(port.bindings, key=lambda binding: binding.mac or b"")
    return port.name, port.ofport, port.trusted, clients


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_what_is_put_together_is_what_was_taken_apart(path: Path) -> None:
    config = load(path)
    assert plain(put_together(config)[0]) == plain(config)


def test_several_clients_of_a_port_come_back_packed() -> None:
    (bridge, _) = put_together(loads(TABLE))[0].bridges
    assert [type(port.bindings) for port in bridge.ports] == [tuple, tuple, Hosts]


def test_what_is_the_same_is_the_very_same() -> None:
    before, assembly = put_together(loads(TABLE))
    after, _ = put_together(loads("# another file, of the same meaning\n" + TABLE), assembly)
    assert [a is b for a, b in zip(after.bridges, before.bridges, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("ip: 192.0.2.11", "ip: 192.0.2.14", {"vm2", "many"}),
        ("hostname: b", "hostname: c", {"vm1", "vm2"}),
        ("lease_time: 2h", "lease_time: 3h", {"vm1"}),
        ("198.51.100.0/24", "198.51.100.0/25", {"vm1"}),
        ("  br-a:", "  br-a:\n    other_traffic: drop", {"vm1", "vm2", "many"}),
        ("      vm2: {subnet: two, ip: 198.51.100.12}\n", "", {"vm1", "many"}),
    ],
)
def test_only_what_a_change_touches_is_made_anew(old: str, new: str, same: set[str]) -> None:
    before, assembly = put_together(loads(TABLE))
    after, _ = put_together(loads(TABLE.replace(old, new, 1)), assembly)
    known = {port.name: port for port in before.bridges[0].ports}
    kept = {port.name for port in after.bridges[0].ports if port is known.get(port.name)}
    assert kept == same
    assert after.bridges[0] is not before.bridges[0]
    assert after.bridges[1] is before.bridges[1]


def test_a_subnet_is_one_object_for_new_ports_and_old() -> None:
    _, assembly = put_together(loads(TABLE))
    more = TABLE.replace("      many:", "      vm3: {subnet: two, ip: 198.51.100.13}\n      many:")
    config, _ = put_together(loads(more), assembly)
    ports = {port.name: port for port in config.bridges[0].ports}
    assert ports["vm3"].bindings[0].subnet is ports["vm2"].bindings[0].subnet
    assert ports["vm3"].bindings[0].subnet is ports["many"].bindings[0].subnet
