"""Why we ended a connection, or did not read a message: one entry for each, in one table.

The code is stable, as with the reasons of an exchange: log, counters and `ovsdhcp explain` have it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ovsdhcp.dhcp.reasons import Reason

MALFORMED_MESSAGE = Reason(
    "malformed-message",
    "the peer sent a message that is no switch's, or whose lengths lie",
    "OpenFlow 1.3.5 §7",
    "Whoever sent it is broken or hostile: Open vSwitch sends none. Find out who it is by the "
    "address in the log; TLS keeps out whoever has no certificate.",
)
UNREADABLE_MESSAGE = Reason(
    "unreadable-message",
    "the lengths are right, but Ryu cannot read what the message says; it is passed over",
    "OpenFlow 1.3.5 §7",
    "A switch that says what Ryu 4.34 does not know, or somebody hostile. The connection goes on.",
)
HANDSHAKE_TIMEOUT = Reason(
    "handshake-timeout",
    "the peer did not become a switch in time",
    "OpenFlow 1.3.5 §6.3.1",
    "A port scan, a health check, or a switch that speaks another version of OpenFlow or no TLS "
    "(`ovs-vsctl set-controller … ssl:…`).",
)
HANDSHAKE_TOO_LONG = Reason(
    "handshake-too-long",
    "the peer said more than a switch has to say before it is ready",
    "OpenFlow 1.3.5 §6.3.1",
    "A switch with more than 16,000 ports, or somebody hostile.",
)
MADE_ROOM = Reason(
    "made-room",
    "too many peers were in their handshake at once, and this one was the oldest",
    "SECURITY.md",
    "Somebody opens connections and does not use them: find out who by the addresses in the log. "
    "Switches that are served are not concerned.",
)
TOO_MANY_CONNECTIONS = Reason(
    "too-many-connections",
    "as many switches are served as the limits allow, in all or for one peer",
    "SECURITY.md",
    "Raise the limit of open files (`ulimit -n`, LimitNOFILE=), or find out who connects so often.",
)
STRANGER = Reason(
    "stranger",
    "the lease table names no bridge with this datapath id or name",
    "SECURITY.md",
    "Name it in the table, or take its controller away (`ovs-vsctl del-controller`).",
)
ALREADY_CONNECTED = Reason(
    "already-connected",
    "the bridge has another connection, and that one is alive",
    "SECURITY.md",
    "The bridge has two controllers that are the same process (`ovs-vsctl get-controller`), or "
    "two bridges have one datapath id, or somebody poses as the bridge.",
)
SILENT = Reason(
    "silent",
    "the switch no longer answers echo requests",
    "OpenFlow 1.3.5 §6.4",
    "The host or the way to it is down; the switch connects anew when it is back.",
)
DOES_NOT_READ = Reason(
    "does-not-read",
    "the switch has read nothing of what it was sent for several seconds",
    "OpenFlow 1.3.5 §6.3.2",
    "The switch is overloaded or stopped; it connects anew when it is back.",
)
SHORTCUT_LOST = Reason(
    "shortcut-lost",
    "the bridge closed its management socket, while it stayed connected",
    "SECURITY.md",
    "Nothing, if it happened once: the bridge connects anew, and for a minute its packets come by "
    "that connection. Else look into ovs-vswitchd's log.",
)
TLS_REFUSED = Reason(
    "tls-refused",
    "the peer spoke no TLS, or has no certificate of our certification authority",
    "OpenFlow 1.3.5 §6.3.3",
    "Compare the authority of `--ca-certs` with the one that signed the switch's certificate, and "
    "give the bridge an `ssl:` controller.",
)

ENDINGS: Mapping[str, Reason] = MappingProxyType(
    {value.code: value for value in tuple(globals().values()) if isinstance(value, Reason)}
)
"""All of them, by code."""
