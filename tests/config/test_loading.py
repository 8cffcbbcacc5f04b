"""Whole tables: what a right one becomes, and that of a wrong one comes only `ConfigError`."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovsdhcp.config.loading import load, loads
from ovsdhcp.config.problems import ConfigError, Problem, Severity
from ovsdhcp.config.subnets import Pool
from ovsdhcp.config.table import Config, OtherTraffic, Tables
from ovsdhcp.dhcp.binding import INFINITE, NO_BOOT, Binding, Boot

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLE = CONFIGS / "br-int.yaml"

NET = """
subnets:
  net:
    cidr: 192.0.2.0/24
    server_id: 192.0.2.1
    server_mac: 52:54:00:12:34:56
    lease_time: 1h
"""


def with_subnet(lines: str = "", port: str = "") -> str:
    vm1 = f"{{subnet: net, ip: 192.0.2.10{port}}}"
    return f"{NET}{lines}\nbridges: {{br0: {{ports: {{vm1: {vm1}}}}}}}\n"


def only(text: str) -> Binding:
    """The one binding of a table."""
    ((binding,),) = (
        [b for port in bridge.ports for b in port.bindings] for bridge in loads(text).bridges
    )
    return binding


def by_address(config: Config) -> Mapping[str, Binding]:
    def bindings() -> Iterator[Binding]:
        for bridge in config.bridges:
            for port in bridge.ports:
                yield from port.bindings

    return {str(binding.address): binding for binding in bindings()}


def codes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text)
    return [problem.code for problem in caught.value.problems]


# -- the examples ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_loads_without_a_warning(path: Path) -> None:
    warnings: list[Problem] = []
    assert load(path, warnings).bridges
    assert not warnings


def test_the_example_says_what_the_lab_needs() -> None:
    config = load(EXAMPLE)
    (bridge,) = config.bridges
    assert (bridge.name, bridge.dpid, bridge.tables) == ("br-int", None, Tables(0, 22, 23))
    assert bridge.other_traffic is OtherTraffic.NORMAL
    assert [port.name for port in bridge.ports] == ["vm1", "vm2", "vm3", "vm5"]
    bindings = by_address(config)
    vm5 = bindings["172.16.255.130"]
    assert vm5.mac == bytes.fromhex("02ac10ff0130")
    assert vm5.subnet.network == IPv4Network("172.16.255.128/26")
    assert vm5.subnet.server_mac == bytes.fromhex("02ac10ff0129")
    assert vm5.lease_time == 3600
    assert vm5.options == {
        3: IPv4Address("172.16.255.129").packed,
        6: IPv4Address("172.25.250.254").packed,
        12: b"vm5",
        26: (1442).to_bytes(2, "big"),
        121: bytes.fromhex("20a9fea9feac10ff82 00ac10ff81"),
    }
    assert bindings["172.16.255.133"].mac is None
    assert bindings["172.16.255.131"].options[12] == b"a"
    assert bindings["172.16.255.134"].options[26] == (1400).to_bytes(2, "big")
    assert bindings["172.16.255.134"].lease_time == 600


def test_bindings_that_add_nothing_share_their_options() -> None:
    first, second = by_address(
        loads(
            NET
            + "    options: {router: 192.0.2.1}\n"
            + "bridges: {br0: {ports: {"
            + "a: {subnet: net, ip: 192.0.2.10}, b: {subnet: net, ip: 192.0.2.11}}}}"
        )
    ).values()
    assert first.options is second.options
    assert first.boot is second.boot is NO_BOOT


# -- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subnet", "port", "lease_time", "t1", "t2"),
    [
        ("", "", 3600, None, None),
        ("    T1: 10m\n    T2: 20m", "", 3600, 600, 1200),
        ("    T1: 10m\n    T2: 20m", ", T1: 5m", 3600, 300, 1200),
        ("    T1: 10m", ", options: {T1: null}", 3600, None, None),
        ("    options: {T1: 600, T2: 1200}", "", 3600, 600, 1200),
        ("    options: {lease_time: 3600}", "", 3600, None, None),
        ("", ", lease_time: infinite", INFINITE, None, None),
        ("", ", options: {lease_time: 90}", 90, None, None),
        ("", ', options: {51: "0000000a"}', 10, None, None),
    ],
)
def test_times(subnet: str, port: str, lease_time: int, t1: int | None, t2: int | None) -> None:
    binding = only(with_subnet(subnet, port))
    assert (binding.lease_time, binding.t1, binding.t2) == (lease_time, t1, t2)


@pytest.mark.parametrize(
    ("subnet", "port", "options"),
    [
        ("    options:", "", {}),
        ("    options: {router: 192.0.2.1}", "", {3: "c0000201"}),
        ("    options: {router: 192.0.2.1}", ", options: {gateway: 192.0.2.2}", {3: "c0000202"}),
        ("    options: {router: 192.0.2.1}", ", options: {router: null}", {}),
        ("    options: {router: 192.0.2.1}", ", options: {3: null}", {}),
        ("    options: {router: 192.0.2.1}", ", options: {hostname: a}", {3: "c0000201", 12: "61"}),
        ('    options: {224: "0a0b", 3: "c0:00:02:01"}', "", {224: "0a0b", 3: "c0000201"}),
        ("    options: {netmask: 255.255.255.0, server_id: 192.0.2.1}", "", {}),
        ("    options: {tftp_server: 192.0.2.9}", "", {66: b"192.0.2.9".hex()}),
        ("    options: {server_mac: 5254.0012.3456}", "", {}),
    ],
)
def test_options(subnet: str, port: str, options: Mapping[int, str]) -> None:
    binding = only(with_subnet(subnet, port))
    assert {code: octets.hex() for code, octets in binding.options.items()} == options


SERVER = IPv4Address("192.0.2.9")


@pytest.mark.parametrize(
    ("subnet", "port", "boot"),
    [
        ("", "", NO_BOOT),
        ("    options: {next_server: 192.0.2.9}", "", Boot(SERVER)),
        ("    options: {bootfile_name: a}", "", Boot(None, "a")),
        ("    options: {bootfile_name: a, bootfile_name_alt: b}", "", Boot(None, "b", {}, "a")),
        (
            "    options: {bootfile_name: a}",
            ", options: {bootfile_name_alt: b}",
            Boot(None, "b", {}, "a"),
        ),
        (
            "    options: {bootfile_name: a, next_server: 192.0.2.9}",
            ", options: {bootfile_name: null}",
            Boot(SERVER),
        ),
        ("    boot: {next_server: 192.0.2.9, file: a}", "", Boot(SERVER, "a")),
        ("    boot: {file: a, ipxe: i}", "", Boot(None, "a", {}, "i")),
        ("    boot: {file: a, ipxe: i}", ", boot: {file: b}", Boot(None, "b", {}, "i")),
        ("    boot: {file: a}", ", boot: {ipxe: i}", Boot(None, "a", {}, "i")),
        ("    boot: {file: a, ipxe: i}", ", boot: {ipxe: j}", Boot(None, "a", {}, "j")),
        ("    boot: {ipxe: i}", "", Boot(None, None, {}, "i")),
        ("    boot: {ipxe: i}", ", boot: {file: b}", Boot(None, "b", {}, "i")),
        (
            "    boot: {ipxe: i, architectures: {bios: b}}",
            ", boot: {ipxe: j}",
            Boot(None, None, {0: "b"}, "j"),
        ),
        (
            "    boot: {architectures: {bios: b, uefi-x64: u, 11: r}}",
            ", boot: {architectures: {uefi-x64: v}}",
            Boot(None, None, {0: "b", 7: "v", 9: "v", 11: "r"}),
        ),
    ],
)
def test_boot(subnet: str, port: str, boot: Boot) -> None:
    assert only(with_subnet(subnet, port)).boot == boot


def test_ovn_tables_carry_the_server_in_their_options() -> None:
    binding = only(
        "subnets: {net: {cidr: 10.0.0.0/24, options: {server_id: 10.0.0.1, lease_time: '3600',"
        " server_mac: 'ff-10'}}}\n".replace("ff-10", "02:00:00:00:00:01")
        + "bridges: {b: {ports: {p: {subnet: net, ip: 10.0.0.4}}}}"
    )
    assert binding.subnet.server_id == IPv4Address("10.0.0.1")
    assert binding.subnet.server_mac == bytes.fromhex("020000000001")
    assert binding.lease_time == 3600
    assert not binding.options


def test_hosts_take_from_their_port_and_the_port_from_its_subnet() -> None:
    bindings = by_address(
        loads(
            NET
            + """
    options: {router: 192.0.2.1, mtu: 1400}
    boot: {file: a}
