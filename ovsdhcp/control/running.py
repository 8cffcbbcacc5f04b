"""The running server as the verbs see it."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from ovsdhcp.config.table import Bridge
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.service import Service


class Outcome(Protocol):
    """What came of a reload: whether the new table is in force, when, and why or why not."""

    @property
    def ok(self) -> bool: ...
    @property
    def at(self) -> float: ...
    @property
    def text(self) -> str: ...


class Reloads(Protocol):
    """Whoever can put another table in force. Either method may take its time."""

    def reload(self, confirm: float | None) -> Outcome:
        """Read the table anew; with `confirm`, go back after so many seconds without it."""

    def confirm(self) -> Outcome:
        """Keep what is in force."""


@dataclass(frozen=True, slots=True)
class TableInForce:
    """The file that the table in force was read from, what it had in it, and when."""

    path: str
    sha256: str
    loaded: float

    @classmethod
    def read(cls, path: str) -> "TableInForce":
        """The file as it is now; without a hash where it cannot be read again."""
        try:
            digest = sha256(Path(path).read_bytes()).hexdigest()
        except OSError:
            digest = ""
        return cls(path, digest, time.time())


@dataclass(slots=True)
class Running:
    """What there is to ask about. `switches` says which are connected, by connection."""

    service: Service
    switches: Callable[[], Mapping[Any, Switch]]
    listens: tuple[str, int]
    table: TableInForce
    reloads: Reloads | None = None
    last_reload: Outcome | None = None
    started: float = field(default_factory=time.time)

    def bridges(self) -> Iterator[tuple[Bridge, Switch | None]]:
        """All bridges of the table in force, each with its connection where it has one."""
        there = {switch.bridge.name: switch for switch in self.switches().values()}
        for bridge in self.service.config.bridges:
            yield bridge, there.get(bridge.name)


def moment(at: float) -> str:
    """A moment of the wall clock, as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
