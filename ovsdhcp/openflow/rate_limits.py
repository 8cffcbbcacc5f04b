"""Rate limits where a switch has no meters: token buckets, and when to have a port dropped.

A bucket only keeps the work behind it small; the packets still come. So a port that is over its
limit is told of once, for its DHCP to be dropped by a flow for a while.
"""

from dataclasses import dataclass
from enum import Enum

from ovsdhcp.config.table import RateLimit

DROPPED_FOR = 2
"""Seconds, whole ones since a flow's hard_timeout is: the port's own client asks again after 4
(RFC 2131 §4.1)."""

_CEILING = 0
"""No port has this number."""


class Verdict(Enum):
    """What becomes of a packet: heard, not heard, or not heard and its port to be dropped."""

    HEARD = "heard"
    OVER = "over"
    OFFENDS = "offends"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    since: float
    dropped_until: float = 0.0

    def take(self, limit: RateLimit, now: float) -> bool:
        """Take a token, if there is one; they come back at the limit's rate."""
        self.tokens = min(limit.burst, self.tokens + (now - self.since) * limit.rate)
        self.since = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RateLimits:
    """The buckets of one bridge. `now` is any clock's, in seconds."""

    def __init__(self, ceiling: RateLimit | None) -> None:
        self._ceiling = ceiling
        self._buckets: dict[int, _Bucket] = {}

    def judge(self, ofport: int, limit: RateLimit | None, now: float) -> Verdict:
        """One more packet of a port that has this limit."""
        if limit is not None:
            bucket = self._bucket(ofport, limit, now)
            if now < bucket.dropped_until:
                return Verdict.OVER
            if not bucket.take(limit, now):
                bucket.dropped_until = now + DROPPED_FOR
                return Verdict.OFFENDS
        ceiling = self._ceiling
        if ceiling is None or self._bucket(_CEILING, ceiling, now).take(ceiling, now):
            return Verdict.HEARD
        return Verdict.OVER

    def _bucket(self, ofport: int, limit: RateLimit, now: float) -> _Bucket:
        bucket = self._buckets.get(ofport)
        if bucket is None:
            bucket = self._buckets[ofport] = _Bucket(limit.burst, now)
        return bucket
