"""Play schedules and print what was in them: `PYTHONPATH=tests:tests/laws python -m simulation [COUNT] [FIRST]`."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from simulation.laws import ViolationError
from simulation.schedule import simulate


def main(count: int, first: int) -> int:
    began = time.monotonic()
    counts: Counter[str] = Counter()
    broken: list[tuple[int, str]] = []
    for seed in range(first, first + count):
        try:
            counts += simulate(random.Random(seed))
        except ViolationError as violation:
            broken.append((seed, str(violation)))
    laws = Counter(said.partition(":")[0] for _, said in broken)
    print(f"| schedules {first} to {first + count - 1} | {time.monotonic() - began:.0f} s |\n|---|---:|")
    for name in ("duplicate", "lost"):
        print(f"| {name} | {laws.pop(name, 0)} |")
    for name, number in [*laws.items(), *sorted(counts.items(), key=lambda item: (-item[1], item[0]))]:
        print(f"| {name} | {number:,} |")
    for seed, said in broken:
        print(f"seed {seed}: {said}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:3]]
    sys.exit(main(*(given + [1000, 0][len(given) :])))
