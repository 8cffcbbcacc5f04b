"""The envelope: what is opened, and what each fault is called."""

from ipaddress import IPv4Address, IPv4Network
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp import frame as envelopes
from ovsdhcp.dhcp.binding import Subnet
from ovsdhcp.dhcp.frame import Envelope, decode
from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.dhcp.reasons import Reason, WireError
from tests.dhcp.asked import reply, seen, silence, verdict
from tests.dhcp.wire import (
    ADDRESS,
    EVERYBODY,
    MAC,
    NOBODY,
    SERVER,
    SERVER_MAC,
    binding,
    bootp,
    discover,
    frame,
    mac,
    request,
)

PAYLOAD = bootp(MessageType.DISCOVER)
rule = pytest.mark.rule
VLAN_7, VLAN_0, OUTER_9 = b"\x81\x00\x60\x07", b"\x81\x00\xe0\x00", b"\x88\xa8\x00\x09"


def test_every_part_is_read() -> None:
    envelope = decode(frame(PAYLOAD, tags=VLAN_7, ip_src="192.0.2.50", ip_dst=SERVER))
    assert envelope.eth_dst == EVERYBODY
    assert envelope.eth_src == MAC
    assert envelope.tags == VLAN_7
    assert envelope.ip_src == bytes((192, 0, 2, 50))
    assert envelope.ip_dst == bytes((192, 0, 2, 1))
    assert envelope.payload == PAYLOAD


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "frame-short"),
        (discover()[:13], "frame-short"),
        (discover()[:33], "frame-short"),
        (frame(PAYLOAD, eth_src=NOBODY), "source-mac"),
        (frame(PAYLOAD, eth_src=EVERYBODY), "source-mac"),
        (frame(PAYLOAD, eth_src=mac("01:00:5e:00:00:01")), "source-mac"),
        (discover()[:12] + b"\x86\xdd" + discover()[14:], "not-dhcp"),
        (discover()[:12] + b"\x08\x06" + discover()[14:], "not-dhcp"),
        (discover()[:12] + b"\x01\x00" + discover()[14:], "not-dhcp"),
        (frame(PAYLOAD, tags=OUTER_9 + VLAN_7 + VLAN_7), "not-dhcp"),
        (frame(PAYLOAD, tags=VLAN_7)[:16], "not-dhcp"),
        (frame(PAYLOAD, tags=b"\x81\x00\x0f\xff"), "not-dhcp"),
        (frame(PAYLOAD, tags=b"\x91\x00\x00\x07"), "not-dhcp"),
        (frame(PAYLOAD, version=6), "ip-header"),
        (frame(PAYLOAD, version=0), "ip-header"),
        (frame(PAYLOAD, ihl=0), "ip-header"),
        (frame(PAYLOAD, ihl=4), "ip-header"),
        (frame(PAYLOAD, total=0), "ip-length"),
        (frame(PAYLOAD, total=19), "ip-length"),
        (frame(PAYLOAD, total=20), "udp-length"),
        (frame(PAYLOAD, total=27), "udp-length"),
        (frame(PAYLOAD, total=65535), "ip-length"),
        (discover()[:-1], "ip-length"),
        (frame(PAYLOAD, fragment=0x2000), "ip-fragment"),
        (frame(PAYLOAD, fragment=0x0001), "ip-fragment"),
        (frame(PAYLOAD, protocol=6), "not-dhcp"),
        (frame(PAYLOAD, dport=68), "not-dhcp"),
        (frame(PAYLOAD, dport=546), "not-dhcp"),
        (frame(PAYLOAD, ip_src="255.255.255.255"), "source-address"),
        (frame(PAYLOAD, ip_src="224.0.0.1"), "source-address"),
        (frame(PAYLOAD, ip_src="127.0.0.1"), "source-address"),
        (frame(PAYLOAD, ip_src="0.1.2.3"), "source-address"),
        (frame(PAYLOAD, ip_src="192.0.2.255"), "source-address"),
        (frame(PAYLOAD, ip_src=SERVER), "spoofed-server"),
        (frame(PAYLOAD, eth_src=SERVER_MAC), "spoofed-server"),
        (frame(PAYLOAD, udp_length=0), "udp-length"),
        (frame(PAYLOAD, udp_length=7), "udp-length"),
        (frame(PAYLOAD, udp_length=8), "message-short"),
        (frame(PAYLOAD, udp_length=len(PAYLOAD) + 9), "udp-length"),
        (frame(PAYLOAD, udp_length=65535), "udp-length"),
        (frame(PAYLOAD, total=28 + len(PAYLOAD) - 4), "udp-length"),
        (frame(PAYLOAD, ihl=6), "not-dhcp"),  # four octets of UDP taken for options
        (frame(PAYLOAD, ip_src="240.0.0.1"), "source-address"),
    ],
)
def test_a_broken_envelope_has_a_name(octets: bytes, reason: str) -> None:
    assert silence(octets) == reason


