"""Questions as keys: the messages that bring them, less the octets that have no say in the answer.

`dhcp.server.answer` says which these are.
"""

from struct import Struct

LONGEST = 1_536
"""Octets of a question and its answer; what is longer is asked anew. With Python's own an answer
of the usual 800 octets takes 1.4 KiB."""

PACKET_IN, EXPERIMENTER = 10, 4
FRAME_AT = {PACKET_IN: 42, EXPERIMENTER: 20}
"""Where the frame begins: behind a match of in_port alone; as the first property."""

_IPV4_UDP = b"\x08\x00\x45"
BOOTREPLY = 0x0201_0600
"""`op`, `htype`, `hlen` and `hops` of every reply."""

SUM_TO_XID = Struct("!HII")
"""From a reply's UDP checksum to its xid: what is put in when it is given again."""

_CUTS: dict[bytes, Struct] = {}


def cut(header: bytes) -> Struct | None:
    """How to cut a question with that type and length, the octets 1 to 3 of its header.

    All pieces but the fifth, which is the xid, make the key. Left out, by their place in the
    frame: IP identification (18) and checksum (24), UDP checksum (40), xid (46), secs (50).
    None for another type, and where the message is too short.
    """
    known = _CUTS.get(header)
    if known is not None:
        return known
    at = FRAME_AT.get(header[0]) if header else None
    if at is None:
        return None
    rest = int.from_bytes(header[1:], "big") - (at + 52)
    if rest < 0:
        return None
    made = _CUTS[header] = Struct(f"!{at + 18}s2x4s2x14s2x4sI2x{rest}s")
    return made


def is_plain(question: bytes) -> bool:
    """Whether the frame is laid out so that what is left out of the key is what it should be."""
    at = FRAME_AT[question[1]]
    return question[at + 12 : at + 15] == _IPV4_UDP and question[at + 23] == 17


def is_plain_reply(reply: bytes, frame_at: int) -> bool:
    """Whether the frame of a reply, which begins there, is laid out so that xid and checksum are
    where they are put in."""
    return reply[frame_at + 12 : frame_at + 15] == _IPV4_UDP
