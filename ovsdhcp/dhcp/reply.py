"""Replies as frames, from templates: what is the same each time is built once, with Ryu.

`ryu.lib.packet` makes the frame of a subnet's replies once, and the options of each `Question`
once; a reply is then a template with the client's fields, what goes back to it, and both checksums
put in. Bindings that may be told the same share their templates. A bounded number is remembered.
"""

from struct import Struct
from typing import NamedTuple, TypeVar

from ryu.lib.packet import dhcp, ethernet, ipv4, packet, udp

from ovsdhcp.dhcp.binding import Binding, Subnet
from ovsdhcp.dhcp.frame import ANY, CLIENT_PORT, SERVER_PORT
from ovsdhcp.dhcp.message import END, MessageType, Request
from ovsdhcp.dhcp.parameters import (
    BOOTFILE,
    TFTP_SERVER,
    Layout,
    Parameter,
    Question,
    header_texts,
    lay_out,
    parameters,
    parts,
)

_LEAST_MESSAGE = 300
"""BOOTP's minimum, which old clients and relays insist on (RFC 1542 §2.1)."""

_MOST_TEMPLATES = 16_384
_MOST_SUBNETS = 1_024

_END = bytes([END])
_IPV4 = b"\x08\x00"
_TAIL_AT = 44  # where `sname` begins (RFC 2131 figure 1)
_U16 = Struct("!H")
_PSEUDO = Struct("!HHHH")  # RFC 768's pseudo-header after the addresses, our port, the length
_HEADERS = Struct("!H4s4sHHHH4s")  # from the IPv4 checksum to `hops`
_CLIENT = Struct("!IxxH4s4s4s4s16s")  # from `xid` to `chaddr`

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


Destination = tuple[bytes, bytes, int]
"""Where a reply goes (RFC 2131 §4.1): MAC and IPv4 address as octets, and UDP port."""


class Template(NamedTuple):
    """A reply without what differs from client to client.

    `ip_head` is the EtherType and the IPv4 header as far as its checksum. `gives` says whether
    `yiaddr` is the binding's address.

    Between `front` and `back`, which are of even length, is what goes back to the client, within
    a `margin` before and after it. There is no margin where it did not fit behind the options:
    then it is in them, and the template is for this client alone.

    The sums are of 16-bit words, modulo 65535, of all that is constant (RFC 1071): `ip_sum` of
    the IPv4 header, `udp_sum` of the pseudo-header, the UDP header and the message.
    """

    source_mac: bytes
    ip_head: bytes
    source_address: bytes
    udp_length: int
    bootp_head: bytes
    gives: bool
    siaddr: bytes
    front: bytes
    margin: tuple[bytes, bytes] | None
    back: bytes
    ip_sum: int
    udp_sum: int
    left_out: tuple[int, ...]


class Skeleton(NamedTuple):
    """What all replies of a subnet have in common, cut from a frame that Ryu made."""

    source_mac: bytes
    ip_head: bytes
    source_address: bytes
    bootp_head: bytes


_skeletons: dict[int, tuple[Subnet, Skeleton]] = {}
_templates: dict[object, tuple[Binding, Template]] = {}


def template(asked: Question, echo: bytes, binding: Binding) -> Template:
    """The template that answers `asked`, remembered or made; `echo` is its echoes, encoded."""
    kind, codes, size, file, spread, text, _ = asked
    subnet, options, boot = binding.subnet, binding.options, binding.boot
    terms = id(subnet), id(options), id(boot), binding.lease_time, binding.t1, binding.t2
    key: object = (terms, kind, codes, size, file, spread, text, len(echo))
    kept = _templates.get(key)
    if kept is not None and kept[1].margin is None:
        key = key, echo
        kept = _templates.get(key)
    if kept is None:
        kept = binding, _build(asked, echo, binding)  # the binding keeps its ids from being reused
        _keep(_templates, key, kept, _MOST_TEMPLATES)
    return kept[1]


