"""The lab that bad_inputs.json speaks of: its hostile client on one port, a good one on another.

02:00:00:00:00:50 has 192.0.2.50 of 192.0.2.0/24, the server is 192.0.2.1, and 192.0.2.60 belongs
to the neighbour.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.lab.laboratory import Lab, Names
from tests.dhcp.wire import ADDRESS, MAC, OTHER_MAC, SERVER, bootp, frame, ip, ones_sum

ANYONE, HOSTS, GOOD, HOSTILE = "vm1", "vm2", "vm3", "vm5"
LEASE_TABLE = """
subnets:
  lan:
    cidr: 192.0.2.0/24
    server_id: 192.0.2.1
    server_mac: 02:00:00:00:00:01
    lease_time: 1h
    options:
      router: 192.0.2.1
      dns_server: 192.0.2.53
      domain_name: example.org
      mtu: 1442
      ntp_server: 192.0.2.123
bridges:
  br-int:
    other_traffic: OTHER_TRAFFIC
    reply: REPLY
    rate_limit: RATE_LIMIT
    ports:
      vm1: {subnet: lan, ip: 192.0.2.11}
      vm2: {subnet: lan, hosts: [{mac: "02:00:00:00:00:52", ip: 192.0.2.52}]}
      vm3: {subnet: lan, mac: "02:00:00:00:00:51", ip: 192.0.2.60}
      vm5: {subnet: lan, mac: "02:00:00:00:00:50", ip: 192.0.2.50}
"""
CHOSEN = {50: ip(ADDRESS), 54: ip(SERVER)}
WITH_A_LEASE = {
    *("initreboot_ok", "initreboot_offnet", "renew_ok", "rebind_offnet", "renew_with_reqip"),
    *("release_ok", "inform_asks_lease_time"),
}
"""The inputs of bad_inputs.json whose client is bound already."""


def checksummed(octets: bytes) -> bytes:
    """An IPv4 header that is whole gets its checksum, for those who look at it: a kernel does."""
    at = 12
    while octets[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    start, words = at + 2, octets[at + 2] & 15 if len(octets) > at + 2 else 0
    header = octets[start : start + 4 * words]
    if octets[at : at + 2] != b"\x08\x00" or len(header) < 20 or words < 5:
        return octets
    checksum = struct.pack("!H", 0xFFFF - ones_sum(header))
    return octets[: start + 10] + checksum + octets[start + 12 :]


def discover(client: bytes = MAC, xid: int = 0x0BADF00D) -> bytes:
    """A good DISCOVER."""
    message = bootp(MessageType.DISCOVER, chaddr=client, xid=xid)
    return checksummed(frame(message, eth_src=client))


def canary(xid: int) -> bytes:
    """The good client's DISCOVER."""
    return discover(OTHER_MAC, xid)


def request() -> bytes:
    """A good REQUEST after it: the hostile client takes what it was offered."""
    return checksummed(frame(bootp(MessageType.REQUEST, CHOSEN)))


@contextmanager
def hostile_lab(
    names: Names,
    table: Path,
    other_traffic: str = "normal",
    reply: str = "packet-out",
    rate_limit: str = "none",
) -> Iterator[Lab]:
    """The lab, its lease table written to `table`."""
    text = LEASE_TABLE.replace("OTHER_TRAFFIC", other_traffic).replace("REPLY", reply)
    table.write_text(text.replace("RATE_LIMIT", rate_limit))
    lab = Lab(names)
    try:
        lab.up(table)
        lab.wait_for_flows(ANYONE, HOSTS, GOOD, HOSTILE)
        yield lab
    finally:
        lab.down()
