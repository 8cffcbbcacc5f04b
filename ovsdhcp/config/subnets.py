"""A subnet of the table, and the addresses that it has to give."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from pydantic_core import PydanticCustomError

from ovsdhcp.config import scalars
from ovsdhcp.config.document import SubnetKeys
from ovsdhcp.config.layers import layered, refused
from ovsdhcp.config.problems import Path, Report
from ovsdhcp.config.settings import UNKNOWN_NETWORK, Settings
from ovsdhcp.config.validation import missing
from ovsdhcp.dhcp.binding import Subnet


@dataclass(frozen=True, slots=True)
class Pool:
    """A subnet, what it tells its clients, and which of its addresses are given to whom.

    `taken` is filled while the ports are read: an address and the entry that has it.
    `guard` and `arp_responder` are what its ports have unless they say otherwise.
    """

    subnet: Subnet
    settings: Settings
    path: Path
    guard: bool = False
    arp_responder: bool = False
    taken: dict[bytes, Path] = field(default_factory=dict)
    first: bytes = field(init=False)
    last: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Keep which addresses clients can have, for each of them to be compared with."""
        clients = _clients(self.subnet.network)
        object.__setattr__(self, "first", IPv4Address(clients[0]).packed)
        object.__setattr__(self, "last", IPv4Address(clients[-1]).packed)

    @property
    def known(self) -> bool:
        """Whether the table has it; else it is a stand-in."""
        return self.subnet.network != UNKNOWN_NETWORK

    def claim(self, octets: bytes, entry: Path, report: Report) -> None:
        """Give an address to `entry`, if it is one that a client can have."""
        earlier = self.taken.setdefault(octets, entry)
        if earlier is not entry:
            message = f"{IPv4Address(octets)} is given to another client already"
            report.error((*entry, "ip"), "address-twice", message, clash=(*earlier, "ip"))
        elif not self.first <= octets <= self.last:
            self._refuse(IPv4Address(octets), (*entry, "ip"), report)
        elif octets == self.subnet.server_octets:
            message = f"{self.subnet.server_id} is the server's own address"
            clash = self.settings.origins["server_id"]
            report.error((*entry, "ip"), "address-of-server", message, clash=clash)

    def can_give(self, addresses: Collection[bytes]) -> bool:
        """Whether `claim` would find nothing wrong with any of these, which differ."""
        return (
            self.taken.keys().isdisjoint(addresses)
            and self.first <= min(addresses, default=self.first)
            and max(addresses, default=self.last) <= self.last
            and self.subnet.server_octets not in addresses
        )

    def _refuse(self, address: IPv4Address, path: Path, report: Report) -> None:
        network = self.subnet.network
        clash = (*self.path, "cidr")
        hint = f"clients have {IPv4Address(self.first)} to {IPv4Address(self.last)} here"
        if address not in network:
            message = f"{address} is outside its subnet, {network}"
            report.error(path, "address-outside", message, hint, clash=clash)
        else:
            which = "network" if address == network.network_address else "broadcast"
            message = f"{address} is the {which} address of {network}"
            report.error(path, f"address-of-{which}", message, hint, clash=clash)


def stand_in(name: str) -> Pool:
    """In place of a subnet that is not there, so that its ports are checked all the same."""
    subnet = Subnet(name, UNKNOWN_NETWORK, IPv4Address(0), b"")
    return Pool(subnet, Settings(UNKNOWN_NETWORK), ("subnets", name))


def pool(name: str, keys: SubnetKeys, report: Report) -> Pool:
    """The subnet `name`, its ports' addresses ready to be claimed.

    Where it lacks what every reply needs, a stand-in keeps those checks going; the table as a whole
    has failed then.
    """
    path: Path = ("subnets", name)
    network = keys.cidr or UNKNOWN_NETWORK
    keys, server_mac = _server_mac(keys, path, report)
    base = Settings(network, keys.server_id, origins=_origins(keys, path))
    _refuse_removals(keys, path, report)
    settings = layered(base, keys, path, report)
    for key, value in (
        ("cidr", keys.cidr),
        ("server_id", settings.server_id),
        ("server_mac", server_mac),
        ("lease_time", settings.lease_time),
    ):
        if value is None and not report.wrong((*path, "options", key)):
            report.add(missing((*path, key)))
    if settings.server_id is not None:
        _check_server(settings.server_id, network, settings.origins, report)
    subnet = Subnet(
        name,
        network,
        settings.server_id or IPv4Address(0),
        server_mac or b"",
        keys.authoritative,
        keys.decline_probation,
    )
    return Pool(subnet, settings, path, keys.guard, keys.arp_responder)


def _clients(network: IPv4Network) -> range:
    """The addresses that clients can have: all of a /31 (RFC 3021) and of a /32."""
    first, last = int(network.network_address), int(network.broadcast_address)
    return range(first, last + 1) if network.prefixlen >= 31 else range(first + 1, last)


def _server_mac(keys: SubnetKeys, path: Path, report: Report) -> tuple[SubnetKeys, bytes | None]:
    """OVN's tables have server_mac among the options, though no client ever sees it there."""
    if "server_mac" not in keys.options:
        return keys, keys.server_mac
    there = (*path, "options", "server_mac")
    options = {name: value for name, value in keys.options.items() if name != "server_mac"}
    keys_without = keys.model_copy(update={"options": options})
    try:
        server_mac = scalars.mac(keys.options["server_mac"])
    except PydanticCustomError as error:
        report.add(refused(error, there))
        return keys_without, keys.server_mac
    if keys.server_mac not in (None, server_mac):
        clash = (*path, "server_mac")
        report.error(there, "said-twice", "the subnet has another server_mac", clash=clash)
    return keys_without, server_mac


def _refuse_removals(keys: SubnetKeys, path: Path, report: Report) -> None:
    for name, value in keys.options.items():
        if value is None:
            message = "nothing is written behind this option"
            hint = "`null` takes an option away from a port; at the subnet, leave it out"
            report.error((*path, "options", name), "bad-option", message, hint)


def _origins(keys: SubnetKeys, path: Path) -> Mapping[int | str, Path]:
    names = ("cidr",) if keys.server_id is None else ("cidr", "server_id")
    return {name: (*path, name) for name in names}


def _check_server(
    address: IPv4Address, network: IPv4Network, origins: Mapping[int | str, Path], report: Report
) -> None:
    there, clash = origins["server_id"], origins["cidr"]
    nobodys = address.is_unspecified or address.is_loopback
    if nobodys or address.is_multicast or address.is_reserved:
        message = f"{address} is not an address that a server can have"
        report.error(there, "bad-server-id", message)
    elif address not in network:
        # Tables of OVN have 169.254.x.y here: clients reach it through the answering flows alone.
        if network.prefixlen < 31:
            message = f"{address} is outside its subnet, {network}"
            hint = "a client without a route to it cannot renew by unicast; it then broadcasts"
            report.warning(there, "server-id-outside", message, hint, clash=clash)
    elif int(address) not in _clients(network):
        message = f"{address} is the network or broadcast address of {network}"
        report.error(there, "bad-server-id", message, clash=clash)
