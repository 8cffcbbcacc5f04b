"""Every command on wrong input: one clear message, a status that is not 0, and no traceback.

A command that is new has to have a row in `WRONG`, and one in `PRINTING` if it prints something
without a server or a bridge.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from manual.commands import named
from ovsdhcp.cli import main

ROOT = Path(__file__).parents[2]
TABLE = "configs/br-int.yaml"
USERDATA = "00.00.00.02.00.00.00.00.00.01.de.10.00.00.00.63.ac.10.ff.82.36.04.ac.10.ff.81"

WRONG: list[tuple[str, int, str]] = [
    ("", 2, "Usage: ovsdhcp"),
    ("chekc", 2, "No such command 'chekc'"),
    ("--verbose", 2, "No such option '--verbose'"),
    ("run --port 0", 2, "0 is not in the range 1<=x<=65535"),
    ("run --port openflow", 2, "'openflow' is not a valid integer"),
    ("run --config configs", 2, "File 'configs' is a directory"),
    (
        "run --config missing.yaml --port 16653",
        1,
        "missing.yaml: error[unreadable]: cannot be read",
    ),
    ("check missing.yaml", 1, "missing.yaml: error[unreadable]: cannot be read: No such file"),
    ("check configs", 1, "configs: error[unreadable]: cannot be read: Is a directory"),
    ("check tests/config/wrong/nul.yaml", 1, "nul.yaml:10:36: error[yaml-character]"),
    ("check --format xml", 2, "'xml' is not one of 'text', 'json', 'github'"),
    ("schema more", 2, "unexpected extra argument (more)"),
    ("status more", 2, "unexpected extra argument (more)"),
    ("status", 3, "no server answers at"),
    ("leases one two", 2, "unexpected extra argument (two)"),
    ("leases --json", 3, "no server answers at"),
    ("events -n -1", 2, "-1 is not in the range x>=0"),
    ("events -f", 3, "no server answers at"),
    ("reload --confirm soon", 2, "'soon' is not a valid float range"),
    ("doctor more", 2, "unexpected extra argument (more)"),
    ("bugreport more", 2, "unexpected extra argument (more)"),
    ("completion tcsh", 2, "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ("flows", 2, "Usage: ovsdhcp flows"),
    ("flows redner", 2, "No such command 'redner'"),
    ("flows render", 2, "Missing argument 'CONFIG'"),
    ("flows render missing.yaml", 1, "missing.yaml: error[unreadable]"),
    ("flows render configs", 2, "File 'configs' is a directory"),
    ("flows diff --config missing.yaml", 1, "missing.yaml: error[unreadable]"),
    (f"flows diff br-ex --config {TABLE}", 1, f"{TABLE} has no bridge `br-ex`"),
    ("flows render tests/config/wrong/server.yaml", 1, "server.yaml:2:42: error[bad-server-id]"),
    ("trace", 2, "Missing argument 'CONFIG'"),
    (f"trace {TABLE}", 2, "Missing argument 'PORT'"),
    ("trace missing.yaml vm5 --discover", 1, "missing.yaml: error[unreadable]"),
    (f"trace {TABLE} vm9 --discover", 1, "no bridge of the table has a port `vm9`"),
    (f"trace {TABLE} vm5", 2, "say what the client asks"),
    (f"trace {TABLE} vm5 --request ::1", 2, "`::1` is not an IPv4 address"),
    (f"trace {TABLE} vm5 --hex 0", 2, "expected pairs of hexadecimal digits"),
    (f"trace {TABLE} vm5 --discover --option 12", 2, "`12` has no `=`"),
    ("explain nak", 2, "did you mean nak-"),
    ("explain nothing-of-the-kind", 2, "no reason is called `nothing-of-the-kind`"),
    ("decode zz", 2, "expected pairs of hexadecimal digits"),
    ("decode 00", 1, "these octets are no DHCP frame"),
    ("import", 2, "Usage: ovsdhcp import"),
    ("import flows missing.flows", 2, "'missing.flows' does not exist"),
    ("import flows configs", 2, "'configs' is a directory"),
    (f"import flows {TABLE}", 1, f"{TABLE}: no line of it is a flow"),
    ("import flows --reply by-mail flows/pxe.flows", 2, "'by-mail' is not one of"),
    ("import ovn", 2, "no FILES, and no --db to ask"),
    (f"import ovn {TABLE}", 1, f"{TABLE}: not the output of `ovn-nbctl"),
    ("import ovn --db unix:/nowhere/ovnnb.sock", 1, "unix:/nowhere/ovnnb.sock: No such file"),
    ("certificates", 2, "Missing argument 'DIR'"),
    ("certificates README.md", 2, "is a file"),
    ("lab", 2, "Usage: ovsdhcp lab"),
    ("lab up --client dhclietn", 2, "'dhclietn' is not one of"),
    ("lab up --config missing.yaml", 1, "there is no lease table missing.yaml"),
    ("lab up --config tests/config/wrong/server.yaml", 1, "server.yaml:2:42: error"),
    ("lab down everything", 2, "unexpected extra argument (everything)"),
]

PRINTING = [
    "completion bash",
    "check tests/config/wrong/server.yaml",
    "check --format json tests/config/wrong/server.yaml",
    "schema",
    f"flows render {TABLE}",
    f"trace {TABLE} vm5 --discover",
    "explain",
    f"decode {USERDATA}",
    "import flows flows/resume.flows",
    "--help",
]
"""Commands that print something, which may have nowhere to go."""

EACH = """
import gc, os, sys
import click
from manual.commands import named
from ovsdhcp.cli import main
list(named(main, click.Context(main)))
gc.freeze()  # what is imported is not looked through at each end
for line in sys.argv[1:]:
    child = os.fork()
    if not child:
        main(line.split(), prog_name="ovsdhcp")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print("--- ended", status, file=sys.stderr, flush=True)
