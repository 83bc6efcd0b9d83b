"""Activation: the three frameworks against the definition, values and gradients."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter

from common.backend import Backend
from common.countermeasures.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, Tanh, open_interval
from tests.strategies import KINKS, SUBNORMAL, float64s, floats

SPECS = [Sigmoid(), Tanh(), ReLU(), LeakyReLU(), LeakyReLU(slope=0.3), PReLU(), PReLU(initial_slope=0), ELU(), ELU(alpha=0.7)]
BY_NAME = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "-".join(str(v) for v in spec.model_dump().values()))
FEW = settings(max_examples=40, deadline=None)
INFINITE = [np.inf, -np.inf]


def error(value: np.ndarray, definition: np.ndarray) -> float:
    """The largest difference, over the largest finite value where that is above 1; the same infinity or NaN differs by 0."""
    same = (value == definition) | (np.isnan(value) & np.isnan(definition))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(value - definition))
    finite = np.abs(definition[np.isfinite(definition)])
    return float(np.max(difference / max(1.0, finite.max(initial=0.0))))


def probe_with(backend: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return backend.activation.probe(spec, {"z": z, "cotangent": cotangent})


@BY_NAME
@FEW
@given(z=float64s((4, 3), floats(-800, 800, KINKS + INFINITE)), cotangent=float64s((4, 3), floats(-2, 2, [0.0])))
def test_values_and_gradients_are_the_definitions(
    backend: Backend, definition: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray
) -> None:
    expected, found = probe_with(definition, spec, z, cotangent), probe_with(backend, spec, z, cotangent)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert error(np.asarray(found[name]), np.asarray(value)) <= 1e-12, name


@BY_NAME
@FEW
@given(z=float64s((5, 1), floats(-30, 30, KINKS)))
def test_one_unit_is_enough(backend: Backend, definition: Backend, spec: Activation, z: np.ndarray) -> None:
    expected, found = (probe_with(wing, spec, z, np.ones_like(z)) for wing in (definition, backend))
    assert all(error(np.asarray(found[name]), np.asarray(value)) <= 1e-12 for name, value in expected.items())


@BY_NAME
def test_the_derivative_at_zero_is_the_stated_one(backend: Backend, spec: Activation) -> None:
    stated = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.0}
    expected = stated.get(spec.kind, getattr(spec, getattr(spec, "derivative_at_0", "") or "", None))
    expected = spec.initial_slope if isinstance(spec, PReLU) else expected
    gradient = probe_with(backend, spec, np.array([[0.0, -0.0]]), np.ones((1, 2)))["gradient"]
    assert gradient.tolist() == [[expected, expected]]


@BY_NAME
def test_a_nan_comes_out_as_a_nan(backend: Backend, spec: Activation) -> None:
    assert np.isnan(probe_with(backend, spec, np.array([[np.nan, 1.0]]), np.ones((1, 2)))["value"][0, 0])


@pytest.mark.parametrize("spec", [LeakyReLU(), PReLU(), Tanh()], ids=lambda spec: spec.kind)
def test_subnormals_are_flushed_by_tensorflow_and_xla_and_by_nobody_else(backend: Backend, spec: Activation) -> None:
    z = np.array([[SUBNORMAL, 1.0]])
    value = probe_with(backend, spec, z, np.ones_like(z))["value"]
    assert value[0, 0] == (SUBNORMAL if backend.name == "torch" else 0.0)


@BY_NAME
def test_float32_stays_float32(backend: Backend, definition: Backend, spec: Activation) -> None:
    z = np.linspace(-8, 8, 12, dtype=np.float32).reshape(4, 3)
    found, expected = (probe_with(wing, spec, z, np.ones_like(z)) for wing in (backend, definition))
    assert found["value"].dtype == found["gradient"].dtype == np.float32
    assert error(found["value"], expected["value"]) <= 1e-6


def test_the_shipped_leaky_relu_of_keras_and_jax_departs_as_the_trap_says(backend: Backend) -> None:
    if backend.name == "keras":
        import tensorflow as tf

        assert backend.activation.native(LeakyReLU())(tf.constant([-1.0], tf.float64)).numpy()[0] == pytest.approx(-0.3)
        stated = type(backend.activation.native(LeakyReLU()))(negative_slope=0.01, dtype="float64")
        rounded = stated(tf.constant([-1.0], tf.float64)).numpy()[0]
        assert rounded == -float(np.float32(0.01))
        assert rounded != -0.01
    elif backend.name == "jax":
        jax = importlib.import_module("jax")
        assert jax.grad(backend.activation.native(LeakyReLU()))(0.0) == 1.0
    else:
        assert not hasattr(backend.activation, "native")


def rounded_derivative(definition: Backend, spec: Activation, z: np.ndarray, precision: str) -> np.ndarray:
    """The derivative from a value that is correctly rounded to the precision; what lies below the normal numbers is 0."""
    probed = probe_with(definition, spec, z, np.ones_like(z))
    y = probed["value"].astype(precision)
    saturating = {"sigmoid": y * (1 - y), "tanh": (1 - y) * (1 + y)}
    derivative = saturating.get(spec.kind, probed["gradient"])
    return np.where(np.abs(derivative) < np.finfo(precision).smallest_normal, 0, derivative)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("spec", [Sigmoid(), Tanh(), ReLU(), ELU(), ELU(alpha=2.0)], ids=lambda spec: spec.kind)
def test_outside_the_open_interval_the_derivative_is_zero_and_inside_it_is_not(
    definition: Backend, spec: Activation, precision: str
) -> None:
    edges = np.array([z for z in open_interval(spec, precision) if np.isfinite(z)])
    assert (rounded_derivative(definition, spec, edges * 1.05, precision) == 0).all()
    assert (rounded_derivative(definition, spec, np.where(edges, edges * 0.95, 1e-3), precision) != 0).all()


@pytest.mark.parametrize("text", ['"relu"', '{"kind": "leaky_relu", "slope": 0.2}'], ids=["by name", "by table"])
def test_a_spec_survives_json(text: str) -> None:
    adapter = TypeAdapter(Activation)
    spec = adapter.validate_json(text)
    assert adapter.validate_json(adapter.dump_json(spec)) == spec
