"""Why a request was answered as it was, or was not: one entry for each, in one table.

The code is stable: log lines, metric labels, `explain` and the documentation are made from this
table. `advice` is for whoever runs the network; where nothing needs doing it is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code, what it means, what demands it, and what to do about it."""

    code: str
    meaning: str
    rfc: str
    advice: str = ""


# -- replies ---------------------------------------------------------------------------------

OFFER = Reason("offer", "offered the port's address", "RFC 2131 §4.3.1")
ACK_SELECTING = Reason(
    "ack-selecting", "confirmed the address that the client chose", "RFC 2131 §4.3.2"
)
ACK_INIT_REBOOT = Reason(
    "ack-init-reboot", "confirmed the address that the client remembered", "RFC 2131 §4.3.2"
)
ACK_RENEWING = Reason("ack-renewing", "extended the lease, asked by unicast", "RFC 2131 §4.3.2")
ACK_REBINDING = Reason("ack-rebinding", "extended the lease, asked by broadcast", "RFC 2131 §4.3.2")
ACK_INFORM = Reason(
    "ack-inform", "sent parameters to a client with an address of its own", "RFC 2131 §4.3.5"
)
NAK_WRONG_ADDRESS = Reason(
    "nak-wrong-address",
    "the address asked for is not the address of this port",
    "RFC 2131 §4.3.2",
    "Usual after a move or a change of the table: the client starts anew. If it stays, compare "
    "the client's idea of its address with the lease table.",
)
NAK_OFF_NETWORK = Reason(
    "nak-off-network",
    "the address asked for is not on this port's network",
    "RFC 2131 §4.3.2",
    "Usual for a client that was plugged in elsewhere before: it starts anew.",
)
NAK_NO_ADDRESS = Reason(
    "nak-no-address",
    "the request names no address at all",
    "RFC 2131 §4.3.2",
    "The client is at fault: no option 50, and ciaddr is 0.",
)
NAK_PROBATION = Reason(
    "nak-probation",
    "the port's address was declined, and is withheld for a while",
    "RFC 2131 §4.3.3",
    "Somebody else uses the address: find out who (arping), or give the port another one.",
)

# -- silence that is part of the protocol ----------------------------------------------------

RELEASE = Reason("release", "the client gave its address back", "RFC 2131 §4.3.4")
RELEASE_FOREIGN = Reason(
    "release-foreign",
    "a release of an address that this port does not have, or from another server",
    "RFC 2131 §4.3.4",
)
DECLINE = Reason(
    "decline",
    "the client found its address in use",
    "RFC 2131 §4.3.3",
    "Somebody else uses the address: find out who (arping), or give the port another one.",
)
DECLINE_FOREIGN = Reason(
    "decline-foreign",
    "a decline of an address that this port does not have, or from another server",
    "RFC 2131 §4.3.3",
)
OTHER_SERVER = Reason(
    "other-server",
    "the client chose another server",
    "RFC 2131 §3.1 (4)",
    "If no other server should be there, look for one: its address is in option 54.",
)
NOT_AUTHORITATIVE = Reason(
    "not-authoritative",
    "the address is unknown here, and another server may know it",
    "RFC 2131 §4.3.2",
    "Set `authoritative: true` on the subnet if no other server is there.",
)
PROBATION = Reason(
    "probation",
    "the port's address was declined, and is not offered for a while",
    "RFC 2131 §4.3.3",
    "Somebody else uses the address: find out who (arping), or give the port another one.",
)

# -- not for this server, or not from this client --------------------------------------------

