"""Which messages a switch sends of its own accord, to which of its connections, and how whole.

Open vSwitch keeps all of this by connection (ofproto/connmgr.c).
"""

from struct import pack

from ovsdhcp.openflow.flow import CONTROLLER, WHOLE_FRAME
from ovsdhcp.openflow.messages import (
    NICIRA,
    NO_BUFFER,
    OFPR_ACTION,
    PACKET_OUT,
    experimenter,
    message,
)

SET_CONFIG = 9
SET_PACKET_IN_FORMAT, SET_CONTROLLER_ID, SET_ASYNC_CONFIG2 = 16, 20, 27
NXAST_CONTROLLER = 20
NXPIF_STANDARD, NXPIF_NXT_PACKET_IN2 = 0, 2
OFPACPT_PACKET_IN_MASTER, OFPACPT_PORT_STATUS_MASTER, OFPACPT_FLOW_REMOVED_MASTER = 1, 3, 5
_REASONS = {
    OFPACPT_PACKET_IN_MASTER: 0b111,
    OFPACPT_PORT_STATUS_MASTER: 0b111,
    OFPACPT_FLOW_REMOVED_MASTER: 0b11_1111,
}
"""All that there are, Open vSwitch's own among them."""


def of_any_removal(xid: int) -> bytes:
    """Tell of every flow that goes, whatever the reason; all else as it was.

    By default OpenFlow 1.3 says nothing of flows that went with a meter that somebody deleted.
    """
    return _async_config(xid, {OFPACPT_FLOW_REMOVED_MASTER})


def of_everything(xid: int) -> bytes:
    """Tell of packets, ports and flows, whatever the reason."""
    return _async_config(xid, set(_REASONS))


def of_packets_alone(xid: int) -> bytes:
    """Tell of packets, whatever the reason, and of nothing else."""
    return _async_config(xid, {OFPACPT_PACKET_IN_MASTER}, set(_REASONS))


def of_nothing(xid: int) -> bytes:
    """Say nothing that was not asked for."""
    return _async_config(xid, set(), set(_REASONS))


def _async_config(xid: int, wanted: set[int], named: set[int] | None = None) -> bytes:
    """NXT_SET_ASYNC_CONFIG2, a row of properties: type(2) length(2) reasons(4).

    What is not `named` stays as it is.
    """
    masks = {kind: _REASONS[kind] if kind in wanted else 0 for kind in sorted(named or wanted)}
    body = b"".join(pack("!HHI", kind, 8, mask) for kind, mask in masks.items())
    return experimenter(NICIRA, SET_ASYNC_CONFIG2, body, xid)


def whole_packets(xid: int) -> bytes:
    """OFPT_SET_CONFIG: flags(2), miss_send_len(2).

    A management connection is told nothing of its own accord unless that is over zero.
    """
    return message(SET_CONFIG, xid, pack("!HH", 0, 0xFFFF))


def set_controller_id(number: int, xid: int) -> bytes:
    """NXT_SET_CONTROLLER_ID: whose packet-ins a connection is told of; 0 is everybody's."""
    return experimenter(NICIRA, SET_CONTROLLER_ID, pack("!6xH", number), xid)


def packet_out_to(number: int, frame: bytes, xid: int) -> bytes:
    """OFPT_PACKET_OUT of a frame that comes back as a packet-in to the connections of this number.

    NXAST_CONTROLLER: 0xffff(2) length(2) vendor(4) 20(2) max_len(2) controller(2) reason(1) pad(1)
    """
    action = pack("!HHIHHHBx", 0xFFFF, 16, NICIRA, NXAST_CONTROLLER, WHOLE_FRAME, number,
                  OFPR_ACTION)  # fmt: skip
    head = pack("!IIH6x", NO_BUFFER, CONTROLLER, len(action))
    return message(PACKET_OUT, xid, head + action + frame)


def set_packet_in_format(xid: int, *, waits: bool = True) -> bytes:
    """Ask for NXT_PACKET_IN2, in which a packet can wait, or for OpenFlow's own packet-in again.

    Every packet-in on the connection comes so from now on.
    """
    form = NXPIF_NXT_PACKET_IN2 if waits else NXPIF_STANDARD
    return experimenter(NICIRA, SET_PACKET_IN_FORMAT, pack("!I", form), xid)
