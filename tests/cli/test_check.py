"""`ovsdhcp check`: which tables, in which form, and what the status says."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ovsdhcp.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "configs/br-int.yaml"

ODD = """
subnets:
  net: {cidr: 192.0.2.0/24, server_id: 192.0.2.1, server_mac: 02:00:00:00:00:01, lease_time: 30s}
bridges: {br0: {ports: {vm1: {subnet: net, ip: 192.0.2.10}}}}
"""
WRONG = ODD.replace("192.0.2.10", "192.0.2.1").replace("lease_time: 30s", "lease_time: 1h")
WORSE = ODD.replace("subnet: net", "subnet: nett")


def check(*arguments: str | Path, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)], env=environment)


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("odd", ODD), ("wrong", WRONG), ("worse", WORSE)):
        Path(f"{name}.yaml").write_text(text)


def test_a_right_table_is_summed_up_and_nothing_is_on_standard_output() -> None:
    result = check(EXAMPLE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{EXAMPLE}: 1 bridge, 4 ports, 5 clients\n"


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        (["odd"], 0, ["odd.yaml: 1 bridge, 1 port, 1 client, 1 warning"]),
        (["wrong"], 1, ["wrong.yaml: 1 error"]),
        (["worse"], 1, ["worse.yaml: 1 error, 1 warning"]),
        (
            ["wrong", "missing", "odd"],
            1,
            [
                "wrong.yaml: 1 error",
                "missing.yaml: 1 error",
                "odd.yaml: 1 bridge, 1 port, 1 client, 1 warning",
            ],
        ),
    ],
)
@pytest.mark.usefixtures("tables")
def test_status_and_sums(files: list[str], status: int, said: list[str]) -> None:
    result = check(*(f"{name}.yaml" for name in files))
    assert (result.exit_code, result.stderr.splitlines()) == (status, said)


@pytest.mark.usefixtures("tables")
def test_without_a_file_it_is_the_servers() -> None:
    result = check(environment={"OVSDHCP_CONFIG": "wrong.yaml"})
    assert result.exit_code == 1
    assert result.stdout.startswith("wrong.yaml:4:48: error[address-of-server]: ")


@pytest.mark.usefixtures("tables")
def test_json_has_every_problem_of_every_file() -> None:
    result = check("--format=json", "wrong.yaml", "worse.yaml")
    assert result.exit_code == 1
    first, second, third = json.loads(result.stdout)
    assert first == {
        "file": "wrong.yaml",
        "line": 4,
        "column": 48,
        "end_column": 57,
        "severity": "error",
        "code": "address-of-server",
        "path": "bridges.br0.ports.vm1.ip",
        "message": "192.0.2.1 is the server's own address",
        "hint": "",
        "clash": {"path": "subnets.net.server_id", "line": 3, "column": 40, "end_column": 49},
    }
    assert (second["severity"], second["code"], second["clash"]) == ("warning", "short-lease", None)
    assert (third["code"], third["hint"]) == ("unknown-subnet", "did you mean `net`?")


def test_json_of_nothing_wrong_is_an_empty_list() -> None:
    assert json.loads(check("--format=json", EXAMPLE).stdout) == []


def test_json_of_a_file_as_a_whole_has_no_place(tmp_path: Path) -> None:
    (problem,) = json.loads(check("--format=json", tmp_path).stdout)
    assert (problem["code"], problem["line"], problem["end_column"]) == ("unreadable", None, None)
    assert problem["message"] == "cannot be read: Is a directory"


@pytest.mark.usefixtures("tables")
def test_github_gets_annotations() -> None:
    assert check("--format=github", "wrong.yaml", "worse.yaml").stdout.splitlines() == [
        "::error file=wrong.yaml,title=address-of-server,line=4,col=48,endColumn=56"
        "::bridges.br0.ports.vm1.ip: 192.0.2.1 is the server's own address"
        "%0Aalso: line 3, subnets.net.server_id",
        "::warning file=worse.yaml,title=short-lease,line=3,col=94,endColumn=96"
        "::subnets.net.lease_time: the lease ends after 30 s, so clients ask every 15 s"
        "%0Ahint: an address belongs to its port in any case: an hour or a day does as well",
        "::error file=worse.yaml,title=unknown-subnet,line=4,col=39,endColumn=42"
        "::bridges.br0.ports.vm1.subnet: no subnet is called `nett`%0A"
        "also: line 3, subnets.net%0Ahint: did you mean `net`?",
    ]


def test_what_a_file_says_cannot_make_an_annotation(tmp_path: Path) -> None:
    path = tmp_path / "a,b:c%.yaml"
    path.write_text('bridges: {"x\\n::error::y": 5}\n')
    (line,) = check("--format=github", path).stdout.splitlines()
    assert line.startswith(f"::error file={tmp_path}/a%2Cb%3Ac%25.yaml,title=bad-mapping,line=1,")
    assert line.count("::error") == 2
    assert "%0A::error::y" in line


def test_of_many_problems_text_shows_a_hundred_and_json_all(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(f"bridges: {{{', '.join(f'b{i}: 5' for i in range(150))}}}\n")
    assert check(path).stdout.endswith("\n\n... and 50 more problems\n")
    assert len(json.loads(check("--format=json", path).stdout)) == 150
