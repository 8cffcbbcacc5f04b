"""One binding's record: what was handed out, to whom, and what an exchange makes of it.

Pure values. Times are those of the caller's clock.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from math import inf
from typing import NamedTuple

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import INFINITE, Binding
from ovsdhcp.dhcp.message import Client, hostname_of, shown

Key = tuple[str, str, bytes]
"""Bridge, port and address (four octets, which know their hash): what a binding is known by."""


class State(Enum):
    """What a binding's exchanges have left behind.

    A bound client that was told so again is RENEWED. A binding that never had anything is
    REFUSED, or INFORMED where the client only asked for parameters.
    """

    OFFERED = "offered"
    BOUND = "bound"
    RENEWED = "renewed"
    RELEASED = "released"
    DECLINED = "declined"
    REFUSED = "refused"
    INFORMED = "informed"

    __hash__ = object.__hash__  # Enum's own is a function of Python; members are unique


class Lease(NamedTuple):
    """A binding's record.

    `until` ends the lease where the state is BOUND or RENEWED, the probation where it is
    DECLINED, and is `since` elsewhere. `since` is when the state began; a renewal keeps it, for
    it goes on with a lease. `mac` and the options 61, 60, 81 and 12 are, as on the wire, those of
    the client that the state is about, None where it sent none.
    `at`, `message` and `reason` are the last exchange's, whoever asked: when, the message type
    in words (empty: no well-formed request), the reason's code. What was answered how often is
    counted. `left` is when the binding left the table, None while it is there.
    """

    state: State
    since: float
    until: float
    mac: bytes | None
    client_id: bytes | None
    vendor_class: bytes | None
    fqdn: bytes | None
    host_name: bytes | None
    at: float
    message: str
    reason: str
    offers: int = 0
    acks: int = 0
    naks: int = 0
    drops: int = 0
    left: float | None = None

    def shifted(self, by: float) -> "Lease":
        """The same at a clock that is `by` seconds ahead."""
        left = None if self.left is None else self.left + by
        return self._replace(
            since=self.since + by, until=self.until + by, at=self.at + by, left=left
        )


@dataclass(frozen=True, slots=True)
class Record:
    """A binding's record as others read it; see `Lease` for what the fields mean.

    Names and the vendor class are as the client wrote them, fit to be shown: what could drive a
    terminal is escaped. `until` is None where there is no end: an infinite lease, or a state that
    ends with the next exchange. `left` is None for a binding in force.
    """

    bridge: str
    port: str
    address: IPv4Address
    mac: bytes | None
    state: State
    since: float
    until: float | None
    client_id: bytes | None
    hostname: str | None
    vendor_class: str | None
    at: float
    message: str
    reason: str
    offers: int
    acks: int
    naks: int
    drops: int
    left: float | None

    @classmethod
    def of(cls, key: Key, lease: Lease, by: float = 0.0) -> "Record":
        """A binding's record, at a clock that is `by` seconds ahead of the lease's."""
        vendor = lease.vendor_class
        return cls(
            *key[:2],
            IPv4Address(key[2]),
            mac=lease.mac,
            state=lease.state,
            since=lease.since + by,
            until=lease.until + by if lease.since < lease.until < inf else None,
            client_id=lease.client_id,
            hostname=hostname_of(lease.fqdn, lease.host_name),
            vendor_class=None if vendor is None else shown(vendor),
            at=lease.at + by,
            message=lease.message,
            reason=lease.reason,
            offers=lease.offers,
            acks=lease.acks,
            naks=lease.naks,
            drops=lease.drops,
            left=None if lease.left is None else lease.left + by,
        )


_STATES = {
    reasons.OFFER.code: State.OFFERED,
    reasons.ACK_SELECTING.code: State.BOUND,
    reasons.ACK_INIT_REBOOT.code: State.BOUND,
    reasons.ACK_RENEWING.code: State.RENEWED,
    reasons.ACK_REBINDING.code: State.RENEWED,
    reasons.RELEASE.code: State.RELEASED,
    reasons.DECLINE.code: State.DECLINED,
    reasons.NAK_WRONG_ADDRESS.code: State.REFUSED,
    reasons.NAK_OFF_NETWORK.code: State.REFUSED,
    reasons.NAK_NO_ADDRESS.code: State.REFUSED,
}
"""What an exchange makes of a binding, by its reason; any other leaves it as it was."""

_Who = tuple[bytes | None, bytes | None, bytes | None, bytes | None, bytes | None]
_NOBODY: _Who = (None, None, None, None, None)
_LEASED = (State.BOUND, State.RENEWED)
_ENDING = (*_LEASED, State.DECLINED)
_OFFERS, _ACKS, _NAKS, _DROPS = range(4)
_COUNTS = {
    code: _OFFERS if code == "offer" else _ACKS if code[:4] == "ack-" else _NAKS
    for code in reasons.REASONS
    if code == "offer" or code[:4] in ("ack-", "nak-")
}
"""Which of `offers`, `acks` and `naks` an exchange counts as; silence counts as a drop."""


def after(
    old: Lease | None,
    binding: Binding,
    code: str,
    now: float,
    client: Client | None,
    message: str,
    times: int,
) -> Lease:
    """The record of a binding once an exchange came to `code`."""
    if old is None:
        old = Lease(State.REFUSED, now, now, *_NOBODY, now, "", "")
    if code == reasons.ACK_INFORM.code and _had_nothing(old):
        old = old._replace(state=State.INFORMED)
    counts = list(old[11:15])
    counts[_COUNTS.get(code, _DROPS)] += times
    if now < old.at:
        return Lease._make((*old[:11], *counts, old.left))
    # what is told late does not bring back a binding that has left the table since
    left = old.left if old.left is not None and now <= old.left else None
    state = _STATES.get(code)
    withheld = old.state is State.DECLINED and now < old.until
    if state is None or (withheld and state is not State.DECLINED):
        return Lease._make((*old[:8], now, message, code, *counts, left))
    goes_on = state is State.RENEWED and old.state in _LEASED
    since = old.since if goes_on or state is old.state else now
    who = old[3:8] if client is None else client
    until = now + _duration(state, binding) if state in _ENDING else since
    return Lease._make((state, since, until, *who, now, message, code, *counts, left))


def _had_nothing(lease: Lease) -> bool:
    """Whether all that was asked so far was met with silence, in whatever order it is told."""
    return lease.state is State.REFUSED and not lease.acks and not lease.naks


def _duration(state: State, binding: Binding) -> float:
    if state is State.DECLINED:
        return binding.subnet.probation
    return inf if binding.lease_time == INFINITE else binding.lease_time
