"""A client on a VLAN of its port is answered on that VLAN."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.lab import namespace
from ovsdhcp.lab.laboratory import MACS, Lab
from ovsdhcp.lab.wire import parse
from tests.bridge.tables import VM_NET
from tests.dhcp.wire import bootp, frame, mac

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)


SOL_PACKET, PACKET_AUXDATA = 263, 8
AUXDATA = struct.Struct("IIIHHHH")
"""status, len, snaplen, mac, net, vlan_tci, vlan_tpid (packet(7)): where the kernel puts a tag."""
PRIORITY_3_VLAN_100 = 3 << 13 | 100


@contextmanager
def raw_socket(home: str, interface: str) -> Iterator[socket.socket]:
    with namespace.inside(home):
        there = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    with there:
        there.bind((interface, 3))
        there.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        there.settimeout(5)
        yield there


def test_the_answer_has_the_tag_of_the_question(lab: Lab) -> None:
    client = mac(MACS["vm5"])
    tag = b"\x81\x00" + PRIORITY_3_VLAN_100.to_bytes(2, "big")
    question = frame(bootp(MessageType.DISCOVER, chaddr=client), eth_src=client, tags=tag)
    with raw_socket(lab.ports["vm5"].home, "vm5") as there:
        there.send(question)
        while True:
            answer, ancillary, _, _ = there.recvmsg(2048, 256)
            if answer[:6] == client:
                break
    seen = parse(answer, 0)
    assert seen is not None
    assert (seen.kind, seen.yiaddr) == ("OFFER", "172.16.255.130")
    assert [AUXDATA.unpack(value)[5:] for _, _, value in ancillary] == [
        (PRIORITY_3_VLAN_100, 0x8100)
    ]
