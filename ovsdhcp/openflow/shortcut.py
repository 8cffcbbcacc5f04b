"""The management socket of a bridge of this machine, as a second way for what the bridge says.

A PACKET_IN by TCP costs ovs-vswitchd twice what it costs by a Unix socket, and Open vSwitch listens
on one for each bridge (management.py), which is where ovn-controller hears its packets, too. So
where a bridge connected from this machine, and its socket may be opened, that is kept ready for
when it is better (hearing.py): then what the bridge says of its own accord comes there, and answers
go back there. Flows, and all that is asked, stay with the connection that the bridge made.

Whatever listens at such a socket is believed once it shows what only the bridge can know:

    by the bridge's connection           by the socket
                                         HELLO, tell of packets for the controller NUMBER alone
    PACKET_OUT(secret) to NUMBER ──────▶ PACKET_IN(secret): it is the same bridge
                                         tell of nothing yet, and be the controller 0, as all are
"""

import logging
import os
from pathlib import Path
from typing import Protocol

from ovsdhcp.openflow import asynchronous, messages
from ovsdhcp.openflow.management import Management, NoBridgeError, run_dirs_here
from ovsdhcp.openflow.messages import BARRIER_REPLY, PACKET_IN
from ovsdhcp.openflow.switch import Switch
from ovsdhcp.openflow.wire import Wire

LOG = logging.getLogger("ovsdhcp")

PROVEN_WITHIN = 2.0
"""Seconds for each answer of whoever listens there."""

MOST_TRIED = 8
"""Anybody may listen under the name."""

_FEW = 1 << 16
"""Octets that may come before an answer: it may be anybody who listens there."""

_XID = 0x6468
_EXPERIMENTAL = b"\x88\xb5"  # IEEE 802: for local experiments


class Direct(Protocol):
    """The connection that the bridge made."""

    def send(self, buf: bytes) -> bool:
        """Send, or keep to be sent; False where it has ended."""

    def take_shortcut(self, wire: Wire, octets: bytes, path: Path) -> None:
        """Read a second wire, by which these octets came already, and hear the bridge by it where
        that is better."""


def take(direct: Direct, switch: Switch, name: str) -> None:
    """Find the socket of the bridge that is called `name`, and take it. For a green thread.

    Where there is none, or it may not be opened, or is another bridge's, all stays as it is.
    """
    for folder in run_dirs_here(name)[:MOST_TRIED]:
        try:
            management = Management(name, folder, PROVEN_WITHIN)
        except NoBridgeError as error:
            LOG.debug("bridge %s: no shortcut: %s", name, error)
            continue
        try:
            _prove(management, direct)
            _prepare(management, switch)
        except NoBridgeError as error:
            LOG.debug("bridge %s: no shortcut: %s", name, error)
            management.close()
        else:
            connected, rest = management.handed_over()
            direct.take_shortcut(Wire(connected), rest, folder / f"{name}.mgmt")
            return


def _prove(management: Management, direct: Direct) -> None:
    """Raises NoBridgeError where it is not the bridge that `direct` leads to."""
    secret = os.urandom(32)
    number = int.from_bytes(secret[:2], "big") | 1  # not 0, which is everybody
    management.tell(
        asynchronous.of_packets_alone(_XID)
        + asynchronous.set_controller_id(number, _XID)
        + asynchronous.whole_packets(_XID)
        + messages.barrier(_XID)
    )
    management.until(_is_barrier_reply, _FEW)
    frame = b"\x02" + bytes(5) + b"\x02" + bytes(5) + _EXPERIMENTAL + secret
    direct.send(asynchronous.packet_out_to(number, frame, _XID))
    management.until(lambda it: it[1] == PACKET_IN and it.endswith(secret), _FEW)


def _prepare(management: Management, switch: Switch) -> None:
    """Nothing comes there yet, and then all does in the form that is wanted."""
    management.tell(
        asynchronous.of_nothing(_XID)
        + asynchronous.set_controller_id(0, _XID)
        + switch.format(waited=False)
    )


def _is_barrier_reply(message: bytes) -> bool:
    return message[1] == BARRIER_REPLY
