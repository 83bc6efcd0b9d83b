"""A trace as a table of Polars, and back."""

from __future__ import annotations

import numpy as np

from backends import DEFINITION
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Header, Trace
from experiments.seal import Damaged

AXES = ("seed", "step", "layer")


def axes_of(plan: Plan, steps: np.ndarray) -> list[np.ndarray]:
    """The seed, step and layer of every row."""
    axes = np.meshgrid(plan.seeds, steps, np.arange(1, len(plan.network.sites) + 1), indexing="ij")
    return [axis.ravel() for axis in axes]


def trace_of(header: Header, columns: dict[str, np.ndarray]) -> Trace:
    """What the columns hold, where they are the whole of the plan."""
    plan = header.plan
    steps = np.union1d(np.arange(0, plan.steps, plan.record_every), plan.steps - 1)
    for name, expected in zip(AXES, axes_of(plan, steps), strict=True):
        if not np.array_equal(columns[name], expected):
            raise Damaged(f"it has not every {name} of its plan")
    if len(header.results) != len(plan.seeds):
        raise Damaged("it has not every seed's result on the test set")
    if header.backend == DEFINITION and len(header.sensitivity or []) != len(steps):
        raise Damaged("it has not every step's sensitivity")
    shape = (len(plan.seeds), len(steps), len(plan.network.sites))
    arrays = {name: columns[name].reshape(shape) for name in ("loss", *QUANTITIES)}
    return Trace(steps, arrays.pop("loss")[:, :, 0], arrays)
