"""put_dhcp_opts userdata: OVN's own, byte for byte; anything else, without an exception."""

import json
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.dhcp.binding import NO_BOOT, UNKNOWN_MAC, Binding, Boot, Subnet
from ovsdhcp.dhcp.options import OPTIONS, Role, lookup
from ovsdhcp.dhcp.reasons import WireError
from ovsdhcp.ovn.put_dhcp_opts import (
    OVN_RESULT,
    PutDhcpOpts,
    ResultBit,
    binding_of,
    decode,
    encode,
    of_binding,
    opcode,
    set_result,
)

ENCODINGS = json.loads((Path(__file__).parent / "data/option_encodings.json").read_text())
"""What OVN's tests (tests/ovn.at, at these lines) say of its encoder."""

HEAD = "00.00.00.02.00.00.00.00.00.01.de.10.00.00.00.63"
SEED = (  # the first seed document's flow of table 22
    f"{HEAD}.ac.10.ff.82.33.04.00.00.0e.10.01.04.ff.ff.ff.c0.03.04.ac.10.ff.81.36.04.ac.10.ff.81"
)
NEUTRON = (  # the second seed document's flow of table 20
    f"{HEAD}.c0.a8.01.07.79.0e.20.a9.fe.a9.fe.c0.a8.01.02.00.c0.a8.01.01.06.04.ac.19.fa.fe"
    ".33.04.00.00.a8.c0.1a.02.05.a2.01.04.ff.ff.ff.00.03.04.c0.a8.01.01.36.04.c0.a8.01.01"
)
REG14_BIT_0 = ResultBit(bytes.fromhex("00011c04"), 0)
EXPERIMENTER = ResultBit(bytes.fromhex("ffff0208 00002320"), 31)  # four octets of value
PACKET_REGISTER = ResultBit(bytes.fromhex("80010808"), 7)  # reg9[7], where OVN's relay has its own
TUN_METADATA = ResultBit(bytes.fromhex("00015008"), 5)


def octets(dotted: str) -> bytes:
    return bytes.fromhex(dotted.replace(".", ""))


def refusal(userdata: bytes) -> str:
    with pytest.raises(WireError) as caught:
        binding_of(decode(userdata), "vm5", None)
    return caught.value.reason.code


def with_options(*options: tuple[int, str], offer: str = "10.0.0.4") -> PutDhcpOpts:
    given = tuple((code, bytes.fromhex(value)) for code, value in options)
    return PutDhcpOpts(OVN_RESULT, IPv4Address(offer), given)


LEASE, SERVER = (51, "00000e10"), (54, "0a000001")

# -- octets ----------------------------------------------------------------------------------


def test_the_first_seed() -> None:
    opts = decode(octets(SEED))
    assert opts.result == OVN_RESULT
    assert opts.result.size == 16
    assert str(opts.offer_ip) == "172.16.255.130"
    assert [(lookup(code).name, lookup(code).kind.show(value)) for code, value in opts.options] == [
        ("lease_time", "3600"),
        ("netmask", "255.255.255.192"),
        ("router", "172.16.255.129"),
        ("server_id", "172.16.255.129"),
    ]
    assert encode(opts) == octets(SEED)


def test_the_second_seed() -> None:
    opts = decode(octets(NEUTRON))
    assert str(opts.offer_ip) == "192.168.1.7"
    assert [(lookup(code).name, lookup(code).kind.show(value)) for code, value in opts.options] == [
        (
            "classless_static_route",
            "{to: 169.254.169.254/32, via: 192.168.1.2}, {to: 0.0.0.0/0, via: 192.168.1.1}",
        ),
        ("dns_server", "172.25.250.254"),
        ("lease_time", "43200"),
        ("mtu", "1442"),
        ("netmask", "255.255.255.0"),
        ("router", "192.168.1.1"),
        ("server_id", "192.168.1.1"),
    ]
    assert encode(opts) == octets(NEUTRON)


@pytest.mark.parametrize("told", [e for e in ENCODINGS if e["decoded"]], ids=lambda e: e["line"])
def test_what_ovn_encodes_is_decoded(told: dict[str, object]) -> None:
    expected = told["decoded"]
    assert isinstance(expected, dict)
    userdata = octets(str(told["userdata"]))
    opts = decode(userdata)
    assert opts.result.header == bytes.fromhex(expected["oxm_header"][2:])
    assert opts.result.bit == expected["result_bit"]
    assert opts.result.size == expected["oxm_len"]
    assert str(opts.offer_ip) == expected["offer_ip"]
    listed = [[code, len(value), value.hex()] for code, value in opts.options]
    assert listed == expected["options"]
    assert encode(opts) == userdata


