"""Random plans on correct wings: nothing may be called broken, and little may be called beyond
judgement.

    python -m tests.random_plans BACKEND COUNT [FIRST [flushed]]

All kinds, depths, widths, batches, both precisions, balanced and lopsided classes; every fourth
plan is of recurrent cells. With `flushed` each is a plan whose gradient comes near the smallest
number of its precision: batches of 2 to 4, deep, and most with batch norm. Plan number n is the
same in every call. Each plan is run and judged as
`experiments.compare` does it. A line for each plan that does not agree, then the counts.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

import backends
from common.countermeasures.activation import Activation
from common.countermeasures.initialization import Initialization
from common.countermeasures.optimizer import Optimizer, linear
from common.countermeasures.recurrent import Cell
from common.plan import Plan
from common.sources import ADDING
from common.task import digest_of
from experiments.findings.configuration import configuration
from experiments.findings.document import Agreement
from experiments.findings.outcome import Outcome
from experiments.findings.thresholds import Thresholds
from experiments.working import Job, Worker
from tests.strategies import every

ACTIVATIONS: list[Any] = [*every(Activation), {"kind": "elu", "alpha": 0.5}]
CELLS: list[Any] = [
    *every(Cell),
    {"kind": "lstm", "forget_bias": 0.0},
    {"kind": "lstm", "forget_bias": 5.0},
]
OF_CELLS: list[Any] = [
    "tanh",
    "tanh",
    "tanh",
    *(one for one in ACTIVATIONS if isinstance(one, dict) or not one.parameters(1)),
]
"""Activations; the shipped cells have tanh."""
INITIALIZATIONS: list[Any] = every(Initialization)
SKIPS: list[Any] = [
    {"kind": "residual", "order": "pre-activation"},
    {"kind": "residual", "order": "post-activation", "scale": 0.5},
    {"kind": "residual", "order": "around", "scale": 0.1},
    {"kind": "rezero", "initial_scale": 0.1},
    "highway",
]
CLIPPINGS = ["none", "value", "norm", "global_norm"]
OPTIMIZERS: list[Any] = [
    {"kind": "sgd"},
    {"kind": "momentum"},
    {"kind": "nesterov", "momentum": 0.5},
    {"kind": "adam"},
    {"kind": "adam", "beta1": 0.0, "beta2": 0.9, "epsilon": 1e-5},
    {"kind": "adamw"},
    {"kind": "adamw", "weight_decay": 0.3},
    {"kind": "rmsprop"},
    {"kind": "rmsprop", "rho": 0.5, "epsilon": 1e-3},
]


def data_files(folder: Path) -> list[str]:
    """Digits, two classes balanced in every batch of the whole training set, and one class in
    twenty.
    """
    order = np.random.Generator(np.random.Philox(key=0)).permutation(240)
    balanced = np.zeros(240, int)
    rng = np.random.default_rng(3)
    balanced[order[48:][::2]] = 1
    balanced[order[:48][::2]] = 1
    np.savez(folder / "balanced.npz", x=rng.normal(size=(240, 2)), y=balanced)
    lopsided = (rng.random(400) < 0.05).astype(int)
    np.savez(folder / "lopsided.npz", x=rng.normal(size=(400, 7)) + lopsided[:, None], y=lopsided)
    return ["digits", str(folder / "balanced.npz"), str(folder / "lopsided.npz")]


def random_plan(number: int, sources: list[str]) -> Plan:
    """Plan number n."""
    rng = np.random.default_rng([11, number])

    def one_of(values: list[Any]) -> Any:
        return values[rng.integers(len(values))]

    normalization = one_of(["none", "batch"])
    rows = np.random.default_rng([13, number]).integers(8)
    normalization = {0: "layer", 1: "rms"}.get(int(rows), normalization)
    initialization = one_of(
        [*INITIALIZATIONS, {"kind": "gaussian", "std": float(10 ** rng.uniform(-2, 0.2))}]
    )
    clipping = one_of(CLIPPINGS)
    if clipping != "none":
        clipping = {"kind": clipping, "threshold": float(10 ** rng.uniform(-4, 1))}
    source = one_of(sources)
    features, classes = {"digits": (64, 10)}.get(source, (2 if "balanced" in source else 7, 2))
    batch = (
        192
        if "balanced" in source and rng.random() < 0.5
        else int(one_of([2, 3, 4, 8, 16, 32, 64]))
    )
    skips = ["none", "none", "none", *SKIPS]
    # the others are what they were before it
    skip = skips[np.random.default_rng([12, number]).integers(len(skips))]
    network = {
        "features": features,
        "classes": classes,
        "width": max(
            1 if normalization in ("none", "batch") else 2,
            int(one_of([1, 2, 3, 4, 8, 16, 32, 64, 128])),
        ),
        "depth": int(one_of([2, 3, 4, 6, 10, 15, 20, 30, 45, 60, 100])),
        "activation": one_of(ACTIVATIONS),
        "normalization": normalization,
        "skip": skip,
    }
    task: dict[str, Any] = {"source": source}
    if number % 4 == 3:
        network, task = recurrent_network(number)
        batch = min(batch, 64)
    return Plan.model_validate(
        {
            "network": network,
            "initialization": initialization,
            "clipping": clipping,
            "optimizer": random_optimizer(number, float(10 ** rng.uniform(-3, 0.5))),
            "task": task | {"sha256": digest_of(task["source"]), "batch_size": batch},
            "precision": one_of(["float64", "float64", "float32"]),
            "seeds": (int(rng.integers(1000)),),
            "steps": 8,
        }
    )


def recurrent_network(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The network and the data of plan number n, if it is of cells."""
    rng = np.random.default_rng([14, number])
    time = int(rng.choice([2, 3, 5, 10, 20, 50, 100]))
    adding = {"features": 2, "targets": 1, "loss": "squared_error", "time": time}
    data: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"features": 8, "classes": 10, "time": 8}, {"source": "digits by row"}),
        ({"features": 1, "classes": 10, "time": 64}, {"source": "digits by pixel"}),
        (adding, {"source": ADDING, "time": time, "standardized": "no"}),
    ]
    network, task = data[rng.integers(len(data))]
    cells = {
        "width": int(rng.choice([1, 2, 3, 4, 8, 16, 32, 64])),
        "recurrent": CELLS[rng.integers(len(CELLS))],
        "activation": OF_CELLS[rng.integers(len(OF_CELLS))],
    }
    return network | cells, task


