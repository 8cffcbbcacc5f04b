"""What a reply carries: fields, options, their order, and what happens when they do not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp import reply as replies
from ovsdhcp.dhcp.binding import INFINITE, Binding, Boot
from ovsdhcp.dhcp.message import MessageType, parse
from ovsdhcp.dhcp.parameters import lay_out, with_default_route
from tests.dhcp.asked import reply, seen
from tests.dhcp.wire import (
    ADDRESS,
    FIELDS,
    MAC,
    OPTIONS,
    SERVER,
    WRONG,
    asking,
    binding,
    bootp,
    discover,
    frame,
    ip,
    option,
    request,
)

rule = pytest.mark.rule

DIRTY = {
    "hops": 255,
    "secs": 65535,
    "siaddr": "192.0.2.77",
    "yiaddr": "192.0.2.78",
    "sname": b"theirs",
    "file": b"theirs",
    "chaddr": MAC + b"0123456789",
    "xid": 0x01020304,
    "flags": 0x0001,
}
CID = {61: b"\1client"}


def _ask(name: str, given: dict[int, bytes], **more: object) -> bytes:
    """A request for the reply of that name, its header full of what must not come back."""
    dirty = {**DIRTY, **more}
    if name == "OFFER":
        return discover(given, ciaddr=WRONG, **dirty)
    if name == "INFORM":
        payload = bootp(MessageType.INFORM, given, ciaddr=ADDRESS, **dirty)  # type: ignore[arg-type]
        return frame(payload, ip_src=ADDRESS)
    if name == "ACK":
        return request(given, ciaddr=ADDRESS, ip_src=ADDRESS, ip_dst=SERVER, **dirty)
    return request({**given, 50: ip(WRONG), 54: ip(SERVER)}, ciaddr=ADDRESS, **dirty)  # type: ignore[arg-type]


KINDS = ("OFFER", "ACK", "INFORM", "NAK")
BOOT = Boot(next_server=binding().address, bootfile_name="pxelinux.0")
NEXT = ADDRESS

# RFC 2131 table 3, the fields
FIELD_CELLS = [
    ("op", b"\2", b"\2", b"\2", b"\2"),
    ("htype", b"\1", b"\1", b"\1", b"\1"),
    ("hlen", b"\6", b"\6", b"\6", b"\6"),
    ("hops", b"\0", b"\0", b"\0", b"\0"),
    ("xid", b"\1\2\3\4", b"\1\2\3\4", b"\1\2\3\4", b"\1\2\3\4"),
    ("secs", b"\0\0", b"\0\0", b"\0\0", b"\0\0"),
    ("ciaddr", ip("0.0.0.0"), ip(ADDRESS), ip(ADDRESS), ip("0.0.0.0")),
    ("yiaddr", ip(ADDRESS), ip(ADDRESS), ip("0.0.0.0"), ip("0.0.0.0")),
    ("siaddr", ip(NEXT), ip(NEXT), ip(NEXT), ip("0.0.0.0")),
    ("flags", b"\0\1", b"\0\1", b"\0\1", b"\0\1"),
    ("giaddr", ip("0.0.0.0"), ip("0.0.0.0"), ip("0.0.0.0"), ip("0.0.0.0")),
    ("chaddr", *[MAC + b"0123456789"] * 4),
    ("sname", b"tftp", b"tftp", b"tftp", b""),
    ("file", b"pxelinux.0", b"pxelinux.0", b"pxelinux.0", b""),
]


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        pytest.param(row[0], kind, cell, marks=rule(f"T3 {row[0]}"), id=f"{row[0]}-{kind}")
        for row in FIELD_CELLS
        for kind, cell in zip(KINDS, row[1:], strict=True)
    ],
)
def test_a_field_is_as_table_3_has_it(name: str, kind: str, value: bytes) -> None:
    bound = binding(options={**OPTIONS, 66: b"tftp"}, boot=BOOT)
    answered = seen(_ask(kind, asking(1, 3)), bound)
    assert answered.field(name) == value.ljust(FIELDS[name][1], b"\0")


# RFC 2131 table 3, the options; None: must not be there
OPTION_CELLS: list[tuple[str, int, bytes | None, bytes | None, bytes | None, bytes | None]] = [
    ("50 requested address", 50, None, None, None, None),
    ("51 lease time", 51, b"\0\0\x0e\x10", b"\0\0\x0e\x10", None, None),
    ("52 overload", 52, None, None, None, None),
    ("53 message type", 53, b"\2", b"\5", b"\5", b"\6"),
    ("54 server id", 54, ip(SERVER), ip(SERVER), ip(SERVER), ip(SERVER)),
    ("55 parameter list", 55, None, None, None, None),
    ("57 max size", 57, None, None, None, None),
    ("61 client id", 61, b"\1client", b"\1client", b"\1client", b"\1client"),
    ("others", 3, ip(SERVER), ip(SERVER), ip(SERVER), None),
    ("others", 82, None, None, None, None),
]


@pytest.mark.parametrize(
    ("code", "kind", "value"),
    [
        pytest.param(row[1], kind, cell, marks=rule(f"T3 {row[0]}"), id=f"{row[0]}-{kind}")
        for row in OPTION_CELLS
        for kind, cell in zip(KINDS, row[2:], strict=True)
    ],
)
@pytest.mark.parametrize(
    "codes", [(1, 3), range(255), (50, 51, 52, 53, 54, 55, 57, 61, 82, 255, 3)]
)
def test_an_option_is_as_table_3_has_it(
    code: int, kind: str, value: bytes | None, codes: tuple[int, ...]
) -> None:
    answered = seen(_ask(kind, {**CID, 51: b"\xff\xff\xff\xff", 55: bytes(codes)}))
    assert (answered.value(code) if code in answered.codes else None) == value


@rule("T3 56 message")
def test_a_nak_says_why() -> None:
    answered = seen(_ask("NAK", {}))
    assert answered.value(56) == b"the address asked for is not the address of this port"
    assert answered.codes == [53, 54, 56]


@rule("T3 60 vendor class")
def test_the_vendor_class_is_sent_if_configured_and_asked_for() -> None:
    bound = binding(options={60: b"PXEClient"})
    assert seen(discover({60: b"MSFT 5.0", **asking(60)}), bound).value(60) == b"PXEClient"
    assert 60 not in seen(discover({60: b"MSFT 5.0", **asking(1)})).codes


# -- what was asked for ----------------------------------------------------------------------


@rule("D6", "D7")
@pytest.mark.parametrize(
    ("codes", "sent"),
    [
        ((), [1, 3, 6, 12, 15, 26, 42]),  # an empty list is malformed: as if none was sent
        ((1,), [1]),
        ((42, 26, 6, 12), [42, 26, 6, 12]),
        ((6, 6, 6, 1, 6), [6, 1]),
        ((0, 255, 6), [6]),
        ((121, 99, 200, 15), [15]),
        ((15, 3, 6, 1), [15, 1, 3, 6]),
        ((59, 6, 51, 3, 54), [59, 6, 51, 3, 54]),
        ((224,), []),
    ],
)
def test_what_is_asked_for_is_sent_once_in_that_order(
    codes: tuple[int, ...], sent: list[int]
) -> None:
    always = [code for code in (54, 51, 1, 58, 59) if code not in sent]
    assert seen(discover(asking(*codes))).codes == [53, *always, *sent]


@rule("D6")
def test_a_client_without_a_list_gets_what_is_configured() -> None:
    bound = binding(options={**OPTIONS, 67: b"x", 108: b"\0\0\1\x2c", 116: b"\1"})
    given = seen(discover(), bound)
    assert given.codes == [53, 54, 51, 58, 59, 1, 3, 6, 12, 15, 26, 42, 67]
    assert given.field("file").rstrip(b"\0") == b"x", "and in its field"


@rule("D6", "X4")
def test_the_netmask_goes_with_an_address_asked_for_or_not() -> None:
    assert seen(_ask("OFFER", asking(6))).value(1) == ip("255.255.255.0")
    assert seen(_ask("ACK", asking(6))).value(1) == ip("255.255.255.0")
    assert 1 not in seen(_ask("INFORM", asking(6))).codes
    assert 1 not in seen(_ask("NAK", asking(1))).codes


@rule("D8")
def test_offer_and_ack_carry_the_same() -> None:
    given = {**CID, **asking(1, 3, 6, 15, 26)}
    offer = seen(discover(given))
    for more in ({50: ip(ADDRESS), 54: ip(SERVER)}, {50: ip(ADDRESS)}):
        ack = seen(request({**given, **more}))
        assert ack.options[1:] == offer.options[1:]


@rule("F17")
def test_the_netmask_is_before_the_router() -> None:
    codes = seen(discover(asking(3, 6, 1))).codes
    assert codes.index(1) < codes.index(3)


@rule("D4", "T3")
@pytest.mark.parametrize("wanted", [b"\0\0\0\1", b"\xff\xff\xff\xff", b"\0\0\x0e\x11"])
def test_the_lease_time_is_the_tables(wanted: bytes) -> None:
    assert seen(discover({51: wanted})).value(51) == (3600).to_bytes(4, "big")


@rule("R8")
def test_a_renewal_is_for_the_whole_lease_time() -> None:
    assert seen(_ask("ACK", {51: b"\0\0\0\x3c"})).value(51) == (3600).to_bytes(4, "big")


# -- times -----------------------------------------------------------------------------------


@rule("T1", "T3", "T3 58 59")
@pytest.mark.parametrize(
    ("lease", "t1", "t2", "expected"),
    [
        (3600, None, None, (1800, 3150)),
        (20, None, None, (10, 17)),
        (3600, 1000, None, (1000, 3150)),
        (3600, 1000, 2000, (1000, 2000)),
        (3600, 4000, None, (None, 3150)),  # OVN's own test has this (ovn.at:7372)
        (3600, 2000, 1000, (2000, None)),
        (3600, None, 3600, (1800, None)),
        (2, None, None, (1, None)),
        (1, None, None, (None, None)),
        (INFINITE, None, None, (None, None)),
    ],
)
def test_renewal_times(
    lease: int, t1: int | None, t2: int | None, expected: tuple[int | None, int | None]
) -> None:
    answered = seen(discover(), binding(lease_time=lease, t1=t1, t2=t2))
    times = [int.from_bytes(answered.value(code), "big") or None for code in (58, 59)]
    assert answered.value(51) == lease.to_bytes(4, "big")
    assert tuple(times) == expected


@rule("T2")
def test_renewals_spread_but_the_same_for_one_client() -> None:
    times = set()
    for n in range(2, 66):
        mac = MAC[:5] + bytes([n])
        payload = bootp(MessageType.REQUEST, ciaddr=ADDRESS, chaddr=mac)
        octets = frame(payload, eth_src=mac, ip_src=ADDRESS, ip_dst=SERVER)
        answered = seen(octets, binding(mac=None))
        t1, t2 = (int.from_bytes(answered.value(code), "big") for code in (58, 59))
        assert 1800 * 15 // 16 <= t1 <= 1800
        assert 3150 * 15 // 16 <= t2 <= 3150
        times.add(t1)
    assert len(times) > 20
    fixed = seen(_ask("ACK", {}), binding(t1=1000, t2=2000))
    assert (fixed.value(58), fixed.value(59)) == (b"\0\0\x03\xe8", b"\0\0\x07\xd0")


# -- routes ----------------------------------------------------------------------------------

METADATA = b"\x20" + ip("169.254.169.254") + ip("192.0.2.2")
DEFAULT = b"\0" + ip(SERVER)


@rule("3442")
@pytest.mark.parametrize("code", [121, 249])
@pytest.mark.parametrize(
    ("configured", "sent"),
    [(METADATA, METADATA + DEFAULT), (METADATA + b"\0" + ip(WRONG),) * 2, (DEFAULT, DEFAULT)],
)
def test_classless_routes_have_a_default_route(code: int, configured: bytes, sent: bytes) -> None:
    bound = binding(options={**OPTIONS, code: configured})
    answered = seen(discover(asking(code, 3)), bound)
    assert answered.value(code) == sent
    assert answered.value(3) == ip(SERVER)
    assert 3 not in seen(discover(asking(code)), bound).codes


@rule("3442")
def test_without_a_router_there_is_no_default_route_to_add() -> None:
    bound = binding(options={121: METADATA})
    assert seen(discover(asking(121)), bound).value(121) == METADATA
    assert with_default_route(b"\x18\xc0\0\2" + ip(SERVER), ip(SERVER))[-5:] == DEFAULT


# -- echoes ----------------------------------------------------------------------------------


@rule("6842", "4361", "T3 61 client id")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client_id", [b"\1" + MAC, b"\xff" + bytes(254), b"\0\0"])
def test_the_client_id_goes_back_unaltered(kind: str, client_id: bytes) -> None:
    assert seen(_ask(kind, {61: client_id})).value(61) == client_id
    assert 61 not in seen(_ask(kind, asking(61))).codes


@rule("4578")
def test_the_machines_uuid_goes_back() -> None:
    uuid = b"\0" + bytes(range(16))
    assert seen(discover({97: uuid, **asking(1)})).value(97) == uuid


@rule("4702")
@pytest.mark.parametrize(
    ("sent", "flags"),
    [(0x00, 0x08), (0x01, 0x0A), (0x05, 0x0E), (0x04, 0x0C), (0x08, 0x08), (0xF1, 0x0A)],
)
def test_a_client_fqdn_is_told_that_there_is_no_dns(sent: int, flags: int) -> None:
    name = b"\3vm5\7example\3org\0" if sent & 4 else b"vm5.example.org"
    answered = seen(discover({81: bytes([sent, 0, 0]) + name, **asking(1)}))
    assert answered.value(81) == bytes([flags, 255, 255]) + name
    assert 81 not in seen(discover(asking(81))).codes


@rule("8925", "8910")
def test_what_a_client_must_ask_for_is_sent_then_only() -> None:
    bound = binding(options={108: b"\0\0\1\x2c", 114: b"https://portal.example/"})
    answered = seen(discover(asking(114, 108)), bound)
    assert answered.value(108) == b"\0\0\1\x2c"
    assert answered.value(114) == b"https://portal.example/"
    assert not {108, 114} & set(seen(discover(asking(1)), bound).codes)
    assert 108 not in seen(discover(), bound).codes


# -- size ------------------------------------------------------------------------------------


def message(octets: bytes, bound: Binding) -> bytes:
    return reply(octets, bound).frame[42:]


def many(count: int, size: int = 20) -> dict[int, bytes]:
    return {128 + n: bytes([n]) * size for n in range(count)}


@rule("F9", "F10")
@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_has_300_octets_with_an_end_and_pads(kind: str) -> None:
    octets = message(_ask(kind, asking(1)), binding())
    assert len(octets) >= 300
    assert kind == "NAK" or len(octets) == 300  # what a NAK says takes it a little beyond
    assert octets.rstrip(b"\0")[-1] == 255


@rule("F15")
@pytest.mark.parametrize(
    ("wanted", "most"), [(None, 576), (0, 576), (1, 576), (575, 576), (600, 600), (1500, 1500),
                         (9000, 1500), (65535, 1500)]
)  # fmt: skip
def test_a_reply_is_never_larger_than_the_client_takes(wanted: int | None, most: int) -> None:
    given = asking(*range(128, 200))
    if wanted is not None:
        given[57] = wanted.to_bytes(2, "big")
    answered = reply(discover(given), binding(options=many(60)))
    datagram = len(answered.frame) - 14
    assert most - 24 < datagram <= most
    assert answered.left_out or most == 1500


@rule("F12")
def test_what_does_not_fit_goes_to_the_other_fields() -> None:
    bound = binding(options=many(18))
    given = reply(discover(asking(*range(128, 148))), bound)
    answered = seen(discover(asking(*range(128, 148))), bound)
    assert given.left_out == ()
    assert answered.value(52) == b"\3"
    assert answered.codes[:2] == [53, 52]
    assert {code: answered.value(code) for code in many(18)} == many(18)
    parsed = parse(given.frame[42:]).options  # and our own reader agrees
    assert {code: parsed[code] for code in many(18)} == many(18)


@rule("F12")
def test_a_field_in_use_is_not_overloaded() -> None:
    bound = binding(options={**many(20), 66: b"tftp"}, boot=BOOT)
    answered = seen(discover(asking(*range(128, 148))), bound)
    assert 52 not in answered.codes
    assert answered.field("file").rstrip(b"\0") == b"pxelinux.0"
    assert answered.field("sname").rstrip(b"\0") == b"tftp"


@rule("F12", "3046")
def test_option_82_is_never_in_an_overloaded_field() -> None:
    bound = binding(options=many(20), trusted=True)
    agent = b"\1\xc8" + b"a" * 200
    octets = reply(discover({82: agent, **asking(*range(128, 148))}), bound).frame
    start = 42 + 240
    assert octets.index(agent) > start
    assert octets[42 + 44 : start].count(b"a" * 20) == 0


@rule("F16")
def test_the_needed_ones_come_before_those_asked_for_last() -> None:
    options = {**many(40), 3: ip(SERVER), 6: ip(SERVER)}
    given = reply(discover({**CID, **asking(*many(40), 6, 3, 1)}), binding(options=options))
    answered = seen(discover({**CID, **asking(*many(40), 6, 3, 1)}), binding(options=options))
    assert {53, 54, 51, 58, 59, 61, 1, 3, 6} <= set(answered.codes)
    assert given.left_out == tuple(range(min(given.left_out), 168))
    assert set(answered.codes).isdisjoint(given.left_out)


@rule("F14", "3396", "3397")
@pytest.mark.parametrize("code", [43, 119, 121])
@pytest.mark.parametrize("length", [255, 256, 510, 600])
def test_a_long_option_is_sent_in_adjacent_parts(code: int, length: int) -> None:
    value = bytes(n % 251 for n in range(length))
    if code == 121:
        value = DEFAULT * 120
    answered = seen(discover({57: b"\x05\xdc", **asking(code)}), binding(options={code: value}))
    assert answered.value(code) == value
    at = [n for n, c in enumerate(answered.codes) if c == code]
    assert at == list(range(at[0], at[0] + -(-len(value) // 255)))


def test_a_layout_never_exceeds_its_fields() -> None:
    for size in range(576, 1501, 31):
        layout = lay_out(
            [(53, b"\2"), *((code, bytes(code % 90)) for code in range(60, 200))],
            size,
            file=True,
            sname=True,
        )
        for field, room in ((layout.options, size - 269), (layout.file, 127), (layout.sname, 63)):
            assert sum(2 + len(value) for _, value in field) <= room


# -- checksums and templates -----------------------------------------------------------------


def test_checksums_are_right_for_any_xid() -> None:
    for xid in (*range(0, 0xFFFF, 997), 0xFFFFFFFF, 0xFFFF0000):
        assert seen(discover(xid=xid)).field("xid") == xid.to_bytes(4, "big")  # see() sums


def test_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "_templates", {})
    monkeypatch.setattr(replies, "_MOST_TEMPLATES", 4)
    bindings = [binding(lease_time=600 + n) for n in range(10)]
    for bound in bindings:
        for n in range(20):
            seen(discover(asking(1, n)), bound)
    assert len(replies._templates) == 4
    assert all(seen(discover(), bound).address("yiaddr") == ADDRESS for bound in bindings)


def test_what_goes_back_needs_no_template_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "_templates", {})
    for n in range(20):
        value = bytes([1, n, 7])
        assert seen(discover({61: value})).value(61) == value
    assert len(replies._templates) == 1


@given(st.binary(min_size=2, max_size=300), st.binary(min_size=1, max_size=90), st.booleans())
def test_what_goes_back_is_the_clients_whatever_its_length(
    client_id: bytes, own: bytes, crowded: bool
) -> None:
    """see() sums; a crowded reply has no room for it behind the options."""
    bound = binding(options={200: own, **({201: bytes(200)} if crowded else {})})
    answered = seen(discover([*split(61, client_id), (55, bytes((200, 201)))]), bound)
    assert answered.value(61) == client_id
    assert answered.value(200) == own or 200 not in answered.codes


def split(code: int, value: bytes) -> list[tuple[int, bytes]]:
    return [(code, value[at : at + 255]) for at in range(0, len(value), 255)]


def test_two_bindings_never_share_a_template() -> None:
    one, two = binding(options={12: b"one"}), binding(options={12: b"two"})
    for bound, name in ((one, b"one"), (two, b"two"), (one, b"one")):
        assert seen(discover(asking(12)), bound).value(12) == name


def test_a_reply_of_odd_length_has_a_right_checksum() -> None:
    for length in range(1, 90):
        seen(discover(asking(200)), binding(options={200: bytes(length)}))  # see() sums


def test_options_are_written_as_ryu_writes_them() -> None:
    octets = message(discover(asking(12)), binding())
    assert option(12, b"vm5") in octets