@pytest.mark.parametrize(
    "told", [e for e in ENCODINGS if e["decoded"] is None], ids=lambda e: e["line"]
)
def test_other_actions_are_told_apart(told: dict[str, object]) -> None:
    userdata = octets(str(told["userdata"]))
    assert opcode(userdata) in (5, 29)
    assert refusal(userdata) == "userdata-opcode"


HEADERS = st.builds(
    lambda oxm_class, number, size, experimenter: (
        oxm_class.to_bytes(2, "big") + bytes((number << 1, size + len(experimenter))) + experimenter
    ),
    st.integers(0, 0xFFFE),
    st.integers(0, 127),
    st.integers(1, 124),
    st.just(b""),
) | st.builds(
    lambda number, size, experimenter: b"\xff\xff" + bytes((number << 1, size + 4)) + experimenter,
    st.integers(0, 127),
    st.integers(1, 124),
    st.binary(min_size=4, max_size=4),
)
RESULTS = HEADERS.flatmap(
    lambda header: st.builds(
        ResultBit, st.just(header), st.integers(0, 8 * ResultBit(header, 0).size - 1)
    )
)
OPTS = st.builds(
    PutDhcpOpts,
    RESULTS,
    st.ip_addresses(v=4),
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=255)), max_size=8).map(tuple),
)


@given(OPTS)
def test_what_is_encoded_is_decoded(opts: PutDhcpOpts) -> None:
    assert decode(encode(opts)) == opts


@given(
    st.binary()
    | st.binary().map(lambda rest: octets(HEAD) + rest)
    | st.tuples(OPTS.map(encode), st.integers(0, 80), st.binary(max_size=3)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + len(cut[2]) :]
    )
    | st.integers(0, len(octets(NEUTRON))).map(lambda end: octets(NEUTRON)[:end])
)
def test_hostile_userdata_has_a_reason_at_most(userdata: bytes) -> None:
    with suppress(WireError):
        encode(of_binding(binding_of(decode(userdata), "vm5", None)))


@pytest.mark.parametrize(
    ("userdata", "reason"),
    [
        ("", "userdata-short"),
        ("00.00.00", "userdata-short"),
        ("00.00.00.02", "userdata-short"),
        (HEAD, "userdata-short"),
        (f"{HEAD}.0a.00.00", "userdata-short"),
        (f"{HEAD}.0a.00.00.04", "userdata-no-server-id"),
        (f"{HEAD}.0a.00.00.04.36", "userdata-options"),
        (f"{HEAD}.0a.00.00.04.36.04.0a.00.00", "userdata-options"),
        ("00.00.00.02.00.00.00.00.00.01.de.10.00.00.00.80.0a.00.00.04", "userdata-result"),
        ("00.00.00.02.00.00.00.00.00.01.df.20.00.00.00.63.0a.00.00.04", "userdata-result"),
        ("00.00.00.02.00.00.00.00.00.01.de.00.00.00.00.00.0a.00.00.04", "userdata-result"),
        ("00.00.00.02.00.00.00.00.ff.ff.02.03.00.00.23.20.00.00.00.00.0a.00.00.04",
         "userdata-result"),
        ("00.00.00.02.00.00.00.00.ff.ff.02.08.00.00.23.20.00.00.00.00", "userdata-short"),
        ("00.00.00.05.00.00.00.00", "userdata-opcode"),
    ],
)  # fmt: skip
def test_broken_userdata_is_named(userdata: str, reason: str) -> None:
    assert refusal(octets(userdata)) == reason


# -- the binding -----------------------------------------------------------------------------


def test_the_binding_of_the_first_seed() -> None:
    mac = bytes.fromhex("02ac10ff0130")
    binding = binding_of(decode(octets(SEED)), "vm5", mac)
    network = IPv4Network("172.16.255.128/26")
    server = Subnet("172.16.255.128/26", network, IPv4Address("172.16.255.129"), UNKNOWN_MAC)
    address = IPv4Address("172.16.255.130")
    options = {3: bytes.fromhex("ac10ff81")}
    assert binding == Binding("vm5", server, address, mac, 3600, options=options)
    assert binding.boot is NO_BOOT


