"""The commands that ask a running server: what they print, and how they end."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ovsdhcp.cli import main
from ovsdhcp.config.table import Bridge, Config, Flows
from ovsdhcp.control.client import ask
from ovsdhcp.control.server import Control
from ovsdhcp.dhcp import reasons
from ovsdhcp.events import Event, Exchange
from ovsdhcp.journal import Journal
from ovsdhcp.leases import Leases
from ovsdhcp.log import logfmt
from ovsdhcp.openflow.bridge_sockets import BridgeSocket
from ovsdhcp.reloading import Outcome
from tests.control.conftest import spawn
from tests.control.without_ryu import Server
from tests.openflow.bridges import VM1, VM5


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No server is there yet, no Open vSwitch, and no table."""
    monkeypatch.setenv("OVSDHCP_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OVSDHCP_CONFIG", str(tmp_path / "nothing.yaml"))
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    return tmp_path / "state"


@pytest.fixture
def server(state_dir: Path) -> Iterator[Server]:
    server = Server()
    control = Control(state_dir / "control.sock", server.verbs, spawn)
    control.open()
    yield server
    control.close()
    server.reader.close()


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, arguments)


def exchange(reason: reasons.Reason = reasons.OFFER, port: str = "vm5") -> Event:
    said = Exchange(
        "br-int", port, b"\2\0\0\0\0\5", VM5.bindings[0], "DISCOVER", "offer", "INIT", reason
    )
    return Event(said, 0xABCD, time.monotonic(), 61)


# -- status ----------------------------------------------------------------------------------


def test_status_says_problems_first_each_with_its_command(server: Server) -> None:
    result = run("status")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:4] == [
        "problem: bridge br-int is not connected",
        "  mend: ovs-vsctl set-controller br-int tcp:127.0.0.1:6653",
        "",
        result.stdout.splitlines()[3],
    ]
    assert result.stdout.splitlines()[3].startswith("server    ovsdhcp ")
    assert "\nbridges   br-int: not connected, 4 ports in the table\n" in result.stdout


def test_a_server_that_is_well_has_status_0_even_with_an_advice(server: Server) -> None:
    server.connect()
    server.service.reasons[reasons.DECLINE.code] = 2
    result = run("status")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("advice: the client found its address in use (2 times)\n")
    assert "br-int: connected, in sync, 4 of 4 ports there" in result.stdout
    assert "\nreasons   decline 2\n" in result.stdout


def test_a_bridge_with_others_flows_has_no_ports_to_count(server: Server) -> None:
    others = Bridge("br-int", (), flows=Flows.EXTERNAL)
    server.service.config = Config("table.yaml", (others,))
    server.connect(others)
    said = run("status").stdout
    assert "\nbridges   br-int: connected, others' flows say whom it serves\n" in f"\n{said}"


def test_status_says_where_bridges_may_connect_by_unix_sockets(server: Server) -> None:
    assert "sockets" not in run("status").stdout
    path = Path("/run/ovs/br-int.controller")
    server.sockets = (
        BridgeSocket("br-int", path),
        BridgeSocket("br-new", path.with_name("br-new.controller"), "there is none", "make it"),
    )
    said = run("status").stdout
    assert "advice: no Unix socket for br-new: there is none\n  mend: make it\n" in said
    assert (
        "\nsockets   br-int: unix:/run/ovs/br-int.controller\n"
        "          br-new: unix:/run/ovs/br-new.controller, not there: there is none\n"
    ) in said


def test_status_for_machines(server: Server) -> None:
    said = json.loads(run("status", "--json").stdout)
    keys = {"problems", "server", "sockets", "table", "bridges", "leases", "journal", "reasons"}
    assert set(said) == keys | {"events"}
    assert said["problems"] == [
        {
            "check": "bridge-not-connected",
            "severity": "problem",
            "text": "bridge br-int is not connected",
            "mend": "ovs-vsctl set-controller br-int tcp:127.0.0.1:6653",
        }
    ]


# -- leases ----------------------------------------------------------------------------------


def test_leases_are_a_table(server: Server) -> None:
    key = "br-int", "vm5", VM5.bindings[0].address_octets
    server.service.leases.record(key, VM5.bindings[0], reasons.ACK_SELECTING, time.monotonic())
    head, row = run("leases", "vm5").stdout.splitlines()
    assert head.split()[:5] == ["BRIDGE", "PORT", "MAC", "ADDRESS", "STATE"]
    assert row.split()[:5] == ["br-int", "vm5", "02:ac:10:ff:01:30", "172.16.255.130", "bound"]
    said = json.loads(run("leases", "--json").stdout)
    assert (said["address"], said["state"]) == ("172.16.255.130", "bound")


