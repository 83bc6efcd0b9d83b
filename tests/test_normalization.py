"""Normalization: that of the three frameworks against the definition."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

import backends
from common.backend import Backend
from common.countermeasures.normalization import (
    BatchNormalization,
    LayerNormalization,
    RMSNormalization,
)
from common.plan import Plan
from experiments.settings import kinds
from tests.compared import differing
from tests.conftest import load
from tests.normalized import FEW, inputs
from tests.strategies import float64s, floats

SPECS = [
    BatchNormalization(),
    BatchNormalization(epsilon=1e-3, momentum=0.99),
    BatchNormalization(momentum=0.0),
]
BY_NAME = pytest.mark.parametrize("spec", SPECS, ids=["stated", "as Keras ships it", "no memory"])


def sizes(
    given: dict[str, np.ndarray], expected: dict[str, np.ndarray], epsilon: float
) -> dict[str, float]:
    """The size that rounding errors are relative to: of the value, or of the terms whose difference
    it is.
    """
    std = np.sqrt(given["z"].var(0) + epsilon)
    largest = np.abs(given["z"]).max(0)
    factor = np.abs(given["scale"]) / std
    steep = 1 + largest / std  # rounding of a standardized value, over its size of about 1
    cotangent = len(given["z"]) * max(1.0, np.abs(given["cotangent"]).max())
    own = {name: float(np.abs(value).max()) for name, value in expected.items()}
    terms = {
        "value": (factor * largest).max(),
        "gradient": (factor * steep).max() * cotangent,
        "scale_gradient": steep.max() * cotangent,
        "shift_gradient": cotangent,
        "mean": largest.max(),
        "variance": (largest**2).max(),
        "evaluated": (largest * np.abs(given["scale"]) / np.sqrt(epsilon)).max(),
    }
    return {name: max(own[name], terms[name]) for name in expected}


@BY_NAME
@FEW
@given(
    z=float64s((8, 3), floats(-10, 10, [0.0, 1e-300, 1e3, -1e3])),
    cotangent=float64s((8, 3), floats(-2, 2, [0.0])),
)
def test_training_and_evaluation_are_the_definitions(
    backend: Backend,
    definition: Backend,
    spec: BatchNormalization,
    z: np.ndarray,
    cotangent: np.ndarray,
) -> None:
    given_inputs = inputs(z, cotangent)
    expected, found = (
        wing.normalization.probe(spec, given_inputs) for wing in (definition, backend)
    )
    assert set(found) == set(expected)
    # TensorFlow and XLA take for 0 what is below, as a variance of 1e-312 is
    smallest = np.finfo(float).tiny
    for name, size in sizes(given_inputs, expected, spec.epsilon).items():
        assert np.abs(found[name] - expected[name]).max() <= max(1e-12 * size, smallest), name


@BY_NAME
def test_ordinary_inputs_agree_to_1e_12_of_their_own_size(
    backend: Backend, definition: Backend, spec: BatchNormalization
) -> None:
    rng = np.random.default_rng(0)
    given_inputs = inputs(rng.standard_normal((16, 5)) * 3, rng.standard_normal((16, 5)))
    expected, found = (
        wing.normalization.probe(spec, given_inputs) for wing in (definition, backend)
    )
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= 1e-12 * np.abs(value).max(), name


def test_a_step_with_it_is_the_definitions_where_one_without_it_is(
    backend: Backend, definition: Backend, plan: Callable[..., Plan]
) -> None:
    small = {"features": 64, "classes": 10, "initialization": {"kind": "gaussian", "std": 0.01}}
    for normalization in kinds("normalization"):
        different = differing(backend, definition, plan(normalization=normalization, **small))
        assert not different, f"normalization: {normalization}"


def test_a_batch_of_two_and_one_unit_are_enough(backend: Backend, definition: Backend) -> None:
    given_inputs = inputs(np.array([[1.0], [2.0]]), np.array([[0.3], [-0.4]]))
    expected, found = (
        wing.normalization.probe(BatchNormalization(), given_inputs)
        for wing in (definition, backend)
    )
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= 1e-12, name


@pytest.mark.parametrize("name", backends.NEEDS)
@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_common_offset_costs_no_more_than_rounding_the_inputs(
    definition: Backend, request: pytest.FixtureRequest, name: str, offset: float, precision: str
) -> None:
    """The inputs are products of rounded numbers: 16 units in the last place of the largest are
    what none can do without.

    A wing may compute x / std + (shift - mean / std), as TensorFlow does; E[x^2] - E[x]^2 costs
    offset^2.
    """
    rng = np.random.default_rng(1)
    eps = float(np.finfo(precision).eps)
    # what is left of a spread below that in the precision is noise
    spread = max(1.0, 1e3 * offset * eps)
    z = offset + spread * rng.standard_normal((64, 3))
    given_inputs = inputs(z, rng.standard_normal(z.shape)) | {
        "mean": np.full(3, offset),
        "variance": np.full(3, spread**2),
    }
    rounded = {key: a.astype(precision) for key, a in given_inputs.items()}
    exactly = {key: a.astype(np.longdouble) for key, a in rounded.items()}
    expected = definition.normalization.probe(BatchNormalization(), exactly)
    found = load(name, request.config).normalization.probe(BatchNormalization(), rounded)
    # a sum's error is one of the size of what is summed
    summed = np.abs(rounded["cotangent"]).sum(0)
    for key, value in expected.items():
        size = summed if key in ("scale_gradient", "shift_gradient") else np.abs(value).max(0)
        assert (
            np.abs(found[key] - value).max(0) <= 16 * eps * (1 + offset / spread) * size
        ).all(), key


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_makes_its_unit_nan_and_no_other(
    backend: Backend, bad: float
) -> None:
    z = np.random.default_rng(2).standard_normal((8, 3))
    z[2, 1] = bad
    value = backend.normalization.probe(BatchNormalization(), inputs(z, np.ones_like(z)))["value"]
    assert np.isnan(value[:, 1]).all()
    assert np.isfinite(value[:, [0, 2]]).all()


def test_the_shipped_running_variance_of_pytorch_is_unbiased(
    definition: Backend, request: pytest.FixtureRequest
) -> None:
    torch_wing = load("torch", request.config)
    torch = importlib.import_module("torch")
    z = np.random.default_rng(3).standard_normal((8, 1))
    module = torch_wing.normalization.native(BatchNormalization(momentum=0.0))(1).double()
    module(torch.tensor(z))
    assert module.running_var.item() == pytest.approx(z.var() * 8 / 7, rel=1e-12)


def test_the_shipped_variance_of_flax_loses_an_offset(request: pytest.FixtureRequest) -> None:
    jax_wing = load("jax", request.config)
    jax = importlib.import_module("jax")
    z = (1e4 + np.random.default_rng(4).standard_normal((64, 1))).astype(np.float32)
    module = jax_wing.normalization.native(BatchNormalization())(use_running_average=False)
    value, _ = module.init_with_output(jax.random.key(0), z)
    # the variance came out as 0, and 1 / sqrt(epsilon) is 316
    assert np.abs(np.asarray(value)).max() > 100


@pytest.mark.parametrize(("name", "loses"), [("torch", False), ("keras", True), ("jax", True)])
def test_a_float32_gradient_through_the_variance_is_lost_where_that_is_large(
    definition: Backend, request: pytest.FixtureRequest, name: str, loses: bool
) -> None:
    """The gradient over the cube of the deviation is beyond float32, and what should cancel does
    not.
    """
    rng = np.random.default_rng(5)
    z = 1e12 * rng.standard_normal((16, 8))
    cotangent = 1e-20 * rng.standard_normal((16, 8))
    given_inputs = {key: a.astype(np.float32) for key, a in inputs(z, cotangent).items()}
    expected, found = (
        wing.normalization.probe(
            BatchNormalization(), {key: a.astype(dtype) for key, a in given_inputs.items()}
        )["gradient"]
        for wing, dtype in ((definition, np.float64), (load(name, request.config), np.float32))
    )
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert error > 0.1 if loses else error < 1e-5


def test_keras_ships_other_numbers(request: pytest.FixtureRequest) -> None:
    layer = load("keras", request.config).normalization.native(BatchNormalization())()
    assert (layer.momentum, layer.epsilon) == (0.99, 1e-3)


def test_what_ships_has_another_epsilon(request: pytest.FixtureRequest) -> None:
    for name, epsilons in {"keras": (1e-3, 1e-6), "jax": (1e-6, 1e-6)}.items():
        shipped = [
            load(name, request.config).normalization.native(rows)()
            for rows in (LayerNormalization(), RMSNormalization())
        ]
        assert tuple(module.epsilon for module in shipped) == epsilons, name
    load("torch", request.config)
    rms = importlib.import_module("torch").nn.RMSNorm(3)
    assert rms.eps is None  # that of the precision
