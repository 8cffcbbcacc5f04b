"""The question that is asked aloud is a proper one, and offers are told from the rest."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp import server
from ovsdhcp.dhcp.description import describe
from ovsdhcp.dhcp.server import Reply
from ovsdhcp.doctor.offers import Offer, discover, offer_in
from tests.openflow.bridges import VM5

CLIENT = bytes.fromhex("020102030405")
ANYBODY = replace(VM5.bindings[0], mac=None)


def internet_sum(octets: bytes) -> int:
    """RFC 1071; 0xFFFF over what includes a right checksum."""
    octets += bytes(len(octets) % 2)
    total = sum(int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_question_is_one_that_any_server_takes() -> None:
    question = discover(CLIENT)
    assert question[:12] == b"\xff" * 6 + CLIENT
    ip, udp = question[14:34], question[34:]
    assert internet_sum(ip) == 0xFFFF
    pseudo = ip[12:20] + bytes((0, 17)) + udp[4:6]
    assert internet_sum(pseudo + udp) == 0xFFFF
    assert len(udp) - 8 == 300
    fields, options = describe(question)
    assert fields["chaddr"] == CLIENT.hex(":")
    assert [option.text for option in options if option.code == 53] == ["DISCOVER"]


def test_an_offer_is_found_and_only_to_this_client() -> None:
    reply = server.answer(discover(CLIENT), ANYBODY, 0.0)
    assert isinstance(reply, Reply)
    expected = Offer("172.16.255.129", "02:ac:10:ff:01:29", "172.16.255.130")
    assert offer_in(reply.frame, CLIENT) == expected
    assert offer_in(reply.frame, bytes(6)) is None
    assert offer_in(discover(CLIENT), CLIENT) is None


@given(st.binary(max_size=400))
def test_whatever_else_there_is_on_the_wire_is_none(frame: bytes) -> None:
    assert offer_in(frame, CLIENT) is None
