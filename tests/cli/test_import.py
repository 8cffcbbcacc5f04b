"""`ovsdhcp import`: lease tables from flows and from OVN, and nothing lost in silence."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.cli import main, ovsdb
from ovsdhcp.config.loading import loads
from ovsdhcp.config.table import Port
from ovsdhcp.dhcp.binding import Binding, Boot
from ovsdhcp.dhcp.options import OPTIONS, Role
from ovsdhcp.ovn.put_dhcp_opts import encode, of_binding
from tests.ovn.test_put_dhcp_opts import NEUTRON, SEED

ROOT = Path(__file__).parents[2]


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def flow(userdata: str, match: str) -> str:
    return (
        f"table=22, priority=100,udp,{match},tp_src=68,tp_dst=67 "
        f"actions=controller(userdata={userdata},pause),resubmit(,23)"
    )


def bindings(table: str) -> dict[tuple[str, bytes | None], Binding]:
    (bridge,) = loads(table).bridges
    return {(port.name, b.mac): b for port in bridge.ports for b in port.bindings}


def ports(table: str) -> tuple[Port, ...]:
    return loads(table).bridges[0].ports


# -- flows -----------------------------------------------------------------------------------


def test_the_seeds_flow_file() -> None:
    told = run("import", "flows", str(ROOT / "tests/bridge/seed-dhcp-test.flow"))
    assert told.exit_code == 0
    assert told.stderr == ""
    (port,) = ports(told.stdout)
    (binding,) = port.bindings
    assert (port.name, port.ofport) == ("port5", 5)
    assert binding.mac == bytes.fromhex("02ac10ff0130")
    assert (str(binding.address), binding.lease_time) == ("172.16.255.130", 3600)
    assert str(binding.subnet.network) == "172.16.255.128/26"
    assert str(binding.subnet.server_id) == "172.16.255.129"
    assert binding.subnet.server_mac == bytes.fromhex("02ac10ff0129")
    assert dict(binding.options) == {3: bytes.fromhex("ac10ff81")}


SAMPLES = {
    "ipv4": "10.0.0.9",
    "ipv4 list": "[10.0.0.2, 10.0.0.3]",
    "ipv4 pairs": "[[10.1.0.0, 255.255.0.0], [10.2.0.0, 255.255.0.0]]",
    "ipv4 lists": "[[10.0.0.2, 10.0.0.3], [10.0.0.4]]",
    "int32": "-3600",
    "uint8": "8",
    "uint16": "9000",
    "uint32": "4294967295",
    "uint16 list": "[68, 1500]",
    "seconds": "1800",
    "bool": "true",
    "text": '"it\'s: \\"quoted\\" # \\u00e9"',
    "hex": '"0a0b"',
    "host_id": "boot.example",
    "words": "[http://10.0.0.2/, http://10.0.0.3/]",
    "user class": "[one, two]",
    "encapsulated": '{1: "0a0b", 2: "0c"}',
    "enterprise classes": '{3561: ["0a0b", "0c"]}',
    "enterprise options": '{3561: {1: "0a", 2: "0b0c"}}',
    "domain": "a.example",
    "domains": "[ovn.org, abc.ovn.org, xn--bcher-kva.example]",
    "slp agents": "{mandatory: true, addresses: [10.0.0.2]}",
    "slp scopes": '{mandatory: true, scopes: "lan,wan"}',
    "sip servers": "[a.example, b.example]",
    "static_routes": "[{to: 10.9.0.0/16, via: 10.0.1.1}, {to: 0.0.0.0/0, via: 10.0.1.1}]",
    "rdnss selection": "{servers: [10.0.0.2], domains: [a.example], preference: high}",
    "resolvers": '[{priority: 2, name: a.example, addresses: [10.0.0.2], parameters: "0001"}]',
    "6rd": '{prefix: "2001:db8::/32", mask_length: 8, relays: [10.0.0.2]}',
}
"""A value for each kind of option, as a lease table has it."""

VALUES = [
    *(f"{o.name}: {SAMPLES[o.kind.name]}" for o in OPTIONS if o.role is Role.OPTION),
    *("tftp_server: 10.0.0.10", "sip_servers: [10.0.0.2]", 'hostname: "null"'),
    *('vendor_options: "00010a"', "directory_agent: [10.0.0.2]", "time_offset: 0"),
    *('captive_portal: "https://example.org/?a=b,c&d={e}"', "lease_time: infinite"),
    *("next_server: 10.0.0.9", 'bootfile_name: "http://10.0.0.9/boot.ipxe"', "T1: 1000"),
    *("bootfile_name_alt: undionly.kpxe", "T2: 2000", '"224": "0a0b"', '"84": "00"'),
]
"""Every option that a table may have, one of each kind at least; and those with an edge."""


def big_table() -> str:
    """Fifty ports in three subnets, with all of `VALUES` among them."""
    lines = ["subnets:"]
    for net in range(3):
        lines += [
            f"  net{net}:",
            f"    cidr: 10.0.{net}.0/24",
            f"    server_id: 10.0.{net}.1",
            f"    server_mac: 02:00:00:00:00:0{net}",
            "    lease_time: 1h",
            "    options: {dns_server: [10.0.0.2, 10.0.0.3], router: 10.0.1.1}",
        ]
    lines += ["bridges:", "  br-int:", "    reply: resume", "    ports:"]
    for number in range(50):
        net, host = number % 3, 10 + number
        lines += [
            f"      vm{number}:",
            f"        subnet: net{net}",
            f"        ip: 10.0.{net}.{host}",
        ]
        if number % 5:
            lines += [f"        mac: 02:00:00:00:01:{number:02x}"]
        lines += ["        options:", *(f"          {line}" for line in chosen(number))]
    return "\n".join(lines) + "\n"


def chosen(number: int) -> Iterator[str]:
    """A port's share of `VALUES`; of one option with several, a port has one."""
    shares = {line.partition(":")[0]: line for line in VALUES[number::50]}
    return iter(shares.values())


