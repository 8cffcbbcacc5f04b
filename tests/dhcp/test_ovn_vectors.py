"""OVN's own test requests: what we answer otherwise than OVN, and which RFC demands it."""

import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from ovsdhcp.dhcp.binding import Binding, Boot, Subnet
from ovsdhcp.dhcp.options import Role, lookup
from ovsdhcp.dhcp.server import Reply, answer
from tests.dhcp.wire import Seen, mac, see

_DATA = json.loads((Path(__file__).parent / "data" / "ovn_vectors.json").read_text())
CASES = {case["name"]: case for case in _DATA["cases"]}

_EVERY = {
    "ip_ttl": "OVN sends back the request's; a reply is a datagram of its own (RFC 791)",
    "ip_tos": "OVN sends back the request's",
    "udp_csum": "OVN sends none; RFC 1122 §4.1.3.4 wants one by default",
}
_TIMES = {
    "+58": "RFC 2131 §4.4.5: T1 SHOULD be sent",
    "+59": "RFC 2131 §4.4.5: T2 SHOULD be sent",
}
_NAK = {
    "ip_dst": "RFC 2131 §4.1: a NAK is broadcast in all cases",
    "eth_dst": "RFC 2131 §4.1: a NAK is broadcast in all cases",
    "+54": "RFC 2131 table 3: a NAK MUST have the server identifier",
    "+56": "RFC 2131 table 3: a NAK SHOULD have a message",
}
_INFORM = {"+1": "OVN takes the netmask out of the answer to an INFORM; nothing says it should"}
_RENEWED = {**_TIMES, **_EVERY}

# What differs, by case: a field, or `+code` for an option only we send, `-code` only OVN
DIFFERENCES: dict[str, dict[str, str]] = {
    "ovn_at_01_discover": _RENEWED,
    "ovn_at_02_request_init_reboot_match": _RENEWED,
    "ovn_at_03_request_init_reboot_mismatch_nak": {**_NAK, **_EVERY},
    "ovn_at_05_request_renew_unicast": _RENEWED,
    "ovn_at_06_request_rebind_broadcast": _RENEWED,
    "ovn_at_07_request_rebind_wrong_ciaddr_nak": {
        **_NAK,
        **_EVERY,
        "ciaddr": "RFC 2131 table 3: 0 in a NAK",
    },
    "ovn_at_08_request_no_requested_ip_no_ciaddr_nak": {**_NAK, **_EVERY},
    "ovn_at_10_discover_broadcast_flag": {
        **_RENEWED,
        "eth_dst": "RFC 2131 §4.1: broadcast on the link as well",
    },
    "ovn_at_12_inform": {**_INFORM, **_EVERY},
    "ovn_at_13_request_with_T1": {
        **_EVERY,
        "+59": _TIMES["+59"],
        "-58": "RFC 2131 §4.4.5: T1 (4000) must be less than the lease (3600)",
    },
    "ovn_at_14_inform_with_T1_ciaddr0": {**_INFORM, **_EVERY},
    "ovn_at_15_request_tftp_server_ip": {
        **_RENEWED,
        "=66": "RFC 2132 §9.4: text, where OVN sends four octets for an address",
    },
    "ovn_at_16_request_tftp_server_name": _RENEWED,
    "ovn_at_17_request_domain_search": _RENEWED,
    "ovn_at_19_discover_ipxe_175": _RENEWED,
    "ovn_at_20_discover_ipxe_175_again": _RENEWED,
    "ovn_at_21_discover_unicast_plain": _RENEWED,
    "ovn_at_external_port_discover": _RENEWED,
}
_FIELDS = ("eth_src", "eth_dst", "ip_src", "ip_dst", "ip_ttl", "ip_tos", "udp_src", "udp_dst",
           "op", "hops", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr",
           "chaddr")  # fmt: skip


def binding_of_case(case: dict[str, object]) -> Binding:
    """The case's DHCP_Options row as a binding, its names looked up as a lease table's are."""
    named: dict[str, object] = dict(case["options"])  # type: ignore[call-overload]
    server_mac = mac(str(named.pop("server_mac")))
    found = {name: lookup(name) for name in named}
    options = {
        option.code: option.kind.encode(named[name])
        for name, option in found.items()
        if option.role is Role.OPTION
    }
    alternative = named.get("bootfile_name_alt")
    texts = [str(text).strip('"') for text in (named.get("bootfile_name", ""), alternative or "")]
    boot = Boot(bootfile_name=texts[1] or texts[0] or None, ipxe=texts[0] or None)
    offer = IPv4Address(str(case["offer_ip"]))
    network = IPv4Network((int(offer) & 0xFFFFFF00, 24))
    server = IPv4Address(str(named["server_id"]))
    subnet = Subnet("ovn", network, server, server_mac)
    lease, t1 = int(str(named["lease_time"])), named.get("T1")
    client = mac(str(case["port_mac"]))
    t1_seconds = None if t1 is None else int(str(t1))
    return Binding("lsp", subnet, offer, client, lease, t1_seconds, None, options, boot)


def _fields(seen: Seen) -> dict[str, object]:
    words = {name: seen.address(name) for name in ("ciaddr", "yiaddr", "siaddr", "giaddr")}
    return {
        **words,
        "eth_src": seen.eth_src.hex(":"),
        "eth_dst": seen.eth_dst.hex(":"),
        "ip_src": seen.ip_src,
        "ip_dst": seen.ip_dst,
        "ip_ttl": seen.ip_header[8],
        "ip_tos": seen.ip_header[1],
        "udp_src": seen.ports[0],
        "udp_dst": seen.ports[1],
        "udp_csum": seen.udp[6:8].hex(),
        "op": seen.field("op")[0],
        "hops": seen.field("hops")[0],
        "xid": seen.field("xid").hex(),
        "secs": int.from_bytes(seen.field("secs"), "big"),
        "flags": seen.field("flags").hex(),
        "chaddr": seen.field("chaddr")[:6].hex(":"),
    }


def _differences(ours: Seen, theirs: dict[str, object]) -> Iterator[str]:
    mine = _fields(ours)
    yield from (name for name in mine if mine[name] != theirs[name])
    options = {o["code"]: bytes.fromhex(o["hex"]) for o in theirs["options"]}  # type: ignore[attr-defined]
    yield from (f"+{code}" for code in ours.codes if code not in options)
    yield from (f"-{code}" for code in options if code not in ours.codes)
    yield from (f"={c}" for c in options if c in ours.codes and ours.value(c) != options[c])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["reply"]])
def test_we_differ_from_ovn_only_where_an_rfc_demands_it(name: str) -> None:
    case = CASES[name]
    given = answer(bytes.fromhex(case["request"]), binding_of_case(case), 0.0)
    assert isinstance(given, Reply)
    differing = set(_differences(see(given.frame), case["reply"]))
    assert differing == set(DIFFERENCES[name])
    assert all(DIFFERENCES[name].values())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case["reply"]])
def test_where_ovn_is_silent_so_are_we(name: str) -> None:
    case = CASES[name]
    given = answer(bytes.fromhex(case["request"]), binding_of_case(case), 0.0)
    assert not isinstance(given, Reply)


def test_the_boot_file_that_ovn_sends_is_in_the_field() -> None:
    for name, file in (
        ("ovn_at_19_discover_ipxe_175", b"bootfile"),
        ("ovn_at_21_discover_unicast_plain", b"bootfile_name_alt"),
    ):
        given = answer(bytes.fromhex(CASES[name]["request"]), binding_of_case(CASES[name]), 0.0)
        assert isinstance(given, Reply)
        assert see(given.frame).field("file").rstrip(b"\0") == file
