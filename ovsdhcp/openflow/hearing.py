"""By which of its two wires a bridge of this machine says what it says of its own accord.

The one that it connected by holds thousands of PACKET_INs until they are read; by its management
socket (shortcut.py) each costs ovs-vswitchd half as much, but that one holds some 170, and what is
more is lost. So a bridge is heard by its own connection, where a burst may come out of silence; by
the shortcut, while much comes and comes steadily; and by its own again when there is a crowd.

A handover loses nothing, takes nothing twice, and keeps the order (overlap.py):

    to the wire that takes over     tell everything, barrier   ─▶ it does
    to the other                    tell nothing, barrier      ─▶ all that it said was read
    to the wire that takes over     barrier                    ─▶ so was all that came by both
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ovsdhcp.openflow import asynchronous, continuation, messages
from ovsdhcp.openflow.messages import (
    BARRIER_REPLY,
    ECHO_REPLY,
    ECHO_REQUEST,
    ERROR,
    EXPERIMENTER,
    FLOW_REMOVED,
    PACKET_IN,
    PORT_STATUS,
)
from ovsdhcp.openflow.overlap import Overlap

SOME, MANY, CROWD = 32_768, 150, 65_536
"""Octets of a read, where it is looked how many packet-ins they are: 150 are nearly all that a Unix
socket holds (208 KiB, net.core.wmem_default, at 1,280 octets of the kernel's each; larger ones take
more). And octets that are too many, whatever they are."""

MUCH, MUCH_A_SECOND = 1 << 18, 1 << 21
"""Octets after which it is looked how fast they came; and 5,000 questions."""

STEADY, CALM, IDLE = 0.2, 5.0, 10.0
"""Seconds: so long much has to come, and no crowd, for the shortcut; and not much, to end it."""

GIVE_WAY = 0.05
"""Seconds after which it is looked again on which CPU the bridge runs; a look takes some 10 us."""

_XIDS = 0x6467_0000
"""Of no other question of ours: a handover has three."""


def _is_crowd(octets: bytes) -> bool:
    """Whether there are too many packet-ins, if all are as long as the first."""
    size = int.from_bytes(octets[2:4], "big")
    return octets[1] in (PACKET_IN, EXPERIMENTER) and len(octets) >= min(MANY * size, CROWD)


def _is_unasked(message: bytes) -> bool:
    """Whether it is what a switch says of its own accord."""
    return message[1] in (PACKET_IN, PORT_STATUS, FLOW_REMOVED) or (
        message[1] == EXPERIMENTER and continuation.is_packet_in(message)
    )


class Way(Protocol):
    """A wire, as far as it is told something."""

    def send(self, octets: bytes) -> bool:
        """Send, or keep to be sent."""


class Beside(Protocol):
    """Who sends by the shortcut, on CPUs that it shares with us (affinity.py)."""

    def give_way(self) -> None:
        """Keep off the CPU on which it runs."""

    def come_back(self) -> None:
        """Run where we like."""


class Hearing:
    """The wire that the switch made, and its shortcut once there is one."""

    def __init__(self, own: Way, clock: Callable[[], float] = time.monotonic) -> None:
        self.own = self.by = self._wanted = own
        self.shortcut: Way | None = None
        self.path: Path | None = None
        """Where the shortcut is."""
        self._bridge: Beside | None = None
        self.overlap: Overlap | None = None
        self._allowed = True
        self._clock = clock
        self._handovers = 0
        self._octets = 0
        self._looked_at = self._busy_since = clock()
        self._crowded_at = -CALM
        self._gave_way_at = -GIVE_WAY

    def take(self, shortcut: Way, path: Path, bridge: Beside) -> None:
        """Hear the bridge by the shortcut at `path`, whenever that is better."""
        self.shortcut, self.path, self._bridge = shortcut, path, bridge

    def end(self) -> None:
        """Nothing comes by the shortcut any more."""
        if self._bridge is not None:
            self._bridge.come_back()
            self._bridge = None  # by the own wire the rest of much may still come

    @property
    def by_shortcut(self) -> bool:
        """Whether it is the shortcut's turn."""
        return self.by is self.shortcut

    def allow(self, *, shortcut: bool) -> None:
        """Whether the shortcut may be used. Where it is in use and may not, that ends."""
        self._allowed = shortcut
        if not shortcut:
            self._hear_by(self.own)

    def came(self, octets: bytes) -> None:
        """So much came in one read, from the beginning of a message on."""
        if len(octets) > SOME and _is_crowd(octets):
            self._crowded_at = self._clock()
            self._hear_by(self.own)
        self._octets += len(octets)
        if self._octets > MUCH:
            self._look()

    def _look(self) -> None:
        now = self._clock()
        if self._octets < (now - self._looked_at) * MUCH_A_SECOND:
            self._busy_since = now
        self._octets, self._looked_at = 0, now
        if self._bridge is not None and self.by_shortcut and now - self._gave_way_at >= GIVE_WAY:
            self._gave_way_at = now
            self._bridge.give_way()
        steady, calm = now - self._busy_since >= STEADY, now - self._crowded_at >= CALM
        if steady and calm and self._allowed:
            self._hear_by(self.shortcut)

    def look(self) -> None:
        """End what is not needed any more; to be called every now and then."""
        if self._clock() - self._looked_at >= IDLE:
            self._hear_by(self.own)

    def _hear_by(self, way: Way | None) -> None:
        if way is None:
            return
        self._wanted = way
        if way is self.by or self.overlap is not None:  # one handover after the other
            return
        self.by, self.overlap = way, Overlap()
        if self._bridge is not None and way is self.own:
            self._bridge.come_back()
        self._handovers += 1
        way.send(asynchronous.of_everything(self._xid(0)) + messages.barrier(self._xid(0)))

    def _xid(self, step: int) -> int:
        return _XIDS | (4 * self._handovers + step) & 0xFFFF

    def due(self, way: Way, message: bytes) -> Sequence[bytes]:
        """What the switch said and is to be handled, now that this message came.

        Of what is about the ways themselves, nothing; in a handover not yet, or more than that.
        """
        kind = message[1]
        if kind == BARRIER_REPLY and self.overlap is not None:
            xid = int.from_bytes(message[4:8], "big")
            if xid & ~3 == self._xid(0):
                return self._handed_over(xid & 3)
        unasked = _is_unasked(message)
        if way is self.shortcut and not unasked and kind != ERROR:  # which is about an answer
            if kind == ECHO_REQUEST:
                way.send(message[:1] + bytes((ECHO_REPLY,)) + message[2:])
            return ()
        if self.overlap is None or not unasked:
            return (message,)
        if way is self.by:
            return self.overlap.by_new(message)
        self.overlap.by_old(message)
        return (message,)

    def _handed_over(self, step: int) -> Sequence[bytes]:
        """A step of the handover is done; what was held back until then."""
        assert self.overlap is not None
        other = self.shortcut if self.by is self.own else self.own
        assert other is not None
        if step == 0:
            other.send(asynchronous.of_nothing(self._xid(1)) + messages.barrier(self._xid(1)))
        elif step == 1:
            self.by.send(messages.barrier(self._xid(2)))
            return self.overlap.end_of_old()
        else:
            self.overlap = None
            self._hear_by(self._wanted)
        return ()
