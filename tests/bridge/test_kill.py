"""kill -9 at random moments under load: it comes back, and nobody is without an address for it."""

import itertools
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ovsdhcp.journal import read
from ovsdhcp.journal.file import NAME
from ovsdhcp.lab.deadline import wait_for
from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.lab.wire import Seen
from ovsdhcp.lease import State
from tests.bridge.hostile_lab import checksummed
from tests.bridge.raw import RawPort, raw_ports, xid_of
from tests.dhcp.wire import bootp, frame, ip, mac
from tests.journal.test_crash import integrity

BACK_WITHIN = 2.0
"""Seconds, most of which are the loading of Ryu."""
RYU_ALONE = 3
"""Times what that takes, where a slow machine needs more."""
SYNCED_WITHIN = 5.0
ANSWERED_WITHIN = 2.0
JOURNALED_WITHIN = 5.0
A_SECOND = 2000
"""Questions of the load."""

SERVER = "10.77.0.1"
HOSTS = {f"02:77:00:00:00:{n:02x}": f"10.77.1.{n}" for n in range(1, 251)}
OURS = "cookie=0x6468637000000000/0xffffffff00000000"
LEASE_TABLE = f"""
subnets:
  lan: {{cidr: 10.77.0.0/16, server_id: {SERVER}, server_mac: 02:77:00:00:ff:01, lease_time: 1h}}
bridges:
  br-int:
    rate_limit: none
    ports:
      vm1: {{subnet: lan, ip: 10.77.0.11}}
      vm3: {{subnet: lan, mac: 02:77:00:00:ff:33, ip: 10.77.0.13}}
      vm4: {{subnet: lan, mac: 02:77:00:00:ff:34, ip: 10.77.0.14}}
      vm5: {{subnet: lan, mac: 02:77:00:00:ff:35, ip: 10.77.0.15}}
      vm2:
        subnet: lan
        hosts:
{"".join(f"          - {{mac: '{mac}', ip: {ip}}}{chr(10)}" for mac, ip in HOSTS.items())}
  br-two:
    ports:
      q1: {{subnet: lan, mac: 02:77:00:00:ff:41, ip: 10.77.0.21}}
"""
XIDS = itertools.count(0xCA000000)


@dataclass(frozen=True)
class Asker:
    """A client that asks once and expects its answer."""

    port: RawPort
    mac: bytes
    address: str

    def send(self, kind: int, options: dict[int, bytes]) -> int:
        xid = next(XIDS)
        message = bootp(kind, options, chaddr=self.mac, xid=xid)
        self.port.send(checksummed(frame(message, eth_src=self.mac)))
        return xid

    def gets(self, kind: int, options: dict[int, bytes]) -> None:
        xid = self.send(kind, options)

        def answers(seen: Seen) -> bool:
            return seen.kind in ("OFFER", "ACK", "NAK") and xid_of(seen) == xid

        seen, _ = self.port.wait(answers, within=ANSWERED_WITHIN)
        assert (seen.kind, seen.yiaddr) == ("OFFER" if kind == 1 else "ACK", self.address)

    def gets_its_address(self) -> None:
        """As one that is new, and as one that remembers."""
        self.gets(1, {})
        self.gets(3, {50: ip(self.address)})


class Supervisor(threading.Thread):
    """Starts the controller again whenever it ends, and does no more: what a unit does."""

    def __init__(self, lab: Lab, table: Path) -> None:
        super().__init__()
        self._lab, self._table = lab, table
        self._ending = threading.Event()
        self.starts = 0

    def run(self) -> None:
        while self._ended(self._lab.controller.pids()[0]):
            self._lab.controller.reap()
            self._lab.controller.start(self._table)
            self.starts += 1

    def _ended(self, pid: int) -> bool:
        """Wait for its end; False where it is ours that comes first."""
        descriptor = os.pidfd_open(pid)
        try:
            while not self._ending.is_set():
                if select.select([descriptor], [], [], 0.05)[0]:
                    return True
            return False
        finally:
            os.close(descriptor)

    def end(self) -> None:
        self._ending.set()
        self.join()


@pytest.fixture
def supervisor(lab: Lab, table: Path) -> Iterator[Supervisor]:
    made = Supervisor(lab, table)
    made.start()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def two_bridges(lab: Lab) -> Lab:
    """A second bridge, and switches that ask for their controller every second."""
    target = lab.switch.controllers()[0]
    lab.switch.vsctl(
        *("--may-exist", "add-br", "br-two", "--", "set", "bridge", "br-two"),
        *("datapath_type=netdev", "fail-mode=secure", "--"),
        *("--may-exist", "add-port", "br-two", "q1", "--", "set", "Interface", "q1"),
        *("type=internal", "--", "set-controller", "br-two", target),
        doing="make a second bridge",
    )
    for bridge in ("br-int", "br-two"):
        changed = ("max_backoff=1000", "connection_mode=out-of-band")
        lab.switch.vsctl("set", "Controller", bridge, *changed, doing="ask every second")
    lab.shell.run("ip", "-n", lab.home, "link", "set", "q1", "up", doing="bring up q1")
    return lab


