"""Puts the parts together: which bridge is ours, who asks, what the engine says, what is kept.

Knows no OpenFlow connection: app.py brings events and takes bytes away.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ovsdhcp.answers import Memory
from ovsdhcp.config.table import Bridge, Config, Flows
from ovsdhcp.dhcp import reasons, server
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.dhcp.message import client_of
from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.dhcp.server import Drop, Reply
from ovsdhcp.events import Event, Outcome, Resumed, Tallies, Told
from ovsdhcp.journal import Journal
from ovsdhcp.lease import Key
from ovsdhcp.leases import Leases
from ovsdhcp.openflow import continuation, messages
from ovsdhcp.openflow.continuation import Paused
from ovsdhcp.openflow.messages import OFPR_ACTION, PacketIn
from ovsdhcp.openflow.rate_limits import DROPPED_FOR
from ovsdhcp.openflow.switch import SelectedTwice, Switch
from ovsdhcp.ovn import put_dhcp_opts
from ovsdhcp.ovn.put_dhcp_opts import PutDhcpOpts, set_result

LOG = logging.getLogger("ovsdhcp")

CONFIG_VARIABLE = "OVSDHCP_CONFIG"
DEFAULT_CONFIG = Path("/etc/ovsdhcp/ovsdhcp.yaml")
_MOST_USERDATA = 16_384
_MOST_STRANGERS = 1000

SETTLED_AT_ONCE = 150
"""Exchanges that are settled in one go, which takes less than a millisecond."""


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the lease table is: `$OVSDHCP_CONFIG`, else /etc/ovsdhcp/ovsdhcp.yaml."""
    return Path(environment.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


@lru_cache(maxsize=_MOST_USERDATA)
def _opts(userdata: bytes) -> PutDhcpOpts:
    return put_dhcp_opts.decode(userdata)


@lru_cache(maxsize=_MOST_USERDATA)
def _bound(userdata: bytes, port: str) -> Binding:
    return put_dhcp_opts.binding_of(_opts(userdata), port, None)


_with_result = lru_cache(maxsize=_MOST_USERDATA)(set_result)


def _whose(switch: Switch, waiting: Paused, in_port: int, port: str) -> Binding | None:
    """Whose question a paused packet is: as another's flow says, or by our flow's port.

    Raises WireError where the flow does not say, or is no longer there. Of what waits Open vSwitch
    says that it comes from table 0, whichever it was (seen with 3.1).
    """
    if switch.bridge.flows is Flows.EXTERNAL:
        return _bound(waiting.userdata, port)
    attached = switch.attached.get(in_port)
    if (
        attached is None
        or attached.cookie != waiting.cookie
        or waiting.reason != OFPR_ACTION
        or waiting.table not in (0, switch.bridge.tables.dhcp_options)
    ):
        raise WireError(reasons.STALE_FLOW)
    return attached.binding(waiting.packet)


def _keys(config: Config) -> Iterator[Key]:
    """What all bindings of a table are known by."""
    for bridge in config.bridges:
        for port in bridge.ports:
            for address in port.addresses():
                yield bridge.name, port.name, address


def _external(config: Config) -> frozenset[str]:
    return frozenset(it.name for it in config.bridges if it.flows is Flows.EXTERNAL)


def warn_of_selected_twice(switch: Switch, ports: Iterable[SelectedTwice]) -> None:
    """Say whose entry of the table is passed over."""
    for port in ports:
        LOG.warning(
            "bridge %s: two entries of the table are port %d: %s by its number, which is served, "
            "and %s by its name, which is not",
            switch.bridge.name,
            *(port.ofport, port.by_number, port.by_name),
        )


def _key(bridge: str, binding: Binding) -> Key:
    return bridge, binding.port, binding.address_octets


class _Asker(NamedTuple):
    """Where a question came from, and whose it is."""

    bridge: str
    port: str
    binding: Binding | None


def _port_name(switch: Switch, in_port: int) -> str:
    return switch.names.get(in_port, str(in_port))


def _served(switch: Switch) -> str:
    if switch.bridge.flows is Flows.EXTERNAL:
        return "others' flows say whom it serves"
    return f"{len(switch.attached)} of its ports served"


class Said(NamedTuple):
    """What came of a question.

    `octets` are the message to send, empty for silence. `lasting` says that the very same question
    would be answered the same, for as long as the binding's state and the table are what they are.
    `told` is what is told of it, None where nothing is.
    """

    octets: bytes
    in_port: int
    lasting: bool = False
    told: Told | None = None
    xid: int = 0


_NOTHING = Said(b"", 0)


class Service:
    """One lease table in force, and what came of it."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._clock = clock
        self.leases = Leases(_external(config))
        self.journal: Journal | None = None
        self.reasons: Counter[str] = Counter()
        """How often each reason was given."""
        self.memory = Memory()
        self.tallies = Tallies()
        self._leaving: Iterator[None] = iter(())
        """What is left to do since the last table came."""
        self._told_foreign = False
        self._strangers: set[int] = set()

    def remember(self, journal: Journal) -> None:
        """Take up what was handed out before; not beside the packet path."""
        self.journal = journal
        self.leases.adopt(journal.read_back(), _keys(self.config), self._clock())

    def replace(self, config: Config) -> None:
        """Put another table in force; what is known of bindings that it no longer has becomes
        history when it is settled.
        """
        self.config, self.leases.external = config, _external(config)
        self._leaving = self._left(config)

    def _left(self, config: Config) -> Iterator[None]:
        """Look for bindings that a table does not have, in slices."""
        gone = self.leases.kept()
        yield
        for number, key in enumerate(_keys(config)):
            gone.pop(key, None)
            if number % SETTLED_AT_ONCE == 0:
                yield
        left = [key for key in gone if key[0] not in self.leases.external]
        for at in range(0, len(left), SETTLED_AT_ONCE):
            self.leases.left(left[at : at + SETTLED_AT_ONCE], self._clock())
            yield

    def connected(self, dpid: int, names: Mapping[int, str], local: str) -> Switch | None:
        """A bridge has connected; None, said once, if the table does not name it."""
        bridge = self.bridge_of(dpid, local)
        if bridge is None:
            if dpid not in self._strangers and len(self._strangers) < _MOST_STRANGERS:
                self._strangers.add(dpid)
                LOG.warning("bridge %s (dpid %#018x) is not in the table", local, dpid)
            return None
        switch = Switch(bridge, names)
        LOG.info("bridge %s: connected, %s", bridge.name, _served(switch))
        if switch.missing:
            LOG.warning("bridge %s: not on the bridge: %s", bridge.name, ", ".join(switch.missing))
        warn_of_selected_twice(switch, switch.selected_twice())
        return switch

    def known_by_name(self) -> list[str]:
        """The bridges of the table that are known by the name of their local port."""
        return [bridge.name for bridge in self.config.bridges if bridge.dpid is None]

    def bridge_of(self, dpid: int, local: str) -> Bridge | None:
        """What the table says of a bridge, by its datapath id or its LOCAL port's name."""
        for bridge in self.config.bridges:
            if bridge.dpid == dpid or (bridge.dpid is None and bridge.name == local):
                return bridge
        return None

    def packet_in(self, switch: Switch, packet_in: PacketIn, now: float) -> Said:
        """The PACKET_OUT that answers a punted frame, through the port that it came from.

        Both cookie and in_port must be a port's: a number may have passed to another port while
        an old flow still punted.
        """
        cookie, table, in_port, frame = packet_in
        bridge, attached = switch.bridge, switch.attached.get(in_port)
        if attached is None or attached.cookie != cookie or bridge.tables.dhcp_options != table:
            stranger = _Asker(bridge.name, _port_name(switch, in_port), None)
            return self._said(stranger, in_port, frame, Drop(reasons.STALE_FLOW), b"")
        who = (bridge.name, attached.port.name, attached.binding(frame))
        asker = tuple.__new__(_Asker, who)
        decision, lasting = self._decide(asker, frame, now)
        octets = b""
        if isinstance(decision, Reply):
            octets = messages.packet_out(in_port, decision.frame)
        return self._said(asker, in_port, frame, decision, octets, lasting=lasting)

    def paused(self, switch: Switch, body: bytes, now: float) -> Said:
        """The NXT_RESUME for a packet that waits, from the body of its NXT_PACKET_IN2.

        Answered, it goes on as the answer and with the result 1; refused, as it came and with the
        result 0, so that the flows decide. Userdata that is not ours goes on untouched.
        What is no packet-in, or does not wait, is not resumed.
        """
        try:
            waiting = continuation.read(body)
        except WireError as error:
            self.reasons[error.reason.code] += 1
            return _NOTHING
        if not waiting.waits:
            return _NOTHING
        in_port = waiting.in_port
        asker = _Asker(switch.bridge.name, _port_name(switch, in_port), None)
        packet, metadata, lasting = waiting.packet, waiting.metadata, False
        outcome: Outcome
        try:
            opts = _opts(waiting.userdata)
            metadata = _with_result(waiting.metadata, opts.result, False)
            asker = asker._replace(binding=_whose(switch, waiting, in_port, asker.port))
            outcome, lasting = self._decide(asker, packet, now)
            if isinstance(outcome, Reply):
                metadata = _with_result(waiting.metadata, opts.result, True)
                packet = continuation.readdressed(packet, outcome.frame)
            elif switch.bridge.flows is Flows.EXTERNAL:  # what our own flows do then is to drop it
                outcome = Resumed(*outcome)
        except WireError as error:
            outcome = Resumed(error.reason)
        octets = continuation.resume(waiting, packet, metadata)
        # what is not answered goes back as it came, with all that differs each time
        lasting = lasting and isinstance(outcome, Reply)
        return self._said(asker, in_port, waiting.packet, outcome, octets, lasting=lasting)

    def _decide(self, asker: "_Asker", frame: bytes, now: float) -> tuple[Reply | Drop, bool]:
        """What the engine says, and whether it would say so again.

        Not while the address is on probation, which ends with time, nor of what begins one.
        """
        binding = asker.binding
        if binding is None:
            return Drop(reasons.NO_BINDING), True
        probation_until = 0.0
        if self.leases.any_declined:
            probation_until = self.leases.probation_until(_key(asker.bridge, binding))
        decision = server.answer(frame, binding, now, probation_until)
        if decision.reason is reasons.DECLINE:
            key = _key(asker.bridge, binding)
            # at once, for the next question of it; it is counted when it is settled
            assert decision.request is not None
            who = client_of(decision.request), decision.request.type_name
            self.leases.record(key, binding, decision.reason, now, *who, times=0)
            self.memory.forget_binding(asker.bridge, (binding.port, binding.address_octets))
            return decision, False
        return decision, now >= probation_until

    def _said(
        self,
        asker: "_Asker",
        in_port: int,
        frame: bytes,
        outcome: Outcome,
        octets: bytes,
        *,
        lasting: bool = False,
    ) -> Said:
        bridge, port, binding = asker
        tally = self.tallies.of(bridge, port, frame[6:12], binding, outcome)
        request = outcome.request
        client, xid = (None, 0) if request is None else (client_of(request), request.xid)
        return tuple.__new__(Said, (octets, in_port, lasting, (tally, client), xid))

    def take_events(self) -> list[Event]:
        """What happened since the last call; of what others' flows ask, the first only."""
        return [event for event in self.tallies.take() if self._is_news(event)]

    def settle(self) -> Generator[None, None, None]:
        """Count what happened until now, and keep what became of the bindings. In slices."""
        left = self.tallies.unsettled
        while left > 0 and self.tallies.unsettled:
            for exchange, times, last, client in self.tallies.settle(min(left, SETTLED_AT_ONCE)):
                left -= 1
                self.reasons[exchange.reason.code] += times
                binding = exchange.binding
                if binding is not None:
                    key = _key(exchange.bridge, binding)
                    what = (exchange.reason, last, client, exchange.message, times)
                    self.leases.record(key, binding, *what)
            yield
        leaving = self._leaving
        for _ in leaving:  # not `yield from`: who stops listening would end it for all
            yield
            if leaving is not self._leaving:  # another table came, which has its own
                return
        self._leaving = iter(())

    def _is_news(self, event: Event) -> bool:
        if event.exchange.reason is not reasons.USERDATA_OPCODE:
            return True
        told, self._told_foreign = self._told_foreign, True
        return not told

    def over_limit(self, switch: Switch, in_port: int, now: float) -> bytes | None:
        """What to send in place of an answer where a port asks too much; None where it does not."""
        over = switch.over_limit(in_port, now)
        if over is not None:
            self.reasons[reasons.RATE_LIMITED.code] += 1
        return over

    def refused_meters(self, switch: Switch, xid: int) -> bool:
        """Whether an error says that a bridge takes no meters; then it is to be looked at again."""
        refused = switch.refused_meters(xid)
        if refused:
            LOG.warning(
                "bridge %s: takes no meters (its datapath may have none); ports that ask more than "
                "their rate_limit are limited by the controller instead, by a flow that drops "
                "their DHCP for %d s",
                switch.bridge.name,
                DROPPED_FOR,
            )
        return refused

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
