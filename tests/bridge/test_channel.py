"""Whoever reaches the OpenFlow port costs nobody else anything.

The real application, a real bridge, and beside it peers that say what no switch says, too much of
it, or nothing. While they do, a client on the bridge is answered within a second all along.
"""

import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from ovsdhcp.lab import namespace
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab, Names
from ovsdhcp.openflow import messages
from ovsdhcp.openflow.admission import Limits
from tests.bridge.hostile_lab import GOOD, HOSTILE, canary, hostile_lab
from tests.bridge.raw import Bench, raw_ports
from tests.bridge.test_flood import memory
from tests.openflow.hostile_messages import KNOWN, SESSION, mutated
from tests.openflow.test_wellformed import passes

PORT = 6653
SERVED_WITHIN = 1.0
HUNG_UP_ON_WITHIN = 5.0  # whoever has used up the time of its address rests first
MEMORY_MORE = 20 << 20
MUTATIONS = 100_000
IDLE, PLACES = 1000, Limits().waiting_of_one
HELLO = messages.message(0, 1, b"")
FEATURES, PORTS = (
    next(m for m in SESSION if m[1] == 6),
    messages.message(19, 0, b"\0\x0d" + bytes(6)),
)


@pytest.fixture(scope="module")
def lab_of_two(
    new_names: Callable[[], Names], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    with hostile_lab(new_names(), tmp_path_factory.mktemp("table") / "table.yaml") as lab:
        yield lab


@pytest.fixture(scope="module")
def bench(lab_of_two: Lab) -> Iterator[Bench]:
    with raw_ports(lab_of_two) as ports:
        yield Bench(ports, HOSTILE, GOOD, canary)


class Peer:
    """Somebody who has connected, as a switch would."""

    def __init__(self, lab: Lab) -> None:
        with namespace.inside(lab.home):
            self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=5)
        self.socket.setblocking(False)

    def say(self, octets: bytes) -> bool:
        """Whether all of it could be said; what is said back is not listened to."""
        end = time.monotonic() + 5
        while octets and time.monotonic() < end:
            reading, writing, _ = select.select([self.socket], [self.socket], [], 0.2)
            with suppress(BlockingIOError):
                try:
                    if reading and not self.socket.recv(1 << 16):
                        return False
                    if writing:
                        octets = octets[self.socket.send(octets) :]
                except OSError:
                    return False
        return not octets

    def is_hung_up_on(self, within: float) -> bool:
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(1 << 16):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False

    def become_a_switch(self, dpid: int) -> None:
        """The handshake, as a bridge with no ports."""
        features = FEATURES[:8] + struct.pack("!Q", dpid) + FEATURES[16:]
        self.say(HELLO + features + PORTS)


@contextmanager
def peer(lab: Lab) -> Iterator[Peer]:
    connected = Peer(lab)
    try:
        yield connected
    finally:
        connected.socket.close()


@contextmanager
def served_all_along(bench: Bench) -> Iterator[list[float]]:
    """A client asks without a pause, and is answered in time; how long each answer took."""
    stop, waits, failed = threading.Event(), list[float](), list[BaseException]()

    def ask() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            try:
                bench.good_client_is_served(within=SERVED_WITHIN)
            except BaseException as error:
                failed.append(error)
                return
            waits.append(time.monotonic() - begun)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()
    assert not failed, failed
    waits.sort()
    print(
        f"{len(waits)} others served, median {waits[len(waits) // 2] * 1000:.1f} ms, "
        f"longest {waits[-1] * 1000:.1f} ms"
    )


def log_of(lab: Lab) -> str:
    return lab.controller.log.read_text()


def endings(lab: Lab, code: str) -> int:
    return log_of(lab).count(f"reason={code}")


@pytest.mark.parametrize("ready", [False, True], ids=["before HELLO", "as a switch"])
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_payload_ends_its_own_connection_only(
    lab_of_two: Lab, bench: Bench, name: str, ready: bool
) -> None:
    with served_all_along(bench), peer(lab_of_two) as hostile:
        if ready:
            hostile.say(HELLO + FEATURES)
        hostile.say(KNOWN[name])
        assert hostile.is_hung_up_on(within=SERVED_WITHIN)
    assert wait_for(lambda: endings(lab_of_two, "malformed-message"), within=5)


def until_refused(rng: random.Random) -> list[bytes]:
    """Mutations that pass, as many as come, and the first one that does not."""
    messages_ = [mutated(rng)]
    while int.from_bytes(messages_[-1][2:4], "big") >= 8 and passes(messages_[-1]):
        messages_.append(mutated(rng))
    return messages_


