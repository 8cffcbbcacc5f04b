"""Clients' frames, made octet by octet, and servers' frames, taken apart: no code of ours."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from types import MappingProxyType

from ovsdhcp.dhcp.binding import NO_BOOT, Binding, Boot, Subnet
from ovsdhcp.dhcp.message import MessageType

COOKIE = bytes((99, 130, 83, 99))


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    return IPv4Address(text).packed


MAC, OTHER_MAC, SERVER_MAC = (mac(f"02:00:00:00:00:{n}") for n in ("50", "51", "01"))
EVERYBODY, NOBODY = mac("ff:ff:ff:ff:ff:ff"), mac("00:00:00:00:00:00")
ADDRESS, WRONG, OFF_NETWORK = "192.0.2.50", "192.0.2.60", "198.51.100.7"
SERVER, OTHER_SERVER, RELAY = "192.0.2.1", "192.0.2.9", "192.0.2.2"

SUBNET = Subnet("lan", IPv4Network("192.0.2.0/24"), IPv4Address(SERVER), SERVER_MAC)
QUIET = Subnet("lan", SUBNET.network, SUBNET.server_id, SERVER_MAC, authoritative=False)
OPTIONS: Mapping[int, bytes] = MappingProxyType(
    {
        3: ip(SERVER),
        6: ip("192.0.2.53"),
        12: b"vm5",
        15: b"example.org",
        26: bytes((0x05, 0xA2)),
        42: ip("192.0.2.123"),
    }
)


def binding(
    *,
    subnet: Subnet = SUBNET,
    mac: bytes | None = MAC,
    lease_time: int = 3600,
    t1: int | None = None,
    t2: int | None = None,
    options: Mapping[int, bytes] = OPTIONS,
    boot: Boot = NO_BOOT,
    trusted: bool = False,
) -> Binding:
    return Binding(
        "vm5",
        subnet,
        IPv4Address(ADDRESS),
        mac,
        lease_time,
        t1,
        t2,
        options,
        boot,
        trusted,
    )


BINDING = binding()


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def options_of(given: Mapping[int, bytes] | Iterable[tuple[int, bytes]]) -> bytes:
    pairs = given.items() if isinstance(given, Mapping) else given
    return b"".join(option(code, value) for code, value in pairs)


def bootp(
    kind: int | None,
    given: Mapping[int, bytes] | Iterable[tuple[int, bytes]] = (),
    *,
    raw: bytes | None = None,
    op: int = 1,
    htype: int = 1,
    hlen: int = 6,
    hops: int = 0,
    xid: int = 0x0BADF00D,
    secs: int = 0,
    flags: int = 0,
    ciaddr: str = "0.0.0.0",
    yiaddr: str = "0.0.0.0",
    siaddr: str = "0.0.0.0",
    giaddr: str = "0.0.0.0",
    chaddr: bytes = MAC,
    sname: bytes = b"",
    file: bytes = b"",
    cookie: bytes = COOKIE,
) -> bytes:
    """A BOOTP message; `raw` replaces the options after the message type, END and all."""
    fixed = struct.pack(
        "!BBBBIHH4s4s4s4s16s64s128s",
        *(op, htype, hlen, hops, xid, secs, flags),
        *(ip(a) for a in (ciaddr, yiaddr, siaddr, giaddr)),
        *(chaddr, sname, file),
    )
    first = b"" if kind is None else option(53, bytes((kind,)))
    rest = options_of(given) + b"\xff" if raw is None else raw
    return fixed + cookie + first + rest


def frame(
    payload: bytes,
    *,
    eth_dst: bytes = EVERYBODY,
    eth_src: bytes = MAC,
    tags: bytes = b"",
    ip_src: str = "0.0.0.0",
    ip_dst: str = "255.255.255.255",
    sport: int = 68,
    dport: int = 67,
    ip_options: bytes = b"",
    version: int = 4,
    ihl: int | None = None,
    total: int | None = None,
    fragment: int = 0,
    protocol: int = 17,
    ttl: int = 64,
    udp_length: int | None = None,
    trailer: bytes = b"",
) -> bytes:
    """An Ethernet frame around a BOOTP message; its checksums are left at 0."""
    udp_length = 8 + len(payload) if udp_length is None else udp_length
    udp = struct.pack("!HHHH", sport, dport, udp_length, 0) + payload
    ihl = 5 + len(ip_options) // 4 if ihl is None else ihl
    total = 20 + len(ip_options) + len(udp) if total is None else total
    header = struct.pack(
        "!BBHHHBBH4s4s",
        *(version << 4 | ihl, 0, total, 1, fragment, ttl, protocol, 0),
        *(ip(ip_src), ip(ip_dst)),
    )
    return eth_dst + eth_src + tags + b"\x08\x00" + header + ip_options + udp + trailer


def discover(
    given: Mapping[int, bytes] | Iterable[tuple[int, bytes]] = (), **more: object
) -> bytes:
    return frame(bootp(MessageType.DISCOVER, given, **more))  # type: ignore[arg-type]


def request(
    given: Mapping[int, bytes] | Iterable[tuple[int, bytes]] = (),
    *,
    ip_src: str = "0.0.0.0",
    ip_dst: str = "255.255.255.255",
    **more: object,
) -> bytes:
    payload = bootp(MessageType.REQUEST, given, **more)  # type: ignore[arg-type]
    return frame(payload, ip_src=ip_src, ip_dst=ip_dst)


def asking(*codes: int) -> dict[int, bytes]:
    return {55: bytes(codes)}


# -- what came back --------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A reply, taken apart."""

    eth_dst: bytes
    eth_src: bytes
    tags: bytes
    ip_header: bytes
    udp: bytes
    fixed: bytes
    options: tuple[tuple[int, bytes], ...]

    @property
    def ip_src(self) -> str:
        return str(IPv4Address(self.ip_header[12:16]))

    @property
    def ip_dst(self) -> str:
        return str(IPv4Address(self.ip_header[16:20]))

    @property
    def ports(self) -> tuple[int, int]:
        sport, dport = struct.unpack_from("!HH", self.udp)
        return sport, dport

    @property
    def codes(self) -> list[int]:
        return [code for code, _ in self.options]

    def field(self, name: str) -> bytes:
        at, size = FIELDS[name]
        return self.fixed[at : at + size]

    def address(self, name: str) -> str:
        return str(IPv4Address(self.field(name)))

    def value(self, code: int) -> bytes:
        """An option's parts, joined."""
        return b"".join(value for c, value in self.options if c == code)


