"""A step of the definition in extended precision, and its gradient held to central differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from backends.numpy.training import Program
from common import draw
from common.network import Arrays, Batch, State
from common.plan import Plan

EPS = float(np.finfo(np.longdouble).eps)
# a tenth of the usual one: third derivatives behind a norm are large
H = np.longdouble(EPS ** (1 / 3) / 10)
ERROR = 1e3 * EPS ** (2 / 3)  # of a central difference: h^2 times the third derivative, and eps / h
Maker = Callable[..., Plan]
SIZES = {
    "features": 3,
    "width": 4,
    "depth": 3,
    "batch_size": 5,
    "initialization": {"kind": "gaussian", "std": 0.8},
}


def batch_of(plan: Plan, seed: int = 1) -> Batch:
    rng = np.random.default_rng(seed)
    shape = (len(plan.seeds), plan.task.batch_size)
    network = plan.network
    steps = (network.shared,) if network.shared > 1 else ()
    x = rng.normal(size=(*shape, *steps, network.features))
    if network.classes:
        return Batch(x, rng.integers(network.classes, size=shape))
    return Batch(x, rng.normal(size=(*shape, network.outputs)))


def start_of(plan: Plan) -> State:
    """Drawn weights, with biases, shifts, scales and running statistics that are not all the
    same.
    """
    start = draw.state(plan)
    rng = np.random.default_rng(2)
    moved = lambda arrays: {  # noqa: E731
        name: a if name.endswith("weight") else a + rng.uniform(0.1, 0.5, a.shape)
        for name, a in arrays.items()
    }
    return State(moved(start.parameters), moved(start.statistics))


def stepped(
    plan: Plan, dtype: Any = np.float64, start: State | None = None
) -> tuple[Program, Arrays]:
    program = Program(plan, "cpu", dtype)
    program.load(start or start_of(plan))
    return program, program.step(batch_of(plan))


def loss_of(program: Program, batch: Batch) -> np.ndarray:
    """The losses [seed] of a program's parameters."""
    run = program.network.forward(
        program.parameters, batch.x.astype(np.longdouble), program.statistics
    )
    return program.loss(run.logits, batch.y)[0]


def elements(array: np.ndarray) -> Iterator[tuple[Any, ...]]:
    """The index of every element of one seed, for all seeds at once: they share no parameter."""
    return ((slice(None), *index) for index in np.ndindex(array.shape[1:]))


def quotients(plan: Plan) -> Arrays:
    """Central differences of the loss with respect to every parameter."""
    program = Program(plan, "cpu", np.longdouble)
    batch = batch_of(plan)
    program.load(start_of(plan))
    found = {name: np.zeros_like(a) for name, a in program.parameters.items()}
    for name, a in program.parameters.items():
        for index in elements(a):
            original = a[index].copy()
            losses = []
            for h in (H, -H):
                a[index] = original + h
                losses.append(loss_of(program, batch))
            a[index] = original
            found[name][index] = (losses[0] - losses[1]) / (2 * H)
    return found


def assert_derived_by_hand(small: Plan) -> None:
    """The gradient of every parameter is the difference quotient, in extended precision."""
    found = stepped(small, np.longdouble)[0].last[2]
    expected = quotients(small)
    assert set(found) == set(expected) == set(small.network.shapes())
    for name, gradient in found.items():
        size = max(np.abs(g).max() for g in found.values())
        assert gradient.dtype == np.longdouble
        assert np.abs(gradient - expected[name]).max() <= ERROR * size, name
    assert max(np.abs(g).max() for g in found.values()) > 0.01, (
        "a gradient of 0 would prove nothing"
    )
