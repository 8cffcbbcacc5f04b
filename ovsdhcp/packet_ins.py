"""The packet-ins of one switch, answered from their octets: the packet path.

A question asked before is answered from memory, in the loop of `PacketIns.answer`; any other goes
to the service, and what it says is remembered. Either way one tuple is appended to the ring of
what happened, and nothing else is done beside.
"""

import logging
import time
from collections.abc import Callable

from ovsdhcp.answers import BOOTREPLY, EXPERIMENTER, PACKET_IN, SUM_TO_XID, Answer, Answers, cut
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
        clock, happened = self._clock, self._service.ring.append
        # where the switch has no meters, each packet-in is counted before it is answered
        memory = self._answers.found if self._switch.rate_limits is None else _NONE
        find, put, size = memory.get, SUM_TO_XID.pack, len(octets)
        now = clock()
        while True:
            cutting = cut(octets[at + 1 : at + 4])
            if cutting is None:
                message = messages.whole(octets, at)
                said = self._asked(message, b"", now) if message else None
                if said is None:
                    return at
                answers.append(said)
                at += len(message)
                continue
            if at + cutting.size > size:
                return at
            before, fragment, addresses, bootp, xid, rest = cutting.unpack_from(octets, at)
            asked = b"".join((before, fragment, addresses, bootp, rest))
            known = find(asked)
            if known is not None:
                head, tail, udp_sum, exchange, client = known
                if head:
                    filled = put(0xFFFF - (udp_sum + xid) % 0xFFFF, BOOTREPLY, xid)
                    answers += (head, filled, tail)
                happened((exchange, xid, now, clock() - now, client))
            else:
                said = self._asked(octets[at : at + cutting.size], asked, now)
                if said is None:
                    return at
                answers.append(said)
            at += cutting.size

    def _asked(self, message: bytes, asked: bytes, now: float) -> bytes | None:
        """What the service says; None for what is no question of ours.

        A fault of ours is told, and the message is left to others.
        """
        ask = self._ask.get(message[1]) if message[0] == messages.VERSION else None
        try:
            return None if ask is None else ask(message, asked, now)
        except Exception:
            LOG.exception("a packet-in failed; this is a bug, please report it")
            return None

    def _punted(self, message: bytes, asked: bytes, now: float) -> bytes | None:
        packet_in = messages.read_packet_in(message)
        if packet_in is None or not pipeline.is_ours(packet_in.cookie):
            return None
        over = self._service.over_limit(self._switch, packet_in.in_port, now)
        if over is not None:
            return over
        said = self._service.packet_in(self._switch, packet_in, now)
        reply = messages.packet_out(packet_in.in_port, said.octets) if said.octets else b""
        self._remember(message, asked, said, reply, messages.PACKET_OUT_FRAME)
        return reply

    def _paused(self, message: bytes, asked: bytes, now: float) -> bytes | None:
        if not continuation.is_packet_in(message):
            return None
        if self._switch.rate_limits is not None:
            over = self._service.over_limit(self._switch, continuation.in_port(message), now)
            if over is not None:
                return over
        said = self._service.paused(self._switch, message[16:], now)
        if said is None:
            return b""
        self._remember(message, asked, said, said.octets, continuation.FRAME)
        return said.octets

    def _remember(
        self, question: bytes, asked: bytes, said: Said, reply: bytes, frame_at: int
    ) -> None:
        if said.lasting and asked:
            told = said.exchange, said.client
            self._answers.keep(said.in_port, question, asked, reply, frame_at, told)
