"""What tries to make the product say something wrong, by hand and for as long as there is time.

    python -m tests.attack store --minutes 10          until the time is over
    python -m tests.attack kills --count 200 --seed 7  so many tries
    python -m tests.attack store --seed 7 --first 4711 --count 1   one try again

A battery is a file `tests/attack_<name>.py` with `attack(rng)`: one try, which returns what became
of it in a few words, and raises AssertionError where the product is at fault. Every try has a seed
of its own, which is printed with the fault, and on standard error before it begins: the last one
there is the one that ended the process.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

Attack = Callable[[np.random.Generator], str]


def batteries() -> list[str]:
    """The names of those that there are."""
    return sorted(
        path.stem.removeprefix("attack_") for path in Path(__file__).parent.glob("attack_*.py")
    )


def run(
    attack: Attack, seed: int, numbers: range | itertools.count[int], seconds: float
) -> tuple[Counter[str], int]:
    """Try until the numbers or the time run out; returns what became of the tries, and how many
    found a fault.
    """
    counts: Counter[str] = Counter()
    faults = 0
    until = time.monotonic() + seconds
    for number in numbers:
        if time.monotonic() > until:
            break
        print(f"\r--seed {seed} --first {number}", end="", file=sys.stderr, flush=True)
        try:
            counts[attack(np.random.default_rng([seed, number]))] += 1
        except AssertionError as fault:
            faults += 1
            print(f"\nFAULT --seed {seed} --first {number} --count 1: {fault}", flush=True)
    print(file=sys.stderr)
    return counts, faults


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Attack a part of the product.")
    parser.add_argument("battery", choices=batteries())
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--count", type=int)
    parser.add_argument(
        "--seed", type=int, default=int(np.random.SeedSequence().generate_state(1)[0])
    )
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    if asked.count is None and asked.minutes == float("inf"):
        parser.error("--minutes or --count must say how long; received neither")
    numbers = (
        itertools.count(asked.first)
        if asked.count is None
        else range(asked.first, asked.first + asked.count)
    )
    attack = importlib.import_module(f"tests.attack_{asked.battery}").attack
    counts, faults = run(attack, asked.seed, numbers, 60 * asked.minutes)
    print(f"{asked.battery}, seed {asked.seed}: {counts.total() + faults} tries, {faults} faults")
    for outcome, count in counts.most_common():
        print(f"{count:>8}  {outcome}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
