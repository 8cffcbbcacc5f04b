"""More hostile and odd frames, made from rules: what is wrong with each, and the verdict wanted.

In the manner of bad_inputs.json, whose client they share: 02:00:00:00:00:50 has 192.0.2.50 of
192.0.2.0/24, and the server is 192.0.2.1. A good message of each kind, and one thing changed.
"""

import struct
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tests.bridge.hostile_lab import checksummed
from tests.dhcp.wire import (
    ADDRESS,
    EVERYBODY,
    MAC,
    NOBODY,
    OFF_NETWORK,
    OTHER_MAC,
    OTHER_SERVER,
    RELAY,
    SERVER,
    SERVER_MAC,
    WRONG,
    bootp,
    frame,
    ip,
    mac,
    option,
)

SILENCE, OFFER, ACK, NAK = "silence", "offer", "ack", "nak"
DISCOVER, REQUEST, DECLINE, RELEASE, INFORM = 1, 3, 4, 7, 8
_LIST = option(55, bytes((1, 3, 6, 12, 15, 26, 42, 51, 54, 58, 59)))
_GOOD = bootp(DISCOVER, raw=_LIST + b"\xff".ljust(47, b"\0"))
_SUBNET_BCAST = "192.0.2.255"
_LIMITED = "255.255.255.255"


class Hostile(NamedTuple):
    """A frame, what is odd about it, and what should come of it.

    One that is `foreign` is no DHCP by any reading of it: silence is right, and so is a bridge
    that switches it as it does all other traffic.
    """

    name: str
    expect: str
    frame: bytes
    foreign: bool = False


def _vlan(*tags: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("!HH", kind, tci) for kind, tci in tags)


# -- the envelope ----------------------------------------------------------------------------


def _lengths() -> Iterator[Hostile]:
    size = len(_GOOD)
    for name, total in {
        "0": 0,
        "19": 19,
        "header alone": 20,
        "within UDP's header": 24,
        "within the message": 28 + 100,
        "one short": 27 + size,
        "one long": 29 + size,
        "65535": 65535,
    }.items():
        yield Hostile(f"ip total length: {name}", SILENCE, frame(_GOOD, total=total))
    for length in (0, 7, 8, 8 + 239, 8 + 240, 9 + size, 65535):
        yield Hostile(f"udp length: {length}", SILENCE, frame(_GOOD, udp_length=length))
    yield Hostile("udp length: the padding is cut off", OFFER, frame(_GOOD, udp_length=size))
    yield Hostile("padding after the datagram", OFFER, frame(_GOOD, trailer=bytes(46)))
    yield Hostile("dirt after the datagram", OFFER, frame(_GOOD, trailer=b"\xff" * 46))
    whole = frame(_GOOD)
    for end in (14, 15, 24, 33, 34, 37, 41, 42, 42 + 28, 42 + 236, 42 + 240, len(whole) - 60):
        yield Hostile(f"cut after {end} octets", SILENCE, whole[:end])


def _ip_headers() -> Iterator[Hostile]:
    for version in (0, 5, 6, 15):
        yield Hostile(f"ip version {version}", SILENCE, frame(_GOOD, version=version))
    for ihl in (0, 1, 4, 6, 15):
        foreign = ihl > 5  # then the ports are to be found elsewhere, and are others
        yield Hostile(f"ip header of {ihl} words", SILENCE, frame(_GOOD, ihl=ihl), foreign)
    for name, options in {
        "no operation": b"\x01\x01\x01\x00",
        "router alert": b"\x94\x04\x00\x00",
        "loose source route": b"\x83\x07\x04\xc0\x00\x02\x09\x00",
        "the most there can be": b"\x01" * 40,
    }.items():
        yield Hostile(f"ip options: {name}", OFFER, frame(_GOOD, ip_options=options))
    for ttl in (0, 255):
        yield Hostile(f"ttl {ttl}", OFFER, frame(_GOOD, ttl=ttl))
    yield Hostile("ip protocol 0", SILENCE, frame(_GOOD, protocol=0))
    for protocol in (1, 6, 132, 136):
        octets = frame(_GOOD, protocol=protocol)
        yield Hostile(f"ip protocol {protocol}", SILENCE, octets, foreign=True)


