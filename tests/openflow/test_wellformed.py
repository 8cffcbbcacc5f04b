"""What passes, Ryu reads to its end; what Open vSwitch says, passes; what spins Ryu, does not."""

import gc
import os
import random
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.ofproto import ofproto_parser
from ryu.ofproto import ofproto_v1_0_parser as _v1_0  # noqa: F401 - registers its parser
from ryu.ofproto import ofproto_v1_2_parser as _v1_2  # noqa: F401 - as above
from ryu.ofproto import ofproto_v1_3 as ofproto
from ryu.ofproto import ofproto_v1_3_parser as _v1_3  # noqa: F401 - as above
from ryu.ofproto import ofproto_v1_4_parser as _v1_4  # noqa: F401 - as above
from ryu.ofproto import ofproto_v1_5_parser as _v1_5  # noqa: F401 - as above
from ryu.ofproto.ofproto_protocol import ProtocolDesc

from ovsdhcp.openflow import messages
from ovsdhcp.openflow.wellformed import MESSAGES, MULTIPART, MalformedError, check
from tests.openflow.hostile_messages import KNOWN, QUEUES, SESSION, mutated

DATAPATH = ProtocolDesc(ofproto.OFP_VERSION)
RYU_READS_WITHIN = 2.0
RYU_SPINS_FOR = 0.03
"""Seconds; what it comes to an end with takes it less than a thousandth of one."""
MUTATIONS = int(os.environ.get("OVSDHCP_MUTATIONS", "20000"))


class SpinsError(BaseException):
    """Not an Exception, since Ryu catches those."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever goes on for longer is interrupted, loop or not.

    Without the garbage collector: what is raised while that calls somebody back is lost.
    """

    def interrupt(*_: object) -> None:
        raise SpinsError

    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        signal.signal(signal.SIGALRM, before)


def ryu_reads(message: bytes) -> Any:
    parser = ofproto_parser._MSG_PARSERS[message[0]]
    octets = bytearray(message)
    return parser(DATAPATH, message[0], message[1], len(message), 0, octets)


def passes(message: bytes) -> bool:
    try:
        check(message)
    except MalformedError:
        return False
    return True


# --- what does not pass


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_payload_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        check(KNOWN[name])


def flow_stats(instructions: bytes) -> bytes:
    flow = struct.pack("!HB45x", 56 + len(instructions), 0) + struct.pack("!HH4x", 1, 4)
    return messages.message(19, 0, struct.pack("!HH4x", 1, 0) + flow + instructions)


def apply(actions: bytes) -> bytes:
    return struct.pack("!HH4x", 4, 8 + len(actions)) + actions


def nicira(subtype: int, body: bytes) -> bytes:
    return struct.pack("!HHIH", 0xFFFF, 10 + len(body), messages.NICIRA, subtype) + body


OUTPUT_OF_0 = struct.pack("!HHIH6x", 0xFFFF, 0, 1, 0)
LOOPS = {
    "an experimenter's action of 0": flow_stats(apply(OUTPUT_OF_0)),
    "an action in ct": flow_stats(apply(nicira(35, bytes(14) + OUTPUT_OF_0))),
    "controller2: userdata of 0": flow_stats(apply(nicira(37, bytes(6) + b"\0\3" + bytes(6)))),
    "controller2: reached by a property of another size": flow_stats(
        apply(nicira(37, bytes(6) + struct.pack("!HH4x", 0, 16) + b"\0\3" + bytes(14)))
    ),
    "goto_table of another size, apply_actions of 0 in it": flow_stats(
        struct.pack("!HHB3x", 1, 16, 1) + struct.pack("!HH4x", 4, 0)
    ),
    "an id in a table property": messages.message(
        19,
        0,
        struct.pack("!HH4x", 12, 0) + struct.pack("!H62x", 72) + struct.pack("!HHHH", 0, 8, 1, 0),
    ),
    "a queue of 0": messages.message(23, 0, bytes(8) + struct.pack("!IIH6x", 1, 1, 0)),
    "a meter of 0": messages.message(
        19, 0, struct.pack("!HH4x", 9, 0) + struct.pack("!IH34x", 1, 0)
    ),
    "a meter's configuration of 0": messages.message(
        19, 0, struct.pack("!HH4x", 10, 0) + struct.pack("!HHI", 0, 0, 1)
    ),
    "a group of 0": messages.message(19, 0, struct.pack("!HH4x", 6, 0) + bytes(40)),
    "a group's description of 0": messages.message(19, 0, struct.pack("!HH4x", 7, 0) + bytes(8)),
}
"""Beside the known ones, by reading Ryu 4.34's parsers: all of them spin it."""
SPIN_RYU = {name: message for name, message in KNOWN.items() if name[:3] not in ("188", "189")}
"""In the payloads of 188 and 189 Ryu 4.34 knows no instruction, and gives up."""


