"""A run's own sensitivity: how far it moves when all is rounded at random (common/free_run.py)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from backends.numpy.monte_carlo import Random
from backends.numpy.quantities import of_gradients
from backends.numpy.training import Program as Definition
from common import draw
from common.free_run import CHAOS, MARGIN, divergence, finite
from common.plan import Plan
from common.task import Data
from common.trace import Trace


def sensitivity(groups: Iterable[Plan], data: Data, runs: Iterable[Trace]) -> list[float]:
    """The divergence of a draw from the definition's runs of a plan's groups of seeds.

    Returns:
        For each recorded step the largest of any group; 1 from where the bound made of it bounds
        nothing, NaN from where the draw is not finite.
    """
    return list(
        np.max([_of_group(plan, data, run) for plan, run in zip(groups, runs, strict=True)], axis=0)
    )


def _of_group(plan: Plan, data: Data, run: Trace) -> np.ndarray:
    program = Definition(plan, measure=False, rounding=Random(plan.precision, seed=0))
    program.load(draw.state(plan))
    # a divergence is at most 1
    found = np.ones(len(run.steps))
    kept = 0
    for step, batch in enumerate(draw.batches(plan, data)):
        program.step(batch)
        if not plan.recorded(step):
            continue
        rounded = _diverging(program, step)
        if not finite(rounded).all():
            found[kept:] = np.nan
            break
        found[kept] = divergence(rounded, run.at(kept), plan)[0]
        if MARGIN * found[kept] >= CHAOS:
            break
        kept += 1
    return found


def _diverging(program: Definition, step: int) -> Trace:
    """What the divergence is made of, of the step that was taken last."""
    loss, signals, gradients, _ = program.last
    found = of_gradients(program.plan.network, signals, gradients)
    quantities = {name: a[:, None] for name, a in found.items()}
    return Trace(np.array([step]), loss[:, None], quantities)