FIELDS = {
    "op": (0, 1),
    "htype": (1, 1),
    "hlen": (2, 1),
    "hops": (3, 1),
    "xid": (4, 4),
    "secs": (8, 2),
    "flags": (10, 2),
    "ciaddr": (12, 4),
    "yiaddr": (16, 4),
    "siaddr": (20, 4),
    "giaddr": (24, 4),
    "chaddr": (28, 16),
    "sname": (44, 64),
    "file": (108, 128),
}


def see(octets: bytes) -> Seen:
    """Take a reply apart, and insist on what must hold for every one."""
    at = 12
    while octets[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    tags, at = octets[12:at], at + 2
    ip_header, udp = octets[at : at + 20], octets[at + 20 :]
    assert octets[at - 2 : at] == b"\x08\x00"
    assert ip_header[0] == 0x45
    assert ip_header[9] == 17
    assert struct.unpack_from("!H", ip_header, 2)[0] == len(octets) - at
    assert ones_sum(ip_header) == 0xFFFF
    length, checksum = struct.unpack_from("!HH", udp, 4)
    assert length == len(udp)
    pseudo = ip_header[12:20] + struct.pack("!HH", 17, length)
    assert checksum
    assert ones_sum(pseudo + udp) == 0xFFFF
    assert len(udp) - 8 >= 300
    message = udp[8:]
    assert message[236:240] == COOKIE
    fixed = message[:236]
    options, rest = field_options(message[240:])
    assert rest is not None, "no END"
    assert not any(rest), "something after END"
    for bit, part in ((1, fixed[108:]), (2, fixed[44:108])):
        overload = dict(options).get(52, b"\0")[0]
        if overload & bit:
            more, rest = field_options(part)
            assert rest is not None
            options += more
    return Seen(octets[:6], octets[6:12], tags, ip_header, udp, fixed, tuple(options))


def field_options(octets: bytes) -> tuple[list[tuple[int, bytes]], bytes | None]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(octets):
        if octets[at] == 255:
            return found, octets[at + 1 :]
        if octets[at] == 0:
            at += 1
            continue
        end = at + 2 + octets[at + 1]
        assert end <= len(octets)
        found.append((octets[at], octets[at + 2 : end]))
        at = end
    return found, None


def ones_sum(octets: bytes) -> int:
    """RFC 1071, word by word."""
    octets += b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total
