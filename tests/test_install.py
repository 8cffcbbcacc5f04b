"""Installed as a user installs it: `ryu-manager ovsdhcp.app` starts, quietly, or says why not.

The editable install is the one the tests run in. The built wheel goes into an environment of its
own, which borrows the dependencies of this one; that one `scripts/test --fast` leaves out.
"""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from manual.pages import PAGES
from tests.log.reader import read

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "configs/br-int.yaml"
HELLO = bytes([4, 0])  # version 1.3, OFPT_HELLO
BORROWED = f"""\
{sysconfig.get_path("purelib")}
import importlib.util as i; i.find_spec(d := "_distutils_hack") and __import__(d).add_shim()
"""
"""A .pth: the dependencies' folder, whose own .pth files (the editable one's) stay unread."""


@pytest.fixture(scope="session")
def wheel_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    build = (*pip, "wheel", *offline, "--wheel-dir", str(folder), str(ROOT))
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("ovsdhcp-*.whl")
    venv.create(folder / "env", symlinks=True)
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(BORROWED)
    install = (*pip, "--python", str(folder / "env/bin/python"), "install", "--no-deps")
    subprocess.run((*install, "--no-index", str(wheel)), check=True, capture_output=True)
    script = Path(sysconfig.get_path("scripts"), "ryu-manager").read_text().splitlines()
    script[0] = f"#!{folder}/env/bin/python"
    (folder / "env/bin/ryu-manager").write_text("\n".join(script))
    (folder / "env/bin/ryu-manager").chmod(0o755)
    return folder / "env/bin"


@pytest.fixture(params=["editable", pytest.param("wheel", marks=pytest.mark.slow)])
def bin_folder(request: pytest.FixtureRequest) -> Path:
    """Where the commands of an installation are."""
    if request.param == "editable":
        return Path(sysconfig.get_path("scripts"))
    folder: Path = request.getfixturevalue("wheel_bin")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(argv: list[str | Path], config: Path | str) -> Iterator["subprocess.Popen[str]"]:
    with TemporaryDirectory() as state:
        variables = {"OVSDHCP_CONFIG": str(config), "OVSDHCP_STATE_DIR": state}
        with running(argv, os.environ | variables) as process:
            yield process


@contextmanager
def running(
    argv: list[str | Path], environment: dict[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        argv,
        env=environment,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def commands(bin_folder: Path, port: int) -> dict[str, list[str | Path]]:
    return {
        "ryu-manager": [
            bin_folder / "ryu-manager",
            *("--ofp-tcp-listen-port", str(port), "ovsdhcp.app"),
        ],
        "ovsdhcp run": [bin_folder / "ovsdhcp", "run", "--port", str(port)],
    }


@pytest.mark.parametrize("command", ["ryu-manager", "ovsdhcp run"])
def test_a_switch_is_greeted_and_only_what_matters_is_said(bin_folder: Path, command: str) -> None:
    port = free_port()
    with started(commands(bin_folder, port)[command], EXAMPLE) as process:
        assert process.stdout
        first = process.stdout.readline()
        assert "ready" in first
        with socket.create_connection(("127.0.0.1", port), timeout=10) as switch:
            assert switch.recv(2) == HELLO
        process.terminate()
        lines = [read(line) for line in (first, *process.communicate()[0].splitlines())]
    assert process.returncode == 0
    assert [(line["level"], line["msg"]) for line in lines] == [
        ("info", f"ready: switches can connect to 127.0.0.1:{port}"),
        ("info", "ending: SIGTERM"),
    ]


def test_it_listens_on_loopback_and_6653_alone(bin_folder: Path) -> None:
    code = (
        "import ovsdhcp.app as app; from ryu import cfg; cfg.CONF([]); app.OvsDhcp();"
        "print(cfg.CONF.ofp_listen_host, cfg.CONF.ofp_tcp_listen_port)"
    )
    with started([bin_folder / "python", "-c", code], EXAMPLE) as process:
        assert process.communicate()[0] == "127.0.0.1 6653\n"


@pytest.mark.parametrize("command", ["ryu-manager", "ovsdhcp run"])
def test_a_wrong_table_ends_it_with_the_place_of_the_mistake(
    bin_folder: Path, command: str, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("subnets: {}\nbridges:\n  br-int: {prots: {}}\n")
    with started(commands(bin_folder, free_port())[command], wrong) as process:
        said = process.communicate()[0]
    assert process.returncode == 1
    assert f"{wrong}:3:12: error[unknown-key]: bridges.br-int.prots" in said
    assert "Traceback" not in said


def test_a_taken_port_ends_it_with_a_message(bin_folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with started(commands(bin_folder, port)["ovsdhcp run"], EXAMPLE) as process:
            said = process.communicate()[0]
    assert process.returncode == 1
    assert f"error: cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("man") is None, reason="no man")
@pytest.mark.parametrize("page", PAGES)
def test_manual_pages_and_the_unit_come_with_it(wheel_bin: Path, page: str) -> None:
    environment = {"PATH": f"{wheel_bin}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    name, _, section = Path(page).name.rpartition(".")
    argv = ("man", "--where", section, name)
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == f"{wheel_bin.parent}/share/man/{page}\n", done.stderr
    assert (wheel_bin.parent / "lib/systemd/system/ovsdhcp.service").exists()


def test_without_eventlet_the_hook_is_inert(bin_folder: Path) -> None:
    code = (
        "import sys; sys.modules['eventlet'] = None; import ovsdhcp.ryu_compat as hook;"
        "hook.mend_eventlet(); print('eventlet.wsgi' in sys.modules)"
    )
    with started([bin_folder / "python", "-c", code], EXAMPLE) as process:
        assert process.communicate()[0] == "False\n"


def test_an_interpreter_that_does_not_import_ryu_loads_nothing(bin_folder: Path) -> None:
    code = "import sys; print(sorted({'eventlet', 'ryu', 'pydantic', 'typing'} & set(sys.modules)))"
    with started([bin_folder / "python", "-c", code], EXAMPLE) as process:
        assert process.communicate()[0] == "[]\n"
