"""The logical network of the tests with a real OVN: two switches, five ports, a router."""

from dataclasses import dataclass

from ovsdhcp.lab.laboratory import MACS
from tests.bridge.ovn_host import Ovn

SHORT = 20
"""Seconds of a lease that a test waits for."""

RICH = {
    "server_id": "172.16.255.129",
    "server_mac": "02:ac:10:ff:01:29",
    "lease_time": "3600",
    "router": "172.16.255.129",
    "dns_server": "{172.25.250.254, 172.25.250.253}",
    "mtu": "1442",
    "classless_static_route": "{169.254.169.254/32,172.16.255.140, 0.0.0.0/0,172.16.255.129}",
    "domain_name": '"ovn.example"',
    "domain_search_list": '"ovn.example,lab.example"',
    "ntp_server": "172.25.250.123",
    "tftp_server": '"boot.example"',
    "bootfile_name": '"http://172.25.250.9/boot.ipxe"',
    "bootfile_name_alt": '"undionly.kpxe"',
    "next_server": "172.25.250.9",
}
SEED = {
    "server_id": "172.16.255.129",
    "server_mac": "02:ac:10:ff:01:29",
    "router": "172.16.255.129",
}
NEUTRON = {
    "server_id": "192.168.1.1",
    "server_mac": "fa:16:3e:9f:1a:b5",
    "lease_time": "43200",
    "mtu": "1442",
    "router": "192.168.1.1",
    "dns_server": "{172.25.250.254}",
    "classless_static_route": "{169.254.169.254/32,192.168.1.2, 0.0.0.0/0,192.168.1.1}",
}
UUID = "0029ead2-8124-439b-9ec0-9579d9f601ea"


@dataclass(frozen=True)
class LogicalPort:
    """A port of a logical switch: `options` are its DHCP_Options, within `cidr`."""

    interface: str
    name: str
    switch: str
    address: str
    cidr: str
    options: dict[str, str]


PORTS = (
    LogicalPort("vm5", "vm5", "vm-net", "172.16.255.130", "172.16.255.128/26", RICH),
    LogicalPort("vm3", "vm3", "vm-net", "172.16.255.133", "172.16.255.128/26",
                {**SEED, "lease_time": str(SHORT)}),
    LogicalPort("vm2", "vm2", "vm-net", "172.16.255.132", "172.16.255.128/26", {}),
    LogicalPort("vm1", UUID, "production-network1", "192.168.1.7", "192.168.1.0/24", NEUTRON),
    LogicalPort("vm4", "vm4", "production-network1", "192.168.1.8", "192.168.1.0/24",
                {**NEUTRON, "lease_time": str(SHORT)}),
)  # fmt: skip


def make_network(ovn: Ovn) -> None:
    """Two logical switches; the first has DNS, and a router that owns the server's address."""
    ovn.nbctl("ls-add", "vm-net", "--", "ls-add", "production-network1")
    for port in PORTS:
        station = f"{MACS[port.interface]} {port.address}"
        ovn.nbctl(
            *("lsp-add", port.switch, port.name, "--", "lsp-set-addresses", port.name, station),
            *("--", "lsp-set-port-security", port.name, station),
        )
        if port.options:
            give_options(ovn, port)
        setting = f"external_ids:iface-id={port.name}"
        ovn.lab.switch.vsctl("set", "Interface", port.interface, setting, doing="name the port")
    ovn.nbctl("lsp-set-options", "vm5", 'hostname="vm5"')
    ovn.nbctl("lr-add", "router", "--", "lrp-add", "router", "router-vm-net",
              RICH["server_mac"], f"{RICH['server_id']}/26")  # fmt: skip
    ovn.nbctl("lsp-add", "vm-net", "to-router", "--", "lsp-set-type", "to-router", "router",
              "--", "lsp-set-addresses", "to-router", "router",
              "--", "lsp-set-options", "to-router", "router-port=router-vm-net")  # fmt: skip
    records = ovn.nbctl("create", "DNS", 'records:www.example="172.16.255.130"').strip()
    ovn.nbctl("add", "Logical_Switch", "vm-net", "dns_records", records)


def give_options(ovn: Ovn, port: LogicalPort) -> None:
    """A row of DHCP_Options for one port."""
    row = ovn.nbctl("create", "DHCP_Options", f"cidr={port.cidr}").strip()
    ovn.nbctl("dhcp-options-set-options", row, *(f"{k}={v}" for k, v in port.options.items()))
    ovn.nbctl("lsp-set-dhcpv4-options", port.name, row)
