"""Replies as frames, from templates: what is the same each time is built once, with Ryu.

`ryu.lib.packet` makes the frame of a subnet's replies once, and the options of each `Question`
once; a reply is then a template with the client's fields and both checksums put in. Templates are
remembered for a bounded number of bindings and, for each, of questions, so that a client that
never asks the same twice pushes out only its own.
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
    Asked,
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

_MOST_BINDINGS = 16_384
_MOST_QUESTIONS = 8

_MOST_SUBNETS = 1_024

_IPV4 = b"\x08\x00"
_TAIL_AT = 44  # where `sname` begins (RFC 2131 figure 1)
_U16 = Struct("!H")
_PSEUDO = Struct("!HHHH")  # RFC 768's pseudo-header after the addresses, our port, the length
_HEADERS = Struct("!H4s4sHHHH4s")  # from the IPv4 checksum to `hops`
_CLIENT = Struct("!IxxH4s8s4s16s")  # from `xid` to `chaddr`

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


Destination = tuple[bytes, bytes, int]
"""Where a reply goes (RFC 2131 §4.1): MAC and IPv4 address as octets, and UDP port."""


class Template(NamedTuple):
    """A reply without what differs from client to client.

    `ip_head` is the EtherType and the IPv4 header as far as its checksum.

    The sums are of 16-bit words, modulo 65535, of all that is constant (RFC 1071): `ip_sum` of
    the IPv4 header, `udp_sum` of the pseudo-header, the UDP header and the message.
    """

    source_mac: bytes
    ip_head: bytes
    source_address: bytes
    udp_length: int
    bootp_head: bytes
    own_addresses: bytes
    tail: bytes
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
_templates: dict[int, tuple[Binding, dict[Asked, Template]]] = {}


def template(asked: Asked, binding: Binding) -> Template:
    """The template that answers `asked` for `binding`, remembered or made."""
    shelf = _templates.get(id(binding))
    if shelf is None or shelf[0] is not binding:  # an id may be used again, a live value's is not
        shelf = binding, {}
        _keep(_templates, id(binding), shelf, _MOST_BINDINGS)
    found = shelf[1].get(asked)
    if found is None:
        found = _build(Question._make(asked), binding)
        _keep(shelf[1], asked, found, _MOST_QUESTIONS)
    return found


def _keep(kept: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Keep `value`, and at most `most` of them: the eldest goes."""
    if key not in kept and len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value


def fill(
    found: Template, request: Request, to: Destination, tags: bytes, *, ciaddr: bytes, flags: int
) -> bytes:
    """The frame for one client: the template with what this request brings, and its checksums.

    `hops` and `secs` are 0 in every reply; `xid`, `giaddr` and `chaddr` are the client's
    (RFC 2131 table 3).
    """
    mac, address, port = to
    client = _CLIENT.pack(
        request.xid, flags, ciaddr, found.own_addresses, request.giaddr, request.chaddr
    )
    number = int.from_bytes(address, "big")
    udp_sum = found.udp_sum + number + port + int.from_bytes(client, "big")
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
    return b"".join((mac, found.source_mac, tags, found.ip_head, headers, client, found.tail))


# -- making templates ------------------------------------------------------------------------


def _build(question: Question, binding: Binding) -> Template:
    skeleton = _skeleton_of(binding.subnet)
    chosen = parameters(question, binding)
    texts = header_texts(question, binding, chosen)
    file, sname = texts.get(BOOTFILE, b""), texts.get(TFTP_SERVER, b"")
    usable = question.type is not MessageType.NAK  # no option 52 in a NAK (RFC 2131 table 3)
    layout = lay_out(chosen, question.size, file=usable and not file, sname=usable and not sname)
    tail = _tail(layout, file, sname)
    udp_length = 8 + _TAIL_AT + len(tail)
    ip_head = skeleton.ip_head[:2] + _U16.pack(20 + udp_length) + skeleton.ip_head[4:]
    pseudo = skeleton.source_address + _PSEUDO.pack(17, udp_length, SERVER_PORT, udp_length)
    return Template(
        skeleton.source_mac,
        _IPV4 + ip_head,
        skeleton.source_address,
        udp_length,
        skeleton.bootp_head,
        _own_addresses(question, binding),
        tail,
        _words(ip_head + skeleton.source_address),
        _words(pseudo + skeleton.bootp_head + tail),
        layout.left_out + tuple(code for code, text in texts.items() if not text),
    )


def _words(octets: bytes) -> int:
    """The sum of 16-bit words modulo 65535, which is what a checksum is made of (RFC 1071)."""
    return int.from_bytes(octets, "big") % 0xFFFF


def _own_addresses(question: Question, binding: Binding) -> bytes:
    """`yiaddr` and `siaddr` (RFC 2131 table 3)."""
    if question.type is MessageType.NAK:
        return ANY + ANY
    siaddr = ANY if binding.boot.next_server is None else binding.boot.next_server.packed
    return (ANY if question.type is MessageType.INFORM else binding.address_octets) + siaddr


def _tail(layout: Layout, file: bytes, sname: bytes) -> bytes:
    """From `sname` to the end, an even number of octets."""
    sname_field = _field(layout.sname) if layout.sname else sname
    file_field = _field(layout.file) if layout.file else file
    options = _serialized(layout.options, bytes([END]))
    length = max(64 + 128 + len(options), _LEAST_MESSAGE - _TAIL_AT)
    tail = sname_field.ljust(64, b"\0") + file_field.ljust(128, b"\0") + options
    return tail.ljust(length + length % 2, b"\0")


def _serialized(chosen: tuple[Parameter, ...], after: bytes) -> bytes:
    """The cookie, the options in parts where they are long (RFC 3396 §6), and `after`."""
    options = [dhcp.option(code, part) for code, value in chosen for part in parts(value)]
    octets: bytes = dhcp.options([*options, after]).serialize()
    return octets


def _field(chosen: tuple[Parameter, ...]) -> bytes:
    """A field used for options (RFC 2132 §9.3): these without the cookie, and an END."""
    return _serialized(chosen, bytes([END]))[4:]


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
