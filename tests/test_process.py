"""The process as its supervisor sees it: `ryu-manager ovsdhcp.app` with faults put in."""

import fcntl
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.log.reader import read
from tests.test_install import EXAMPLE, HELLO, free_port

WITHIN = 20.0
"""A start on a machine that has other things to do."""
RYU_MANAGER = f"{sysconfig.get_path('scripts')}/ryu-manager"
AT_HAND = "import ovsdhcp.app as app, signal\nfrom ryu.lib import hub\n"


@dataclass
class Supervisor:
    """Starts it as systemd does, with a socket to hear from it."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[str] | None" = None

    def __post_init__(self) -> None:
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(str(self.folder / "notify"))
        self.ear.settimeout(WITHIN)

    def start(
        self, *words: str, fault: str = "", stderr: int | None = None, **environment: str
    ) -> "subprocess.Popen[str]":
        """A `fault` is loaded as Ryu loads an application, and breaks something."""
        (self.folder / "fault.py").write_text(AT_HAND + fault)
        port = ("--ofp-tcp-listen-port", str(self.port))
        where = {
            "OVSDHCP_CONFIG": str(EXAMPLE),
            "OVSDHCP_STATE_DIR": str(self.folder / "state"),
            "NOTIFY_SOCKET": str(self.folder / "notify"),
        }
        self._process = subprocess.Popen(
            (RYU_MANAGER, *port, *words, "ovsdhcp.app", str(self.folder / "fault.py")),
            env=os.environ | where | environment,
            cwd="/",
            stderr=subprocess.PIPE if stderr is None else stderr,
            text=True,
        )
        return self._process

    def hears(self, word: str) -> list[str]:
        """The words of the next datagram with this one in it."""
        while word not in (said := self.ear.recv(9_999).decode().splitlines()):
            pass
        return said

    def close(self) -> None:
        self.ear.close()
        if self._process:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    one = Supervisor(tmp_path)
    yield one
    one.close()


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[dict[str, str]]]:
    """Its status and its log, every line of which is logfmt."""
    lines = process.communicate(timeout=WITHIN)[1].splitlines()
    return process.returncode, [read(line) for line in lines]


def test_ready_is_said_when_switches_can_connect(supervisor: Supervisor) -> None:
    process = supervisor.start(WATCHDOG_USEC="200000")
    assert supervisor.hears("READY=1")[1] == "STATUS=0 of 1 bridges connected, 0 ports served"
    with socket.create_connection(("127.0.0.1", supervisor.port), timeout=0.5) as switch:
        assert switch.recv(2) == HELLO
    assert supervisor.hears("WATCHDOG=1") == ["WATCHDOG=1"]
    process.terminate()
    assert supervisor.hears("STOPPING=1")[1] == "STATUS=ending: SIGTERM"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_within_a_second(
    supervisor: Supervisor, number: signal.Signals, status: int
) -> None:
    process = supervisor.start()
    supervisor.hears("READY=1")
    start = time.monotonic()
    process.send_signal(number)
    process.send_signal(number)
    assert process.wait(WITHIN) == status
    assert time.monotonic() - start < 1
    assert ended(process)[1][-1]["msg"] == f"ending: {number.name}"


def test_sighup_is_a_reload_that_systemd_sees_begin_and_end(supervisor: Supervisor) -> None:
    fault = """
class Process(app.Process):
    def __init__(self):
        super().__init__()
        self.at_reload += [lambda: 1 / 0, lambda: app.notify.tell("STATUS=reading")]
