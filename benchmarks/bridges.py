"""Many bridges at one controller: each is a connection of its own, and none waits for others."""

from collections.abc import Sequence

from benchmarks import responders
from benchmarks.echo import echoes
from benchmarks.generator import Load
from benchmarks.measuring import measure, medians, spread
from benchmarks.responders import Responder

COUNTS = (1, 10, 100)
BINDINGS = 1000
WINDOW = 100


def run(counts: Sequence[int], count: int, seconds: float) -> dict[str, object]:
    """By number of bridges: the rate, the slowest bridge's p99 by the mean of all, the echoes."""
    shown: dict[str, object] = {}
    for bridges in counts:
        with responders.ovsdhcp(BINDINGS, ports=bridges, bridges=bridges) as responder:
            measure(responder, Load(window=WINDOW, seconds=1))
            shown[str(bridges)] = _loaded(responder, count, seconds)
    return shown


def _loaded(responder: Responder, count: int, seconds: float) -> dict[str, object]:
    ports = responder.bed.ports
    load = Load(window=WINDOW, seconds=seconds, each_port=True)
    with echoes(responder.bed.home) as echo:
        got = [measure(responder, load) for _ in range(count)]
    return {
        **medians(got),
        "p99_slowest": spread(max(one.p99_by_port) for one in got),
        "slowest / mean": spread(
            max(one.p99_by_port) * ports / sum(one.p99_by_port) for one in got
        ),
        "echo_ms": echo,
        "disconnected": disconnects(responder),
    }


def disconnects(responder: Responder) -> int:
    """How often a bridge gave the controller up, by the controller's log."""
    log = (responder.bed.folder / "controller.log").read_text()
    return sum(line.endswith(": disconnected") for line in log.splitlines())
