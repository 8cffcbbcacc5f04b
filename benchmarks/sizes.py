"""What a larger table costs: its start, its memory, its rate, a change of it while it works."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import tables
from benchmarks.bed import bed
from benchmarks.echo import echoes
from benchmarks.generator import Load, ask
from benchmarks.measuring import medians, ratios, rounded, rounds
from benchmarks.processes import resident_mb
from benchmarks.responders import Responder, reload, serve
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.deadline import wait_for

USUAL = 1000
SIZES = (1, USUAL, 10_000, 100_000)
LOADS = (32, 128)
CLOSELY = 128
"""Outstanding, where the largest is compared with the usual one in more rounds."""
CHANGED_WITHIN = 60.0


@contextmanager
def started(bindings: int, shown: dict[str, Any]) -> Iterator[Responder]:
    """ovsdhcp with so many bindings behind one port; how it began is noted in `shown`."""
    with bed(f"size-{bindings}") as made:
        start = time.monotonic()
        controller = serve(made, tables.lease_table(bindings))
        shown["seconds_to_listen"] = rounded(time.monotonic() - start)
        with echoes(made.home) as echo:
            made.set_controllers()
            responder = Responder(str(bindings), made, controller.pids, bindings).ready()
        shown["mb_before_clients"] = rounded(resident_mb(controller.pids()))
        shown["echo_ms"] = {"beginning": echo}
        yield responder
        controller.stop()


def run(sizes: Sequence[int], count: int, closer: int, seconds: float) -> dict[str, object]:
    """All sizes by turns, the usual and the largest alone until they had `closer` rounds, then a
    change of each.
    """
    shown: dict[str, dict[str, Any]] = {str(size): {} for size in sizes}
    with ExitStack() as stack:
        up = [stack.enter_context(started(size, shown[str(size)])) for size in sizes]
        for responder in up:
            shown[responder.name]["echo_ms"] |= {"first questions": _everybody(responder)}
        loads = {f"renew {window}": Load(window=window, seconds=seconds) for window in LOADS}
        found = rounds(up, loads, count)
        close = [it for it in up if it.bindings in (USUAL, max(sizes))]
        near = f"renew {CLOSELY}"
        for name, more in rounds(close, {near: loads[near]}, closer - count)[near].items():
            found[near][name] += more
        for responder in up:
            of = shown[responder.name]
            of["mb_with_all_remembered"] = rounded(resident_mb(responder.pids()))
            of["loads"] = {load: medians(by[responder.name]) for load, by in found.items()}
            of[f"by {USUAL}"] = {
                load: ratios(ours := by[responder.name], by[str(USUAL)][: len(ours)])
                for load, by in found.items()
            }
            of["change"] = _change(responder)
    for size in sizes:
        shown[str(size)]["reading"] = reading(size)
    return dict(shown)


def _everybody(responder: Responder) -> dict[str, float]:
    """Each client asks as it boots and twice as it renews, so that this is remembered."""
    with echoes(responder.bed.home) as echo:
        for kind in ("discover", "renew", "renew"):
            load = Load(kind=kind, window=32, once=True, clients=responder.bindings, seconds=300)
            ask(responder.bed.clients, load)
    return echo


def _change(responder: Responder) -> dict[str, object]:
    """One more binding: how long from the command to its first answer, and what waits meanwhile."""
    made, newcomer = responder.bed, responder.bindings
    table = tables.lease_table(newcomer + 1)
    with echoes(made.home) as echo:
        start = time.monotonic()
        try:
            reload(made, table)
        except LabError as error:
            return {"error": f"{error.what}: {error.said.splitlines()[-1]}"}
        load = Load(first=newcomer, clients=1, seconds=0.02, wait_ms=15)
        asked = wait_for(lambda: ask(made.clients, load).replies, within=CHANGED_WITHIN)
        seconds = time.monotonic() - start
    return {"seconds_until_in_force": rounded(seconds) if asked else None, "echo_ms": echo}


_READ = """
import sys, time
from pathlib import Path
from ovsdhcp.config.loading import load
start = time.perf_counter()
load(Path(sys.argv[1]))
print(time.perf_counter() - start)
"""


def reading(bindings: int) -> dict[str, float]:
    """Seconds that the table takes to be read, in either form."""
    text = tables.lease_table(bindings)
    found = {}
    with TemporaryDirectory() as folder:
        for form, content in (("json", text), ("yaml", tables.as_yaml(text))):
            file = Path(folder) / f"table.{form}"
            file.write_text(content)
            argv = (sys.executable, "-c", _READ, str(file))
            done = subprocess.run(argv, capture_output=True, text=True, check=True)
            found[form] = rounded(float(done.stdout))
    return found
