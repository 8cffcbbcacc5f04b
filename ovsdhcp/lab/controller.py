"""The controller of the lab: `ryu-manager ovsdhcp.app`, as a user starts it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ovsdhcp.lab import namespace
from ovsdhcp.lab.command import LabError, Shell
from ovsdhcp.lab.deadline import wait_for

LISTENING = f":{6653:04X} "  # as /proc/net/tcp has it
STARTS_WITHIN = 20.0


def ryu_manager() -> str:
    """The ryu-manager of the environment that this process runs in."""
    beside = Path(sys.executable).parent / "ryu-manager"
    program = str(beside) if beside.exists() else shutil.which("ryu-manager")
    if program is None:
        raise LabError(
            f"there is no ryu-manager beside {sys.executable}, nor in $PATH",
            advice="It comes with the dependencies; scripts/lab installs them.",
        )
    return program


@dataclass(slots=True)
class Controller:
    """The process that answers, in the switch's namespace, with its log and state in `folder`."""

    home: str
    folder: Path
    shell: Shell
    beside: tuple[str, ...] = ()
    """Ryu applications that run beside it."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "controller.log"

    def start(self, config: Path) -> None:
        """Start it on a lease table and wait until it listens."""
        environment = {
            "OVSDHCP_CONFIG": str(config),
            "OVSDHCP_STATE_DIR": str(self.folder / "controller"),
        }
        argv = ("ip", "netns", "exec", self.home, ryu_manager(), "ovsdhcp.app", *self.beside)
        (self.folder / "controller").mkdir(mode=0o700, exist_ok=True)
        self.shell.voice.command(argv, environment)
        with self.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                argv,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        wait_for(lambda: process.poll() is not None or self.listens(), within=STARTS_WITHIN)
        if not self.listens():
            raise self._did_not_start(argv, process.poll())

    def _did_not_start(self, argv: tuple[str, ...], status: int | None) -> LabError:
        what = (
            f"the controller does not listen after {STARTS_WITHIN:g} s"
            if status is None
            else f"the controller ended at once, with status {status}"
        )
        said = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return LabError(what, command=argv, said=said, advice=f"The whole log: {self.log}")

    def pids(self) -> list[int]:
        """The processes of it that run now, whoever started them."""
        home = namespace.identity(self.home)
        return namespace.residents_called("ryu-manager", home) if home else []

    def listens(self) -> bool:
        """Whether switches can connect."""
        return any(_listens(pid) for pid in self.pids())

    def stop(self) -> None:
        """End it."""
        home = namespace.identity(self.home)
        if home:
            namespace.end(self.pids(), home)
        self.reap()

    def reap(self) -> None:
        """Take the status of a process that has ended, so that nothing of it remains."""
        if self._process is not None:
            self._process.wait(5)
            self._process = None


def _listens(pid: int) -> bool:
    """Whether there is a listener on the OpenFlow port in this process's namespace."""
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        if any(LISTENING in line and line.split()[3] == "0A" for line in lines):
            return True
    return False
