"""OFPT_METER_MOD and OFPMP_METER_CONFIG as bytes (OpenFlow 1.3 §A.3.4.5, §A.3.5.9).

METER_MOD     header(8) command(2) flags(2) meter_id(4) band …
METER_CONFIG  header(8) kind(2) flags(2) pad(4), then for each meter
              length(2) flags(2) meter_id(4) band …
band          type(2) length(2) rate(4) burst_size(4) pad(4)
"""

from collections.abc import Iterator
from struct import Struct, pack

from ovsdhcp.openflow.messages import MULTIPART_REQUEST, message
from ovsdhcp.openflow.meters import Meter

METER_MOD = 29
ADD, MODIFY, DELETE = 0, 1, 2
MULTIPART_METER_CONFIG = 10
ALL_METERS = 0xFFFF_FFFF

PKTPS, BURST, STATS = 2, 4, 8
_FLAGS = PKTPS | BURST | STATS
_DROP = 1

_HEAD = Struct("!HHI")
_BAND = Struct("!HHII4x")


def meter_mod(command: int, meter: Meter, xid: int) -> bytes:
    """Add, modify or delete a meter. To delete one deletes every flow that goes through it."""
    band = b"" if command == DELETE else _BAND.pack(_DROP, _BAND.size, meter.rate, meter.burst)
    return message(METER_MOD, xid, _HEAD.pack(command, _FLAGS, meter.number) + band)


def meter_config_request(xid: int) -> bytes:
    """Every meter of the bridge, whoever made it."""
    body = pack("!HH4xI4x", MULTIPART_METER_CONFIG, 0, ALL_METERS)
    return message(MULTIPART_REQUEST, xid, body)


def read_meter_config(reply: bytes) -> Iterator[tuple[int, Meter | None]]:
    """The meters of one reply (the whole message) by number; None is one that we would not make.

    Raises ValueError where a length lies.
    """
    rest = memoryview(reply)[16:]
    while rest:
        if len(rest) < _HEAD.size:
            raise ValueError("a meter's description is cut short")
        length, flags, number = _HEAD.unpack_from(rest)
        if not _HEAD.size <= length <= len(rest):
            raise ValueError(f"a meter's description claims {length} octets")
        yield number, _meter(number, flags, rest[_HEAD.size : length])
        rest = rest[length:]


def _meter(number: int, flags: int, bands: memoryview) -> Meter | None:
    if flags != _FLAGS or len(bands) != _BAND.size:
        return None
    kind, _, rate, burst = _BAND.unpack(bands)
    return Meter(number, rate, burst) if kind == _DROP else None
