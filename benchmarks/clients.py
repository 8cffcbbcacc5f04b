"""The clients of all benchmarks: client i, its MAC, its address, its port, by rule.

`load.c` has the same rule, so that a million of them need no file.
"""

from ipaddress import IPv4Address

SERVER, SERVER_MAC = IPv4Address("10.64.0.1"), "02:d0:ff:ff:ff:fe"
NETWORK = "10.64.0.0/12"
NETMASK = IPv4Address("255.240.0.0")
FIRST = IPv4Address("10.64.0.10")
LEASE = 3600
DNS, DOMAIN, MTU = "10.64.0.2", "example.org", 1442


def address(client: int) -> IPv4Address:
    """The address that is the client's."""
    return FIRST + client


def mac(client: int) -> str:
    """The client's MAC: 02:d0 and its address, so that a flow can answer ARP for all of them."""
    return (b"\x02\xd0" + address(client).packed).hex(":")


def at_port(port: int, clients: int, ports: int) -> range:
    """The clients behind a port."""
    return range(port, clients, ports)
