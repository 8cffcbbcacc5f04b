"""The running server as the verbs see it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ovsdhcp.config.table import Bridge
from ovsdhcp.control.protocol import Document
from ovsdhcp.openflow.bridge_sockets import BridgeSocket
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.reloading import Reloading
from ovsdhcp.service import Service


@dataclass(slots=True)
class Running:
    """What there is to ask about.

    `switches` says which are connected, by connection; `sockets` where bridges may
    connect beside `listens`.
    """

    service: Service
    reloading: Reloading
    switches: Callable[[], Mapping[Any, Switch]]
    listens: tuple[str, int]
    sockets: Callable[[], Sequence[BridgeSocket]] = tuple
    started: float = field(default_factory=time.time)

    def bridges(self) -> Iterator[tuple[Bridge, Switch | None]]:
        """All bridges of the table in force, each with its connection where it has one."""
        there = {switch.bridge.name: switch for switch in self.switches().values()}
        for bridge in self.service.config.bridges:
            yield bridge, there.get(bridge.name)

    def settled(self) -> Iterator[Document]:
        """Count what has happened and keep what became of the bindings, in slices."""
        for _ in self.service.settle():
            yield {}


def moment(at: float) -> str:
    """A moment of the wall clock, as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