def random_optimizer(number: int, rate: float) -> dict[str, Any]:
    """That of plan number n: with this rate, or a 30th of it where gradients are brought to the
    size of 1.
    """
    drawn = OPTIMIZERS[np.random.default_rng([12, number]).integers(len(OPTIMIZERS))]
    sized = linear(TypeAdapter(Optimizer).validate_python(drawn))
    return drawn | {"learning_rate": rate if sized else rate / 30}


def flushed_plan(number: int, sources: list[str]) -> Plan:
    """Plan number n, with a gradient so small that frameworks flush products of it."""
    rng = np.random.default_rng([15, number])
    plan = random_plan(4 * number, sources).model_dump()
    deep = {"float32": [15, 20, 30, 45], "float64": [45, 60, 100]}[plan["precision"]]
    plan["network"] |= {
        "normalization": str(rng.choice(["batch", "batch", "batch", "layer", "rms"])),
        "skip": "none",
        "width": int(rng.choice([2, 3, 4, 8, 16])),
        "depth": int(rng.choice(deep)),
    }
    plan["task"]["batch_size"] = int(rng.choice([2, 2, 2, 3, 4]))
    return Plan.model_validate(plan)


def agreement(plan: Plan, definition: Worker, wing: Worker, reference: Path) -> Agreement:
    """Run a plan on both and compare them."""
    own = definition.run(Job(run_id="own", plan=plan, device="cpu", reference=str(reference)))
    found = wing.run(Job(run_id="found", plan=plan, device="cpu", reference=str(reference)))
    outcomes = {"numpy": Outcome("finished", None, *own), "wing": Outcome("finished", None, *found)}
    agreed = configuration("it", plan, outcomes, Thresholds()).runs["wing"].agreement
    assert agreed
    return agreed


def words(plan: Plan) -> str:
    """A plan in one line."""
    return (
        f"{plan.precision} {plan.network.model_dump_json()} batch {plan.task.batch_size} "
        f"{plan.initialization.model_dump_json()} {plan.clipping.model_dump_json()} "
        f"{plan.optimizer.model_dump_json()} {Path(plan.task.source).stem}"
    )


def main() -> None:
    """Run the plans, and count."""
    name = sys.argv[1]
    count = int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    make = flushed_plan if sys.argv[4:] == ["flushed"] else random_plan
    definition, wing = (
        Worker(backends.load(one), threads=1, imports=0.0) for one in ("numpy", name)
    )
    counts: Counter[tuple[str, str]] = Counter()
    free: Counter[str] = Counter()
    nearest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        sources = data_files(Path(folder))
        for number in range(first, first + count):
            plan = make(number, sources)
            agreed = agreement(plan, definition, wing, Path(folder) / "reference.npz")
            counts[plan.precision, agreed.outcome] += 1
            free[agreed.free_run.outcome] += 1
            steps = agreed.single_steps
            share = (steps.error or 0.0) / steps.bound if steps.bound else 0.0
            nearest = max(nearest, share if agreed.outcome != "broken" else 0.0)
            if agreed.outcome != "agrees":
                print(f"{number} {agreed.outcome}: {agreed.reason} | {words(plan)}", flush=True)
    print(
        f"{name}: {dict(counts)}; free runs {dict(free)}; error over bound at most {nearest:.2f} "
        "where nothing is broken"
    )


if __name__ == "__main__":
    main()
