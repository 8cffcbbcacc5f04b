"""The document's models to the Config: subnets applied to ports, and what has to fit together."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeGuard

from ovsdhcp.config.document import BridgeKeys, Document, HostKeys, PlainHost, PortKeys
from ovsdhcp.config.hosts import Hosts, Terms, pack_hosts, pack_terms
from ovsdhcp.config.layers import layered
from ovsdhcp.config.oddities import warn_of_bridge, warn_of_port
from ovsdhcp.config.problems import At, Finding, Path, Report, Severity, shown
from ovsdhcp.config.rates import Rates, rates
from ovsdhcp.config.settings import Settings, boot_of
from ovsdhcp.config.subnets import Pool, pool, stand_in
from ovsdhcp.config.table import Bridge, Config, Flows, Port
from ovsdhcp.config.tables import tables
from ovsdhcp.config.validation import missing
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.spelling import near

NAME_LENGTH = 15
"""How much of a name OpenFlow 1.3 carries (its field has 16 octets, the last is 0)."""


def assembled(document: Document, source: str, subnets: Collection[str], report: Report) -> Config:
    """The Config of a document, as far as it is right; what is not goes into `report`.

    `subnets` are the names that the file has, those that are wrong themselves too.
    """
    for name in subnets:
        _check_not_empty(name, ("subnets", name), report)
    pools = {name: pool(name, keys, report) for name, keys in document.subnets.items()}
    known = {name: pools.get(name) or stand_in(name) for name in subnets}
    if document.bridges is None:
        report.add(missing(("bridges",)))
    bridges = tuple(
        _bridge(name, keys, known, report) for name, keys in (document.bridges or {}).items()
    )
    _check_dpids(bridges, report)
    return Config(source, bridges)


@dataclass(frozen=True, slots=True)
class _Scope:
    """One bridge while its ports are read; a subnet that is not `known` becomes a stand-in."""

    known: Mapping[str, Pool]
    rates: Rates
    report: Report
    stand_ins: dict[str, Pool] = field(default_factory=dict)
    macs: dict[bytes, Path] = field(default_factory=dict)
    ofports: dict[int, Path] = field(default_factory=dict)
    misspelled: dict[str, list[str]] = field(default_factory=dict)

    def meant(self, name: str) -> list[str]:
        """The subnets that this may be meant for; many ports may have the same."""
        if name not in self.misspelled:
            self.misspelled[name] = near(name, self.known)
        return self.misspelled[name]


def _bridge(name: str, keys: BridgeKeys, known: Mapping[str, Pool], report: Report) -> Bridge:
    path: Path = ("bridges", name)
    _check_name(name, path, "dpid", keys.dpid, report)
    if keys.flows is Flows.EXTERNAL and keys.ports:
        message = "the flows of others say who gets what: ports are of no effect here"
        report.error((*path, "ports"), "unused-ports", message, "leave `ports` or `flows` out")
    warn_of_bridge(keys, path, report)
    limits = rates(keys)
    scope = _Scope(known, limits, report)
    ports = [
        _port(port, port_keys, (*path, "ports", port), scope)
        for port, port_keys in keys.ports.items()
    ]
    return Bridge(
        name,
        tuple(ports),
        keys.dpid,
        keys.reply,
        keys.flows,
        keys.other_traffic,
        tables(keys.tables, (*path, "tables"), report),
        limits.ceiling,
    )


def _port(name: str, keys: PortKeys, path: Path, scope: _Scope) -> Port:
    _check_name(name, path, "ofport", keys.ofport, scope.report)
    if keys.ofport is not None:
        _claim_ofport(keys.ofport, (*path, "ofport"), scope)
    _check_clients(keys, path, scope.report)
    home = _home(keys.subnet, (*path, "subnet"), scope)
    settings = layered(home.settings, keys, path, scope.report)
    bindings = _bindings(name, keys, path, home, settings, scope)
    guard = home.guard if keys.guard is None else keys.guard
    if home.known:
        warn_of_port(keys, path, scope.report, guard=guard)
    return Port(
        name,
        bindings,
        keys.ofport,
        keys.trusted,
        guard,
        tuple((keys.allowed or {}).values()),
        home.arp_responder,
        scope.rates.of_port(keys, len(bindings)),
    )


def _bindings(
    name: str, keys: PortKeys, path: Path, home: Pool, settings: Settings, scope: _Scope
) -> Sequence[Binding]:
    """The clients of one port, claimed; those that lack their address or MAC are left out."""
    if keys.hosts is not None:
        _claim_all(keys.hosts, (*path, "hosts"), home, scope)
        records = _records(keys, (*path, "hosts"), settings, scope.report)
        hosts = Hosts(name, home.subnet, *pack_hosts(records))
        return hosts if len(hosts) > 1 else tuple(hosts)
    _claim(keys.mac, None if keys.ip is None else keys.ip.packed, path, home, scope)
    if keys.ip is None:
        return ()
    terms = _terms(settings, trusted=keys.trusted)
    return (Binding(name, home.subnet, keys.ip, keys.mac, *terms),)


def _records(
    port: PortKeys, path: Path, base: Settings, report: Report
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The hosts of a port, as `pack_hosts` takes them."""
    shared = pack_terms(_terms(base, trusted=port.trusted))
    for index, host in (port.hosts or {}).items():
        mac, address, terms = host.mac, host.address, shared
        if isinstance(host, HostKeys):
            settings = layered(base, host, (*path, index), report)
            trusted = port.trusted if host.trusted is None else host.trusted
            terms = pack_terms(_terms(settings, trusted=trusted))
        if mac is not None and address is not None:
            yield mac, address, terms


