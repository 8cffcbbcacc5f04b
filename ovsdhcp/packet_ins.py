"""The packet-ins of one switch, answered from their octets: the packet path.

A question asked before is answered from memory, in the loop of `PacketIns._alike`; any other
goes to the service, and what it says may be remembered. Either way it is counted once all answers
of a read are sent, and nothing else is done beside.
"""

import logging
import time
from collections.abc import Callable
from struct import Struct

from ovsdhcp import wildcards
from ovsdhcp.answers import Answers, Found
from ovsdhcp.events import Told
from ovsdhcp.openflow import continuation, messages, pipeline
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.questions import BOOTREPLY, EXPERIMENTER, PACKET_IN, SUM_TO_XID, cut, is_plain
from ovsdhcp.service import Said, Service
from ovsdhcp.wildcards import Masked

LOG = logging.getLogger("ovsdhcp")

_NONE: Found = {}, {}

_REPLY_AT = {PACKET_IN: messages.PACKET_OUT_FRAME, EXPERIMENTER: continuation.FRAME}
"""Where the frame begins in a reply to such a message."""


_Noted = tuple[list[Told], list[int], list[bytes]]
"""What is told of questions that are not counted yet, their xids, and the pieces of what is to be
sent."""


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
        self._noted: tuple[list[Told], list[int]] = [], []
        self._read_at = 0.0

    def answer(self, octets: bytes, at: int, answers: list[bytes]) -> int:
        """Answer the questions from `at` on; returns where the first other message begins.

        Appends what is to be sent to `answers`. A message that is not whole is another one.
        """
        now = self._clock()
        if not self._noted[0]:
            self._read_at = now
        return self._answer(octets, at, (*self._noted, answers), now)

    def sent(self) -> None:
        """Count what was answered since the last call: its answers are on their way."""
        told, xids = self._noted
        if told:
            self._noted = [], []
            self._service.tallies.note(told, xids, self._read_at, self._clock() - self._read_at)

    def _answer(self, octets: bytes, at: int, noted: _Noted, now: float) -> int:
        more = True
        while more and at < len(octets):
            cutting = cut(octets[at + 1 : at + 4])
            if cutting is None:
                message = messages.whole(octets, at)
                more = bool(message) and self._is_answered(message, b"", noted, now)
                at += len(message) if more else 0
            else:
                at, more = self._alike(cutting, octets, at, noted, now)
        return at

    def _alike(
        self, cutting: Struct, octets: bytes, at: int, noted: _Noted, now: float
    ) -> tuple[int, bool]:
        """Answer the questions from `at` on, all cut alike; where that ends, and whether
        what follows is one of another length. Cut like these, such a one is found nowhere.
        """
        # where the switch has no meters, each packet-in is counted before it is answered
        first, second = self._answers.found if self._switch.rate_limits is None else _NONE
        all_told, all_xids, answers = noted
        find, find_too, put = first.get, second.get, SUM_TO_XID.pack
        told, xids = all_told.append, all_xids.append
        size, header = cutting.size, octets[at + 1 : at + 4]
        alike = memoryview(octets)[at : len(octets) - (len(octets) - at) % size]
        for before, fragment, addresses, bootp, xid, rest in cutting.iter_unpack(alike):
            asked = b"".join((before, fragment, addresses, bootp, rest))
            known = find(asked)
            if known is None:
                known = find_too(asked)
            if known is not None:
                head, tail, udp_sum, what = known
                if head:
                    answers += (head, put(0xFFFF - (udp_sum + xid) % 0xFFFF, BOOTREPLY, xid), tail)
                told(what)
                xids(xid)
            elif octets[at + 1 : at + 4] != header:
                return at, True
            elif not self._is_answered(octets[at : at + size], asked, noted, now):
                return at, False
            at += size
        return at, octets[at + 1 : at + 4] != header

    def _is_answered(self, message: bytes, asked: bytes, noted: _Noted, now: float) -> bool:
        """Whether it is a question of ours; then it is answered, as another was that differs in the
        client identifier alone, or by the engine.

        A fault of ours is told, and the message is left to others.
        """
        masked = wildcards.masked(message) if asked and self._switch.rate_limits is None else None
        known = None if masked is None else self._answers.wildcarded.get(masked[0])
        all_told, xids, answers = noted
        if masked is not None and known is not None:
            octets, told = wildcards.put(known, masked)
            answers.append(octets)
            all_told.append(told)
            xids.append(masked[2])
            return True
        said = self._said(message, asked, masked, now)
        if said is None:
            return False
        answer, _, _, what, xid = said
        answers.append(answer)
        if what is not None:
            all_told.append(what)
            xids.append(xid)
        return True

    def _said(self, message: bytes, asked: bytes, masked: Masked | None, now: float) -> Said | None:
        """What the engine says to a question of ours, which may be kept."""
        ask = self._ask.get(message[1]) if message[0] == messages.VERSION else None
        try:
            said = None if ask is None else ask(message, now)
            if said is not None and said.lasting and asked:
                self._remember(message, asked, masked, said, now)
        except Exception:
            LOG.exception("a packet-in failed; this is a bug, please report it")
            return None
        return said

    def _punted(self, message: bytes, now: float) -> Said | None:
        packet_in = messages.read_packet_in(message)
        if packet_in is None or not pipeline.is_ours(packet_in.cookie):
            return None
        if self._switch.rate_limits is not None:
            over = self._service.over_limit(self._switch, packet_in.in_port, now)
            if over is not None:
                return Said(over, packet_in.in_port)
        return self._service.packet_in(self._switch, packet_in, now)

    def _paused(self, message: bytes, now: float) -> Said | None:
        if not continuation.is_packet_in(message):
            return None
        if self._switch.rate_limits is not None:
            in_port = continuation.in_port(message)
            over = self._service.over_limit(self._switch, in_port, now)
            if over is not None:
                return Said(over, in_port)
        return self._service.paused(self._switch, message[16:], now)

    def _remember(
        self, question: bytes, asked: bytes, masked: Masked | None, said: Said, now: float
    ) -> None:
        """Keep what was said, where it was asked before; or what all are told who are like it."""
        octets, in_port, _, told, _ = said
        if told is None or not is_plain(question):
            return
        frame_at = _REPLY_AT[question[1]]
        if self._answers.asked_before(asked):
            self._answers.keep(in_port, asked, octets, frame_at, told)
        elif masked is not None and self._answers.asked_before(masked[0]):
            another = self._ask[question[1]](wildcards.with_another(question, masked), now)
            if another is not None and another.lasting and another.told is not None:
                answers = (octets, told), (another.octets, another.told)
                answer = wildcards.wildcarded(masked, *answers, frame_at)
                if answer is not None:
                    self._answers.keep_wildcarded(in_port, masked.key, answer)
