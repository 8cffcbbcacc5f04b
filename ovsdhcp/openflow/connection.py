"""A switch's connection as Ryu knows it, read and written in large pieces (wire.py).

Ryu reads eight octets and then the rest of each message, makes objects of it, and queues an event;
that is most of what an answer costs. Here a read takes what is there, `Party.answer` answers the
questions among it from the octets, and all answers leave in one write. What is no question
of ours goes Ryu's way unharmed: echo, errors, other applications' packet-ins.

Ryu makes it through `ryu.controller.controller.datapath_connection_factory`.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from socket import AF_UNIX, socket
from struct import Struct
from typing import Any, Protocol

from ryu.controller import ofp_event
from ryu.controller.controller import Datapath
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER
from ryu.lib import hub
from ryu.ofproto import ofproto_parser

from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.openflow.admission import Admission
from ovsdhcp.openflow.affinity import Neighbour
from ovsdhcp.openflow.door import Passage, passing
from ovsdhcp.openflow.endings import (
    DOES_NOT_READ,
    MALFORMED_MESSAGE,
    SHORTCUT_LOST,
    SILENT,
    UNREADABLE_MESSAGE,
)
from ovsdhcp.openflow.hearing import IDLE, Hearing
from ovsdhcp.openflow.messages import lies, whole
from ovsdhcp.openflow.wellformed import MalformedError, check
from ovsdhcp.openflow.wire import Wire

LOG = logging.getLogger("ovsdhcp")

ANSWERS_WITHIN = 2.0
"""Seconds in which a switch that is alive answers an echo request."""

MOST_PORTS = 0xFF00 + 1
"""Open vSwitch numbers them below OFPP_MAX of OpenFlow 1.0, and has a local one."""

SAME_END = 0.1
"""Seconds in which both wires of a switch that is gone have ended."""

_HEADER = Struct("!BBHI")


class Party(Protocol):
    """Whom a switch talks with, once it is ready."""

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        """Answer the questions from `at` on; returns where the first other message begins."""

    def sent(self) -> None:
        """What `answer` appended is on its way: there is time for what nobody waits for."""

    def hear(self, message: bytes) -> bool:
        """Take any other message; whether Ryu need not see it."""


class _WithoutDelay:
    """A Unix socket as Ryu's constructor wants it, which would tell it TCP_NODELAY.

    It never delays, and refuses to be told so.
    """

    def __init__(self, connected: socket) -> None:
        self.settimeout = connected.settimeout

    def setsockopt(self, *_: object) -> None:
        """Already so."""


class Connection(Datapath):  # type: ignore[misc]  # Ryu carries no types
    """One switch. `begin` is called when it is ready, and may give it a party.

    What it says of its own accord may come by a second wire, the `shortcut`; whatever else is said
    goes over its own.
    """

    def __init__(
        self,
        connected: socket,
        address: Any,
        begin: Callable[["Connection"], Party | None],
        passage: Passage,
    ) -> None:
        self._begin = begin
        self._party: Party | None = None
        self._passage = passage
        self._challenged = False
        self._shortcut: Wire | None = None
        super().__init__(
            _WithoutDelay(connected) if connected.family == AF_UNIX else connected, address
        )
        self.socket = connected
        self._wire = Wire(connected)
        self.hearing = Hearing(self._wire)

    def set_state(self, state: str) -> None:
        """Begin in the very moment that the switch is ready, so that no message is in between."""
        super().set_state(state)
        if state == MAIN_DISPATCHER and self._party is None:
            self._passage.ready()
            if self._passage.ending is None:
                self._party = self._begin(self)

    def end(self, ending: Reason, detail: str = "") -> None:
        """Close it at once, and say why."""
        self._passage.end(ending, detail)
        self.close()

    def challenge(self) -> None:
        """End it unless it says something soon. Returns when that is known."""
        if self._challenged:
            return
        self._challenged = True
        echo = self.ofproto_parser.OFPEchoRequest(self)
        self.unreplied_echo_requests.append(self.set_xid(echo))
        self.send_msg(echo)
        hub.sleep(ANSWERS_WITHIN)
        self._challenged = False
        if echo.xid in self.unreplied_echo_requests:
            self.end(SILENT)

    def _echo_request_loop(self) -> None:
        super()._echo_request_loop()
        if len(self.unreplied_echo_requests) > self.max_unreplied_echo_requests:
            self.end(SILENT)

    def begin(self) -> None:
        """Begin anew, if nobody takes part: who that is may have changed."""
        if self._party is None and self.state == MAIN_DISPATCHER:
            self._party = self._begin(self)

    def close(self) -> None:
        """End it; what was sent before still goes out."""
        super().close()
        self._wire.end()
        if self._shortcut is not None:
            self._shortcut.end()

    # -- the shortcut ------------------------------------------------------------------------

    @property
    def is_of_this_machine(self) -> bool:
        """Whether the switch came by TCP from an address of our own."""
        try:
            ours, theirs = self.socket.getsockname(), self.socket.getpeername()
        except OSError:  # it is gone already
            return False
        return self.socket.family != AF_UNIX and ours[0] == theirs[0]

    @property
    def lost_shortcut(self) -> bool:
        """Whether it was ended since its shortcut was closed."""
        return self._passage.ending is SHORTCUT_LOST

    def take_shortcut(self, wire: Wire, octets: bytes, path: Path) -> None:
        """Read a second wire, by which these octets came already, until either ends.

        Then both do: what is left of such a connection would be half of one.
        """
        self._shortcut = wire
        self.hearing.take(wire, path, Neighbour(wire.socket))
        hub.spawn(self._send_all, wire)
        hub.spawn(self._read_shortcut, wire, octets)

    def _read_shortcut(self, wire: Wire, octets: bytes) -> None:
        looking = hub.spawn(self._look, wire)
        try:
            self._read_all(wire, octets)
        finally:
            wire.close()
            self.hearing.end()
            hub.kill(looking)
            hub.sleep(SAME_END)
            if not self._wire.ended:
                self.end(SHORTCUT_LOST)

    def _look(self, wire: Wire) -> None:
        while not wire.ended:
            hub.sleep(IDLE)
            self.hearing.look()

    # -- reading -----------------------------------------------------------------------------

    def _recv_loop(self) -> None:
        try:
            self._read_all(self._wire)
        finally:
            self._wire.close()

    def _read_all(self, wire: Wire, rest: bytes = b"") -> None:
        rest = self._consume(rest, wire)
        while self.state != DEAD_DISPATCHER:
            octets = wire.read()
            if octets:
                octets = rest + octets if rest else octets
                if self._shortcut is not None:
                    self.hearing.came(octets)
                rest = self._consume(octets, wire)
            elif octets is not None:
                return

    def _consume(self, octets: bytes, wire: Wire) -> bytes:
        """Handle all whole messages, answer what is ours in one write, return what is left."""
        answers: list[bytes] = []
        at = 0
        while self.state != DEAD_DISPATCHER:
            if self._party is not None and self.hearing.overlap is None:
                at = self._party.answer(octets, at, answers)
            if at == len(octets):
                break
            message = whole(octets, at)
            if not message:
                if lies(octets, at):
                    self.end(MALFORMED_MESSAGE, "a message shorter than its header")
                break
            at += len(message)
            self._take(message, wire, answers)
        if answers:
            wire.send(b"".join(answers))
        if self._party is not None:
            self._party.sent()
        return octets[at:] if at < len(octets) else b""

    def _take(self, message: bytes, wire: Wire, answers: list[bytes]) -> None:
        """Any message but, unless the same comes by two wires, a question of ours."""
        if self._shortcut is None:
            self._handle(message)
            return
        overlaps = self.hearing.overlap is not None
        for due in self.hearing.due(wire, message):
            answered = overlaps and self._party is not None and self._party.answer(due, 0, answers)
            if not answered:
                self._handle(due)

    def _handle(self, message: bytes) -> None:
        if self._party is None or not self._heard(message):
            self._dispatch(message)

    def _heard(self, message: bytes) -> bool:
        """Whether Ryu need not see it; a fault of ours is told, and the message goes Ryu's way."""
        assert self._party is not None
        try:
            return self._party.hear(message)
        except Exception:
            LOG.exception(
                "a message of type %d failed; this is a bug, please report it", message[1]
            )
            return False

    def _dispatch(self, message: bytes) -> None:
        """Ryu's way, for what is well-formed, and in the time that the peer has."""
        self._passage.heard(len(message))
        try:
            check(message)
        except MalformedError as fault:
            self.end(MALFORMED_MESSAGE, str(fault))
        if self._passage.ending is not None:
            return
        self.unreplied_echo_requests.clear()  # who speaks is alive
        began = time.monotonic()
        try:
            self._ryus_way(message)
        except Exception as fault:
            self._passage.note(UNREADABLE_MESSAGE, type(fault).__name__, "unread")
        if self._ports and len(self._ports) > MOST_PORTS:
            self.end(MALFORMED_MESSAGE, f"more than {MOST_PORTS} ports")
        self._passage.used(time.monotonic() - began)

    def _ryus_way(self, message: bytes) -> None:
        """An event for those who observe it, then Ryu's own handlers at once.

        Not by `ofproto_parser.msg`: of what it cannot read that one logs every octet.
        """
        version, kind, length, xid = _HEADER.unpack_from(message)
        parser = ofproto_parser._MSG_PARSERS[version]
        event = ofp_event.ofp_msg_to_ev(
            parser(self, version, kind, length, xid, bytearray(message))
        )
        self.ofp_brick.send_event_to_observers(event, self.state)
        for handler in self.ofp_brick.get_handlers(event):
            if self.state in handler.callers[event.__class__].dispatchers:
                handler(event)

    # -- writing -----------------------------------------------------------------------------

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        """Send now what the socket takes, and the rest as soon as it does. Never waits."""
        return self.state != DEAD_DISPATCHER and self._wire.send(buf, last=close_socket)

    def wish(self, buf: bytes) -> bool:
        """Send what is about the switch's own messages, by whichever wire they come."""
        if self._shortcut is not None:
            self._shortcut.send(buf)
        return self.send(buf)

    def wait_until_sent(self) -> None:
        """Wait while too much of what was sent is left unread."""
        self._wire.wait_until_sent()

    def _send_loop(self) -> None:
        try:
            self._send_all(self._wire)
        finally:
            self.send_q = None  # which is how Ryu's echo loop knows
            self._close_write()

    def _send_all(self, wire: Wire) -> None:
        try:
            wire.send_unsent()
        except TimeoutError:
            self.end(DOES_NOT_READ)
        except OSError:
            pass  # the reading side finds out as well, and ends the connection


def serve(
    begin: Callable[[Connection], Party | None],
    admission: Admission,
    connected: socket,
    address: Any,
) -> None:
    """Ryu's datapath_connection_factory, once `begin` and `admission` are bound.

    Serves a connection to its end.
    """
    with passing(admission, connected, address) as passage:
        if not passage.secure():
            return
        try:
            with closing(Connection(connected, address, begin, passage)) as connection:
                connection.serve()
        except OSError as error:  # it was gone before it began
            LOG.debug("%s: %s", address, error)
