"""What the lease table says of one client, ready for the engine: nothing here needs a look-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from types import MappingProxyType

INFINITE = 0xFFFF_FFFF
"""A lease time without end (RFC 2131 §3.3)."""

_LIMITED = IPv4Address("255.255.255.255")  # all that a /31 (RFC 3021 §2.1) and a /32 have
UNKNOWN_MAC = bytes(6)
"""The `server_mac` where only the flows know it, as they do when others laid them."""

_NONE: Mapping[int, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Subnet:
    """The server's side of a binding, shared by every binding of the subnet.

    `server_mac` is six octets. `probation` is how many seconds a declined address is withheld
    (RFC 2131 §4.3.3). An `authoritative` server refuses addresses that it does not know
    (RFC 2131 §4.3.2); one that is not stays silent.
    """

    name: str
    network: IPv4Network
    server_id: IPv4Address
    server_mac: bytes
    authoritative: bool = True
    probation: int = 600
    server_octets: bytes = field(init=False, repr=False, compare=False)
    broadcast_octets: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the addresses as they are compared with the wire's, once for each packet."""
        everybody = self.network.broadcast_address if self.network.prefixlen < 31 else _LIMITED
        object.__setattr__(self, "server_octets", self.server_id.packed)
        object.__setattr__(self, "broadcast_octets", everybody.packed)


@dataclass(frozen=True, slots=True)
class Boot:
    """Where a network boot goes on: `siaddr`, and the boot file by who asks.

    `by_arch` maps the client architecture of option 93 (RFC 4578 §2.1) to a file name; `ipxe` is
    the file for a client that is iPXE already (option 77 or 175), so that it does not loop.
    """

    next_server: IPv4Address | None = None
    bootfile_name: str | None = None
    by_arch: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    ipxe: str | None = None


NO_BOOT = Boot()


@dataclass(frozen=True, slots=True)
class Binding:
    """One client behind one port, and all that it may be told.

    `options` holds what the table configures, encoded, by code, subnet and port merged; never the
    options that the engine makes itself (1, 50 to 59 except 56, 61, 82, 255).
    Times are seconds; `t1` and `t2` are None where the defaults of RFC 2131 §4.4.5 apply.
    `mac` is None where the port alone decides: whoever is plugged in gets the address.
    """

    port: str
    subnet: Subnet
    address: IPv4Address
    mac: bytes | None
    lease_time: int
    t1: int | None = None
    t2: int | None = None
    options: Mapping[int, bytes] = field(default_factory=lambda: _NONE)
    boot: Boot = NO_BOOT
    trusted: bool = False
    address_octets: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """As `Subnet`."""
        object.__setattr__(self, "address_octets", self.address.packed)
