"""What either way back costs: `reply: packet-out` against `reply: resume`, in one run.

    sudo .venv/bin/python -m benchmarks.ways_back [ROUNDS]

Two labs are up at a time, alike but for `reply:`, and are asked in turn: a DISCOVER that was seen
before (a closed loop with one, then with 32 outstanding), so that what differs is the way alone.
Machines are noisy: it is the ratio that counts.
"""

import json
import os
import select
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ovsdhcp.lab import namespace
from ovsdhcp.lab.laboratory import MACS, Lab, Names
from tests.dhcp.wire import bootp, frame, mac

WAYS = ("packet-out", "resume")
PORT = "vm5"
SECONDS = 2.0
XID_AT = 14 + 20 + 8 + 4
TABLE = """
subnets:
  net: {{cidr: 172.16.255.128/26, server_id: 172.16.255.129, server_mac: 02:ac:10:ff:01:29,
        lease_time: 1h, options: {{router: 172.16.255.129}}}}
bridges:
  br-int:
    reply: {way}
    rate_limit: none
    ports:
      vm5: {{subnet: net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One loop: replies a second, the median wait in ms, µs of CPU a reply of either process."""

    rate: float
    median_ms: float
    controller_us: float
    vswitchd_us: float


@contextmanager
def lab_of(way: str, folder: Path) -> Iterator[Lab]:
    """A lab that answers this way."""
    table = folder / f"{way}.yaml"
    table.write_text(TABLE.format(way=way))
    lab = Lab(Names(folder=folder / way, prefix=f"b{os.getpid()}-{way}-", switch="switch"))
    try:
        lab.up(table)
        lab.wait_for_flows(PORT)
        yield lab
    finally:
        lab.down()


def cpu_seconds(lab: Lab, program: str) -> float:
    """What a process of the lab has used so far."""
    home = namespace.identity(lab.home)
    assert home is not None
    (pid,) = namespace.residents_called(program, home)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def closed_loop(lab: Lab, outstanding: int) -> Measured:
    """Ask again whenever an answer comes, for SECONDS."""
    client = mac(MACS[PORT])
    question = bytearray(frame(bootp(1, {55: bytes((1, 3, 6))}, chaddr=client), eth_src=client))
    with namespace.inside(lab.ports[PORT].home):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    with wire:
        wire.bind((PORT, 0x0800))
        before = [cpu_seconds(lab, program) for program in ("ryu-manager", "ovs-vswitchd")]
        waits = list(_waits(wire, question, outstanding))
        after = [cpu_seconds(lab, program) for program in ("ryu-manager", "ovs-vswitchd")]
    used = [(b - a) / len(waits) * 1e6 for a, b in zip(before, after, strict=True)]
    return Measured(len(waits) / SECONDS, statistics.median(waits) * 1000, used[0], used[1])


def _waits(wire: socket.socket, question: bytearray, outstanding: int) -> Iterator[float]:
    sent: dict[int, float] = {}
    xid, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        while len(sent) < outstanding:
            xid += 1
            struct.pack_into("!I", question, XID_AT, xid)
            sent[xid] = time.monotonic()
            wire.send(question)
        if not select.select([wire], [], [], 1.0)[0]:
            sent.clear()  # lost: ask anew
            continue
        answer = wire.recv(2048)
        started = sent.pop(struct.unpack_from("!I", answer, XID_AT)[0], None)
        if started is not None:
            yield time.monotonic() - started


def main(rounds: int) -> None:
    """Print the medians of all rounds, and the ratio, as JSON."""
    found: dict[tuple[str, int], list[Measured]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        labs = {way: stack.enter_context(lab_of(way, folder)) for way in WAYS}
        for _ in range(rounds):
            for outstanding in (1, 32):
                for way, lab in labs.items():
                    found.setdefault((way, outstanding), []).append(closed_loop(lab, outstanding))
    shown = {
        f"{way}, {outstanding} outstanding": {
            name: round(statistics.median(getattr(one, name) for one in loops), 3)
            for name in Measured.__slots__
        }
        for (way, outstanding), loops in found.items()
    }
    for outstanding in (1, 32):
        ratios = [
            b.rate / a.rate for a, b in zip(*(found[way, outstanding] for way in WAYS), strict=True)
        ]
        shown[f"resume / packet-out, {outstanding} outstanding"] = {
            "rate": round(statistics.median(ratios), 3),
            "spread": [round(min(ratios), 3), round(max(ratios), 3)],
        }
    print(json.dumps(shown, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
