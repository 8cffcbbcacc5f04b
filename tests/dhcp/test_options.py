"""The option table: names, values, what is refused, and that decoding undoes encoding."""

import json
import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ovsdhcp.dhcp.option_kinds import seconds
from ovsdhcp.dhcp.options import BY_CODE, BY_NAME, OPTIONS, Role, lookup

rule = pytest.mark.rule

# reference: ovn lib/ovn-l7.h
OVN_NAMES = {
    "netmask": 1, "router": 3, "dns_server": 6, "log_server": 7, "lpr_server": 9, "hostname": 12,
    "domain_name": 15, "swap_server": 16, "ip_forward_enable": 19, "policy_filter": 21,
    "default_ttl": 23, "mtu": 26, "broadcast_address": 28, "router_discovery": 31,
    "router_solicitation": 32, "arp_cache_timeout": 35, "ethernet_encap": 36, "tcp_ttl": 37,
    "tcp_keepalive_interval": 38, "nis_server": 41, "ntp_server": 42, "netbios_name_server": 44,
    "netbios_node_type": 46, "lease_time": 51, "server_id": 54, "T1": 58, "T2": 59,
    "tftp_server": 66, "bootfile_name": 67, "domain_search_list": 119,
    "classless_static_route": 121, "tftp_server_address": 150, "path_prefix": 210,
    "ms_classless_static_route": 249, "wpad": 252, "next_server": 253, "bootfile_name_alt": 254,
}  # fmt: skip


@rule("types")
def test_every_option_of_ovns_has_ovns_name() -> None:
    assert {name: BY_NAME[name].code for name in OVN_NAMES} == OVN_NAMES
    assert all(BY_CODE[code].name == name for name, code in OVN_NAMES.items())


def test_no_code_and_no_name_is_there_twice() -> None:
    assert len(BY_CODE) == len(OPTIONS)
    names = [name for option in OPTIONS for name in (option.name, *option.aliases)]
    assert len(names) == len(set(names)) == len(BY_NAME)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_entry_is_complete(option: object) -> None:
    assert lookup(option.name) is lookup(option.code) is option  # type: ignore[attr-defined]
    assert option.rfc
    json.dumps(option.kind.schema)


def test_what_the_engine_makes_is_not_for_a_table() -> None:
    assert all(BY_CODE[code].role is Role.ENGINE for code in (50, 52, 53, 55, 56, 57, 61, 82))
    roles = {BY_NAME[name].role for name in ("netmask", "lease_time", "server_id", "T1", "T2")}
    assert Role.OPTION not in roles
    assert Role.ENGINE not in roles


@pytest.mark.parametrize(
    ("key", "code"),
    [("ntp-server", 42), ("NTP_Servers", 42), ("domain search", 119), ("t1", 58), (6, 6),
     ("6", 6), ("subnet-mask", 1), (224, 224), ("6rd", 212)],
)  # fmt: skip
def test_an_option_is_found_by_any_of_its_names(key: object, code: int) -> None:
    assert lookup(key).code == code


@pytest.mark.parametrize("key", [0, 255, 256, -1, "0", "999", True, None, 1.5, []])
def test_no_such_code(key: object) -> None:
    with pytest.raises(ValueError, match="option"):
        lookup(key)


def test_a_misspelt_name_gets_a_hint() -> None:
    with pytest.raises(KeyError, match="did you mean dns_server"):
        lookup("dns_sever")
    with pytest.raises(KeyError, match="give its code"):
        lookup("qqqqqqq")


