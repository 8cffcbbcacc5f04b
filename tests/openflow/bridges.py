"""Bridges of the lease table, made by hand for the tests of the flows."""

from ipaddress import IPv4Address, IPv4Network

from ovsdhcp.config.table import Bridge, Port
from ovsdhcp.dhcp.binding import Binding, Subnet

VM_NET = Subnet(
    "vm-net",
    IPv4Network("172.16.255.128/26"),
    IPv4Address("172.16.255.129"),
    bytes.fromhex("02ac10ff0129"),
)


def binding(port: str, address: str, mac: str | None = None) -> Binding:
    """One client of vm-net."""
    octets = None if mac is None else bytes.fromhex(mac.replace(":", ""))
    return Binding(port, VM_NET, IPv4Address(address), octets, 3600)


VM1 = Port("vm1", (binding("vm1", "172.16.255.133"),))
VM2 = Port(
    "vm2",
    (
        binding("vm2", "172.16.255.131", "02:ac:10:00:00:01"),
        binding("vm2", "172.16.255.132", "02:ac:10:00:00:02"),
    ),
)
VM5 = Port("vm5", (binding("vm5", "172.16.255.130", "02:ac:10:ff:01:30"),))
BY_NUMBER = Port("uplink", (binding("uplink", "172.16.255.140"),), ofport=9)

BR_INT = Bridge("br-int", (VM1, VM2, VM5, BY_NUMBER))
