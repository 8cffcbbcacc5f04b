"""What a real OVN has, read and carried over: its flows, its northbound database, by file and live.

The network is the witness's, with what else OVN lays flows for: a load balancer, access lists, DNS,
quality of service, DHCPv6, router advertisements, a nested port. Nothing of it may be lost.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ovsdhcp.cli import main
from ovsdhcp.config.loading import loads
from ovsdhcp.dhcp.binding import Binding
from ovsdhcp.lab.laboratory import MACS, Lab, Names
from ovsdhcp.ovn.put_dhcp_opts import encode, of_binding
from tests.bridge import ovn_host
from tests.bridge.ovn_host import Ovn
from tests.bridge.ovn_network import PORTS, LogicalPort, make_network
from tests.bridge.ovn_questions import CLIENT, differences
from tests.bridge.test_ovn_witness import CLIENT_DIFFERENCES, CLIENTS, OF_THE_MOMENT, Got, lease
from tests.dhcp.wire import mac
from tests.ovn.test_put_dhcp_opts import NEUTRON

pytestmark = pytest.mark.skipif(bool(ovn_host.why_not()), reason=ovn_host.why_not())

LEASE_TABLE = "bridges: {br-int: {flows: external}}\n"
NESTED_MAC, NESTED = "02:ac:10:00:00:0a", "172.16.255.150"
SERVED = tuple(port for port in PORTS if port.options)


def add_the_rest(ovn: Ovn) -> None:
    """What is no DHCPv4, and a nested port."""
    ovn.nbctl("lb-add", "web", "172.16.255.170:80", "172.16.255.130:80", "tcp",
              "--", "ls-lb-add", "vm-net", "web", "--", "lr-lb-add", "router", "web")  # fmt: skip
    ovn.nbctl("--log", "--meter=slow", "acl-add", "vm-net", "from-lport", "1001", "ip4", "drop",
              "--", "acl-add", "vm-net", "to-lport", "1002", "udp.src == 67", "allow-related",
              "--", "meter-add", "slow", "drop", "10", "pktps",
              "--", "qos-add", "vm-net", "from-lport", "9", "ip4", "rate=1000", "dscp=8",
              "--", "lr-nat-add", "router", "snat", "10.9.9.9", "172.16.255.128/26")  # fmt: skip
    six = ovn.nbctl("create", "DHCP_Options", 'cidr="fd00::/64"',
                    'options:server_id="02:ac:10:ff:01:29"').strip()  # fmt: skip
    ovn.nbctl("lsp-set-dhcpv6-options", "vm5", six, "--", "lsp-set-addresses", "vm5",
              f"{MACS['vm5']} 172.16.255.130 fd00::5")  # fmt: skip
    ovn.nbctl("add", "Logical_Router_Port", "router-vm-net", "networks", '"fd00::1/64"', "--",
              "set", "Logical_Router_Port", "router-vm-net",
              "ipv6_ra_configs:address_mode=slaac")  # fmt: skip
    four = ovn.nbctl("--bare", "--columns=dhcpv4_options", "list", "Logical_Switch_Port", "vm3")
    ovn.nbctl("lsp-add", "vm-net", "nested", "vm5", "10", "--",
              "lsp-set-addresses", "nested", f"{NESTED_MAC} {NESTED}", "--",
              "lsp-set-dhcpv4-options", "nested", four.strip())  # fmt: skip


@dataclass(frozen=True)
class Source:
    """What there is to carry over, and what OVN's own clients had."""

    ovn: Ovn
    by_ovn: dict[str, Got]
    dump: str
    named: str
    files: tuple[str, ...]


@pytest.fixture(scope="module")
def source(
    new_names: Callable[[], Names], table: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Source]:
    lab = Lab(new_names())
    ovn = Ovn(lab)
    try:
        lab.up(table)
        lab.controller.stop()
        ovn.start_central()
        make_network(ovn)
        ovn.register_host()
        ovn.start_controller()
        by_ovn = {kind: lease(lab, kind) for kind in CLIENTS}
        add_the_rest(ovn)
        ovn.sync()
        dump, named = (
            lab.switch.ofctl("dump-flows", *names, "br-int", doing="read the flows")
            for names in ((), ("--names",))
        )
        folder = tmp_path_factory.mktemp("ovn")
        yield Source(ovn, by_ovn, dump, named, tuple(listed(ovn, folder)))
    finally:
        lab.down()


def listed(ovn: Ovn, folder: Path) -> Iterator[str]:
    """The files of the recipe."""
    for table in ("Logical_Switch_Port", "DHCP_Options"):
        (folder / table).write_text(ovn.nbctl("--format=json", "list", table))
        yield str(folder / table)
    said = ovn.lab.switch.vsctl("--format=json", "list", "Interface", doing="list the interfaces")
    (folder / "Interface").write_text(said)
    yield str(folder / "Interface")


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=text)


# -- reading ---------------------------------------------------------------------------------

IS_DHCP = re.compile(r"tp_src=68,tp_dst=67|tp_src=67,tp_dst=68|userdata=00\.00\.00\.02\.")


