"""One value of the table each: text, number or truth as YAML has it, to the value meant.

Each function raises pydantic's `PydanticCustomError`, made by `refusal`, for what it does not
take. Nothing is guessed: a number is not an address, and `1` is not true.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from itertools import repeat
from socket import AF_INET, inet_pton
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from ovsdhcp.config.problems import shortened, shown
from ovsdhcp.config.table import Flows, OtherTraffic, Reply
from ovsdhcp.dhcp.option_kinds import TEXT, seconds

HIGHEST_PORT = 0xFEFF
"""Open vSwitch gives its ports the numbers 1 to 65279 (`ofport_request`, ovs-vswitchd.conf.db)."""

HIGHEST_TABLE = 253
"""Open vSwitch has the tables 0 to 254; it keeps the last to itself."""

ARCHITECTURES: Mapping[str, tuple[int, ...]] = {
    "bios": (0,),
    "uefi-ia32": (6,),
    # RFC 4578 swapped 7 and 9 (its erratum 4625), and firmware is found with either.
    "uefi-x64": (7, 9),
    "uefi-arm32": (10,),
    "uefi-arm64": (11,),
    "uefi-ia32-http": (15,),
    "uefi-x64-http": (16,),
    "uefi-arm32-http": (18,),
    "uefi-arm64-http": (19,),
}
"""Names for the client architectures of option 93 that one meets (IANA: processor architecture)."""

_E = TypeVar("_E", Reply, Flows, OtherTraffic)


def refusal(code: str, message: str, hint: str = "") -> PydanticCustomError:
    """The error by which a value is refused, in our words; pydantic carries it to its place."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def text(value: object) -> str:
    """Text that is not empty."""
    if isinstance(value, str) and value:
        return value
    number = isinstance(value, int)
    hint = "put it into quotes" if number else ""
    raise refusal("bad-text", f"{shown(value) if value != '' else 'nothing'} is not text", hint)


def boot_file(value: object) -> str:
    """A boot file's name, as option 67 can carry it."""
    try:
        return TEXT.encode(value).decode()
    except ValueError as error:
        raise refusal("bad-boot-file", shortened(str(error))) from None


def truth(value: object) -> bool:
    """`true` or `false`."""
    if isinstance(value, bool):
        return value
    raise refusal("bad-truth", f"{shown(value)} is neither `true` nor `false`")


def address(value: object) -> IPv4Address:
    """An IPv4 address in four decimal numbers."""
    return IPv4Address(address_octets(value))


def address_octets(value: object) -> bytes:
    """The four octets of an `address`."""
    if isinstance(value, str):
        try:
            return inet_pton(AF_INET, value)  # IPv4Address(value) takes three times as long
        except (OSError, ValueError):
            pass
    raise refusal("bad-address", f"{shown(value)} is not an IPv4 address", _address_hint(value))


def addresses_octets(values: Sequence[Any]) -> list[bytes]:
    """`address_octets` of many, in three fifths of the time."""
    try:
        return list(map(inet_pton, repeat(AF_INET), values))
    except (OSError, ValueError, TypeError):
        return [address_octets(value) for value in values]


def _address_hint(value: object) -> str:
    """What may have been meant: a network, IPv6, or octets with zeros in front (octal to some)."""
    if isinstance(value, str):
        if _is_ipv6(value):
            return "this is IPv6; only IPv4 is served"
        if "/" in value:
            return "write it without the prefix length, which the subnet's `cidr` says"
        if re.fullmatch(r"[0-9]+(?:\.[0-9]+){3}", value) and re.search(r"(?:^|\.)0[0-9]", value):
            return "write its numbers without zeros in front, as in 192.0.2.10"
    return "write four numbers from 0 to 255, as in 192.0.2.10"


def _is_ipv6(value: str) -> bool:
    try:
        return bool(IPv6Network(value, strict=False))
    except ValueError:
        return False


def network(value: object) -> IPv4Network:
    """An IPv4 network with its prefix length, such as 192.0.2.0/24."""
    found = None
    hint = "write it as 192.0.2.0/24"
    if isinstance(value, str) and "/" in value:
        try:
            found = IPv4Network(value, strict=False)
        except ValueError:
            hint = "this is IPv6; only IPv4 is served" if _is_ipv6(value) else hint
        else:
            hint = f"write it as {found}"
    if found is not None and _CIDR(str(value)):
        return _own_network(found, str(value))
    raise refusal("bad-cidr", f"{shown(value)} is not an IPv4 network with a prefix length", hint)


_CIDR = re.compile(r"[^/]+/[0-9]+").fullmatch  # not a netmask, nor one that is inverted
_ADDRESS_RANGE = re.compile(r"[^/]+(?:/[0-9]+)?").fullmatch


def _own_network(found: IPv4Network, value: str) -> IPv4Network:
    _check_no_host_bits(found, value)
    nobody = found.network_address.packed[0] == 0  # RFC 6890 §2.2.2: this host on this network
    if found.is_multicast or found.is_loopback or found.is_reserved or nobody:
        raise refusal("bad-cidr", f"{shown(value)} is not a network that clients can have")
    return found


def _check_no_host_bits(found: IPv4Network, value: str) -> None:
    if str(found.network_address) != value.split("/", 1)[0]:
        message = f"{shown(value)} has bits set behind its prefix length"
        raise refusal("bad-cidr", message, f"the network is {found}")