VALUES = [
    ("netmask", "255.255.255.0", "ffffff00"),
    ("router", "192.0.2.1", "c0000201"),
    ("dns_server", ["192.0.2.1", "192.0.2.2"], "c0000201c0000202"),
    ("dns_server", "{192.0.2.1, 192.0.2.2}", "c0000201c0000202"),
    ("dns_server", "192.0.2.1,192.0.2.2", "c0000201c0000202"),
    ("policy_filter", "{192.0.2.0, 255.255.255.0}", "c0000200ffffff00"),
    ("policy_filter", [["192.0.2.0", "255.255.255.0"]], "c0000200ffffff00"),
    ("time_offset", -3600, "fffff1f0"),
    ("mtu", 1442, "05a2"),
    ("mtu", "1442", "05a2"),
    ("default_ttl", 64, "40"),
    ("mtu_plateau", [68, 1500], "004405dc"),
    ("ip_forward_enable", True, "01"),
    ("ip_forward_enable", 0, "00"),
    ("ip_forward_enable", "on", "01"),
    ("arp_cache_timeout", 60, "0000003c"),
    ("lease_time", "1h", "00000e10"),
    ("lease_time", "infinite", "ffffffff"),
    ("ipv6_only_preferred", "5m", "0000012c"),
    ("hostname", "vm5", "766d35"),
    ("hostname", '"vm5"', "766d35"),
    ("captive_portal", "https://a.example/", b"https://a.example/".hex()),
    ("tftp_server", "10.0.0.10", b"10.0.0.10".hex()),
    ("vendor_options", "01:02:0a:0b", "01020a0b"),
    ("vendor_options", "00010a", "00010a"),
    ("vendor_options", {1: "0a0b", "2": "0x0c"}, "01020a0b02010c"),
    ("vi_vendor_options", {3561: {1: "0a"}}, "00000de90301010a"),
    ("vi_vendor_class", {3561: ["0a0b", "0c"]}, "00000de905020a0b010c"),
    ("vi_vendor_class", "00000de905020a0b010c", "00000de905020a0b010c"),
    ("bcmcs_domains", ["a.b", "c.b"], "0161016200" "0163016200"),
    ("user_class", ["a", "bc"], "0161026263"),
    ("user_authentication", ["http://a/", "http://b/"], b"http://a/ http://b/".hex()),
    ("classless_static_route", [{"to": "0.0.0.0/0", "via": "10.0.0.1"}], "000a000001"),
    ("classless_static_route", {"to": "10.0.1.0/24", "via": "10.0.0.1"}, "180a00010a000001"),
    ("classless_static_route", "{10.0.0.0/9,10.0.0.1, 192.0.2.7,10.0.0.2}",
     "090a000a00000120c00002070a000002"),
    ("domain_search_list", "eng.example.org,example.org", "03656e67076578616d706c65036f726700c004"),
    ("domain_search_list", ["a.b."], "0161016200"),
    ("lost_server", "a.b", "0161016200"),
    ("sip_servers", ["192.0.2.1"], "01c0000201"),
    ("sip_servers", ["a.b", "c.b"], "00016101620001630162" "00"),
    ("directory_agent", ["192.0.2.1"], "00c0000201"),
    ("directory_agent", {"mandatory": True, "addresses": "192.0.2.1"}, "01c0000201"),
    ("service_scope", "lan", "006c616e"),
    ("pcp_server", [["192.0.2.1", "192.0.2.2"], "192.0.2.3"], "08c0000201c000020204c0000203"),
    ("rdnss_selection", {"servers": ["192.0.2.1"], "domains": ["a.b"], "preference": "high"},
     "01c0000201000000000161016200"),
    ("rdnss_selection", {"servers": ["192.0.2.1", "192.0.2.2"]}, "00c0000201c0000202"),
    ("sixrd", {"prefix": "2001:db8::/32", "mask_length": 8, "relays": ["192.0.2.1"]},
     "082020010db8000000000000000000000000c0000201"),
    ("dnr", [{"name": "a.b"}], "0008000105" "0161016200"),
    ("dnr", [{"priority": 2, "name": "a.b", "addresses": ["192.0.2.1"], "parameters": "0001"}],
     "000f00020501610162" "0004c00002010001"),
    ("224", "0x0a 0b", "0a0b"),
]  # fmt: skip


@rule("types", "3397", "3442", "3004", "8910", "8925")
@pytest.mark.parametrize(("name", "value", "octets"), VALUES)
def test_a_value_is_encoded_and_decoded(name: str, value: object, octets: str) -> None:
    kind = lookup(name).kind
    assert kind.encode(value).hex() == octets
    decoded = kind.decode(bytes.fromhex(octets))
    assert kind.encode(decoded).hex() == octets
    assert kind.decode(kind.encode(decoded)) == decoded
    assert json.loads(json.dumps(decoded)) == decoded
    assert "\n" not in kind.show(bytes.fromhex(octets))


