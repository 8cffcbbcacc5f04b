"""Puts the parts together: which bridge is ours, who asks, what the engine says, what is kept.

Knows no OpenFlow connection: app.py brings events and takes bytes away.
"""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ovsdhcp.config.loading import load as load_table
from ovsdhcp.config.problems import Problem
from ovsdhcp.config.table import Bridge, Config
from ovsdhcp.dhcp import reasons, server
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.server import Drop, Reply
from ovsdhcp.leases import Leases
from ovsdhcp.openflow.switch import Switch

LOG = logging.getLogger("ovsdhcp")

CONFIG_VARIABLE = "OVSDHCP_CONFIG"
DEFAULT_CONFIG = Path("/etc/ovsdhcp/ovsdhcp.yaml")
_MOST_EVENTS = 10_000


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the lease table is: `$OVSDHCP_CONFIG`, else /etc/ovsdhcp/ovsdhcp.yaml."""
    return Path(environment.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def load() -> Config:
    """The lease table; what is odd in it is logged. Raises ConfigError with all that is wrong."""
    odd: list[Problem] = []
    config = load_table(config_path(), odd)
    for problem in odd:
        LOG.warning("%s", problem.render())
    return config


_WARN = frozenset({reasons.DECLINE.code, reasons.ROGUE_SERVER.code})
"""What somebody has to look into, and not only the client."""


class Event(NamedTuple):
    """One exchange, for the log; `binding` is None where the table knows none for the MAC."""

    bridge: str
    port: str
    dl_src: bytes
    binding: Binding | None
    decision: Reply | Drop

    @property
    def level(self) -> int:
        """A level of `logging`."""
        return logging.WARNING if self.decision.reason.code in _WARN else logging.INFO

    def text(self) -> str:
        """One line: what happened, to whom, why."""
        decision, request = self.decision, self.decision.request
        words = [f"bridge={self.bridge} port={self.port} mac={self.dl_src.hex(':')}"]
        if self.binding is not None:
            words.append(f"ip={self.binding.address}")
        if request is not None:
            words.append(f"xid={request.xid:#010x}")
        if isinstance(decision, Reply):
            words.insert(0, f"event={decision.message_type.name.lower()}")
            words.append(f"state={decision.state.value}")
        else:
            words.insert(0, "event=drop")
        return " ".join([*words, f"reason={decision.reason.code}"])


class Service:
    """One lease table in force, and what came of it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.leases = Leases()
        self.reasons: Counter[str] = Counter()
        """How often each reason was given."""
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._strangers: set[int] = set()

    def connected(self, dpid: int, names: Mapping[int, str], local: str) -> Switch | None:
        """A bridge has connected; None, said once, if the table does not name it."""
        bridge = self._bridge(dpid, local)
        if bridge is None:
            if dpid not in self._strangers:
                self._strangers.add(dpid)
                LOG.warning("bridge %s (dpid %#018x) is not in the table: left alone", local, dpid)
            return None
        switch = Switch(bridge, names)
        LOG.info("bridge %s: connected, %d of its ports served", local, len(switch.attached))
        if switch.missing:
            LOG.warning("bridge %s: not on the bridge: %s", local, ", ".join(switch.missing))
        return switch

    def _bridge(self, dpid: int, local: str) -> Bridge | None:
        for bridge in self.config.bridges:
            if bridge.dpid == dpid or (bridge.dpid is None and bridge.name == local):
                return bridge
        return None

    def packet_in(
        self, switch: Switch, cookie: int, table: int, in_port: int, frame: bytes, now: float
    ) -> bytes | None:
        """The frame that answers a punted one, through the port that it came from; None: silence.

        Both cookie and in_port must be a port's: a number may have passed to another port while
        an old flow still punted.
        """
        attached = switch.attached.get(in_port)
        if (
            attached is None
            or attached.cookie != cookie
            or switch.bridge.tables.dhcp_options != table
        ):
            self.reasons[reasons.STALE_FLOW.code] += 1
            return None
        bridge, dl_src = switch.bridge.name, frame[6:12]
        binding = attached.binding(dl_src)
        decision = self._decide(bridge, binding, frame, now)
        self.reasons[decision.reason.code] += 1
        self._events.append(Event(bridge, attached.port.name, dl_src, binding, decision))
        return decision.frame if isinstance(decision, Reply) else None

    def _decide(
        self, bridge: str, binding: Binding | None, frame: bytes, now: float
    ) -> Reply | Drop:
        if binding is None:
            return Drop(reasons.NO_BINDING)
        key = bridge, binding.port, binding.address
        decision = server.answer(frame, binding, now, self.leases.probation_until(key))
        self.leases.record(key, binding, decision.reason, now)
        return decision

    def take_events(self) -> Iterator[Event]:
        """What happened since the last call."""
        while self._events:
            yield self._events.popleft()

    def refused(self, switch: Switch, xid: int, kind: int) -> bool:
        """A bridge refused something; whether it is worth another try."""
        keys = switch.refused(xid)
        if not keys:
            return False
        name = switch.bridge.name
        if switch.is_exclusive(keys):
            LOG.warning(
                "bridge %s: another flow has table %d's lowest priority; it stays, and "
                "`other_traffic: %s` is without effect (say `none` to have it so)",
                name,
                switch.bridge.tables.classify,
                switch.bridge.other_traffic.value,
            )
            return False
        LOG.error("bridge %s refused %d flows (error type %d)", name, len(keys), kind)
        return True
