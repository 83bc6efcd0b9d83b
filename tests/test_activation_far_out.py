"""Activation where numbers end: infinities, NaN, subnormal numbers, the kink at 0, and where a unit
is dead.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from common.backend import Backend
from common.countermeasures import activation as room
from common.countermeasures.activation import (
    ELU,
    GELU,
    Activation,
    LeakyReLU,
    PReLU,
    Tanh,
    has_kink,
    open_interval,
)
from tests.exact_activation import BY_NAME, PRECISIONS, SPECS, exact, probe_with
from tests.strategies import SUBNORMAL, every, label


@BY_NAME
@pytest.mark.parametrize("cotangent", [1.0, -0.5, 0.0])
def test_an_infinite_or_huge_pre_activation_has_the_limits_of_the_definition(
    backend: Backend, definition: Backend, spec: Activation, cotangent: float
) -> None:
    z = np.array([[np.inf, -np.inf, 1e300, -1e300]])
    expected, found = (
        probe_with(one, spec, z, np.full_like(z, cotangent)) for one in (definition, backend)
    )
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.allclose(
            found[name], value, rtol=4 * np.finfo(float).eps, atol=0, equal_nan=True
        ), name


@BY_NAME
def test_the_derivative_at_zero_is_the_stated_one(backend: Backend, spec: Activation) -> None:
    smooth = {"identity": 1.0, "sigmoid": 0.25, "tanh": 1.0, "gelu": 0.5, "silu": 0.5}
    numbers: dict[str, Any] = {"slope": getattr(spec, "initial_slope", 0)} | spec.model_dump()
    words = str(getattr(spec, "derivative_at_0", smooth.get(spec.kind))).split()
    expected = np.prod([float(numbers.get(word, word)) for word in words])
    gradient = probe_with(backend, spec, np.array([[0.0, -0.0]]), np.ones((1, 2)))["gradient"]
    assert gradient.tolist() == [[expected, expected]]


@BY_NAME
def test_a_nan_comes_out_as_a_nan(backend: Backend, spec: Activation) -> None:
    assert np.isnan(
        probe_with(backend, spec, np.array([[np.nan, 1.0]]), np.ones((1, 2)))["value"][0, 0]
    )


@pytest.mark.parametrize("spec", [LeakyReLU(), PReLU(), Tanh()], ids=lambda spec: spec.kind)
def test_subnormals_are_flushed_by_tensorflow_and_xla_and_by_nobody_else(
    backend: Backend, spec: Activation
) -> None:
    z = np.array([[SUBNORMAL, 1.0]])
    value = probe_with(backend, spec, z, np.ones_like(z))["value"]
    assert value[0, 0] == (SUBNORMAL if backend.name == "torch" else 0.0)


@pytest.mark.parametrize("spec", [*SPECS, LeakyReLU(slope=0.9), ELU(alpha=2.0)], ids=label)
def test_a_kink_is_where_the_derivative_jumps_at_0(spec: Activation) -> None:
    with localcontext(Context(prec=60, traps=[])):
        below, above = (exact(spec, z)[1] for z in (-1e-9, 1e-9))
    assert (abs(above - below) > Decimal("1e-3")) == has_kink(spec)


ENDING = [spec for spec in SPECS if any(map(np.isfinite, open_interval(spec, "float64")))]
"""What has an end beyond which a unit is dead."""


@PRECISIONS
@pytest.mark.parametrize("spec", [*ENDING, ELU(alpha=2.0)], ids=label)
def test_outside_the_open_interval_the_derivative_is_0_and_inside_it_is_not(
    wing: Backend, spec: Activation, precision: str
) -> None:
    edges = np.array([z for z in open_interval(spec, precision) if np.isfinite(z)], precision)[None]
    # a tanh that is a few units in the last place off reaches 1 somewhat before, or as late as at
    # 20
    outside = edges * np.array(2.5, precision)
    inside = np.where(edges, edges * np.array(0.85, precision), 1e-3)
    smallest = np.finfo(precision).smallest_normal
    for z, dead in ((outside, True), (inside.astype(precision), False)):
        derivative = probe_with(wing, spec, z, np.ones_like(z))["gradient"]
        assert ((np.abs(derivative) < smallest) == dead).all(), (z, derivative)


@PRECISIONS
@pytest.mark.parametrize("spec", every(Activation), ids=label)
def test_the_page_says_where_a_unit_is_dead(spec: Activation, precision: str) -> None:
    rows = (room.__doc__ or "").partition("is dead where its derivative")[2].splitlines()
    words = (
        f"{spec.kind}, approximation = "
        if isinstance(spec, GELU) and spec.approximation == "tanh"
        else f"{spec.kind} "
    )
    (row,) = [row for row in rows if row.startswith(f"| {words}")]
    cell = row.split("|")[{"float64": 3, "float32": 4}[precision]]
    for edge in open_interval(spec, precision):
        assert np.isinf(edge) or f"{edge:.4g}" in cell
