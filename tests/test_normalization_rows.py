"""Norms over the units of a sample: layer norm and rms norm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from common.backend import Backend
from common.countermeasures.normalization import (
    LayerNormalization,
    RMSNormalization,
)
from common.plan import Plan
from tests.derived import SIZES, assert_derived_by_hand
from tests.normalized import FEW, inputs
from tests.strategies import float64s, floats

ROWS = [
    LayerNormalization(),
    LayerNormalization(epsilon=1e-3),
    RMSNormalization(),
    RMSNormalization(epsilon=1e-2),
]


Rows = LayerNormalization | RMSNormalization


over_rows = pytest.mark.parametrize(
    "rows", ROWS, ids=["layer", "layer, as Keras ships it", "rms", "rms, 0.01"]
)


def of_rows(rows: Rows, z: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    held = inputs(z, cotangent)
    return {name: held[name] for name in ("z", "cotangent", *rows.parameters(z.shape[1]))}


@over_rows
@FEW
@given(
    z=float64s((8, 3), floats(-10, 10, [0.0, 1e-300, 1e3, -1e3])),
    cotangent=float64s((8, 3), floats(-2, 2, [0.0])),
)
def test_norms_over_the_units_are_the_definitions(
    backend: Backend, definition: Backend, rows: Rows, z: np.ndarray, cotangent: np.ndarray
) -> None:
    """An error is relative to what is summed: the largest pre-activation, over the deviation, over
    the deviation once more.
    """
    expected, found = (
        wing.normalization.probe(rows, of_rows(rows, z, cotangent))
        for wing in (definition, backend)
    )
    assert set(found) == set(expected)
    steep = np.abs(z).max(1, initial=1.0) / np.sqrt(rows.epsilon + z.var(1))
    for name, value in expected.items():
        size = max(1.0, float((steep * np.maximum(1, steep) / np.sqrt(rows.epsilon)).max()))
        assert np.abs(found[name] - value).max() <= 1e-12 * size, name


@over_rows
def test_norms_over_the_units_agree_on_ordinary_inputs_to_1e_12(
    backend: Backend, definition: Backend, rows: Rows
) -> None:
    rng = np.random.default_rng(0)
    given_inputs = of_rows(rows, rng.standard_normal((16, 5)) * 3, rng.standard_normal((16, 5)))
    expected, found = (
        wing.normalization.probe(rows, given_inputs) for wing in (definition, backend)
    )
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= 1e-12 * np.abs(value).max(), name


@over_rows
@pytest.mark.parametrize("activation", ["tanh", "prelu"])
def test_the_gradient_of_a_norm_over_the_units_is_the_difference_quotient(
    plan: Callable[..., Plan], rows: Rows, activation: str
) -> None:
    assert_derived_by_hand(plan(**SIZES, activation=activation, normalization=rows.model_dump()))


def test_layer_norm_leaves_no_mean_and_a_variance_of_1_and_rms_norm_a_size_of_1(
    backend: Backend,
) -> None:
    z = np.random.default_rng(3).standard_normal((6, 50)) * 7 + 5
    given_inputs = {"z": z, "cotangent": z, "scale": np.ones(50), "shift": np.zeros(50)}
    layer = backend.normalization.probe(LayerNormalization(epsilon=1e-12), given_inputs)["value"]
    assert np.abs(layer.mean(1)).max() < 1e-14
    assert np.allclose(layer.var(1), 1, atol=1e-12)
    del given_inputs["shift"]
    rms = backend.normalization.probe(RMSNormalization(epsilon=1e-12), given_inputs)["value"]
    assert np.allclose((rms**2).mean(1), 1, atol=1e-12)
    assert np.allclose(rms / z, (rms / z)[:, :1], atol=1e-15)


def test_a_norm_over_one_unit_is_refused_with_the_reason(plan: Callable[..., Plan]) -> None:
    with pytest.raises(
        ValueError,
        match="layer norm needs at least 2 units, of one it leaves nothing; received a width of 1",
    ):
        plan(width=1, normalization="layer")
