#!/usr/bin/env python3
"""Prints a lease table of many ports: configs/many_ports.py [10000] > many.yaml

How a program writes one: a line for each port, nothing quoted, nothing sorted. A table in use is
replaced by writing a new file beside it and renaming that (`mv`), so that it is never half there.
"""

import sys
from ipaddress import IPv4Address, IPv4Network

NETWORK = IPv4Network("10.0.0.0/16")
SERVER = NETWORK.broadcast_address - 1

HEAD = f"""\
# yaml-language-server: $schema=ovsdhcp.schema.json
subnets:
  net:
    cidr: {NETWORK}
    server_id: {SERVER}
    server_mac: 02:00:0a:00:ff:fe
    lease_time: 1h
    options: {{router: {SERVER}}}
bridges:
  br-int:
    ports:
"""


def main() -> None:
    """One port for each address, from the first on."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if not 0 < count < NETWORK.num_addresses - 2:
        sys.exit(f"{NETWORK} has addresses for 1 to {NETWORK.num_addresses - 3} ports")
    print(HEAD, end="")
    for number in range(1, count + 1):
        ip: IPv4Address = NETWORK.network_address + number
        mac = (0x0600_0000_0000 + number).to_bytes(6, "big").hex(":")
        print(f"      port{number}: {{subnet: net, mac: {mac}, ip: {ip}}}")


main()
