"""Paused packets: every property goes back as it came, but for the packet and its result."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.dhcp.server import Reply, answer
from ovsdhcp.openflow import continuation
from tests.dhcp.wire import BINDING, MAC, bootp, frame, ip, ones_sum, request

IN_PORT_5 = bytes.fromhex("80000004 00000005".replace(" ", ""))
METADATA = IN_PORT_5 + bytes.fromhex("00011c04 00000007".replace(" ", ""))
USERDATA = bytes.fromhex("0000000200000000 0001de10 00000063 ac10ff82".replace(" ", ""))
CONTINUATION = bytes(4) + bytes.fromhex("8000001400112233445566778899aabbccddeeff") + bytes(4)


def prop(kind: int, payload: bytes) -> bytes:
    octets = pack("!HH", kind, 4 + len(payload)) + payload
    return octets + bytes(-len(octets) % 8)


KEPT = (
    prop(3, b"\x16")
    + prop(4, bytes(4) + (0xABCD).to_bytes(8, "big"))
    + prop(5, b"\x01")
    + prop(8, CONTINUATION)
)
BODY = prop(0, b"frame") + KEPT + prop(6, METADATA) + prop(7, USERDATA)


def test_a_packet_in_is_read_and_resumed_with_all_that_it_had() -> None:
    paused = continuation.read(BODY)
    assert (paused.packet, paused.table, paused.cookie) == (b"frame", 22, 0xABCD)
    assert (paused.in_port, paused.userdata, paused.kept) == (5, USERDATA, KEPT)
    sent = continuation.resume(paused, b"answer", METADATA + b"more", xid=9)
    assert sent[:16] == pack("!BBHIII", 4, 4, len(sent), 9, 0x2320, 28)
    assert sent[16:] == prop(0, b"answer") + prop(6, METADATA + b"more") + KEPT


@pytest.mark.parametrize("cut", [1, 3, 5, len(BODY) - 41])
def test_a_packet_in_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(WireError, match="packet-in-malformed"):
        continuation.read(BODY[:-cut] if cut > 8 else BODY + bytes([0, 9, 0, 99]) + bytes(cut))


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(body: bytes) -> None:
    try:
        paused = continuation.read(body)
    except WireError:
        return
    assert paused.in_port >= 0


@pytest.mark.parametrize("tags", [b"", bytes.fromhex("81000064")])
@pytest.mark.parametrize("ip_options", [b"", bytes(4)])
@pytest.mark.parametrize("size", [0, 7, 100])
def test_the_answer_goes_back_in_the_envelope_of_the_question(
    tags: bytes, ip_options: bytes, size: int
) -> None:
    given = {55: bytes((1, 3, 6)), 61: b"i" * (size + 2)}
    question = frame(bootp(1, given), tags=tags, ip_options=ip_options)
    replied = answer(question, BINDING, 0.0)
    assert isinstance(replied, Reply)
    sent = continuation.readdressed(question, replied.frame)
    at = 14 + len(tags)
    assert sent[:at] == question[:at]
    assert sent[at + 12 : at + 20] == ip("0.0.0.0") + BINDING.address.packed
    assert sent[at + 20 : at + 24] == bytes((0, 68, 0, 67))
    assert sent[at + 28 :] == replied.frame[at + 28 :]
    assert ones_sum(sent[at : at + 20]) == 0xFFFF
    udp = sent[at + 20 :]
    assert ones_sum(sent[at + 12 : at + 20] + b"\0\x11" + udp[4:6] + udp) == 0xFFFF


def test_a_renewal_keeps_the_clients_address_as_the_source() -> None:
    question = request({}, ciaddr="192.0.2.50", ip_src="192.0.2.50", ip_dst="192.0.2.1")
    replied = answer(question, BINDING, 0.0)
    assert isinstance(replied, Reply)
    sent = continuation.readdressed(question, replied.frame)
    assert sent[26:34] == ip("192.0.2.50") * 2
    assert sent[6:12] == MAC
