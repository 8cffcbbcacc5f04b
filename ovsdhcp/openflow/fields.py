"""The match fields our flows use: one line each, by the names of ovs-fields(7).

A field's value is an integer everywhere but on the wire and in text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

_OXM_BASIC = 0x8000  # OFPXMC_OPENFLOW_BASIC
_NXM_0 = 0x0000  # OpenFlow 1.0's fields (OVS meta-flow.h)
_NXM_1 = 0x0001  # Nicira's own


def mac_text(value: int) -> str:
    """A MAC as six pairs of hex digits."""
    return value.to_bytes(6, "big").hex(":")


def _ipv4_text(value: int) -> str:
    return str(IPv4Address(value))


def _prefix_length(mask: int) -> str:
    return str(mask.bit_count())


@dataclass(frozen=True, slots=True)
class Field:
    """`name` as ovs-ofctl prints it, `number` in its OXM class, `size` in octets on the wire.

    `long_name` is the name that a `move` action wants; its end, in small letters, is `set_field`'s.
    """

    name: str
    long_name: str
    number: int
    size: int
    text: Callable[[int], str] = str
    oxm_class: int = _OXM_BASIC
    nxm: tuple[int, int] | None = None
    """Class and number in a `move`: OVS keeps those of before OXM, and says them back."""
    significant: int = 0
    """The bits that there are, where they are fewer than the octets have."""
    mask_text: Callable[[int], str] = hex

    @property
    def set_name(self) -> str:
        """`eth_src`, where a match may also say `dl_src`."""
        return "_".join(self.long_name.lower().split("_")[2:])

    def header(self, *, masked: bool = False) -> int:
        """The 32-bit OXM header: class(16) field(7) hasmask(1) length(8), OpenFlow 1.3 §7.2.3.2."""
        length = self.size * 2 if masked else self.size
        return self.oxm_class << 16 | self.number << 9 | masked << 8 | length

    def move_header(self) -> int:
        """The header in a `move`."""
        oxm_class, number = self.nxm or (self.oxm_class, self.number)
        return oxm_class << 16 | number << 9 | self.size

    def is_whole(self, mask: int) -> bool:
        """Whether a mask leaves nothing out; OVS keeps such a match without it."""
        return mask in (0, self.significant or (1 << self.size * 8) - 1)


IN_PORT = Field("in_port", "OXM_OF_IN_PORT", 0, 4)
METADATA = Field("metadata", "OXM_OF_METADATA", 2, 8, hex)
DL_DST = Field("dl_dst", "NXM_OF_ETH_DST", 3, 6, mac_text, nxm=(_NXM_0, 1))
DL_SRC = Field("dl_src", "NXM_OF_ETH_SRC", 4, 6, mac_text, nxm=(_NXM_0, 2))
DL_TYPE = Field("dl_type", "NXM_OF_ETH_TYPE", 5, 2, hex)
NW_PROTO = Field("nw_proto", "NXM_OF_IP_PROTO", 10, 1)
NW_SRC = Field("nw_src", "NXM_OF_IP_SRC", 11, 4, _ipv4_text, mask_text=_prefix_length)
NW_DST = Field("nw_dst", "NXM_OF_IP_DST", 12, 4, _ipv4_text, mask_text=_prefix_length)
TP_SRC = Field("tp_src", "NXM_OF_UDP_SRC", 15, 2)
TP_DST = Field("tp_dst", "NXM_OF_UDP_DST", 16, 2)
ARP_OP = Field("arp_op", "NXM_OF_ARP_OP", 21, 2)
ARP_SPA = Field(
    *("arp_spa", "NXM_OF_ARP_SPA", 22, 4, _ipv4_text),
    nxm=(_NXM_0, 16),
    mask_text=_prefix_length,
)
ARP_TPA = Field(
    *("arp_tpa", "NXM_OF_ARP_TPA", 23, 4, _ipv4_text),
    nxm=(_NXM_0, 17),
    mask_text=_prefix_length,
)
ARP_SHA = Field("arp_sha", "NXM_NX_ARP_SHA", 24, 6, mac_text, nxm=(_NXM_1, 17))
ARP_THA = Field("arp_tha", "NXM_NX_ARP_THA", 25, 6, mac_text, nxm=(_NXM_1, 18))
ICMPV6_TYPE = Field("icmp_type", "OXM_OF_ICMPV6_TYPE", 29, 1)
REG0 = Field("reg0", "NXM_NX_REG0", 0, 4, hex, _NXM_1)
REG15 = Field("reg15", "NXM_NX_REG15", 15, 4, hex, _NXM_1)
NW_FRAG = Field(
    *("nw_frag", "NXM_NX_IP_FRAG", 26, 1, {0: "no", 1: "yes"}.__getitem__, _NXM_1),
    significant=3,
)
