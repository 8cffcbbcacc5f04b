"""The lease table as values: what every other room reads, wherever it came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network

from ovsdhcp.config.hosts import Hosts
from ovsdhcp.dhcp.binding import Binding


class Reply(Enum):
    """How an answer goes back to the client's port (DESIGN: "Two ways back")."""

    PACKET_OUT = "packet-out"
    RESUME = "resume"


class Flows(Enum):
    """Who lays the flows: we (`managed`), or others, whose continuations we answer (`external`)."""

    MANAGED = "managed"
    EXTERNAL = "external"


class OtherTraffic(Enum):
    """What table 0 does with a frame that is none of ours."""

    NORMAL = "normal"
    DROP = "drop"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Packets a second, and how many may come at once after a silence."""

    rate: int
    burst: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The bridge's table numbers."""

    classify: int = 0
    dhcp_options: int = 22
    dhcp_response: int = 23
    source_guard: int = 24
    target_guard: int = 25
    arp_responder: int = 26


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a bridge, selected by `ofport` where that is given, else by `name`.

    One binding, with a MAC or (whoever is plugged in) without; or several, each with its MAC; all
    of one subnet. A `trusted` port may have servers and relays behind it. A port with a `guard`
    sends and gets IPv4 for its bindings' addresses and what is `allowed` besides. `rate_limit` is
    how much of its DHCP the controller hears; None: all of it.
    """

    name: str
    bindings: Sequence[Binding]
    ofport: int | None = None
    trusted: bool = False
    guard: bool = False
    allowed: tuple[IPv4Network, ...] = ()
    arp_responder: bool = False
    rate_limit: RateLimit | None = None

    def addresses(self) -> Iterator[bytes]:
        """Its bindings' addresses, as octets."""
        if isinstance(self.bindings, Hosts):
            return self.bindings.addresses()
        return (binding.address_octets for binding in self.bindings)


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge, known by `dpid` where that is given, else by `name`, its LOCAL port's name.

    `rate_ceiling` is how much of its ports' DHCP together the controller hears; None: all of it.
    """

    name: str
    ports: tuple[Port, ...]
    dpid: int | None = None
    reply: Reply = Reply.PACKET_OUT
    flows: Flows = Flows.MANAGED
    other_traffic: OtherTraffic = OtherTraffic.NORMAL
    tables: Tables = Tables()
    rate_ceiling: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole lease table. `source` is the file it was read from, for messages."""

    source: str
    bridges: tuple[Bridge, ...]