def address_range(value: object) -> IPv4Network:
    """An IPv4 address, or a network of any size, that a guarded port may use."""
    hint = "write an address, or a network such as 192.0.2.0/24"
    try:
        found = IPv4Network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or not _ADDRESS_RANGE(str(value)):
        raise refusal("bad-cidr", f"{shown(value)} is not an IPv4 address or network", hint)
    if found.is_multicast:
        message = f"{shown(value)} are groups' addresses"
        raise refusal("bad-cidr", message, "what goes to groups passes anyway")
    _check_no_host_bits(found, str(value))
    return found


_MAC = re.compile("[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}").fullmatch
_OTHER_MACS = re.compile(
    "(?:[0-9a-f]{1,2}([:-]))(?:[0-9a-f]{1,2}\\1){4}[0-9a-f]{1,2}"
    "|[0-9a-f]{4}([.:-])[0-9a-f]{4}\\2[0-9a-f]{4}"
    "|[0-9a-f]{6}[:-][0-9a-f]{6}|[0-9a-f]{12}",
    re.IGNORECASE | re.ASCII,
).fullmatch


def mac(value: object) -> bytes:
    """Six octets of a unicast MAC address, in any of the usual spellings."""
    octets = _mac_octets(value)
    if octets is None:
        hint = "write six pairs of hexadecimal digits, as in 02:ac:10:ff:01:30"
        raise refusal("bad-mac", f"{shown(value)} is not a MAC address", hint)
    if octets[0] & 1:
        hint = "the second hexadecimal digit of a client's or server's address is even"
        raise refusal("multicast-mac", f"{shown(value)} is a group's address", hint)
    if octets == _NOBODY:
        raise refusal("zero-mac", f"{shown(value)} is nobody's address")
    return octets


_NOBODY = bytes(6)
_EVEN = bytes(range(0, 256, 2))
_DIGITS_AS_0 = str.maketrans(dict.fromkeys("0123456789abcdefABCDEF", "0"))


def macs(values: Sequence[Any]) -> list[bytes]:
    """`mac` of many, in a third of the time where all are written in pairs of digits."""
    try:
        written = ",".join(values)
    except TypeError:
        return [mac(value) for value in values]
    if written.translate(_DIGITS_AS_0) == ",".join(repeat("00:00:00:00:00:00", len(values))):
        octets = bytes.fromhex(written.replace(":", "").replace(",", " "))
        found = [octets[at : at + 6] for at in range(0, len(octets), 6)]
        unicast = not octets[::6].translate(None, _EVEN)
        if unicast and _NOBODY not in found:
            return found
    return [mac(value) for value in values]


def _mac_octets(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    if _MAC(value):
        return bytes.fromhex(value.replace(":", ""))
    if not _OTHER_MACS(value):
        return None
    groups = re.split("[:.-]", value)
    width = 12 // len(groups)
    return bytes.fromhex("".join(group.zfill(width) for group in groups))


def duration(value: object) -> int:
    """Seconds, at least one: a number of them, or 90s, 15m, 12h, 7d, or infinite."""
    try:
        return seconds(value, 1)
    except ValueError:
        hint = "write seconds, 1 to 4294967295, or a time such as 90s, 15m, 12h, 7d or infinite"
        raise refusal("bad-time", f"{shown(value)} is not a time", hint) from None


def whole_number(low: int, high: int, what: str) -> Callable[[object], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        hint = f"it is {low} to {high}"
        if isinstance(value, str) and value.isdecimal():
            hint += ", without quotes or zeros in front"
        raise refusal("bad-number", f"{shown(value)} is not {what}", hint)

    return read


HIGHEST_RATE = 0xFFFF_FFFF
"""A meter's rate and burst have 32 bits each (OpenFlow 1.3 §A.3.4.5)."""

packets = whole_number(1, HIGHEST_RATE, "a number of packets")


_DPID = re.compile("0[xX][0-9a-fA-F]{1,16}|[0-9a-fA-F]{16}").fullmatch


def dpid(value: object) -> int:
    """A datapath id in hexadecimal: 0x and digits, or the sixteen digits of Open vSwitch."""
    if isinstance(value, str) and _DPID(value) and int(value, 16):
        return int(value, 16)
    hint = 'write it as "0x1", or in the sixteen digits of `ovs-vsctl get bridge NAME datapath_id`'
    raise refusal("bad-dpid", f"{shown(value)} is not a datapath id", hint)


def architecture(value: object) -> tuple[int, ...]:
    """The codes of option 93 that a name of `ARCHITECTURES`, or a number, stands for."""
    if isinstance(value, str):
        if value in ARCHITECTURES:
            return ARCHITECTURES[value]
        if value.isdecimal() and len(value) <= 5 and int(value) <= 0xFFFF:
            return (int(value),)
    hint = f"it is a number of option 93, or one of {', '.join(ARCHITECTURES)}"
    raise refusal("bad-architecture", f"{shown(value)} is not a client architecture", hint)


def _choice(allowed: type[_E]) -> Callable[[object], _E]:
    names = [member.value for member in allowed]

    def read(value: object) -> _E:
        if value in names:
            return allowed(value)
        hint = f"it is {', '.join(names[:-1])} or {names[-1]}"
        raise refusal("bad-choice", f"{shown(value)} is not one of the choices", hint)

    return read


reply = _choice(Reply)
flows = _choice(Flows)
other_traffic = _choice(OtherTraffic)