bridges:
  br0:
    ports:
      trunk:
        subnet: net
        ofport: 5
        trusted: true
        options: {mtu: 1300, hostname: port}
        hosts:
          - {mac: 02:00:00:00:00:02, ip: 192.0.2.10, options: {hostname: a}, boot: {file: b}}
          - {mac: 02:00:00:00:00:03, ip: 192.0.2.11, trusted: false}
"""
        )
    )
    first, second = bindings.values()
    assert (first.options[12], second.options[12]) == (b"a", b"port")
    assert first.options[26] == second.options[26] == (1300).to_bytes(2, "big")
    assert (first.boot.bootfile_name, second.boot.bootfile_name) == ("b", "a")
    assert (first.trusted, second.trusted) == (True, False)


HOST = st.tuples(
    st.sampled_from(
        [
            "02:00:00:00:00:01",
            "02:00:00:00:00:02",
            "020000000003",
            "52:54:00:12:34:56",
            "03:0:0:0:0:1",
            "2",
        ]
    ),
    st.sampled_from(["192.0.2.10", "192.0.2.11", "192.0.2.1", "192.0.2.255", "10.0.0.1", "10"]),
    st.sampled_from(["", ", options: {hostname: a}", ", trusted: true", ", lease_time: 0"]),
)


@given(st.lists(st.lists(HOST, max_size=5), min_size=1, max_size=2))
def test_a_host_that_says_no_more_than_it_must_is_a_host_like_any(
    ports: list[list[tuple[str, str, str]]],
) -> None:
    def read(always: str = "") -> list[object]:
        text = f"{NET}bridges:\n  br0:\n    ports:\n"
        for number, hosts in enumerate(ports):
            text += f"      p{number}:\n        subnet: net\n        hosts:\n"
            for mac, ip, more in hosts:
                text += f"          - {{mac: {mac}, ip: {ip}{more or always}}}\n"
        try:
            return [(port, list(port.bindings)) for port in loads(text).bridges[0].ports]
        except ConfigError as error:
            return [(p.code, p.path, p.place.line, p.clash.line) for p in error.problems]

    found = read()
    assert found == read(", options: {}")
    with patch.object(Pool, "can_give", return_value=False):  # claimed one by one, then
        assert found == read()


# -- bridges and subnets ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("{}", Tables(0, 22, 23)),
        ("{dhcp_options: 40}", Tables(0, 40, 41)),
        ("{classify: 5, dhcp_options: 6, dhcp_response: 253}", Tables(5, 6, 253)),
    ],
)
def test_tables(tables: str, expected: Tables) -> None:
    (bridge,) = loads(f"bridges: {{br0: {{tables: {tables}}}}}").bridges
    assert bridge.tables == expected


@pytest.mark.parametrize(
    ("cidr", "address", "code"),
    [
        ("192.0.2.0/30", "192.0.2.2", ""),
        ("192.0.2.0/30", "192.0.2.3", "address-of-broadcast"),
        ("192.0.2.0/31", "192.0.2.0", ""),
        ("192.0.2.0/31", "192.0.2.1", "address-of-server"),
        ("192.0.2.5/32", "192.0.2.5", ""),
        ("192.0.2.5/32", "192.0.2.6", "address-outside"),
    ],
)
def test_small_networks(cidr: str, address: str, code: str) -> None:
    text = with_subnet().replace("192.0.2.0/24", cidr).replace("192.0.2.10", address)
    if code:
        assert codes(text) == [code]
    else:
        assert str(only(text).address) == address


def test_subnets_of_two_bridges_may_have_the_same_addresses() -> None:
    config = loads(
        NET
        + NET.replace("subnets:", "").replace("net:", "other:")
        + "bridges:\n"
        + "  a: {ports: {p: {subnet: net, ip: 192.0.2.9, mac: 02:00:00:00:00:02}}}\n"
        + "  b: {ports: {p: {subnet: other, ip: 192.0.2.9, mac: 02:00:00:00:00:02}}}\n"
    )
    assert len(config.bridges) == 2


# -- warnings, files, text -------------------------------------------------------------------


def test_a_server_outside_its_subnet_is_a_warning() -> None:
    warnings: list[Problem] = []
    loads(with_subnet().replace("server_id: 192.0.2.1", "server_id: 169.254.0.254"), "t", warnings)
    (warning,) = warnings
    assert (warning.code, warning.severity) == ("server-id-outside", Severity.WARNING)
    assert warning.render().startswith("t:5:16: warning[server-id-outside]: subnets.net.server_id:")


def test_names_that_openflow_cuts_short_are_warnings() -> None:
    warnings: list[Problem] = []
    ports = "{a-very-long-port-name: {subnet: net, ip: 192.0.2.10}}"
    loads(f"{NET}bridges: {{a-very-long-bridge: {{ports: {ports}}}}}", "t", warnings)
    assert [warning.code for warning in warnings] == ["long-name", "long-name"]
    with_numbers = ports.replace("{subnet", "{ofport: 5, subnet")
    warnings.clear()
    loads(
        f"{NET}bridges: {{a-very-long-bridge: {{dpid: '0x1', ports: {with_numbers}}}}}",
        "t",
        warnings,
    )
    assert not warnings


def test_a_wrong_table_tells_its_warnings_too() -> None:
    text = with_subnet("    x: 1").replace("server_id: 192.0.2.1", "server_id: 169.254.0.254")
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert [warning.code for warning in caught.value.warnings] == ["server-id-outside"]


@pytest.mark.parametrize("name", ["missing.yaml", "", "a\0b"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"{tmp_path}/{name}")
    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == ("unreadable", 0)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_bytes(b"bridges:\n  # M\xfcnchen\n  br0: {}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.column) == ("not-utf-8", 2, 6)


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + with_subnet().encode())
    assert load(path) == loads(with_subnet(), str(path))


def test_no_more_than_a_hundred_problems_are_shown() -> None:
    bridges = ", ".join(f"b{i}: 5" for i in range(150))
    with pytest.raises(ConfigError) as caught:
        loads(f"bridges: {{{bridges}}}")
    assert len(caught.value.problems) == 150
    assert str(caught.value).endswith("... and 50 more problems")


@pytest.mark.parametrize("alias", ["*hosts", "[*host, *host]"])
def test_what_is_wrong_behind_an_alias_is_found_there(alias: str) -> None:
    text = (
        NET
        + f"""
