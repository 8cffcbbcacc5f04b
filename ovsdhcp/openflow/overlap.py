"""The same messages by two ways for a while, when one takes over from the other."""

from collections import Counter
from collections.abc import Sequence

_REMEMBERED = 8192


class Overlap:
    """Has each message count once and in its order: the old way's first, then what only the new
    way says.

    Both say the same in the same order, but the new one began, and the old one ends, somewhere on
    the way. The very same message may come several times by each.
    """

    def __init__(self) -> None:
        self._said: Counter[bytes] = Counter()
        """How often by the old way, less how often by the new one since."""
        self._held: list[bytes] | None = []
        """What came by the new way already; None as soon as the old one has ended."""

    def by_old(self, message: bytes) -> None:
        """Count what the old way says."""
        if len(self._said) < _REMEMBERED:  # a flood: to answer some of it twice harms nobody
            self._said[message] += 1

    def by_new(self, message: bytes) -> Sequence[bytes]:
        """What counts now that the new way says this: nothing yet, or nothing more, or the message.

        In a flood some of what was held back counts before its time.
        """
        if self._held is None:
            return () if self._was_said(message) else (message,)
        self._held.append(message)
        return self.end_of_old() if len(self._held) > _REMEMBERED else ()

    def end_of_old(self) -> Sequence[bytes]:
        """The old way has said everything: what counts of what was held back."""
        held, self._held = self._held or [], None
        return [message for message in held if not self._was_said(message)]

    def _was_said(self, message: bytes) -> bool:
        times = self._said.pop(message, 0)
        if times > 1:
            self._said[message] = times - 1
        return times > 0