def test_the_large_table_has_every_option_that_a_table_may_have() -> None:
    table = big_table()
    assert all(f"          {line}\n" in table for line in VALUES)
    found = set().union(*(binding.options for binding in bindings(table).values()))
    assert found == {o.code for o in OPTIONS if o.role is Role.OPTION} | {224, 84}


def test_a_large_table_survives_render_and_import(tmp_path: Path) -> None:
    table = tmp_path / "table.yaml"
    table.write_text(big_table(), encoding="utf-8")
    rendered = run("flows", "render", str(table))
    assert rendered.exit_code == 0, rendered.output
    first = run("import", "flows", text=rendered.stdout)
    assert (first.exit_code, first.stderr) == (0, "")
    before, after = bindings(big_table()), bindings(first.stdout)
    assert before.keys() == after.keys()
    for who, binding in before.items():
        assert of_binding(after[who]) == of_binding(binding)
        assert after[who].subnet.server_mac == binding.subnet.server_mac
    again = tmp_path / "again.yaml"
    again.write_text(first.stdout, encoding="utf-8")
    assert run("flows", "render", str(again)).stdout == rendered.stdout
    assert run("import", "flows", text=run("flows", "render", str(again)).stdout).stdout == (
        first.stdout
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([flow(SEED, "reg14=0x1,metadata=0x5")],
         "line 1: no flow says which port this is: reg14 0x1, metadata 0x5"),
        ([flow(SEED[:-18], "in_port=5")],
         "line 1: the flow's userdata names no server (option 54)"),
        ([flow(SEED, "in_port=5,dl_src=02:00:00:00:00:00/ff:00:00:00:00:00")],
         "line 1: dl_src 02:00:00:00:00:00/ff:00:00:00:00:00 is not one client's"),
        ([flow("00.00.00.05.00.00.00.00", "in_port=5")], "line 1: put_dhcpv6_opts (IPv6)"),
        ([flow(SEED, "in_port=5"), flow(NEUTRON, "in_port=5")],
         "line 2: port port5 has another client, and one of them has no MAC"),
        ([flow(SEED, "in_port=5"), flow(SEED, "in_port=6")],
         "line 2: 172.16.255.130 is given to another client already"),
        ([flow(SEED, "in_port=5,dl_src=02:00:00:00:00:01"),
          flow(NEUTRON, "in_port=6,dl_src=02:00:00:00:00:01")],
         "line 2: 02:00:00:00:00:01 has 172.16.255.130 already"),
        ([flow(SEED + ".06.03.0a.00.00", "in_port=5")],
         "line 1: option 6 (dns_server) is malformed: 0a0000"),
        ([flow(SEED + ".3a.04.00.00.ff.ff", "in_port=5")],
         "line 1: T1 65535 out of order in a lease of 3600 s"),
        ([flow(SEED.replace("ac.10.ff.82", "ac.10.ff.81"), "in_port=5")],
         "line 1: 172.16.255.129 is the server's own address"),
        ([flow(SEED, "in_port=5")],
         "no flow says the MAC of the server 172.16.255.129: 02:00:ac:10:ff:81 is made up"),
        (["NXST_FLOW reply (xid=0x4):", " table=22, foo( actions=bar("],
         "line 2: no flow can be read from this: table=22, foo( actions=bar("),
        (["table=0, priority=150,in_port=5,dl_vlan=10 "
          "actions=load:0x5->OXM_OF_METADATA[],load:0x1->NXM_NX_REG14[]",
          flow(SEED, "reg14=0x1,metadata=0x5,dl_src=02:00:00:00:00:01")],
         "line 2: VLAN 10: port5 tells clients by their MACs"),
        ([flow("00.00.00.1c.00.00.00.00", "in_port=5")],
         "line 1: dhcp_relay_req_chk (a DHCP relay)"),
    ],
)  # fmt: skip
def test_what_is_not_carried_over_is_said_and_kept(lines: list[str], said: str) -> None:
    told = run("import", "flows", text="\n".join(lines))
    assert told.exit_code == 0
    assert f"not carried over: {said}" in told.stderr.splitlines()
    assert f"#   {said}" in told.stdout.splitlines()
    loads(told.stdout)


