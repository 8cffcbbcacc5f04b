"""Everybody boots at once: 10,000 clients on 100 ports within a second, each with its back-off."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from benchmarks import responders
from benchmarks.bed import Bed
from benchmarks.echo import echoes
from benchmarks.generator import Load, ask
from benchmarks.responders import Responder

Stage = Callable[[int, int], AbstractContextManager[Responder]]

CLIENTS, PORTS = 10_000, 100
WITHIN = 60.0
QUEUES = (100, 512)
"""`controller-queue-size`: Open vSwitch's own, and the most it takes."""


STAGES = {"ovsdhcp": responders.ovsdhcp, "plain Ryu": responders.plain_ryu}
"""The second shows where questions are lost if the controller is slow."""


def run(queues: Sequence[int]) -> dict[str, dict[str, object]]:
    """By who answers, and the length of the bridge's queue to it."""
    return {name: _by_queue(stage, queues) for name, stage in STAGES.items()}


def _by_queue(stage: Stage, queues: Sequence[int]) -> dict[str, object]:
    shown: dict[str, object] = {}
    for queue in queues:
        with stage(CLIENTS, PORTS) as responder:
            size = f"other-config:controller-queue-size={queue}"
            bridge = responder.bed.switch.bridge
            responder.bed.switch.vsctl("set", "Bridge", bridge, size, doing="set the queue")
            shown[str(queue)] = _storm(responder)
    return shown


def _storm(responder: Responder) -> dict[str, object]:
    made = responder.bed
    load = Load(mode="storm", clients=CLIENTS, ports=PORTS, seconds=WITHIN)
    before = losses(made)
    with echoes(made.home) as echo:
        got = ask(made.clients, load)
    lost = {name: count - before[name] for name, count in losses(made).items()}
    asked = {name: got.more[name] for name in
             ("asked_twice", "discover_twice", "request_twice", "after_back_off")}  # fmt: skip
    times = {"p50": got.p50 / 1000, "p99": got.p99 / 1000, "max": got.max / 1000}
    return {
        "clients": CLIENTS,
        "bound": got.replies,
        "seconds": got.seconds,
        "ms_to_be_bound": times,
        **asked,
        "lost_where": lost,
        "echo_ms": echo,
    }


_COUNTERS: Mapping[str, str] = {
    "queue to the controller": r"rconn_overflow .* total: (\d+)",
    "upcalls": r"upcall_flow_limit_hit .* total: (\d+)",
}
"""By where, the counter of ovs-appctl coverage/show; one that never counted is not shown."""


def losses(made: Bed) -> dict[str, int]:
    """What the bridge has dropped so far on the way to its controller, and its ports."""
    said = made.appctl("coverage/show")
    found = {}
    for where, pattern in _COUNTERS.items():
        seen = re.search(pattern, said)
        found[where] = int(seen.group(1)) if seen else 0
    ports = made.switch.ofctl("dump-ports", made.switch.bridge, doing="count")
    found["ports, receiving"] = _sum(r"rx .*?drop=(\d+)", ports)
    found["ports, sending"] = _sum(r"tx .*?drop=(\d+)", ports)
    return found


def _sum(pattern: str, text: str) -> int:
    return sum(map(int, re.findall(pattern, text)))
