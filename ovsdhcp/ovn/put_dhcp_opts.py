"""OVN's `put_dhcp_opts`: the userdata of a flow that pauses a packet until a controller answers.

    octets    content                                          ovn lib/actions.c, encode_PUT_DHCPV4
    0  to 4   opcode, 2                                         include/ovn/actions.h
    4  to 8   zero, and not looked at
    8  to 12  OXM header of the field where the result goes     to 16 for an experimenter's field
       4      which bit of that field
       4      the address to offer
       …      options: code, length, value; no PAD, no END

Two codes are no options: 253 is the address of the next boot server, and 254 the boot file of a
client that is not iPXE (OVN calls them next_server and bootfile_name_alt). Here are the octets, and
the step to what the engine knows, a `Binding`. What the peer wrote wrongly is a `WireError`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from struct import Struct
from types import MappingProxyType

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import NO_BOOT, UNKNOWN_MAC, Binding, Boot, Subnet
from ovsdhcp.dhcp.frame import is_host
from ovsdhcp.dhcp.message import LEASE_TIME, SERVER_ID, T1, T2
from ovsdhcp.dhcp.options import BY_CODE, Role, lookup
from ovsdhcp.dhcp.parameters import BOOTFILE, NETMASK, parts
from ovsdhcp.dhcp.reasons import WireError

PUT_DHCP_OPTS = 2
OPCODES: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (
                *("arp", "put_arp", "put_dhcp_opts", "nd_na", "put_nd", "put_dhcpv6_opts"),
                *("dns_lookup", "log", "put_nd_ra_opts", "nd_ns", "icmp", "tcp_reset"),
                *("nd_na_router", "put_icmp4_frag_mtu", "icmp4_error", "event", "igmp"),
                *("bind_vport", "handle_svc_check", "dhcp6_server", "icmp6_error"),
                *("put_icmp6_frag_mtu", "reject", "bfd_msg", "sctp_abort", "put_fdb"),
                *("activation_strategy", "split_buf", "dhcp_relay_req_chk"),
                *("dhcp_relay_resp_chk", "put_icmp4_inner_ip4_src"),
            )
        )
    )
)
"""What a userdata's first four octets ask of ovn-controller, by number (ovn actions.h)."""

NEXT_SERVER, BOOTFILE_ALT = 253, 254
_EXPERIMENTER = b"\xff\xff"
_HAS_MASK = 1
_U32 = Struct("!I")
_OPTIONS_FROM = 8


@dataclass(frozen=True, slots=True)
class ResultBit:
    """Where the result goes: bit `bit` of the field with the OXM header `header`.

    The header is class(16) field(7) hasmask(1) length(8), without a mask; one of class 0xffff has
    the experimenter's 32 bits after it, and its length counts them (OpenFlow 1.3 §7.2.3.2).
    """

    header: bytes
    bit: int

    @property
    def size(self) -> int:
        """How many octets the field's value has."""
        return self.header[3] - (len(self.header) - 4)


OVN_RESULT = ResultBit(bytes.fromhex("0001de10"), 99)
"""`reg0[3]`, OVN's REGBIT_DHCP_OPTS_RESULT: OVN names it as a bit of the 128-bit `xxreg0`."""


@dataclass(frozen=True, slots=True)
class PutDhcpOpts:
    """One userdata: `options` are codes and values in its order, 253 and 254 among them."""

    result: ResultBit
    offer_ip: IPv4Address
    options: tuple[tuple[int, bytes], ...]


# -- octets ----------------------------------------------------------------------------------


def opcode(userdata: bytes) -> int | None:
    """What the userdata asks for (`OPCODES`), None where it is too short to say."""
    return _U32.unpack_from(userdata)[0] if len(userdata) >= 4 else None


def decode(userdata: bytes) -> PutDhcpOpts:
    """Read userdata. Raises `WireError`."""
    asked = opcode(userdata)
    if asked is None:
        raise WireError(reasons.USERDATA_SHORT)
    if asked != PUT_DHCP_OPTS:
        raise WireError(reasons.USERDATA_OPCODE)
    wide = userdata[8:10] == _EXPERIMENTER
    at = _OPTIONS_FROM + (8 if wide else 4)
    options = at + 8
    if len(userdata) < options:
        raise WireError(reasons.USERDATA_SHORT)
    result = ResultBit(userdata[_OPTIONS_FROM:at], _U32.unpack_from(userdata, at)[0])
    if userdata[10] & _HAS_MASK or result.bit >= 8 * result.size:
        raise WireError(reasons.USERDATA_RESULT)
    offer_ip = IPv4Address(userdata[at + 4 : options])
    return PutDhcpOpts(result, offer_ip, tuple(_options(userdata, options)))


