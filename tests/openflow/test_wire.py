"""When a wire is worth looking out for: where questions come one by one, and only there."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ryu.lib import hub

from ovsdhcp.openflow.wire import AT_ONCE, ONE, ONE_BY_ONE, Wire

QUESTION, MANY = b"?" * (ONE - 1), b"?" * ONE
SOON, THERE = 5 * AT_ONCE, AT_ONCE / 2


class Waited:
    """In the place of a Readiness: how long each wait is, and what was wished."""

    def __init__(self) -> None:
        self.seconds, self.eager = 0.0, False

    def wait(self, *, eager: bool) -> float:
        self.eager = eager
        return self.seconds

    def wake(self) -> None: ...

    def close(self) -> None: ...


class Ends:
    """A wire, and the switch's end of it."""

    def __init__(self) -> None:
        ours, self.switch = socket.socketpair()
        self.wire, self.waited = Wire(hub.eventlet.greenio.GreenSocket(ours)), Waited()
        readiness: Any = self.waited
        self.wire._readiness = readiness

    def is_looked_out_for(self, reads: list[tuple[bytes, float]]) -> bool:
        """For the last of these reads, each with how long it was waited for."""
        for octets, seconds in reads:
            self.switch.sendall(octets)
            self.waited.seconds = seconds
            assert self.wire.read() == octets
        return self.waited.eager


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.wire.close()
    ends.switch.close()


ALONE = [(QUESTION, SOON)] * ONE_BY_ONE
AFTER = [(QUESTION, SOON)]


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        (ALONE, False),
        (ALONE + AFTER, True),
        ([*ALONE, (MANY, SOON), *AFTER], False),
        ([*ALONE, (QUESTION, THERE), *AFTER], False),
        ([(QUESTION, THERE)] * 2 * ONE_BY_ONE, False),
        ([(MANY, SOON)] * 2 * ONE_BY_ONE, False),
    ],
    ids=["not yet", "one by one", "then many", "then two", "behind one another", "many"],
)
def test_what_comes_one_by_one_is_looked_out_for(
    ends: Ends, reads: list[tuple[bytes, float]], expected: bool
) -> None:
    assert ends.is_looked_out_for(reads) is expected