@pytest.mark.parametrize("name", LOOPS)
def test_more_of_the_same_shape_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        check(LOOPS[name])


@pytest.mark.parametrize("message", [*SPIN_RYU.values(), *LOOPS.values()], ids=[*SPIN_RYU, *LOOPS])
def test_ryu_would_not_come_to_an_end_with_it(message: bytes) -> None:
    """So that the tests above are about what they say."""
    with pytest.raises(SpinsError), within(RYU_SPINS_FOR):
        ryu_reads(message)


@pytest.mark.parametrize("kind", sorted(set(range(40)) - MESSAGES.keys()))
def test_what_only_a_controller_says_is_refused(kind: int) -> None:
    with pytest.raises(MalformedError, match=f"type {kind} is nothing that a switch sends"):
        check(messages.message(kind, 0, bytes(64)))


@pytest.mark.parametrize(("kind", "version", "good"), [(0, 6, True), (1, 1, True), (2, 6, False)])
def test_another_version_is_for_what_is_said_before_one_is_agreed(
    kind: int, version: int, good: bool
) -> None:
    message = bytes([version]) + messages.message(kind, 0, bytes(4) if kind else b"")[1:]
    assert passes(message) is good


@pytest.mark.parametrize("version", [0, 2, 7, 255])
def test_a_hello_of_a_version_that_ryu_does_not_know_is_refused(version: int) -> None:
    with pytest.raises(MalformedError, match="HELLO: version"):
        check(bytes([version]) + messages.message(0, 0, b"")[1:])


# --- what passes


@pytest.mark.parametrize("message", [*SESSION, QUEUES], ids=lambda message: f"{message[1]}")
def test_what_open_vswitch_says_passes_and_ryu_reads_it(message: bytes) -> None:
    check(message)
    assert ryu_reads(message).msg_len == len(message)


def test_open_vswitch_was_asked_for_everything() -> None:
    """But for the reply about queues, and what an experimenter may add."""
    assert {message[1] for message in [*SESSION, QUEUES]} | {2} == MESSAGES.keys()
    asked = {int.from_bytes(message[8:10], "big") for message in SESSION if message[1] == 19}
    assert asked | {0xFFFF} == MULTIPART.keys()


@pytest.mark.parametrize("message", [*SESSION, QUEUES], ids=lambda message: f"{message[1]}")
def test_one_octet_less_or_more_is_refused_or_read(message: bytes) -> None:
    for octets in (message[:-1], message + b"\0"):
        if passes(octets):
            with within(RYU_READS_WITHIN):
                ryu_reads(octets)


def reads_to_its_end(message: bytes) -> None:
    """Ryu may find a passed message odd, but it comes to an end with it."""
    if not passes(message):
        return
    with within(RYU_READS_WITHIN):
        try:
            ryu_reads(message)
        except Exception:
            return


@given(st.binary(min_size=8, max_size=400), st.sampled_from(sorted(MESSAGES)))
def test_any_octets_are_refused_or_read(octets: bytes, kind: int) -> None:
    reads_to_its_end(messages.message(kind, 0, octets[8:]))


def test_a_session_with_something_changed_is_refused_or_read() -> None:
    rng = random.Random(42)
    outcomes = {True: 0, False: 0}
    for _ in range(MUTATIONS):
        message = mutated(rng)
        if len(message) == int.from_bytes(message[2:4], "big"):
            outcomes[passes(message)] += 1
            reads_to_its_end(message)
    assert min(outcomes.values()) > MUTATIONS / 10, outcomes


HEAVIEST = {
    "match fields of 16 octets": messages.message(
        10,
        0,
        bytes(16)
        + struct.pack("!HH", 1, 60004)
        + (b"\x80\0\x34\x10" + bytes(16)) * 3000
        + bytes(6),
    ),
    "next tables": messages.message(
        19,
        0,
        struct.pack("!HH4x", 12, 0)
        + struct.pack("!H62x", 65064)
        + struct.pack("!HH", 2, 65000)
        + bytes(64996),
    ),
    "learn that does nothing": flow_stats(apply(nicira(16, bytes(60006)))),
}


@pytest.mark.parametrize("name", HEAVIEST)
def test_the_heaviest_of_what_passes_takes_ryu_a_moment(name: str) -> None:
    check(HEAVIEST[name])
    with within(1.0):
        ryu_reads(HEAVIEST[name])
