"""What a part of a network says of itself: its parameters and statistics, each with its shape and what it starts at."""

from __future__ import annotations

from typing import Literal, NamedTuple

Drawn = Literal["drawn", "drawn bias"]
"""By the plan's initialization, as the weights or the biases of an affine map; any other start is a number."""


class Parameter(NamedTuple):
    """One array of a part, of one layer and one seed.

    Attributes:
        shape: Of the array.
        start: The number that it is full of before the first step, or how it is found.
        fan_in: How many inputs the affine map has that it is the bias of.
    """

    shape: tuple[int, ...]
    start: float | Drawn
    fan_in: int = 0


Parameters = dict[str, Parameter]
"""By their bare names, in the order in which they are kept."""


def affine(n_in: int, n_out: int, bias: bool) -> Parameters:
    """Those of an affine map, x W + b."""
    weight: Parameters = {"weight": Parameter((n_in, n_out), "drawn")}
    return weight | ({"bias": Parameter((n_out,), "drawn bias", n_in)} if bias else {})
