"""Replies octet for octet, one file for each message type and state, to be read by people.

A file that is missing is written, and the test fails once, so that a new reply is looked at.
"""

from pathlib import Path

import pytest

from ovsdhcp.dhcp.binding import Binding, Boot
from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.dhcp.options import BY_CODE
from tests.dhcp.asked import reply
from tests.dhcp.wire import (
    ADDRESS,
    BINDING,
    FIELDS,
    MAC,
    OFF_NETWORK,
    OPTIONS,
    RELAY,
    SERVER,
    WRONG,
    asking,
    binding,
    bootp,
    discover,
    frame,
    ip,
    request,
    see,
)

_GOLDEN = Path(__file__).parent / "golden"
_ASKED = {61: b"\1" + MAC, 57: b"\x05\xdc", **asking(1, 28, 2, 3, 15, 6, 12, 121, 26, 42)}
_ROUTES = b"\x20" + ip("169.254.169.254") + ip("192.0.2.2")
_FULL = binding(options={**OPTIONS, 121: _ROUTES})
_BOOT = binding(
    options={66: b"tftp.example"},
    boot=Boot(BINDING.address, "undionly.kpxe", {7: "ipxe.efi"}, "http://192.0.2.69/boot.ipxe"),
)
_TRUSTED = binding(trusted=True)
_TAGGED = b"\x81\x00\x00\x07"


def _inform() -> bytes:
    payload = bootp(MessageType.INFORM, _ASKED, ciaddr=ADDRESS)
    return frame(payload, ip_src=ADDRESS, ip_dst=SERVER)


def _renew(address: str, to: str = SERVER) -> bytes:
    return request(_ASKED, ciaddr=address, ip_src=address, ip_dst=to)


_SELECTING = {**_ASKED, 54: ip(SERVER)}
_PXE = {93: b"\0\7", 94: b"\1\3\0", 97: bytes(17), 60: b"PXEClient:Arch:00007"}
CASES: dict[str, tuple[bytes, Binding]] = {
    "offer": (discover(_ASKED), _FULL),
    "offer-broadcast": (discover(_ASKED, flags=0x8000), _FULL),
    "offer-without-a-list": (discover(), _FULL),
    "offer-vlan": (frame(bootp(1, _ASKED), tags=_TAGGED), _FULL),
    "offer-overloaded": (
        discover(asking(*range(128, 146))),
        binding(options={128 + n: bytes([n]) * 20 for n in range(18)}),
    ),
    "offer-pxe-by-option": (discover({**_PXE, **asking(1, 3, 66, 67)}), _BOOT),
    "offer-pxe-by-field": (discover({**_PXE, **asking(1, 3)}), _BOOT),
    "offer-ipxe": (discover({**_PXE, 77: b"iPXE", **asking(1, 67)}), _BOOT),
    "offer-relayed": (
        discover({**_ASKED, 82: b"\1\3vm5"}, giaddr=RELAY, hops=1),
        _TRUSTED,
    ),
    "ack-selecting": (request({**_SELECTING, 50: ip(ADDRESS)}), _FULL),
    "ack-init-reboot": (request({**_ASKED, 50: ip(ADDRESS)}), _FULL),
    "ack-renewing": (_renew(ADDRESS), _FULL),
    "ack-rebinding": (_renew(ADDRESS, "255.255.255.255"), _FULL),
    "ack-inform": (_inform(), _FULL),
    "nak-selecting": (request({**_SELECTING, 50: ip(WRONG)}), _FULL),
    "nak-init-reboot": (request({**_ASKED, 50: ip(OFF_NETWORK)}), _FULL),
    "nak-renewing": (_renew(WRONG), _FULL),
    "nak-rebinding": (_renew(OFF_NETWORK, "255.255.255.255"), _FULL),
    "nak-no-address": (request(_ASKED), _FULL),
    "nak-relayed": (
        request({**_SELECTING, 50: ip(WRONG), 82: b"\1\3vm5"}, giaddr=RELAY),
        _TRUSTED,
    ),
}


def _lines(octets: bytes, name: str) -> list[str]:
    """`name`, then 32 octets a line; a run of zeros to the end is said in words."""
    text = octets.rstrip(b"\0")
    zeros = len(octets) - len(text)
    if zeros < 32:
        text, zeros = octets, 0
    rows = [text[at : at + 32].hex(" ") for at in range(0, len(text), 32)]
    rows += [f"{zeros} zeros"] * bool(zeros)
    return [f"{name if n == 0 else '':<34}{row}" for n, row in enumerate(rows)]


def _option_lines(octets: bytes) -> list[str]:
    lines, at = [], 0
    while octets[at] != 255:
        end = at + 2 + octets[at + 1]
        known = BY_CODE.get(octets[at])
        name = f"  {octets[at]} {known.name if known else ''}".rstrip()
        lines += _lines(octets[at:end], name)
        at = end
    return lines + _lines(octets[at:], "  255 end")


def written(octets: bytes) -> str:
    """A reply as its golden file has it: every octet, in order, beside what it is."""
    tags = len(see(octets).tags)
    at = 14 + tags
    lines = [
        *_lines(octets[:6], "ethernet to"),
        *_lines(octets[6:12], "ethernet from"),
        *_lines(octets[12:at], "ethernet type"),
        *_lines(octets[at : at + 20], "ipv4"),
        *_lines(octets[at + 20 : at + 28], "udp"),
    ]
    message = octets[at + 28 :]
    for name, (start, size) in FIELDS.items():
        lines += _lines(message[start : start + size], name)
    lines += _lines(message[236:240], "cookie")
    return "\n".join([*lines, *_option_lines(message[240:])]) + "\n"


def _octets(text: str) -> bytes:
    """The frame that a golden file stands for."""
    octets = b""
    for line in text.splitlines():
        data = line[34:]
        zeros = data.removesuffix(" zeros")
        octets += bytes(int(zeros)) if zeros != data else bytes.fromhex(data)
    return octets


@pytest.mark.parametrize("name", CASES)
def test_a_reply_is_the_golden_one(name: str) -> None:
    octets, bound = CASES[name]
    given = reply(octets, bound).frame
    path = _GOLDEN / f"{name}.txt"
    if not path.exists():
        path.write_text(written(given))
        pytest.fail(f"{path.name} was not there and is written: look at it")
    assert written(given) == path.read_text()
    assert given == _octets(path.read_text())


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in _GOLDEN.glob("*")} == set(CASES)
