"""What is looked at: facts in, findings out."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from shlex import quote

from ovsdhcp.config.table import Bridge, Flows, OtherTraffic
from ovsdhcp.control.findings import (
    ADVICE,
    NOTE,
    OK,
    UNKNOWN,
    Finding,
    missing_ports,
    set_controller,
    some,
)
from ovsdhcp.control.protocol import Document
from ovsdhcp.control.status import MOST_NAMED
from ovsdhcp.doctor.offers import Offer
from ovsdhcp.doctor.open_vswitch import Controller, OvsBridge

QUEUE = 100
"""Packet-ins that Open vSwitch keeps for a controller, unless told otherwise."""


def find(bridge: Bridge, there: Mapping[str, OvsBridge]) -> OvsBridge | None:
    """The bridge that a bridge of the table is."""
    if bridge.dpid is None:
        return there.get(bridge.name)
    return next((it for it in there.values() if it.dpid == bridge.dpid), None)


def of_bridge(
    bridge: Bridge, there: OvsBridge | None, controller: str, reached: Collection[str] = ()
) -> Iterator[Finding]:
    """How a bridge of the table is set up; `controller` is the target that it should have.

    `reached` are those by one of which the server knows that it is connected: Open vSwitch's
    database says so up to five seconds later.
    """
    if there is None:
        known = bridge.name if bridge.dpid is None else f"with the dpid {bridge.dpid:#018x}"
        mend = f"ovs-vsctl add-br {quote(bridge.name)}, or take it out of the table"
        yield Finding("bridge-there", f"there is no bridge {known}", mend)
        return
    yield from _of_controllers(there, controller, reached)
    yield from _of_settings(there)
    yield from _of_limits(bridge, there)
    yield from _of_ports(bridge, there)


def _of_controllers(
    there: OvsBridge, controller: str, reached: Collection[str]
) -> Iterator[Finding]:
    name = there.name
    if not there.controllers:
        text = f"bridge {name} has no controller (its first one empties its flow tables)"
        yield Finding("controller-set", text, set_controller(name, controller))
        return
    connected = [it.target for it in there.controllers if it.connected]
    ours = [it.target for it in there.controllers if it.target in reached]
    if len(ours) == 1 and ours[0] not in connected:  # of several it may be any, and is but one
        connected += ours
    if connected:
        text = f"bridge {name} is connected to {', '.join(connected)}"
        yield Finding("controller-connected", text, severity=OK)
    for it in there.controllers:
        if it.target not in connected:
            yield _not_connected(name, it, controller)


def _not_connected(name: str, it: Controller, controller: str) -> Finding:
    why = f": {it.error}" if it.error else ""
    mend = "start it there: ovsdhcp run"
    if it.target.startswith("unix:"):
        folder = quote(str(Path(it.target.removeprefix("unix:")).parent))
        mend = f"start the server with OVSDHCP_SOCKETS={folder}"
    if it.target != controller:
        mend += f"; or, for the server here, {set_controller(name, controller)}"
    return Finding("controller-connected", f"bridge {name} does not reach {it.target}{why}", mend)


def _of_settings(there: OvsBridge) -> Iterator[Finding]:
    name = quote(there.name)
    if there.protocols and "OpenFlow13" not in there.protocols:
        text = f"bridge {there.name} may not speak OpenFlow 1.3"
        yield Finding("protocols", text, f"ovs-vsctl add bridge {name} protocols OpenFlow13")
    if there.fail_mode != "secure":
        yield Finding(
            "fail-mode",
            f"bridge {there.name} has fail_mode {there.fail_mode}: while its controller is away it "
            "is an ordinary switch, and floods DHCP",
            f"ovs-vsctl set-fail-mode {name} secure",
            ADVICE,
        )
    if there.in_band:
        yield Finding(
            "in-band",
            f"bridge {there.name} has in-band control, which lays hidden flows for DHCP",
            f"ovs-vsctl set bridge {name} other-config:disable-in-band=true",
            ADVICE,
        )


def _of_limits(bridge: Bridge, there: OvsBridge) -> Iterator[Finding]:
    name = quote(there.name)
    others = bridge.flows is Flows.EXTERNAL
    limited = all(it.rate_limit is not None for it in there.controllers)
    if not limited if others else bridge.rate_ceiling is None:
        yield Finding(
            "rate-limit",
            f"bridge {there.name} has no limit on what it hands to its controller: a port that "
            "floods slows the others down",
            f"ovs-vsctl set controller {name} controller_rate_limit=1000 controller_burst_limit=250"
            if others
            else f"rate_ceiling: {{rate: 1000, burst: 250}} at {there.name} in the table",
            ADVICE,
        )
    clients = sum(len(port.bindings) for port in bridge.ports)
    kept = int(there.other_config.get("controller-queue-size", QUEUE))
    smallest = min((it.queue_size or kept for it in there.controllers), default=kept)
    if clients > smallest:
        yield Finding(
            "queue-size",
            f"bridge {there.name} keeps {smallest} packets for its controller, and may lose some "
            f"when all {clients} clients start at once (they ask again)",
            f"ovs-vsctl set bridge {name} other-config:controller-queue-size=512",
            ADVICE,
        )


def _of_ports(bridge: Bridge, there: OvsBridge) -> Iterator[Finding]:
    """Those selected by number are not looked for: only the running server knows numbers."""
    named = {port.name for port in bridge.ports if port.ofport is None}
    missing = [name for name in named if name not in there.ports]
    if missing:
        first = sorted(missing)[:MOST_NAMED]
        yield missing_ports(there.name, first, len(missing), len(bridge.ports))
    for name in sorted(named & there.ports.keys()):
        if there.ports[name]:
            text = f"port {name} of bridge {there.name} does not work: {there.ports[name]}"
            yield Finding("port-works", text, f"ip link show {quote(name)}")
    others = sorted(there.ports.keys() - named - {there.name})
    if others:
        text = f"the table does not name these ports of bridge {there.name}, whose DHCP is "
        text += f"forwarded: {some(others[:MOST_NAMED], len(others))}"
        yield Finding("ports-unnamed", text, severity=NOTE)


def of_flows(sums: Document) -> Iterator[Finding]:
    """From what the verb `flows` says of one bridge: are ours there, and are they hit."""
    name = sums["name"]
    if sums["flows"] == Flows.EXTERNAL.value or sums["connected"] is False:
        return
    if sums["differences"]:
        text = f"{sums['differences']} flows of bridge {name} are not as they should be"
        yield Finding("flows-there", text, f"ovsdhcp flows diff {quote(name)}")
    else:
        text = f"all {sums['wanted']} flows of bridge {name} are there"
        yield Finding("flows-there", text, severity=OK)
    if sums["questions"]:
        text = f"bridge {name} has handed {sums['questions']} questions to the controller"
        if sums["silent_ports"]:
            text += f"; {sums['silent_ports']} ports have not asked"
        yield Finding("flows-hit", text, severity=OK)
    elif sums["wanted"]:
        text = f"no port of bridge {name} has asked for an address since its flows were laid"
        yield Finding("flows-hit", text, "start a client, and look again", NOTE)


def of_offers(bridge: Bridge, interface: str, offers: Iterable[Offer]) -> Iterator[Finding]:
    """Who answered when it was asked aloud through the bridge's own interface."""
    others = list(offers)
    for offer in others:
        yield Finding(
            "other-server",
            f"through {interface} a DHCP server answers that is none of ours: {offer.server_id} "
            f"(MAC {offer.mac}) offers {offer.address}",
            "find the port: ovs-appctl fdb/show BRIDGE",
            ADVICE,
        )
    if others:
        return
    if bridge.other_traffic is OtherTraffic.NORMAL or bridge.flows is Flows.EXTERNAL:
        text = f"nobody else answered a DISCOVER through {interface}"
        yield Finding("other-server", text, severity=OK)
    else:
        text = f"nobody answered a DISCOVER through {interface}, but with `other_traffic: "
        text += f"{bridge.other_traffic.value}` nobody may have heard it"
        yield Finding("other-server", text, severity=UNKNOWN)
