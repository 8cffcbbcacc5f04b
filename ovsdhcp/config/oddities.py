"""What is legal and probably not meant: the warnings."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from ovsdhcp.config.document import BridgeKeys, PortKeys
from ovsdhcp.config.problems import At, Finding, Path, Report, Severity
from ovsdhcp.config.settings import Settings
from ovsdhcp.config.table import Flows
from ovsdhcp.dhcp.option_blocks import ROUTES

ROUTER, MTU, CLASSLESS_STATIC_ROUTE = 3, 26, 121
PAIR: frozenset[int | str] = frozenset({ROUTER, CLASSLESS_STATIC_ROUTE})
"""Options of which one means something else when the other is there (RFC 3442)."""

SHORT_LEASE = 60
"""Seconds; a client renews after half of its lease, so with less it does little else."""

LEAST_MTU = 576
"""The octets that every host has to take in one datagram (RFC 791 §3.1)."""

Own = Mapping[int | str, Path]
"""Where the layer itself says something: paths by option code, or by field of `Settings`."""


def warn(settings: Settings, own: Own, report: Report) -> None:
    """Warn of what is odd in `settings`, in so far as the layer that says `own` made it so."""
    for about, odd in _ODDITIES:
        if not about.isdisjoint(own):
            for finding in odd(settings, own):
                report.add(finding)


def _finding(
    path: Path, code: str, message: str, hint: str = "", clash: Path | None = None
) -> Finding:
    return Finding(path, code, message, hint, clash=clash, severity=Severity.WARNING)


def _short_lease(settings: Settings, own: Own) -> Iterator[Finding]:
    lease = settings.lease_time
    if lease is not None and lease < SHORT_LEASE:
        message = f"the lease ends after {lease} s, so clients ask every {max(lease // 2, 1)} s"
        hint = "an address belongs to its port in any case: an hour or a day does as well"
        yield _finding(own["lease_time"], "short-lease", message, hint)


def _small_mtu(settings: Settings, own: Own) -> Iterator[Finding]:
    mtu = int.from_bytes(settings.options.get(MTU, b""), "big")
    if 0 < mtu < LEAST_MTU:
        message = f"{mtu} octets are less than the {LEAST_MTU} that every host takes (RFC 791 §3.1)"
        yield _finding(own[MTU], "small-mtu", message, "most clients ignore such a value")


def _alternative_alone(settings: Settings, own: Own) -> Iterator[Finding]:
    if settings.boot_name is None:
        message = "without a `bootfile_name` every client gets the alternative, iPXE too"
        hint = "`bootfile_name` is for clients that are iPXE; with one file, that is its name"
        yield _finding(own["boot_alt"], "alternative-alone", message, hint)


# -- gateways --------------------------------------------------------------------------------


def _gateways(settings: Settings, own: Own) -> Iterator[Finding]:
    """Routers that a client of the subnet cannot reach, or that are no host's address."""
    routes = _routes(settings)
    direct = [to for to, via in routes if via.is_unspecified]  # RFC 3442: on the link itself
    vias = [(CLASSLESS_STATIC_ROUTE, via) for _, via in routes if not via.is_unspecified]
    named = dict.fromkeys([*((ROUTER, router) for router in _routers(settings)), *vias])
    for code, gateway in named:
        if code in own and not any(gateway in to for to in direct):
            yield from _gateway(gateway, settings, own[code])


def _gateway(gateway: IPv4Address, settings: Settings, path: Path) -> Iterator[Finding]:
    network, clash = settings.network, settings.origins.get("cidr")
    if (
        network.prefixlen >= 31
    ):  # no network or broadcast address; of a /32, all routers are outside
        return
    if gateway not in network:
        message = f"the router {gateway} is outside the subnet, {network}"
        hint = "clients reach a router only if it is on their own network"
        yield _finding(path, "router-outside", message, hint, clash)
    elif gateway in (network.network_address, network.broadcast_address):
        which = "network" if gateway == network.network_address else "broadcast"
        message = f"the router {gateway} is the {which} address of {network}"
        yield _finding(path, f"router-is-{which}", message, "give the router's own address", clash)