@pytest.mark.slow
def test_a_session_with_something_changed_a_hundred_thousand_times(
    lab_of_two: Lab, bench: Bench
) -> None:
    """Each connection says what passes until something does not, and is hung up on for that."""
    (controller,) = lab_of_two.controller.pids()
    rng, said, connections, before = random.Random(7), 0, 0, 0
    with served_all_along(bench):
        while said < MUTATIONS:
            batch = until_refused(rng)
            with peer(lab_of_two) as hostile:
                hostile.say(HELLO + FEATURES + b"".join(batch))
                assert hostile.is_hung_up_on(within=HUNG_UP_ON_WITHIN), [m.hex() for m in batch]
            said, connections = said + len(batch), connections + 1
            before = before or (memory(controller) if said > MUTATIONS / 10 else 0)
    more = memory(controller) - before
    print(f"{said:,} messages, {connections:,} connections; memory {more >> 10:+,} KiB")
    assert more < MEMORY_MORE
    assert "Traceback" not in log_of(lab_of_two)
    assert "this is a bug" not in log_of(lab_of_two)


def test_thousands_of_idle_connections_are_in_nobodys_way(lab_of_two: Lab, bench: Bench) -> None:
    """Of one address, which is the bridge's as well: more than there are places for it.

    A place takes some 40 KB of memory, so the second thousand takes none that the first did not.
    """
    (controller,) = lab_of_two.controller.pids()
    connected = log_of(lab_of_two).count("bridge br-int: connected")
    taken = []
    with ExitStack() as opened, served_all_along(bench):
        for _ in range(2):
            idle = [opened.enter_context(peer(lab_of_two)) for _ in range(IDLE)]
            assert idle[-1 - PLACES].is_hung_up_on(within=5)  # the last that had to make room
            taken.append(memory(controller))
    print(f"memory {taken[0] >> 10:,} KiB, {taken[1] - taken[0] >> 10:+,} KiB")
    assert wait_for(lambda: endings(lab_of_two, "made-room"), within=5)
    assert log_of(lab_of_two).count("bridge br-int: connected") == connected
    assert taken[1] - taken[0] < MEMORY_MORE


def test_a_switch_connects_beside_a_thousand_idle_connections(lab_of_two: Lab) -> None:
    connected = log_of(lab_of_two).count("bridge br-int: connected")
    with ExitStack() as opened:
        for _ in range(IDLE):
            opened.enter_context(peer(lab_of_two))
        lab_of_two.switch.vsctl("del-controller", "br-int", doing="hang up")
        lab_of_two.switch.set_controller()
        assert wait_for(
            lambda: log_of(lab_of_two).count("bridge br-int: connected") > connected, within=5
        )
        lab_of_two.wait_for_flows(GOOD, HOSTILE)
    with raw_ports(lab_of_two) as ports:
        Bench(ports, HOSTILE, GOOD, canary).good_client_is_served(within=SERVED_WITHIN)


def test_who_does_not_become_a_switch_is_hung_up_on(lab_of_two: Lab) -> None:
    with peer(lab_of_two) as idle:
        assert wait_for(lambda: endings(lab_of_two, "handshake-timeout"), within=13)
        assert idle.is_hung_up_on(within=1)


def test_a_flood_of_echo_requests_rests_and_the_others_do_not(
    lab_of_two: Lab, bench: Bench
) -> None:
    echoes = messages.message(2, 0, b"") * 8000
    with served_all_along(bench), peer(lab_of_two) as hostile:
        hostile.say(HELLO)
        end = time.monotonic() + 3
        while time.monotonic() < end and hostile.say(echoes):
            pass


def test_a_stranger_is_refused_and_named_once(lab_of_two: Lab) -> None:
    for dpid in (0x5EED, 0x5EED, 0x5EED, 0x5EEE):
        with peer(lab_of_two) as stranger:
            stranger.become_a_switch(dpid)
            assert stranger.is_hung_up_on(within=2)
    named = "(dpid {:#018x}) is not in the table".format  # lines are written behind, and in order
    assert wait_for(lambda: named(0x5EEE) in log_of(lab_of_two), within=5)
    assert log_of(lab_of_two).count(named(0x5EED)) == 1
    assert endings(lab_of_two, "stranger")


def test_who_poses_as_the_bridge_is_refused_as_long_as_that_is_alive(
    lab_of_two: Lab, bench: Bench
) -> None:
    text = lab_of_two.switch.vsctl("get", "Bridge", "br-int", "datapath_id", doing="ask")
    ours = int(text.strip().strip('"'), 16)
    local = struct.pack("!I4x6s2x16s", 0xFFFF_FFFE, bytes(6), b"br-int").ljust(64, b"\0")
    ports = messages.message(19, 0, b"\0\x0d" + bytes(6) + local)
    connected = log_of(lab_of_two).count("bridge br-int: disconnected")
    with served_all_along(bench), peer(lab_of_two) as posing:
        posing.say(HELLO + FEATURES[:8] + struct.pack("!Q", ours) + FEATURES[16:] + ports)
        assert posing.is_hung_up_on(within=2)
    assert wait_for(lambda: endings(lab_of_two, "already-connected"), within=5)
    assert log_of(lab_of_two).count("bridge br-int: disconnected") == connected