def _fragments() -> Iterator[Hostile]:
    for name, field in {"first": 0x2000, "middle": 0x2002, "last": 0x0002, "far": 0x1FFF}.items():
        yield Hostile(f"fragment: {name}", SILENCE, frame(_GOOD, fragment=field))
        to_server = frame(_GOOD, fragment=field, eth_dst=SERVER_MAC, ip_dst=SERVER, ip_src=ADDRESS)
        yield Hostile(f"fragment to the server: {name}", SILENCE, to_server)
        tagged = frame(_GOOD, fragment=field, tags=_vlan((0x8100, 100)))
        yield Hostile(f"fragment on a VLAN: {name}", SILENCE, tagged)
    yield Hostile("fragment: tiny first, within UDP's header", SILENCE, _tiny_fragment())
    for name, field in {"may not be fragmented": 0x4000, "reserved bit": 0x8000}.items():
        yield Hostile(f"whole: {name}", OFFER, frame(_GOOD, fragment=field))


def _tiny_fragment() -> bytes:
    return frame(_GOOD, fragment=0x2000, total=20 + 4)[: 14 + 20 + 4]


def _tags() -> Iterator[Hostile]:
    q, ad = 0x8100, 0x88A8
    for name, tags in {
        "priority 7, no VLAN": [(q, 7 << 13)],
        "VLAN 1": [(q, 1)],
        "VLAN 4094": [(q, 4094)],
        "802.1ad alone": [(ad, 100)],
    }.items():
        yield Hostile(f"tag: {name}", OFFER, frame(_GOOD, tags=_vlan(*tags)))
    for name, tags in {
        "three": [(q, 1), (q, 2), (q, 3)],
        "four, 802.1ad": [(ad, 1), (ad, 2), (q, 3), (q, 4)],
        # Open vSwitch looks behind one tag, unless other_config:vlan-limit has it do more
        "802.1ad and 802.1Q": [(ad, 100), (q, 200)],
        "802.1Q twice": [(q, 100), (q, 200)],
        "priority, and a VLAN": [(q, 3 << 13), (q, 200)],
    }.items():
        yield Hostile(f"tags: {name}", SILENCE, frame(_GOOD, tags=_vlan(*tags)))
    yield Hostile("tag: cut", SILENCE, (EVERYBODY + MAC + b"\x81\x00\x00").ljust(15, b"\0"))


def _who_and_where() -> Iterator[Hostile]:
    for port in (0, 67, 69, 65535):
        yield Hostile(f"from udp port {port}", OFFER, frame(_GOOD, sport=port))
    for name, source in {
        "nobody's": NOBODY,
        "everybody's": EVERYBODY,
        "a group's": mac("01:00:5e:00:00:01"),
        "the server's": SERVER_MAC,
        "the neighbour's": OTHER_MAC,
        "another client's": mac("02:00:00:00:00:99"),
    }.items():
        yield Hostile(f"source MAC: {name}", SILENCE, frame(_GOOD, eth_src=source))
    for address in ("127.0.0.1", "224.0.0.1", "240.0.0.1", "0.0.0.1", _SUBNET_BCAST, SERVER):
        yield Hostile(f"source address: {address}", SILENCE, frame(_GOOD, ip_src=address))
    for address in (ADDRESS, WRONG, OFF_NETWORK, "169.254.7.7"):
        yield Hostile(f"source address: {address}", OFFER, frame(_GOOD, ip_src=address))


def _targets() -> Iterator[Hostile]:
    for name, target, address in (
        ("another host", mac("02:00:00:00:00:09"), OTHER_SERVER),
        ("another host, to all on the link", EVERYBODY, OTHER_SERVER),
        ("a group", mac("01:00:5e:00:00:0c"), "224.0.0.12"),
        ("everybody, to one host", OTHER_MAC, _LIMITED),
        ("everybody, to a group", mac("01:00:5e:7f:ff:ff"), _LIMITED),
        ("nobody", EVERYBODY, "0.0.0.0"),
    ):
        octets = frame(_GOOD, eth_dst=target, ip_dst=address)
        yield Hostile(f"to {name}", SILENCE, octets)
    for name, target, address in (
        ("the server", SERVER_MAC, SERVER),
        ("the server, to all on the link", EVERYBODY, SERVER),
        ("the subnet", EVERYBODY, _SUBNET_BCAST),
        ("everybody, by the server's MAC", SERVER_MAC, _LIMITED),
    ):
        octets = frame(_GOOD, eth_dst=target, ip_dst=address)
        yield Hostile(f"to {name}", OFFER, octets)
    snap = struct.pack("!H", len(frame(_GOOD)) - 6) + b"\xaa\xaa\x03\0\0\0\x08\x00"
    plain = frame(_GOOD)
    yield Hostile("in 802.2 SNAP", SILENCE, plain[:12] + snap + plain[14:])
    yield Hostile("no payload at all", SILENCE, frame(b""))
    yield Hostile("one octet", SILENCE, frame(b"\1"))
    yield Hostile("the largest frame", OFFER, frame(_GOOD.ljust(1472, b"\0")))


