"""What the modules of the pipeline share: table 0's priorities, the register, common matches."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from ovsdhcp.config.table import Tables
from ovsdhcp.openflow.fields import DL_DST, DL_TYPE, IN_PORT, NW_FRAG, NW_PROTO, REG15, Field
from ovsdhcp.openflow.flow import ARP, IPV4, UDP, Action, Flow, Match, Resubmit, SetField

CLASSIFY, SOURCE_GUARD, LATER = 40_000, 39_990, 39_980
"""Table 0, above what others usually lay there: what is DHCP or hides it, what is not DHCP but
comes from a guarded port, what goes to one or asks by ARP."""
PASS, DENY, STATION, REST = 100, 90, 80, 0
"""Our other tables, from what is known to what is left."""

SOURCE_CHECKED, TARGET_CHECKED, ARP_CHECKED = 1, 2, 4
ALL_CHECKED = SOURCE_CHECKED | TARGET_CHECKED | ARP_CHECKED
"""Bits of reg15: what a frame has passed when it comes through table 0 again."""

BROADCAST_MAC, EVERYBODY = 0xFFFF_FFFF_FFFF, 0xFFFF_FFFF
ARP_REQUEST, ARP_REPLY, RARP_REQUEST = 1, 2, 3
BROADCAST = Match(DL_DST, BROADCAST_MAC)
IP_FRAMES, ARP_FRAMES = Match(DL_TYPE, IPV4), Match(DL_TYPE, ARP)
UDP_FRAMES = (IP_FRAMES, Match(NW_PROTO, UDP))
NOT_A_FRAGMENT, ANY_FRAGMENT = Match(NW_FRAG, 0), Match(NW_FRAG, 1, 1)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the flows of one port go: the bridge's tables, the port's number and cookie."""

    tables: Tables
    ofport: int
    cookie: int

    @property
    def in_port(self) -> Match:
        """What comes from the port."""
        return Match(IN_PORT, self.ofport)

    def flow(self, table: int, priority: int, match: tuple[Match, ...], *actions: Action) -> Flow:
        """One flow of the port's."""
        return Flow(table, priority, self.cookie, match, actions)


def unchecked(bit: int) -> Match:
    """What has not passed this check yet."""
    return Match(REG15, 0, bit)


def passes(tables: Tables, checked: int) -> tuple[Action, ...]:
    """Through table 0 once more, with what has been checked; there it meets what lies below."""
    return SetField(REG15, checked), Resubmit(tables.classify)


def within(field: Field, network: IPv4Network) -> tuple[Match, ...]:
    """An address of the network; of a whole one, all bits count, and of 0.0.0.0/0 none."""
    if network.prefixlen == 0:
        return ()
    mask = 0 if network.prefixlen == 32 else int(network.netmask)
    return (Match(field, int(network.network_address), mask),)
