"""Agreement with the definition: errors scaled by the layer's own size, beside tolerances that are computed.

First step. The error of an array is max|wing - definition| over max|definition|, for each seed and layer by itself; the
error of a gradient is the largest over the loss and all signal and parameter gradients. Differences below the smallest normal
number of the precision count as 0, for TensorFlow and XLA flush what lies there.

Its tolerance is 100 max(s, depth eps) + k, where
    eps  is the unit in the last place of 1 in the run's precision;
    s    is the network's own sensitivity: how far the definition's gradient moves when every weight moves by one unit in
         the last place, up or down at random;
    k    covers the kinks: how far it moves when all weights of a layer together move by depth eps times their rms, up or
         down. That moves every pre-activation as far as rounding may, and may put a ReLU on the other side of 0; a
         pre-activation of exactly 0 whose inputs are all 0 stays where it is, as it does under rounding.

Training. Deep networks with batch norm are chaotic: after ten steps, two correct implementations share no digit. So the
divergence of a run is shown beside that of the definition from itself, started one unit in the last place away, and a run
agrees while its divergence is at most 100 times that sensitivity, in float64. In float32 agreement is judged by the first step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from common.draw import moved_by_one_ulp
from common.network import Gradients, State
from common.plan import Plan
from common.quantities import rms
from common.trace import Trace

CHAOS = 0.1
"""A bound on the divergence from which on it bounds nothing."""

MARGIN = 100.0
"""How many times its own sensitivity a network may be away from the definition."""


def epsilon(precision: str) -> float:
    """The unit in the last place of 1."""
    return float(np.finfo(precision).eps)


def scaled_error(value: np.ndarray, definition: np.ndarray, precision: str) -> float:
    """The largest difference over the largest value of the definition, for each leading [seed, layer] by itself.

    Values that are not finite agree where they are the same; elsewhere the error is infinite.
    """
    same = (value == definition) | (np.isnan(value) & np.isnan(definition))
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(same, 0.0, np.abs(np.subtract(value, definition, dtype=np.float64)))
    difference[difference < np.finfo(precision).smallest_normal] = 0.0
    size = np.where(np.isfinite(definition), np.abs(definition), 0.0)
    axes = tuple(range(min(2, definition.ndim), definition.ndim))
    difference, size = difference.max(axis=axes, initial=0.0), size.max(axis=axes, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(difference == 0, 0.0, difference / size)
    return float(np.where(np.isnan(errors), np.inf, errors).max(initial=0.0))


def gradient_error(gradients: Gradients, definition: Gradients, precision: str) -> float:
    """The largest scaled error of the loss, of any layer's signal gradient and of any parameter's gradient."""
    pairs = [(gradients.loss, definition.loss), (gradients.signal, definition.signal)]
    pairs += [(gradients.parameters[name], value) for name, value in definition.parameters.items()]
    return max(scaled_error(value, expected, precision) for value, expected in pairs)


def neighbours(start: State, plan: Plan) -> tuple[State, State, State]:
    """States as near as rounding: weights moved by one unit in the last place; all of a layer's moved up; and down."""
    by = plan.network.depth * epsilon(plan.precision)
    return moved_by_one_ulp(start, plan), _shifted(start, by), _shifted(start, -by)


def _shifted(start: State, by: float) -> State:
    weights = {name: a for name, a in start.parameters.items() if name.endswith(".weight")}
    moved = {name: w + by * rms(w, (2, 3))[..., None, None] for name, w in weights.items()}
    return State(start.parameters | moved, start.statistics)


def tolerance(plan: Plan, definition: Gradients, moved: Iterable[Gradients]) -> float:
    """The bound on the first step's error, from the definition's gradients at the state and at its three `neighbours`."""
    sensitivity, *kinks = (gradient_error(gradients, definition, plan.precision) for gradients in moved)
    return MARGIN * max(sensitivity, plan.network.depth * epsilon(plan.precision)) + max(kinks)


def divergence(trace: Trace, definition: Trace) -> np.ndarray:
    """How far a run has moved from the definition's at each recorded step.

    Returns:
        [step], between 0 and 1: the largest relative difference of the loss and of any layer's signal and weight gradient,
        over all seeds.
    """
    compared = ["signal_gradient_rms", "weight_gradient_rms"]
    losses = _relative(trace.loss, definition.loss).max(0)
    layers = [_relative(trace.quantities[q], definition.quantities[q]).max((0, 2)) for q in compared]
    return np.max([losses, *layers], axis=0)


def _relative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    same = (a == b) | (~np.isfinite(a) & ~np.isfinite(b))
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    return np.where(same, 0.0, np.where(np.isfinite(relative), relative, 1.0))


class FreeRun(NamedTuple):
    """How a training run compares with the definition's.

    Attributes:
        outcome: `comparable` to the end, `chaotic` from `step` on, or `broken` at `step`.
        reason: Why it is not comparable to the end.
        step: The recorded step; None where it is comparable to the end.
        divergence: Up to the step where it is nearest to its bound, or beyond it; 0 where it is chaotic from the first step on.
        bound: Of that step.
    """

    outcome: Literal["comparable", "chaotic", "broken"]
    reason: str | None
    step: int | None
    divergence: float
    bound: float


def free_run(plan: Plan, trace: Trace, definition: Trace, rounded: Trace) -> FreeRun:
    """Compare a free run with the definition's, up to where the definition parts from itself.

    The bound at a recorded step is 100 times the largest divergence, up to the next recorded step, of the definition whose
    operations are rounded at random. "Up to the next" because where chaos breaks out one step can multiply a difference by
    1,000, and which of two equally exact runs it reaches first is chance. A divergence is at most 1: where the bound is no
    smaller than a tenth of that, the run is chaotic, and two runs of one framework would part too.
    """
    found = np.maximum.accumulate(divergence(trace, definition))
    bound = bounds(plan, definition, rounded)
    chaotic = bound >= CHAOS
    judged = int(np.argmax(chaotic)) if chaotic.any() else len(bound)
    beyond = np.flatnonzero(found[:judged] > bound[:judged])
    if beyond.size:
        step = int(trace.steps[beyond[0]])
        reason = f"the free run parts from the definition's at step {step}"
        return FreeRun("broken", reason, step, float(found[beyond[0]]), float(bound[beyond[0]]))
    nearest = int(np.argmax(found[:judged] / bound[:judged])) if judged else 0
    closest = float(found[nearest]) if judged else 0.0
    if judged < len(bound):
        step = int(trace.steps[judged])
        reason = f"chaotic from step {step}: two runs of one framework would part too"
        return FreeRun("chaotic", reason, step, closest, float(bound[nearest]))
    return FreeRun("comparable", None, None, closest, float(bound[nearest]))


def bounds(plan: Plan, definition: Trace, rounded: Trace) -> np.ndarray:
    """The bound on the largest divergence up to each recorded step [step]; `free_run` says how it is made."""
    own = np.maximum.accumulate(divergence(rounded, definition))
    floor = plan.network.depth * epsilon(plan.precision)
    return MARGIN * np.maximum(np.append(own[1:], own[-1]), floor)


def share(error: float, bound: float) -> float:
    """An error over its bound; infinite where the bound is 0 and the error is not."""
    if error == 0:
        return 0.0
    return error / bound if bound else np.inf