# -- the fixed part --------------------------------------------------------------------------


def _fixed(name: str, expect: str, **fields: object) -> Hostile:
    raw = _LIST + b"\xff".ljust(47, b"\0")
    payload = bootp(DISCOVER, raw=raw, **fields)  # type: ignore[arg-type]
    return Hostile(name, expect, frame(payload))


def _header() -> Iterator[Hostile]:
    for op in (0, 2, 3, 255):
        yield _fixed(f"op {op}", SILENCE, op=op)
    for htype in (0, 6, 32, 255):
        yield _fixed(f"htype {htype}", SILENCE, htype=htype)
    for hlen in (0, 1, 5, 7, 8, 16, 17, 255):
        yield _fixed(f"hlen {hlen}", SILENCE, hlen=hlen)
    for name, chaddr in {
        "the neighbour's": OTHER_MAC,
        "the server's": SERVER_MAC,
        "a group's": mac("01:00:5e:00:00:01"),
        "zero": NOBODY,
    }.items():
        yield _fixed(f"chaddr {name}", SILENCE, chaddr=chaddr)
    for name, cookie in {"zero": bytes(4), "swapped": bytes((83, 99, 99, 130))}.items():
        yield _fixed(f"cookie {name}", SILENCE, cookie=cookie)


def _header_fields() -> Iterator[Hostile]:
    for address in (RELAY, SERVER, OFF_NETWORK, "127.0.0.1", "224.0.0.1", _LIMITED, "0.0.0.1"):
        yield _fixed(f"giaddr {address}", SILENCE, giaddr=address)
    for field, address in product(
        ("ciaddr", "yiaddr", "siaddr"), (ADDRESS, SERVER, OFF_NETWORK, "127.0.0.1", _LIMITED)
    ):
        yield _fixed(f"{field} {address} in a DISCOVER", OFFER, **{field: address})
    for name, fields in {
        "hops 255": {"hops": 255},
        "secs 65535": {"secs": 65535},
        "all reserved flags": {"flags": 0x7FFF},
        "all flags": {"flags": 0xFFFF},
        "xid of ones": {"xid": 0xFFFFFFFF},
    }.items():
        yield _fixed(name, OFFER, **fields)
    for field, size in (("sname", 64), ("file", 128)):
        for name, octets in {"ones": b"\xff" * size, "no NUL": b"a" * size}.items():
            yield _fixed(f"{field} of {name}", OFFER, **{field: octets})


# -- options ---------------------------------------------------------------------------------


def _with(name: str, expect: str, raw: bytes, kind: int | None = DISCOVER) -> Hostile:
    payload = bootp(kind, raw=raw)
    return Hostile(name, expect, frame(payload.ljust(300, b"\0")))


def _options() -> Iterator[Hostile]:
    end = b"\xff"
    yield _with("53: absent", SILENCE, _LIST + end, kind=None)
    for value in (b"", b"\1\1", b"\1" * 255):
        raw = option(53, value) + _LIST + end
        yield _with(f"53: {len(value)} octets", SILENCE, raw, kind=None)
    for kind in (0, 2, 5, 6, 9, 10, 13, 17, 18, 255):
        yield _with(f"53: type {kind}", SILENCE, _LIST + end, kind=kind)
    yield _with("53: after END", SILENCE, end + option(53, b"\1"), kind=None)
    yield _with("53: after much PAD", OFFER, bytes(50) + option(53, b"\1") + end, kind=None)
    yield _with("53: last of all", OFFER, _LIST + option(53, b"\1") + end, kind=None)
    yield _with("53: twice alike", SILENCE, option(53, b"\1") + end)
    yield _with("53: the other part empty", OFFER, option(53, b"") + end)
    yield _with("garbage after END", OFFER, _LIST + end + b"\x35\xff\x09" * 10)
    yield _with("END alone", SILENCE, end, kind=None)
    yield _with("PAD alone", SILENCE, bytes(60), kind=None)
    for code in (12, 55, 61, 82, 224):
        payload = bootp(DISCOVER, raw=_LIST + bytes((code, 200)) + b"abc")
        yield Hostile(f"{code}: runs over the end", SILENCE, frame(payload))
    for code in (12, 61, 254):
        payload = bootp(DISCOVER, raw=_LIST + bytes((code,)))
        yield Hostile(f"{code}: without its length", SILENCE, frame(payload))
    for value in (b"", b"\xc0", b"\xc0\x00\x02", bytes(5), bytes(8), bytes(255)):
        yield _with(f"50: {len(value)} octets", SILENCE, option(50, value) + end)
        yield _with(f"54: {len(value)} octets", SILENCE, option(54, value) + end)
    for address in (ADDRESS, WRONG, OFF_NETWORK, "0.0.0.0", _LIMITED, "127.0.0.1", SERVER):
        yield _with(f"50: {address} in a DISCOVER", OFFER, option(50, ip(address)) + end)
    for address in (SERVER, OTHER_SERVER, "0.0.0.0"):
        yield _with(f"54: {address} in a DISCOVER", SILENCE, option(54, ip(address)) + end)
    yield _with("50: in two parts", OFFER, option(50, b"\xc0\0") + option(50, b"\2\x32") + end)
    yield from _lenient()
    yield from _overload()
    agents = (b"", b"\1", b"\1\0", b"\1\5abc", b"\1\1a", b"\5\4" + ip(SERVER), b"\xff" * 60)
    for number, value in enumerate(agents):
        yield _with(f"82: value {number}", SILENCE, _LIST + option(82, value) + end)


