"""A derivative by central differences, and what it says of its own error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isograd.derivative import derivative


@pytest.mark.parametrize(
    ("function", "slope", "at"),
    [
        (np.abs, 1.0, 1e-4),  # of a complex number the length: a complex step gives 0
        (lambda x: np.maximum(x, 0), 1.0, 1e-4),
        (lambda x: x**5, 5.0, 1.0),
        (lambda x: np.exp(100 * x), 100 * np.exp(1.0), 0.01),
    ],
)
def test_a_derivative_is_right_to_what_it_says_of_its_error(
    function: Any, slope: float, at: float
) -> None:
    point = np.longdouble(at)
    found = derivative(lambda shift: np.atleast_1d(function(point + shift)), 1.0)
    assert abs(found.value - slope) <= found.error + 1e-15 * abs(slope)
    assert found.error <= 1e-11 * abs(slope)