from ovsdhcp import notify
app.notify, app.Process = notify, Process
"""
    process = supervisor.start(fault=fault)
    supervisor.hears("READY=1")
    for _ in range(2):
        process.send_signal(signal.SIGHUP)
        words = supervisor.hears("RELOADING=1")
        assert [word.partition("=")[0] for word in words] == ["RELOADING", "MONOTONIC_USEC"]
        assert supervisor.ear.recv(999) == b"STATUS=reading"
        assert supervisor.ear.recv(999) == b"READY=1"
    process.terminate()
    status, log = ended(process)
    assert status == 0
    assert [line["msg"] for line in log].count("reloading failed") == 2


def test_files_are_its_own_and_descriptors_many(supervisor: Supervisor) -> None:
    process = supervisor.start()
    supervisor.hears("READY=1")
    assert re.search(r"Umask:\s0077\n", Path(f"/proc/{process.pid}/status").read_text())
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


@pytest.mark.parametrize(
    ("fault", "who"),
    [
        pytest.param(
            "app.OvsDhcp._tell_events = lambda self: hub.sleep(0.3) or 1 / 0",
            "a green thread of OvsDhcp",
            id="the log's",
        ),
        pytest.param(
            "from ryu.base.app_manager import RyuApp as r; r._event_loop = lambda self: 1 / 0",
            "a green thread of OvsDhcp",
            id="the application's",
        ),
        pytest.param(
            "from ryu.controller.controller import OpenFlowController as c\n"
            "c.server_loop = lambda *a: 1 / 0",
            "the OpenFlow listener",
            id="the listener's",
        ),
    ],
)
def test_a_dead_green_thread_ends_it(supervisor: Supervisor, fault: str, who: str) -> None:
    status, log = ended(supervisor.start(fault=fault))
    assert status == 1
    assert any("ZeroDivisionError" in line["msg"] for line in log)
    assert {
        "level": "critical",
        "msg": f"{who} has died: the process ends, to be started again",
    } in ({key: line[key] for key in ("level", "msg")} for line in log)


def test_a_connection_that_dies_ends_only_itself(supervisor: Supervisor) -> None:
    fault = "from ryu.controller.controller import Datapath as d; d.serve = lambda self: 1 / 0"
    process = supervisor.start(fault=fault)
    supervisor.hears("READY=1")
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", supervisor.port), timeout=5) as switch:
            assert switch.recv(2) == b""
    process.terminate()
    assert ended(process)[0] == 0


def test_a_hub_that_hangs_feeds_no_watchdog(supervisor: Supervisor) -> None:
    """Its other threads live: the one that writes the log."""
    fault = "from ovsdhcp import process\nprocess.ENDS_WITHIN = 1\n"
    fault += "app.OvsDhcp._status = lambda self: hangs()\n"
    fault += "def hangs():\n  app.LOG.info('hangs')\n  while True: signal.pause()\n"
    process = supervisor.start(fault=fault, WATCHDOG_USEC="200000")
    assert process.stderr
    assert "ready" in read(process.stderr.readline())["msg"]
    assert read(process.stderr.readline())["msg"] == "hangs"
    supervisor.ear.settimeout(0.5)
    with pytest.raises(TimeoutError):
        supervisor.hears("WATCHDOG=1")
    process.terminate()
    assert process.wait(WITHIN) == -signal.SIGALRM


def test_a_log_that_nobody_reads_stops_nothing(supervisor: Supervisor) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writing, b"x" * 4096)
    process = supervisor.start(stderr=writing)
    supervisor.hears("READY=1")
    with socket.create_connection(("127.0.0.1", supervisor.port), timeout=5) as switch:
        assert switch.recv(2) == HELLO
    start = time.monotonic()
    process.terminate()
    assert process.wait(WITHIN) == 0
    assert time.monotonic() - start < 1
    os.close(reading)
    os.close(writing)


LOSES = """
import threading, warnings
def lose():
    from eventlet import hubs, spawn_after
    warnings.warn("odd\\nindeed")
    hubs.get_hub().schedule_call_global(0, lambda: 1 / 0)
    class Dying:
        def __del__(self): raise ValueError("in vain")
    Dying()
    threading.Thread(target=lambda: [][0]).start()
    hub.spawn(lambda: {}["key"])
    raise SystemExit
from ovsdhcp import notify
ready = notify.ready
notify.ready = lambda status: (ready(status), hub.spawn(lose))
"""


def test_whatever_is_lost_is_one_line(supervisor: Supervisor) -> None:
    process = supervisor.start(fault=LOSES)
    supervisor.hears("READY=1")
    assert process.stderr
    said = [process.stderr.readline() for _ in range(7)]
    process.terminate()
    assert ended(process)[0] == 0
    text = "\n".join(line["msg"] + line.get("trace", "") for line in map(read, said))
    for lost in ("UserWarning: odd\nindeed", "ZeroDivisionError", "in vain", "IndexError", "'key'"):
        assert lost in text


@pytest.mark.parametrize("words", [(), ("--verbose",)])
def test_json_if_asked_for_in_ryus_own_file_too(
    supervisor: Supervisor, words: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "ryu.log"
    process = supervisor.start("--log-file", str(file), *words, OVSDHCP_LOG_FORMAT="json")
    supervisor.hears("READY=1")
    process.terminate()
    lines = process.communicate(timeout=WITHIN)[1].splitlines()
    said = [json.loads(line)["msg"] for line in lines]
    assert said[-1] == "ending: SIGTERM"
    assert file.read_text().splitlines()[-1] == lines[-1]


def test_ryus_choice_to_say_nothing_is_kept(supervisor: Supervisor) -> None:
    process = supervisor.start("--nouse-stderr")
    supervisor.hears("READY=1")
    process.terminate()
    assert ended(process) == (0, [])


def test_a_form_that_is_not_known_is_refused(supervisor: Supervisor) -> None:
    process = supervisor.start(OVSDHCP_LOG_FORMAT="xml")
    assert process.communicate(timeout=WITHIN)[1] == (
        "error: `xml` is not a form of the log: `logfmt` or `json` ($OVSDHCP_LOG_FORMAT)\n"
    )
    assert process.returncode == 1
