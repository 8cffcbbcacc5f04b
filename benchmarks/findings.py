"""What a run's figures come to: each thing that is wanted, and what was measured of it.

A measured ratio has its spread over the rounds beside it; the median decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Found = Mapping[str, Any]
Spread = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line: in words, where in the figures its value is, and the bound of it."""

    words: str
    value: Callable[[Found], Spread | float]
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What was measured of it: a median and its spread, or one value."""

    wanted: Wanted
    measured: str
    holds: bool


def _peers(load: str, other: str, figure: str, one: str = "ovsdhcp") -> Callable[[Found], Spread]:
    return lambda it: _spread(it["peers"][load]["ratios"][f"{one} / {other}"][figure])


def _closer(load: str, other: str, figure: str, one: str = "ovsdhcp") -> Callable[[Found], Spread]:
    """Of the rounds of those that are close, if the run had them."""
    peers = _peers(load, other, figure, one)
    return lambda it: peers({"peers": it["closer"]} if "closer" in it else it)


def _size(*path: str) -> Callable[[Found], float]:
    return lambda it: _number(_at(it["sizes"]["100000"], path))


def _ports(*path: str) -> Callable[[Found], float]:
    return lambda it: _number(_at(it["real_ports"]["5000"], path))


def _storm(name: str) -> Callable[[Found], float]:
    return lambda it: max(_number(storm[name]) for storm in it["storm"]["ovsdhcp"].values())


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        values = values[name]
    return values


def _spread(value: Any) -> Spread:
    return {name: float(number) for name, number in value.items()}


def _number(value: Any) -> float:
    return float(value["median"] if isinstance(value, dict) else value)


def _by_usual(load: str) -> Callable[[Found], Spread]:
    return lambda it: _spread(it["sizes"]["100000"]["by 1000"][load]["rate"])


def _ceiling(load: str) -> Callable[[Found], float]:
    return lambda it: _number(it["peers"][load]["bounce"]["rate"]) / 1000


def _resume(load: str, figure: str) -> Callable[[Found], Spread]:
    return _peers(load, "ovsdhcp", figure, "ovsdhcp-resume")


_OVN, _NULL, _NULL_UNIX = "ovn-controller", "null", "null-unix"
_TCP, _UNIX = "ovsdhcp-tcp", "ovsdhcp-unix"
WANTED = (
    Wanted("renewing, 128 outstanding: replies/s, by ovn-controller's",
           _closer("renew 128", _OVN, "rate"), least=1.8),
    Wanted("renewing, 32 outstanding: replies/s, by ovn-controller's",
           _closer("renew 32", _OVN, "rate"), least=1.7),
    Wanted("every client identifier new, 128 outstanding: replies/s, by ovn-controller's",
           _closer("new 128", _OVN, "rate"), least=0.9),
    Wanted("every question unlike all before, 128 outstanding: replies/s, by ovn-controller's",
           _closer("unlike 128", _OVN, "rate")),
    Wanted("one at a time: median wait, by ovn-controller's",
           _closer("renew 1", _OVN, "p50"), most=1.0),
    Wanted("one at a time: 99th percentile, by ovn-controller's",
           _closer("renew 1", _OVN, "p99"), most=1.3),
    Wanted("renewing, 128 outstanding: CPU a reply, by ovn-controller's",
           _closer("renew 128", _OVN, "controller_us"), most=1.3),
    Wanted("renewing, 128 outstanding: replies/s, by those of a null controller by a Unix socket",
           _closer("renew 128", _NULL_UNIX, "rate"), least=0.9),
    Wanted("renewing, 32 outstanding: replies/s, by those of a null controller by a Unix socket",
           _closer("renew 32", _NULL_UNIX, "rate"), least=0.9),
    Wanted("renewing, 128 outstanding: replies/s, by those of a null controller by TCP",
           _peers("renew 128", _NULL, "rate"), least=0.9),
    Wanted("renewing, 32 outstanding: replies/s, by those of a null controller by TCP",
           _peers("renew 32", _NULL, "rate"), least=0.9),
    Wanted("by TCP alone, renewing, 128 outstanding: replies/s, by ovn-controller's",
           _peers("renew 128", _OVN, "rate", _TCP)),
    Wanted("by TCP alone, renewing, 32 outstanding: replies/s, by ovn-controller's",
           _peers("renew 32", _OVN, "rate", _TCP)),
    Wanted("by TCP alone, every identifier new, 128 outstanding: replies/s, by ovn-controller's",
           _peers("new 128", _OVN, "rate", _TCP)),
    Wanted("by TCP alone, renewing, 128 outstanding: replies/s, by the null controller's",
           _closer("renew 128", _NULL, "rate", _TCP), least=0.9),
    Wanted("by a Unix socket of its own, renewing, 128 outstanding: replies/s, by ovn-controller's",
           _peers("renew 128", _OVN, "rate", _UNIX)),
    Wanted("a null controller by TCP, renewing, 128 outstanding: replies/s, by ovn-controller's",
           _peers("renew 128", _OVN, "rate", _NULL)),
    Wanted("a null controller by a Unix socket, 128 outstanding: replies/s, by ovn-controller's",
           _closer("renew 128", _OVN, "rate", _NULL_UNIX)),
    Wanted("a null controller by a Unix socket, 32 outstanding: replies/s, by ovn-controller's",
           _closer("renew 32", _OVN, "rate", _NULL_UNIX)),
    Wanted("a null controller by TCP, one at a time: median wait, by ovn-controller's",
           _peers("renew 1", _OVN, "p50", _NULL)),
    Wanted("the load's own ceiling, by a flow that bounces, 128 outstanding: 1,000 replies/s",
           _ceiling("renew 128")),
    Wanted("the load's own ceiling, by a flow that bounces, 32 outstanding: 1,000 replies/s",
           _ceiling("renew 32")),
    Wanted("100,000 bindings, 128 outstanding: replies/s, by those with 1,000",
           _by_usual("renew 128"), least=0.9),
    Wanted("100,000 bindings, 32 outstanding: replies/s, by those with 1,000",
           _by_usual("renew 32")),
    Wanted("100,000 bindings: seconds from start until it listens", _size("seconds_to_listen"),
           most=5.0),
    Wanted("100,000 bindings: MB before the first client", _size("mb_before_clients"), most=300),
    Wanted("100,000 bindings: MB with the memory of answers full", _size("mb_with_all_remembered"),
           most=600),
    Wanted("100,000 bindings: seconds until a new one is in force",
           _size("change", "seconds_until_in_force"), most=1.0),
    Wanted("100,000 bindings: longest wait for an echo at the beginning, ms",
           _size("echo_ms", "beginning", "max"), most=20),
    Wanted("100,000 bindings: longest wait for an echo while all ask for the first time, ms",
           _size("echo_ms", "first questions", "max"), most=20),
    Wanted("100,000 bindings: longest wait for an echo while one is added, ms",
           _size("change", "echo_ms", "max"), most=20),
    Wanted("5,000 ports: seconds until all flows are there, by ovs-ofctl's bundle",
           _ports("by_ofctl"), most=3.0),
    Wanted("5,000 ports: flows that a reload with one changed port touches",
           lambda it: float(sum(it["real_ports"]["5000"]["one_port_changed"]["flows"].values())),
           most=2),
    Wanted("100 bridges: the slowest one's 99th percentile, by the mean of all",
           lambda it: _spread(it["bridges"]["100"]["slowest / mean"]), most=2.0),
    Wanted("100 bridges: longest wait for an echo, s",
           lambda it: _number(it["bridges"]["100"]["echo_ms"]["max"]) / 1000, most=5.0),
    Wanted("100 bridges: bridges that gave the controller up",
           lambda it: _number(it["bridges"]["100"]["disconnected"]), most=0),
    Wanted("10,000 clients boot: those not bound within 4 s", _storm("after_back_off"), most=0),
    Wanted("10,000 clients boot: those who had to ask twice", _storm("asked_twice")),
    Wanted("`reply: resume`, one at a time: replies/s, by packet-out's",
           _resume("renew 1", "rate")),
    Wanted("`reply: resume`, 32 outstanding: replies/s, by packet-out's",
           _resume("renew 32", "rate")),
    Wanted("`reply: resume`, 32 outstanding: CPU a reply, by packet-out's",
           _resume("renew 32", "controller_us")),
)  # fmt: skip


def findings(found: Found) -> Iterator[Finding]:
    """Every line of which something was measured."""
    for wanted in WANTED:
        try:
            value = wanted.value(found)
        except (KeyError, TypeError):  # not measured in this run, or without a result
            continue
        median = value["median"] if isinstance(value, Mapping) else value
        yield Finding(wanted, _shown(value), _holds(wanted, median))


def _holds(wanted: Wanted, value: float) -> bool:
    return (wanted.least is None or value >= wanted.least) and (
        wanted.most is None or value <= wanted.most
    )


def _shown(value: Spread | float) -> str:
    if isinstance(value, Mapping):
        return f"{value['median']:.2f} ({value['low']:.2f} to {value['high']:.2f})"
    return f"{value:,.4g}"


def table(found: Found) -> str:
    """Markdown."""
    lines = ["| | wanted | measured | |", "|---|---|---|---|"]
    lines += [
        f"| {it.wanted.words} | {_bound(it.wanted)} | {it.measured} | "
        f"{'' if it.holds else 'missed'} |"
        for it in findings(found)
    ]
    return "\n".join(lines)


def page(found: Found) -> str:
    """docs/benchmarks.md."""
    short, long = found["seconds"], found["longer_seconds"]
    closer, sizes = found["closer_rounds"], found["closer_size_rounds"]
    return f"""# Figures

Written by `scripts/benchmarks`, which measured them:
{found["machine"]["words"]}; load average before it {found["machine"]["load_before"]:.1f}.

Ratios are medians of {found["rounds"]} rounds, with the smallest and the largest; those of ovsdhcp,
ovn-controller and the null controller by a Unix socket to each other, with the three alone, and
that by TCP alone to the null controller, of {closer}; that of 100,000 bindings with 128
outstanding, of {sizes}. A load takes {short:g} s, on the sizes {long:g} s, so that what is written
of 100,000 clients is part of it. All figures are in [benchmarks.json](benchmarks.json).

![ovsdhcp beside its peers](benchmarks.svg)

{table(found)}
"""


def _bound(wanted: Wanted) -> str:
    if wanted.least is not None:
        return f"at least {wanted.least:g}"
    return "" if wanted.most is None else f"at most {wanted.most:g}"