def test_nothing_makes_an_empty_table() -> None:
    told = run("import", "flows", text="NXST_FLOW reply (xid=0x4):\n")
    assert told.exit_code == 0
    assert ports(told.stdout) == ()


@given(st.binary(max_size=40))
def test_any_userdata_makes_a_table_that_can_be_read(tail: bytes) -> None:
    userdata = SEED + "".join(f".{octet:02x}" for octet in tail)
    told = run("import", "flows", text=flow(userdata, 'in_port="a b"'))
    assert told.exit_code == 0, told.output
    loads(told.stdout)


# -- OVN -------------------------------------------------------------------------------------

UUID = "0029ead2-8124-439b-9ec0-9579d9f601ea"
DHCP = "b68ca1fa-0000-4000-8000-000000000001"


def listed(*rows: dict[str, object]) -> str:
    headings = list(dict.fromkeys(name for row in rows for name in row))
    return json.dumps(
        {"headings": headings, "data": [[r.get(h, "") for h in headings] for r in rows]}
    )


def options_row(cidr: str = "192.168.1.0/24", **given: str) -> dict[str, object]:
    options = {
        "server_id": "192.168.1.1",
        "server_mac": "fa:16:3e:9f:1a:b5",
        "lease_time": "43200",
        "mtu": "1442",
        "router": "192.168.1.1",
        "dns_server": "{172.25.250.254}",
        "classless_static_route": "{169.254.169.254/32,192.168.1.2, 0.0.0.0/0,192.168.1.1}",
        "domain_name": '"ovn.org"',
        **given,
    }
    pairs = [[key, value] for key, value in options.items() if value]
    return {"_uuid": ["uuid", DHCP], "cidr": cidr, "options": ["map", pairs]}


def port_row(name: str = UUID, addresses: object = "", **more: object) -> dict[str, object]:
    return {
        "name": name,
        "addresses": addresses or "fa:16:3e:8b:ea:fd 192.168.1.7 192.168.1.8",
        "dhcpv4_options": ["uuid", DHCP],
        "dhcpv6_options": ["set", []],
        "enabled": ["set", []],
        "type": "",
        "parent_name": ["set", []],
        "options": ["map", []],
        "dynamic_addresses": ["set", []],
        **more,
    }


def imported(tmp_path: Path, *tables: str) -> Result:
    files = []
    for number, table in enumerate(tables):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(table)
    return run("import", "ovn", *map(str, files))


