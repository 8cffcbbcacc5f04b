"""What an exchange leaves behind, and how long a declined address is withheld."""

from ipaddress import IPv4Address
from math import inf

import pytest

from ovsdhcp.dhcp import reasons
from ovsdhcp.dhcp.binding import INFINITE
from ovsdhcp.leases import Lease, Leases, State
from tests.dhcp.wire import BINDING, binding

KEY = "br-int", "vm5", IPv4Address("192.0.2.50")


def test_an_ack_is_for_the_lease_time() -> None:
    leases = Leases()
    assert leases.get(KEY) is None
    leases.record(KEY, BINDING, reasons.ACK_SELECTING, 100.0)
    assert leases.get(KEY) == Lease(State.BOUND, 100.0, 3700.0)
    leases.record(KEY, binding(lease_time=INFINITE), reasons.ACK_RENEWING, 200.0)
    assert leases.get(KEY) == Lease(State.BOUND, 200.0, inf)


def test_silence_and_parameters_leave_nothing() -> None:
    leases = Leases()
    for reason in (reasons.ACK_INFORM, reasons.OTHER_SERVER, reasons.NAK_PROBATION):
        leases.record(KEY, BINDING, reason, 100.0)
    assert leases.get(KEY) is None


@pytest.mark.parametrize("after", [reasons.RELEASE, reasons.NAK_WRONG_ADDRESS, reasons.OFFER])
def test_a_probation_ends_with_time_and_nothing_else(after: reasons.Reason) -> None:
    leases = Leases()
    leases.record(KEY, BINDING, reasons.DECLINE, 100.0)
    assert leases.probation_until(KEY) == 700.0
    leases.record(KEY, BINDING, after, 699.0)
    assert leases.probation_until(KEY) == 700.0
    leases.record(KEY, BINDING, reasons.DECLINE, 699.0)
    assert leases.probation_until(KEY) == 1299.0
    leases.record(KEY, BINDING, after, 1299.0)
    assert leases.probation_until(KEY) == 0.0
