"""Questions of a client that two servers are asked, octet for octet the same, and their replies."""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from ovsdhcp.dhcp.message import MessageType as Kind
from ovsdhcp.lab import namespace
from ovsdhcp.lab.laboratory import MACS, Lab
from ovsdhcp.lab.wire import Seen
from tests.bridge.raw import ETH_P_ALL, RawPort, raw_ports, xid_of
from tests.dhcp.wire import FIELDS, bootp, field_options, frame, ip, mac, ones_sum

CLIENT, ADDRESS, SERVER = "vm5", "172.16.255.130", "172.16.255.129"
BYSTANDER = "vm2"
"""Another port of the same network, which is to see nothing of a client's DHCP."""

_MAC = mac(MACS[CLIENT])
_MARKER = 0xCA000000
_LIST = {55: bytes((1, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59, 66, 67, 119, 121, 252))}
_WRONG = {50: ip("172.16.255.177")}
_RIGHT = {50: ip(ADDRESS)}


def _asked(kind: Kind, given: Mapping[int, bytes] = _LIST, **fields: object) -> bytes:
    """A broadcast; one that names its `ciaddr` comes from there, and goes to `to`."""
    target = str(fields.pop("to", "255.255.255.255"))
    source = ADDRESS if "ciaddr" in fields else "0.0.0.0"
    payload = bootp(kind, given, chaddr=_MAC, **fields)  # type: ignore[arg-type]
    return frame(payload, eth_src=_MAC, ip_src=source, ip_dst=target, ttl=128)


