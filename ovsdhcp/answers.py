"""Questions asked before and their answers: Open vSwitch's exact-match cache, a storey higher.

A client that renews sends the same octets each time but for a few that the engine does not look
at (`dhcp.server.answer` says which). So an answer is kept under all the other octets of the
message that brought the question, and given again with the new xid and the checksum that goes
with it. The engine alone decides; this only remembers what it said to the very same octets.

An answer is kept when its question comes for the second time: most that are asked once, those of
a client's start, are never asked again, and to keep one costs a third of what the engine does.
Where a question comes for the second time but with another client identifier, what is kept serves
all that differ in that alone (`wildcards`).

What is kept is bounded for each binding, so for each port, and in all. A client that asks
ever more pushes out only its own; when everything is full, the port that holds the most
gives up some.
"""

from array import array
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from ovsdhcp.events import Tally, Told
from ovsdhcp.questions import LONGEST, SUM_TO_XID, is_plain_reply
from ovsdhcp.shards import Shards
from ovsdhcp.wildcards import Wildcarded

MOST = 131_072
"""Answers in all."""

_FIRST = 87_381
"""Answers in the first of two dicts: with one more it would grow, in one go of up to 20 ms.

It is still made anew now and then where some of so many are forgotten and others come, since a dict
does not use a place again.
"""

_WILDCARDED = 43_690
"""Answers to all who differ in the client identifier alone; with one more their dict would grow."""

OF_A_CLIENT = 8
"""Answers of one binding, and of all the strangers behind one port together."""

_GIVEN_UP = 256
"""Answers that the port with the most loses at once when all are too many."""

_PLACE_BITS = 21
_PLACES = 1 << _PLACE_BITS
_MARKS = 0xFFFF
"""A place has the mark of a question, since not every first one is worth keeping. A mark is one of
so many, that a new question hardly ever seems to be an old one: to keep a few thousand of those
scatters what is asked again, and an answer then takes up to a fifth longer."""

_WAYS = 4
"""Places that a question's mark may be in, the latest first. With one alone, two questions that
share it would each take it from the other for ever, and go to the engine each time: of 100,000
clients that renew it was one in 20."""

_TAKEN_APART = 2_000
"""Answers that are taken apart between two pauses: a millisecond's work."""

Whose = tuple[str, bytes] | None
"""A binding's port and address (four octets); None for a MAC that the table does not know."""


Answer = tuple[bytes, bytes, int, Told]
"""What was said: the octets before the UDP checksum, those behind the xid, and the checksum's sum
for an xid of 0. All empty for silence. And what is told of it.

Without names for these, since Python takes a tuple alone apart without an iterator."""

Found = tuple[dict[bytes, Answer], dict[bytes, Answer]]
"""Where to look for what was said, by the key that `questions.cut` leaves: first here, then there.
"""


_A = TypeVar("_A")


@dataclass(slots=True)
class _Shelf:
    """The questions of one port, by whose they are; each one's eldest first."""

    of: Shards[Whose, tuple[bytes, ...]] = field(default_factory=Shards)
    held: int = 0


