"""Ports that are there: how soon a bridge full of them has its flows, and what a change touches."""

import re
import subprocess
import time
from pathlib import Path

from benchmarks import tables
from benchmarks.bed import Bed, bed
from benchmarks.generator import Load
from benchmarks.measuring import measure, medians, rounded, spread
from benchmarks.responders import Responder, reload, serve
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.deadline import wait_for

REACHED = 100
"""Ports whose clients ask; the others are only there."""

FLOWS_WITHIN = 120.0
SETTLED = 1.0
OURS = "cookie=0x6468637000000000/0xffffffff00000000"


def run(ports: int, count: int, seconds: float) -> dict[str, object]:
    """A port for each binding."""
    shown: dict[str, object] = {}
    start = time.monotonic()
    with bed("ports", ports=REACHED, idle=ports - REACHED) as made:
        shown["seconds_to_make"] = rounded(time.monotonic() - start)
        controller = serve(made, tables.lease_table(ports, ports))
        responder = Responder("ovsdhcp", made, controller.pids, REACHED)
        first = _seconds_to_lay(made)
        flows = made.switch.ofctl(
            "--no-stats", "dump-flows", made.switch.bridge, OURS, doing="dump"
        )
        laid = [line.strip() for line in flows.splitlines() if "actions=" in line]
        shown["flows"] = len(laid)
        ours, bundles = [first], []
        for _ in range(count):
            bundles.append(_seconds_by_ofctl(made, laid))
            ours.append(_seconds_to_lay(made))
        shown["seconds_until_laid"] = spread(ours)
        shown["seconds_by_ofctl_bundle"] = spread(bundles)
        shown["by_ofctl"] = spread(a / b for a, b in zip(ours[1:], bundles, strict=True))
        measure(responder, Load(window=32, seconds=1))
        loads = [measure(responder, Load(window=128, seconds=seconds)) for _ in range(count)]
        shown["renew 128"] = medians(loads)
        shown["one_port_changed"] = _change(made, ports)
        controller.stop()
    return shown


def _without_controller(made: Bed) -> None:
    made.switch.vsctl("del-controller", made.switch.bridge, doing="take the controller away")
    made.switch.ofctl("del-flows", made.switch.bridge, doing="empty the tables")


def _seconds_to_lay(made: Bed) -> float:
    """From set-controller until no more flows come."""
    _without_controller(made)
    start = last = time.monotonic()
    made.switch.set_controller()
    before, end = 0, start + FLOWS_WITHIN
    while (now := time.monotonic()) < end and (not before or now - last < SETTLED):
        there = _count(made)
        if there != before:
            before, last = there, now
        time.sleep(0.02)
    if not before:
        log = (made.folder / "controller.log").read_text().splitlines()
        raise LabError(f"there are no flows after {FLOWS_WITHIN:g} s", said="\n".join(log[-3:]))
    return last - start


def _seconds_by_ofctl(made: Bed, flows: list[str]) -> float:
    """The same flows, laid by Open vSwitch's own program."""
    _without_controller(made)
    file = made.folder / "same.flows"
    file.write_text("\n".join(flows) + "\n")
    start = time.monotonic()
    argv = ("ovs-ofctl", f"--timeout={FLOWS_WITHIN:.0f}", "--bundle", "add-flows")
    made.shell.run(*argv, made.switch.bridge, str(file), doing="lay the same flows",
                   timeout=FLOWS_WITHIN,
                   environment=made.switch.client_environment)  # fmt: skip
    return time.monotonic() - start


def _count(made: Bed) -> int:
    said = made.switch.ofctl("dump-aggregate", made.switch.bridge, OURS, doing="count")
    return int(said.rpartition("flow_count=")[2])


def _change(made: Bed, ports: int) -> dict[str, object]:
    """One port gets another binding: the flows that a reload adds, changes, deletes."""
    table = tables.lease_table(ports, ports)
    changed = table.replace(tables.mac_entry(0), tables.mac_entry(ports), 1)
    assert changed != table
    log = made.folder / "monitor.log"
    with log.open("wb") as said:
        watching = subprocess.Popen(
            ("ovs-ofctl", "monitor", made.switch.bridge, "watch:!initial"),
            env=made.environment(), stdout=said, stderr=said, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        time.sleep(SETTLED)
        start = time.monotonic()
        reload(made, changed)
        seen = wait_for(lambda: _events(log), within=FLOWS_WITHIN)
        seconds = time.monotonic() - start
        time.sleep(SETTLED)
        return {"seconds": rounded(seconds) if seen else None, "flows": _events(log)}
    except LabError as error:
        return {"error": f"{error.what}: {error.said.splitlines()[-1]}"}
    finally:
        watching.kill()
        watching.wait()


def _events(log: Path) -> dict[str, int]:
    words = re.findall(r"event=(\w+)", log.read_text())
    return {word: words.count(word) for word in sorted(set(words))}