OTHER_DESTINATION = Reason(
    "other-destination", "sent to another host than this server", "RFC 2131 §4.1"
)
OTHER_CLIENT = Reason(
    "other-client",
    "the client's MAC is not the one that the port's binding has",
    "RFC 2131 §4.2",
    "Correct the MAC in the lease table, or leave it out to serve whoever is plugged in.",
)
NO_BINDING = Reason(
    "no-binding",
    "the port has several clients, and this MAC is none of theirs",
    "RFC 2131 §4.2",
    "Add the MAC to the port's `hosts` in the lease table.",
)
RATE_LIMITED = Reason(
    "rate-limited",
    "the port, or all ports together, ask more often than their limit",
    "ovsdhcp: `rate_limit`, `rate_ceiling`",
    "Find out what floods behind the port. Many good clients there: raise its `rate_limit`. Where "
    "the switch has meters, they drop and count instead: `ovs-ofctl -O OpenFlow13 meter-stats`.",
)
STALE_FLOW = Reason(
    "stale-flow",
    "handed over by a flow that the port no longer has",
    "OpenFlow 1.3 §7.4.1",
    "Usual in the moment a port moves. If it stays, somebody lays flows with our cookie.",
)
SPOOFED_CLIENT = Reason(
    "spoofed-client",
    "chaddr is not the source of the frame, on a port that is not trusted",
    "RFC 2131 §4.1",
    "Set `trusted: true` on the port if a relay or a bridge is behind it.",
)
SPOOFED_SERVER = Reason(
    "spoofed-server",
    "the request claims to come from this server",
    "RFC 1122 §3.2.1.3",
    "Either the port loops back, or its client forges the server's address.",
)
RELAYED = Reason(
    "relayed",
    "giaddr is set, on a port that is not trusted",
    "RFC 3046 §2.1.1",
    "Set `trusted: true` on the port if a relay is behind it.",
)
RELAY_LOOP = Reason("relay-loop", "giaddr is this server, or no address of a host", "RFC 2131 §4.1")
RELAY_OPTION = Reason(
    "relay-option",
    "option 82 on a port that is not trusted",
    "RFC 3046 §2.1",
    "Set `trusted: true` on the port if a relay is behind it.",
)
RELAY_OPTION_MALFORMED = Reason(
    "relay-option-malformed", "option 82 is empty, or its parts overrun it", "RFC 3046 §2.0"
)
ROGUE_SERVER = Reason(
    "rogue-server",
    "a client's port sent what only a server sends",
    "RFC 2131 §3",
    "Look at what runs behind this port.",
)
UNSERVED_TYPE = Reason(
    "unserved-type", "a message type that this server does not serve", "RFC 2132 §9.6"
)
DISCOVER_NAMES_SERVER = Reason(
    "discover-names-server", "a DISCOVER must not have option 54", "RFC 2131 §4.4.1, table 5"
)
INFORM_NOWHERE = Reason(
    "inform-nowhere", "an INFORM from no address that could be answered", "RFC 2131 §4.3.5"
)

# -- malformed -------------------------------------------------------------------------------

FRAME_SHORT = Reason("frame-short", "the frame ends within its headers", "RFC 894")
NOT_DHCP = Reason("not-dhcp", "no IPv4 UDP datagram to port 67", "RFC 2131 §4.1")
SOURCE_MAC = Reason("source-mac", "the frame's source is zero or a group", "IEEE 802.3 §3.2.3")
SOURCE_ADDRESS = Reason(
    "source-address", "the datagram's source is no address of a host", "RFC 1122 §3.2.1.3"
)
IP_HEADER = Reason("ip-header", "the IPv4 header's length or version is wrong", "RFC 791 §3.1")
IP_LENGTH = Reason("ip-length", "the IPv4 length does not fit the frame", "RFC 791 §3.1")
IP_FRAGMENT = Reason(
    "ip-fragment",
    "a fragment",
    "RFC 791 §3.2",
    "Fragments are not put together: a client's message has to fit its MTU.",
)
UDP_LENGTH = Reason("udp-length", "the UDP length does not fit the datagram", "RFC 768")
MESSAGE_SHORT = Reason(
    "message-short", "shorter than the fixed part and the magic cookie", "RFC 2131 §3"
)
NO_COOKIE = Reason("no-cookie", "the magic cookie is missing: BOOTP without DHCP", "RFC 2131 §3")
NOT_A_REQUEST = Reason("not-a-request", "op is not BOOTREQUEST", "RFC 2131 §2")
NOT_ETHERNET = Reason("not-ethernet", "htype and hlen are not Ethernet's 1 and 6", "RFC 2131 §2")
CHADDR_INVALID = Reason("chaddr-invalid", "chaddr is zero or a group", "RFC 2131 §2")
OPTION_OVERRUN = Reason("option-overrun", "an option runs past its field", "RFC 2131 §4.1")
NO_TYPE = Reason("no-type", "option 53 is missing: BOOTP without DHCP", "RFC 2131 §3")
TYPE_MALFORMED = Reason("type-malformed", "option 53 is not one octet", "RFC 2132 §9.6")
ADDRESS_MALFORMED = Reason(
    "address-malformed", "option 50 or 54 is not four octets", "RFC 2132 §9.1, §9.7"
)

