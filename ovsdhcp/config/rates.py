"""How much of its ports' DHCP a bridge hands to the controller: what is given, and the defaults."""

from dataclasses import dataclass

from ovsdhcp.config.document import NO_LIMIT, BridgeKeys, PortKeys, RateKeys
from ovsdhcp.config.scalars import HIGHEST_RATE
from ovsdhcp.config.table import RateLimit

PER_CLIENT = RateLimit(10, 20)
"""A client asks at 0, 4, 8, 16 … s (RFC 2131 §4.1) and needs two packets for a lease."""

CEILING = RateLimit(5_000, 5_000)
"""What one process answers with ease, even where nothing was asked before."""


@dataclass(frozen=True, slots=True)
class Rates:
    """A bridge's limits, None where there is none: for each client, and for all ports together."""

    per_client: RateLimit | None
    ceiling: RateLimit | None

    def of_port(self, keys: PortKeys, clients: int) -> RateLimit | None:
        """A port's own limit, or as many times a client's as it has clients, up to the ceiling."""
        if keys.rate_limit is not None:
            return _limit(keys.rate_limit)
        return self.per_client and self._below_ceiling(self.per_client, max(clients, 1))

    def _below_ceiling(self, one: RateLimit, clients: int) -> RateLimit:
        rate, burst = one.rate * clients, one.burst * clients
        if self.ceiling is None:
            return RateLimit(min(rate, HIGHEST_RATE), min(burst, HIGHEST_RATE))
        return RateLimit(min(rate, self.ceiling.rate), min(burst, self.ceiling.burst))


def rates(keys: BridgeKeys) -> Rates:
    """The limits of a bridge; with `rate_limit: none` there is no ceiling by default either."""
    per_client = PER_CLIENT if keys.rate_limit is None else _limit(keys.rate_limit)
    ceiling = CEILING if per_client is not None else None
    return Rates(per_client, ceiling if keys.rate_ceiling is None else _limit(keys.rate_ceiling))


def _limit(keys: RateKeys) -> RateLimit | None:
    if keys is NO_LIMIT:
        return None
    return RateLimit(
        keys.rate, min(2 * keys.rate, HIGHEST_RATE) if keys.burst is None else keys.burst
    )