def test_no_lease_is_said_on_standard_error(server: Server) -> None:
    for arguments, said in (
        (("leases",), "nobody has asked yet"),
        (("leases", "x"), "no lease fits"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{said}\n")


@pytest.fixture
def kept(state_dir: Path) -> Path:
    """What a server has left behind that is no more; the file."""
    leases = Leases()
    for binding in (VM5.bindings[0], VM1.bindings[0]):
        key = "br-int", binding.port, binding.address_octets
        leases.record(key, binding, reasons.ACK_SELECTING, time.monotonic())
    journal = Journal(state_dir)
    assert not list(journal.read_back())
    journal.close(leases)
    return state_dir / "journal.sqlite3"


def test_without_a_server_there_is_what_it_has_kept(kept: Path) -> None:
    result = run("leases")
    assert result.exit_code == 3
    assert result.stderr == f"no server runs; this is from {kept}\n"
    assert [row.split()[:5] for row in result.stdout.splitlines()[1:]] == [
        ["br-int", "vm1", "-", "172.16.255.133", "bound"],
        ["br-int", "vm5", "-", "172.16.255.130", "bound"],
    ]


def test_what_was_kept_is_filtered_and_told_to_machines_as_the_servers(kept: Path) -> None:
    result = run("leases", "255.130", "--json")
    (row,) = map(json.loads, result.stdout.splitlines())
    assert (result.exit_code, row["port"], row["last"]["reason"]) == (3, "vm5", "ack-selecting")
    result = run("leases", "nothing")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"no lease fits\nno server runs; this is from {kept}\n"


def test_to_watch_takes_a_server_whatever_was_kept(kept: Path) -> None:
    result = run("leases", "--watch")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: no server answers at ")


def test_a_journal_that_cannot_be_read_is_said_too(kept: Path) -> None:
    kept.write_bytes(b"anything but a database" * 99)
    result = run("leases")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: no server answers at ")
    assert result.stderr.endswith(f"nor can what it kept be read: {kept}: file is not a database\n")


def test_a_server_that_does_not_speak_is_no_reason_to_show_the_past(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "__defaults__", (None, None, 0.05))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(kept.with_name("control.sock")))
        silent.listen()
        result = run("leases")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "says nothing for 0.05 s" in result.stderr


# -- events ----------------------------------------------------------------------------------


def test_events_are_a_line_each(server: Server) -> None:
    server.history.tell([exchange()])
    (line,) = run("events").stdout.splitlines()
    at, level, rest = line.split(" ", 2)
    assert (at[:5], level) == ("ts=20", "level=info")
    assert rest == logfmt.line(exchange().fields())


def test_events_for_machines(server: Server) -> None:
    server.history.tell([exchange(), exchange(reasons.ACK_SELECTING)])
    lines = run("events", "--json", "-n", "1").stdout.splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["ack-selecting"]


def test_what_a_guest_calls_itself_steers_no_terminal(server: Server) -> None:
    server.history.tell([exchange(port="\x1b]0;owned\x07\u202evm")])
    text, as_json = run("events").stdout, run("events", "--json").stdout
    assert 'port="\\u001b]0;owned\\u0007\\u202evm"' in text
    assert as_json.isascii()
    assert not any(ord(char) < 32 for line in as_json.splitlines() for char in line)


# -- flows diff ------------------------------------------------------------------------------


def test_flows_that_are_as_wanted(server: Server) -> None:
    number = len(server.connect().bridge.flows)
    result = run("flows", "diff")
    assert (result.exit_code, result.stdout) == (
        0,
        f"br-int: {number} of {number} flows are as wanted, no difference\n",
    )


def test_flows_that_differ_are_told_by_port(server: Server) -> None:
    bridge = server.connect().bridge
    gone = next(key for key in bridge.flows if key.table == 22 and key.priority == 100)
    del bridge.flows[gone]
    result = run("flows", "diff", "br-int")
    head, minus, total = result.stdout.splitlines()
    assert result.exit_code == 1
    assert head == "br-int vm1"
    assert minus.startswith("  - cookie=0x6468")
    assert total.endswith("flows are as wanted, 1 differ")
    said = json.loads(run("flows", "diff", "--json").stdout)
    assert [one["port"] for one in said["differences"]] == ["vm1"]
    assert said["bridges"][0]["differences"] == 1


# -- wrong input -----------------------------------------------------------------------------

WRONG = [
    (["flows", "diff", "br-ex"], 1, "the table has no bridge `br-ex`"),
    (["events", "-n", "x"], 2, "'x' is not a valid integer"),
    (["events", "-n", "-1"], 2, "-1 is not in the range"),
    (["events", "x"], 2, "unexpected extra argument"),
    (["leases", "a", "b"], 2, "unexpected extra argument"),
    (["status", "--yaml"], 2, "No such option"),
    (["reload", "--confirm", "0"], 2, "0.0 is not in the range"),
    (["reload", "--confirm", "soon"], 2, "'soon' is not a valid float"),
    (["completion", "csh"], 2, "'csh' is not one of"),
    (["completion"], 2, "Missing argument"),
    (["bugreport", "-o", "/nowhere/x.tar.gz"], 1, "/nowhere/x.tar.gz: No such file or directory"),
    (["doctor", "--config"], 2, "requires an argument"),
    (["stauts"], 2, "No such command"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    WRONG,
    ids=lambda it: " ".join(map(str, it)) if isinstance(it, list) else "",
)
def test_wrong_input_is_named(server: Server, arguments: list[str], status: int, said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (status, ""), result.output
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "--json"],
        ["leases"],
        ["leases", "--watch"],
        ["events"],
        ["events", "-f"],
        ["reload"],
    ],
    ids=" ".join,
)
def test_without_a_server_it_says_how_to_start_one(state_dir: Path, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"error: no server answers at {state_dir}/control.sock: ")
    assert "hint: start it, `ovsdhcp run --config FILE`" in result.stderr