"""
"""Runs commands one after the other in the streams that it is given, and tells each status."""

PIPE_HOLDS = 65_536

OVSDHCP = [sys.executable, "-c", "from ovsdhcp.cli import main; main(prog_name='ovsdhcp')"]


def invoke(arguments: list[str]) -> Result:
    nobody = {"OVSDHCP_STATE_DIR": "/nowhere"}
    return CliRunner(env=nobody).invoke(main, arguments, prog_name="ovsdhcp")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        for name, inner in named(command, click.Context(command)):
            yield from leaves(inner, (*path, name))
    else:
        yield path


LEAVES = [" ".join(leaf) for leaf in leaves(main)]


def started(line: str, **streams: object) -> "subprocess.Popen[str]":
    """The command as a shell starts it, far from any terminal."""
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [*OVSDHCP, *line.split()], cwd=ROOT, text=True, **{**given, **streams}
    )


def outcome(line: str, **streams: object) -> tuple[int, str]:
    with started(line, **streams) as process:
        said = process.communicate(timeout=60)[1]
    return process.returncode, said


def test_every_command_has_its_wrong_input() -> None:
    assert not [leaf for leaf in LEAVES if not any(f"{row} ".startswith(leaf) for row, *_ in WRONG)]


@pytest.mark.parametrize(("line", "status", "said"), WRONG, ids=lambda value: str(value)[:60])
def test_wrong_input(line: str, status: int, said: str) -> None:
    if line.startswith("run") and status == 1:  # another program takes this one's place
        assert_refused(line, status, said, *outcome(line))
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        result = invoke(line.split())
    assert result.exception is None or isinstance(result.exception, SystemExit)
    told = result.stdout + result.stderr if line.startswith("check") else result.stderr
    assert_refused(line, status, said, result.exit_code, told)


def assert_refused(line: str, status: int, said: str, got: int, told: str) -> None:
    assert (got, said in told) == (status, True), f"{line}: {got}\n{told}"
    assert "Traceback" not in told
    assert "Warning" not in told


@pytest.mark.parametrize("leaf", LEAVES)
def test_an_unknown_option_is_named(leaf: str) -> None:
    result = invoke([*leaf.split(), "--no-such-option"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option '--no-such-option'" in result.stderr


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_command_explains_itself(leaf: str) -> None:
    result = invoke([*leaf.split(), "--help"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: ovsdhcp {leaf} ")
    assert len(result.stdout.splitlines()) > 5


def printed(**streams: object) -> Iterator[tuple[str, int, str]]:
    """Each of `PRINTING` with these streams: status, and what is on standard error."""
    arguments = [sys.executable, "-c", EACH, *PRINTING]
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams}
    made = subprocess.run(  # type: ignore[call-overload]
        arguments, cwd=ROOT, text=True, stderr=subprocess.PIPE, timeout=60, check=True, **given
    )
    ended = re.findall(r"(.*?)--- ended (\d+)\n", made.stderr, re.DOTALL)
    return ((line, int(status), said) for line, (said, status) in zip(PRINTING, ended, strict=True))


def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        for line, status, said in printed(stdout=full):
            assert (line, status) == (line, 1)
            assert said.endswith("ovsdhcp: No space left on device\n"), said
            assert "Traceback" not in said


def test_a_reader_that_has_gone_is_no_news() -> None:
    """As in `ovsdhcp schema | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        for line, status, said in printed(stdout=pipe):
            assert (line, status) == (line, 1)
            assert all(told.startswith("tests/config/wrong") for told in said.splitlines()), said


def test_a_locale_without_a_character_set() -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for line, status, said in printed(env={**os.environ, **plain}):
        assert (line, status) == (line, 1 if line.startswith("check") else 0), said
        assert "Traceback" not in said


@pytest.mark.parametrize("line", ["decode", "import flows"])
def test_ctrl_c_while_it_reads(line: str) -> None:
    with started(line, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("\n" * PIPE_HOLDS * 2)  # returns once it has read more than the half
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said.strip()) == (1, "", "Aborted!")