def _options(userdata: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at < len(userdata):
        start = at + 2
        end = start + userdata[at + 1] if start <= len(userdata) else start
        if end > len(userdata):
            raise WireError(reasons.USERDATA_OPTIONS)
        yield userdata[at], userdata[start:end]
        at = end


def encode(opts: PutDhcpOpts) -> bytes:
    """Write userdata; each option's value has 255 octets at most."""
    head = _U32.pack(PUT_DHCP_OPTS) + bytes(4) + opts.result.header + _U32.pack(opts.result.bit)
    options = (bytes((code, len(value))) + value for code, value in opts.options)
    return b"".join((head, opts.offer_ip.packed, *options))


# -- what the engine knows -------------------------------------------------------------------


def binding_of(opts: PutDhcpOpts, port: str, mac: bytes | None) -> Binding:
    """The binding that the userdata describes, for a client at `port`. Raises `WireError`.

    As OVN demands it, a server and a lease time have to be there (northd.c, build_dhcpv4_action).
    An option in parts is joined (RFC 3396); one that is empty, or is the engine's to make, is left
    out. The subnet is called by its network.
    """
    given = joined(opts.options)
    server_id = _server_id(given)
    network = _network(opts.offer_ip, given.get(NETMASK))
    if LEASE_TIME not in given:
        raise WireError(reasons.USERDATA_NO_LEASE_TIME)
    if not is_host(opts.offer_ip.packed):
        raise WireError(reasons.USERDATA_OFFER)
    return Binding(
        port,
        Subnet(str(network), network, server_id, UNKNOWN_MAC),
        opts.offer_ip,
        mac,
        _number(given[LEASE_TIME]),
        _number(given[T1]) if T1 in given else None,
        _number(given[T2]) if T2 in given else None,
        MappingProxyType({code: value for code, value in given.items() if _is_sent(code)}),
        _boot(given),
    )


def joined(options: Iterable[tuple[int, bytes]]) -> dict[int, bytes]:
    """Options by code, those in parts as one, without the empty ones."""
    whole: dict[int, bytes] = {}
    for code, value in options:
        if value:
            whole[code] = whole.get(code, b"") + value
    return whole


def _is_sent(code: int) -> bool:
    """Whether an option goes into `Binding.options`; PAD and END are none."""
    known = BY_CODE.get(code)
    return 0 < code < 255 if known is None else known.role is Role.OPTION


def _number(octets: bytes) -> int:
    """Four octets: an address, or seconds."""
    if len(octets) != 4:
        raise WireError(reasons.USERDATA_VALUE)
    return int.from_bytes(octets, "big")


def _server_id(given: Mapping[int, bytes]) -> IPv4Address:
    octets = given.get(SERVER_ID, b"")
    if len(octets) != 4 or not is_host(octets):
        raise WireError(reasons.USERDATA_NO_SERVER_ID)
    return IPv4Address(octets)


def _network(address: IPv4Address, netmask: bytes | None) -> IPv4Network:
    """The address's network; without a netmask that of its class, which its client would take."""
    if netmask is None:
        return IPv4Network((address, _class_length(address)), strict=False)
    hosts = 0xFFFF_FFFF ^ _number(netmask)
    if hosts & (hosts + 1):
        raise WireError(reasons.USERDATA_VALUE)
    return IPv4Network((address, 32 - hosts.bit_length()), strict=False)


def _class_length(address: IPv4Address) -> int:
    """The prefix of class A, B or C (RFC 791 §3.2)."""
    first = address.packed[0]
    return 8 if first < 128 else 16 if first < 192 else 24


def _boot(given: Mapping[int, bytes]) -> Boot:
    """OVN gives 67 to a client that is iPXE, else 254, or 67 where that is missing."""
    next_server = given.get(NEXT_SERVER)
    server = None if next_server is None else IPv4Address(_number(next_server))
    file, other = _text(given.get(BOOTFILE)), _text(given.get(BOOTFILE_ALT))
    if server is None and file is None and other is None:
        return NO_BOOT
    if other is None:
        return Boot(server, file)
    return Boot(server, other, ipxe=file)


def _text(octets: bytes | None) -> str | None:
    if octets is None:
        return None
    try:
        return octets.rstrip(b"\0").decode() or None
    except UnicodeDecodeError:
        raise WireError(reasons.USERDATA_VALUE) from None


def of_binding(binding: Binding, result: ResultBit = OVN_RESULT) -> PutDhcpOpts:
    """The userdata that tells `binding`, in OVN's order: boot first, then by OVN's names.

    What it has no room for is the engine's and the flows': `server_mac`, `trusted`,
    `authoritative`, and a boot file by architecture. A value longer than 255 octets goes in parts
    (RFC 3396).
    """
    subnet = binding.subnet
    sent = {
        **binding.options,
        NETMASK: subnet.network.netmask.packed,
        LEASE_TIME: _U32.pack(binding.lease_time),
        SERVER_ID: subnet.server_octets,
        **{code: _U32.pack(time) for code, time in _times(binding)},
    }
    named = sorted(sent.items(), key=lambda option: lookup(option[0]).name)
    options = ((code, part) for code, value in (*_boot_options(binding.boot), *named)
               for part in parts(value))  # fmt: skip
    return PutDhcpOpts(result, binding.address, tuple(options))


def _times(binding: Binding) -> Iterator[tuple[int, int]]:
    for code, time in ((T1, binding.t1), (T2, binding.t2)):
        if time is not None:
            yield code, time


def _boot_options(boot: Boot) -> Iterator[tuple[int, bytes]]:
    """67, 254, 253, in the order in which OVN puts them before all others."""
    first, second = (
        (boot.bootfile_name, None) if boot.ipxe is None else (boot.ipxe, boot.bootfile_name)
    )
    for code, file in ((BOOTFILE, first), (BOOTFILE_ALT, second)):
        if file is not None:
            yield code, file.encode()
    if boot.next_server is not None:
        yield NEXT_SERVER, boot.next_server.packed


# -- the result, in a packet-in's metadata ---------------------------------------------------


def _field(header: bytes) -> bytes:
    """What names a field in an OXM header: without mask and length, with the experimenter."""
    return header[:2] + bytes((header[2] & ~_HAS_MASK,)) + header[4:]


def _register(oxm_class: int, number: int) -> bytes:
    return bytes((oxm_class >> 8, oxm_class & 0xFF, number << 1))


_REGISTERS: Mapping[bytes, tuple[int, int]] = {
    **{_register(0x0001, number): (number, 1) for number in range(16)},
    **{_register(0x8001, number): (2 * number, 2) for number in range(8)},
    **{_register(0x0001, 111 + number): (4 * number, 4) for number in range(4)},
}
"""NXM_NX_REG, OXM_OF_PKT_REG and NXM_NX_XXREG are one store under three names (ovs-fields(7)).

The first of the 32-bit registers that the field is made of, the most significant one, and how many.
"""

_Place = tuple[bytes | int, int]
"""A field, or the number of a 32-bit register; and a bit of it."""


def _place(result: ResultBit) -> _Place:
    field = _field(result.header)
    if field not in _REGISTERS:
        return field, result.bit
    first, count = _REGISTERS[field]
    return first + count - 1 - result.bit // 32, result.bit % 32


def _bit_in(header: bytes, place: _Place) -> int | None:
    """Which bit of the field in `header` is at `place`, None where it is another field."""
    field, (wanted, bit) = _field(header), place
    if not isinstance(wanted, int):
        return bit if field == wanted else None
    first, count = _REGISTERS.get(field, (0, 0))
    below = first + count - 1 - wanted
    return 32 * below + bit if 0 <= below < count else None


def set_result(metadata: bytes, result: ResultBit, value: bool) -> bytes:
    """The OXM fields of a packet-in's METADATA with the result in its bit. Raises `WireError`.

    A register's bit is set in whichever field holds the register already: Open vSwitch names them
    by 32 bits in OpenFlow 1.3 and by 64 in 1.5, and refuses one that comes twice. A field that is
    not there is 0, so only a 1 adds one.
    """
    place = _place(result)
    fields = [(bit, at, start, end) for at, start, end in _fields(metadata)
              if (bit := _bit_in(metadata[at:start], place)) is not None]  # fmt: skip
    if fields:
        bit, at, start, end = fields[0]
        masked = bool(metadata[at + 2] & _HAS_MASK)
        octets = _with_bit(metadata[start:end], bit, value, masked)
        return metadata[:start] + octets + metadata[end:]
    return metadata + _new_field(result, place) if value else metadata


def _fields(metadata: bytes) -> Iterator[tuple[int, int, int]]:
    """Where each field's header, its value (and mask), and the next begin."""
    at = 0
    while at < len(metadata):
        start = at + (8 if metadata[at : at + 2] == _EXPERIMENTER else 4)
        if start > len(metadata):
            raise WireError(reasons.METADATA_MALFORMED)
        end = at + 4 + metadata[at + 3]
        if not start <= end <= len(metadata):
            raise WireError(reasons.METADATA_MALFORMED)
        yield at, start, end
        at = end


def _with_bit(octets: bytes, bit: int, value: bool, masked: bool) -> bytes:
    """A value, and its mask after it, with one bit set or cleared, which the mask then has."""
    size = len(octets) // 2 if masked else len(octets)
    if bit >= 8 * size:
        raise WireError(reasons.METADATA_MALFORMED)
    flag = 1 << bit
    number, mask = (int.from_bytes(half, "big") for half in (octets[:size], octets[size:]))
    number = number | flag if value else number & ~flag
    mask |= flag if masked else 0
    return number.to_bytes(size, "big") + mask.to_bytes(len(octets) - size, "big")


def _new_field(result: ResultBit, place: _Place) -> bytes:
    wanted, bit = place
    if isinstance(wanted, int):
        return _register(0x0001, wanted) + b"\4" + _U32.pack(1 << bit)
    return result.header + (1 << bit).to_bytes(result.size, "big")


def result_name(result: ResultBit) -> str:
    """`reg0[3]`, as OVN and `ovs-ofctl` have it; by its header where it is no register."""
    wanted, bit = _place(result)
    name = f"reg{wanted}" if isinstance(wanted, int) else f"field 0x{result.header.hex()}"
    return f"{name}[{bit}]"
