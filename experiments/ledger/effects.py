"""What each difference does.

A line as a reader writes it who trusts the names, against the cure, in one framework.

    python -m experiments.ledger.effects torch           how far numbers of trials are apart
    python -m experiments.ledger.effects torch NAME ...  what these do to the deep network

The deep network (common/deep.py) has 20 layers and trains for 200 steps on digits, three times; an
entry whose line is a piece of it, or has a network of its own, is measured there in the framework
in which its numbers are furthest apart, of those that it has a network for. What was measured lies
in effects.json, with the versions.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from backends import FRAMEWORKS, NEEDS
from common import task
from common.deep import Outcome, Setting, mean
from common.line import value
from common.network import Arrays
from experiments.ledger import Difference, entries
from experiments.ledger.trying import FORMS, Form, error, results, wing

MEASURED = Path(__file__).with_name("effects.json")
RATE, SEEDS = 0.05, (0, 1, 2)


@dataclass(frozen=True)
class Effect:
    """What a difference does in one framework."""

    apart: float
    """How far native and cured numbers of its trial are apart, as a share of the largest."""
    native: Outcome | None = None
    """Of the deep network, if it was measured there."""
    cured: Outcome | None = None

    @property
    def accuracy(self) -> float:
        """By how much the cure moves the test accuracy; 0 where seeds move it as much."""
        if not (self.native and self.cured):
            return 0.0
        moved = abs(self.cured.accuracy - self.native.accuracy)
        return (
            moved
            if moved > 3 * float(np.hypot(self.native.error, self.cured.error)) and moved > 0.03
            else 0.0
        )

    @property
    def decay(self) -> float:
        """By how much it moves the decades per layer; as far as can be if one has no gradient."""
        if not (self.native and self.cured):
            return 0.0
        moved = abs(self.cured.decay_per_layer - self.native.decay_per_layer)
        return float(np.nan_to_num(moved, nan=np.inf)) if not moved < 1e-3 else 0.0

    @property
    def size(self) -> tuple[float, float, float]:
        """What differences are sorted by: what is learnt, then the gradient, then numbers."""
        return self.accuracy, self.decay, min(self.apart, 1e9)


def apart(difference: Difference, framework: str) -> float:
    """How far native and cured numbers of its trial are apart."""
    native, cured = (results(difference, framework, form) for form in ("native", "cured"))
    return error(native, cured)


def trained(
    difference: Difference, framework: str, form: Form, data: tuple[Arrays, Arrays]
) -> Outcome:
    """What comes of the deep network with the line as its piece: the mean of three seeds."""
    wing(framework)
    deep = importlib.import_module(f"backends.{framework}.deep")
    trial = difference.trial
    network = trial.measured_in(form, framework) if trial.network else ""
    pieces = (
        {**deep.PIECES, trial.piece: trial.line(form, framework)} if trial.piece else deep.PIECES
    )
    base: dict[str, Any] = {name: value(number, {}) for name, number in trial.base.items()}
    rate = base.pop("rate", RATE)
    settings = [
        Setting(pieces, network, own_start=trial.piece == "affine", seed=seed, **base)
        for seed in SEEDS
    ]
    return mean([deep.train(setting, *data, rate) for setting in settings])


def digits() -> tuple[Arrays, Arrays]:
    """The digits that this project ships, in training and test samples."""
    data = task.load(task.Task(source="digits", batch_size=64, sha256=task.digest_of("digits")))
    return {"x": data.x_train, "y": data.y_train}, {"x": data.x_test, "y": data.y_test}


def in_the_network(framework: str, names: Sequence[str]) -> dict[str, dict[Form, Outcome]]:
    """What entries do to the deep network in a framework."""
    data = digits()
    return {
        name: {form: trained(entries()[name], framework, form, data) for form in FORMS}
        for name in names
    }


def all_apart(framework: str) -> dict[str, float]:
    """How far the numbers are apart of all entries that depart from their cure in a framework."""
    return {
        each.name: apart(each, framework)
        for each in entries().values()
        if framework in each.trial.departs()
    }


def assembled(
    apart: Mapping[str, Mapping[str, float]], ask: Callable[[str, list[str]], Any]
) -> dict[str, Any]:
    """All effects by framework.

    They come from how far numbers are apart and what `ask(framework, names)` measures in the
    network.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in FRAMEWORKS}
    where: dict[str, list[str]] = {name: [] for name in FRAMEWORKS}
    for each in entries().values():
        of_entry = {framework: apart[framework][each.name] for framework in each.trial.departs()}
        for framework, number in of_entry.items():
            found[framework][each.name] = {"apart": number}
        able = [
            framework
            for framework in of_entry
            if each.trial.piece or framework in each.trial.network
        ]
        if able:
            where[max(able, key=lambda framework: of_entry[framework])].append(each.name)
    for framework, names in where.items():
        for name, outcomes in (ask(framework, names) if names else {}).items():
            found[framework][name] |= outcomes
    return found


@cache
def measured() -> dict[str, dict[str, Effect]]:
    """What was measured: by entry and framework."""
    found: dict[str, dict[str, Effect]] = {}
    for framework, effects in json.loads(MEASURED.read_text(encoding="utf-8"))["effects"].items():
        for name, numbers in effects.items():
            found.setdefault(name, {})[framework] = read(numbers)
    return found


def read(numbers: Mapping[str, Any]) -> Effect:
    """An effect as it is kept."""
    outcomes = {form: Outcome(**numbers[form]) for form in FORMS if form in numbers}
    return Effect(numbers["apart"], **outcomes)


def size(name: str) -> tuple[float, float, float]:
    """The largest effect of an entry in any framework."""
    return max(
        (effect.size for effect in measured().get(name, {}).values()), default=(0.0, 0.0, 0.0)
    )


def by_effect() -> list[Difference]:
    """All entries, what does most first."""
    return sorted(entries().values(), key=lambda each: size(each.name), reverse=True)


def versions() -> dict[str, str]:
    """The packages that it was measured with."""
    return {package: version(package) for framework in FRAMEWORKS for package in NEEDS[framework]}


def main() -> None:
    """Measure in one framework."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no result
    framework, *names = sys.argv[1:]
    found = in_the_network(framework, names) if names else all_apart(framework)
    print(json.dumps(found, default=asdict), file=channel, flush=True)


if __name__ == "__main__":
    main()
