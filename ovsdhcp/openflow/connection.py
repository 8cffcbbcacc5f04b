"""A switch's connection as Ryu knows it, read in large pieces, our packet-ins answered at once.

Ryu reads eight octets and then the rest of each message, makes objects of it, and queues an event;
that is most of what an answer costs. Here a read takes what is there, each message is cut by its
own length, `take` answers ours from the octets, and all answers leave in one write. What `take`
does not take goes Ryu's way unharmed: echo, errors, other applications' packet-ins.

Ryu makes it through `ryu.controller.controller.datapath_connection_factory`.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from socket import socket
from struct import Struct
from typing import Any

from ryu.controller import ofp_event
from ryu.controller.controller import Datapath
from ryu.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER
from ryu.lib import hub
from ryu.ofproto import ofproto_parser

from ovsdhcp.openflow.admission import Admission
from ovsdhcp.openflow.door import Passage, passing
from ovsdhcp.openflow.endings import MALFORMED_MESSAGE, SILENT, UNREADABLE_MESSAGE, Ending
from ovsdhcp.openflow.wellformed import MalformedError, check

LOG = logging.getLogger("ovsdhcp")

READ_AT_MOST = 1 << 18
"""Octets of one read; after each, other connections have their turn."""

ANSWERS_WITHIN = 2.0
"""Seconds in which a switch that is alive answers an echo request."""

MOST_PORTS = 0xFF00 + 1
"""Open vSwitch numbers them below OFPP_MAX of OpenFlow 1.0, and has a local one."""

_HEADER = Struct("!BBHI")
_SHORTEST = _HEADER.size

Take = Callable[[bytes], bytes | None]
"""A whole message: the octets that answer it, or None where it is not ours to answer."""


class Connection(Datapath):  # type: ignore[misc]  # Ryu carries no types
    """One switch. `begin` is called when it is ready, and may give it a `take`."""

    def __init__(
        self,
        connected: socket,
        address: Any,
        begin: Callable[["Connection"], Take | None],
        passage: Passage,
    ) -> None:
        self._begin = begin
        self._take: Take | None = None
        self._passage = passage
        self._challenged = False
        super().__init__(connected, address)

    def set_state(self, state: str) -> None:
        """Begin in the very moment that the switch is ready, so that no message is in between."""
        super().set_state(state)
        if state == MAIN_DISPATCHER and self._take is None:
            self._passage.ready()
            if self._passage.ending is None:
                self._take = self._begin(self)

    def end(self, ending: Ending, detail: str = "") -> None:
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
        if echo.xid in self.unreplied_echo_requests:
            self.end(SILENT)
        self._challenged = False

    def _echo_request_loop(self) -> None:
        super()._echo_request_loop()
        if len(self.unreplied_echo_requests) > self.max_unreplied_echo_requests:
            self.end(SILENT)

    def _recv_loop(self) -> None:
        try:
            self._read_all()
        finally:
            self.socket.close()

    def _read_all(self) -> None:
        rest = b""
        while self.state != DEAD_DISPATCHER:
            try:
                octets = self.socket.recv(READ_AT_MOST)
            except TimeoutError:  # nothing came
                continue
            except (EOFError, OSError):
                return
            if not octets:
                return
            rest = self._consume(rest + octets)
            hub.sleep(0)

    def _consume(self, octets: bytes) -> bytes:
        """Handle all whole messages, answer what is ours in one write, return what is left."""
        answers: list[bytes] = []
        at, end = 0, len(octets)
        while end - at >= _SHORTEST and self.state != DEAD_DISPATCHER:
            version, kind, length, xid = _HEADER.unpack_from(octets, at)
            if length < _SHORTEST:
                self.end(MALFORMED_MESSAGE, f"a message of {length} octets")
                return b""
            if end - at < length:
                break
            message = octets[at : at + length]
            at += length
            answer = self._answer(message)
            if answer is None:
                self._dispatch(version, kind, length, xid, message)
            elif answer:
                answers.append(answer)
        if answers:
            self.send(b"".join(answers))
        return octets[at:]

    def _answer(self, message: bytes) -> bytes | None:
        """What `take` says; a fault of ours is told, and the message goes Ryu's way."""
        if self._take is None:
            return None
        try:
            return self._take(message)
        except Exception:
            LOG.exception(
                "a message of type %d failed; this is a bug, please report it", message[1]
            )
            return None

    def _dispatch(self, version: int, kind: int, length: int, xid: int, message: bytes) -> None:
        """Ryu's way, for what is well-formed, and in the time that the peer has."""
        self._passage.heard(length)
        try:
            check(message)
        except MalformedError as fault:
            self.end(MALFORMED_MESSAGE, str(fault))
        if self._passage.ending is not None:
            return
        self.unreplied_echo_requests.clear()  # who speaks is alive
        began = time.perf_counter()
        try:
            self._ryus_way(version, kind, length, xid, bytearray(message))
        except Exception as fault:
            self._passage.note(UNREADABLE_MESSAGE, type(fault).__name__, "unread")
        if self._ports and len(self._ports) > MOST_PORTS:
            self.end(MALFORMED_MESSAGE, f"more than {MOST_PORTS} ports")
        self._passage.used(time.perf_counter() - began)

    def _ryus_way(self, version: int, kind: int, length: int, xid: int, octets: bytearray) -> None:
        """An event for those who observe it, then Ryu's own handlers at once.

        Not by `ofproto_parser.msg`: of what it cannot read that one logs every octet.
        """
        parsed = ofproto_parser._MSG_PARSERS[version](self, version, kind, length, xid, octets)
        event = ofp_event.ofp_msg_to_ev(parsed)
        self.ofp_brick.send_event_to_observers(event, self.state)
        for handler in self.ofp_brick.get_handlers(event):
            if self.state in handler.callers[event.__class__].dispatchers:
                handler(event)


def serve(
    begin: Callable[[Connection], Take | None],
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
