"""Mutated requests for as long as one likes: no exception, sound replies, flat memory.

python -m tests.dhcp.fuzz [COUNT] [SEED]
"""

import json
import random
import resource
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

from ovsdhcp.dhcp.server import Reply, answer
from tests.dhcp.test_golden import CASES
from tests.dhcp.test_never_raises import _BINDINGS, mutated
from tests.dhcp.wire import frame, see

_BAD = json.loads((Path(__file__).parent / "data" / "bad_inputs.json").read_text())["inputs"]
CORPUS = [octets for octets, _ in CASES.values()]
CORPUS += [bytes.fromhex(text) for row in _BAD for text in row["frames"]]


def one(chance: random.Random) -> str:
    """Ask the engine something odd, and look at what it answers; the reason's code."""
    octets, depth = chance.choice(CORPUS), chance.randrange(3)
    if depth == 0:
        octets = mutated(octets, chance)
    elif depth == 1:
        octets = frame(mutated(octets[42:], chance))
    else:
        octets = frame(octets[42:282] + mutated(octets[282:], chance))
    given = answer(octets, chance.choice(_BINDINGS), 0.0)
    if isinstance(given, Reply):
        see(given.frame)
    return given.reason.code


def main(count: int, seed: int) -> None:
    """Ask `count` times, and print what came of it."""
    chance, start = random.Random(seed), perf_counter()
    reasons: Counter[str] = Counter()
    for n in range(count):
        reasons[one(chance)] += 1
        if n % (count // 4 or 1) == 0:
            print(f"{n:>9} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB")
    for code, times in reasons.most_common():
        print(f"{times:>9} {code}")
    print(f"{count} inputs in {perf_counter() - start:.0f} s, seed {seed}")


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*(given + [1_000_000, 1][len(given) :]))
