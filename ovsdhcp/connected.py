"""One connected bridge as its connection's party: it hears, it answers, it is told what changed.

Whatever takes long is done in a thread of its own, with a pause every millisecond or two: reading
and laying flows, and forgetting answers by the ten thousand.
"""

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from struct import error
from typing import Protocol

from ryu.lib import hub

from ovsdhcp.answers import Whose
from ovsdhcp.config.hosts import Hosts
from ovsdhcp.config.table import Bridge, Flows, Port
from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.openflow import messages, pipeline
from ovsdhcp.openflow.attached import Attached
from ovsdhcp.openflow.endings import MALFORMED_MESSAGE
from ovsdhcp.openflow.messages import MULTIPART_FLOW
from ovsdhcp.openflow.meter_messages import MULTIPART_METER_CONFIG
from ovsdhcp.openflow.switch import Replaced, Switch
from ovsdhcp.packet_ins import PacketIns
from ovsdhcp.service import Service, warn_of_selected_twice

LOG = logging.getLogger("ovsdhcp")

Slices = Generator[None, None, None]
"""Work in slices of a millisecond or two."""

Outdated = tuple[int, Whose]
"""A port's number, and which of its bindings' answers are outdated."""

RETRY_AFTER = 5.0
"""Seconds until a bridge that refused our flows is asked again."""

ALL: Whose = ("", b"")
"""All of a port's bindings."""

_MANY = 5_000
"""Answers that are forgotten one by one in a few milliseconds; more are forgotten with all."""


class Line(Protocol):
    """The connection, as far as it is needed to tell a bridge something."""

    def send(self, buf: bytes) -> bool:
        """Send, or keep to be sent; False where the connection has ended."""

    def wish(self, buf: bytes) -> bool:
        """Send what is about the bridge's own messages, by whichever way they come."""

    def wait_until_sent(self) -> None:
        """Wait while too much is kept."""

    def end(self, ending: Reason, detail: str = "") -> None:
        """Close it, and say why."""