bridges:
  a: {{ports: {{p: {{subnet: net, hosts: &hosts [&host {{mac: 5, ip: 192.0.2.9}}]}}}}}}
  b: {{ports: {{p: {{subnet: net, hosts: {alias}}}}}}}
"""
    )
    assert set(codes(text)) == {"bad-mac", "address-twice"}


# -- anything at all -------------------------------------------------------------------------

NAMES = """
    subnets bridges ports hosts options tables boot architectures mac ip subnet net br0
    cidr server_id server_mac lease_time T1 T2 trusted ofport dpid reply flows
    192.0.2.0/24 192.0.2.1 192.0.2.10 02:00:00:00:00:01 1h 0 -1 5 true null 0x1 <<
    router mtu hostname bootfile_name next_server 3 51 61 999
"""
WORDS = [
    *NAMES.split(),
    "{a, b}",
    "\x1b[2J",
    "\U0001f600",
    "",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
    ),
    max_leaves=30,
)


def survive(text: str) -> None:
    try:
        loads(text)
    except ConfigError as error:
        no_words = "not understood" in str(error)  # of `validation` for a type it has not met
    else:
        no_words = False
    assert not no_words


@given(st.text())
def test_any_text_is_a_table_or_a_config_error(text: str) -> None:
    survive(text)


@given(st.text(alphabet="ab01:-?!&*#{}[],'\"|>%@\\ \t\n\r~<.\ud800\x85\u2028"))
def test_any_text_of_yaml_signs_is_a_table_or_a_config_error(text: str) -> None:
    survive(text)


@settings(max_examples=3 * settings().max_examples)
@given(VALUES)
def test_any_document_is_a_table_or_a_config_error(values: object) -> None:
    survive(as_yaml(values))


@settings(max_examples=3 * settings().max_examples)
@given(
    st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=4),
    st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=4),
)
def test_any_values_in_the_right_places(subnet: object, port: object) -> None:
    survive(
        as_yaml({"subnets": {"net": subnet}, "bridges": {"br0": {"ports": {"p": port, "q": port}}}})
    )


def as_yaml(value: object) -> str:
    """Flow style, text as it comes, so that some of it is not what it was."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {as_yaml(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return str(value)


@pytest.mark.parametrize("octets", [b"\xff\xfe\x00", b"\x00", b"\xef\xbb\xbf", bytes(range(256))])
def test_any_octets_are_a_config_error(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_bytes(octets)
    with pytest.raises(ConfigError):
        load(path)
