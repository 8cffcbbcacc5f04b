"""A change of a bridge's flows as one ONF bundle, made piece by piece while others have their turn.

A piece ends with a message, so that other messages may pass between two of them.
"""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TypeVar

from ovsdhcp.openflow import messages
from ovsdhcp.openflow.messages import Entry, Key

_Flow = TypeVar("_Flow", bound=tuple[object, ...])

FLOWS_AT_ONCE = 150
"""Flows between two pauses: a millisecond's work."""


class Bundle:
    """One change in the making; where nothing is added or deleted, it has no octets.

    `xids` numbers the messages; the bundle has one number, which is all its messages' too. `laid`
    are the keys of the flows that it lays.
    """

    def __init__(self, xids: Iterator[int]) -> None:
        self._xids = xids
        self.xid = 0
        self.laid: list[Key] = []
        self._octets: list[bytes] = []

    def add(self, at: Key, what: Entry) -> None:
        """Lay a flow, over the one of ours that may be there."""
        self._bundle(messages.add_flow(at, what, self._number()))
        self.laid.append(at)

    def delete(self, at: Key, cookie: int) -> None:
        """Take a flow away."""
        self._bundle(messages.delete_flow(at, cookie, self._number()))

    def commit(self) -> None:
        """End it."""
        if self.xid:
            self._octets.append(messages.bundle_commit(self.xid))

    def piece(self) -> bytes:
        """What is to be sent by now."""
        octets = b"".join(self._octets)
        self._octets.clear()
        return octets

    def _number(self) -> int:
        if not self.xid:
            self.xid = next(self._xids)
            self._octets.append(messages.bundle_open(self.xid))
        return self.xid

    def _bundle(self, message: bytes) -> None:
        self._octets.append(messages.bundled(message, self.xid))


def exclusive(at: Key, what: Entry, xid: int) -> bytes:
    """Lay a flow only where no other of its priority overlaps it: a bundle of its own.

    OFPFF_CHECK_OVERLAP alone does not do: OVS replaces a flow of the very same match without
    a look at the flag. So a narrower flow goes first, which any such flow refuses, and with it
    the bundle; in the end it is gone again.
    """
    probe = messages.narrowed(at)
    return messages.bundle(
        [
            messages.add_flow(probe, what, xid, exclusive=True),
            messages.delete_flow(probe, what.cookie, xid),
            messages.add_flow(at, what, xid),
        ],
        xid,
    )


def in_turns(flows: Iterable[_Flow]) -> Iterator[_Flow | None]:
    """The flows, or meters, and None after every so many, where others may have their turn."""
    turns = count(1)
    for flow in flows:
        yield flow
        if next(turns) % FLOWS_AT_ONCE == 0:
            yield None
