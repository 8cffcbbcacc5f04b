"""A systemd of its own, the first process of a container that is made of namespaces alone.

It sees the machine's files, but /etc as a copy, /run and /var/lib empty, and of the control groups
only one that is made for it. Its network is the namespace that it is started from.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ovsdhcp.lab.deadline import wait_for

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd/ovsdhcp.service"
PROGRAM = Path("/lib/systemd/systemd")
STARTS_WITHIN = 20.0

BOOT = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
cp -a /etc /run/etc && mount --bind /run/etc /etc
mount -t tmpfs -o mode=755 lib /var/lib
while mountpoint -q /sys/fs/cgroup; do umount -l /sys/fs/cgroup; done
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /run/systemd/system /etc/ovsdhcp
cp -r "$1"/. /run/systemd/system
cp "$2" /etc/ovsdhcp/ovsdhcp.yaml
exec env -i container=test PATH="$PATH" {program} --system --unit=test.target --log-target=null
"""
TARGET = """\
[Unit]
DefaultDependencies=no
Wants=ovsdhcp.service
"""
IN_THE_CHECKOUT = """\
[Unit]
DefaultDependencies=no

[Service]
ExecStart=
ExecStart={scripts}/ryu-manager ovsdhcp.app
StandardError=append:{log}
ProtectHome=tmpfs
BindReadOnlyPaths={root} {python}
"""
"""What differs where ovsdhcp is not in /opt, but somewhere in /home, /root or /tmp."""


def why_not() -> str:
    """What this machine lacks to boot a systemd, if anything."""
    programs = ("unshare", "nsenter", "systemctl")
    missing = [program for program in programs if shutil.which(program) is None]
    if not PROGRAM.exists() or missing:
        return "no systemd"
    try:
        Container.make_group("probe").rmdir()
    except OSError as error:
        return f"no control group can be made: {error}"
    return ""


@dataclass
class Container:
    """Boots systemd with our unit, in the network namespace `home`."""

    home: str
    folder: Path
    table: Path
    _process: "subprocess.Popen[bytes] | None" = None
    _group: Path = field(init=False)

    @property
    def log(self) -> Path:
        """What the service wrote to standard error."""
        return self.folder / "service.log"

    @staticmethod
    def make_group(name: str) -> Path:
        """A control group below the hierarchy's root."""
        mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
        hierarchy = next((Path(at) for _, at, kind, *_ in mounts if kind == "cgroup2"), None)
        if hierarchy is None:
            raise FileNotFoundError("no cgroup2 is mounted")
        group = hierarchy / f"ovsdhcp-test-{os.getpid()}-{name}"
        group.mkdir()
        return group

    def boot(self) -> None:
        """Start, and wait until systemd answers."""
        units = self.folder / "units"
        (units / "ovsdhcp.service.d").mkdir(parents=True)
        shutil.copy(UNIT, units)
        (units / "test.target").write_text(TARGET)
        places = {"root": ROOT, "python": sys.base_prefix, "log": self.log}
        dropin = IN_THE_CHECKOUT.format(**places, scripts=Path(sys.executable).parent)
        (units / "ovsdhcp.service.d/checkout.conf").write_text(dropin)
        self._group = self.make_group(self.folder.name)
        within = ("ip", "netns", "exec", self.home, "unshare", "-m", "-p", "-f", "-C", "-u", "-i")
        script = BOOT.format(program=PROGRAM)
        argv = (*within, "--kill-child", "bash", "-c", script, "boot", str(units), str(self.table))
        join = f'echo $$ > "{self._group}/cgroup.procs" && exec "$@"'
        with (self.folder / "boot.log").open("wb") as said:
            self._process = subprocess.Popen(("bash", "-c", join, "join", *argv), stderr=said)
        assert wait_for(lambda: self.systemctl("is-system-running") != "", within=STARTS_WITHIN), (
            self.folder / "boot.log"
        ).read_text()

    def systemctl(self, *words: str) -> str:
        """What it says, empty where it has no answer."""
        done = subprocess.run(
            (*self._inside(), "systemctl", *words), capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def shows(self, name: str) -> str:
        """A property of the service."""
        return self.systemctl("show", "ovsdhcp", "--value", "--property", name)

    def pids(self) -> list[int]:
        """The service's processes, by the numbers that they have outside."""
        group = self._group / "system.slice/ovsdhcp.service"
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]

    def main_pid(self) -> int:
        """Of these the one that systemd started; the others are its children."""
        pids = self.pids()
        (pid,) = (pid for pid in pids if _parent_of(pid) not in pids)
        return pid

    def _inside(self) -> tuple[str, ...]:
        assert self._process
        child = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        first = child.read_text().split()[:1] or ["0"]
        return ("nsenter", "-t", *first, "-m", "-p", "-C")

    def stop(self) -> None:
        """End it with all that runs in it."""
        if self._process:
            (self._group / "cgroup.kill").write_text("1")
            self._process.wait(10)
            for group in (*sorted(self._group.rglob("*/"), reverse=True), self._group):
                assert wait_for(lambda: _removed(group), within=5), group  # noqa: B023 - called here


def _parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def _removed(group: Path) -> bool:
    """A group can go once the last process that was killed in it has."""
    try:
        group.rmdir()
    except OSError:
        return False
    return True
