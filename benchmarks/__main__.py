"""All figures by one command: ovsdhcp beside its peers, by size, by bridges, in a storm.

    sudo .venv/bin/python -m benchmarks            all of it, some 50 minutes, into docs/
    sudo .venv/bin/python -m benchmarks --quick    less of everything, to look at
    sudo .venv/bin/python -m benchmarks --only peers --peers ovsdhcp,null --rounds 3 --seconds 1

A full run writes benchmarks.json, .svg and .md into docs/; any other prints the JSON, unless it is
told where to write. The machine should have nothing else to do.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import bridges, findings, machine, peers_beside, picture, real_ports, sizes, storm
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.laboratory import require_root_and_programs

DOCS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    rounds: int
    closer: int
    """Rounds of those who are nearly as fast as each other."""
    seconds: float
    longer: float
    """Seconds of a load on many bindings: what became of them is written some seconds later."""
    closer_sizes: int
    """Rounds of the usual and the largest size."""
    peers: Sequence[str]
    sizes: Sequence[int]
    ports: Sequence[int]
    bridges: Sequence[int]
    queues: Sequence[int]


_EVERYBODY = tuple(peers_beside.STAGES)
FULL = Extent(
    rounds=5,
    closer=25,
    seconds=1.0,
    longer=20.0,
    closer_sizes=15,
    peers=_EVERYBODY,
    sizes=sizes.SIZES,
    ports=(1000, 5000),
    bridges=bridges.COUNTS,
    queues=storm.QUEUES,
)
QUICK = Extent(
    rounds=2,
    closer=4,
    seconds=0.5,
    longer=3.0,
    closer_sizes=2,
    peers=_EVERYBODY,
    sizes=(1, 1000, 10_000),
    ports=(1000,),
    bridges=(1, 100),
    queues=(100,),
)

Section = Callable[[Extent], object]
SECTIONS: Mapping[str, Section] = {
    "closer": lambda it: peers_beside.closer(it.closer, it.seconds),
    "peers": lambda it: peers_beside.run(it.peers, it.rounds, it.seconds),
    "sizes": lambda it: sizes.run(it.sizes, it.rounds, it.closer_sizes, it.longer),
    "real_ports": lambda it: {
        str(n): _or_error(partial(real_ports.run, n, it.rounds, it.seconds)) for n in it.ports
    },
    "bridges": lambda it: bridges.run(it.bridges, it.rounds, it.seconds),
    "storm": lambda it: storm.run(it.queues),
}


def _or_error(section: Callable[[], object]) -> object:
    """What a section found; if it could not, that is said, and the others go on."""
    try:
        return section()
    except LabError as error:
        print(f"benchmarks: {error}", file=sys.stderr, flush=True)
        return {"error": str(error)}


def measured(sections: Sequence[str], extent: Extent) -> dict[str, object]:
    """Run the sections; what they found, and where."""
    found: dict[str, object] = {
        "machine": machine.described(),
        "rounds": extent.rounds,
        "closer_rounds": extent.closer,
        "seconds": extent.seconds,
        "longer_seconds": extent.longer,
        "closer_size_rounds": extent.closer_sizes,
    }
    for name in sections:
        start = time.monotonic()
        print(f"benchmarks: {name} ...", file=sys.stderr, flush=True)
        found[name] = _or_error(partial(SECTIONS[name], extent))
        print(f"benchmarks: {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return found


def write(found: dict[str, object], folder: Path) -> None:
    """The figures, and the picture of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (folder / "benchmarks.svg").write_text(picture.draw(found))
    (folder / "benchmarks.md").write_text(findings.page(found))


def main(argv: Sequence[str] | None = None) -> None:
    """What the command does."""
    given = _parser().parse_args(argv)
    base = QUICK if given.quick else FULL
    extent = Extent(
        given.rounds or base.rounds,
        given.rounds or base.closer,
        given.seconds or base.seconds,
        given.seconds or base.longer,
        given.rounds or base.closer_sizes,
        given.peers or base.peers,
        *(base.sizes, base.ports, base.bridges, base.queues),
    )
    full = not (given.quick or given.only or given.peers)
    folder = given.into or (DOCS if full else None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended"))  # and take all down
    try:
        require_root_and_programs()
        found = measured(given.only or tuple(SECTIONS), extent)
    except LabError as error:
        sys.exit(f"error: {error}")
    print(findings.table(found), file=sys.stderr)
    if folder:
        write(found, folder)
    else:
        print(json.dumps(found, indent=1, ensure_ascii=False))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--only", type=_among(SECTIONS), metavar="SECTION,…",
                        help=f"of {', '.join(SECTIONS)}")  # fmt: skip
    parser.add_argument("--peers", type=_among(peers_beside.STAGES), metavar="NAME,…",
                        help=f"of {', '.join(peers_beside.STAGES)}")  # fmt: skip
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each load")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write there")
    return parser


def _among(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def chosen(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return chosen


if __name__ == "__main__":
    main()