# -- a flow's userdata, where others lay the flows --------------------------------------------

_ASK_WHO_LAID_IT = "Ask who laid the flow; `ovsdhcp decode` shows what its userdata says."
USERDATA_SHORT = Reason(
    "userdata-short",
    "the flow's userdata ends within its head",
    "OVN lib/actions.c",
    _ASK_WHO_LAID_IT,
)
USERDATA_OPCODE = Reason(
    "userdata-opcode",
    "the flow asks for something else than put_dhcp_opts",
    "OVN include/ovn/actions.h",
    "ovsdhcp serves DHCPv4 alone: the bridge needs ovn-controller for the rest.",
)
USERDATA_RESULT = Reason(
    "userdata-result",
    "the flow's userdata names no field and bit where a result could go",
    "OVN controller/pinctrl.c",
    _ASK_WHO_LAID_IT,
)
USERDATA_OPTIONS = Reason(
    "userdata-options",
    "an option runs past the end of the flow's userdata",
    "OVN lib/actions.c",
    _ASK_WHO_LAID_IT,
)
USERDATA_VALUE = Reason(
    "userdata-value",
    "an address, time, netmask or boot file in the flow's userdata is none",
    "OVN lib/actions.c",
    _ASK_WHO_LAID_IT,
)
USERDATA_OFFER = Reason(
    "userdata-offer",
    "the address that the flow's userdata offers is no host's",
    "OVN lib/actions.c",
    _ASK_WHO_LAID_IT,
)
USERDATA_NO_SERVER_ID = Reason(
    "userdata-no-server-id",
    "the flow's userdata names no server (option 54)",
    "RFC 2131 §4.3.1, OVN northd/northd.c",
    "Set `server_id`: without it a client cannot tell this server from others.",
)
USERDATA_NO_LEASE_TIME = Reason(
    "userdata-no-lease-time",
    "the flow's userdata has no lease time (option 51)",
    "RFC 2131 §4.3.1, OVN northd/northd.c",
    "Set `lease_time`: every offer has one.",
)
PACKET_IN_MALFORMED = Reason(
    "packet-in-malformed",
    "a packet-in whose properties are not what their lengths say",
    "OVS include/openflow/nicira-ext.h",
    "Open vSwitch does not write such: look at who is connected as the bridge.",
)
METADATA_MALFORMED = Reason(
    "metadata-malformed",
    "the paused packet's metadata is not what its lengths say",
    "OpenFlow 1.3 §7.2.3.2",
    "Open vSwitch wrote it: report this, with the packet-in.",
)

REASONS: Mapping[str, Reason] = MappingProxyType(
    {reason.code: reason for reason in list(vars().values()) if isinstance(reason, Reason)}
)
"""Every reason by its code."""


class WireError(Exception):
    """A peer's octets that cannot be understood: always turned into a `Drop`, never let out."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason
