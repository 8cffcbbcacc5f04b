"""What a reply carries: the options that were asked for, in that order, as many as fit.

`Question` is all of a request that a reply's content depends on; `parameters` answers it from the
binding, `lay_out` places the answer into the message's fields. Both are pure, so a question that
was asked before has the same answer (`reply` remembers it).
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ovsdhcp.dhcp.binding import INFINITE, NO_BOOT, Binding
from ovsdhcp.dhcp.boot import boot_file
from ovsdhcp.dhcp.message import (
    CLIENT_FQDN,
    CLIENT_ID,
    CLIENT_UUID,
    LEASE_TIME,
    MAX_SIZE,
    MESSAGE,
    MESSAGE_TYPE,
    OVERLOAD,
    PARAMETER_LIST,
    RELAY_AGENT,
    SERVER_ID,
    T1,
    T2,
    MessageType,
    Request,
)

NETMASK, ROUTER, DNS_SERVER, TFTP_SERVER, BOOTFILE = 1, 3, 6, 66, 67
IPV6_ONLY, AUTO_CONFIG = 108, 116
ROUTES, MS_ROUTES = 121, 249

_LEAST_SIZE, _MOST_SIZE = 576, 1500  # RFC 2132 §9.10; Ethernet's, since a reply is never fragmented
_HEADERS = 20 + 8 + 236 + 4 + 1  # IPv4, UDP, BOOTP, cookie, and the END of the options field

Parameter = tuple[int, bytes]


class Question(NamedTuple):
    """What the content of a reply depends on, beside the binding.

    `codes` is the parameter request list, `size` the largest datagram, `spread` 0 or what keeps
    clients from renewing all at once, `file` the boot file for this client, `text` option 56;
    `echoes` are the options that go back, as they do.
    """

    type: MessageType
    codes: bytes | None
    size: int
    file: str | None
    spread: int
    text: str
    echoes: tuple[Parameter, ...]


class Layout(NamedTuple):
    """Options by field, in order, and the codes of those that fit nowhere."""

    options: tuple[Parameter, ...]
    file: tuple[Parameter, ...]
    sname: tuple[Parameter, ...]
    left_out: tuple[int, ...]


def question(kind: MessageType, request: Request, binding: Binding, renewing: bool) -> Question:
    """What `request` asks, to be answered by OFFER or ACK (`kind`; INFORM for the ACK to that)."""
    options = request.options
    file = None if binding.boot is NO_BOOT else boot_file(binding.boot, options)
    spread = _spread(request) if renewing else 0
    echoes = _echoes(options, _ECHOED)
    codes = options.get(PARAMETER_LIST)
    return tuple.__new__(Question, (kind, codes, _size(options), file, spread, "", echoes))


def refusal(request: Request, text: str) -> Question:
    """The question that a NAK answers: it carries no parameters (RFC 2131 table 3)."""
    options = request.options
    echoes = _echoes(options, _ECHOED_IN_NAK)
    return Question(MessageType.NAK, None, _size(options), None, 0, text, echoes)


_ECHOED = (CLIENT_ID, CLIENT_UUID, CLIENT_FQDN, RELAY_AGENT)
"""What goes back as it came: RFC 6842 §3, RFC 4578 §2.3, RFC 4702 §4, RFC 3046 §2.2."""

_ECHOED_IN_NAK = (CLIENT_ID, RELAY_AGENT)


def _echoes(options: Mapping[int, bytes], codes: tuple[int, ...]) -> tuple[Parameter, ...]:
    echoes: tuple[Parameter, ...] = ()
    for code in codes:
        value = options.get(code)
        if value is not None:
            echoes += ((code, _fqdn_reply(value) if code == CLIENT_FQDN else value),)
    return echoes


def _fqdn_reply(fqdn: bytes) -> bytes:
    """RFC 4702 §4: this server does no DNS updates (N), overriding a client that wants one (O)."""
    encoding, wants_update = fqdn[0] & 0x04, fqdn[0] & 0x01
    flags = encoding | 0x08 | (0x02 if wants_update else 0)
    return bytes([flags, 255, 255]) + fqdn[3:]


def _size(options: Mapping[int, bytes]) -> int:
    """The largest datagram that the client takes and Ethernet carries (RFC 2132 §9.10)."""
    wanted = options.get(MAX_SIZE)
    if wanted is None:
        return _LEAST_SIZE
    size = int.from_bytes(wanted, "big")
    return _LEAST_SIZE if size < _LEAST_SIZE else _MOST_SIZE if size > _MOST_SIZE else size


def _spread(request: Request) -> int:
    """1 to 256, always the same for one client: RFC 2131 §4.4.5's fuzz without chance."""
    return 1 + (zlib.crc32(request.chaddr[:6]) & 0xFF)


def parameters(asked: Question, binding: Binding) -> list[Parameter]:
    """Every option of the reply, each once, in the order in which they are to be sent.

    The message type is first by custom; then what is always sent, unless it was asked for; then
    what was asked for, in that order (RFC 2132 §9.8), but the netmask before the router
    (RFC 2132 §3.3); then echoes; option 82 last (RFC 3046 §2.2).
    """
    always = _always(asked, binding)
    configured = {} if asked.type is MessageType.NAK else _configured(asked, binding)
    on_request = _order(asked, configured | always)
    first = [code for code in always if code not in on_request]
    found = configured | always
    chosen = [(MESSAGE_TYPE, bytes([_WIRE_TYPE.get(asked.type, asked.type)]))]
    chosen += [(code, found[code]) for code in (*first, *on_request)]
    return chosen + list(asked.echoes)


_WIRE_TYPE = {MessageType.INFORM: MessageType.ACK}


def _always(asked: Question, binding: Binding) -> dict[int, bytes]:
    """What RFC 2131 table 3 has in such a reply, whatever was asked for.

    And the netmask with an address, as Kea and dnsmasq have it: without one, a client that did
    not ask for it would take the one of the address's class.
    """
    always = {SERVER_ID: binding.subnet.server_octets}
    if asked.type is MessageType.NAK:
        return always | {MESSAGE: asked.text.encode()}
    if asked.type is MessageType.INFORM:  # no lease, so no times of one: RFC 2131 §4.3.5
        return always
    always[LEASE_TIME] = binding.lease_time.to_bytes(4, "big")
    always[NETMASK] = binding.subnet.network.netmask.packed
    return always | _renewal_times(binding, asked.spread)


