"""Criteria: what a figure has to be for a claim to be borne out by it.

Whether it is so may be beyond telling.

A figure that is nearer to a bound than twice its standard error is on neither side of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

SURE = 2.0
"""So many standard errors from a bound a figure is surely beyond it."""


class Figure(NamedTuple):
    """What was measured, with its standard error; 0 where chance has no part in it."""

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Below:
    """A figure less than a bound."""

    bound: float

    def __str__(self) -> str:
        return f"below {self.bound:.3g}"

    def met(self, figure: Figure) -> bool | None:
        """Whether it is so; None where that cannot be told."""
        return _positive(self.bound - figure.value, figure.error)


@dataclass(frozen=True)
class Above:
    """A figure more than a bound."""

    bound: float

    def __str__(self) -> str:
        return f"above {self.bound:.3g}"

    def met(self, figure: Figure) -> bool | None:
        """Whether it is so; None where that cannot be told."""
        return _positive(figure.value - self.bound, figure.error)


@dataclass(frozen=True)
class Between:
    """A figure between two bounds."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}"

    def met(self, figure: Figure) -> bool | None:
        """Whether it is so; None where that cannot be told."""
        return _positive(min(figure.value - self.low, self.high - figure.value), figure.error)


@dataclass(frozen=True)
class Near:
    """A figure that theory gives, within a share of it.

    That share is the error, whatever the figure's own is.
    """

    expected: float
    share: float

    def __str__(self) -> str:
        return f"{self.expected:.4g} ± {self.share * abs(self.expected):.1g}"

    def met(self, figure: Figure) -> bool | None:
        """Whether it is so; None where nothing was measured."""
        return _positive(self.share * abs(self.expected) - abs(figure.value - self.expected), 0.0)


Criterion = Below | Above | Between | Near


def _positive(margin: float, error: float) -> bool | None:
    if math.isnan(margin) or abs(margin) < SURE * error:
        return None
    return margin > 0
