"""Hostile and odd frames through real flows on a real bridge: the verdict, and nothing leaks.

Each frame enters at one port as it is. What leaves is looked at on every port: the reply at the
port that asked, and nothing anywhere else. After each, a good client on another port is served.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from ovsdhcp.dhcp.message import MessageType
from ovsdhcp.lab.laboratory import Lab, Names
from tests.bridge.hostile_frames import GENERATED, Hostile
from tests.bridge.hostile_lab import (
    ANYONE,
    GOOD,
    HOSTILE,
    HOSTS,
    WITH_A_LEASE,
    canary,
    discover,
    hostile_lab,
)
from tests.bridge.hostile_lab import request as request_chosen
from tests.bridge.raw import Bench, RawPort, raw_ports
from tests.dhcp.test_bad_inputs import INPUTS, POLICY, Input
from tests.dhcp.wire import (
    ADDRESS,
    EVERYBODY,
    NOBODY,
    SERVER,
    SERVER_MAC,
    bootp,
    frame,
    ip,
    mac,
    see,
)

KINDS = {
    "normal": ("normal", "packet-out"),
    "drop": ("drop", "packet-out"),
    "resume": ("normal", "resume"),
}
"""What the bridge does with other traffic, and how answers go back."""
BURST = 2000
SERVED_WITHIN = 1.0

NOT_HANDED_OVER = ("from udp port", "udp_sport_odd")
"""What no bridge hands over, by the names' beginnings: the flows of a port that is not trusted ask
for 68→67, as OVN's do. The engine would answer (RFC 2131 §4.1 fixes only port 67)."""
NOT_PAUSED = {
    *("source address: 192.0.2.60", "source address: 198.51.100.7", "source address: 169.254.7.7"),
    *("to the server", "to the server, to all on the link", "to the subnet"),
    *("kea_cve_2025_40779", "rebind_offnet"),
}
"""What the flows of `reply: resume` drop: they ask, as OVN's do, for 0.0.0.0 to everybody, or for
the client's address to the server or everybody."""


class Rig(NamedTuple):
    """A lab, its ports as packet sockets, and the bench that judges."""

    lab: Lab
    ports: dict[str, RawPort]
    bench: Bench
    kind: str

    def check(self, octets: bytes, wanted: str, *, foreign: bool = False) -> None:
        """A frame has the verdict wanted, and nothing leaves elsewhere."""
        verdict = self.bench.judge(octets)
        assert verdict.kind == wanted
        for seen in verdict.replies:
            see(seen.frame)
        if not foreign or self.kind == "drop":
            leaks = sorted({name for name, _ in verdict.leaks})
            assert not leaks, f"leaves through {', '.join(leaks)}: {verdict.leaks[0][1].hex()}"

    def wanted(self, name: str, expect: str) -> str:
        """The verdict wanted here."""
        dropped = self.kind == "resume" and name in NOT_PAUSED
        return "silence" if dropped or name.startswith(NOT_HANDED_OVER) else expect


@pytest.fixture(scope="module", params=KINDS)
def rig(
    request: pytest.FixtureRequest,
    new_names: Callable[[], Names],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rig]:
    """A lab of each kind."""
    table = tmp_path_factory.mktemp("table") / "table.yaml"
    with hostile_lab(new_names(), table, *KINDS[request.param]) as lab, raw_ports(lab) as ports:
        yield Rig(lab, ports, Bench(ports, HOSTILE, GOOD, canary), request.param)


def decided(policy: object) -> str:
    """Our verdict where it depends on a setting; its reason may stand beside it."""
    return str(policy[0] if isinstance(policy, tuple) else policy)


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: given.name)
def test_the_verdict_is_right(rig: Rig, given: Input) -> None:
    if given.name in WITH_A_LEASE:
        rig.check(discover(), "offer")
        rig.check(request_chosen(), "ack")
    wanted = decided(POLICY[given.name]) if given.expect == "policy" else given.expect
    for octets in given.frames:
        rig.check(octets, rig.wanted(given.name, wanted))


@pytest.mark.parametrize("given", GENERATED, ids=lambda given: given.name)
def test_frames_made_by_rule(rig: Rig, given: Hostile) -> None:
    rig.check(given.frame, rig.wanted(given.name, given.expect), foreign=given.foreign)


@pytest.mark.parametrize("port", [ANYONE, HOSTS])
def test_a_port_without_one_mac_hears_only_stations(rig: Rig, port: str) -> None:
    """No flow looks at the source here: it is the engine that refuses what is no station's."""
    bench = Bench(rig.ports, port, GOOD, canary)
    for client in (NOBODY, EVERYBODY, mac("01:00:5e:00:00:01"), SERVER_MAC):
        assert bench.judge(discover(client)) == ((), ())
        assert bench.judge(frame(bootp(MessageType.DISCOVER), eth_src=client)) == ((), ())


def test_a_declined_address_is_withheld_and_its_neighbours_are_served(rig: Rig) -> None:
    bench = Bench(rig.ports, ANYONE, GOOD, canary)
    declined = {50: ip("192.0.2.11"), 54: ip(SERVER)}
    assert bench.judge(discover()).kind == "offer"
    assert bench.judge(frame(bootp(MessageType.DECLINE, declined))) == ((), ())
    assert bench.judge(discover()) == ((), ())
    assert "event=drop" in rig.lab.controller.log.read_text()


def _random_clients() -> Iterator[bytes]:
    for number in itertools.count():
        yield b"\x02\xee" + number.to_bytes(4, "big")


def _strangers() -> Iterator[bytes]:
    for client in _random_clients():
        yield discover(client)


def _exchanges() -> Iterator[bytes]:
    """Random clients that take what they were offered, at a port that serves whoever is there."""
    chosen = {50: ip("192.0.2.11"), 54: ip(SERVER)}
    for client in _random_clients():
        yield discover(client)
        yield frame(bootp(MessageType.REQUEST, chosen, chaddr=client), eth_src=client)


def _releases() -> Iterator[bytes]:
    while True:
        yield discover()
        yield request_chosen()
        yield frame(bootp(MessageType.RELEASE, {54: ip(SERVER)}, ciaddr=ADDRESS))


def _garbage() -> Iterator[bytes]:
    return itertools.cycle(given.frame for given in GENERATED if not given.foreign)


FLOODS: dict[str, tuple[str, Callable[[], Iterator[bytes]]]] = {
    "one DISCOVER again and again": (HOSTILE, lambda: itertools.repeat(discover())),
    "random MACs where one is known": (HOSTILE, _strangers),
    "random MACs where some are known": (HOSTS, _strangers),
    "random MACs where anyone is served": (ANYONE, _strangers),
    "whole exchanges of random MACs": (ANYONE, _exchanges),
    "bound and released": (HOSTILE, _releases),
    "everything above": (HOSTILE, _garbage),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_at_one_port_leaves_the_others_served(rig: Rig, name: str) -> None:
    flooded, frames = FLOODS[name]
    burst = list(itertools.islice(frames(), BURST))
    for octets in burst:
        rig.ports[flooded].send(octets)
    start = time.monotonic()
    rig.bench.good_client_is_served(within=SERVED_WITHIN)
    print(f"{name}: served {time.monotonic() - start:.3f} s after {BURST} frames")


def test_nothing_of_it_surprised_the_controller(rig: Rig) -> None:
    log = rig.lab.controller.log.read_text()
    assert "Traceback" not in log
    assert "this is a bug" not in log
