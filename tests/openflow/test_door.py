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
from ovsdhcp.openflow.listener import AT_ONCE, accept_all, bound, hang_up


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


def test_a_crowd_is_let_in_some_at_a_time() -> None:
    """Else a thousand that came at once would all be in, and the limits see them afterwards."""
    inside, most = 0, 0
    crowd = 3 * AT_ONCE

    def serve(connected: Any) -> None:
        nonlocal inside
        inside -= 1
        connected.close()

    def take(connected: Any, address: Any) -> None:
        nonlocal inside, most, crowd
        inside, crowd = inside + 1, crowd - 1
        most = max(most, inside)
        hub.spawn(serve, connected)
        if not crowd:
            hang_up(listener)

    listener = GreenSocket(bound("127.0.0.1", 0))
    listener.listen(crowd)
    clients = [create_connection(listener.getsockname()) for _ in range(crowd)]
    accept_all(listener, take)
    for client in clients:
        client.close()
    assert (crowd, most) == (0, AT_ONCE)
