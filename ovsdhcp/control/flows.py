"""The verb `flows`: what each bridge should have of us against what it says that it has.

The bridge is asked over its own OpenFlow connection; nothing is changed.
"""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ovsdhcp.config.table import Bridge, Flows
from ovsdhcp.control.protocol import UNAVAILABLE, WRONG_ARGUMENT, ControlError, Document
from ovsdhcp.control.running import Running
from ovsdhcp.openflow.layout import PASS
from ovsdhcp.openflow.messages import Entry, FlowStats, Key
from ovsdhcp.openflow.reading import in_port, text_of
from ovsdhcp.openflow.switch import Look, Switch

ANSWERS_WITHIN = 20.0
"""Seconds for a bridge to say which flows it has."""
PORTS_A_TURN = 50

Items = Generator[Document | None, None, None]


def flows(running: Running, arguments: Mapping[str, Any]) -> Items:
    """For each bridge: its differences, one an item, then the bridge with its sums.

    `bridge` in the arguments is the only one to look at.
    """
    wanted = arguments.get("bridge")
    found = [(b, s) for b, s in running.bridges() if wanted in (None, b.name)]
    if not found:
        known = ", ".join(bridge.name for bridge, _ in running.bridges())
        raise ControlError(
            WRONG_ARGUMENT, f"the table has no bridge `{wanted}`", f"it has {known or 'none'}"
        )
    for bridge, switch in found:
        yield from _bridge(running, bridge, switch)


def _bridge(running: Running, bridge: Bridge, switch: Switch | None) -> Items:
    sums = Sums()
    if switch is not None and bridge.flows is Flows.MANAGED:
        look = yield from _looked(running, switch)
        yield from compared(switch, look.flows, sums)
    yield {
        "bridge": summed(bridge, sums, switch is not None, switch is not None and switch.in_sync)
    }


def summed(bridge: Bridge, sums: "Sums", connected: bool | None, in_sync: bool | None) -> Document:
    """What a comparison came to, by stable keys; null where only the server would know."""
    return {
        "name": bridge.name,
        "connected": connected,
        "in_sync": in_sync,
        "flows": bridge.flows.value,
        "wanted": sums.wanted,
        "as_wanted": sums.same,
        "differences": sums.differences,
        "questions": sums.questions,
        "silent_ports": sums.silent_ports,
    }


def _looked(
    running: Running, switch: Switch, clock: Callable[[], float] = time.monotonic
) -> Generator[Document | None, None, Look]:
    """The flows that the bridge has, once it has said all of them."""
    connection = next((at for at, it in running.switches().items() if it is switch), None)
    look, asked = switch.look()
    deadline = clock() + ANSWERS_WITHIN
    if connection is not None:
        connection.send(asked)
    while not look.done:
        if connection is None or running.switches().get(connection) is not switch:
            raise ControlError(UNAVAILABLE, f"bridge {switch.bridge.name} has just disconnected")
        if clock() > deadline:
            raise ControlError(
                UNAVAILABLE,
                f"bridge {switch.bridge.name} did not say its flows in {ANSWERS_WITHIN:g} s",
                "ovs-vswitchd's log may tell why",
            )
        yield None
    return look


@dataclass(slots=True)
class Sums:
    """What a comparison came to. `questions` are packets that met a flow to the controller;
    what a meter dropped in front of it is among them."""

    wanted: int = 0
    same: int = 0
    differences: int = 0
    questions: int = 0
    silent_ports: int = 0
    """Attached ports from which no DHCP has been handed to the controller."""
    heard: set[int | None] = field(default_factory=set, repr=False)


def compared(switch: Switch, installed: dict[Key, FlowStats], sums: Sums) -> Items:
    """Each difference as an item, and an empty one when it is somebody else's turn.

    What is `installed` is taken out on the way: to free half a million flows at once takes 100 ms.
    """
    for turn, (ofport, wanted) in enumerate(switch.wanted_by_port()):
        for at, entry in wanted.items():
            flow = installed.pop(at, None)
            _count(switch, at, flow, ofport, sums)
            if flow is None or flow.entry != entry:
                yield _difference(switch, at, entry, flow, sums)
            else:
                sums.same += 1
        if turn % PORTS_A_TURN == 0:
            yield {}
    for at, flow in installed.items():
        yield _difference(switch, at, None, flow, sums)
    sums.silent_ports = len(switch.attached) - len(sums.heard)


def _count(switch: Switch, at: Key, flow: FlowStats | None, ofport: int | None, sums: Sums) -> None:
    sums.wanted += 1
    punts = at.table == switch.bridge.tables.dhcp_options and at.priority == PASS
    if flow is not None and flow.packets and punts:
        sums.questions += flow.packets
        sums.heard.add(ofport)


def _difference(
    switch: Switch, at: Key, wanted: Entry | None, flow: FlowStats | None, sums: Sums
) -> Document:
    """Its `kind` is missing, different, unexpected, or gave-way: to another's flow."""
    installed = None if flow is None else flow.entry
    kind = "different" if wanted and installed else "missing" if wanted else "unexpected"
    if kind == "missing" and switch.is_exclusive(frozenset({at})):
        kind = "gave-way"
        sums.same += 1
    else:
        sums.differences += 1
    said = {
        "kind": kind,
        "bridge": switch.bridge.name,
        "port": _port(switch, at),
        "wanted": None if wanted is None else text_of(at, wanted, switch.names),
        "installed": None if installed is None else text_of(at, installed, switch.names),
        "packets": None if flow is None else flow.packets,
    }
    return {"difference": said}


def _port(switch: Switch, at: Key) -> str | None:
    """The port that a flow is about: as the table names it, else the bridge."""
    ofport = in_port(at)
    attached = switch.attached.get(ofport or 0)
    if attached is not None:
        return attached.port.name
    return None if ofport is None else switch.names.get(ofport, str(ofport))