def _routers(settings: Settings) -> Iterator[IPv4Address]:
    octets = settings.options.get(ROUTER, b"")
    for at in range(0, len(octets), 4):
        yield IPv4Address(octets[at : at + 4])


def _routes(settings: Settings) -> list[tuple[IPv4Network, IPv4Address]]:
    octets = settings.options.get(CLASSLESS_STATIC_ROUTE)
    routes = ROUTES.decode(octets) if octets else []
    assert isinstance(routes, list)
    return [(IPv4Network(route["to"]), IPv4Address(route["via"])) for route in routes]


def _default_route(settings: Settings, own: Own) -> Iterator[Finding]:
    """RFC 3442: who takes classless static routes ignores the Router option beside them."""
    routes = _routes(settings)
    if not routes:
        return
    default = next((via for to, via in routes if to.prefixlen == 0), None)
    router = next(_routers(settings), None)
    path, clash = own.get(CLASSLESS_STATIC_ROUTE), settings.origins.get(ROUTER)
    if path is None:
        path, clash = own[ROUTER], settings.origins.get(CLASSLESS_STATIC_ROUTE)
    if default is None and router is not None:
        message = "a client that takes these routes ignores `router` (RFC 3442): no default route"
        hint = f"add {{to: 0.0.0.0/0, via: {router}}} to classless_static_route"
        yield _finding(path, "router-ignored", message, hint, clash)
    elif default is not None and router is None:
        message = "a client that does not know classless static routes gets no router"
        hint = f"add `router: {default}`; who takes the routes ignores it (RFC 3442)"
        yield _finding(path, "router-missing", message, hint)


_ODDITIES: tuple[tuple[frozenset[int | str], Callable[[Settings, Own], Iterator[Finding]]], ...] = (
    (frozenset({"lease_time"}), _short_lease),
    (frozenset({MTU}), _small_mtu),
    (frozenset({"boot_alt"}), _alternative_alone),
    (PAIR, _gateways),
    (PAIR, _default_route),
)
"""What is odd, behind what it is about: who says none of that has not made it so."""


# -- keys that another leaves without effect ---------------------------------------------------

_OTHERS_FLOWS: Mapping[str, str] = {
    "reply": "an answer goes back into the flow that waits for it",
    "other_traffic": "who lays the flows says what becomes of other frames",
    "tables": "who lays the flows chooses their tables",
    "rate_limit": "who lays the flows says how much of DHCP they hand over",
    "rate_ceiling": "who lays the flows says how much of DHCP they hand over",
}
"""What is of no use to a bridge with `flows: external`, and why. (`ports` are an error there.)"""


def warn_of_bridge(keys: BridgeKeys, path: Path, report: Report) -> None:
    """Warn of a bridge's keys that are without effect."""
    if keys.flows is Flows.EXTERNAL:
        for key in keys.model_fields_set & _OTHERS_FLOWS.keys():
            hint = "leave it out, or `flows`"
            report.add(_idle((*path, key), _OTHERS_FLOWS[key], hint, (*path, "flows")))


def warn_of_port(keys: PortKeys, path: Path, report: Report, *, guard: bool) -> None:
    """Warn of a port's keys that are without effect; `guard` is the port's own, or its subnet's."""
    if keys.allowed and not guard:
        hint = "write `guard: true` at the port or at its subnet"
        clash = None if keys.guard is None else (*path, "guard")
        because = "without a guard the port may use any address"
        report.add(_idle((*path, "allowed"), because, hint, clash))


def _idle(path: Path, because: str, hint: str, clash: Path | None) -> Finding:
    message = f"`{path[-1]}` is without effect here: {because}"
    return Finding(path, "no-effect", message, hint, At.KEY, clash, Severity.WARNING)
