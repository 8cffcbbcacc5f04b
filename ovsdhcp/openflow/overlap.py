"""Two ways by which the same messages come for a while, while one takes the other's place."""

from collections import Counter

_REMEMBERED = 8192


class Overlap:
    """Has each message count once, by whichever way it is sooner.

    Both say the same in the same order, but one began, and the other may have ended, somewhere in
    between. The very same message may come several times by each.
    """

    def __init__(self) -> None:
        self._ahead: Counter[bytes] = Counter()
        """How often more a message came by the old way than by the shortcut."""

    def is_new(self, message: bytes, *, by_shortcut: bool) -> bool:
        """Whether it has not come by the other way yet."""
        step = -1 if by_shortcut else 1
        ahead = self._ahead[message]
        if ahead + step:
            self._ahead[message] = ahead + step
        else:
            del self._ahead[message]
        if len(self._ahead) > _REMEMBERED:  # a flood: to answer some of it twice harms nobody
            self._ahead.clear()
        return ahead * step >= 0