def test_flows_diff_without_a_server_needs_a_table_and_a_bridge(
    state_dir: Path, tmp_path: Path
) -> None:
    result = run("flows", "diff")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing.yaml: error[unreadable]" in result.stderr
    example = Path(__file__).parents[2] / "configs/br-int.yaml"
    result = run("flows", "diff", "--config", str(example))
    assert (result.exit_code, result.stdout) == (3, "")
    assert "bridge br-int: there is none of this name" in result.stderr
    result = run("flows", "diff", "br-ex", "--config", str(example))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "br-int.yaml has no bridge `br-ex`" in result.stderr


# -- colour, completion ----------------------------------------------------------------------


def colours(monkeypatch: pytest.MonkeyPatch, **environment: str) -> bool:
    result = CliRunner(env=environment).invoke(main, ["status"], color=True)
    return "\x1b[" in result.output


def test_colour_is_left_out_where_it_is_not_wanted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours(monkeypatch)
    assert not colours(monkeypatch, NO_COLOR="1")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_OVSDHCP_COMPLETE" in result.stdout


def completed(words: str, number: int) -> list[str]:
    environment: dict[str, Any] = {
        "_OVSDHCP_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(number),
    }
    result = CliRunner(env=environment).invoke(main, prog_name="ovsdhcp")
    return [line.partition(",")[2] for line in result.stdout.splitlines()]


def test_commands_and_options_are_completed() -> None:
    assert "status" in completed("ovsdhcp sta", 1)
    assert "--follow" in completed("ovsdhcp events --f", 2)


# -- reload ----------------------------------------------------------------------------------


def test_a_wrong_table_is_printed_and_the_status_is_one(server: Server) -> None:
    result = run("reload")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "table.yaml: error[unreadable]: cannot be read" in result.stderr
    assert result.stderr.endswith("the table before it stays in force\n")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(True, 0.1234), "in force after 0.123 s\n"),
        (Outcome(False, 0.1), "what is in the file is in force already\n"),
    ],
)
def test_a_reload_says_what_it_came_to(
    server: Server, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, said: str
) -> None:
    monkeypatch.setattr(server.reloading, "reload", lambda confirm: outcome)
    result = run("reload")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", said)


@pytest.mark.parametrize(
    ("answer", "status", "said"), [("y", 0, "kept"), ("n", 1, "the table before it comes back")]
)
def test_a_trial_asks_whether_to_keep_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, said: str
) -> None:
    trial = Outcome(True, 0.1, confirm_within=60.0)
    monkeypatch.setattr(server.reloading, "reload", lambda confirm: trial)
    monkeypatch.setattr(server.reloading, "confirm", lambda: True)
    result = CliRunner().invoke(main, ["reload", "--confirm", "60"], input=f"{answer}\n")
    assert result.exit_code == status
    assert "taken back in 60 s" in result.stderr
    assert said in result.stderr


def test_for_a_machine_a_reload_is_one_object(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.reloading, "reload", lambda confirm: Outcome(True, 0.5))
    said = json.loads(run("reload", "--json").stdout)
    assert said == {
        "ok": True,
        "changed": True,
        "seconds": 0.5,
        "confirm_within": None,
        "error": "",
        "problems": [],
        "warnings": [],
    }