def _keep(kept: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Keep `value`, and at most `most` of them: the eldest goes."""
    if key not in kept and len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value


def fill(
    found: Template,
    request: Request,
    echo: bytes,
    yiaddr: bytes,
    to: Destination,
    tags: bytes,
    *,
    ciaddr: bytes,
    flags: int,
) -> bytes:
    """The frame for one client: the template with what this request brings, and its checksums.

    `hops` and `secs` are 0 in every reply; `xid`, `giaddr` and `chaddr` are the client's
    (RFC 2131 table 3).
    """
    mac, address, port = to
    client = _CLIENT.pack(
        request.xid,
        flags,
        ciaddr,
        yiaddr if found.gives else ANY,
        found.siaddr,
        request.giaddr,
        request.chaddr,
    )
    middle = echo.join(found.margin) if found.margin else b""
    number = int.from_bytes(address, "big")
    udp_sum = found.udp_sum + number + port + int.from_bytes(client + middle, "big")
    headers = _HEADERS.pack(
        -(found.ip_sum + number) % 0xFFFF,
        found.source_address,
        address,
        SERVER_PORT,
        port,
        found.udp_length,
        0xFFFF - udp_sum % 0xFFFF,  # a sum of 0 would say that there is none (RFC 768)
        found.bootp_head,
    )
    before = (mac, found.source_mac, tags, found.ip_head)
    return b"".join((*before, headers, client, found.front, middle, found.back))


# -- making templates ------------------------------------------------------------------------


def _build(question: Question, echo: bytes, binding: Binding) -> Template:
    skeleton = _skeleton_of(binding.subnet)
    chosen = parameters(question, binding)
    texts = header_texts(question, binding, chosen)
    file, sname = texts.get(BOOTFILE, b""), texts.get(TFTP_SERVER, b"")
    usable = question.type is not MessageType.NAK  # no option 52 in a NAK (RFC 2131 table 3)
    layout = lay_out(chosen, question.size, file=usable and not file, sname=usable and not sname)
    tail = _fields(layout, file, sname) + _serialized(layout.options, _END)
    end = len(tail) - len(_END)
    tail = _padded(tail)
    front, margin, back = tail, None, b""
    if layout.options == tuple(chosen):
        front, margin, back = _cut(tail, end - len(echo), end)
    udp_length = 8 + _TAIL_AT + len(tail)
    ip_head = skeleton.ip_head[:2] + _U16.pack(20 + udp_length) + skeleton.ip_head[4:]
    pseudo = skeleton.source_address + _PSEUDO.pack(17, udp_length, SERVER_PORT, udp_length)
    siaddr = None if question.type is MessageType.NAK else binding.boot.next_server
    return Template(
        skeleton.source_mac,
        _IPV4 + ip_head,
        skeleton.source_address,
        udp_length,
        skeleton.bootp_head,
        question.type not in (MessageType.NAK, MessageType.INFORM),  # RFC 2131 table 3
        ANY if siaddr is None else siaddr.packed,
        front,
        margin,
        back,
        _words(ip_head + skeleton.source_address),
        _words(pseudo + skeleton.bootp_head + front + back),
        layout.left_out + tuple(code for code, text in texts.items() if not text),
    )


def _words(octets: bytes) -> int:
    """The sum of 16-bit words modulo 65535, which is what a checksum is made of (RFC 1071)."""
    return int.from_bytes(octets, "big") % 0xFFFF


def _fields(layout: Layout, file: bytes, sname: bytes) -> bytes:
    """`sname` and `file`."""
    sname_field = _field(layout.sname) if layout.sname else sname
    file_field = _field(layout.file) if layout.file else file
    return sname_field.ljust(64, b"\0") + file_field.ljust(128, b"\0")


def _padded(tail: bytes) -> bytes:
    """Of even length, and no shorter than it must be."""
    length = max(len(tail), _LEAST_MESSAGE - _TAIL_AT)
    return tail.ljust(length + length % 2, b"\0")


def _cut(tail: bytes, start: int, end: int) -> tuple[bytes, tuple[bytes, bytes], bytes]:
    """The front, margin and back of a `tail` that has the client's own from `start` to `end`."""
    front, back = start - start % 2, end + end % 2
    return tail[:front], (tail[front:start], tail[end:back]), tail[back:]


def _serialized(chosen: tuple[Parameter, ...], after: bytes) -> bytes:
    """The cookie, the options in parts where they are long (RFC 3396 §6), and `after`."""
    options = [dhcp.option(code, part) for code, value in chosen for part in parts(value)]
    octets: bytes = dhcp.options([*options, after]).serialize()
    return octets


def _field(chosen: tuple[Parameter, ...]) -> bytes:
    """A field used for options (RFC 2132 §9.3): these without the cookie, and an END."""
    return _serialized(chosen, _END)[4:]


def _skeleton_of(subnet: Subnet) -> Skeleton:
    kept = _skeletons.get(id(subnet))
    if kept is None or kept[0] is not subnet:
        kept = subnet, _skeleton(subnet)
        _keep(_skeletons, id(subnet), kept, _MOST_SUBNETS)
    return kept[1]


def _skeleton(subnet: Subnet) -> Skeleton:
    """Ryu's frame of a reply without options, in the pieces that all replies begin with."""
    server_id, nobody = str(subnet.server_id), "00:00:00:00:00:00"
    frame = packet.Packet()
    frame.add_protocol(ethernet.ethernet(dst=nobody, src=subnet.server_mac.hex(":")))
    # atomic datagrams: never fragmented, so their identification may be 0 (RFC 6864 §4.1)
    frame.add_protocol(ipv4.ipv4(proto=17, src=server_id, ttl=64, flags=2))
    frame.add_protocol(udp.udp(src_port=SERVER_PORT, dst_port=CLIENT_PORT))
    frame.add_protocol(dhcp.dhcp(op=dhcp.DHCP_BOOT_REPLY, chaddr=nobody, xid=0))
    frame.serialize()
    octets = bytes(frame.data)
    return Skeleton(octets[6:12], octets[14:24], octets[26:30], octets[42:46])
