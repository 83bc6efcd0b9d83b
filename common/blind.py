"""What in a step that cannot be judged is compared with nothing, since rounding alone decides it.

Where the pre-activations of a unit are equal over the batch, batch norm divides their rounding by its own size; and a saturated
activation makes 1 or -1 of what is so large and may lie on either side of 0. Which of the two it is, eight draws may all agree
in, and a framework with a rounding that is a little larger not. Whatever is computed from it is then another number.
"""

from __future__ import annotations

import numpy as np

from common.plan import Plan
from common.step import Compared, Key

RUNNING = "running value"
OF_OUTPUTS = ("activation_mean", "activation_rms", "dead_fraction")
"""The quantities that a layer has before any later one is computed."""


def with_the_undecided(bounds: Compared, undecided: np.ndarray, plan: Plan) -> Compared:
    """The bounds, infinite where a number is computed from a layer that rounding decides.

    Args:
        bounds: On the error of each array and quantity, [seed] or [seed, layer].
        undecided: Which sites rounding decides, [seed, site].
        plan: Whose step it is.
    """
    after = np.logical_or.accumulate(undecided, axis=1)
    return {key: np.where(_computed_from(key, after, bound.ndim, plan), np.inf, bound) for key, bound in bounds.items()}


def _computed_from(key: Key, after: np.ndarray, axes: int, plan: Plan) -> np.ndarray:
    """Whether the numbers of an array are computed from what is undecided, as its bound has it: [seed] or [seed, layer]."""
    if key.what == RUNNING:
        return after[:, _sites_of(key.name.partition(".")[0], plan)]
    if key.what in OF_OUTPUTS:
        return after
    return after[:, -1].reshape(-1, *[1] * (axes - 1))


def _sites_of(stack: str, plan: Plan) -> slice:
    """Which of the sites are the layers of a stack."""
    stacks = plan.network.measured()
    begins = np.cumsum([0, *(len(one.layers) for one in stacks)])
    at = [one.name for one in stacks].index(stack)
    return slice(begins[at], begins[at + 1])
