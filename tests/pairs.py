"""Every two kinds of countermeasures at least once in one network: a covering design of plans,
judged as `compare` does it.

    python -m tests.pairs BACKEND [FIRST [COUNT]]

Of networks of 50 layers the activation, normalization, skip connection, loss, optimizer, clipping
and start; of recurrent ones over 50 steps of time the cell, activation, loss, optimizer, clipping
and start. A plan is judged at its first step, one in the middle and its 20th, from the definition's
states. A line for each that does not agree, then the counts.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import backends
from common.countermeasures.activation import Activation
from common.countermeasures.initialization import Constant, Gaussian, Initialization
from common.countermeasures.loss import Loss
from common.countermeasures.normalization import Normalization
from common.countermeasures.optimizer import Optimizer
from common.plan import Plan
from common.sources import ADDING
from common.spec import kinds_of
from common.task import digest_of
from experiments.working import Worker
from tests.random_plans import SKIPS, agreement, words
from tests.strategies import every

Case = dict[str, Any]
"""A spec of each room."""

STEPS = 20
LENGTH = 50
WIDTH = 12
CANDIDATES = 200
"""So many rows are drawn for each that is taken: the one with the most new pairs."""

CLIPPINGS: list[Any] = [
    {"kind": "none"},
    {"kind": "value", "threshold": 0.01},
    {"kind": "norm", "threshold": 0.1},
    {"kind": "global_norm", "threshold": 0.5},
]
SHARED: dict[str, list[Any]] = {
    "loss": [kind() for kind in kinds_of(Loss)],
    "optimizer": [kind() for kind in kinds_of(Optimizer)],
    "clipping": CLIPPINGS,
    "initialization": [
        kind() for kind in kinds_of(Initialization) if kind not in (Constant, Gaussian)
    ]
    + [{"kind": "gaussian", "std": 0.3}],
}
"""From a constant all gradients are rounding, and nothing can be judged."""

OF_LAYERS = SHARED | {
    "activation": every(Activation),
    "normalization": [kind() for kind in kinds_of(Normalization)],
    "skip": [{"kind": "none"}, *SKIPS],
}
OF_TIME = SHARED | {
    "activation": [one for one in every(Activation) if not one.parameters(1)],
    "recurrent": [
        {"kind": "simple"},
        {"kind": "simple", "start": "identity"},
        {"kind": "lstm", "forget_bias": 0.0},
        {"kind": "lstm"},
        {"kind": "gru"},
    ],
}


def sequences(folder: Path, classes: int) -> str:
    """A file of sequences of two features, whose class is told by the first step of time and the
    last.
    """
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(200, LENGTH, 2))
    told = x[:, 0, 0] + x[:, -1, 1]
    path = folder / f"sequences-{classes}.npz"
    np.savez(path, x=x, y=np.digitize(told, np.quantile(told, np.arange(1, classes) / classes)))
    return str(path)


def vectors(folder: Path) -> str:
    """A file of two classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    path = folder / "vectors.npz"
    np.savez(path, x=x, y=(x[:, 0] + x[:, 1] > 0).astype(int))
    return str(path)


def plan_of(case: Case, folder: Path) -> Plan:
    """The plan of a row, for data that its loss and its network take."""
    rooms = {
        room: spec if isinstance(spec, (dict, str)) else spec.model_dump()
        for room, spec in case.items()
    }
    classes = case["loss"].most_classes or 10
    network: Case = {"width": WIDTH, "classes": classes}
    task: Case = {"batch_size": 16, "source": "digits"}
    if "recurrent" in rooms and case["loss"].of_real_targets:
        network |= {"time": LENGTH, "features": 2, "classes": None, "targets": 1}
        task |= {"source": ADDING, "time": LENGTH}
    elif "recurrent" in rooms:
        network |= {"time": LENGTH, "features": 2}
        task["source"] = sequences(folder, classes)
    elif classes == 2:
        network |= {"depth": LENGTH, "features": 5}
        task["source"] = vectors(folder)
    else:
        network |= {"depth": LENGTH, "features": 64}
    task["sha256"] = digest_of(task["source"])
    network |= {
        room: rooms.pop(room)
        for room in list(rooms)
        if room not in ("optimizer", "clipping", "initialization")
    }
    rest = {"network": network, "task": task, "seeds": (0,), "steps": STEPS}
    return Plan.model_validate(rest | rooms)


Pair = tuple[str, int, str, int]
"""Two rooms, each with the number of a kind."""


def pairs_of(row: dict[str, int]) -> set[Pair]:
    """The pairs of a row."""
    return {(a, row[a], b, row[b]) for a, b in itertools.combinations(row, 2)}


def every_pair(rooms: dict[str, list[Any]]) -> set[Pair]:
    """All that there are."""
    couples = itertools.combinations(rooms, 2)
    return {
        (a, i, b, j) for a, b in couples for i in range(len(rooms[a])) for j in range(len(rooms[b]))
    }


def covering(rooms: dict[str, list[Any]]) -> list[dict[str, int]]:
    """Rows in which every pair is, by the number of its kind; taken greedily, always the same
    ones.
    """
    rng = np.random.default_rng(0)
    left = every_pair(rooms)
    rows = []
    while left:
        first = min(left)
        drawn = [_with(first, rooms, rng) for _ in range(CANDIDATES)]
        best = max(drawn, key=lambda row: len(pairs_of(row) & left))
        rows.append(best)
        left -= pairs_of(best)
    return rows


def _with(pair: Pair, rooms: dict[str, list[Any]], rng: np.random.Generator) -> dict[str, int]:
    a, i, b, j = pair
    return {room: int(rng.integers(len(kinds))) for room, kinds in rooms.items()} | {a: i, b: j}


def cases() -> list[Case]:
    """The rows of both designs."""
    return [
        {room: rooms[room][number] for room, number in row.items()}
        for rooms in (OF_LAYERS, OF_TIME)
        for row in covering(rooms)
    ]


def main() -> None:
    """Judge the plans, and count."""
    name, first, *rest = sys.argv[1], *map(int, sys.argv[2:] or [0])
    found = cases()
    chosen = range(first, min(len(found), first + rest[0]) if rest else len(found))
    definition, wing = (
        Worker(backends.load(one), threads=1, imports=0.0) for one in (backends.DEFINITION, name)
    )
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in chosen:
            plan = plan_of(found[number], Path(folder))
            agreed = agreement(plan, definition, wing, Path(folder) / "reference.npz")
            counts[agreed.outcome] += 1
            if agreed.outcome != "agrees":
                print(f"{number} {agreed.outcome}: {agreed.reason} | {words(plan)}", flush=True)
    print(f"{name}: {len(found)} plans, of which {len(chosen)} were judged: {dict(counts)}")


if __name__ == "__main__":
    main()
