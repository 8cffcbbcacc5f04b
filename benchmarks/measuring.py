"""One load on one responder; what rounds of them come to: medians, ratios with their spread.

Machines are noisy, and the noise is slower than a round. So within a round everybody has the same
load one after the other, ratios are taken within the round, and their median is what counts.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.generator import Load, ask
from benchmarks.processes import cpu_seconds, resident_mb
from benchmarks.responders import Responder

WARM_UP = 0.4
"""Seconds of the very load before it is measured: the state that lasts is what counts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One load: right replies a second, latency in µs, CPU a reply in µs, memory in MB."""

    rate: float
    p50: float
    p99: float
    max: float
    lost: int
    wrong: int
    controller_us: float
    vswitchd_us: float
    resident_mb: float
    p99_by_port: tuple[float, ...] = ()
    """Where it was asked for."""


FIGURES = tuple(name for name in Measured.__slots__ if name != "p99_by_port")
Rounds = dict[str, list[Measured]]
"""By responder, a measurement for each round."""


def measure(responder: Responder, load: Load) -> Measured:
    """Put a load on a responder, which has some of it beforehand."""
    load = replace(load, clients=responder.bindings, ports=responder.bed.ports,
                   any=responder.constant)  # fmt: skip
    ask(responder.bed.clients, replace(load, seconds=WARM_UP))
    processes = (responder.pids(), responder.bed.vswitchd())
    before = [cpu_seconds(pids) for pids in processes]
    got = ask(responder.bed.clients, load)
    used = [
        (cpu_seconds(pids) - then) / max(got.replies, 1) * 1e6
        for pids, then in zip(processes, before, strict=True)
    ]
    return Measured(
        got.rate,
        got.p50,
        got.p99,
        got.max,
        got.lost,
        got.wrong,
        controller_us=used[0],
        vswitchd_us=used[1],
        resident_mb=resident_mb(processes[0]),
        p99_by_port=tuple(port.get("p99", 0.0) for port in got.more.get("ports", ())),
    )


def rounds(
    responders: Sequence[Responder], loads: Mapping[str, Load], count: int
) -> dict[str, Rounds]:
    """Every load on every responder, `count` times; who begins changes from round to round."""
    found: dict[str, Rounds] = {name: {it.name: [] for it in responders} for name in loads}
    for number in range(count):
        turn = number % len(responders)
        for name, load in loads.items():
            for responder in (*responders[turn:], *responders[:turn]):
                found[name][responder.name].append(measure(responder, load))
    return found


def medians(of: Iterable[Measured]) -> dict[str, float]:
    """The median of each figure, and how far the rate went."""
    all_of = list(of)
    shown = {name: _median(getattr(it, name) for it in all_of) for name in FIGURES}
    rates = [it.rate for it in all_of]
    return shown | {"rate_low": rounded(min(rates)), "rate_high": rounded(max(rates))}


COMPARED = ("rate", "p50", "p99", "controller_us", "vswitchd_us")


def ratios(ours: Sequence[Measured], theirs: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """Ours by theirs, within each round: the median, the smallest and the largest."""
    return {
        name: spread(
            getattr(a, name) / getattr(b, name)
            for a, b in zip(ours, theirs, strict=True)
            if getattr(b, name)
        )
        for name in COMPARED
    }


def spread(values: Iterable[float]) -> dict[str, float]:
    """The median with what lies around it."""
    of = list(values) or [0.0]
    return {"median": rounded(statistics.median(of)), "low": rounded(min(of)),
            "high": rounded(max(of))}  # fmt: skip


def _median(values: Iterable[float]) -> float:
    return rounded(statistics.median(values))


def rounded(value: float) -> float:
    """Four digits say all that a measurement of this kind knows."""
    return float(f"{value:.4g}")
