"""Frames of the protocols that a guard looks at, and of those that hide them."""

from ipaddress import IPv4Address, IPv6Address
from struct import pack

from tests.dhcp.wire import mac, ones_sum

BROADCAST = mac("ff:ff:ff:ff:ff:ff")
ALL_NODES = mac("33:33:00:00:00:01")
NOBODY = bytes(6)

IPV4, ARP, RARP, IPV6, LLDP = b"\x08\x00", b"\x08\x06", b"\x80\x35", b"\x86\xdd", b"\x88\xcc"
REQUEST, REPLY, REVERSE_REQUEST, REVERSE_REPLY = 1, 2, 3, 4


def tag(vlan: int, kind: bytes = b"\x81\x00") -> bytes:
    """A VLAN tag, to stand before an EtherType."""
    return kind + vlan.to_bytes(2, "big")


def ether(source: bytes, kind: bytes, payload: bytes, target: bytes = BROADCAST) -> bytes:
    """An Ethernet frame; `kind` is its EtherType, with any tags before it."""
    return (target + source + kind + payload).ljust(60, b"\0")


def ipv4(
    source: str,
    target: str = "172.16.255.190",
    *,
    protocol: int = 17,
    payload: bytes = b"",
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet; `fragment` are the flags and the offset."""
    body = payload or udp(5000, 5001)
    words, length = 5 + len(options) // 4, 20 + len(options) + len(body)
    head = pack("!BBHHHBB", 4 << 4 | words, 0, length, 1, fragment, 64, protocol)
    addresses = IPv4Address(source).packed + IPv4Address(target).packed + options
    checksum = 0xFFFF - ones_sum(head + b"\0\0" + addresses)
    return head + pack("!H", checksum) + addresses + body


def udp(source: int, target: int, payload: bytes = b"x" * 20) -> bytes:
    """A UDP datagram without a checksum."""
    return pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def arp(op: int, sender: bytes, spa: str, tpa: str, target: bytes = NOBODY) -> bytes:
    """ARP or RARP for IPv4 over Ethernet."""
    addresses = (sender, IPv4Address(spa).packed, target, IPv4Address(tpa).packed)
    return pack("!HHBBH", 1, 0x0800, 6, 4, op) + b"".join(addresses)


def ipv6(
    protocol: int,
    payload: bytes,
    source: str = "fe80::1",
    target: str = "ff02::1",
    *,
    fragment: int | None = None,
) -> bytes:
    """An IPv6 packet; `fragment` is the offset of a fragment with more behind it."""
    if fragment is not None:
        payload = pack("!BBHI", protocol, 0, fragment << 3 | 1, 7) + payload
        protocol = 44
    head = pack("!IHBB", 6 << 28, len(payload), protocol, 255)
    return head + IPv6Address(source).packed + IPv6Address(target).packed + payload


def icmpv6(kind: int) -> bytes:
    """ICMPv6 of that type, its checksum left out: OVS does not look at it."""
    return pack("!BBH", kind, 0, 0) + bytes(12)
