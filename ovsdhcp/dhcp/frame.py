"""The envelope of a request: Ethernet, 802.1Q, IPv4 and UDP, read with every length checked.

No checksum is verified. A UDP checksum is legitimately unfinished where a virtual port offloads
it, and so is the IPv4 one in some datapaths; what the kernel of a server's host would drop is no
danger to a reader that trusts no length. So neither, nor the IP identification, has any say.
"""

from struct import Struct
from typing import NamedTuple

from ovsdhcp.dhcp.reasons import (
    FRAME_SHORT,
    IP_FRAGMENT,
    IP_HEADER,
    IP_LENGTH,
    NOT_DHCP,
    SOURCE_ADDRESS,
    SOURCE_MAC,
    UDP_LENGTH,
    WireError,
)

ANY = b"\0\0\0\0"
BROADCAST = b"\xff\xff\xff\xff"
BROADCAST_MAC = b"\xff\xff\xff\xff\xff\xff"
SERVER_PORT = 67
CLIENT_PORT = 68

_NO_MAC = b"\0\0\0\0\0\0"
_IPV4 = b"\x08\x00"
_CHADDR = slice(28, 34)  # of a BOOTP message, RFC 2131 figure 1
_TAGS = (b"\x81\x00", b"\x88\xa8")  # IEEE 802.1Q, and 802.1ad's outer one
_MOST_TAGS = 2
_RESERVED_VLAN = 0x0FFF  # never in a frame: IEEE 802.1Q table 9-2
_UDP = 17
_FRAGMENT = 0x3FFF  # "more fragments" and the offset, RFC 791 §3.1; neither DF nor the unused bit
_IP_HEADER = Struct("!BxHxxHxB2x4s4s")
_UDP_HEADER = Struct("!2xHH")
_PLAIN = Struct("!6s6s2sBxHxxHxB2x4s4s2xHH2x")
"""All three headers without tags and IP options: EtherType, version and IHL, total length,
fragment, protocol, source, destination, port, UDP length."""


class Envelope(NamedTuple):
    """Where a request came from, and its BOOTP message.

    `tags` are the 802.1Q tags, four octets each, that a reply must bear as well; a priority tag
    (VLAN 0) is none, since it says that the frame belongs to no VLAN (IEEE 802.1Q §6.9).
    Addresses are octets as they were on the wire.
    """

    eth_dst: bytes
    eth_src: bytes
    tags: bytes
    ip_src: bytes
    ip_dst: bytes
    payload: bytes


def is_host(address: bytes) -> bool:
    """Whether four octets could be one host's: not in 0/8, 127/8, or 224/3 (RFC 1122 §3.2.1.3)."""
    return 0 < address[0] < 224 and address[0] != 127


def is_station(mac: bytes) -> bool:
    """Whether six octets could be one station's: neither zero nor a group (IEEE 802.3 §3.2.3)."""
    return not mac[0] & 1 and mac != _NO_MAC


def decode(frame: bytes, port: int = SERVER_PORT) -> Envelope:
    """Open a frame that holds a datagram to `port`. Raises `WireError`."""
    return _decode_plain(frame, port) or _decode_any(frame, port)


def _decode_plain(frame: bytes, port: int) -> Envelope | None:
    """Open a frame that is laid out as almost all are; None for any other, good or bad."""
    if len(frame) < _PLAIN.size:
        return None
    (eth_dst, eth_src, kind, version_ihl, total, fragment, protocol, ip_src, ip_dst, to, length) = (
        _PLAIN.unpack_from(frame)
    )
    if (
        kind != _IPV4
        or version_ihl != 0x45
        or protocol != _UDP
        or to != port
        or fragment & _FRAGMENT
        or not 28 <= 20 + length <= total <= len(frame) - 14
        or not is_station(eth_src)
        or (ip_src != ANY and not is_host(ip_src))
    ):
        return None
    payload = frame[_PLAIN.size : 34 + length]
    # its own constructor is a function of Python, and takes three times as long; so elsewhere
    return tuple.__new__(Envelope, (eth_dst, eth_src, b"", ip_src, ip_dst, payload))


def _decode_any(frame: bytes, port: int) -> Envelope:
    """Open a frame with every step's own reason for what is wrong."""
    eth_src = frame[6:12]
    if len(frame) < 14:
        raise WireError(FRAME_SHORT)
    if not is_station(eth_src):
        raise WireError(SOURCE_MAC)
    tags, at = (b"", 14) if frame[12:14] == _IPV4 else _decode_tags(frame)
    ip_src, ip_dst, start, end = _decode_ip(frame, at)
    payload = _decode_udp(frame, start, end, port)
    return Envelope(frame[:6], eth_src, tags, ip_src, ip_dst, payload)


def chaddr(frame: bytes) -> bytes | None:
    """Whose message a relay sends on: its Ethernet source is the relay's. None for no message."""
    try:
        return decode(frame).payload[_CHADDR] or None
    except WireError:
        return None


def _decode_tags(frame: bytes) -> tuple[bytes, int]:
    """The tags that name a VLAN, and where the IPv4 header begins."""
    tags, at = b"", 12
    while frame[at : at + 2] in _TAGS and at < 12 + 4 * _MOST_TAGS:
        tag = frame[at : at + 4]
        vlan = int.from_bytes(tag[2:], "big") & 0x0FFF
        if vlan == _RESERVED_VLAN:
            raise WireError(NOT_DHCP)
        tags += tag if vlan else b""
        at += 4
    if frame[at : at + 2] != _IPV4:
        raise WireError(NOT_DHCP)
    return tags, at + 2


def _decode_ip(frame: bytes, at: int) -> tuple[bytes, bytes, int, int]:
    """Source, destination, and where the datagram's content begins and ends."""
    if len(frame) < at + 20:
        raise WireError(FRAME_SHORT)
    version_ihl, total, fragment, protocol, ip_src, ip_dst = _IP_HEADER.unpack_from(frame, at)
    start, end = at + 4 * (version_ihl & 0x0F), at + total
    if version_ihl >> 4 != 4 or start < at + 20:
        raise WireError(IP_HEADER)
    if not start <= end <= len(frame):
        raise WireError(IP_LENGTH)
    if fragment & _FRAGMENT:
        raise WireError(IP_FRAGMENT)
    if protocol != _UDP:
        raise WireError(NOT_DHCP)
    if not is_host(ip_src) and ip_src != ANY:
        raise WireError(SOURCE_ADDRESS)
    return ip_src, ip_dst, start, end


def _decode_udp(frame: bytes, start: int, end: int, port: int) -> bytes:
    """The datagram's payload. Any source port will do: only 67 is fixed (RFC 2131 §4.1)."""
    if end < start + 8:
        raise WireError(UDP_LENGTH)
    destination, length = _UDP_HEADER.unpack_from(frame, start)
    if destination != port:
        raise WireError(NOT_DHCP)
    if not 8 <= length <= end - start:
        raise WireError(UDP_LENGTH)
    return frame[start + 8 : start + length]
