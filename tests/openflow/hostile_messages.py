"""What no switch would say: the known payloads, and a recorded session with something changed."""

import random
import struct
from pathlib import Path

from ovsdhcp.openflow import messages

HERE = Path(__file__).parent
SESSION = [bytes.fromhex(line) for line in (HERE / "ovs-session.hex").read_text().split()]
"""What Open vSwitch said when it was asked for everything (tests/bridge/record_session.py)."""

QUEUES = messages.message(
    23,
    0,
    struct.pack("!I4x", 10)
    + struct.pack("!IIH6x", 0x72, 0x73, 0x40)
    + struct.pack("!HH4xH6x", 1, 16, 10)
    + struct.pack("!HH4xH6x", 2, 16, 900)
    + struct.pack("!HH4xI4x", 0xFFFF, 16, 999),
)
"""A QUEUE_GET_CONFIG_REPLY with a queue, which the recorded bridge has not."""

SEEDS = [*SESSION, QUEUES]
_TELLING = (0, 1, 3, 4, 5, 7, 8, 12, 16, 0x23, 0x25, 0x7F, 0x80, 0xFF, 0xFFFC, 0xFFFE, 0xFFFF)


def _fill(head: str, size: int) -> bytes:
    """A payload of which only the head matters, as long as it claims to be."""
    octets = bytes.fromhex(head)
    return octets + bytes(size - len(octets))


_FLOWS_OF_TWO = (
    "00000003 06422c40 0001 0000 0000 0000 00000000 0000000000000000 0000000000000002"
    "00000000000000c4 0001 0020 80000004 00000002 80000806 d2fc3ab853f8 80000606 ce8fb246cb5b"
)
KNOWN = {
    "188 instruction of 0 octets": bytes.fromhex(
        "040e0050d8bcdeb767f90c3ffba6db876f6334d0e12643785e01340d32b4b3ff8f99c0e99e847062c74abf01"
        "f3f000000001000400000000000000180000000000000010fffffffdffff000000000000"
    ),
    "189 action of 0 octets": bytes.fromhex(
        "040e00500000002200000000000000000000000000000000000000000000"
        "8000ffffffff000000000000000000000000000100040000000000040008000000000000"
        "0000fffffffdffff000000000000"
    ),
    "190 queue property of 0 octets": bytes.fromhex(
        "0417005000000000 0000000a00000000 0000007200000073 0040000000000000"
        "00010000000000000 00a000000000000 0002001000000000 0384000000000000"
        "ffff001000000000 000003e700000000".replace(" ", "")
    ),
    "191 statistics of 0 octets": _fill(
        "04130130 7ff9b16d 0001 0000 00000000 0000 00 00" + _FLOWS_OF_TWO + "0004 0018", 0x130
    ),
    "192 instruction of 0 octets in statistics": _fill(
        "04130130 7ff9b16d 0001 0000 00000000 0068 00 00" + _FLOWS_OF_TWO + "0004 0000", 0x130
    ),
    "193 bucket of 0 octets": bytes.fromhex(
        "0413003800000000 0007000000000000 00280000 00000000"
        "00000001ffffffffffffffff00000000 0000001000000001ffe5000000000000".replace(" ", "")
    ),
    "194 action of 0 octets in a bucket": bytes.fromhex(
        "0413003800000000 0007000000000000 00280000 00000000"
        "00200001ffffffffffffffff00000000 0019000080000806 0000000000000000".replace(" ", "")
    ),
    "195 hello element of 0 octets": bytes.fromhex("04000010000000130001000000000010"),
    "196 table property of 0 octets": messages.message(
        19,
        0,
        struct.pack("!HH4x", 12, 1)
        + struct.pack("!HB5x32sQQII", 0x48, 1, b"a", 1, 1, 1, 1)
        + bytes(8),
    ),
}
"""faucetsdn/ryu 188 to 196 by their numbers; where one is long, filled up behind what counts."""


def mutated(rng: random.Random) -> bytes:
    """A seed, or two of them, changed in up to four places; its own length is right, or under 8."""
    octets = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 4)):
        rng.choice(_CHANGES)(rng, octets)
    del octets[0xFFFF:]
    if len(octets) < 8:
        octets += bytes(8 - len(octets))
    struct.pack_into("!H", octets, 2, len(octets) if rng.random() < 0.98 else rng.randrange(8))
    return bytes(octets)


def _length(rng: random.Random, octets: bytearray) -> None:
    if len(octets) >= 10:
        at = rng.randrange(len(octets) - 1) & ~1
        struct.pack_into("!H", octets, at, rng.choice(_TELLING))


def _octet(rng: random.Random, octets: bytearray) -> None:
    if octets:
        octets[rng.randrange(len(octets))] = rng.randrange(256)


def _cut(rng: random.Random, octets: bytearray) -> None:
    del octets[rng.randint(8, max(8, len(octets))) :]


def _repeat(rng: random.Random, octets: bytearray) -> None:
    at = rng.randrange(len(octets) + 1) & ~7
    octets[at:at] = octets[at : at + 8 * rng.randint(1, 30)] * rng.randint(1, 20)


def _splice(rng: random.Random, octets: bytearray) -> None:
    other = rng.choice(SEEDS)
    at = rng.randrange(8, len(octets) + 8) & ~7
    octets[at:] = other[rng.randrange(len(other)) & ~7 :]


_CHANGES = (_length, _length, _octet, _cut, _repeat, _splice)
