"""Puts the parts together: which bridge is ours, who asks, what the engine says, what is kept.

Knows no OpenFlow connection: app.py brings events and takes bytes away.
"""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ovsdhcp.config.loading import load as load_table
from ovsdhcp.config.problems import Problem
from ovsdhcp.config.table import Bridge, Config, Flows
from ovsdhcp.dhcp import reasons, server
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.dhcp.server import Drop, Reply
from ovsdhcp.leases import Leases
from ovsdhcp.openflow import continuation
from ovsdhcp.openflow.continuation import Paused
from ovsdhcp.openflow.messages import PacketIn
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.ovn import put_dhcp_opts
from ovsdhcp.ovn.put_dhcp_opts import PutDhcpOpts, set_result

LOG = logging.getLogger("ovsdhcp")

CONFIG_VARIABLE = "OVSDHCP_CONFIG"
DEFAULT_CONFIG = Path("/etc/ovsdhcp/ovsdhcp.yaml")
_MOST_EVENTS = 10_000
_MOST_USERDATA = 16_384
_MOST_STRANGERS = 1000


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
            if decision.left_out:
                words.append(f"left_out={','.join(map(str, decision.left_out))}")
        else:
            words.insert(0, "event=drop")
        return " ".join([*words, f"reason={decision.reason.code}"])


@lru_cache(maxsize=_MOST_USERDATA)
def _opts(userdata: bytes) -> PutDhcpOpts:
    return put_dhcp_opts.decode(userdata)


@lru_cache(maxsize=_MOST_USERDATA)
def _bound(userdata: bytes, port: str) -> Binding:
    return put_dhcp_opts.binding_of(_opts(userdata), port, None)


_with_result = lru_cache(maxsize=_MOST_USERDATA)(set_result)


def _whose(switch: Switch, waiting: Paused, in_port: int, port: str) -> Binding | None:
    """Whose question a paused packet is: as another's flow says, or by our flow's port.

    Raises WireError where the flow does not say, or is no longer there.
    """
    if switch.bridge.flows is Flows.EXTERNAL:
        return _bound(waiting.userdata, port)
    attached = switch.attached.get(in_port)
    if attached is None or attached.cookie != waiting.cookie:
        raise WireError(reasons.STALE_FLOW)
    return attached.binding(waiting.packet)


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
            if dpid not in self._strangers and len(self._strangers) < _MOST_STRANGERS:
                self._strangers.add(dpid)
                LOG.warning("bridge %s (dpid %#018x) is not in the table", local, dpid)
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

    def packet_in(self, switch: Switch, packet_in: PacketIn, now: float) -> bytes | None:
        """The frame that answers a punted one, through the port that it came from; None: silence.

        Both cookie and in_port must be a port's: a number may have passed to another port while
        an old flow still punted.
        """
        cookie, table, in_port, frame = packet_in
        attached = switch.attached.get(in_port)
        if (
            attached is None
            or attached.cookie != cookie
            or switch.bridge.tables.dhcp_options != table
        ):
            self.reasons[reasons.STALE_FLOW.code] += 1
            return None
        binding = attached.binding(frame)
        decision = self._decide(switch, binding, frame, now)
        self._note(Event(switch.bridge.name, attached.port.name, frame[6:12], binding, decision))
        return decision.frame if isinstance(decision, Reply) else None

    def paused(self, switch: Switch, body: bytes, now: float) -> bytes:
        """The NXT_RESUME for a packet that waits, from the body of its NXT_PACKET_IN2.

        Answered, it goes on as the answer and with the result 1; refused, as it came and with the
        result 0, so that the flows decide. Userdata that is not ours goes on untouched.
        What is no packet-in, or does not wait, is not resumed.
        """
        try:
            waiting = continuation.read(body)
        except WireError as error:
            self.reasons[error.reason.code] += 1
            return b""
        if not waiting.waits:
            return b""
        in_port = waiting.in_port
        port = switch.names.get(in_port, str(in_port))
        packet, metadata, binding = waiting.packet, waiting.metadata, None
        decision: Reply | Drop
        try:
            opts = _opts(waiting.userdata)
            metadata = _with_result(waiting.metadata, opts.result, False)
            binding = _whose(switch, waiting, in_port, port)
            decision = self._decide(switch, binding, packet, now)
            if isinstance(decision, Reply):
                metadata = _with_result(waiting.metadata, opts.result, True)
                packet = continuation.readdressed(packet, decision.frame)
        except WireError as error:
            decision = Drop(error.reason)
        self._note(Event(switch.bridge.name, port, waiting.packet[6:12], binding, decision))
        return continuation.resume(waiting, packet, metadata)

    def _decide(
        self, switch: Switch, binding: Binding | None, frame: bytes, now: float
    ) -> Reply | Drop:
        if binding is None:
            return Drop(reasons.NO_BINDING)
        key = switch.bridge.name, binding.port, binding.address
        decision = server.answer(frame, binding, now, self.leases.probation_until(key))
        self.leases.record(key, binding, decision.reason, now)
        return decision

    def _note(self, event: Event) -> None:
        """Count it, and keep it for the log; of what others' flows ask, the first only."""
        code = event.decision.reason.code
        self.reasons[code] += 1
        if code != reasons.USERDATA_OPCODE.code or self.reasons[code] == 1:
            self._events.append(event)

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
