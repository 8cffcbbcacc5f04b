"""Octets to a `Request`: what is read, what is forgotten, what is refused."""

import pytest

from ovsdhcp.dhcp.message import MessageType, decode, parse
from ovsdhcp.dhcp.reasons import WireError
from tests.dhcp.asked import seen, silence, verdict
from tests.dhcp.wire import ADDRESS, MAC, asking, bootp, discover, frame, ip, mac, option

DISCOVER = MessageType.DISCOVER
rule = pytest.mark.rule


def refused(payload: bytes) -> str:
    with pytest.raises(WireError) as caught:
        decode(payload)
    return caught.value.reason.code


def test_every_field_is_read() -> None:
    request = decode(
        bootp(
            DISCOVER,
            {61: b"\1abc", 12: b"vm5"},
            hops=3,
            xid=0x01020304,
            secs=7,
            flags=0x8001,
            ciaddr="192.0.2.1",
            yiaddr="192.0.2.2",
            siaddr="192.0.2.3",
            giaddr="192.0.2.4",
            chaddr=MAC + b"0123456789",
        )
    )
    assert (request.op, request.htype, request.hlen, request.hops) == (1, 1, 6, 3)
    assert (request.xid, request.secs, request.flags) == (0x01020304, 7, 0x8001)
    addresses = (request.ciaddr, request.yiaddr, request.siaddr, request.giaddr)
    assert addresses == tuple(ip(f"192.0.2.{n}") for n in (1, 2, 3, 4))
    assert request.chaddr == MAC + b"0123456789"
    assert request.mac == MAC
    assert request.client_id == b"\1abc"
    assert request.hostname == "vm5"
    assert request.type_name == "DISCOVER"


@rule("F1")
@pytest.mark.parametrize("op", [0, 2, 3, 255])
def test_only_a_bootrequest_is_for_a_server(op: int) -> None:
    assert silence(discover(op=op)) == "not-a-request"


@rule("F2")
@pytest.mark.parametrize("length", [0, 1, 43, 235, 236, 239])
def test_the_fixed_part_and_the_cookie_are_needed(length: int) -> None:
    assert silence(frame(bootp(DISCOVER)[:length])) == "message-short"


@rule("F2")
def test_another_cookie_is_not_dhcp() -> None:
    assert silence(discover(cookie=b"\x63\x82\x53\x64")) == "no-cookie"


@rule("F3")
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], "no-type"),
        ([(53, b"")], "type-malformed"),
        ([(53, b"\1\1")], "type-malformed"),
        ([(53, b"\1"), (53, b"\3")], "type-malformed"),  # joined: RFC 3396 §7
        ([(53, b"\0")], "unserved-type"),
        ([(53, b"\x63")], "unserved-type"),
        ([(53, b"\x09")], "unserved-type"),
    ],
)
def test_the_message_type_is_needed(given: list[tuple[int, bytes]], reason: str) -> None:
    assert silence(frame(bootp(None, given))) == reason


@rule("F4")
@pytest.mark.parametrize(
    "raw",
    [
        b"\0\0\0" + option(53, b"\1") + b"\0" + option(61, b"\1abc") + b"\0\xff",
        option(53, b"\1") + option(61, b"\1abc") + b"\xff" + option(53, b"\3") + b"\x0c\xc8",
        b"\0" * 1200 + option(53, b"\1") + option(61, b"\1abc") + b"\xff",
    ],
    ids=["pad-anywhere", "nothing-after-end", "much-pad"],
)
def test_pad_and_end(raw: bytes) -> None:
    assert dict(decode(bootp(None, raw=raw)).options) == {53: b"\1", 61: b"\1abc"}


@rule("F5")
@pytest.mark.parametrize("raw", [option(61, b"\1abc"), option(61, b"\1abc") + b"\0" * 50])
def test_a_missing_end_is_tolerated(raw: bytes) -> None:
    assert verdict(frame(bootp(DISCOVER, raw=raw))) == "offer"


@rule("F6")
@pytest.mark.parametrize(
    "raw", [b"\x0c\xc8abc\xff", b"\x0c", b"\x0c\x01", option(61, b"ab") + b"7"]
)
def test_an_option_past_the_end_is_refused(raw: bytes) -> None:
    assert silence(frame(bootp(DISCOVER, raw=raw))) == "option-overrun"


@rule("F7")
@pytest.mark.parametrize(
    ("htype", "hlen"), [(1, 0), (1, 5), (1, 7), (1, 16), (1, 17), (1, 255), (0, 6), (6, 6), (32, 0)]
)
def test_the_client_is_on_ethernet(htype: int, hlen: int) -> None:
    assert silence(discover(htype=htype, hlen=hlen)) == "not-ethernet"