def _lenient() -> Iterator[Hostile]:
    """Options that are of no need: whatever is in them, the client is served."""
    for code, values in {
        12: (b"", b"\0", b"\0\0vm", b"\xff\xfe\0\r\n", b"a" * 255, b"../../etc/passwd", b"%s%n"),
        51: (b"", b"\0\0\0\0", b"\xff" * 4, b"\1", bytes(5)),
        55: (b"", b"\0", b"\xff", bytes(range(256))[:255], b"\x35" * 40),
        57: (b"", b"\0", b"\0\0", b"\0\x14", b"\2\x3f", b"\xff\xff", b"\0\0\0"),
        60: (b"", b"PXEClient", b"\xff" * 255, b"MSFT 5.0"),
        61: (b"", b"\1", b"\1" + MAC, b"\0" * 2, b"\xff" * 255, b"\1" + OTHER_MAC),
        77: (b"", b"\0", b"\xff", b"iPXE", b"\4iPXE", b"\5iPXE"),
        80: (b"", b"\1"),
        81: (b"", b"\0", b"\0\0", b"\0\0\0", b"\4\0\0\x3fvm", b"\xff\0\0", b"\4\0\0\xc0\x0c"),
        90: (b"", bytes(30)),
        93: (b"", b"\0", b"\0\7", b"\xff\xff", b"\0" * 255),
        94: (b"", b"\1\3\x10"),
        97: (b"", b"\0", bytes(17), b"\1" * 17, b"\0" * 255),
        116: (b"\1", b"\2"),
        124: (b"", b"\0\0\0\1\xff"),
        125: (b"", b"\0\0\1", b"\0\0\0\1\x05ab"),
        145: (b"", b"\1"),
        175: (b"", b"\xff"),
        220: (b"\1", b"\xff" * 255),
        254: (b"", b"\0" * 255),
    }.items():
        for number, value in enumerate(values):
            raw = _LIST + option(code, value) + b"\xff"
            yield _with(f"{code}: odd value {number}", OFFER, raw)
    many = b"".join(option(code, b"x") for code in range(128, 255) if code not in (82, 175))
    yield _with("all the private options", OFFER, many + b"\xff")
    yield _with("500 empty options", OFFER, option(224, b"") * 500 + b"\xff")
    yield _with("one option in 300 parts", OFFER, option(61, b"ab") * 300 + b"\xff")


def _overload() -> Iterator[Hostile]:
    kind = option(53, b"\1") + b"\xff"
    for value, fields in ((1, {"file": kind}), (2, {"sname": kind}), (3, {"sname": kind})):
        payload = bootp(None, raw=option(52, bytes((value,))) + b"\xff", **fields)  # type: ignore[arg-type]
        yield Hostile(f"52: type in the fields of {value}", OFFER, frame(payload.ljust(300, b"\0")))
    for value in (0, 4, 255):
        yield _with(f"52: {value}", OFFER, option(52, bytes((value,))) + b"\xff")
    within = option(52, b"\3") + b"\xff"
    for name, field in (("file", 1), ("sname", 2)):
        payload = bootp(DISCOVER, raw=option(52, bytes((field,))) + b"\xff", **{name: within})  # type: ignore[arg-type]
        yield Hostile(f"52: again in {name}", OFFER, frame(payload.ljust(300, b"\0")))
    for name, field, size in (("file", 1, 128), ("sname", 2, 64)):
        over = bytes(size - 2) + bytes((12, 9))
        payload = bootp(DISCOVER, raw=option(52, bytes((field,))) + b"\xff", **{name: over})  # type: ignore[arg-type]
        yield Hostile(f"52: {name} runs over its end", SILENCE, frame(payload.ljust(300, b"\0")))
    yield _with("52: twice", OFFER, option(52, b"\1") * 2 + b"\xff")