def _terms(settings: Settings, *, trusted: bool) -> Terms:
    lease_time = settings.lease_time or 0  # a table that does not say it has failed
    return Terms(lease_time, settings.t1, settings.t2, settings.options, boot_of(settings), trusted)


def _check_clients(keys: PortKeys, path: Path, report: Report) -> None:
    if keys.hosts is None:
        if keys.ip is None and not report.wrong((*path, "hosts")):
            report.add(missing((*path, "ip")))
        return
    for key in ("ip", "mac"):
        if getattr(keys, key) is not None:
            message = f"a port has either `{key}` or `hosts`"
            hint = "move it to an entry of `hosts`"
            report.error((*path, key), "ip-and-hosts", message, hint, clash=(*path, "hosts"))
    if not keys.hosts and not report.wrong((*path, "hosts")):
        report.error((*path, "hosts"), "no-hosts", "no client is named here")
    for index, host in keys.hosts.items():
        if isinstance(host, HostKeys):
            for key in ("mac", "ip"):
                if getattr(host, key) is None:
                    report.add(missing((*path, "hosts", index, key)))


def _claim_all(
    hosts: Mapping[int, HostKeys | PlainHost], path: Path, home: Pool, scope: _Scope
) -> None:
    """Claim what the hosts of a port have: all in one go where nothing is wrong with any."""
    entries = [(*path, index) for index in hosts]
    macs = dict(zip((host.mac for host in hosts.values()), entries, strict=True))
    addresses = dict(zip((host.address for host in hosts.values()), entries, strict=True))
    if (
        len(macs) == len(addresses) == len(hosts)
        and _are_octets(macs)
        and _are_octets(addresses)
        and scope.macs.keys().isdisjoint(macs)
        and home.subnet.server_mac not in macs
        and home.can_give(addresses)
    ):
        scope.macs.update(macs)
        home.taken.update(addresses)
        return
    for host, entry in zip(hosts.values(), entries, strict=True):
        _claim(host.mac, host.address, entry, home, scope)


def _are_octets(keys: dict[bytes | None, Path]) -> TypeGuard[dict[bytes, Path]]:
    return None not in keys