def is_synced(lab: Lab) -> bool:
    """Whether there is a flow for the last port of each bridge."""
    asked = (("br-int", "vm5"), ("br-two", "q1"))
    return all(
        f"in_port={port}" in lab.switch.ofctl("dump-flows", "--names", bridge, "table=22", doing="")
        for bridge, port in asked
    )


@contextmanager
def load(port: RawPort) -> Iterator[None]:
    """Clients that come and go, whether they are answered or not."""
    questions = [
        checksummed(frame(bootp(kind, options, chaddr=mac(it)), eth_src=mac(it)))
        for it, address in HOSTS.items()
        for kind, options in ((1, {}), (3, {50: ip(address), 54: ip(SERVER)}))
    ]
    ending = threading.Event()

    def ask() -> None:
        for number, question in enumerate(itertools.cycle(questions)):
            port.send(question)
            if number % 20 == 0 and ending.wait(20 / A_SECOND):
                return

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@contextmanager
def askers(lab: Lab) -> Iterator[tuple[list[Asker], RawPort]]:
    """A client at each port but vm2, which has the load."""
    with raw_ports(lab) as ports:
        q1 = RawPort(lab.home, "q1")
        try:
            yield (
                [
                    Asker(ports["vm1"], mac("02:77:00:00:ff:99"), "10.77.0.11"),
                    Asker(ports["vm3"], mac("02:77:00:00:ff:33"), "10.77.0.13"),
                    Asker(ports["vm5"], mac("02:77:00:00:ff:35"), "10.77.0.15"),
                    Asker(q1, mac("02:77:00:00:ff:41"), "10.77.0.21"),
                    Asker(ports["vm4"], mac("02:77:00:00:ff:34"), "10.77.0.14"),
                ],
                ports["vm2"],
            )
        finally:
            q1.close()


def journal_of(lab: Lab) -> Path:
    return lab.names.folder / "controller" / NAME


def exchanges(path: Path) -> dict[tuple[str, str], int]:
    """How many of each binding the journal has."""
    return {
        (it.port, str(it.address)): it.offers + it.acks + it.naks + it.drops for it in read(path)
    }


def seconds_of_ryu_alone() -> float:
    """How long Python takes to load what ryu-manager loads before it comes to us."""
    start = time.monotonic()
    subprocess.run((sys.executable, "-c", "import ryu.cmd.manager, ryu.app.wsgi"), check=True)
    return time.monotonic() - start


def kill(lab: Lab, supervisor: Supervisor) -> float:
    """End the server, take its flows away; the seconds until it listens again."""
    starts = supervisor.starts
    (pid,) = lab.controller.pids()
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    for bridge in ("br-int", "br-two"):
        lab.switch.ofctl("del-flows", bridge, f"{OURS},table=22", doing="take its flows away")
    assert wait_for(lambda: supervisor.starts > starts, within=20)
    return time.monotonic() - killed


@pytest.mark.parametrize(
    "times", [pytest.param(3, id="few"), pytest.param(50, id="many", marks=pytest.mark.slow)]
)
def test_it_comes_back_by_itself(two_bridges: Lab, supervisor: Supervisor, times: int) -> None:
    lab, chance, back, synced = two_bridges, random.Random(times), [], []
    back_within = max(BACK_WITHIN, RYU_ALONE * seconds_of_ryu_alone())
    assert wait_for(lambda: is_synced(lab), within=20)
    with askers(lab) as (clients, busy), load(busy):
        for _ in range(times):
            for client in clients:
                client.gets_its_address()
            time.sleep(chance.uniform(0, 2))  # the moment is the matter itself
            before = exchanges(journal_of(lab))
            back.append(kill(lab, supervisor))
            start = time.monotonic()
            assert wait_for(lambda: is_synced(lab), within=SYNCED_WITHIN)
            synced.append(time.monotonic() - start)
            for client in clients:
                client.gets_its_address()
            assert integrity(journal_of(lab)) == ["ok"]
            after = exchanges(journal_of(lab))
            assert {it for it, count in before.items() if after.get(it, 0) < count} == set()
    usual = statistics.median(back)
    print(f"back after {usual:.2f} s, {max(back):.2f} s at most, in step {max(synced):.2f} s later")
    assert max(back) < back_within


def test_a_declined_address_stays_withheld(two_bridges: Lab, supervisor: Supervisor) -> None:
    lab = two_bridges
    with askers(lab) as (clients, _):
        declining, other = clients[-1], clients[0]
        declining.gets_its_address()
        declining.send(4, {50: ip(declining.address), 54: ip(SERVER)})

        def is_kept() -> bool:
            return any(
                it.port == "vm4" and it.state is State.DECLINED for it in read(journal_of(lab))
            )

        assert wait_for(is_kept, within=JOURNALED_WITHIN)
        kill(lab, supervisor)
        assert wait_for(lambda: is_synced(lab), within=SYNCED_WITHIN)
        xid = declining.send(1, {})
        other.gets_its_address()
        assert not [it for it in declining.port.arrived() if xid.to_bytes(4, "big") in it]