QUESTIONS: Mapping[str, bytes] = {
    "discover": _asked(Kind.DISCOVER),
    "discover, broadcast flag": _asked(Kind.DISCOVER, flags=0x8000),
    "discover, no list": _asked(Kind.DISCOVER, {}),
    "discover, client identifier": _asked(Kind.DISCOVER, {**_LIST, 61: b"\1" + _MAC}),
    "discover, iPXE": _asked(Kind.DISCOVER, {**_LIST, 175: b"\xb1\x05\x01\x80\x86\x10\x0e"}),
    "discover, 7 s after the first": _asked(Kind.DISCOVER, secs=7),
    "discover, relayed": _asked(Kind.DISCOVER, giaddr="172.16.255.140", hops=1),
    "request, selecting": _asked(Kind.REQUEST, {**_RIGHT, 54: ip(SERVER), **_LIST}),
    "request, another server": _asked(Kind.REQUEST, {**_RIGHT, 54: ip("10.0.0.9"), **_LIST}),
    "request, INIT-REBOOT": _asked(Kind.REQUEST, {**_RIGHT, **_LIST}),
    "request, INIT-REBOOT, wrong": _asked(Kind.REQUEST, {**_WRONG, **_LIST}),
    "request, renewing": _asked(Kind.REQUEST, ciaddr=ADDRESS, to=SERVER),
    "request, rebinding": _asked(Kind.REQUEST, ciaddr=ADDRESS),
    "request, rebinding, wrong": _asked(Kind.REQUEST, ciaddr="172.16.255.177"),
    "inform": _asked(Kind.INFORM, ciaddr=ADDRESS),
    "release": _asked(Kind.RELEASE, {54: ip(SERVER)}, ciaddr=ADDRESS, to=SERVER),
    "decline": _asked(Kind.DECLINE, {**_RIGHT, 54: ip(SERVER)}),
    "discover, after the decline": _asked(Kind.DISCOVER),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question led to: the reply taken apart, if any; whether others saw the question."""

    reply: Mapping[str, str] | None
    flooded: bool


def ask_all(lab: Lab) -> dict[str, Answer]:
    """Ask everything."""
    answers = {}
    with raw_ports(lab) as ports, lab.sniff(BYSTANDER) as bystander:
        for name, question in QUESTIONS.items():
            ports[CLIENT].send(question)
            replies = [reply for reply in map(taken_apart, until_done(ports[CLIENT])) if reply]
            assert len(replies) <= 1, f"{name}: {len(replies)} replies"
            seen = len(bystander.seen)
            answers[name] = Answer(replies[0] if replies else None, len(bystander.read()) > seen)
    return answers


def until_done(port: RawPort) -> list[bytes]:
    """What came of everything that was sent into a port before.

    Two INFORMs, always answered, mark the end. The first may be in one batch with what was sent
    before, in which the bridge goes by flows and not by order; the second is behind all that.
    """
    came: list[bytes] = []
    for marker in (_MARKER, _MARKER + 1):
        port.send(_asked(Kind.INFORM, ciaddr=ADDRESS, xid=marker))
        end, others = port.wait(_answers(marker), within=5)
        assert end.kind == "ACK"
        came += others
    return came


def _answers(xid: int) -> Callable[[Seen], bool]:
    return lambda seen: xid_of(seen) == xid


OVN, US = "OVN", "ovsdhcp"


def informers(lab: Lab, number: int) -> list[str]:
    """Who answers an INFORM: of `number` that are waited for, and no more.

    OVN leaves out the netmask, which tells them apart.
    """
    found = []
    with raw_ports(lab) as ports:
        ports[CLIENT].send(_asked(Kind.INFORM, ciaddr=ADDRESS, xid=_MARKER))
        for _ in range(number):
            seen, _ = ports[CLIENT].wait(_answers(_MARKER), within=5)
            found.append(US if 1 in seen.options else OVN)
        if number == 1:
            assert not any(map(taken_apart, until_done(ports[CLIENT]))), "more than one"
    return found


_QUERY = bytes.fromhex("123401000001000000000000") + b"\3www\7example\0\0\1\0\1"
"""www.example, A: what OVN's own DNS knows."""


def query_goes_on(lab: Lab, target: str = "vm3") -> bool:
    """Whether a DNS query to a neighbour gets there, neither answered on its way nor lost."""
    query = frame(_QUERY, eth_src=_MAC, eth_dst=mac(MACS[target]), ip_src=ADDRESS,
                  ip_dst="172.16.255.133", sport=4000, dport=53)  # fmt: skip
    with namespace.inside(lab.ports[target].home):
        there = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    with there, raw_ports(lab) as ports:
        there.bind((target, ETH_P_ALL))
        there.setblocking(False)
        ports[CLIENT].send(query)
        until_done(ports[CLIENT])
        return any(_QUERY in octets for octets in _waiting(there))


def _waiting(there: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield there.recv(65535)


# -- a reply, field by field -----------------------------------------------------------------


def taken_apart(octets: bytes) -> dict[str, str]:
    """Every field of a reply by its name, its options too; empty where it is no DHCP."""
    if octets[12:14] != b"\x08\x00" or octets[23] != 17 or octets[34:38] != b"\0\x43\0\x44":
        return {}
    header, udp = octets[14:34], octets[34:]
    length, checksum = struct.unpack_from("!HH", udp, 4)
    summed = ones_sum(header[12:20] + struct.pack("!HH", 17, length) + udp)
    message = udp[8:length]
    return {
        "eth_dst": octets[:6].hex(":"),
        "eth_src": octets[6:12].hex(":"),
        "ip_tos": str(header[1]),
        "ip_id": header[4:6].hex(),
        "ip_fragment": header[6:8].hex(),
        "ip_ttl": str(header[8]),
        "ip_src": str(IPv4Address(header[12:16])),
        "ip_dst": str(IPv4Address(header[16:20])),
        "udp_checksum": ("right" if summed == 0xFFFF else "wrong") if checksum else "none",
        **{name: message[at : at + size].hex() for name, (at, size) in FIELDS.items()},
        **dict(_options(message[240:])),
        "size": "at least 300 octets" if len(message) >= 300 else "less than 300 octets",
    }


def _options(octets: bytes) -> Iterator[tuple[str, str]]:
    found, _ = field_options(octets)
    yield "order", " ".join(str(code) for code, _ in found)
    for code, value in found:
        yield f"option {code}", value.hex()


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> set[str]:
    """The names of the fields that are not the same."""
    return {name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)}
