"""The same frames to ovsdhcp on a bridge, to dnsmasq and to Kea: `benchmarks/conformance`.

Each frame finds its server as it is after a start (or with one lease given, where the input says
so), and its verdict is what was answered before the next good client's OFFER. Where bad_inputs.json
says `policy` there is no right and wrong: such rows are shown, and not counted. The rules that made
the further frames (--all) are ours, and stricter than the RFCs about the envelope: on those, the
totals say how servers differ, not which is better.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.peers import Dnsmasq, Kea, peer
from ovsdhcp import __version__
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.laboratory import Names, require_root
from tests.bridge.hostile_frames import GENERATED
from tests.bridge.hostile_lab import (
    GOOD,
    HOSTILE,
    WITH_A_LEASE,
    canary,
    discover,
    hostile_lab,
    request,
)
from tests.bridge.raw import Bench, raw_ports
from tests.dhcp.test_bad_inputs import INPUTS

POLICY = "policy"
BOUND = ("INIT-REBOOT", "RENEWING", "REBINDING", "RELEASE", "DECLINE", "INFORM")
"""How the names of those frames made by rule begin whose client has a lease already."""


class Given(NamedTuple):
    """A frame, the verdict wanted, and whether its client is bound before."""

    name: str
    frame: bytes
    expect: str
    bound: bool = False


class Judge(Protocol):
    """A server under test."""

    name: str
    version: str

    def forget(self) -> None:
        """Ready for a frame, with no lease given."""

    def judge(self, frame: bytes) -> str:
        """What the frame was answered with."""


class Ours:
    """ovsdhcp, behind real flows. It gives each port what is the port's: nothing to forget."""

    name, version = "ovsdhcp", __version__

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def forget(self) -> None:
        pass

    def judge(self, frame: bytes) -> str:
        return self._bench.judge(frame).kind


class Row(NamedTuple):
    """What each server answered, in the order of the servers."""

    name: str
    expect: str
    verdicts: tuple[str, ...]


def given(*, generated: bool, names: Sequence[str] = ()) -> list[Given]:
    """The inputs of bad_inputs.json, and those made by rule if wanted; some of them by name."""
    found = [
        Given(it.name, frame, it.expect, it.name in WITH_A_LEASE)
        for it in INPUTS
        for frame in it.frames
    ]
    if generated:
        found += [
            Given(it.name, it.frame, it.expect, it.name.startswith(BOUND)) for it in GENERATED
        ]
    return [it for it in found if not names or it.name in names]


@contextmanager
def judges() -> Iterator[list[Judge]]:
    """The three servers, up for as long as this."""
    prefix = f"c{os.getpid()}-"
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        names = Names(folder=folder / "lab", prefix=prefix, switch="switch")
        lab = held.enter_context(hostile_lab(names, folder / "table.yaml"))
        ports = held.enter_context(raw_ports(lab))
        ours = Ours(Bench(ports, HOSTILE, GOOD, canary))
        dnsmasq = held.enter_context(peer(Dnsmasq, f"{prefix}dnsmasq", folder))
        kea = held.enter_context(peer(Kea, f"{prefix}kea", folder))
        yield [ours, dnsmasq, kea]


def compare(servers: Sequence[Judge], frames: Sequence[Given]) -> Iterator[Row]:
    """Every frame to every server."""
    for it in frames:
        yield Row(it.name, it.expect, tuple(_verdict(server, it) for server in servers))


def _verdict(server: Judge, it: Given) -> str:
    server.forget()
    if it.bound:
        for frame in (discover(), request()):
            server.judge(frame)
    return server.judge(it.frame)


def agreed(rows: Sequence[Row], at: int) -> int:
    """On how many rows a server's verdict is the one wanted."""
    return sum(row.verdicts[at] == row.expect for row in rows)


def table(servers: Sequence[Judge], rows: Sequence[Row]) -> Iterator[str]:
    """Text: a line for each frame, and the totals. A verdict that is not wanted has a mark."""
    width = max(len(row.name) for row in rows)
    heads = [f"{server.name} {server.version}" for server in servers]
    yield _line(width, "frame", "expect", heads)
    for row in rows:
        marked = [f"{verdict}{_mark(row.expect, verdict)}" for verdict in row.verdicts]
        yield _line(width, row.name, row.expect, marked)
    decisive = [row for row in rows if row.expect != POLICY]
    totals = [f"{agreed(decisive, at)} of {len(decisive)}" for at in range(len(servers))]
    yield _line(width, "as expected (* is not)", "", totals)


def _mark(expect: str, verdict: str) -> str:
    return "" if expect in (verdict, POLICY) else " *"


def _line(width: int, name: str, expect: str, cells: Sequence[str]) -> str:
    return f"{name:{width}}  {expect:8}" + "".join(f"  {cell:16}" for cell in cells).rstrip()


def as_json(servers: Sequence[Judge], rows: Sequence[Row]) -> str:
    """The same for programs."""
    decisive = [row for row in rows if row.expect != POLICY]
    found = {
        "servers": {
            server.name: {
                "version": server.version,
                "as_expected": agreed(decisive, at),
                "of": len(decisive),
            }
            for at, server in enumerate(servers)
        },
        "frames": [
            {
                "name": row.name,
                "expect": row.expect,
                **{s.name: v for s, v in zip(servers, row.verdicts, strict=True)},
            }
            for row in rows
        ],
    }
    return json.dumps(found, indent=1)


def main(argv: Sequence[str] | None = None) -> None:
    """What the command does."""
    parser = argparse.ArgumentParser(prog="benchmarks/conformance", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="these inputs alone")
    parser.add_argument("--all", action="store_true", help="the frames made by rule as well")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    frames = given(generated=arguments.all, names=arguments.names)
    if not frames:
        parser.error(f"no input is called {' or '.join(arguments.names)}")
    try:
        require_root()
        with judges() as servers:
            rows = list(compare(servers, frames))
            lines = [as_json(servers, rows)] if arguments.json else table(servers, rows)
            print("\n".join(lines))
    except LabError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