def _claim(
    mac: bytes | None, address: bytes | None, entry: Path, home: Pool, scope: _Scope
) -> None:
    if address is not None:
        home.claim(address, entry, scope.report)
    if mac is None:
        return
    earlier = scope.macs.setdefault(mac, entry)
    if earlier is not entry:
        message = f"{mac.hex(':')} is another client's on this bridge already"
        scope.report.error((*entry, "mac"), "mac-twice", message, clash=(*earlier, "mac"))
    if mac == home.subnet.server_mac:
        message, clash = "this is the server's own MAC address", (*home.path, "server_mac")
        scope.report.error((*entry, "mac"), "mac-of-server", message, clash=clash)


_LISTED = 10
"""How many names a hint lists."""


def _home(name: str | None, path: Path, scope: _Scope) -> Pool:
    """The subnet that is called so, or what stands in for it."""
    if name is None:
        scope.report.add(missing(path))
    elif name in scope.known:
        return scope.known[name]
    elif not scope.report.wrong(("subnets",)):
        _report_unknown_subnet(name, path, scope)
    return scope.stand_ins.setdefault(name or "", stand_in(name or ""))


def _report_unknown_subnet(name: str, path: Path, scope: _Scope) -> None:
    meant = scope.meant(name)
    hint = "its name has to stand under `subnets`"
    if meant:
        hint = f"did you mean `{meant[0]}`?"
    elif any(scope.known):
        more = ", ..." if len(scope.known) > _LISTED else ""
        hint = f"the subnets here are {', '.join(islice(filter(None, scope.known), _LISTED))}{more}"
    clash = ("subnets", meant[0]) if meant else None
    message = f"no subnet is called {shown(name)}"
    scope.report.error(path, "unknown-subnet", message, hint, clash=clash)


def _claim_ofport(ofport: int, path: Path, scope: _Scope) -> None:
    earlier = scope.ofports.setdefault(ofport, path)
    if earlier is not path:
        message = f"{ofport} is another port's number on this bridge already"
        scope.report.error(path, "ofport-twice", message, clash=earlier)


def _check_name(name: str, path: Path, key: str, number: int | None, report: Report) -> None:
    """OpenFlow tells names cut short, so a longer one is never seen; `key` gives a `number`."""
    _check_not_empty(name, path, report)
    if number is not None:
        return
    if (length := len(name.encode(errors="replace"))) > NAME_LENGTH:
        message = f"OpenFlow carries {NAME_LENGTH} octets of a name, and this has {length}"
        hint = f"give its `{key}`, or a shorter name"
        report.add(Finding(path, "long-name", message, hint, At.KEY, severity=Severity.WARNING))
    elif not name.isprintable():
        message = f"the name has a character that is not seen: {name!a}"
        hint = f"take it out, or give its `{key}`"
        report.add(
            Finding(path, "unseen-character", message, hint, At.KEY, severity=Severity.WARNING)
        )
    elif name.isdecimal():
        message = f"{name} is taken for a name, as `ovs-vsctl` shows it"
        hint = f"if it is a number, give any name, and `{key}` inside"
        report.add(
            Finding(path, "number-as-name", message, hint, At.KEY, severity=Severity.WARNING)
        )


def _check_not_empty(name: str, path: Path, report: Report) -> None:
    if not name:
        report.add(Finding(path, "empty-name", "the name has no characters", at=At.KEY))


def _check_dpids(bridges: Iterable[Bridge], report: Report) -> None:
    dpids: dict[int, Path] = {}
    for bridge in bridges:
        if bridge.dpid is None:
            continue
        path = ("bridges", bridge.name, "dpid")
        earlier = dpids.setdefault(bridge.dpid, path)
        if earlier is not path:
            message = f"{bridge.dpid:#018x} is another bridge's already"
            report.error(path, "dpid-twice", message, clash=earlier)
