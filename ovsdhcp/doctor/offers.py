"""Does another DHCP server answer? A DISCOVER that nobody means, and the OFFERs that come back.

It goes out of a bridge's own interface, so that the bridge treats it as it treats any broadcast of
its host. Its MAC is made up for once and is locally administered; no REQUEST follows, so that no
address is taken: a server keeps its offer for a moment, as it does for any client that chose
another server (RFC 2131 §3.1 (3)). A bridge that forwards nothing from its own interface
(`other_traffic: drop`) hides every server from it.
"""

import os
import select
import socket
import time
from dataclasses import dataclass

from ryu.lib.packet import dhcp, ethernet, ipv4, packet, udp

from ovsdhcp.dhcp.description import Description, describe
from ovsdhcp.dhcp.message import SERVER_ID, MessageType
from ovsdhcp.dhcp.reasons import WireError

WITHIN = 3.0
"""Seconds for servers to answer; one that looks whether the address is free takes a second."""
_SHORTEST = 300
"""Octets of a BOOTP message (RFC 951 §3); there are servers that want as many."""


class CannotAskError(Exception):
    """Nothing can be sent through the interface; the message says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody offered."""

    server_id: str
    mac: str
    address: str


def ask_aloud(interface: str, within: float = WITHIN) -> list[Offer]:
    """All offers that come back. Raises `CannotAskError`; takes root."""
    client = b"\x02" + os.urandom(5)
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as asked:
            asked.bind((interface, 0x0800))
            asked.send(discover(client))
            return _collected(asked, client, within)
    except OSError as error:
        raise CannotAskError(f"{interface}: {error.strerror or error}") from None


def discover(client: bytes) -> bytes:
    """The question, as a frame."""
    options = [
        dhcp.option(tag=53, value=bytes((MessageType.DISCOVER,))),
        dhcp.option(tag=55, value=bytes((1, 3, 6))),
    ]
    message = dhcp.dhcp(
        *(dhcp.DHCP_BOOT_REQUEST, client.hex(":")),
        options=dhcp.options(options),
        xid=int.from_bytes(client[2:], "big"),
        flags=0x8000,
    )
    body = bytes(message.serialize(None, None))
    question = packet.Packet()
    question.add_protocol(ethernet.ethernet("ff:ff:ff:ff:ff:ff", client.hex(":"), 0x0800))
    question.add_protocol(ipv4.ipv4(src="0.0.0.0", dst="255.255.255.255", proto=17))
    question.add_protocol(udp.udp(68, 67))
    question.add_protocol(body.ljust(_SHORTEST, b"\0"))
    question.serialize()
    return bytes(question.data)


def _collected(asked: socket.socket, client: bytes, within: float) -> list[Offer]:
    offers: dict[Offer, None] = {}
    deadline = time.monotonic() + within
    while (left := deadline - time.monotonic()) > 0:
        if select.select([asked], [], [], left)[0]:
            offer = offer_in(asked.recv(65_535), client)
            if offer is not None:
                offers[offer] = None
    return list(offers)


def offer_in(frame: bytes, client: bytes) -> Offer | None:
    """The offer to this client in a frame, if there is one."""
    try:
        said = describe(frame)
    except WireError:
        return None
    options = {option.code: option.value for option in said.options}
    if said.fields["chaddr"] != client.hex(":") or options.get(53) != MessageType.OFFER:
        return None
    return Offer(str(options.get(SERVER_ID, "?")), *_who(said))


def _who(said: Description) -> tuple[str, str]:
    return said.fields["eth_src"], said.fields.get("yiaddr", "?")
