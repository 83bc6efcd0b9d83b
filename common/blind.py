"""Steps that cannot be judged: why, and what in them is compared with nothing.

Where the pre-activations of a unit are equal over the batch, batch norm divides their rounding by
its own size; and a saturated activation makes 1 or -1 of what is so large and may lie on either
side of 0. Which of the two it is, eight draws may all agree in, and a framework with a rounding
that is a little larger not. Whatever is computed from it is then another number.
"""

from __future__ import annotations

import numpy as np

from common.agreement import CEILING, FINE, NEAR_A_KINK, T
from common.apart import moved
from common.bounds import Bounds
from common.plan import Plan
from common.step import EVALUATION, SIGNAL, Compared, Key, largest

RUNNING = "running value"
OF_OUTPUTS = ("activation_mean", "activation_rms", "dead_fraction")
"""The quantities that a layer has before any later one is computed."""


def judged(of: Bounds) -> tuple[Compared, str | None]:
    """The bounds on all arrays and quantities, and why the step cannot be judged.

    That is one line, or None where it can.
    """
    bounds = of.found()
    why = _blind(of, bounds)
    return (with_the_undecided(bounds, _undecided(of), of.plan) if why else bounds), why


def _blind(of: Bounds, bounds: Compared) -> str | None:
    spreads, precision = of.spreads(), of.plan.precision
    for key, ceiling in _ceilings(of).items():
        # a kink within rounding moves one sample's signal by its size, and the gradient of the
        # batch by much less
        wide = bounds[key] if key.name else spreads[key]
        shares = _shares(of, wide, ceiling)
        index = np.unravel_index(int(shares.argmax()), shares.shape)
        if shares[index] > 1:
            place = key.place([int(i) for i in index], of.plan)
            size = float(largest(of.expected[key])[index])
            return f"{place}: {moved(float(shares[index]) * CEILING, size, precision)}"
    if _shares(of, spreads[SIGNAL], FINE * largest(of.expected[SIGNAL])).min() > 1:
        return (
            f"every layer's signal gradient: rounding in {precision} alone moves it by more than "
            f"{FINE:.1%}"
        )
    return None if _visible(of) else f"no weight moves by more than its rounding in {precision}"


def _ceilings(of: Bounds) -> Compared:
    """How wide a bound may be that bounds something."""
    evaluation = Key(EVALUATION)
    weights = [Key("gradient", name) for name in of.plan.network.weights]
    ceilings = {key: CEILING * largest(of.expected[key]) for key in (SIGNAL, *weights)}
    return ceilings | {evaluation: CEILING * np.maximum(largest(of.expected[evaluation]), 1.0)}


def _shares(of: Bounds, bounds: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Bounds as shares of something; 0 where they are no more than what is flushed."""
    known = (bounds > T * of.flushed) & np.isfinite(
        whole
    )  # an evaluation may overflow in the definition too
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, bounds / whole, 0.0)


def _visible(of: Bounds) -> bool:
    """Whether some parameter moves so far that a step of other length would be seen."""
    for name, before in of.before.parameters.items():
        key = Key("value after the step", name)
        moved, rounded = largest(of.expected[key] - before), 4 * of.u * largest(of.expected[key])
        if (FINE * moved > of.spreads()[key] + rounded).any():
            return True
    return False


def _undecided(of: Bounds) -> np.ndarray:
    """Whether rounding puts some pre-activation of a layer far on either side of 0, [seed, layer].

    The layers are the sites and, after them, the output layer: before its affine map may stand an
    activation.
    """
    sites = list(of.inside.h.values())
    found = np.zeros((len(sites[0]), len(sites) + 1), dtype=bool)
    for place, z in of.inside.z.items():
        near = (np.abs(z) <= NEAR_A_KINK * of.spread[place]) & (of.spread[place] > 1)
        found[:, place[0]] |= near.any(axis=(1, 2))
    return found


def with_the_undecided(bounds: Compared, undecided: np.ndarray, plan: Plan) -> Compared:
    """The bounds, infinite where a number is computed from a layer that rounding decides.

    Args:
        bounds: On the error of each array and quantity, [seed] or [seed, layer].
        undecided: Which layers rounding decides, [seed, layer], the output layer last.
        plan: Whose step it is.
    """
    after = np.logical_or.accumulate(undecided, axis=1)
    return {
        key: np.where(_computed_from(key, after, bound.ndim, plan), np.inf, bound)
        for key, bound in bounds.items()
    }


def _computed_from(key: Key, after: np.ndarray, axes: int, plan: Plan) -> np.ndarray:
    """Whether the numbers of an array are computed from what is undecided, as its bound has it."""
    if key.what == RUNNING:
        return after[:, _layers_of(key.name.partition(".")[0], plan)]
    if key.what in OF_OUTPUTS:
        return after[:, :-1]
    return after[:, -1].reshape(-1, *[1] * (axes - 1))


def _layers_of(stack: str, plan: Plan) -> slice:
    """Which of all layers are those of a stack."""
    stacks = plan.network.stacks()
    begins = np.cumsum([0, *(len(one.layers) for one in stacks)])
    at = [one.name for one in stacks].index(stack)
    return slice(begins[at], begins[at + 1])