@pytest.mark.parametrize(
    ("options", "offer", "reason"),
    [
        ([LEASE], "10.0.0.4", "userdata-no-server-id"),
        ([LEASE, (54, "0a0000")], "10.0.0.4", "userdata-no-server-id"),
        ([LEASE, (54, "e0000001")], "10.0.0.4", "userdata-no-server-id"),
        ([SERVER], "10.0.0.4", "userdata-no-lease-time"),
        ([SERVER, LEASE], "0.0.0.0", "userdata-offer"),
        ([SERVER, LEASE], "224.0.0.1", "userdata-offer"),
        ([SERVER, (51, "0e10")], "10.0.0.4", "userdata-value"),
        ([SERVER, LEASE, LEASE], "10.0.0.4", "userdata-value"),
        ([SERVER, LEASE, (1, "ffffff")], "10.0.0.4", "userdata-value"),
        ([SERVER, LEASE, (1, "ff00ff00")], "10.0.0.4", "userdata-value"),
        ([SERVER, LEASE, (58, "01")], "10.0.0.4", "userdata-value"),
        ([SERVER, LEASE, (253, "0a")], "10.0.0.4", "userdata-value"),
        ([SERVER, LEASE, (67, "ff")], "10.0.0.4", "userdata-value"),
    ],
)
def test_what_cannot_be_served_is_named(
    options: list[tuple[int, str]], offer: str, reason: str
) -> None:
    assert refusal(encode(with_options(*options, offer=offer))) == reason


@pytest.mark.parametrize(
    ("offer", "netmask", "network"),
    [
        ("10.1.2.3", "ffffff00", "10.1.2.0/24"),
        ("10.1.2.3", "ffffffff", "10.1.2.3/32"),
        ("10.1.2.3", "fffffffe", "10.1.2.2/31"),
        ("10.1.2.3", "00000000", "0.0.0.0/0"),
        ("10.1.2.3", "", "10.0.0.0/8"),
        ("172.16.1.2", "", "172.16.0.0/16"),
        ("192.0.2.7", "", "192.0.2.0/24"),
    ],
)
def test_the_network(offer: str, netmask: str, network: str) -> None:
    binding = binding_of(with_options(LEASE, SERVER, (1, netmask), offer=offer), "vm5", None)
    assert str(binding.subnet.network) == network


@pytest.mark.parametrize(
    ("given", "boot"),
    [
        ([], NO_BOOT),
        ([(67, "")], NO_BOOT),
        ([(253, "0a000009")], Boot(IPv4Address("10.0.0.9"))),
        ([(67, "61")], Boot(bootfile_name="a")),
        ([(67, "6100")], Boot(bootfile_name="a")),
        ([(254, "62")], Boot(bootfile_name="b")),
        ([(67, "61"), (254, "62")], Boot(bootfile_name="b", ipxe="a")),
    ],
)
def test_the_boot_file_is_chosen_as_ovn_chooses_it(
    given: list[tuple[int, str]], boot: Boot
) -> None:
    binding = binding_of(with_options(LEASE, SERVER, *given), "vm5", None)
    assert binding.boot == boot
    assert (binding.boot is NO_BOOT) == (boot is NO_BOOT)
    assert not binding.options


def test_options_in_parts_are_joined_and_the_engines_are_left_out() -> None:
    given = with_options(
        LEASE, SERVER, (43, "0101"), (43, "aa"), (53, "05"), (82, "00"), (0, "01"), (255, "02"),
        (121, ""), (224, "0a0b"), (58, "00000064"), (59, "000000c8"),
    )  # fmt: skip
    binding = binding_of(given, "vm5", None)
    assert dict(binding.options) == {43: bytes.fromhex("0101aa"), 224: bytes.fromhex("0a0b")}
    assert (binding.t1, binding.t2) == (100, 200)


def test_ovns_order() -> None:
    binding = binding_of(
        with_options(
            SERVER, LEASE, (1, "ffffff00"), (3, "0a000001"), (35, "00000001"), (254, "62"),
            (253, "0a000009"), (59, "000000c8"), (58, "00000064"), (67, "61"), (6, "0a000001"),
        ),
        "vm5",
        None,
    )  # fmt: skip
    codes = [code for code, _ in of_binding(binding).options]
    assert codes == [67, 254, 253, 58, 59, 35, 6, 51, 1, 3, 54]


@pytest.mark.parametrize("dotted", [SEED, NEUTRON])
def test_the_seeds_come_back_in_ovns_order(dotted: str) -> None:
    opts = decode(octets(dotted))
    made = of_binding(binding_of(opts, "vm5", None))
    assert sorted(made.options) == sorted(opts.options)
    assert (made.result, made.offer_ip) == (opts.result, opts.offer_ip)
    assert of_binding(binding_of(made, "vm5", None)) == made
    if dotted == NEUTRON:  # the first was written by hand
        assert made == opts


