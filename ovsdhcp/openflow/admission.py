"""Who may connect, how often, for how long without a word, and how much of Ryu's time they get.

No socket and no clock here: a connection is a `Visit`, which has a function that ends it, and `now`
is an argument. An address is a host's, or the path of the Unix socket that a peer came by.
What a peer can use up is bounded, and used up at its own cost:

- **places.** A peer waits for its handshake at most `handshake` seconds. Where there are too many
  that wait, of one address or in all, the oldest makes room for the newest: who only holds
  connections open loses them, and a switch, which is ready within milliseconds, gets in.
- **octets.** Before it is ready a switch says who it is and which ports it has; no more than that.
- **time.** The messages that take Ryu's way cost 50 µs to 100 ms each. An address may use half of
  that time in the long run, and 5 seconds ahead; beyond that its connections rest, the others do
  not. Our own packet-ins do not take that way and are not counted: their limit is on the bridge.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.openflow.endings import (
    HANDSHAKE_TIMEOUT,
    HANDSHAKE_TOO_LONG,
    MADE_ROOM,
    TOO_MANY_CONNECTIONS,
)

_REMEMBERED_PEERS = 4096
_REMEMBERED_ENDINGS = 1024
_SAY_AGAIN_AFTER = 60.0
"""Seconds in which the same ending of the same address is said once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds, octets and connections."""

    handshake: float = 10.0
    octets_before_ready: int = 1 << 20
    waiting: int = 1024
    waiting_of_one: int = 256
    ready: int = 4096
    ready_of_one: int = 256
    share: float = 0.5
    ahead: float = 5.0

    @classmethod
    def within(cls, open_files: int) -> "Limits":
        """What fits into a process that may have so many open files, with some left for others.

        A switch that is ready may take two (shortcut.py).
        """
        places = max(open_files - 64, 16)
        most = cls()
        waiting = min(most.waiting, places // 3)
        return cls(waiting=waiting, ready=min(most.ready, (places - waiting) // 2))


@dataclass(slots=True)
class Peer:
    """What one address has of us."""

    host: str
    waiting: "OrderedDict[Visit, None]" = field(default_factory=OrderedDict)
    ready: int = 0
    rested_at: float = 0.0
    """When it will have paid for all of Ryu's time that it has used."""


@dataclass(slots=True, eq=False)
class Visit:
    """One connection, from the moment it is accepted. `hang_up` ends it from anywhere."""

    peer: Peer
    since: float
    hang_up: Callable[[Reason], None]
    octets: int = 0
    is_ready: bool = False


class Admission:
    """All connections there are, against the limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.endings: Counter[str] = Counter()
        """How often connections were ended, by the code of the ending."""
        self._waiting: OrderedDict[Visit, None] = OrderedDict()
        self._ready = 0
        self._peers: OrderedDict[str, Peer] = OrderedDict()
        self._said: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def enter(self, host: str, hang_up: Callable[[Reason], None], now: float) -> Visit:
        """A connection has been accepted; the oldest that waits makes room where it is needed."""
        peer = self._peer(host)
        for queue, most in (
            (peer.waiting, self.limits.waiting_of_one),
            (self._waiting, self.limits.waiting),
        ):
            if len(queue) >= most:
                self._dismiss(next(iter(queue)), MADE_ROOM)
        visit = Visit(peer, now, hang_up)
        self._waiting[visit] = peer.waiting[visit] = None
        return visit

    def _peer(self, host: str) -> Peer:
        peer = self._peers.setdefault(host, Peer(host))
        self._peers.move_to_end(host)
        if len(self._peers) > _REMEMBERED_PEERS:
            idle = next((h for h, p in self._peers.items() if not p.waiting and not p.ready), None)
            self._peers.pop(idle or "", None)
        return peer

    def _dismiss(self, visit: Visit, ending: Reason) -> None:
        self._forget_waiting(visit)
        visit.hang_up(ending)

    def _forget_waiting(self, visit: Visit) -> None:
        self._waiting.pop(visit, None)
        visit.peer.waiting.pop(visit, None)

    def expire(self, now: float) -> None:
        """End those whose handshake takes too long."""
        while self._waiting:
            visit = next(iter(self._waiting))
            if now - visit.since < self.limits.handshake:
                return
            self._dismiss(visit, HANDSHAKE_TIMEOUT)

    def heard(self, visit: Visit, octets: int) -> Reason | None:
        """A message came; why the visit ends if it was one too many."""
        if visit.is_ready:
            return None
        visit.octets += octets
        return HANDSHAKE_TOO_LONG if visit.octets > self.limits.octets_before_ready else None

    def ready(self, visit: Visit) -> Reason | None:
        """The visitor has become a switch; why it ends if there are too many of them."""
        self._forget_waiting(visit)
        peer = visit.peer
        if self._ready >= self.limits.ready or peer.ready >= self.limits.ready_of_one:
            return TOO_MANY_CONNECTIONS
        visit.is_ready = True
        self._ready += 1
        peer.ready += 1
        return None

    def leave(self, visit: Visit) -> None:
        """A connection is no more."""
        self._forget_waiting(visit)
        del visit.hang_up  # which knows the visit: a cycle, and nobody looks for those (app.py)
        if visit.is_ready:
            visit.is_ready = False
            self._ready -= 1
            visit.peer.ready -= 1

    def spent(self, visit: Visit, seconds: float, now: float) -> float:
        """Ryu's time went into a message; for how many seconds the connection has to rest."""
        peer = visit.peer
        peer.rested_at = max(peer.rested_at, now) + seconds / self.limits.share
        return max(0.0, peer.rested_at - now - self.limits.ahead / self.limits.share)

    def ended(self, host: str, ending: Reason, now: float) -> int | None:
        """Count an ending: how many more of it there were since it was said, None not to say it."""
        self.endings[ending.code] += 1
        key = host, ending.code
        said, unsaid = self._said.pop(key, (-_SAY_AGAIN_AFTER, 0))
        if now - said < _SAY_AGAIN_AFTER:
            self._said[key] = said, unsaid + 1
            return None
        self._said[key] = now, 0
        if len(self._said) > _REMEMBERED_ENDINGS:
            self._said.popitem(last=False)
        return unsaid
