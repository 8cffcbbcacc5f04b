"""kill -9 in the middle of it: the journal has every batch that was written, whole."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ovsdhcp.journal import read
from ovsdhcp.journal.file import NAME

RECORDS = 300
WRITER = f"""
import sys
from ipaddress import IPv4Address
from pathlib import Path
from ovsdhcp.dhcp import reasons
from ovsdhcp.journal import Journal
from ovsdhcp.leases import Leases
from tests.dhcp.wire import BINDING
journal, leases = Journal(Path(sys.argv[1])), Leases()
keys = [("br-int", f"p{{n}}", IPv4Address(n).packed) for n in range({RECORDS})]
leases.adopt(journal.read_back(), keys, 0.0)
while not journal.status.problem:
    for key in keys:
        leases.record(key, BINDING, reasons.OFFER, 1e9)
    journal.keep(leases)
    print(leases.get(keys[0]).offers, flush=True)
print(journal.status.problem, flush=True)
"""


def integrity(path: Path) -> list[str]:
    """What SQLite has to say of a file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [found[0] for found in database.execute("PRAGMA integrity_check")]


@pytest.mark.parametrize(
    "times", [pytest.param(3, id="few"), pytest.param(50, id="many", marks=pytest.mark.slow)]
)
def test_what_was_written_is_there_after_a_kill(tmp_path: Path, times: int) -> None:
    chance = random.Random(times)
    argv = (sys.executable, "-W", "ignore", "-c", WRITER, str(tmp_path))
    done = 0
    for _ in range(times):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(1, 20)):
                done = int(writer.stdout.readline())
            with contextlib.suppress(subprocess.TimeoutExpired):
                writer.wait(chance.uniform(0, 0.02))
            os.kill(writer.pid, signal.SIGKILL)
            said = writer.stdout.read().split()
        done = int(said[-1]) if said else done
        counts = [record.offers for record in read(tmp_path / NAME)]
        assert len(counts) == RECORDS
        assert len(set(counts)) == 1, "a batch is there as a whole"
        assert counts[0] - done in (0, 1), "none that was written is missing"
        assert integrity(tmp_path / NAME) == ["ok"]
        assert not (tmp_path / f"{NAME}.broken").exists()
