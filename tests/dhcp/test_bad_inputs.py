"""Hostile and odd clients: the verdict for each, and a good client is served right after."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from ovsdhcp.dhcp.server import Drop, Reply, answer
from tests.dhcp.asked import NOW, verdict
from tests.dhcp.wire import BINDING, OTHER_MAC, binding, bootp, frame, see

_INPUTS = json.loads((Path(__file__).parent / "data" / "bad_inputs.json").read_text())["inputs"]
_NEIGHBOUR = binding(mac=OTHER_MAC)
_GOOD = frame(bootp(1, chaddr=OTHER_MAC), eth_src=OTHER_MAC)

# Where a setting decides, or servers disagree: what ours is, and why
POLICY = {
    "ip_checksum_bad": ("offer", "no checksum has a say: a virtual port may leave it unfinished"),
    "udp_sport_odd": ("offer", "RFC 2131 §4.1 fixes the destination port alone"),
    "priority_tag_vid0": ("offer", "VLAN 0 is no VLAN"),
    "htype_32_infiniband_hlen0": ("silence", "an Open vSwitch port is Ethernet"),
    "option_overrun": ("silence", "what lies about one length may lie about others"),
    "client_id_len0": ("offer", "RFC 2132 §9.14: at least 2 octets; counts as not sent"),
    "maxmsg_len1": ("offer", "malformed and of no need: counts as not sent"),
    "overload_file_overrun": ("silence", "RFC 2131 §4.1: an option MUST NOT cross its field"),
    "subnet_selection": ("offer", "RFC 3011 is not spoken: the port decides the subnet"),
    "vivso_truncated": ("offer", "not looked at"),
    "kea_cve_2025_40779": ("nak", "the port owns its address: another one is refused"),
    "rebind_offnet": ("nak", "the port owns its address: another one is refused"),
    "renew_with_reqip": ("nak", "RFC 2131 table 4: option 50 makes it INIT-REBOOT"),
}


class Input(NamedTuple):
    name: str
    frames: list[bytes]
    expect: str


INPUTS = [
    Input(row["name"], [bytes.fromhex(f) for f in row["frames"]], row["expect"]) for row in _INPUTS
]


def _kind(given: Reply | Drop) -> str:
    return "silence" if isinstance(given, Drop) else given.message_type.name.lower()


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: given.name)
def test_the_verdict_is_right(given: Input) -> None:
    wanted = POLICY[given.name][0] if given.expect == "policy" else given.expect
    for octets in given.frames:
        answered = answer(octets, BINDING, NOW)
        assert _kind(answered) == wanted, answered.reason.code
        assert verdict(_GOOD, _NEIGHBOUR) == "offer"
        if isinstance(answered, Reply):
            see(answered.frame)


def test_every_policy_is_of_an_input() -> None:
    assert set(POLICY) == {given.name for given in INPUTS if given.expect == "policy"}
