"""Which meters a bridge should have: one for each port in front of the controller, and a ceiling.

A meter has no cookie; ours are known by their number: "dh" in the upper half, the port's number in
the lower, 0 for the bridge. A port's frames are metered in table 0, all ports' in table 22.
"""

from dataclasses import dataclass

from ovsdhcp.config.table import Bridge, Port, RateLimit
from ovsdhcp.openflow.flow import Action, Metered

NUMBERS, OF_PORT = int.from_bytes(b"dh", "big") << 16, 0xFFFF
CEILING = NUMBERS
"""No port has the number 0."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Drops what is more than `rate` packets a second, once `burst` more are used up."""

    number: int
    rate: int
    burst: int

    def text(self) -> str:
        """As `ovs-ofctl -O OpenFlow13 add-meter` reads it."""
        bands = f"type=drop rate={self.rate} burst_size={self.burst}"
        return f"meter={self.number},pktps,burst,stats,bands={bands}"


def is_ours(number: int) -> bool:
    """Whether a meter of this number is one of ours."""
    return number & ~OF_PORT == NUMBERS


def of_bridge(bridge: Bridge) -> tuple[Meter, ...]:
    """The bridge's ceiling, if it has one."""
    return _meter(CEILING, bridge.rate_ceiling)


def of_port(port: Port, ofport: int) -> tuple[Meter, ...]:
    """The meter of a port that is number `ofport` on the bridge, if it has a limit."""
    return _meter(_number(ofport), port.rate_limit)


def in_front_of_controller(bridge: Bridge) -> tuple[Action, ...]:
    """What a flow that punts does first."""
    return _metered(CEILING, bridge.rate_ceiling)


def in_front_of_port(port: Port, ofport: int) -> tuple[Action, ...]:
    """What a flow does first that leads from a port to the controller, or answers it."""
    return _metered(_number(ofport), port.rate_limit)


def _number(ofport: int) -> int:
    return NUMBERS | ofport & OF_PORT


def _meter(number: int, limit: RateLimit | None) -> tuple[Meter, ...]:
    return () if limit is None else (Meter(number, limit.rate, limit.burst),)


def _metered(number: int, limit: RateLimit | None) -> tuple[Action, ...]:
    return () if limit is None else (Metered(number),)