class Answers:
    """What was said on one connection. `found` is for the packet path to look into, one after the
    other: what there is no room for in the first is in the second. So is `wildcarded`, by the key
    that `wildcards.masked` makes.
    """

    def __init__(self, memory: "Memory", bridge: str) -> None:
        self.bridge = bridge
        self.found: Found = {}, {}
        self.wildcarded: dict[bytes, Wildcarded] = {}
        self.asked_before = memory.asked_before
        self._memory = memory
        self._shelves: dict[int, _Shelf] = {}

    def keep(self, ofport: int, asked: bytes, reply: bytes, at: int, told: Told) -> None:
        """Remember what a plain question with the key `asked` was answered with.

        `reply` is a whole message, and its frame begins `at` an octet of it; or it is empty.
        `told` is what is told of it each time.
        """
        if not reply:
            self._keep(ofport, asked, (b"", b"", 0, told))
        elif is_plain_reply(reply, at):
            sum_at, xid_end = at + 40, at + 50
            udp_sum, _, xid = SUM_TO_XID.unpack_from(reply, sum_at)
            sum_without = (0xFFFF - udp_sum - xid) % 0xFFFF
            self._keep(ofport, asked, (reply[:sum_at], reply[xid_end:], sum_without, told))

    def keep_wildcarded(self, ofport: int, key: bytes, answer: Wildcarded) -> None:
        """Remember what all questions with that key are answered with."""
        octets = len(key) + len(answer.head) + len(answer.between) + len(answer.tail)
        if octets <= LONGEST and len(self.wildcarded) < _WILDCARDED:
            self._place(ofport, key, answer.tally, self.wildcarded, answer)

    def forget_port(self, ofport: int) -> None:
        """The port is another, or has other bindings."""
        shelf = self._shelves.pop(ofport, None)
        if shelf is not None:
            for whose in shelf.of:
                self._forget(shelf, whose)

    def forget_binding(self, whose: Whose) -> None:
        """The state of a binding is another, and with it what its client is told."""
        for shelf in self._shelves.values():
            self._forget(shelf, whose)

    def forget_all(self) -> None:
        """The bridge is another one by now."""
        for ofport in list(self._shelves):
            self.forget_port(ofport)

    def forget_client(self, ofport: int, whose: Whose) -> None:
        """What a port's binding is told is something else."""
        shelf = self._shelves.get(ofport)
        if shelf is not None:
            self._forget(shelf, whose)

    def held(self, ofport: int) -> int:
        """How many answers there are for a port."""
        shelf = self._shelves.get(ofport)
        return 0 if shelf is None else shelf.held

    def forget_at_once(self) -> Generator[None, None, None]:
        """Forget all from now on; to be run to its end, for what is forgotten to be taken apart.

        It yields where the others may have their turn.
        """
        found, self.found = self.found, ({}, {})
        wildcarded, self.wildcarded = self.wildcarded, {}
        self._memory.held -= sum(shelf.held for shelf in self._shelves.values())
        shelves, self._shelves = self._shelves, {}
        parts = (shelf.of.parts() for shelf in shelves.values())
        return _taken_apart([*found, wildcarded, *chain.from_iterable(parts)])

    def close(self) -> None:
        """The connection has ended."""
        self.forget_all()
        self._memory.connections.remove(self)

    def most(self) -> tuple[int, int]:
        """How many answers the port has that has the most, and its number."""
        return max(((shelf.held, at) for at, shelf in self._shelves.items()), default=(0, 0))

    def give_up(self, ofport: int, count: int) -> None:
        """Forget about so many answers of a port."""
        shelf = self._shelves[ofport]
        least = shelf.held - count
        while shelf.of and shelf.held > least:
            self._forget(shelf, shelf.of.eldest())

    def _keep(self, ofport: int, asked: bytes, answer: Answer) -> None:
        first, second = self.found
        head, tail, _, told = answer
        if len(asked) + len(head) + len(tail) > LONGEST:
            return
        if asked in first or asked in second:
            return
        into = first if len(first) < _FIRST else second
        self._place(ofport, asked, told[0], into, answer)

    def _place(
        self, ofport: int, asked: bytes, tally: Tally, into: dict[bytes, _A], answer: _A
    ) -> None:
        shelf = self._shelves.get(ofport)
        if shelf is None:
            shelf = self._shelves[ofport] = _Shelf()
        binding = tally.exchange.binding
        whose = None if binding is None else (binding.port, binding.address_octets)
        kept = shelf.of.get(whose) or ()
        into[asked] = answer
        if len(kept) == OF_A_CLIENT:
            self._drop(kept[0])
            shelf.of[whose] = (*kept[1:], asked)
        else:
            shelf.of[whose] = (*kept, asked)
            self._count(shelf, 1)
            self._memory.make_room()

    def _forget(self, shelf: _Shelf, whose: Whose) -> None:
        kept = shelf.of.pop(whose) or ()
        for asked in kept:
            self._drop(asked)
        self._count(shelf, -len(kept))

    def _drop(self, asked: bytes) -> None:
        first, second = self.found
        if first.pop(asked, None) is None and second.pop(asked, None) is None:
            del self.wildcarded[asked]

    def _count(self, shelf: _Shelf, more: int) -> None:
        shelf.held += more
        self._memory.held += more


def _taken_apart(mappings: list[dict[Any, Any]]) -> Generator[None, None, None]:
    for mapping in mappings:
        while mapping:
            for _ in range(min(len(mapping), _TAKEN_APART)):
                mapping.popitem()
            yield


class Memory:
    """All that is remembered, over all connections."""

    def __init__(self, most: int = MOST) -> None:
        self.held = 0
        """How many answers there are."""
        self._most = most
        self.connections: list[Answers] = []
        self._marks = array("H", bytes(2 * _PLACES))

    def of(self, bridge: str) -> Answers:
        """A place for the answers of a new connection to a bridge."""
        answers = Answers(self, bridge)
        self.connections.append(answers)
        return answers

    def asked_before(self, asked: bytes) -> bool:
        """Whether a question with that key was asked before, as it seems; from now on it was."""
        number = hash(asked)
        first, mark = number % _PLACES & -_WAYS, (number >> _PLACE_BITS) % _MARKS + 1
        end = first + _WAYS
        marks = self._marks[first:end]
        if mark in marks:
            return True
        self._marks[first] = mark
        self._marks[first + 1 : end] = marks[:-1]
        return False

    def forget_binding(self, bridge: str, whose: Whose) -> None:
        """The state of a binding is another."""
        for answers in self.connections:
            if answers.bridge == bridge:
                answers.forget_binding(whose)

    def make_room(self) -> None:
        """Have the port that holds the most give up some, if there are too many."""
        if self.held > self._most:
            (_, ofport), answers = max(
                ((answers.most(), answers) for answers in self.connections),
                key=lambda pair: pair[0][0],
            )
            answers.give_up(ofport, min(_GIVEN_UP, self.held))
