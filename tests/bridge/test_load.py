"""The load generator counts right replies, and only those; its clients ask as clients do."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks import clients, responders, tables
from benchmarks.bed import bed
from benchmarks.echo import echoes
from benchmarks.generator import Load, ask
from benchmarks.responders import Responder
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.wire import parse
from tests.bridge.raw import RawPort

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")

SHORT = 0.3
KNOWN, PORTS = 40, 2


@pytest.fixture(scope="module")
def ours() -> Iterator[Responder]:
    with responders.ovsdhcp(KNOWN, PORTS) as responder:
        yield responder


def load(mode: str = "closed", **more: object) -> Load:
    given = {"clients": KNOWN, "ports": PORTS, "window": 8, "seconds": SHORT, **more}
    return Load(mode, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["renew", "discover", "new"])
def test_whoever_is_in_the_table_is_answered(ours: Responder, kind: str) -> None:
    got = ask(ours.bed.clients, load(kind=kind, each_port=True))
    assert (got.lost, got.wrong) == (0, 0)
    assert got.asked - 8 <= got.replies <= got.asked
    assert all(port["replies"] > 0 for port in got.more["ports"])
    assert 0 < got.p50 <= got.p99 <= got.max


def test_a_reply_with_another_address_is_wrong() -> None:
    """The first client's MAC has the second one's address here."""
    table = tables.lease_table(1).replace(str(clients.address(0)), str(clients.address(1)))
    with bed("other") as made:
        controller = responders.serve(made, table)
        made.set_controllers()
        there = Load(kind="discover", clients=1, seconds=SHORT, wait_ms=20, any=True)
        assert wait_for(lambda: ask(made.clients, there).replies, within=10)
        got = ask(made.clients, replace(there, any=False))
        controller.stop()
    assert (got.replies, got.wrong > 0) == (0, True)


def test_who_is_not_in_the_table_is_lost(ours: Responder) -> None:
    got = ask(ours.bed.clients, load(kind="discover", first=KNOWN, wait_ms=50))
    assert (got.replies, got.wrong) == (0, 0)
    assert got.lost > 0


def test_once_asks_everybody_once(ours: Responder) -> None:
    got = ask(ours.bed.clients, load(once=True, seconds=30))
    assert (got.replies, got.asked) == (KNOWN, KNOWN)
    assert got.seconds < 30


def test_the_open_loop_keeps_its_rate(ours: Responder) -> None:
    got = ask(ours.bed.clients, load("open", rate=1000))
    assert abs(got.asked - 1000 * SHORT) <= 2
    assert (got.replies, got.lost) == (got.asked, 0)


def test_a_storm_ends_when_all_are_bound(ours: Responder) -> None:
    with echoes(ours.bed.home) as echo:
        got = ask(ours.bed.clients, load("storm", seconds=30))
    assert got.replies == got.more["clients"] == KNOWN
    assert got.asked >= 2 * KNOWN, "a DISCOVER and a REQUEST each"
    assert got.seconds < 30
    assert 0 < echo["p50"] <= echo["max"]


def test_a_storm_without_a_server_asks_again_after_its_back_off() -> None:
    with bed("silent") as made:
        got = ask(made.clients, load("storm", ports=1, seconds=6.5))
    assert (got.replies, got.more["discover_twice"], got.more["after_back_off"]) == (
        0,
        KNOWN,
        KNOWN,
    )
    assert got.asked == 2 * KNOWN


def test_a_reply_that_is_none_is_wrong_and_only_a_constant_one_may_be() -> None:
    with responders.bounce(1) as mirror:
        strict = ask(mirror.bed.clients, Load(clients=1, seconds=SHORT, wait_ms=20))
        lenient = ask(mirror.bed.clients, Load(clients=1, seconds=SHORT, any=True))
    assert (strict.replies, strict.wrong > 0) == (0, True)
    assert (lenient.replies > 0, lenient.wrong) == (True, 0)


def test_new_clients_have_identifiers_never_seen_before() -> None:
    with responders.bounce(1) as mirror:
        wire = RawPort(mirror.bed.clients, "c0")
        got = ask(mirror.bed.clients, load("open", kind="new", rate=200, ports=1, any=True))
        seen = [it for it in map(lambda frame: parse(frame, 0), wire.arrived()) if it]
        wire.close()
    assert len({it.options[61] for it in seen}) == len(seen) == got.replies
    assert all(it.options[61] != b"\1" + bytes.fromhex(clients.mac(0).replace(":", ""))
               for it in seen)  # fmt: skip
