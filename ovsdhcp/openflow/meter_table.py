"""The meters of one bridge: those it has of us, and what turns them into those it should have.

METER_MOD has no place in a bundle, and a meter that goes takes its flows along: so meters are made
before the flows that need them, and deleted after.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from ovsdhcp.openflow import meters
from ovsdhcp.openflow.bundle import in_turns
from ovsdhcp.openflow.meter_messages import (
    ADD,
    DELETE,
    MODIFY,
    meter_config_request,
    meter_mod,
    read_meter_config,
)
from ovsdhcp.openflow.meters import Meter


class MeterTable:
    """`xids` numbers the messages."""

    def __init__(self, xids: Iterator[int]) -> None:
        self._xids = xids
        self._there: dict[int, Meter | None] = {}
        self._unread: deque[bytes] = deque()
        self._asked = 0
        self._sent: set[int] = set()

    def ask(self) -> bytes:
        """Ask for the meters that the bridge has."""
        self._there = {}
        self._unread.clear()
        self._asked = next(self._xids)
        self._sent = {self._asked}
        return meter_config_request(self._asked)

    def told(self, xid: int, reply: bytes) -> bool:
        """One part of the answer to `ask`, if it is one."""
        if xid != self._asked:
            return False
        self._unread.append(reply)
        return True

    def read(self) -> Iterator[None]:
        """Read what was told, in slices. Raises ValueError where a length lies."""
        there = self._there  # which is another once they are asked for again
        while self._unread:
            for meter in in_turns(read_meter_config(self._unread.popleft())):
                if meter is None:
                    yield
                elif meters.is_ours(meter[0]):
                    there[meter[0]] = meter[1]

    @property
    def there(self) -> frozenset[int]:
        """The numbers of those that the bridge has, as far as read."""
        return frozenset(self._there)

    def make(self, wanted: Iterable[Meter]) -> bytes:
        """Add those that are missing, and change those that are not as they should be."""
        sent = []
        for meter in wanted:
            if meter.number not in self._there:
                sent.append(self._tell(ADD, meter))
            elif self._there[meter.number] != meter:
                sent.append(self._tell(MODIFY, meter))
            self._there[meter.number] = meter
        return b"".join(sent)

    def delete(self, numbers: Iterable[int]) -> bytes:
        """Delete those of them that are there."""
        surplus = sorted(self._there.keys() & set(numbers))
        for number in surplus:
            del self._there[number]
        return b"".join(self._tell(DELETE, Meter(number, 0, 0)) for number in surplus)

    def refused(self, xid: int) -> bool:
        """Whether an error with this xid says that the bridge takes no meters of ours."""
        return xid in self._sent

    def settled(self) -> None:
        """All that was sent is done."""
        self._sent.clear()

    def _tell(self, command: int, meter: Meter) -> bytes:
        xid = next(self._xids)
        self._sent.add(xid)
        return meter_mod(command, meter, xid)