# -- the state machine -----------------------------------------------------------------------


def _message(kind: int, address: str, server: str, ciaddr: str, **envelope: str) -> bytes:
    given = [(code, ip(named)) for code, named in ((50, address), (54, server)) if named]
    payload = bootp(kind, given, ciaddr=ciaddr or "0.0.0.0").ljust(300, b"\0")
    return frame(payload, **envelope)  # type: ignore[arg-type]


_ADDRESSES = {
    "right": ADDRESS,
    "wrong": WRONG,
    "off-network": OFF_NETWORK,
    "zero": "0.0.0.0",
    "of the server": SERVER,
    "of everybody": _LIMITED,
    "of loopback": "127.0.0.1",
}


def _states() -> Iterator[Hostile]:
    for name, address in _ADDRESSES.items():
        verdict = ACK if address == ADDRESS else NAK
        for state, fields in {
            "SELECTING": (address, SERVER, ""),
            "SELECTING, ciaddr set": (address, SERVER, ADDRESS),
            "INIT-REBOOT": (address, "", ""),
        }.items():
            yield Hostile(f"{state}: {name}", verdict, _message(REQUEST, *fields))
        for server in (OTHER_SERVER, OFF_NETWORK, "0.0.0.0", _LIMITED):
            octets = _message(REQUEST, address, server, "")
            yield Hostile(f"SELECTING {server}: {name}", SILENCE, octets)
        if address != "0.0.0.0":
            yield Hostile(f"REBINDING: {name}", verdict, _message(REQUEST, "", "", address))
    yield from _unicasts()
    yield Hostile("REQUEST for nothing", NAK, _message(REQUEST, "", "", ""))
    yield Hostile("REQUEST of a server alone", NAK, _message(REQUEST, "", SERVER, ""))
    yield from _never_answered()
    yield from _informs()


def _unicasts() -> Iterator[Hostile]:
    to_server = {"ip_src": ADDRESS, "ip_dst": SERVER, "eth_dst": SERVER_MAC}
    elsewhere = to_server | {"ip_dst": OTHER_SERVER}
    renew = _message(REQUEST, "", "", ADDRESS, **to_server)  # type: ignore[arg-type]
    yield Hostile("RENEWING: right", ACK, renew)
    for name, address in (("wrong", WRONG), ("off-network", OFF_NETWORK)):
        octets = _message(REQUEST, "", "", address, **to_server)  # type: ignore[arg-type]
        yield Hostile(f"RENEWING: {name}", NAK, octets)
    octets = _message(REQUEST, "", SERVER, ADDRESS, **to_server)  # type: ignore[arg-type]
    yield Hostile("RENEWING by RFC 1541, with option 54", ACK, octets)
    octets = _message(REQUEST, "", "", ADDRESS, **elsewhere)  # type: ignore[arg-type]
    yield Hostile("RENEWING with another server", SILENCE, octets)


def _never_answered() -> Iterator[Hostile]:
    """RELEASE and DECLINE, right or wrong; the DECLINE that counts has a test of its own."""
    for name, address in _ADDRESSES.items():
        for server in (SERVER, OTHER_SERVER, ""):
            octets = _message(RELEASE, "", server, address)
            yield Hostile(f"RELEASE to {server or 'nobody'}: {name}", SILENCE, octets)
            if (address, server) != (ADDRESS, SERVER):
                octets = _message(DECLINE, address, server, "")
                yield Hostile(f"DECLINE to {server or 'nobody'}: {name}", SILENCE, octets)


def _informs() -> Iterator[Hostile]:
    for name, address in _ADDRESSES.items():
        verdict = ACK if address in (ADDRESS, WRONG, OFF_NETWORK) else SILENCE
        yield Hostile(f"INFORM: {name}", verdict, _message(INFORM, "", "", address))
    from_somewhere = _message(INFORM, "", "", "", ip_src=ADDRESS)
    yield Hostile("INFORM: ciaddr left out", ACK, from_somewhere)


GENERATED: list[Hostile] = [
    given._replace(frame=checksummed(given.frame))
    for made in (
        *(_lengths, _ip_headers, _fragments, _tags, _who_and_where, _targets),
        *(_header, _header_fields, _options, _states),
    )
    for given in made()
]
