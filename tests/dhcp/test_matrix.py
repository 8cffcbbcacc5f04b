"""Every REQUEST that the fields can make, judged by RFC 2131 §4.3.2 as written down here once more.

Server identifier, option 50, `ciaddr`, the broadcast bit, and where it was sent: each with each.
"""

from itertools import product

import pytest

from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.dhcp.server import Drop, Reply, answer
from tests.dhcp.wire import (
    ADDRESS,
    BINDING,
    EVERYBODY,
    MAC,
    OFF_NETWORK,
    OTHER_MAC,
    OTHER_SERVER,
    QUIET,
    RELAY,
    SERVER,
    WRONG,
    binding,
    bootp,
    frame,
    ip,
    request,
    see,
)

EVERYWHERE, NOWHERE = "255.255.255.255", "0.0.0.0"
ASKED = (None, NOWHERE, ADDRESS, WRONG, OFF_NETWORK, EVERYWHERE)
SERVERS = (None, SERVER, OTHER_SERVER)
CIADDRS = (NOWHERE, ADDRESS, WRONG, OFF_NETWORK)
FLAGS = (0, 0x8000, 0xFFFF)
FROM_TO = (
    (NOWHERE, EVERYWHERE),
    (NOWHERE, SERVER),
    (ADDRESS, EVERYWHERE),
    (ADDRESS, SERVER),
    (ADDRESS, "192.0.2.255"),
)
TRUSTED = binding(trusted=True)
BINDINGS = {True: BINDING, False: binding(subnet=QUIET)}


def wanted(
    server: str | None, asked: str | None, ciaddr: str, flags: int, authoritative: bool
) -> tuple[MessageType, str] | None:
    """The reply's type and destination, None for silence."""
    if server == OTHER_SERVER:
        return None  # §3.1 (4)
    has_address = asked is None and ciaddr != NOWHERE  # RENEWING or REBINDING, table 4
    if (ciaddr if has_address else asked) == ADDRESS:
        if has_address:
            return MessageType.ACK, ciaddr  # §4.1: to ciaddr, whatever the bit
        return MessageType.ACK, EVERYWHERE if flags & 0x8000 else ADDRESS
    chosen = server is not None and not has_address  # SELECTING: the client wants our word
    if authoritative or chosen:
        return MessageType.NAK, EVERYWHERE  # §4.1: "in all cases"
    return None


def options(server: str | None, asked: str | None) -> dict[int, bytes]:
    return {code: ip(address) for code, address in ((50, asked), (54, server)) if address}


def judged(given: Reply | Drop) -> tuple[MessageType, str] | None:
    if isinstance(given, Drop):
        return None
    found = see(given.frame)
    assert found.value(53) == bytes([given.message_type])
    assert found.value(54) == ip(SERVER)
    assert found.eth_dst == (EVERYBODY if found.ip_dst == EVERYWHERE else MAC)
    assert found.address("yiaddr") == (
        ADDRESS if given.message_type == MessageType.ACK else NOWHERE
    )
    return given.message_type, found.ip_dst


@pytest.mark.rule("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R9", "R10", "A2", "A3", "A4", "A5")
@pytest.mark.parametrize("authoritative", [True, False])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("asked", ASKED)
def test_every_request(server: str | None, asked: str | None, authoritative: bool) -> None:
    fields = options(server, asked)
    for ciaddr, flags, (ip_src, ip_dst) in product(CIADDRS, FLAGS, FROM_TO):
        octets = request(fields, ciaddr=ciaddr, flags=flags, ip_src=ip_src, ip_dst=ip_dst)
        given = answer(octets, BINDINGS[authoritative], 0.0)
        expected = wanted(server, asked, ciaddr, flags, authoritative)
        assert judged(given) == expected, (ciaddr, flags, ip_src, ip_dst, given.reason.code)


@pytest.mark.rule("A1", "A6", "F20")
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("asked", ASKED)
def test_every_relayed_request(server: str | None, asked: str | None) -> None:
    for ciaddr, flags in product(CIADDRS, FLAGS):
        payload = bootp(
            MessageType.REQUEST, options(server, asked), ciaddr=ciaddr, flags=flags, giaddr=RELAY
        )
        octets = frame(payload, eth_src=OTHER_MAC, ip_src=RELAY, ip_dst=SERVER, sport=67)
        given = answer(octets, TRUSTED, 0.0)
        expected = wanted(server, asked, ciaddr, flags, authoritative=True)
        if isinstance(given, Drop):
            assert expected is None
            continue
        found = see(given.frame)
        assert expected is not None
        assert given.message_type is expected[0]
        assert (found.ip_dst, found.eth_dst, found.ports) == (RELAY, OTHER_MAC, (67, 67))
        nak = given.message_type is MessageType.NAK
        assert found.field("flags") == (flags | 0x8000 * nak).to_bytes(2, "big")
        assert found.address("giaddr") == RELAY
        assert answer(octets, BINDING, 0.0).reason.code == "spoofed-client"
