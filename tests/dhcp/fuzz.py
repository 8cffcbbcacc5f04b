"""Hostile octets for as long as one likes: `scripts/fuzz [SECONDS] [--inputs COUNT] [--blind]`.

Guided by coverage with atheris where it is installed (`pip install atheris`); else, or with
`--blind`, what is in the corpus is changed by chance. Each input is judged by `judge`.
"""

import argparse
import importlib
import random
import resource
import sys
import tempfile
from collections import Counter
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from time import perf_counter

CORPUS = Path(__file__).parent / "corpus"


def corpus() -> list[bytes]:
    """The inputs in the folder: what earlier runs found to take ways of their own."""
    return [path.read_bytes() for path in sorted(CORPUS.iterdir())]


def guided(seconds: int, inputs: int, seed: int) -> None:
    """Let libFuzzer look for ways not taken yet; what it finds goes to a temporary folder."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["ovsdhcp.dhcp"]):
        judges = importlib.import_module("tests.dhcp.judge")
    found = tempfile.mkdtemp(prefix="ovsdhcp-fuzz-")
    limits = [f"-max_total_time={seconds}", f"-runs={inputs or -1}", "-rss_limit_mb=512"]
    folders = [found, str(CORPUS)]
    print(f"guided by coverage; what it finds is in {found}", flush=True)
    atheris.Setup(
        [sys.argv[0], *limits, f"-seed={seed}", "-max_len=1500", "-timeout=5", *folders],
        lambda octets: judges.judge(judges.shaped(octets)),
    )
    atheris.Fuzz()


def blind(seconds: int, inputs: int, seed: int) -> None:
    """Change what is in the corpus by chance; print how long it took, and the memory."""
    from tests.dhcp.judge import BINDINGS, judge_with, mutated, shaped  # noqa: PLC0415

    known, chance, start = corpus(), random.Random(seed), perf_counter()
    reasons: Counter[str] = Counter()
    step = inputs // 8 or 100_000
    for n in count():
        if n == inputs if inputs else perf_counter() - start > seconds:
            break
        if n % step == 0:
            print(f"{n:>9} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB", flush=True)
        octets = shaped(mutated(chance.choice(known), chance))
        try:
            reasons[judge_with(octets, chance.choice(BINDINGS)).reason.code] += 1
        except BaseException:
            print(f"at seed {seed}, input {n}: {octets.hex()}")
            raise
    for code, times in reasons.most_common():
        print(f"{times:>9} {code}")
    print(f"{n} inputs in {perf_counter() - start:.0f} s, seed {seed}")


def main() -> None:
    """As the command line says."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument("--inputs", type=int, default=0, help="so many, however long it takes")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1 << 31))
    parser.add_argument("--blind", action="store_true", help="by chance, without atheris")
    asked = parser.parse_args()
    way = blind if asked.blind or find_spec("atheris") is None else guided
    way(0 if asked.inputs else asked.seconds, asked.inputs, asked.seed)


if __name__ == "__main__":
    main()