SENT = [option.code for option in OPTIONS if option.role is Role.OPTION] + [84, 224]
TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=60)
HOSTS = st.ip_addresses(v=4, network="10.0.0.0/8")
BINDINGS = st.builds(
    lambda address, prefix, server, lease, t1, t2, options, boot: Binding(
        "vm5",
        Subnet(
            str(network := IPv4Network((address, prefix), strict=False)),
            network,
            server,
            UNKNOWN_MAC,
        ),
        address,
        None,
        lease,
        t1,
        t2,
        MappingProxyType(options),
        boot,
    ),
    HOSTS,
    st.integers(0, 32),
    HOSTS,
    st.integers(1, 0xFFFF_FFFF),
    st.none() | st.integers(1, 0xFFFF_FFFF),
    st.none() | st.integers(1, 0xFFFF_FFFF),
    st.dictionaries(st.sampled_from(SENT), st.binary(min_size=1, max_size=600), max_size=8),
    st.just(NO_BOOT)
    | st.builds(Boot, st.none() | HOSTS, TEXTS)
    | st.builds(lambda server, file, ipxe: Boot(server, file, ipxe=ipxe), HOSTS, TEXTS, TEXTS),
)


@given(BINDINGS)
def test_a_binding_comes_back_from_its_userdata(binding: Binding) -> None:
    assert binding_of(decode(encode(of_binding(binding))), "vm5", None) == binding


# -- the result ------------------------------------------------------------------------------

REG0, REG1, METADATA, IN_PORT = "00010004", "00010204", "80000408", "80000004"


@pytest.mark.parametrize(
    ("metadata", "result", "value", "expected"),
    [
        ("", OVN_RESULT, True, f"{REG0} 00000008"),
        ("", OVN_RESULT, False, ""),
        (f"{REG0} 00000001", OVN_RESULT, True, f"{REG0} 00000009"),
        (f"{REG0} 0000000f", OVN_RESULT, False, f"{REG0} 00000007"),
        # other registers of the same xxreg keep what they have
        (f"{REG1} 00000005", OVN_RESULT, True, f"{REG1} 00000005 {REG0} 00000008"),
        (f"{REG1} 00000005", ResultBit(OVN_RESULT.header, 64), False, f"{REG1} 00000004"),
        (f"{IN_PORT} 00000001 {REG0} 00000000 {METADATA} 0000000000000005", OVN_RESULT, True,
         f"{IN_PORT} 00000001 {REG0} 00000008 {METADATA} 0000000000000005"),
        # OpenFlow 1.5: two registers in one field, with a mask
        ("80010110 0000000100000000 ffffffff00000000", OVN_RESULT, True,
         "80010110 0000000900000000 ffffffff00000000"),
        ("80010110 0000000000000005 00000000ffffffff", OVN_RESULT, True,
         "80010110 0000000800000005 00000008ffffffff"),
        ("80010008 0000000900000005", OVN_RESULT, False, "80010008 0000000100000005"),
        ("0001de10 000000000000000000000000 00000001", ResultBit(bytes.fromhex(REG0), 31), True,
         "0001de10 800000000000000000000000 00000001"),
        ("", PACKET_REGISTER, True, "00011204 00000080"),
        ("80010808 0000000000000001", PACKET_REGISTER, True, "80010808 0000000000000081"),
        ("00011204 00000001", PACKET_REGISTER, True, "00011204 00000081"),
        ("00011004 00000001", PACKET_REGISTER, True, "00011004 00000001 00011204 00000080"),
        ("00011c04 00000002", REG14_BIT_0, True, "00011c04 00000003"),
        # no register
        ("", TUN_METADATA, True, "00015008 0000000000000020"),
        ("00015110 0000000000000001 00000000000000ff", TUN_METADATA, True,
         "00015110 0000000000000021 00000000000000ff"),
        ("", EXPERIMENTER, True, "ffff0208 00002320 80000000"),
        ("ffff0208 00002320 00000001", EXPERIMENTER, True, "ffff0208 00002320 80000001"),
        ("ffff0208 00002321 00000001", EXPERIMENTER, True,
         "ffff0208 00002321 00000001 ffff0208 00002320 80000000"),
        ("ffff030c 00002320 00000001 0000ffff", EXPERIMENTER, True,
         "ffff030c 00002320 80000001 8000ffff"),
    ],
)  # fmt: skip
def test_the_result_goes_into_its_bit(
    metadata: str, result: ResultBit, value: bool, expected: str
) -> None:
    made = set_result(bytes.fromhex(metadata), result, value)
    assert made.hex() == expected.replace(" ", "")
    assert set_result(made, result, value) == made


@pytest.mark.parametrize(
    "metadata",
    ["00", "0001", "00010004", "00010004 0000", "ffff0203 00002320", "ffff0204", "00010000"],
)
def test_lying_metadata_is_named(metadata: str) -> None:
    with pytest.raises(WireError) as caught:
        set_result(bytes.fromhex(metadata), OVN_RESULT, True)
    assert caught.value.reason.code == "metadata-malformed"


@given(st.binary(max_size=60), RESULTS, st.booleans())
def test_hostile_metadata_has_a_reason_at_most(
    metadata: bytes, result: ResultBit, value: bool
) -> None:
    with suppress(WireError):
        made = set_result(metadata, result, value)
        assert set_result(made, result, value) == made
