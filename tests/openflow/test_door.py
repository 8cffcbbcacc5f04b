"""The door: one connection after the other comes in, and nothing stays of one that has left."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_connection, socketpair
from typing import Any

import pytest
from eventlet.greenio import GreenSocket
from ryu.lib import hub

from ovsdhcp.openflow.admission import Admission, Limits
from ovsdhcp.openflow.door import passing
from ovsdhcp.openflow.endings import MADE_ROOM
from ovsdhcp.openflow.listener import accept_all, bound, hang_up


@contextmanager
def nobody_looks_for_cycles() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("ended_by_us", [False, True])
def test_nothing_stays_of_a_connection_that_has_left(ended_by_us: bool) -> None:
    admission = Admission(Limits())
    ours, theirs = socketpair()
    with nobody_looks_for_cycles(), theirs:
        with passing(admission, ours, ("192.0.2.9", 1)) as passage:
            left = weakref.ref(passage), weakref.ref(ours)
            if ended_by_us:
                passage.end(MADE_ROOM)
        del passage, ours
        assert [reference() for reference in left] == [None, None]


def test_each_connection_is_served_before_the_next_one_is_accepted() -> None:
    """Else a thousand that came at once would all be in, and the limits see them afterwards."""
    seen: list[str] = []

    def serve(connected: Any) -> None:
        seen.append("served")
        connected.close()

    def take(connected: Any, address: Any) -> None:
        seen.append("accepted")
        hub.spawn(serve, connected)
        if len(seen) == 5:
            hang_up(listener)

    listener = GreenSocket(bound("127.0.0.1", 0))
    listener.listen(8)
    clients = [create_connection(listener.getsockname()) for _ in range(3)]
    accept_all(listener, take)
    for client in clients:
        client.close()
    assert seen == ["accepted", "served"] * 3
