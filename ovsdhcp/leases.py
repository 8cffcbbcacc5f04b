"""What was handed out, when, and to whom: one record a binding, in memory.

The lease table stays the truth: a lost record loses history, and a probation, never an address.
Times are those of the caller's clock; `Record`s have them shifted to whatever clock is asked for.

Records of bindings in the table are kept for as long as these are there. The others (a binding
that left the table, a flow of others' that said who gets what) are kept for `HISTORY` seconds
after they were last touched, and at most `MOST_HISTORY` of them, the oldest going first.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.message import Client
from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.lease import Key, Lease, Record, State, after

HISTORY = 30 * 86_400.0
MOST_HISTORY = 50_000
_EXPIRED_AT_ONCE = 1_000

_MOST_OF_A_PART = 21_845
"""Changes; with one more their dict would grow, in one go of some milliseconds, and when all
clients ask for the first time in the very moment in which that of the records grows."""

Changes = list[dict[Key, Lease | None]]
"""What has changed, in parts one after the other; None: it is forgotten. What is in several of them
is as it is in the last."""


class Leases:
    """The records of all bindings that were ever asked for.

    `external` names the bridges whose bindings are in the flows of others, and in no table.
    """

    def __init__(self, external: frozenset[str] = frozenset()) -> None:
        self.external = external
        self._listed: dict[Key, Lease] = {}
        self._others: OrderedDict[Key, Lease] = OrderedDict()
        self._changed: Changes = []
        self.any_declined = False
        """Whether any address was declined at all, so that hardly ever anything is looked up."""

    def get(self, key: Key) -> Lease | None:
        """The record of a binding, if there was an exchange."""
        return self._listed.get(key) or self._others.get(key)

    def kept(self) -> dict[Key, Lease]:
        """All records as they are now, history last."""
        return {**self._listed, **self._others}

    def probation_until(self, key: Key) -> float:
        """When a declined address may be offered again; 0 where it was not declined."""
        lease = self._listed.get(key) or self._others.get(key)
        return lease.until if lease is not None and lease.state is State.DECLINED else 0.0

    def record(
        self,
        key: Key,
        binding: Binding,
        reason: Reason,
        now: float,
        client: Client | None = None,
        message: str = "",
        times: int = 1,
    ) -> None:
        """Keep what an exchange for `binding` came to; no `client` where nothing says who asked.

        `message` is the type that was asked.
        It counts as `times`; one that is told late, after another of the binding, does no more
        than that. While a
        declined address is on probation, nothing but another DECLINE changes its state: a RELEASE
        or a refusal must not end it.
        """
        listed = self._listed.get(key)
        old = self._others.get(key) if listed is None else listed
        lease = after(old, binding, reason.code, now, client, message, times)
        self._note(key, lease)
        if listed is None:
            self._place(key, lease)
        else:
            self.any_declined |= lease.state is State.DECLINED
            self._listed[key] = lease

    def _note(self, key: Key, lease: Lease | None) -> None:
        """Have it written next time."""
        if not self._changed or len(self._changed[-1]) >= _MOST_OF_A_PART:
            self._changed.append({})
        self._changed[-1][key] = lease

    def _place(self, key: Key, lease: Lease) -> None:
        """Keep a record where it belongs, and no more of history than there may be."""
        self.any_declined |= lease.state is State.DECLINED
        self._others.pop(key, None)
        if lease.left is None and key[0] not in self.external:
            self._listed[key] = lease
            return
        self._listed.pop(key, None)
        self._others[key] = lease
        if len(self._others) > MOST_HISTORY:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        key, _ = self._others.popitem(last=False)
        self._note(key, None)

    def left(self, keys: Iterable[Key], now: float) -> None:
        """These bindings left the table: what is known of them is history from now on."""
        for key in keys:
            lease = self.get(key)
            if lease is not None and lease.left is None:
                gone = lease._replace(left=now)
                self._note(key, gone)
                self._place(key, gone)

    def expire(self, now: float) -> None:
        """Forget what is too old; a thousand at a time, so that nobody waits for it."""
        for _ in range(_EXPIRED_AT_ONCE):
            oldest = next(iter(self._others.values()), None)
            if oldest is None or now - _touched(oldest) < HISTORY:
                return
            self._forget_oldest()

    # -- for the journal ---------------------------------------------------------------------

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        changed, self._changed = self._changed, []
        return changed

    def take_all(self) -> Changes:
        """All that is kept, as the changes since there was nothing."""
        self._changed = []
        return [dict[Key, Lease | None](self.kept())]

    def adopt(self, kept: Iterable[tuple[Key, Lease]], table: Iterable[Key], now: float) -> None:
        """Take what a journal has kept, by age, for a lease table whose bindings are `table`.

        What is known already is newer, and stays. Nothing was after `now`: where the journal
        says so, the clock was set back, and the record counts as made now. So a probation is
        never longer than it was when it began.
        """
        known = {key: key for key in table}
        for key, lease in kept:
            if self.get(key) is None:
                there = key in known or key[0] in self.external
                self._adopt(known.get(key, key), _not_later(lease, now), now, there=there)

    def _adopt(self, key: Key, lease: Lease, now: float, *, there: bool) -> None:
        left = None if there else now if lease.left is None else lease.left
        if left != lease.left:
            lease = lease._replace(left=left)
            self._note(key, lease)
        self._place(key, lease)

    # -- for readers -------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._listed) + len(self._others)

    def records(self, by: float = 0.0) -> Iterator[Record]:
        """Every record, its times at a clock that is `by` seconds ahead; history comes last.

        Made one by one, from what there is at the first: the reader may take as many as it has
        time for, and let others have a turn in between.
        """
        for kept in (list(self._listed.items()), list(self._others.items())):
            for key, lease in kept:
                yield Record.of(key, lease, by)


def _touched(lease: Lease) -> float:
    return lease.at if lease.left is None else max(lease.at, lease.left)


def _not_later(lease: Lease, now: float) -> Lease:
    ahead = _touched(lease) - now
    return lease.shifted(-ahead) if ahead > 0 else lease
