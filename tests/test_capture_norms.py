"""The root mean square that captures tell of, for the largest and the smallest numbers too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.conftest import load

AWKWARD = {
    "ordinary": [0.5, -2.0, 3.0],
    "all zero": [0.0, -0.0],
    "squares underflow": [1e-30, -3e-30],
    "squares overflow": [1e30, -3e30],
    "far apart": [1e-30, 1.0],
    "one": [7.0],
    "none": [],
    "infinite": [1.0, -np.inf],
    "not a number": [1.0, np.nan],
}


def _keras() -> Callable[[np.ndarray], float]:
    from backends.keras.capture import norms

    return lambda values: float(norms.rms(values)[0])


def _jax() -> Callable[[np.ndarray], float]:
    from backends.jax.capture import norms

    return lambda values: float(norms.rms(values))


def _jax_on_the_host() -> Callable[[np.ndarray], float]:
    from backends.jax.capture.steps import rms

    return rms


def _torch() -> Callable[[np.ndarray], float]:
    import torch

    from backends.torch.capture import norms

    return lambda values: norms.rms(torch.tensor(values))


WINGS = {"keras": _keras, "jax": _jax, "jax, on the host": _jax_on_the_host, "torch": _torch}


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("where", WINGS)
def test_an_rms_loses_nothing_to_the_size_of_the_numbers(
    request: pytest.FixtureRequest, where: str, case: str, precision: str
) -> None:
    load(where.partition(",")[0], request.config)
    power = 1 if precision == "float32" else 6  # 1e-180 and 1e180
    values = np.array(AWKWARD[case]).astype(precision)
    if case.startswith("squares"):
        values = (np.sign(AWKWARD[case]) * np.abs(AWKWARD[case]) ** power).astype(precision)
    exact = float(np.sqrt(np.mean(values.astype(np.longdouble) ** 2))) if values.size else 0.0
    found = WINGS[where]()(values)
    if np.isfinite(exact):
        assert found == pytest.approx(exact, rel=1e-6 if precision == "float32" else 1e-14, abs=0)
    else:
        assert not np.isfinite(found)
