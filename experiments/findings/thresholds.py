"""The bounds of a verdict on the gradient, and its words."""

from __future__ import annotations

from pydantic import Field

from common.spec import Spec
from experiments.findings.verdict import (
    Words,
)

GRADIENT_WORDS: Words = {
    "comes through": ("comes through", "come through"),
    "vanishing": ("is vanishing", "are vanishing"),
    "exploding": ("is exploding", "are exploding"),
    "dead": ("is dead", "are dead"),
    "non-finite": ("is not finite", "are not finite"),
}


class Thresholds(Spec, frozen=True):
    """Bounds on the gradient that a hidden layer gets, as a share of the last one's.

    Parameters of the experiment.

    They hold at the depth of the experiment. A network with fewer than 30 layers is held to them at
    30, at the rate per layer that it shows: with 1e-3, one that keeps less than 79 % of the
    gradient in each layer is vanishing at every depth.
    """

    vanishing: float = Field(default=1e-3, gt=0, lt=1)
    exploding: float = Field(default=1e3, gt=1)
