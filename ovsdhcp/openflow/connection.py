"""A switch's connection as Ryu knows it, read in large pieces, our packet-ins answered at once.

Ryu reads eight octets and then the rest of each message, makes objects of it, and queues an event;
that is most of what an answer costs. Here a read takes what is there, each message is cut by its
own length, `take` answers ours from the octets, and all answers leave in one write. What `take`
does not take goes Ryu's way unharmed: echo, errors, other applications' packet-ins.

Ryu makes it through `ryu.controller.controller.datapath_connection_factory`.
"""

import logging
import ssl
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

LOG = logging.getLogger("ovsdhcp")

READ_AT_MOST = 1 << 18
"""Octets of one read; after each, other connections have their turn."""

_HEADER = Struct("!BBHI")
_SHORTEST = _HEADER.size

Take = Callable[[bytes], bytes | None]
"""A whole message: the octets that answer it, or None where it is not ours to answer."""


class Connection(Datapath):  # type: ignore[misc]  # Ryu carries no types
    """One switch. `begin` is called when it is ready, and may give it a `take`."""

    def __init__(
        self, connected: socket, address: Any, begin: Callable[["Connection"], Take | None]
    ) -> None:
        self._begin = begin
        self._take: Take | None = None
        super().__init__(connected, address)

    def set_state(self, state: str) -> None:
        """Begin in the very moment that the switch is ready, so that no message is in between."""
        super().set_state(state)
        if state == MAIN_DISPATCHER and self._take is None:
            self._take = self._begin(self)

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
            except (TimeoutError, ssl.SSLError):  # eventlet's time-outs: nothing came
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
                LOG.warning("%s: a message that claims %d octets; closed", self.address, length)
                self.close()
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
        """Ryu's way: an event for those who observe it, then Ryu's own handlers at once."""
        parsed = ofproto_parser.msg(self, version, kind, length, xid, bytearray(message))
        if not parsed:
            return
        event = ofp_event.ofp_msg_to_ev(parsed)
        self.ofp_brick.send_event_to_observers(event, self.state)
        for handler in self.ofp_brick.get_handlers(event):
            if self.state in handler.callers[event.__class__].dispatchers:
                handler(event)


def serve(begin: Callable[[Connection], Take | None], connected: socket, address: Any) -> None:
    """Ryu's datapath_connection_factory, once `begin` is bound: serve a connection to its end."""
    with closing(Connection(connected, address, begin)) as connection:
        try:
            connection.serve()
        except Exception as error:
            LOG.warning("%s: closed, Ryu cannot read it: %r", address, error)
