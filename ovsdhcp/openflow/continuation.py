"""NXT_PACKET_IN2 and NXT_RESUME: a packet that waits in the bridge until it is answered.

A `controller(userdata=…,pause)` action hands over the packet with the state of the pipeline; to
resume sends both back, the packet replaced, and the bridge goes on behind the action. Both
messages are a row of properties (OVS lib/ofp-packet.c, include/openflow/nicira-ext.h):

    type(2) length(2) payload …        padded to 8 octets, the length without the padding
    0 PACKET   3 TABLE_ID   4 COOKIE   5 REASON   6 METADATA   7 USERDATA   8 CONTINUATION
"""

from dataclasses import dataclass
from struct import Struct, pack

from ovsdhcp.dhcp.reasons import PACKET_IN_MALFORMED, WireError
from ovsdhcp.openflow.fields import IN_PORT
from ovsdhcp.openflow.messages import NICIRA, experimenter

RESUME, PACKET_IN2 = 28, 30

PACKET, FULL_LEN, TABLE_ID, COOKIE, REASON, METADATA, USERDATA, CONTINUATION = (
    0,
    1,
    3,
    4,
    5,
    6,
    7,
    8,
)

_PROPERTY = Struct("!HH")
_PACKET_IN2 = pack("!II", NICIRA, PACKET_IN2)


FRAME = 20
"""Where the packet begins in a `resume`: behind the two headers and its property's own."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A packet that was handed over; it `waits` if its flow said `pause`.

    `kept` are the properties that go back as they came, as octets.
    """

    packet: bytes
    table: int
    cookie: int
    reason: int
    metadata: bytes
    userdata: bytes
    waits: bool
    kept: bytes

    @property
    def in_port(self) -> int:
        """The port that it came from, 0 where the metadata does not say."""
        header = IN_PORT.header().to_bytes(4, "big")
        at = 0
        while at + 4 <= len(self.metadata):
            if self.metadata[at : at + 4] == header:
                return int.from_bytes(self.metadata[at + 4 : at + 8], "big")
            at += 4 + self.metadata[at + 3]
        return 0


def is_packet_in(message: bytes) -> bool:
    """Whether an OFPT_EXPERIMENTER (the whole message) is an NXT_PACKET_IN2."""
    return message[8:16] == _PACKET_IN2


def in_port(message: bytes) -> int:
    """The port that a packet-in (the whole message) is from, 0 where it does not say."""
    try:
        return read(message[16:]).in_port
    except WireError:
        return 0


def read(body: bytes) -> Paused:
    """Read the body of an NXT_PACKET_IN2, what follows its experimenter header.

    Raises WireError where a length lies.
    """
    found: dict[int, bytes] = {}
    kept = b""
    at = 0
    while at < len(body):
        kind, length = _property(body, at)
        end = at + length + -length % 8
        found[kind] = body[at + 4 : at + length]
        if kind not in (PACKET, FULL_LEN, METADATA, USERDATA):
            kept += body[at:end].ljust(end - at, b"\0")
        at = end
    return Paused(
        packet=found.get(PACKET, b""),
        table=found.get(TABLE_ID, b"\0")[0],
        cookie=int.from_bytes(found.get(COOKIE, b"")[4:12], "big"),
        reason=found.get(REASON, b"\0")[0],
        metadata=found.get(METADATA, b""),
        userdata=found.get(USERDATA, b""),
        waits=CONTINUATION in found,
        kept=kept,
    )


def _property(body: bytes, at: int) -> tuple[int, int]:
    if at + 4 > len(body):
        raise WireError(PACKET_IN_MALFORMED)
    kind, length = _PROPERTY.unpack_from(body, at)
    least = 5 if kind in (TABLE_ID, REASON) else 4
    if not least <= length <= len(body) - at:
        raise WireError(PACKET_IN_MALFORMED)
    return kind, length


def resume(paused: Paused, packet: bytes, metadata: bytes, xid: int = 0) -> bytes:
    """Let the pipeline go on with this packet and these fields."""
    properties = _packed(PACKET, packet) + _packed(METADATA, metadata) + paused.kept
    return experimenter(NICIRA, RESUME, properties, xid)


def _packed(kind: int, payload: bytes) -> bytes:
    octets = _PROPERTY.pack(kind, 4 + len(payload)) + payload
    return octets + bytes(-len(octets) % 8)


def readdressed(question: bytes, answer: bytes) -> bytes:
    """The answer as table 23 wants it: in the envelope of the question, which it turns round.

    Ethernet header, IPv4 source and UDP ports stay the client's; the IPv4 destination is the
    answer's, since the flows leave it alone. OVS keeps a checksum right when it rewrites what the
    sum covers, so it only has to be right before.
    """
    theirs, ours = _ip_at(question), _ip_at(answer)
    head, payload = answer[ours : ours + 12], answer[ours + 28 :]
    addresses = question[theirs + 12 : theirs + 16] + answer[ours + 16 : ours + 20]
    ip = head[:10] + _checksum(head[:10] + addresses) + addresses
    ports_at = theirs + 4 * (question[theirs] & 0x0F)
    length = answer[ours + 24 : ours + 26]
    udp = question[ports_at : ports_at + 4] + length
    udp += _checksum(addresses + b"\0\x11" + length + udp + payload)
    return question[:theirs] + ip + udp + payload


def _ip_at(frame: bytes) -> int:
    """Where the IPv4 header begins, behind up to two tags."""
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return at + 2


def _checksum(octets: bytes) -> bytes:
    """RFC 1071, as 1 to 0xffff: a sum of 0 is sent as 0xffff, which is the same (RFC 768)."""
    total = int.from_bytes(octets + bytes(len(octets) % 2), "big") % 0xFFFF
    return (0xFFFF - total).to_bytes(2, "big")
