"""100,000 changed records are written while the hub is at work, and it is not held up."""

import subprocess
import sys
from pathlib import Path

import pytest

HELD_UP = 0.02
"""Seconds that the hub may be late."""

AT_WORK = """
import eventlet
eventlet.monkey_patch()
import contextlib, gc, os, sys, time
from eventlet import patcher, tpool
from ipaddress import IPv4Address
from pathlib import Path
from ovsdhcp.dhcp import reasons
from ovsdhcp.journal import Journal
from ovsdhcp.leases import Leases
from tests.dhcp.wire import BINDING

with contextlib.suppress(OSError):  # what is measured is not what else the machine does
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
journal = Journal(Path(sys.argv[1]), sleep=patcher.original("time").sleep)
leases, worst, writing = Leases(), 0.0, True
keys = [("br-int", f"p{n}", IPv4Address(n).packed) for n in range(100_000)]
leases.adopt(journal.read_back(), keys, 0.0)
for key in keys:
    leases.record(key, BINDING, reasons.OFFER, 1e9)

def write():
    global writing
    journal.keep(leases, tpool.execute)
    writing = False

gc.freeze()
gc.set_threshold(10_000, 10, 10)
eventlet.spawn(write)
while writing:
    before = time.monotonic()
    for key in keys[:100]:
        leases.record(key, BINDING, reasons.ACK_SELECTING, before)
    done = time.monotonic()
    eventlet.sleep(0.001)
    worst = max(worst, time.monotonic() - done - 0.001, done - before)
assert not journal.status.problem, journal.status
print(worst)
"""


@pytest.mark.slow
def test_the_hub_is_not_held_up(tmp_path: Path) -> None:
    """The best of five: another process may be in the way of one."""
    argv = (sys.executable, "-W", "ignore", "-c", AT_WORK, str(tmp_path))
    late = [float(subprocess.check_output(argv, text=True)) for _ in range(5)]
    print("; ".join(f"{seconds * 1000:.1f} ms" for seconds in late))
    assert min(late) < HELD_UP
    assert (tmp_path / "journal.sqlite3").stat().st_size > 100_000 * 50
