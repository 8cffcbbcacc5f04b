"""A switch's connection as Ryu knows it, read and written in large pieces.

Ryu reads eight octets and then the rest of each message, makes objects of it, and queues an event;
that is most of what an answer costs. Here a read takes what is there, `Party.answer` answers the
questions among it from the octets, and all answers leave in one write. What is no question
of ours goes Ryu's way unharmed: echo, errors, other applications' packet-ins.

Nothing here waits for a switch that does not read: what it has not taken is kept, and while that
is much, nothing more is read from it.

Ryu makes it through `ryu.controller.controller.datapath_connection_factory`.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from socket import AF_UNIX, SO_SNDBUF, SOL_SOCKET, socket
from struct import Struct
from typing import Any, Protocol

from ryu.controller import ofp_event
from ryu.controller.controller import Datapath
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER
from ryu.lib import hub
from ryu.ofproto import ofproto_parser

from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.openflow.admission import Admission
from ovsdhcp.openflow.door import Passage, passing
from ovsdhcp.openflow.endings import (
    DOES_NOT_READ,
    MALFORMED_MESSAGE,
    SILENT,
    UNREADABLE_MESSAGE,
)
from ovsdhcp.openflow.messages import lies, whole
from ovsdhcp.openflow.readiness import Readiness
from ovsdhcp.openflow.wellformed import MalformedError, check

LOG = logging.getLogger("ovsdhcp")

ONE, ONE_BY_ONE = 640, 4
"""Octets of a read that had one question at most; after so many of them they come one by one."""

READ_AT_MOST = 1 << 16
"""Octets of one read: some 150 questions, which take 2 ms where none was asked before."""

UNSENT_AT_MOST = 1 << 20
"""Octets that a switch may have left unread and still be read from."""

READS_WITHIN = 30.0
"""Seconds in which a switch has to take something of what it is sent."""

_BUFFERED = 1 << 18
ANSWERS_WITHIN = 2.0
"""Seconds in which a switch that is alive answers an echo request."""

MOST_PORTS = 0xFF00 + 1
"""Open vSwitch numbers them below OFPP_MAX of OpenFlow 1.0, and has a local one."""

_HEADER = Struct("!BBHI")


class Party(Protocol):
    """Whom a switch talks with, once it is ready."""

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        """Answer the questions from `at` on; returns where the first other message begins."""

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
    """One switch. `begin` is called when it is ready, and may give it a party."""

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
        self._unsent: deque[tuple[bytes, bool]] = deque()
        self._unsent_octets = 0
        self._readiness: Readiness | None = None
        """None over TLS, which may have read more already than it was asked for."""
        self._to_send, self._sent = hub.Event(), hub.Event()
        super().__init__(
            _WithoutDelay(connected) if connected.family == AF_UNIX else connected, address
        )
        self.socket = connected
        # a small buffer has room again soon, even where a busy switch reads a little at a time
        connected.setsockopt(SOL_SOCKET, SO_SNDBUF, _BUFFERED)
        connected.settimeout(READS_WITHIN)

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

    # -- reading -----------------------------------------------------------------------------

    def close(self) -> None:
        """End it; what was sent before still goes out."""
        super().close()
        self._sent.set()
        if self._readiness is not None:
            self._readiness.wake()

    def _recv_loop(self) -> None:
        plain = getattr(self.socket, "fd", None)
        if plain is not None:
            self._readiness = Readiness(plain.fileno())
        try:
            self._read_all(self.socket if plain is None else plain)
        finally:
            if self._readiness is not None:
                self._readiness.close()
            self.socket.close()

    def _read_all(self, source: Any) -> None:
        """Between two reads other connections have their turn, however much there is to read."""
        rest, alone = b"", 0
        while self.state != DEAD_DISPATCHER:
            if self._unsent:
                self.wait_until_sent()
            if self._readiness is not None:
                self._readiness.wait(eager=alone >= ONE_BY_ONE)
            try:
                octets = source.recv(READ_AT_MOST)
            except (TimeoutError, BlockingIOError):  # nothing came
                continue
            except (EOFError, OSError):
                return
            if not octets:
                return
            alone = alone + 1 if len(octets) < ONE else 0
            rest = self._consume(rest + octets if rest else octets)
            if self._readiness is None:
                hub.sleep(0)

    def _consume(self, octets: bytes) -> bytes:
        """Handle all whole messages, answer what is ours in one write, return what is left."""
        answers: list[bytes] = []
        at = 0
        while self.state != DEAD_DISPATCHER:
            if self._party is not None:
                at = self._party.answer(octets, at, answers)
            if at == len(octets):
                break
            message = whole(octets, at)
            if not message:
                if lies(octets, at):
                    self.end(MALFORMED_MESSAGE, "a message shorter than its header")
                break
            at += len(message)
            if self._party is None or not self._heard(message):
                self._dispatch(message)
        if answers:
            self.send(b"".join(answers))
        return octets[at:] if at < len(octets) else b""

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
        if self.state == DEAD_DISPATCHER or self.send_q is None:
            return False
        rest = buf if self._unsent or close_socket else self._send_now(buf)
        if rest:
            self._unsent.append((rest, close_socket))
            self._unsent_octets += len(rest)
            self._to_send.set()
        return True

    def _send_now(self, buf: bytes) -> bytes:
        """What the socket did not take. TLS may have to read first, so there it is all of it."""
        plain = getattr(self.socket, "fd", None)
        if plain is None:
            return buf
        try:
            sent: int = plain.send(buf)
        except BlockingIOError:
            return buf
        except OSError:
            return b""  # the reading side finds out as well, and ends the connection
        return b"" if sent == len(buf) else buf[sent:]

    def _send_loop(self) -> None:
        try:
            while self.state != DEAD_DISPATCHER and self._send_unsent():
                self._to_send.clear()
                self._to_send.wait()
        except TimeoutError:
            self.end(DOES_NOT_READ)
        except OSError:
            pass  # as above
        finally:
            self.send_q = None  # which is how Ryu's echo loop knows
            self._unsent.clear()
            self._unsent_octets = 0
            self._close_write()
            self._sent.set()

    def _send_unsent(self) -> bool:
        """Send all that is left; whether there may be more."""
        while self._unsent:
            buf, last = self._unsent[0]
            self.socket.sendall(buf)
            self._unsent.popleft()
            self._unsent_octets -= len(buf)
            self._sent.set()
            if last:
                return False
        return True

    def wait_until_sent(self) -> None:
        """Wait for a switch that leaves so much unread: nothing more is read from it meanwhile."""
        while self._unsent_octets > UNSENT_AT_MOST and self.state != DEAD_DISPATCHER:
            self._sent.clear()
            self._sent.wait()


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
