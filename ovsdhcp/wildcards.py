"""Questions like one asked before but for the client identifier, and their answers: Open vSwitch's
megaflow cache, a storey higher.

The engine only copies option 61 (`dhcp.server.answer`), so one answer serves all questions that
differ in nothing else, with the identifier and its checksum put in. The engine alone decides: the
same question with yet another identifier is put to it before an answer is kept, and it is kept
only if both answers, and what is told of both, are what this makes of it.
"""

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from ovsdhcp.dhcp.message import CLIENT_ID, END, PAD, Client
from ovsdhcp.events import Tally, Told
from ovsdhcp.questions import BOOTREPLY, FRAME_AT, LONGEST, SUM_TO_XID

_OF_A_LENGTH = 4
"""Places of the identifier that are tried for questions of one length."""

_OPTIONS = 42 + 240
"""From a plain frame to its options (RFC 2131 figure 1)."""

_UDP_LENGTH = 38

_NO_KEY = b"\xff"
"""What begins a key here, and no message of OpenFlow."""


class Wildcard(NamedTuple):
    """Where questions of one length have an identifier, and how they are cut around it.

    Its value begins `at` an octet of the message, behind the two of `option`. All pieces make the
    key but the fifth, which is the xid, and the last but one, which is the identifier; left out is
    what `questions.cut` leaves out.
    """

    at: int
    option: bytes
    cutting: Struct
    mark: bytes


class Masked(NamedTuple):
    """A question without its identifier, as a key, and what it had there."""

    key: bytes
    client_id: bytes
    xid: int
    at: int


class Wildcarded(NamedTuple):
    """An answer around xid and identifier: octets before the UDP checksum, between the two, and
    behind; the checksum's sum for both of them 0; and by how many bits the identifier is off a
    whole word there. All empty for silence.

    And what is told of it: the tally, and all of who asked but the identifier.
    """

    head: bytes
    between: bytes
    tail: bytes
    udp_sum: int
    shift: int
    tally: Tally
    mac: bytes
    said: tuple[bytes | None, ...]


_KNOWN: dict[bytes, tuple[Wildcard, ...]] = {}
"""By the type and length of a message: those that were found last, the latest first.

Who has it in many places has others look for theirs again, at a microsecond or two each time.
"""


def masked(question: bytes) -> Masked | None:
    """Cut a whole message that brings a plain frame. None where no identifier is found in it."""
    header = question[1:4]
    for wildcard in _KNOWN.get(header, ()):
        at, option, cutting, mark = wildcard
        if question.startswith(option, at - 2):
            break
    else:
        made = _learnt(question, header)
        if made is None:
            return None
        at, option, cutting, mark = made
    before, fragment, addresses, bootp, xid, upto, client_id, rest = cutting.unpack(question)
    key = b"".join((mark, before, fragment, addresses, bootp, upto, rest))
    return tuple.__new__(Masked, (key, client_id, xid, at))


def _learnt(question: bytes, header: bytes) -> Wildcard | None:
    at = _place(question) if len(question) <= LONGEST else None
    if at is None:
        return None
    made = _wildcard(header, at, question[at - 1])
    _KNOWN[header] = (made, *_KNOWN.get(header, ())[: _OF_A_LENGTH - 1])
    return made


def _place(question: bytes) -> int | None:
    """Where the first option 61 has its value, if that is where options are as a rule."""
    frame = FRAME_AT[question[1]]
    length = int.from_bytes(question[frame + _UDP_LENGTH : frame + _UDP_LENGTH + 2], "big")
    at, end = frame + _OPTIONS, min(frame + 34 + length, len(question))
    if question.find(CLIENT_ID, at, end) < 0:
        return None
    while at + 1 < end:
        code = question[at]
        if code == END:
            return None
        start = at + 2
        if code == CLIENT_ID:
            return start if start + question[at + 1] <= end else None
        at = at + 1 if code == PAD else start + question[at + 1]
    return None


@lru_cache(maxsize=1024)
def _wildcard(header: bytes, at: int, length: int) -> Wildcard:
    frame = FRAME_AT[header[0]]
    upto = at - (frame + 52)
    rest = int.from_bytes(header[1:], "big") - at - length
    cutting = Struct(f"!{frame + 18}s2x4s2x14s2x4sI2x{upto}s{length}s{rest}s")
    mark = _NO_KEY + at.to_bytes(2, "big")
    return Wildcard(at, bytes((CLIENT_ID, length)), cutting, mark)


def with_another(question: bytes, wanted: Masked) -> bytes:
    """The same question with an identifier of which every bit is another."""
    at, end = wanted.at, wanted.at + len(wanted.client_id)
    return question[:at] + _another(wanted.client_id) + question[end:]


def _another(client_id: bytes) -> bytes:
    return bytes(octet ^ 0xFF for octet in client_id)


Answered = tuple[bytes, Told]
"""A message, or nothing; and what is told of it."""


def wildcarded(
    asked: Masked, answered: Answered, another: Answered, frame_at: int
) -> Wildcarded | None:
    """The answer to all such questions; None if it is not what these two were answered.

    `another` is the answer to `with_another`. The frame begins `frame_at` an octet of a reply.
    """
    reply, (tally, client) = answered
    if client is None:
        return None
    mac, _, *said = client
    pieces = _pieces(reply, another[0], asked, frame_at) if reply else (b"", b"", b"", 0, 0)
    if pieces is None:
        return None
    made = Wildcarded(*pieces, tally, mac, tuple(said))
    other = asked._replace(client_id=_another(asked.client_id))
    for whose, (octets, told) in ((asked, answered), (other, another)):
        if put(made, whose) != (octets, told):
            return None
    return made


def _pieces(
    reply: bytes, another: bytes, asked: Masked, frame_at: int
) -> tuple[bytes, bytes, bytes, int, int] | None:
    """The octets of a `Wildcarded`, its sum, and its shift."""
    sum_at, xid_end = frame_at + 40, frame_at + 50
    pairs = zip(reply[xid_end:], another[xid_end:], strict=False)
    start = next((at for at, (one, other) in enumerate(pairs, xid_end) if one != other), None)
    if start is None:
        return None
    end = start + len(asked.client_id)
    udp_sum, _, xid = SUM_TO_XID.unpack_from(reply, sum_at)
    shift = 8 * ((end - frame_at) & 1)
    number = int.from_bytes(asked.client_id, "big") << shift
    without = (0xFFFF - udp_sum - xid - number) % 0xFFFF
    return reply[:sum_at], reply[xid_end:start], reply[end:], without, shift


def put(found: Wildcarded, asked: Masked) -> Answered:
    """What a question is answered."""
    head, between, tail, udp_sum, shift, tally, mac, said = found
    _, client_id, xid, _ = asked
    told = tally, tuple.__new__(Client, (mac, client_id, *said))
    if not head:
        return b"", told
    udp_sum += xid + (int.from_bytes(client_id, "big") << shift)
    checked = SUM_TO_XID.pack(0xFFFF - udp_sum % 0xFFFF, BOOTREPLY, xid)
    return b"".join((head, checked, between, client_id, tail)), told
