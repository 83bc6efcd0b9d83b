"""Batch norm of numbers so large that their rounding is more than the root of epsilon."""

from __future__ import annotations

import numpy as np
import pytest

from common.countermeasures.normalization import BatchNormalization
from tests.conftest import load
from tests.test_normalization import inputs


@pytest.mark.parametrize(("name", "loses"), [("torch", True), ("jax", False)])
def test_pytorchs_batch_norm_takes_equal_numbers_times_the_largest_factor(
    request: pytest.FixtureRequest, name: str, loses: bool
) -> None:
    """From z times scale / sqrt(epsilon), less as much, is left what rounding makes of it: the size
    of z times 316 u.
    """
    z = np.full((7, 1), 1.2345678901234567e46)
    given_inputs = inputs(z, np.zeros_like(z)) | {
        "scale": np.array([1.0]),
        "shift": np.array([0.0]),
    }
    value = load(name, request.config).normalization.probe(BatchNormalization(), given_inputs)[
        "value"
    ]
    assert np.abs(value).max() > 1e30 if loses else np.abs(value).max() <= np.sqrt(len(z))