def test_every_dhcp_flow_is_explained_and_none_is_lost(source: Source) -> None:
    told = run("decode", text=source.dump).stdout
    assert [line for line in told.splitlines() if not line.startswith("    ")] == (
        source.dump.splitlines()
    )
    said = dict(paragraphs(told))
    dhcp = [line for line in source.dump.splitlines() if IS_DHCP.search(line)]
    assert len(dhcp) == 6 * len(SERVED) + 6
    for line in dhcp:
        assert said[line][0].startswith("    table "), line
        offers = [word for word in said[line] if word.startswith("    put_dhcp_opts: offers ")]
        assert len(offers) == line.count("userdata=00.00.00.02."), line
    for line in source.dump.splitlines():
        assert ("userdata=" in line) <= bool(said.get(line)), f"nothing said of {line}"


def paragraphs(told: str) -> Iterator[tuple[str, list[str]]]:
    """Each line of the input, and what stands under it."""
    line, said = "", list[str]()
    for one in told.splitlines():
        if one.startswith("    "):
            said.append(one)
        else:
            yield line, said
            line, said = one, []
    yield line, said


def test_the_userdata_of_the_second_document_is_what_ovn_still_writes(source: Source) -> None:
    assert NEUTRON in source.dump


# -- carrying over ---------------------------------------------------------------------------


def bindings(table: str) -> dict[tuple[str, bytes | None], Binding]:
    (bridge,) = loads(table).bridges
    return {(port.name, b.mac): b for port in bridge.ports for b in port.bindings}


def test_flows_make_a_table_of_all_clients(source: Source) -> None:
    told = run("import", "flows", text=source.named)
    assert told.exit_code == 0
    found = bindings(told.stdout)
    expected = {(port.interface, mac(MACS[port.interface])): port.address for port in SERVED}
    expected["vm5", mac(NESTED_MAC)] = NESTED
    assert {who: str(b.address) for who, b in found.items()} == expected
    for line in source.dump.splitlines():
        userdata = re.search(r"userdata=(00\.00\.00\.02[0-9a-f.]*)", line)
        if userdata:
            assert any(encode(of_binding(b)).hex(".") == userdata[1] for b in found.values())


def test_what_flows_have_and_a_table_has_not_is_said(source: Source) -> None:
    told = run("import", "flows", text=source.named).stderr.splitlines()
    assert {re.sub(r"line \d+", "line N", line) for line in told} == {
        "not carried over: line N: put_dhcpv6_opts (IPv6)",
        "not carried over: line N: put_nd_ra_opts (IPv6)",
        "not carried over: line N: VLAN 10: vm5 tells clients by their MACs",
    }


def test_without_names_a_port_has_its_number(source: Source) -> None:
    told = run("import", "flows", text=source.dump)
    (bridge,) = loads(told.stdout).bridges
    assert {port.name: port.ofport for port in bridge.ports} == {
        f"port{number}": number for number in (1, 3, 4, 5)
    }


def test_the_northbound_database_makes_the_same_clients(source: Source) -> None:
    told = run("import", "ovn", *source.files)
    assert told.exit_code == 0
    assert told.stderr.splitlines() == [
        "not carried over: port nested: it is nested in port ['vm5']",
        "not carried over: port vm5: DHCPv6",
    ]
    found = bindings(told.stdout)
    flows = bindings(run("import", "flows", text=source.named).stdout)
    del flows["vm5", mac(NESTED_MAC)]
    assert found.keys() == flows.keys()
    for who, binding in found.items():
        assert of_binding(binding) == of_binding(flows[who])
        assert binding.subnet.server_mac == flows[who].subnet.server_mac


def test_a_running_database_says_the_same_as_its_files(source: Source) -> None:
    live = run("import", "ovn", *databases(source.ovn))
    assert (live.exit_code, live.stdout) == (0, run("import", "ovn", *source.files).stdout)


def databases(ovn: Ovn) -> tuple[str, ...]:
    return "--db", ovn.northbound, "--db", f"unix:{ovn.lab.switch.folder / 'db.sock'}"


def test_a_server_with_other_databases_is_refused(source: Source) -> None:
    told = run("import", "ovn", "--db", source.ovn.southbound)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "there is no OVN_Northbound or Open_vSwitch, but ['OVN_Southbound'" in told.stderr


@pytest.fixture(scope="module")
def ours(source: Source, new_names: Callable[[], Names], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:  # fmt: skip
    """A bridge of our own, `reply: packet-out`, on the table that OVN's database made."""
    path = tmp_path_factory.mktemp("carried") / "leases.yaml"
    path.write_text(run("import", "ovn", *databases(source.ovn)).stdout)
    lab = Lab(new_names())
    try:
        lab.up(path)
        lab.wait_for_flows(*(port.interface for port in SERVED))
        yield lab
    finally:
        lab.down()


@pytest.mark.parametrize("kind", CLIENTS)
def test_carried_over_the_client_has_the_same_lease(source: Source, ours: Lab, kind: str) -> None:
    theirs, mine = source.by_ovn[kind], lease(ours, kind)
    assert theirs.outcome == mine.outcome
    assert differences(theirs.ack, mine.ack) - OF_THE_MOMENT == set(CLIENT_DIFFERENCES[kind])


@pytest.mark.parametrize("port", [port for port in SERVED if port.interface != CLIENT])
def test_carried_over_every_port_is_served(ours: Lab, port: LogicalPort) -> None:
    client = ours.client("udhcpc", port.interface)
    client.start()
    (address,) = client.wait_until_bound().addresses
    assert IPv4Interface(address).ip == IPv4Interface(port.address).ip
    ours.clear(port.interface)