@pytest.mark.parametrize(
    "octets",
    [
        frame(PAYLOAD, ttl=1),
        frame(PAYLOAD, ttl=0),
        frame(PAYLOAD, fragment=0x4000),  # DF
        frame(PAYLOAD, trailer=b"\0" * 40),
        frame(PAYLOAD, trailer=b"padding"),
        frame(PAYLOAD, ip_options=b"\1\1\1\0"),
        frame(PAYLOAD, ip_options=b"\1" * 40),
        frame(PAYLOAD + b"\0\0", udp_length=8 + len(PAYLOAD)),
        frame(PAYLOAD, ip_src="192.0.2.50", ip_dst=SERVER),
        frame(PAYLOAD, ip_dst="192.0.2.255"),
        frame(PAYLOAD, eth_dst=SERVER_MAC),
    ],
)
def test_what_is_unusual_but_sound_is_served(octets: bytes) -> None:
    assert verdict(octets) == "offer"


_NO_SAY = {
    "tos": 15,
    "identification": 18,
    "ttl": 22,
    "ip checksum": 24,
    "source port": 34,
    "udp checksum": 40,
    "hops": 45,
    "secs": 50,
}


@pytest.mark.parametrize("name", _NO_SAY)
def test_what_has_no_say(name: str) -> None:
    """The caller may leave these octets out of what it remembers an answer by."""
    for at in (_NO_SAY[name], _NO_SAY[name] + 1):
        if at == 23 or (name in ("tos", "hops") and at != _NO_SAY[name]):
            continue
        octets = bytearray(discover())
        octets[at] ^= 0x5A
        assert reply(bytes(octets)).frame == reply(discover()).frame


def test_the_xid_is_copied_and_has_no_other_say() -> None:
    one, two = reply(discover(xid=0)).frame, reply(discover(xid=0xA5C3F00F)).frame
    assert [n for n in range(len(one)) if one[n] != two[n]] == [40, 41, 46, 47, 48, 49]


@rule("F20")
@pytest.mark.parametrize("sport", [0, 67, 68, 1023, 40000])
def test_any_source_port_is_answered_to_68(sport: int) -> None:
    assert seen(frame(PAYLOAD, sport=sport)).ports == (67, 68)


@rule("A10")
@pytest.mark.parametrize(
    ("tags", "answered"),
    [
        (b"", b""),
        (VLAN_7, VLAN_7),
        (OUTER_9 + VLAN_7, OUTER_9 + VLAN_7),
        (VLAN_0, b""),  # a priority tag names no VLAN
        (VLAN_7 + VLAN_0, VLAN_7),
    ],
)
def test_the_answer_has_the_vlan_of_the_question(tags: bytes, answered: bytes) -> None:
    assert seen(frame(PAYLOAD, tags=tags)).tags == answered


@pytest.mark.parametrize(
    ("ip_dst", "eth_dst"),
    [
        ("192.0.2.9", EVERYBODY),
        ("224.0.0.1", EVERYBODY),
        ("255.255.255.255", mac("02:00:00:00:00:99")),
        ("255.255.255.255", mac("01:00:5e:00:00:01")),
        ("192.0.2.0", EVERYBODY),
        ("0.0.0.0", EVERYBODY),
    ],
)
def test_what_is_sent_to_another_host_is_not_ours(ip_dst: str, eth_dst: bytes) -> None:
    assert silence(frame(PAYLOAD, ip_dst=ip_dst, eth_dst=eth_dst)) == "other-destination"


@pytest.mark.parametrize("eth_dst", [SERVER_MAC, EVERYBODY, mac("02:00:00:00:00:99")])
@pytest.mark.parametrize("ip_dst", [SERVER, "192.0.2.255"])
def test_what_is_sent_to_the_servers_address_is_ours(ip_dst: str, eth_dst: bytes) -> None:
    """Whatever the MAC: a client's ARP cache may be older than the lease table."""
    assert verdict(frame(PAYLOAD, ip_dst=ip_dst, eth_dst=eth_dst)) == "offer"


@pytest.mark.parametrize("prefix", ["192.0.2.50/32", "192.0.2.50/31", "192.0.2.51/31"])
def test_a_small_network_has_no_broadcast_address_of_its_own(prefix: str) -> None:
    network = IPv4Network(prefix, strict=False)
    subnet = Subnet("one", network, IPv4Address("169.254.0.1"), SERVER_MAC)
    octets = request(ciaddr=ADDRESS, ip_src=ADDRESS, ip_dst="169.254.0.1")
    assert verdict(octets, binding(subnet=subnet)) == "ack-renewing"


@given(
    at=st.integers(0, 60),
    octets=st.binary(max_size=4),
    size=st.none() | st.integers(0, 300),
    tags=st.sampled_from([b"", b"", VLAN_7]),
)
def test_a_frame_laid_out_as_usual_is_read_as_any_other(
    at: int, octets: bytes, size: int | None, tags: bytes
) -> None:
    whole = frame(PAYLOAD, tags=tags, ip_src="192.0.2.50", trailer=b"\0\0")
    changed = (whole[:at] + octets + whole[at + len(octets) :])[:size]
    with patch.object(envelopes, "_decode_plain", lambda *_: None):
        carefully = opened(changed)
    assert opened(changed) == carefully


def opened(octets: bytes) -> Envelope | Reason:
    try:
        return decode(octets)
    except WireError as error:
        return error.reason