def test_a_port_of_neutron_is_told_what_ovn_tells_it(tmp_path: Path) -> None:
    told = imported(tmp_path, listed(port_row()), listed(options_row(domain_name="")))
    assert told.exit_code == 0
    (((name, mac), binding),) = bindings(told.stdout).items()
    assert (name, mac) == ("tap0029ead2-81", bytes.fromhex("fa163e8beafd"))
    assert binding.subnet.server_mac == bytes.fromhex("fa163e9f1ab5")
    assert encode(of_binding(binding)).hex(".") == NEUTRON


def test_names_come_from_the_bridge_and_hostnames_from_the_port(tmp_path: Path) -> None:
    interface = {"name": "vnet7", "ofport": 7, "external_ids": ["map", [["iface-id", UUID]]]}
    row = port_row(options=["map", [["hostname", '"vm seven"']]])
    boot = options_row(next_server="10.0.0.9", bootfile_name='"a"', bootfile_name_alt='"b"')
    told = imported(tmp_path, listed(interface), listed(boot), listed(row))
    assert (told.exit_code, told.stderr) == (0, "")
    (binding,) = bindings(told.stdout).values()
    assert binding.port == "vnet7"
    assert binding.options[12] == b"vm seven"
    assert binding.options[15] == b"ovn.org"
    assert (binding.boot.bootfile_name, binding.boot.ipxe) == ("b", "a")
    assert isinstance(binding.boot, Boot)


@pytest.mark.parametrize(
    ("row", "options", "said"),
    [
        (port_row("p", dhcpv6_options=["uuid", DHCP]), {}, "port p: DHCPv6"),
        (port_row("p", enabled=False), {}, "port p: it is not enabled"),
        (port_row("p", type="external"), {},
         "port p: its type is external, which needs a bridge of its own"),
        (port_row("p", parent_name="q"), {}, "port p: it is nested in port ['q']"),
        (port_row("p", "unknown"), {},
         "port p: no address within 192.168.1.0/24 and a MAC to go with it"),
        (port_row("p", "fa:16:3e:8b:ea:fd 10.0.0.1"), {},
         "port p: no address within 192.168.1.0/24 and a MAC to go with it"),
        (port_row("p", dhcpv4_options=["uuid", "x"]), {},
         "port p: its DHCP_Options x are not in the files"),
        (port_row("p"), {"cidr": "fd00::/64"}, "port p: its options are for DHCPv6"),
        (port_row("p"), {"lease_time": ""},
         "port p: the flow's userdata has no lease time (option 51)"),
        (port_row("p"), {"server_mac": ""}, "port p: its DHCP_Options have no server_mac"),
        (port_row("p"), {"mtu": "1"},
         f"DHCP_Options {DHCP}: mtu = 1: expected a number from 68 to 65535, got 1"),
    ],
)  # fmt: skip
def test_what_ovn_has_and_a_table_cannot(
    row: dict[str, object], options: dict[str, str], said: str, tmp_path: Path
) -> None:
    told = imported(tmp_path, listed(row), listed(options_row(**options)))
    assert told.exit_code == 0, told.output
    assert f"not carried over: {said}" in told.stderr.splitlines()
    assert f"#   {said}" in told.stdout.splitlines()
    loads(told.stdout)


def test_dynamic_addresses(tmp_path: Path) -> None:
    row = port_row("p", "dynamic", dynamic_addresses="0a:00:00:00:00:01 192.168.1.9")
    told = imported(tmp_path, listed(row, port_row("lrp", type="router")), listed(options_row()))
    assert [str(b.address) for b in bindings(told.stdout).values()] == ["192.168.1.9"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"headings": ["a"], "data": [[1, 2]]}', "[" * 99]
)
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    told = imported(tmp_path, text)
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "not the output of `ovn-nbctl --format=json list TABLE`" in told.stderr


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    nobody = tmp_path / "db.sock"
    told = run("import", "ovn", "--db", f"unix:{nobody},tcp:127.0.0.1:1")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == (
        f"unix:{nobody}: No such file or directory; tcp:127.0.0.1:1: Connection refused\n"
    )
    assert run("import", "ovn").exit_code == 2


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    mute = tmp_path / "db.sock"
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(mute))
        there.listen()
        with pytest.raises(ovsdb.NoDatabaseError, match="no answer in time"):
            list(ovsdb.tables_of(f"unix:{mute}", within=0.01))
