"""Activation: all four wings against the exact value and derivative, element by element."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import special

from common.backend import Backend
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    PReLU,
    Sigmoid,
    Tanh,
)
from tests.exact_activation import BY_NAME, FEW, PRECISIONS, awkward, elements, faults, probe_with
from tests.strategies import float64s, floats

SATURATING = pytest.mark.parametrize("spec", [Sigmoid(), Tanh()], ids=lambda spec: spec.kind)


@BY_NAME
@PRECISIONS
def test_near_0_and_far_out_every_element_is_exact_to_a_few_units(
    wing: Backend, spec: Activation, precision: str
) -> None:
    z = awkward(precision)
    assert faults(wing, spec, z, np.ones_like(z)) == []


@BY_NAME
@PRECISIONS
@FEW
@given(data=st.data())
def test_every_element_is_exact_whatever_is_drawn(
    wing: Backend, spec: Activation, precision: str, data: Any
) -> None:
    z = data.draw(float64s((4, 3), elements(precision))).astype(precision)
    cotangent = data.draw(float64s((4, 3), floats(0.01, 2, [0.0, 1.0]))).astype(precision)
    z[np.abs(z) < np.finfo(precision).smallest_normal] = 0
    assert faults(wing, spec, z, cotangent) == []


def by_erf(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GELU, in the formula that cancels."""
    below = (1 + special.erf(z / np.sqrt(2))) / 2
    return z * below, below + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def by_tanh(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Its approximation, in the one that cancels."""
    u = np.sqrt(2 / np.pi) * (z + GELU_CUBIC * z**3)
    below = (1 + np.tanh(u)) / 2
    return z * below, below + z / 2 * (1 - np.tanh(u) ** 2) * np.sqrt(2 / np.pi) * (
        1 + 3 * GELU_CUBIC * z**2
    )


@pytest.mark.parametrize(
    ("spec", "lossy", "where"),
    [
        (ELU(), lambda z: (np.exp(z) - 1, np.exp(z)), "value at np.float64(-1e-12)"),
        (ELU(), lambda z: (np.expm1(z), np.expm1(z) + 1), "gradient at np.float64(-30.0)"),
        (GELU(), by_erf, "value at np.float64(-7.9)"),
        (GELU(), by_erf, "gradient at np.float64(-7.9)"),
        (GELU(approximation="tanh"), by_tanh, "value at np.float64(-5.0)"),
        (GELU(approximation="tanh"), by_tanh, "gradient at np.float64(-5.0)"),
        (
            SELU(),
            lambda z: (SELU().scale * z, SELU().scale * np.ones_like(z)),
            "gradient at np.float64(-1e-37)",
        ),
    ],
    ids=[
        "exp - 1",
        "value + alpha",
        "1 + erf",
        "1 + erf again",
        "1 + tanh",
        "1 + tanh again",
        "scale",
    ],
)
def test_the_check_finds_a_formula_that_cancels(spec: Activation, lossy: Any, where: str) -> None:
    class Lossy:
        class activation:  # noqa: N801
            @staticmethod
            def probe(spec: Activation, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
                value, derivative = lossy(np.minimum(inputs["z"], 0))
                return {"value": value, "gradient": derivative}

    z = np.minimum(awkward("float64"), 0)
    found = faults(Lossy, spec, z, np.ones_like(z))  # type: ignore[arg-type]
    assert any(fault.startswith(where) for fault in found)


@SATURATING
@PRECISIONS
def test_a_saturating_derivative_is_that_of_the_wings_own_value(
    wing: Backend, spec: Activation, precision: str
) -> None:
    z = awkward(precision)
    eps = np.finfo(precision).eps
    found = probe_with(wing, spec, z, np.ones_like(z))
    y = found["value"].astype(np.float64)
    expected = y * (1 - y) if isinstance(spec, Sigmoid) else (1 - y) * (1 + y)
    # of y * y, in the frameworks that compute 1 - y * y
    rounded = eps / 2 if isinstance(spec, Tanh) else 0.0
    error = np.abs(found["gradient"] - expected)
    assert (
        error <= 4 * eps * expected + rounded * y * y + np.finfo(precision).smallest_normal
    ).all()


@BY_NAME
@FEW
@given(z=float64s((5, 1), elements("float64")), cotangent=float64s((5, 1), floats(-2, 2, [0.0])))
def test_one_unit_is_enough(
    wing: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray
) -> None:
    assert faults(wing, spec, z, cotangent) == []


@pytest.mark.parametrize("spec", [PReLU(), PReLU(initial_slope=0)], ids=["0.25", "0"])
@FEW
@given(z=float64s((4, 3), elements("float64")), cotangent=float64s((4, 3), floats(-2, 2, [0.0])))
def test_the_slopes_gradient_is_the_sum_below_0(
    wing: Backend, spec: PReLU, z: np.ndarray, cotangent: np.ndarray
) -> None:
    terms = [
        Decimal(float(c)) * Decimal(float(x))
        for c, x in zip(cotangent.flat, z.flat, strict=True)
        if x <= 0
    ]
    found = Decimal(float(probe_with(wing, spec, z, cotangent)["slope_gradient"]))
    eps, tiny = (Decimal(float(n)) for n in (np.finfo(float).eps, np.finfo(float).tiny))
    with localcontext(Context(prec=800)):  # enough for a sum of 700 and 1e-300
        assert abs(found - sum(terms)) <= 12 * eps * sum(map(abs, terms)) + 12 * tiny


@BY_NAME
def test_float32_stays_float32(backend: Backend, spec: Activation) -> None:
    found = probe_with(backend, spec, *np.ones((2, 4, 3), np.float32))
    assert {str(a.dtype) for a in found.values()} == {"float32"}


@pytest.mark.parametrize(
    "text", ['"relu"', '{"kind": "leaky_relu", "slope": 0.2}'], ids=["by name", "by table"]
)
def test_a_spec_survives_json(text: str) -> None:
    adapter = TypeAdapter(Activation)
    spec = adapter.validate_json(text)
    assert adapter.validate_json(adapter.dump_json(spec)) == spec
