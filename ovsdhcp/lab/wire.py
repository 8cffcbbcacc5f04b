"""Seeing the DHCP that passes an interface: who said what, to whom, when.

A packet socket keeps what it sees, with the kernel's time, until somebody asks. The few fields
that the lab and its tests speak of are read here without ovsdhcp.dhcp, so that they can disagree.
"""

import ipaddress
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ovsdhcp.lab import namespace

ETH_P_ALL = 3
SO_TIMESTAMPNS = 35
COOKIE = b"\x63\x82\x53\x63"
KINDS = ("?", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM")


@dataclass(frozen=True, slots=True)
class Seen:
    """A DHCP message on the wire. `at` is the kernel's clock, `options` are raw values by code."""

    at: float
    kind: str
    source_mac: str
    target_mac: str
    source: str
    target: str
    client_mac: str
    ciaddr: str
    yiaddr: str
    options: dict[int, bytes] = field(repr=False)
    frame: bytes = field(repr=False)

    @property
    def unicast(self) -> bool:
        """Whether it went to one address rather than to all."""
        return self.target != "255.255.255.255"


class Sniffer:
    """Collects the DHCP seen on one interface from now on, in both directions."""

    def __init__(self, home: str, interface: str) -> None:
        with namespace.inside(home):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)
        self.seen: list[Seen] = []

    def __enter__(self) -> "Sniffer":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read(self) -> list[Seen]:
        """Everything until now."""
        while True:
            try:
                frame, ancillary, _, _ = self._socket.recvmsg(65535, 64)
            except BlockingIOError:
                return self.seen
            seen = parse(frame, _time(ancillary))
            if seen is not None:
                self.seen.append(seen)

    def kinds(self) -> list[str]:
        """What was said, as a list of names."""
        return [seen.kind for seen in self.read()]

    def wait(self, wanted: Callable[[Seen], bool], *, within: float) -> Seen | None:
        """The first message that is wanted, waiting for it no longer than `within` seconds."""
        end = time.monotonic() + within
        looked = 0
        while True:
            for seen in self.read()[looked:]:
                if wanted(seen):
                    return seen
            looked = len(self.seen)
            remaining = end - time.monotonic()
            if remaining <= 0:
                return None
            select.select([self._socket], [], [], remaining)


def _time(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", value[:16])
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def parse(frame: bytes, at: float) -> Seen | None:
    """Read a frame; None unless it is DHCP over UDP over IPv4."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
        return None
    udp = 14 + (frame[14] & 15) * 4
    bootp = frame[udp + 8 :]
    if not set(struct.unpack("!HH", frame[udp : udp + 4].ljust(4, b"\0"))) & {67, 68}:
        return None
    if bootp[236:240] != COOKIE:
        return None
    options = _options(bootp[240:])
    kind = int.from_bytes(options.get(53, b"")[:1], "big")
    return Seen(
        at=at,
        kind=KINDS[kind] if kind < len(KINDS) else "?",
        source_mac=frame[6:12].hex(":"),
        target_mac=frame[:6].hex(":"),
        source=_address(frame[26:30]),
        target=_address(frame[30:34]),
        client_mac=bootp[28:34].hex(":"),
        ciaddr=_address(bootp[12:16]),
        yiaddr=_address(bootp[16:20]),
        options=options,
        frame=frame,
    )


def _address(raw: bytes) -> str:
    return str(ipaddress.IPv4Address(raw))


def _options(raw: bytes) -> dict[int, bytes]:
    """Codes to values, as far as they can be read."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(raw) and raw[at] != 255:
        if raw[at] == 0:
            at += 1
            continue
        length = raw[at + 1] if at + 1 < len(raw) else 0
        found[raw[at]] = raw[at + 2 : at + 2 + length]
        at += 2 + length
    return found
