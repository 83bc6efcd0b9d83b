"""What a network would do with more layers, from the profile of the gradient over those it has."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

LEAST_DEPTH = 3
"""Two layers have one step between them, which is no rate."""
CONFIDENCE = 0.8
"""That a shallow network would vanish or explode with 30 layers is said where it is so sure."""
CHANGES = 0.975
"""That the rate changes from layer to layer is believed where it is so sure, to either side."""


class Deeper:
    """What the same network would do with more layers, from profiles in decades, [seed, layer].

    From layer l + 1 back to layer l the gradient gains a decades. Where it is beyond chance that
    the gains change with the layer, it gains a + b / l: that is how a network gets used to its
    input, and how one at the edge of vanishing behaves (tanh with Xavier: the ratio falls as a
    power of the depth, and not exponentially).
    """

    def __init__(self, profiles: np.ndarray) -> None:
        gains = profiles[:, :-1] - profiles[:, 1:]
        self.layers = profiles.shape[1]
        self.own = float((profiles[:, 0] - profiles[:, -1]).mean())
        self.design, self.gains = (
            self._terms(np.tile(np.arange(1, self.layers), len(profiles))),
            gains.ravel(),
        )
        self.known = self.layers >= LEAST_DEPTH and gains.size > 1
        if self.known and not self._fit(2):
            self._fit(1)

    @staticmethod
    def _terms(layers: np.ndarray) -> np.ndarray:
        return np.stack([np.ones(len(layers)), 1 / layers], axis=1)

    def _fit(self, terms: int) -> bool:
        """Least squares; whether the last term is beyond chance."""
        design = self.design[:, :terms]
        self.freedom = len(self.gains) - terms
        if self.freedom < 1 or self.layers <= terms + 1:
            return False
        inverse = np.linalg.inv(design.T @ design)
        self.terms = inverse @ design.T @ self.gains
        rest = self.gains - design @ self.terms
        self.covariance = inverse * (rest @ rest) / self.freedom
        return bool(
            abs(self.terms[-1])
            > _student(self.freedom, CHANGES) * math.sqrt(self.covariance[-1, -1])
        )

    def at(self, depth: int) -> tuple[float, float]:
        """Decades between the first and the last of so many layers, and how far off they may be."""
        more = self._terms(np.arange(self.layers, depth)).sum(0)[: len(self.terms)]
        error = math.sqrt(max(0.0, more @ self.covariance @ more))
        return self.own + float(more @ self.terms), _student(self.freedom, CONFIDENCE) * error


@cache
def _student(freedom: int, probability: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))
