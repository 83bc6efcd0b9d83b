"""The free run: a training run beside the definition's, until it is chaotic.

Deep networks with batch norm are chaotic: after ten steps two correct implementations share no
digit, and two runs of one framework part too. The divergence of a run is shown beside its bound,
100 times the divergence of a draw: the definition's run with every operation rounded at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from common.agreement import flushed, without_digits
from common.countermeasures.activation import has_kink
from common.plan import Plan
from common.trace import Trace

MARGIN = 100.0
"""How many times the divergence of a draw a free run may be away from the definition's."""

CHAOS = 0.1
"""A bound on the divergence, which is at most 1, from which on it bounds nothing."""

A_KINK = 0.01
"""So many pre-activations, in expectation, may lie between two runs before one of them may have
passed a kink."""

DIVERGING = ("signal_gradient_rms", "weight_gradient_rms")
"""The quantities of which, beside the loss, the divergence is made."""


DIGITS = 16.0
"""So many units in the last place of 1 a loss is exact to: it is a difference of numbers of about
that size."""


def divergence(trace: Trace, definition: Trace, plan: Plan | None = None) -> np.ndarray:
    """How far a run has moved from the definition's at each recorded step.

    Args:
        trace: The run's.
        definition: The definition's.
        plan: Of the runs. What a flush may have left of a gradient counts as no difference, nor
            what a loss has no digits for.

    Returns:
        [step], between 0 and 1: the largest relative difference of the loss and of any layer's
        signal and weight gradient, over all seeds.
    """
    lost = max(flushed(plan), without_digits(plan.precision)) if plan else 0.0
    unsure = max(lost, DIGITS * epsilon(plan.precision)) if plan else 0.0
    losses = _relative(trace.loss, definition.loss, unsure).max(0)
    layers = [
        _relative(trace.quantities[q], definition.quantities[q], lost).max((0, 2))
        for q in DIVERGING
    ]
    return np.max([losses, *layers], axis=0)


def _relative(a: np.ndarray, b: np.ndarray, unsure: float) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        difference = np.abs(a - b)
        relative = difference / np.maximum(np.abs(a), np.abs(b))
    same = (a == b) | (~np.isfinite(a) & ~np.isfinite(b)) | (difference <= unsure)
    return np.where(same, 0.0, np.where(np.isfinite(relative), relative, 1.0))


class FreeRun(NamedTuple):
    """How a training run compares with the definition's.

    Attributes:
        outcome: `comparable` to the end, or to where the definition is no longer finite; `chaotic`
            from `step` on; `broken` at `step`; `cannot be judged` where the definition is not
            finite at all.
        reason: Why it is not comparable to the end.
        step: The recorded step; None where it is comparable to the end.
        divergence: Up to the step where it is nearest to its bound, or beyond it; 0 where it is
            chaotic from the first step on.
        bound: Of that step.
    """

    outcome: Literal["comparable", "chaotic", "broken", "cannot be judged"]
    reason: str | None
    step: int | None
    divergence: float
    bound: float


def free_run(plan: Plan, trace: Trace, definition: Trace, sensitivity: Sequence[float]) -> FreeRun:
    """Compare a free run with the definition's, up to where the definition parts from itself.

    The bound at a recorded step is 100 times the largest sensitivity up to the next recorded step:
    the divergence of the definition whose operations are rounded at random. "Up to the next"
    because where chaos breaks out one step can multiply a difference by 1,000, and which of two
    equally exact runs it reaches first is chance. A divergence is at most 1: where the bound is no
    smaller than a tenth of that, the run is chaotic, and two runs of one framework would part too.
    So it is where it is beyond the bound, and one number that falls on the other side of a kink may
    decide, which one draw does not tell (leaky ReLU and batch norm: of six draws three part by 0.27
    where the others have 1e-5): in float32, and where the bound is so wide that a pre-activation
    may lie between the runs.

    Args:
        plan: Of the runs.
        trace: The run's.
        definition: The definition's.
        sensitivity: [step], that of the definition's header (common/trace.py).
    """
    ends = _end(definition, sensitivity)
    found = np.maximum.accumulate(divergence(trace, definition, plan))[:ends]
    bound = bounds(plan, definition, sensitivity)[:ends]
    if not ends:
        return FreeRun(
            "cannot be judged", "the definition is not finite at the first step", 0, 0.0, 0.0
        )
    chaotic = (bound >= CHAOS) | ((found > bound) & _kinks_decide(plan, bound))
    judged = int(np.argmax(chaotic)) if chaotic.any() else ends
    beyond = np.flatnonzero(found[:judged] > bound[:judged])
    if beyond.size:
        step = int(trace.steps[beyond[0]])
        reason = f"the free run parts from the definition's at step {step}"
        return FreeRun("broken", reason, step, float(found[beyond[0]]), float(bound[beyond[0]]))
    nearest = int(np.argmax(found[:judged] / bound[:judged])) if judged else 0
    closest = float(found[nearest]) if judged else 0.0
    if judged < ends:
        step = int(trace.steps[judged])
        why = "two runs of one framework would part too"
        if bound[judged] < CHAOS:
            where = "in float32 " if plan.precision == "float32" else ""
            why = f"{where}one number on the other side of a kink decides when two runs part"
        reason = f"chaotic from step {step}: {why}"
        return FreeRun("chaotic", reason, step, closest, float(bound[nearest]))
    return FreeRun("comparable", None, None, closest, float(bound[nearest]))


def _kinks_decide(plan: Plan, bound: np.ndarray) -> np.ndarray:
    """Whether a pre-activation may lie on either side of a kink, at each step.

    In float32 some always may.
    """
    network = plan.network
    numbers = len(network.sites) * network.units * plan.task.batch_size * len(plan.seeds)
    return (bound * numbers >= A_KINK) & has_kink(network.activation) | (
        plan.precision == "float32"
    )


def finite(trace: Trace) -> np.ndarray:
    """At which recorded steps all that the divergence is made of is finite [step]."""
    layers = [np.isfinite(trace.quantities[q]).all((0, 2)) for q in DIVERGING]
    return np.all([np.isfinite(trace.loss).all(0), *layers], axis=0)


def _end(definition: Trace, sensitivity: Sequence[float]) -> int:
    """How many recorded steps come before the definition, exact or random, is no longer finite."""
    both = finite(definition) & np.isfinite(sensitivity)
    return len(both) if both.all() else int(np.argmin(both))


def bounds(plan: Plan, definition: Trace, sensitivity: Sequence[float]) -> np.ndarray:
    """The bound on the largest divergence up to each recorded step [step].

    Infinite where a run is no longer finite.

    `free_run` says how it is made.
    """
    ends = _end(definition, sensitivity)
    own = np.maximum.accumulate(np.asarray(sensitivity)[:ends])
    ahead = np.append(own[1:], own[-1:])
    found = np.full(len(definition.steps), np.inf)
    found[:ends] = MARGIN * np.maximum(ahead, len(plan.network.sites) * epsilon(plan.precision))
    return found


def epsilon(precision: str) -> float:
    """The unit in the last place of 1."""
    return float(np.finfo(precision).eps)