@pytest.mark.parametrize(("name", "value", "octets"), VALUES)
def test_a_value_and_what_it_is_decoded_to_fit_their_schema(
    name: str, value: object, octets: str
) -> None:
    kind = lookup(name).kind
    validator = Draft202012Validator(kind.schema)
    for one in (value, kind.decode(bytes.fromhex(octets))):
        validator.validate(json.loads(json.dumps(one)))  # keys as a file has them, text


@rule("types", "F14")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("router", "gateway", "IPv4 address"),
        ("router", 3232235521, "IPv4 address"),
        ("router", [], "one or more"),
        ("netmask", ["255.0.0.0", "255.0.0.0"], "IPv4 address"),
        ("dns_server", ["192.0.2.1"] * 64, "255"),
        ("policy_filter", ["192.0.2.1"], "pairs"),
        ("mtu", 70000, "65535"),
        ("mtu", 67, "68"),
        ("mtu", "much", "number"),
        ("mtu", True, "number"),
        ("mtu", 1500.0, "number"),
        ("default_ttl", 300, "255"),
        ("default_ttl", 0, "1 to 255"),
        ("ip_forward_enable", 2, "true or false"),
        ("ip_forward_enable", None, "true or false"),
        ("lease_time", "soon", "seconds"),
        ("lease_time", -1, "0 to"),
        ("ipv6_only_preferred", 299, "300"),
        ("hostname", 5, "quotes"),
        ("hostname", "", "1 to 255"),
        ("hostname", "a\0b", "NUL"),
        ("hostname", "x" * 256, "255"),
        ("vendor_options", "0a0", "hexadecimal"),
        ("vendor_options", {0: "0a"}, "1 to 254"),
        ("vendor_options", {1: "00" * 256}, "too long"),
        ("vendor_options", {}, "nothing"),
        ("224", "192.0.2.1", "hexadecimal"),
        ("224", 10, "quotes"),
        ("224", "00" * 1025, "1024"),
        ("classless_static_route", "{10.0.0.0/8}", "routes"),
        ("classless_static_route", [{"to": "10.0.0.0/8"}], "routes"),
        ("classless_static_route", [{"to": "10.0.0.0/8", "via": "10.0.0.1", "x": 1}], "routes"),
        ("classless_static_route", [{"to": "10.0.0.1/8", "via": "10.0.0.1"}], "beyond its prefix"),
        ("classless_static_route", [{"to": 10, "via": "10.0.0.1"}], "destination"),
        ("classless_static_route", [], "nothing"),
        ("domain_search_list", ["a..b"], "domain name"),
        ("domain_search_list", ["x" * 64], "63"),
        ("domain_search_list", [".".join(["x" * 60] * 5)], "255"),
        ("domain_search_list", ["bücher.example"], "xn--"),
        ("domain_search_list", [5], "domain name"),
        ("domain_search_list", [], "one or more"),
        ("lost_server", "a.b, c.d", "domain name"),
        ("rdnss_selection", {"servers": ["192.0.2.1"], "preference": "best"}, "preference"),
        ("rdnss_selection", "192.0.2.1", "servers"),
        ("sixrd", {"prefix": "x", "relays": ["192.0.2.1"]}, "prefix"),
        ("dnr", [{"priority": 1}], "domain name"),
        ("dnr", ["a.b"], "resolvers"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(name: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        lookup(name).kind.encode(value)


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("netmask", "ffffff"),
        ("router", "c00002"),
        ("router", ""),
        ("mtu", "05"),
        ("ip_forward_enable", "02"),
        ("hostname", ""),
        ("hostname", "00"),
        ("hostname", "ff"),
        ("hostname", "610062"),
        ("classless_static_route", ""),
        ("classless_static_route", "21000000000a000001"),
        ("classless_static_route", "000a0000"),
        ("domain_search_list", ""),
        ("domain_search_list", "c000"),
        ("domain_search_list", "0161c000c0"),
        ("domain_search_list", "0161c002"),
        ("domain_search_list", "0361"),
        ("domain_search_list", "0161"),
        ("domain_search_list", "8000"),
        ("domain_search_list", "00"),
        ("lost_server", "016100016200"),
        ("user_class", "0561"),
        ("vi_vendor_options", "00000de903"),
        ("vi_vendor_options", "0000"),
        ("sip_servers", "02"),
        ("rdnss_selection", "00"),
        ("sixrd", "00"),
        ("dnr", "00"),
        ("dnr", "0000"),
        ("dnr", "000a0001050161016200ff0a"),
    ],
)
def test_malformed_octets_are_no_value(name: str, octets: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        lookup(name).kind.decode(bytes.fromhex(octets))


def test_values_that_are_no_text_any_more_are_taken_too() -> None:
    assert lookup("netmask").kind.encode(IPv4Address("255.0.0.0")) == b"\xff\0\0\0"
    assert lookup("224").kind.encode(b"\1\2") == b"\1\2"


def test_an_address_of_ovns_tftp_server_is_read_as_such() -> None:
    assert lookup("tftp_server").kind.show(bytes((10, 0, 0, 10))) == "10.0.0.10"


@pytest.mark.parametrize(
    ("text", "number"), [(3600, 3600), ("90s", 90), ("15m", 900), ("12h", 43200), ("7d", 604800),
                         ("2w", 1209600), ("infinite", 0xFFFFFFFF)]
)  # fmt: skip
def test_seconds(text: object, number: int) -> None:
    assert seconds(text) == number


# -- OVN's own encodings ---------------------------------------------------------------------

_VECTORS = json.loads((Path(__file__).parent / "data" / "ovn_vectors.json").read_text())
_PSEUDO = "offerip"


def _arguments(args: str) -> list[tuple[str, str]]:
    """`a=1,b={2,3}` as OVN writes it, split at the commas before a name."""
    found = re.findall(r'(\w+)\s*=\s*(\{[^}]*\}|"[^"]*"|[^,]*)', args)
    return [(name, value) for name, value in found if name != _PSEUDO]


@pytest.mark.parametrize(
    "vector",
    [vector for vector in _VECTORS["encodings"] if vector["options"]],
    ids=lambda vector: vector["args"][:40],
)
def test_options_are_encoded_as_ovn_encodes_them(vector: dict[str, object]) -> None:
    """But for option 66, where RFC 2132 §9.4 has text and OVN puts four octets."""
    ours = {
        lookup(name).code: lookup(name).kind.encode(value).hex()
        for name, value in _arguments(str(vector["args"]))
    }
    theirs = {code: octets for code, _, octets in vector["options"]}  # type: ignore[attr-defined]
    if 66 in ours:
        assert bytes.fromhex(ours.pop(66)).decode() == "10.0.0.10"
        assert theirs.pop(66) == "0a00000a"
    assert ours == theirs


# -- properties ------------------------------------------------------------------------------

_SETTABLE = [option for option in OPTIONS if option.role is not Role.ENGINE]


@given(st.sampled_from(OPTIONS), st.binary(max_size=80))
def test_any_octets_are_a_value_or_refused(option: object, octets: bytes) -> None:
    try:
        decoded = option.kind.decode(octets)  # type: ignore[attr-defined]
        option.kind.show(octets)  # type: ignore[attr-defined]
    except ValueError:
        return
    json.dumps(decoded)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.sampled_from(_SETTABLE), _JSON)
def test_any_value_is_encoded_or_refused(option: object, value: object) -> None:
    try:
        octets = option.kind.encode(value)  # type: ignore[attr-defined]
    except ValueError:
        return
    assert 1 <= len(octets) <= 1024


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=60))
def test_addresses_round_trip(addresses: list[str]) -> None:
    kind = lookup("dns_server").kind
    assert kind.decode(kind.encode(addresses)) == addresses


_NAME = st.lists(st.text("abcxyz-0", min_size=1, max_size=8), min_size=1, max_size=5).map(".".join)


@given(st.lists(_NAME, min_size=1, max_size=8))
def test_domain_names_round_trip(names: list[str]) -> None:
    kind = lookup("domain_search_list").kind
    assert kind.decode(kind.encode(names)) == names


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 32)), min_size=1, max_size=9))
def test_routes_round_trip(networks: list[tuple[int, int]]) -> None:
    routes = [
        {"to": str(IPv4Network((number, length), strict=False)), "via": "192.0.2.1"}
        for number, length in networks
    ]
    kind = lookup("classless_static_route").kind
    assert kind.decode(kind.encode(routes)) == routes
