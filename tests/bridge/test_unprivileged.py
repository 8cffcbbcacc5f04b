"""Without root and without a single capability it serves a bridge as ever."""

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ovsdhcp.lab.controller import ryu_manager
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from tests.bridge.tables import VM_NET
from tests.bridge.test_as_documented import Shell, shell_of

pytestmark = pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv")

LEASE_TABLE = (
    VM_NET
    + """
bridges:
  br-int:
    ports:
      vm5: {subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}
"""
)
ROOT = Path(__file__).parents[2]
NOBODY = 65534
DROP = "--clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs"


def first_closed(path: Path) -> Path | None:
    """The folder on the way to `path` that others may not pass."""
    ways = (*reversed(path.parents), path)
    return next((way for way in ways if not way.stat().st_mode & stat.S_IXOTH), None)


def opening() -> str:
    """Shell lines that let everybody reach this checkout and its Python, which root may have in
    a home of its own. They are for a namespace of mounts.
    """
    closed = {path: first_closed(path) for path in (ROOT, Path(sys.base_prefix))}
    paths = [path for path, folder in closed.items() if folder]
    return "\n".join(
        (
            "set -e",
            "mount -t tmpfs kept /mnt",
            *(f"mkdir -p '/mnt{path}'; mount --bind '{path}' '/mnt{path}'" for path in paths),
            *(
                f"mount -t tmpfs -o mode=755 open '{folder}'"
                for folder in set(closed.values())
                if folder
            ),
            *(f"mkdir -p '{path}'; mount --bind '/mnt{path}' '{path}'" for path in paths),
        )
    )


@pytest.fixture
def shell(lab: Lab, table: Path) -> Iterator[Shell]:
    """pytest's own folders are root's alone, so the table and the state have another."""
    lab.controller.stop()
    with TemporaryDirectory() as name:
        folder = Path(name)
        copy = folder / "table.yaml"
        shutil.copy(table, copy)
        for path in (folder, copy):
            os.chown(path, NOBODY, NOBODY)
        shell = shell_of(lab, copy)
        shell.environment["OVSDHCP_STATE_DIR"] = str(folder / "state")
        yield shell


@pytest.fixture
def nobody(shell: Shell, lab: Lab) -> Iterator[int]:
    """The process id of a controller that is nobody."""
    drop = f"setpriv --reuid={NOBODY} --regid={NOBODY} {DROP}"
    script = f"{opening()}\nexec {drop} {ryu_manager()} ovsdhcp.app"
    controller = shell.start(f"bash -c {shlex.quote(script)}")
    try:
        assert wait_for(lambda: lab.controller.listens() or controller.poll(), within=15)
        yield lab.controller.pids()[0]
    finally:
        controller.terminate()
        assert controller.wait(10) == 0


def test_nobody_serves(nobody: int, lab: Lab) -> None:
    status = Path(f"/proc/{nobody}/status").read_text()
    assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}\n" in status
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t{0:016}\n" in status
    client = lab.client("dhclient", "vm5")
    client.start()
    assert client.wait_until_bound().addresses == ("172.16.255.130/26",)