@rule("F7")
@pytest.mark.parametrize("chaddr", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"])
def test_chaddr_is_one_station(chaddr: str) -> None:
    assert refused(bootp(DISCOVER, chaddr=mac(chaddr))) == "chaddr-invalid"


@rule("F8")
@pytest.mark.parametrize("flags", [0, 0x8000, 0x7FFF, 0xFFFF, 1])
def test_flags_are_copied_and_reserved_ones_ignored(flags: int) -> None:
    answered = seen(discover(flags=flags))
    assert answered.field("flags") == flags.to_bytes(2, "big")
    assert (answered.ip_dst == "255.255.255.255") == bool(flags & 0x8000)


@rule("F11")
@pytest.mark.parametrize(
    ("overload", "host_name"), [(1, b"file"), (2, b"sname"), (3, b"filesname"), (0, b""), (4, b"")]
)
def test_overloaded_fields_hold_options(overload: int, host_name: bytes) -> None:
    request = decode(
        bootp(
            DISCOVER,
            {52: bytes([overload])},
            file=option(12, b"file") + b"\xff",
            sname=option(12, b"sname") + b"\xff",
        )
    )
    assert request.options.get(12, b"") == host_name


@rule("F11")
def test_the_message_type_may_be_in_an_overloaded_field() -> None:
    payload = bootp(None, {52: b"\1"}, file=option(53, b"\1"))
    assert verdict(frame(payload)) == "offer"


@rule("F11")
def test_overload_is_not_recursive() -> None:
    file = option(52, b"\3") + option(12, b"a") + b"\xff"
    request = decode(bootp(DISCOVER, {52: b"\1"}, file=file, sname=option(12, b"b") + b"\xff"))
    assert request.options[12] == b"a"
    assert request.options[52] == b"\1"


@rule("F11")
@pytest.mark.parametrize("overload", [b"", b"\1\1"])
def test_a_malformed_overload_is_none(overload: bytes) -> None:
    request = decode(bootp(DISCOVER, {52: overload}, file=option(12, b"a") + b"\xff"))
    assert 12 not in request.options


@rule("F11", "F6")
def test_an_option_may_not_leave_its_field() -> None:
    file = b"\0" * 120 + option(12, b"a" * 50)[:8]
    assert refused(bootp(DISCOVER, {52: b"\1"}, file=file)) == "option-overrun"


@rule("F13", "3396")
def test_parts_are_joined_in_the_order_of_the_fields() -> None:
    request = decode(
        bootp(
            DISCOVER,
            [(52, b"\3"), (12, b"one-"), (61, b"\1id"), (12, b"two-")],
            file=option(12, b"three-") + b"\xff",
            sname=option(12, b"four") + b"\xff",
        )
    )
    assert request.hostname == "one-two-three-four"


@rule("F18")
@pytest.mark.parametrize(
    ("octets", "name"),
    [(b"vm5\0\0", "vm5"), (b"", None), (b"\0", None), (b"\xff\xfe", r"\xff\xfe")],
)
def test_the_host_name_loses_its_nuls(octets: bytes, name: str | None) -> None:
    given = discover({12: octets})
    assert verdict(given) == "offer"
    assert decode(given[42:]).hostname == name


@rule("4702")
@pytest.mark.parametrize(
    ("fqdn", "name"),
    [
        (b"\4\0\0\3vm5\7example\0", "vm5.example"),
        (b"\4\0\0\3vm5", "vm5"),
        (b"\0\0\0vm5.example", "vm5.example"),
        (b"\4\0\0\0", None),
        (b"\0\0\0", None),
        (b"\x09\0\0vm5", "other"),  # malformed, so it counts as not sent
    ],
)
def test_the_name_in_option_81_outweighs_option_12(fqdn: bytes, name: str | None) -> None:
    assert decode(bootp(DISCOVER, {12: b"other", 81: fqdn})).hostname == name


@pytest.mark.parametrize("code", [12, 81])
def test_a_name_can_be_shown_whatever_it_is(code: int) -> None:
    value = b"\0\0\0" * (code == 81) + b"a\nb\x1b[2J\xc2\x85\xe2\x80\xae\0c"
    name = decode(bootp(DISCOVER, {code: value})).hostname
    assert name == r"a\nb\x1b[2J\x85\u202e\x00c"


def test_options_that_only_a_jumbo_frame_can_hold_are_read_too() -> None:
    given = [(224, bytes(255))] * 20
    assert verdict(frame(bootp(DISCOVER, given))) == "offer"


@rule("F19")
def test_unknown_options_are_ignored() -> None:
    assert verdict(discover({code: b"x" * 8 for code in (96, 126, 200, 224, 254)})) == "offer"


@rule("F3", "4361", "4702", "4578")
@pytest.mark.parametrize(
    ("code", "value"),
    [
        (51, b"\0\0\1"),
        (55, b""),
        (57, b"\1"),
        (61, b""),
        (61, b"\1"),
        (81, b"\0\0"),
        (81, b"\x09\0\0"),  # S and N contradict each other: RFC 4702 §2.1
        (81, b"\x04\0\0\xc0\x03"),  # a pointer, here to itself
        (81, b"\x04\0\0\x09abc"),
        (93, b"\0"),
        (97, b"\0\1\2"),
    ],
)
def test_a_malformed_option_counts_as_not_sent(code: int, value: bytes) -> None:
    given = discover({code: value, **({} if code == 55 else asking(1, 3, code))})
    assert code not in decode(given[42:]).options
    assert verdict(given) == "offer"
    assert code == 51 or code not in seen(given).codes


@rule("F6")
@pytest.mark.parametrize("code", [50, 54])
@pytest.mark.parametrize("value", [b"", b"\1\2\3", ip(ADDRESS) + b"\0", ip(ADDRESS) * 2])
def test_an_address_that_is_none_is_refused(code: int, value: bytes) -> None:
    assert silence(frame(bootp(MessageType.REQUEST, {code: value}))) == "address-malformed"


def test_a_reply_can_be_parsed_too() -> None:
    assert parse(bootp(MessageType.OFFER, op=2)).type_name == "OFFER"
    assert parse(bootp(17, op=2)).type_name == "type 17"