def _renewal_times(binding: Binding, spread: int) -> dict[int, bytes]:
    """T1 and T2 (RFC 2131 §4.4.5), none for an infinite lease, and none that is out of order.

    Where the table leaves both open, a renewal's are up to 1/16 earlier, by `spread`.
    """
    lease = binding.lease_time
    if lease == INFINITE:
        return {}
    if binding.t1 is not None or binding.t2 is not None:
        spread = 0
    t1 = binding.t1 if binding.t1 is not None else _earlier(lease // 2, spread)
    t2 = binding.t2 if binding.t2 is not None else _earlier(lease * 7 // 8, spread)
    times = {}
    if 0 < t1 < lease:
        times[T1] = t1.to_bytes(4, "big")
    if (t1 if T1 in times else 0) < t2 < lease:
        times[T2] = t2.to_bytes(4, "big")
    return times


def _earlier(seconds: int, spread: int) -> int:
    return seconds - seconds * spread // 4096


def _configured(asked: Question, binding: Binding) -> dict[int, bytes]:
    """What the table has for this client, ready to be sent."""
    options = {NETMASK: binding.subnet.network.netmask.packed, **binding.options}
    default = options.get(ROUTER, b"")[:4]
    for code in (ROUTES, MS_ROUTES):
        if default and code in options:
            options[code] = with_default_route(options[code], default)
    if asked.file is not None:
        options[BOOTFILE] = asked.file.encode()
    return options


def with_default_route(routes: bytes, router: bytes) -> bytes:
    """Routes (RFC 3442) with one to everywhere: a client with option 121 ignores option 3."""
    at = 0
    while at < len(routes):
        if routes[at] == 0:
            return routes
        at += 5 + (routes[at] + 7) // 8
    return routes + b"\0" + router


def _order(asked: Question, found: Mapping[int, bytes]) -> list[int]:
    """The codes that were asked for and are there, each once.

    A client that sends no list gets all that is configured, as ISC's dhcpd and OVN do, but for
    options that a client must ask for (RFC 8925 §3.3) or send itself (RFC 2563 §2).
    """
    if asked.type is MessageType.NAK:
        return []
    if asked.codes is None:
        unasked = (IPV6_ONLY, AUTO_CONFIG, SERVER_ID, LEASE_TIME, T1, T2)
        return [code for code in sorted(found) if code not in unasked]
    order = [code for code in dict.fromkeys(asked.codes) if code in found]
    if NETMASK in order and ROUTER in order:
        mask, router = order.index(NETMASK), order.index(ROUTER)
        if router < mask:
            order.insert(router, order.pop(mask))
    return order


def header_texts(asked: Question, binding: Binding, chosen: list[Parameter]) -> dict[int, bytes]:
    """What the client did not ask for by option but a field has room for, by the option's code.

    A text that its field cannot hold with its NUL is left out (RFC 2131 figure 1): b"".
    """
    if asked.type is MessageType.NAK:
        return {}
    configured = _configured(asked, binding)
    sent = set() if asked.codes is None else {code for code, _ in chosen}
    return {
        code: configured[code] if len(configured[code]) <= room else b""
        for code, room in ((BOOTFILE, _FILE_ROOM), (TFTP_SERVER, _SNAME_ROOM))
        if code in configured and code not in sent
    }


# -- placing them ----------------------------------------------------------------------------

_FILE_ROOM, _SNAME_ROOM = 127, 63  # less their END
_FIRST = (MESSAGE_TYPE, SERVER_ID, LEASE_TIME, CLIENT_ID, RELAY_AGENT, MESSAGE, NETMASK, ROUTER,
          DNS_SERVER, T1, T2)  # fmt: skip
_RANK = {code: rank for rank, code in enumerate(_FIRST)}
_MAIN_ONLY = (MESSAGE_TYPE, RELAY_AGENT)  # RFC 3046 §2.2


_LONGEST_PART = 255


def parts(value: bytes) -> list[bytes]:
    """`value` in parts that one option can hold (RFC 3396 §6)."""
    step = _LONGEST_PART
    return [value[at : at + step] for at in range(0, len(value), step)] or [b""]


def encoded(chosen: Iterable[Parameter]) -> bytes:
    """Options as they are sent: code, length, value, in parts where they are long."""
    octets = b""
    for code, value in chosen:
        for part in parts(value) if len(value) > _LONGEST_PART else (value,):
            octets += bytes((code, len(part))) + part
    return octets


def _length(value: bytes) -> int:
    return len(value) + 2 * len(parts(value))


def lay_out(chosen: list[Parameter], size: int, *, file: bool, sname: bool) -> Layout:
    """Place options into a message of `size` octets; `file` and `sname` say whether those are free.

    What does not fit goes, whole, to `file`, then to `sname` (RFC 2131 §4.1, RFC 2132 §9.3). If
    even that is not enough, the needed ones come before those asked for last (RFC 2131 §4.3.1).
    """
    room = size - _HEADERS
    if sum(_length(value) for _, value in chosen) <= room:
        return Layout(tuple(chosen), (), (), ())
    left = [room - 3, _FILE_ROOM if file else 0, _SNAME_ROOM if sname else 0]
    places = {code: _place(code, _length(value), left) for code, value in _ranked(chosen)}
    main, in_file, in_sname = (
        tuple(parameter for parameter in chosen if places[parameter[0]] == field)
        for field in (0, 1, 2)
    )
    overload = bool(in_file) + 2 * bool(in_sname)
    if overload:
        main = (main[0], (OVERLOAD, bytes([overload])), *main[1:])
    left_out = tuple(code for code, _ in chosen if places[code] is None)
    return Layout(main, in_file, in_sname, left_out)


def _ranked(chosen: list[Parameter]) -> list[Parameter]:
    return sorted(chosen, key=lambda parameter: _RANK.get(parameter[0], len(_RANK)))


def _place(code: int, length: int, left: list[int]) -> int | None:
    """The first field with room for `length` octets, which is then taken."""
    for field in (0,) if code in _MAIN_ONLY else (0, 1, 2):
        if length <= left[field]:
            left[field] -= length
            return field
    return None
