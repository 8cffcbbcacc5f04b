"""The JSON Schema: fresh, complete, and of the same mind as the loader where both can judge."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from ovsdhcp.cli import main
from ovsdhcp.config.loading import loads
from ovsdhcp.config.problems import ConfigError, Report
from ovsdhcp.config.reading import read
from ovsdhcp.config.schema import schema
from ovsdhcp.dhcp.options import OPTIONS, Role

CONFIGS = Path(__file__).parents[2] / "configs"
COMMITTED = CONFIGS / "ovsdhcp.schema.json"
EXAMPLES = sorted(CONFIGS.glob("*.yaml"))
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def marked(text: str) -> list[str]:
    """What an editor marks, as paths: the values are those that YAML 1.2 has, as `read` does."""
    report = Report()
    values = read(text, report)
    assert not report.findings
    return sorted({error.json_path for error in VALIDATOR.iter_errors(values)})


def test_what_is_committed_is_what_is_printed() -> None:
    """To renew: `ovsdhcp schema > configs/ovsdhcp.schema.json`, and read the difference."""
    result = CliRunner().invoke(main, ["schema"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert COMMITTED.read_text() == result.stdout


def test_it_is_a_schema_of_its_dialect() -> None:
    assert json.loads(COMMITTED.read_text())["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_name_it_and_agree_with_it(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={COMMITTED.name}"
    assert marked(path.read_text()) == []


def properties(part: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        for name, inner in part.get("properties", {}).items():
            yield name, inner
        for inner in part.values():
            yield from properties(inner)


def test_every_key_has_words() -> None:
    made = schema()
    del made["$defs"]["Options"]  # each refers to an option, which has them
    models = {name: part for name, part in made["$defs"].items() if not name.startswith("option-")}
    del models["BootKeys"]["properties"]["architectures"]["properties"]
    found = [*properties({**made, "$defs": models})]
    assert len(found) > 30
    assert not [name for name, part in found if not part.get("description")]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_there_by_all_its_names(option: Any) -> None:
    names = SCHEMA["$defs"]["Options"]["properties"]
    for name in (option.name, *option.aliases):
        assert (name in names) == (option.role is not Role.ENGINE)
    if option.role is not Role.ENGINE:
        told = SCHEMA["$defs"][f"option-{option.name}"]["description"]
        assert told.startswith(f"Option {option.code} (")
        assert option.kind.what in told


TABLE = """
subnets:
  net:
    cidr: 192.0.2.0/24
    server_id: 192.0.2.1
    server_mac: 02:00:00:00:00:01
    lease_time: 1h
    {subnet}
bridges:
  br0:
    {bridge}
    ports:
      vm1: {{subnet: net, ip: 192.0.2.10{port}}}
"""


def table(subnet: str = "", bridge: str = "", port: str = "") -> str:
    return TABLE.format(subnet=subnet, bridge=bridge, port=port)


@pytest.mark.parametrize(
    "text",
    [
        table(),
        table("T1: 90s\n    T2: 0001h".replace("0001h", "20m")),
        table("options:"),
        table("decline_probation: infinite\n    authoritative: false"),
        table("options: {server_mac: 02-00-00-00-00-01}"),
        table("options: {dns_server: 192.0.2.2, 224: '0a:0b', mtu: '1400', domain_name: null}")
        .replace(", domain_name: null", ""),
        table("boot: {next_server: 192.0.2.5, file: a, ipxe: b, architectures: {bios: c, 11: d}}"),
        table(bridge="dpid: '0x1'"),
        table(bridge="reply: resume\n    flows: managed\n    other_traffic: none"),
        table(bridge="tables: {classify: 1, dhcp_options: 2, dhcp_response: 253}"),
        table(port=", mac: 02ac.10ff.0130, ofport: 65279, trusted: true, options: {router: null}"),
        table(port=", mac: 2:ac:10:ff:1:30"),
        table(port=", mac: 02ac10ff0130"),
        table().replace("ip: 192.0.2.10", "hosts: [{mac: 02:00:00:00:00:02, ip: 192.0.2.9}]"),
        "bridges: {br0: {flows: external}}",
        "subnets:\nbridges: {br0: {ports: }}",
    ],
)  # fmt: skip
def test_what_is_right_is_not_marked(text: str) -> None:
    loads(text)
    assert marked(text) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (table("cdir: x"), "$.subnets.net"),
        (table().replace("192.0.2.0/24", "192.0.2.0"), "$.subnets.net.cidr"),
        (table().replace("192.0.2.0/24", "192.0.2.0/33"), "$.subnets.net.cidr"),
        (table().replace("server_id: 192.0.2.1", "server_id: 192.0.2.256"),
         "$.subnets.net.server_id"),
        (table().replace("lease_time: 1h", "lease_time: soon"), "$.subnets.net.lease_time"),
        (table().replace("lease_time: 1h", "lease_time: 0"), "$.subnets.net.lease_time"),
        (table("T1: 010"), "$.subnets.net.T1"),
        (table("authoritative: yes"), "$.subnets.net.authoritative"),
        (table("options: {ruoter: 192.0.2.1}"), "$.subnets.net.options"),
        (table("options: {message_type: 5}"), "$.subnets.net.options"),
        (table("options: {mtu: 67}"), "$.subnets.net.options.mtu"),
        (table("options: {mtu: large}"), "$.subnets.net.options.mtu"),
        (table("options: {ip_forward_enable: maybe}"), "$.subnets.net.options.ip_forward_enable"),
        (table("options: {dns_server: [5]}"), "$.subnets.net.options.dns_server"),
        (table("options: {classless_static_route: [{to: 10.0.0.0/8}]}"),
         "$.subnets.net.options.classless_static_route"),
        (table("options: {255: '00'}"), "$.subnets.net.options"),
        (table("options: {224: 5}"), "$.subnets.net.options['224']"),
        (table("boot: {architectures: {uefi: a}}"), "$.subnets.net.boot.architectures"),
        (table(bridge="dpid: '12'"), "$.bridges.br0.dpid"),
        (table(bridge="reply: packet_out"), "$.bridges.br0.reply"),
        (table(bridge="tables: {classify: 254}"), "$.bridges.br0.tables.classify"),
        (table(port=", ofport: 0"), "$.bridges.br0.ports.vm1.ofport"),
        (table(port=", ofport: '5'"), "$.bridges.br0.ports.vm1.ofport"),
        (table(port=", mac: 02:00:00:00:01"), "$.bridges.br0.ports.vm1.mac"),
        (table(port=", hosts: [{mac: 02:00:00:00:00:02, ip: 192.0.2.9}]"),
         "$.bridges.br0.ports.vm1"),
        (table().replace(", ip: 192.0.2.10", ""), "$.bridges.br0.ports.vm1"),
        (table().replace("ip: 192.0.2.10", "hosts: []"), "$.bridges.br0.ports.vm1.hosts"),
        (table().replace("ip: 192.0.2.10", "hosts: [{ip: 192.0.2.9}]"),
         "$.bridges.br0.ports.vm1.hosts[0]"),
        ("subnets: {}", "$"),
        ("bridges:", "$.bridges"),
        ("bridges: {b: }", "$.bridges.b"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_itself_is_marked(text: str, where: str) -> None:
    assert marked(text) == [where]
    with pytest.raises(ConfigError):
        loads(text)
