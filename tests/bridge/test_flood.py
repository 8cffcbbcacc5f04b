"""A port that floods for as long as it can: the others are served meanwhile, and at once after it.

With a limit on the way to the controller, as the README advises: Open vSwitch then shares what
there is fairly between the ports. Without one the queue to the controller is the flood's.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ovsdhcp.lab.laboratory import Lab, Names
from tests.bridge.hostile_lab import ANYONE, GOOD, HOSTILE, canary, discover, hostile_lab
from tests.bridge.raw import Bench, RawPort, raw_ports

SECONDS = 2.0
SERVED_WITHIN = 1.0
MEMORY_MORE = 20 << 20
LIMIT = ("controller_rate_limit=1000", "controller_burst_limit=250")
FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "the same": lambda: itertools.repeat(discover()),
    "random MACs": lambda: itertools.cycle(
        [discover(b"\x02\xee" + os.urandom(4)) for _ in range(5000)]
    ),
}


@pytest.fixture(scope="module")
def limited(
    new_names: Callable[[], Names], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    with hostile_lab(new_names(), tmp_path_factory.mktemp("table") / "table.yaml") as lab:
        lab.switch.vsctl("set", "Controller", lab.names.bridge, *LIMIT, doing="set the limit")
        yield lab


@contextmanager
def flood(port: RawPort, frames: Iterator[bytes]) -> Iterator[list[int]]:
    """Frames go in as fast as they can; how many is known at the end."""
    stop, sent = threading.Event(), [0]

    def send() -> None:
        for frame in frames:
            if stop.is_set():
                return
            try:
                port.send(frame)
            except OSError:  # its queue is full
                continue
            sent[0] += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def memory(pid: int) -> int:
    """Octets of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("kind", FLOODS)
def test_the_others_are_served_during_a_flood_and_after_it(limited: Lab, kind: str) -> None:
    (controller,) = limited.controller.pids()
    before, waits = memory(controller), []
    with raw_ports(limited) as ports:
        bench = Bench(ports, HOSTILE, GOOD, canary)
        with flood(ports[ANYONE], FLOODS[kind]()) as sent:
            end = time.monotonic() + SECONDS
            while (start := time.monotonic()) < end:
                bench.good_client_is_served(within=SERVED_WITHIN)
                waits.append(time.monotonic() - start)
        bench.good_client_is_served(within=SERVED_WITHIN)
    print(
        f"{kind}: {sent[0] / SECONDS:,.0f} frames/s; {len(waits)} others served, "
        f"median {sorted(waits)[len(waits) // 2] * 1000:.1f} ms, longest {max(waits) * 1000:.1f} ms"
    )
    assert memory(controller) - before < MEMORY_MORE
