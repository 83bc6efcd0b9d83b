"""What guessing gets on the test set."""

from __future__ import annotations

import math
from typing import NamedTuple

from common.trace import Header


class Guessing(NamedTuple):
    """The accuracy of a network that has learnt nothing.

    Attributes:
        accuracy: The share of the training set's most frequent class among the test samples.
        samples: How many test samples there are.
        best: The share of the test set's most frequent class: no guess that does not look at the
            sample can expect more.
    """

    accuracy: float
    samples: int
    best: float = 0.0

    @property
    def level(self) -> float:
        """What has to be exceeded."""
        return max(self.accuracy, self.best)

    @property
    def error(self) -> float:
        """The binomial standard error of an accuracy at that level."""
        return math.sqrt(self.level * (1 - self.level) / self.samples)

    def chance(self, accuracy: float) -> float:
        """The probability of guessing as many samples right, or more."""
        from scipy.special import bdtrc

        right = round(accuracy * self.samples)
        return float(bdtrc(right - 1, self.samples, self.level)) if right else 1.0


def guessing_of(header: Header) -> Guessing:
    """What guessing gets where there are classes."""
    return Guessing(header.guessing or 0.0, header.test_samples, header.best_guess or 0.0)
