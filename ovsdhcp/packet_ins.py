"""The packet-ins of one switch, answered from their octets: the packet path.

A question asked before is answered from memory, in the loop of `PacketIns._answer`; any other goes
to the service, and what it says may be remembered. Either way what is told of it is noted, for the
ring of what happened, and nothing else is done beside.
"""

import logging
import time
from collections.abc import Callable

from ovsdhcp.answers import BOOTREPLY, EXPERIMENTER, PACKET_IN, SUM_TO_XID, Answer, Answers, cut
from ovsdhcp.events import Read, Told
from ovsdhcp.openflow import continuation, messages, pipeline
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.service import Said, Service

LOG = logging.getLogger("ovsdhcp")

_NONE: dict[bytes, Answer] = {}


class PacketIns:
    """Answers the questions that come over one connection; what it remembers is in `answers`."""

    def __init__(
        self,
        service: Service,
        switch: Switch,
        answers: Answers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._switch, self._clock = service, switch, clock
        self._answers = answers
        self._ask = {PACKET_IN: self._punted, EXPERIMENTER: self._paused}

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        """Answer the questions from `at` on; returns where the first other message begins.

        Appends what is to be sent to `answers`. A message that is not whole is another one.
        """
        now = self._clock()
        told: list[Told] = []
        xids: list[int] = []
        end = self._answer(octets, at, answers, told, xids, now)
        if told:
            read = now, self._clock() - now, told, xids
            self._service.ring.append(tuple.__new__(Read, read))
        return end

    def _answer(
        self,
        octets: bytes,
        at: int,
        answers: list[bytes],
        told: list[Told],
        xids: list[int],
        now: float,
    ) -> int:
        # where the switch has no meters, each packet-in is counted before it is answered
        memory = self._answers.found if self._switch.rate_limits is None else _NONE
        find, put, happened, of = memory.get, SUM_TO_XID.pack, told.append, xids.append
        size, header, cutting, length = len(octets), b"", None, 0
        while True:
            if octets[at + 1 : at + 4] != header:  # seldom: most are of one kind and length
                header = octets[at + 1 : at + 4]
                cutting = cut(header)
                length = 0 if cutting is None else cutting.size
            if cutting is None:
                asked, message = b"", messages.whole(octets, at)
            elif at + length > size:
                return at
            else:
                before, fragment, addresses, bootp, xid, rest = cutting.unpack_from(octets, at)
                asked = b"".join((before, fragment, addresses, bootp, rest))
                known = find(asked)
                if known is not None:
                    head, tail, udp_sum, what = known
                    if head:
                        filled = put(0xFFFF - (udp_sum + xid) % 0xFFFF, BOOTREPLY, xid)
                        answers += (head, filled, tail)
                    happened(what)
                    of(xid)
                    at += length
                    continue
                message = octets[at : at + length]
            said = self._asked(message, asked, now) if message else None
            if said is None:
                return at
            answers.append(said.octets)
            if said.told is not None:
                happened(said.told)
                of(said.xid)
            at += len(message)

    def _asked(self, message: bytes, asked: bytes, now: float) -> Said | None:
        """What is to be sent, and told; None for what is no question of ours.

        A fault of ours is told, and the message is left to others.
        """
        ask = self._ask.get(message[1]) if message[0] == messages.VERSION else None
        try:
            return None if ask is None else ask(message, asked, now)
        except Exception:
            LOG.exception("a packet-in failed; this is a bug, please report it")
            return None

    def _punted(self, message: bytes, asked: bytes, now: float) -> Said | None:
        packet_in = messages.read_packet_in(message)
        if packet_in is None or not pipeline.is_ours(packet_in.cookie):
            return None
        if self._switch.rate_limits is not None:
            over = self._service.over_limit(self._switch, packet_in.in_port, now)
            if over is not None:
                return Said(over, packet_in.in_port)
        said = self._service.packet_in(self._switch, packet_in, now)
        self._remember(message, asked, said, messages.PACKET_OUT_FRAME)
        return said

    def _paused(self, message: bytes, asked: bytes, now: float) -> Said | None:
        if not continuation.is_packet_in(message):
            return None
        if self._switch.rate_limits is not None:
            in_port = continuation.in_port(message)
            over = self._service.over_limit(self._switch, in_port, now)
            if over is not None:
                return Said(over, in_port)
        said = self._service.paused(self._switch, message[16:], now)
        self._remember(message, asked, said, continuation.FRAME)
        return said

    def _remember(self, question: bytes, asked: bytes, said: Said, frame_at: int) -> None:
        if said.lasting and asked and said.told and self._answers.asked_before(asked):
            self._answers.keep(said.in_port, question, asked, said.octets, frame_at, said.told)
