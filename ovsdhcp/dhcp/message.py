"""BOOTP octets to a `Request`: the fixed part, and the options joined and checked.

Not `ryu.lib.packet.dhcp`: that stops at the first PAD, knows neither overload nor options in
parts, and raises on ordinary input. Options are joined first (RFC 3396 §7), then looked at:
what a server must understand and cannot makes the message malformed; any other option that is
malformed counts as not sent (RFC 2132 §2 lets a server ignore what it does not know).
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from ovsdhcp.dhcp.frame import is_station
from ovsdhcp.dhcp.option_kinds import printable
from ovsdhcp.dhcp.reasons import (
    ADDRESS_MALFORMED,
    CHADDR_INVALID,
    MESSAGE_SHORT,
    NO_COOKIE,
    NO_TYPE,
    NOT_A_REQUEST,
    NOT_ETHERNET,
    OPTION_OVERRUN,
    TYPE_MALFORMED,
    WireError,
)


class MessageType(IntEnum):
    """Option 53 (RFC 2132 §9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8

    __hash__ = int.__hash__  # Enum's own is a function of Python, and a packet needs several


BOOTREQUEST = 1
ETHERNET = 1
COOKIE = b"\x63\x82\x53\x63"
BROADCAST_FLAG = 0x8000
FIXED = 236
"""Octets of the fixed part (RFC 2131 figure 1); the cookie follows it."""

PAD, END = 0, 255
HOST_NAME, REQUESTED_ADDRESS, LEASE_TIME, OVERLOAD, MESSAGE_TYPE = 12, 50, 51, 52, 53
VENDOR_CLASS = 60
SERVER_ID, PARAMETER_LIST, MESSAGE, MAX_SIZE, T1, T2 = 54, 55, 56, 57, 58, 59
CLIENT_ID, USER_CLASS, CLIENT_FQDN, RELAY_AGENT = 61, 77, 81, 82
ARCHITECTURE, CLIENT_UUID, ETHERBOOT = 93, 97, 175

_HEADER = Struct("!BBBBIHH4s4s4s4s16s")
_SNAME, _FILE = slice(44, 108), slice(108, 236)


class Request(NamedTuple):
    """A message by the names of RFC 2131 §2; addresses and `chaddr` (16 octets) as on the wire.

    `options` are whole values by code, without PAD, END, and what counts as not sent.
    """

    op: int
    htype: int
    hlen: int
    hops: int
    xid: int
    secs: int
    flags: int
    ciaddr: bytes
    yiaddr: bytes
    siaddr: bytes
    giaddr: bytes
    chaddr: bytes
    options: Mapping[int, bytes]

    @property
    def mac(self) -> bytes:
        """The client's Ethernet address; the ten octets after it mean nothing."""
        return self.chaddr[:6]

    @property
    def client_id(self) -> bytes | None:
        """Option 61: opaque (RFC 2132 §9.14)."""
        return self.options.get(CLIENT_ID)

    @property
    def hostname(self) -> str | None:
        """The client's name, as `hostname_of` has it."""
        return hostname_of(self.options.get(CLIENT_FQDN), self.options.get(HOST_NAME))

    @property
    def type_name(self) -> str:
        """The message type in words, for the eye."""
        number = self.options[MESSAGE_TYPE][0]
        return _TYPE_NAMES.get(number) or f"type {number}"


_LONGEST = 255
"""Octets kept of an option: what one has that is not in parts (RFC 3396 allows for more)."""


class Client(NamedTuple):
    """What a request says of who sent it, as on the wire: `chaddr` and options 61, 60, 81, 12.

    Each option is None where it was not sent, and cut where it is longer than one is by itself.
    """

    mac: bytes
    client_id: bytes | None
    vendor_class: bytes | None
    fqdn: bytes | None
    host_name: bytes | None


def client_of(request: Request) -> Client:
    """Who sent a request."""
    option = request.options.get
    client_id, vendor_class = option(CLIENT_ID), option(VENDOR_CLASS)
    fqdn, host_name = option(CLIENT_FQDN), option(HOST_NAME)
    said = (
        client_id and client_id[:_LONGEST],
        vendor_class and vendor_class[:_LONGEST],
        fqdn and fqdn[:_LONGEST],
        host_name and host_name[:_LONGEST],
    )
    return tuple.__new__(Client, (request.chaddr[:6], *said))


def hostname_of(fqdn: bytes | None, host_name: bytes | None) -> str | None:
    """A client's name: option 81's, which outweighs option 12's (RFC 4702 §3.1).

    Without its NULs (RFC 2132 §2), None where it is absent or empty. Whatever the client
    wrote: fit to be shown, never to be run or trusted.
    """
    octets = (host_name or b"") if fqdn is None else _fqdn_name(fqdn)
    return shown(octets.rstrip(b"\0")) or None


def shown(octets: bytes) -> str:
    """A client's text, fit to be shown: what is not UTF-8 or could drive a terminal is escaped."""
    return printable(octets.decode("utf-8", "backslashreplace"))


_TYPE_NAMES: dict[int, str] = {kind.value: kind.name for kind in MessageType}


def decode(payload: bytes) -> Request:
    """Read what a client sent. Raises `WireError` for what is no well-formed request."""
    request = parse(payload)
    if request.op != BOOTREQUEST:
        raise WireError(NOT_A_REQUEST)
    if request.htype != ETHERNET or request.hlen != 6:
        raise WireError(NOT_ETHERNET)
    if not is_station(request.chaddr[:6]):
        raise WireError(CHADDR_INVALID)
    kind = request.options.get(MESSAGE_TYPE)
    if kind is None:
        raise WireError(NO_TYPE)
    if len(kind) != 1:
        raise WireError(TYPE_MALFORMED)
    return request


def parse(payload: bytes) -> Request:
    """Read a message of either direction, whoever sent it. Raises `WireError`."""
    if len(payload) < FIXED + len(COOKIE):
        raise WireError(MESSAGE_SHORT)
    if payload[FIXED : FIXED + 4] != COOKIE:
        raise WireError(NO_COOKIE)
    options: dict[int, bytes] = {}
    _join(payload, FIXED + 4, len(payload), options)
    if OVERLOAD in options:
        _join_overloaded(payload, options)
    _check(options)
    return tuple.__new__(Request, (*_HEADER.unpack_from(payload), options))


def _join(octets: bytes, at: int, end: int, options: dict[int, bytes]) -> None:
    """Add the options of one field; parts of one option are joined (RFC 3396 §7).

    A field without END is taken as it is: every server in use answers.
    """
    while at < end:
        code = octets[at]
        if code == END:
            return
        if code == PAD:
            at += 1
            continue
        start = at + 2
        if start > end:
            raise WireError(OPTION_OVERRUN)
        at = start + octets[at + 1]
        if at > end:
            raise WireError(OPTION_OVERRUN)
        if code in options:
            options[code] += octets[start:at]
        else:
            options[code] = octets[start:at]


def _join_overloaded(payload: bytes, options: dict[int, bytes]) -> None:
    """Add those in `file`, then those in `sname` (RFC 2131 §4.1, RFC 2132 §9.3).

    An overload option within them means nothing, or a message could refer to itself.
    """
    overload = options.pop(OVERLOAD)
    if overload in (b"\1", b"\3"):
        _join(payload, _FILE.start, _FILE.stop, options)
    if overload in (b"\2", b"\3"):
        _join(payload, _SNAME.start, _SNAME.stop, options)
    options.pop(OVERLOAD, None)
    if overload in (b"\1", b"\2", b"\3"):
        options[OVERLOAD] = overload


def _is_fqdn(value: bytes) -> bool:
    """Flags, two result codes, and a name that is in whole labels if E is set (RFC 4702 §2).

    Flags that contradict each other (S and N) make it malformed, reserved ones do not (§2.1).
    """
    if len(value) < 3 or value[0] & 0x09 == 0x09:
        return False
    at = 3
    if value[0] & 0x04:
        while at < len(value) and value[at] < 64:
            at += 1 + value[at]
        return at == len(value)
    return True


def _fqdn_name(value: bytes) -> bytes:
    """The name in a well-formed option 81, with dots."""
    if not value[0] & 0x04:
        return value[3:]
    labels, at = [], 3
    while at < len(value) and value[at]:
        labels.append(value[at + 1 : at + 1 + value[at]])
        at += 1 + value[at]
    return b".".join(labels)


def _is_address(value: bytes) -> bool:
    return len(value) == 4


_WELL_FORMED: dict[int, Callable[[bytes], bool]] = {
    REQUESTED_ADDRESS: _is_address,
    LEASE_TIME: lambda value: len(value) == 4,
    SERVER_ID: _is_address,
    PARAMETER_LIST: bool,
    MAX_SIZE: lambda value: len(value) == 2,
    CLIENT_ID: lambda value: len(value) >= 2,  # RFC 2132 §9.14
    CLIENT_FQDN: _is_fqdn,
    ARCHITECTURE: lambda value: len(value) >= 2 and len(value) % 2 == 0,  # RFC 4578 §2.1
    CLIENT_UUID: lambda value: len(value) == 17 and value[0] == 0,  # RFC 4578 §2.3
}


def _check(options: dict[int, bytes]) -> None:
    """Refuse addresses that are none; forget what is malformed and may be ignored."""
    malformed = []
    for code, value in options.items():
        is_well_formed = _WELL_FORMED.get(code)
        if is_well_formed is not None and not is_well_formed(value):
            malformed.append(code)
    for code in malformed:
        if _WELL_FORMED[code] is _is_address:
            raise WireError(ADDRESS_MALFORMED)
        del options[code]
