"""The door of the OpenFlow channel: sockets, clock and log around `Admission`.

Every connection passes it, whoever accepted it, and leaves by it; what was wrong is said with a
stable code, once a minute for each address.
"""

import logging
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

from ryu.lib import hub

from ovsdhcp.dhcp.reasons import Reason
from ovsdhcp.openflow.admission import Admission
from ovsdhcp.openflow.endings import TLS_REFUSED
from ovsdhcp.openflow.listener import hang_up

LOG = logging.getLogger("ovsdhcp")

EXPIRE_EVERY = 1.0
ONE_TURN = 0.01
"""Seconds of Ryu's time after which other connections have their turn."""


class Passage:
    """One connection on its way through the door; `ending` is why we ended it, if we did."""

    def __init__(self, admission: Admission, connected: socket, address: Any) -> None:
        self.ending: Reason | None = None
        self._admission, self._connected = admission, connected
        self._host, self._peer = _peer_of(address)
        self._turn = 0.0
        self._visit = admission.enter(self._host, self.end, time.monotonic())

    def end(self, ending: Reason, detail: str = "") -> None:
        """Hang up, and say why; only the first reason counts."""
        if self.ending is None:
            self.ending = ending
            self.note(ending, detail, "closed")
            hang_up(self._connected)

    def note(self, ending: Reason, detail: str, event: str) -> None:
        """Count it, and say it unless that was just done."""
        unsaid = self._admission.ended(self._host, ending, time.monotonic())
        if unsaid is not None:
            words = [f"event={event} peer={self._peer} reason={ending.code}"]
            words += [f'detail="{detail}"'] if detail else []
            words += [f"unsaid={unsaid}"] if unsaid else []
            LOG.warning("%s", " ".join(words))

    def secure(self) -> bool:
        """Do the TLS handshake where there is one to do; whether the peer may go on."""
        if not isinstance(self._connected, ssl.SSLSocket):
            return True
        try:
            self._connected.settimeout(self._admission.limits.handshake)
            self._connected.do_handshake()
        except OSError as error:  # ssl.SSLError and time-outs are
            self.end(TLS_REFUSED, _plain(error))
        return self.ending is None

    def heard(self, octets: int) -> None:
        """A message of so many octets came."""
        ending = self._admission.heard(self._visit, octets)
        if ending is not None:
            self.end(ending)

    def ready(self) -> None:
        """The peer has become a switch."""
        ending = self._admission.ready(self._visit)
        if ending is not None:
            self.end(ending)

    def used(self, seconds: float) -> None:
        """So much of Ryu's time went into a message: others have their turn, or it has to rest."""
        rest = self._admission.spent(self._visit, seconds, time.monotonic())
        self._turn += seconds
        if rest or self._turn > ONE_TURN:
            self._turn = 0.0
            hub.sleep(rest)

    def leave(self) -> None:
        """It is over."""
        self._admission.leave(self._visit)


def _peer_of(address: Any) -> tuple[str, str]:
    """Whose limits count, and how the log calls a peer: by a Unix socket it is the path."""
    if isinstance(address, str):
        return address, f"unix:{address}"
    return address[0], "{}:{}".format(*address)


def _plain(error: OSError) -> str:
    """What an error says, without the quotes that would end the detail."""
    return str(error.strerror or error).replace('"', "'")


@contextmanager
def passing(admission: Admission, connected: socket, address: Any) -> Iterator[Passage]:
    """Let a connection in, and whatever happens out again."""
    passage = Passage(admission, connected, address)
    try:
        yield passage
    finally:
        passage.leave()
        connected.close()


def expire(admission: Admission) -> None:
    """Watch over handshakes, for ever."""
    while True:
        hub.sleep(EXPIRE_EVERY)
        admission.expire(time.monotonic())
