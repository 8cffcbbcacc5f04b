"""What must hold for the answer to any octets at all; bindings and changes to try it with."""

import random

from ovsdhcp.dhcp.binding import Binding, Boot
from ovsdhcp.dhcp.reasons import REASONS
from ovsdhcp.dhcp.server import Drop, Reply, answer
from tests.dhcp.wire import (
    ADDRESS,
    BINDING,
    OPTIONS,
    QUIET,
    RELAY,
    SERVER_MAC,
    binding,
    bootp,
    frame,
    ip,
    see,
)

BINDINGS = (
    BINDING,
    binding(mac=None, trusted=True, subnet=QUIET),
    binding(
        options={
            **OPTIONS,
            **{128 + n: bytes(40) for n in range(60)},
            121: b"\x08\x0a" + ip(RELAY),
        },
        boot=Boot(BINDING.address, "bios", {7: "x64"}, "ipxe"),
        trusted=True,
    ),
)


def judge(octets: bytes) -> None:
    """Ask with every binding."""
    for bound in BINDINGS:
        judge_with(octets, bound)


def judge_with(octets: bytes, bound: Binding) -> Reply | Drop:
    """One reason out of the table, one sound reply at most, and the same one each time."""
    given = answer(octets, bound, 1.0, 0.0)
    assert REASONS[given.reason.code] is given.reason
    if isinstance(given, Reply):
        found = see(given.frame)
        assert found.eth_src == SERVER_MAC
        assert found.address("yiaddr") in (ADDRESS, "0.0.0.0")
        assert len(given.frame) <= 14 + 8 + 1500
        assert given == answer(octets, bound, 2.0, 0.0)
    if given.request is not None:
        assert (given.request.hostname or "x").isprintable()
    return given


def shaped(octets: bytes) -> bytes:
    """A frame by its first octet: all of it, or a message, or options, in a sound envelope.

    So that a fuzzer does not need to find out what an IPv4 header looks like.
    """
    shape, rest = octets[:1], octets[1:]
    if shape == b"o":
        return frame(bootp(1)[:240] + rest)
    return frame(rest) if shape == b"m" else rest


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """Good octets with a few changed, left out, doubled, or cut off."""
    changed = bytearray(octets)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) or 1)
        what = chance.randrange(5)
        if what <= 1 and changed:
            changed[at] = chance.choice((0, 1, 255, chance.randrange(256)))
        elif what == 2:
            del changed[at : at + chance.randint(1, 4)]
        elif what == 3:
            changed[at:at] = changed[at : at + chance.randint(1, 40)]
        else:
            changed = changed[:at]
    return bytes(changed)
