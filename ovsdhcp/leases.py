"""What was handed out, when, and to whom: one record a binding, in memory.

The lease table stays the truth: a lost record loses history, and a probation, never an address.
Times are those of the caller's clock.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from math import inf

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import INFINITE, Binding
from ovsdhcp.dhcp.message import Request
from ovsdhcp.dhcp.reasons import Reason

Key = tuple[str, str, IPv4Address]
"""Bridge, port and address: what a binding is known by."""


class State(Enum):
    """What a binding's last exchange left behind."""

    OFFERED = "offered"
    BOUND = "bound"
    RELEASED = "released"
    DECLINED = "declined"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Lease:
    """`until` ends the lease where the state is BOUND, the probation where it is DECLINED."""

    state: State
    since: float
    until: float


_STATES = {
    reasons.OFFER: State.OFFERED,
    reasons.ACK_SELECTING: State.BOUND,
    reasons.ACK_INIT_REBOOT: State.BOUND,
    reasons.ACK_RENEWING: State.BOUND,
    reasons.ACK_REBINDING: State.BOUND,
    reasons.RELEASE: State.RELEASED,
    reasons.DECLINE: State.DECLINED,
    reasons.NAK_WRONG_ADDRESS: State.REFUSED,
    reasons.NAK_OFF_NETWORK: State.REFUSED,
    reasons.NAK_NO_ADDRESS: State.REFUSED,
}
"""What an exchange makes of a binding, by its reason; any other leaves it as it was."""


class Leases:
    """The records of all bindings that were ever asked for."""

    def __init__(self) -> None:
        self._leases: dict[Key, Lease] = {}
        self.any_declined = False
        """Whether any address was declined at all, so that hardly ever anything is looked up."""

    def get(self, key: Key) -> Lease | None:
        """The record of a binding, if there was an exchange."""
        return self._leases.get(key)

    def records(self) -> dict[Key, Lease]:
        """All records, as they are now."""
        return dict(self._leases)

    def probation_until(self, key: Key) -> float:
        """When a declined address may be offered again; 0 where it was not declined."""
        lease = self._leases.get(key)
        return lease.until if lease is not None and lease.state is State.DECLINED else 0.0

    def record(
        self,
        key: Key,
        binding: Binding,
        reason: Reason,
        now: float,
        request: Request | None = None,
    ) -> None:
        """Keep what an exchange for `binding` came to; no `request` where it is one repeated.

        While a declined address is on probation, nothing but another DECLINE counts: a RELEASE
        or a refusal must not end it. What was repeated is told late, so it may be old.
        """
        state, before = _STATES.get(reason), self._leases.get(key)
        if state is None or (state is not State.DECLINED and now < self.probation_until(key)):
            return
        if before is not None and now < before.since:
            return
        self.any_declined |= state is State.DECLINED
        self._leases[key] = Lease(state, now, now + _duration(state, binding))


def _duration(state: State, binding: Binding) -> float:
    if state is State.DECLINED:
        return binding.subnet.probation
    if state is not State.BOUND:
        return 0
    return inf if binding.lease_time == INFINITE else binding.lease_time
