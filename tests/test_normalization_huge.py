"""Batch norm of numbers so large that their rounding is more than the root of epsilon."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from common.countermeasures.normalization import BatchNormalization
from tests.conftest import load
from tests.test_normalization import inputs


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_pytorchs_batch_norm_takes_equal_numbers_times_the_largest_factor(
    request: pytest.FixtureRequest, name: str
) -> None:
    """From z times scale / sqrt(epsilon), less as much, is left what rounding makes of it: the size
    of z times 316 u. So do PyTorch's kernels for AVX2 and AVX-512; its plain one does not.
    """
    z = np.full((7, 1), 1.2345678901234567e46)
    given_inputs = inputs(z, np.zeros_like(z)) | {
        "scale": np.array([1.0]),
        "shift": np.array([0.0]),
    }
    wing = load(name, request.config)
    loses = name == "torch" and has_vectors()
    value = wing.normalization.probe(BatchNormalization(), given_inputs)["value"]
    assert np.abs(value).max() > 1e30 if loses else np.abs(value).max() <= np.sqrt(len(z))


def has_vectors() -> bool:
    """Whether PyTorch's kernels are those of a processor with AVX2 or more."""
    return importlib.import_module("torch").backends.cpu.get_cpu_capability() != "DEFAULT"
