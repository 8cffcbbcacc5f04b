"""ovsdhcp beside its peers: the same bindings, the same load, the same kind of bridge, by turns."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks import responders
from benchmarks.generator import Load
from benchmarks.measuring import Rounds, measure, medians, ratios, rounds
from benchmarks.peers import Dnsmasq, Kea
from benchmarks.responders import Stage

BINDINGS = 1000
STAGES: Mapping[str, Stage] = {
    "ovsdhcp": responders.ovsdhcp,
    "ovn-controller": responders.ovn,
    "null-unix": partial(responders.null_controller, name="null-unix"),
    "null": responders.null_controller,
    "ovsdhcp-tcp": responders.ovsdhcp_tcp,
    "ovsdhcp-unix": responders.ovsdhcp_unix,
    "ovsdhcp-resume": partial(responders.ovsdhcp, reply="resume"),
    "bounce": responders.bounce,
    "plain Ryu": responders.plain_ryu,
    "dnsmasq": partial(responders.daemon, Dnsmasq),
    "kea": partial(responders.daemon, Kea),
}
"""In this order they have their turn: those that are compared are beside each other."""

PROGRAMS = {"ovn-controller": "ovn-controller", "dnsmasq": "dnsmasq", "kea": "kea-dhcp4"}
"""What has to be installed; a peer that is not is left out."""

PAIRS = (
    ("ovsdhcp", "ovn-controller"),
    ("ovsdhcp", "null-unix"),
    ("ovsdhcp", "null"),
    ("ovsdhcp-tcp", "ovn-controller"),
    ("ovsdhcp-tcp", "null"),
    ("ovsdhcp-unix", "ovn-controller"),
    ("ovsdhcp-resume", "ovsdhcp"),
    ("null", "ovn-controller"),
    ("null-unix", "ovn-controller"),
)


CLOSE: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (
        ("ovsdhcp", "ovn-controller", "null-unix"),
        ("renew 1", "renew 32", "renew 128", "new 128", "unlike 128"),
    ),
    (("ovsdhcp-tcp", "null"), ("renew 128",)),
)
"""Those whose ratios are near what is wanted of them, and under which loads."""

OPEN_RATE = 10_000


def loads(seconds: float) -> dict[str, Load]:
    """Closed loops by window, of clients that renew, of clients never seen, and of questions that
    each server has to think about anew; an open loop.
    """
    closed = {
        f"{kind} {window}": Load(kind=kind, window=window, seconds=seconds)
        for kind, windows in (
            ("renew", (1, 8, 32, 128)),
            ("new", (1, 32, 128)),
            ("unlike", (128,)),
        )
        for window in windows
    }
    return closed | {f"open {OPEN_RATE}": Load("open", rate=OPEN_RATE, seconds=seconds)}


def run(names: Sequence[str], count: int, seconds: float) -> dict[str, object]:
    """Bring them all up, ask them in turn, take them down."""
    return dict(_run(names, loads(seconds), count))


def closer(count: int, seconds: float) -> dict[str, object]:
    """As `run`, of `CLOSE` alone: rounds differ by a third, what is looked for here by a tenth."""
    of, shown = loads(seconds), dict[str, dict[str, Any]]()
    for names, closely in CLOSE:
        for load, found in _run(names, {name: of[name] for name in closely}, count).items():
            there = shown.get(load, {"ratios": {}})
            shown[load] = there | found | {"ratios": there["ratios"] | found["ratios"]}
    return dict(shown)


def _run(names: Sequence[str], of: Mapping[str, Load], count: int) -> dict[str, dict[str, Any]]:
    with ExitStack() as stack:
        up = [stack.enter_context(STAGES[name](BINDINGS)) for name in names if _is_there(name)]
        for responder in up:
            measure(responder, Load(window=8, seconds=1))
        found = rounds(up, of, count)
    return {load: _shown(by_responder) for load, by_responder in found.items()}


def _is_there(name: str) -> bool:
    program = PROGRAMS.get(name)
    there = program is None or shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not there:
        print(f"benchmarks: {name} is not installed, and left out", file=sys.stderr)
    return bool(there)


def _shown(by_responder: Rounds) -> dict[str, Any]:
    shown: dict[str, Any] = {name: medians(of) for name, of in by_responder.items()}
    shown["ratios"] = {
        f"{one} / {other}": ratios(by_responder[one], by_responder[other])
        for one, other in PAIRS
        if one in by_responder and other in by_responder
    }
    return shown