class ConnectedBridge:
    """A bridge of the table, for as long as it is connected and in the table."""

    def __init__(
        self,
        service: Service,
        switch: Switch,
        line: Line,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self.switch, self._line = service, switch, line
        self.answers = service.memory.of(switch.bridge.name)
        self._questions = PacketIns(service, switch, self.answers, clock)
        self._retired = False
        self._hears: dict[int, Callable[[bytes], bool]] = {
            messages.ERROR: self._error,
            messages.PORT_STATUS: self._port_status,
            messages.FLOW_REMOVED: self._flow_removed,
            messages.MULTIPART_REPLY: self._multipart,
            messages.BARRIER_REPLY: self._barrier,
        }
        self._telling = False

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        """Answer the questions from `at` on; returns where the first other message begins."""
        return at if self._retired else self._questions.answer(octets, at, answers)

    def sent(self) -> None:
        """What `answer` appended was sent."""
        self._questions.sent()

    def hear(self, message: bytes) -> bool:
        """Take a message in its order; whether nobody else needs to hear it."""
        hears = self._hears.get(message[1])
        try:
            return hears is not None and hears(message)
        except (ValueError, IndexError, error):
            return False  # what is malformed is refused on Ryu's way

    def greet(self) -> None:
        """Begin."""
        self._line.wish(self.switch.wishes())
        self.sync()

    def sync(self) -> None:
        """Look at what the bridge has of us, and mend it."""
        self._line.send(self.switch.sync())

    def tell(self) -> None:
        """Have the bridge told what has changed, unless that is under way."""
        if not self._telling:
            self._telling = True
            hub.spawn(self._tell)

    def _tell(self) -> None:
        try:
            for piece in self.switch.changes():
                if piece and not self._line.send(piece):
                    return
                hub.sleep(0)
                self._line.wait_until_sent()
        except ValueError as fault:
            self._line.end(MALFORMED_MESSAGE, str(fault))
        except Exception:
            LOG.exception("telling a bridge failed; this is a bug, please report it")
        finally:
            self._telling = False

    # -- hearing -----------------------------------------------------------------------------

    def _error(self, message: bytes) -> bool:
        """In its order, before the barrier that says that there will be none."""
        xid, kind = messages.read_error(message)
        if self._service.refused_meters(self.switch, xid):
            self.sync()
        elif self._service.refused(self.switch, xid, kind):
            hub.spawn_after(RETRY_AFTER, self.sync)
        return False

    def _port_status(self, message: bytes) -> bool:
        if len(message) != messages.PORT_STATUS_SIZE:
            return False
        there, ofport, name = messages.read_port_status(message)
        self.answers.forget_port(ofport)
        if there:
            known = self.switch.selected_twice(ofport)
            self.switch.port_added(ofport, name_of(name))
            if not known:
                warn_of_selected_twice(self.switch, self.switch.selected_twice(ofport))
        else:
            self.switch.port_removed(ofport)
        self.tell()
        return False

    def _flow_removed(self, message: bytes) -> bool:
        if not pipeline.is_ours(messages.removed_cookie(message)):
            return False
        asked = self.switch.flow_removed(message)
        if asked:
            self._line.send(asked)
        self.tell()
        return True

    def _multipart(self, message: bytes) -> bool:
        xid, kind, more = messages.read_multipart(message)
        if kind == MULTIPART_FLOW and self.switch.flow_stats(xid, message, more=more):
            self.tell()
            return True
        return kind == MULTIPART_METER_CONFIG and self.switch.meter_config(xid, message)

    def _barrier(self, message: bytes) -> bool:
        self.switch.barrier_reply(int.from_bytes(message[4:8], "big"))
        return False

    # -- a new table -------------------------------------------------------------------------

    def reconfigure(self, bridge: Bridge, *, retired: bool = False) -> Slices:
        """Be what the table now says: between two packets, and told to the bridge after it."""
        switch = self.switch
        names = None
        while names != switch.names:  # a port may come or go while others have their turn
            names = dict(switch.names)
            replaced = switch.reconfigured(bridge)
            yield
            outdated = yield from self._outdated(replaced)
        held = sum(self.answers.held(ofport) for ofport, whose in outdated if whose is ALL)
        at_once = _shape(bridge) != _shape(switch.bridge) or len(outdated) + held > _MANY
        known = set(switch.selected_twice())
        waited = switch.waits
        sync = switch.reconfigure(bridge, replaced)
        if switch.hearing is not None:
            switch.hearing.allow(shortcut=bridge.flows is Flows.MANAGED)
        self._line.wish(switch.format(waited=waited))
        self._line.send(sync)
        warn_of_selected_twice(switch, (it for it in switch.selected_twice() if it not in known))
        self.answers.bridge, self._retired = bridge.name, retired
        rest = self.answers.forget_at_once() if at_once else self._forget(outdated)
        self.tell()
        yield from rest

    def retire(self) -> Slices:
        """Be no bridge of the table any more: nobody is answered, and our flows are taken away."""
        nothing = Bridge(self.switch.bridge.name, (), flows=Flows.EXTERNAL)
        yield from self.reconfigure(nothing, retired=True)

    @property
    def retired(self) -> bool:
        """Whether it is none of the table's any more, and only loses its flows."""
        return self._retired

    @staticmethod
    def _outdated(replaced: list[Replaced]) -> Generator[None, None, list[Outdated]]:
        """Whose answers are not those of the new table."""
        outdated: list[Outdated] = []
        for port in replaced:
            if port.before is not None:  # else nobody was answered there
                clients = yield from _clients(port.before, port.after)
                outdated += [(port.ofport, whose) for whose in clients]
        return outdated

    def _forget(self, outdated: list[Outdated]) -> Slices:
        """Forget now; there is nothing left to do then."""
        for ofport, whose in outdated:
            if whose is ALL:
                self.answers.forget_port(ofport)
            else:
                self.answers.forget_client(ofport, whose)
        return _nothing()


def _clients(before: Attached, after: Attached | None) -> Generator[None, None, list[Whose]]:
    """Who of a port is told something else now."""
    if after is None or not isinstance(before.hosts, Hosts) or not isinstance(after.hosts, Hosts):
        return [ALL]
    if _shape(before.port) != _shape(after.port):
        return [ALL]
    outdated: list[Whose] = [None]  # who was a stranger may be none any more
    for macs in after.hosts.differing(before.hosts):
        bindings = [before.hosts.get(mac) for mac in macs]
        outdated += [(it.port, it.address_octets) for it in bindings if it is not None]
        if len(outdated) > _MANY:
            return [ALL]
        yield
    return outdated


def _shape(value: Bridge | Port) -> object:
    """A bridge without its ports, a port without its bindings."""
    return replace(value, ports=()) if isinstance(value, Bridge) else replace(value, bindings=())


def _nothing() -> Slices:
    yield from ()


def name_of(octets: bytes) -> str:
    """A port's name: OpenFlow's are NUL-padded; OVS cuts those over 15 characters.

    What a terminal or a log would not take as a name is escaped.
    """
    name = bytes(octets).rstrip(b"\0").decode("utf-8", "replace")
    return name if name.isprintable() else ascii(name)[1:-1]
