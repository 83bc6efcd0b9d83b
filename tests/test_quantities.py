from __future__ import annotations

import importlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.backend import Backend
from common.quantities import (
    MEASURED,
    QUANTITIES,
    decay_per_layer,
    gradient_ratio,
    named,
    ratio,
    rms,
)

EPS = float(np.finfo(np.float64).eps)
QUICK = settings(max_examples=60, deadline=None)
magnitudes = st.floats(1e-200, 1e200)
profiles = arrays(np.float64, st.integers(2, 30), elements=st.floats(1e-150, 1e150))


def exact_rms(x: np.ndarray) -> float:
    """The rms of a vector by exact fractions, up to the last square root."""
    mean = sum((Fraction(float(v)) ** 2 for v in x), Fraction(0)) / len(x)
    # into the range of a float, by 4^shift
    shift = (mean.numerator.bit_length() - mean.denominator.bit_length()) // 2
    return float(np.ldexp(np.sqrt(float(mean / Fraction(4) ** shift)), shift))


@QUICK
@given(
    x=arrays(
        np.float64,
        st.integers(1, 20),
        elements=st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda v: -v)),
    )
)
def test_rms_is_the_exact_one_whatever_the_magnitude(x: np.ndarray) -> None:
    expected = exact_rms(x) if x.any() else 0.0
    assert abs(rms(x, (0,)) - expected) <= (len(x) + 4) * EPS * expected


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1e-30, "float32"), (1e30, "float32"), (1e-200, "float64"), (1e200, "float64")],
)
def test_a_gradient_whose_square_does_not_exist_has_an_rms(value: float, dtype: str) -> None:
    x = np.full((3, 4), value, dtype)
    found = rms(x, (0, 1))
    assert found.dtype == dtype
    assert found == x[0, 0]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_value_that_is_not_finite_is_seen_in_its_own_rms_only(bad: float) -> None:
    x = np.array([[1.0, bad, 0.0], [3.0, 3.0, 3.0]])
    found = rms(x, (1,))
    assert np.array_equal(found, [np.abs(bad), 3.0], equal_nan=True)


def test_rms_of_nothing_but_zeros_is_0() -> None:
    assert np.array_equal(rms(np.zeros((2, 3, 4)), (1, 2)), [0.0, 0.0])


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)])
def test_rms_leaves_out_the_axes_it_is_given(axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    expected = np.sqrt((x**2).mean(axis=axes))
    assert rms(x, axes).shape == expected.shape
    assert np.allclose(rms(x, axes), expected, rtol=10 * EPS, atol=0)


awkward = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 1e-200, -1e-200, 1e200, -1e200, 1e-307, 4e307, np.inf, -np.inf, np.nan]
    ),
    st.floats(-10, 10, allow_subnormal=False),
    magnitudes,
)


def rms_in(backend: Backend, x: np.ndarray) -> np.ndarray:
    arrays, device, quantities = (
        importlib.import_module(f"backends.{backend.name}.{name}")
        for name in ("arrays", "device", "quantities")
    )
    dtype = importlib.import_module("torch").float64 if backend.name == "torch" else "float64"
    return arrays.to_numpy(quantities.rms(arrays.from_numpy(x, dtype, device.resolve("cpu")), (1,)))


@QUICK
@given(x=arrays(np.float64, (4, 5), elements=awkward))
@example(x=np.full((4, 5), 0.0) + np.eye(4, 5) * np.finfo(float).tiny)
def test_the_wings_rms_is_the_definitions(backend: Backend, x: np.ndarray) -> None:
    found = rms_in(backend, x)
    with np.errstate(over="ignore"):  # beside an infinity nothing is scaled
        expected = rms(x, (1,))
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.array_equal(np.isinf(found), np.isinf(expected))
    finite = np.isfinite(expected)
    # TensorFlow and XLA take a subnormal number for 0
    flushed = (expected < np.finfo(float).tiny) & (backend.name in ("keras", "jax"))
    allowed = np.where(flushed, expected, 10 * EPS * expected)
    assert (np.abs(found[finite] - expected[finite]) <= allowed[finite]).all()


def test_the_largest_number_has_an_rms_in_every_wing(backend: Backend) -> None:
    assert rms_in(backend, np.full((4, 5), 1.7e308)) == pytest.approx(
        np.full(4, 1.7e308), rel=1e-14
    )


@QUICK
@given(a=magnitudes, b=magnitudes)
def test_ratio_is_a_quotient_except_that_0_over_0_is_0(a: float, b: float) -> None:
    with np.errstate(over="ignore", under="ignore"):
        assert ratio(np.array(a), np.array(b)) == np.divide(a, b)
    assert ratio(np.array([0.0, a, np.nan]), np.array([0.0, 0.0, 0.0])).tolist()[:2] == [
        0.0,
        np.inf,
    ]
    assert np.isnan(ratio(np.array(np.nan), np.array(0.0)))


def test_the_update_ratio_is_the_update_over_the_weights_and_hides_nothing() -> None:
    update = np.array([0.0, 1.0, np.nan, 3.0])
    weights = np.array([0.0, 0.0, 1.0, 2.0])
    rest = {name: np.full(4, float(i)) for i, name in enumerate(QUANTITIES)}
    found = named(
        np.stack(
            [(rest | {"update_rms": update, "weight_rms": weights})[name] for name in MEASURED]
        )
    )
    assert set(found) == set(QUANTITIES)
    assert np.array_equal(found.pop("update_ratio"), [0.0, np.inf, np.nan, 1.5], equal_nan=True)
    assert all(np.array_equal(value, rest[name]) for name, value in found.items())


@QUICK
@given(last=st.floats(1e-100, 1e100), decades=st.floats(-5, 5), depth=st.integers(2, 40))
def test_decay_is_the_exponent_of_a_geometric_profile(
    last: float, decades: float, depth: int
) -> None:
    back = np.arange(depth)[::-1]
    profile = last * 10.0 ** (decades * back)
    largest = np.abs(np.log10(profile)).max() + 1
    assert abs(decay_per_layer(profile) - decades) <= 20 * EPS * largest * np.log(10)


def test_decay_is_negative_where_the_gradient_vanishes_towards_the_input() -> None:
    assert decay_per_layer(np.array([1e-4, 1e-3, 1e-2, 1e-1])) == pytest.approx(-1, abs=10 * EPS)


def test_decay_is_the_least_squares_slope_of_any_profile() -> None:
    profile = np.random.default_rng(1).lognormal(size=(2, 3, 9))
    expected = [-np.polyfit(np.arange(9), np.log10(row), 1)[0] for row in profile.reshape(6, 9)]
    assert np.allclose(decay_per_layer(profile), np.reshape(expected, (2, 3)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("bad", [0.0, np.inf, np.nan])
def test_decay_is_nan_for_the_profile_with_a_bad_value_only(bad: float) -> None:
    found = decay_per_layer(np.array([[1.0, bad, 100.0], [1.0, 10.0, 100.0]]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(-1)


@QUICK
@given(profile=profiles, factor=st.sampled_from([1e6, 1e-6]))
def test_scaling_the_loss_changes_neither_decay_nor_ratio(
    profile: np.ndarray, factor: float
) -> None:
    largest = np.abs(np.log10(profile)).max() + 6
    assert abs(decay_per_layer(profile) - decay_per_layer(factor * profile)) <= 20 * EPS * largest
    assert gradient_ratio(factor * profile) == pytest.approx(gradient_ratio(profile), rel=3 * EPS)


@QUICK
@given(profile=profiles)
def test_gradient_ratio_is_the_first_layer_over_the_last(profile: np.ndarray) -> None:
    assert gradient_ratio(profile) == profile[0] / profile[-1]
    assert gradient_ratio(np.zeros((2, 5))).tolist() == [0.0, 0.0]
    assert gradient_ratio(np.append(profile, 0.0)) == np.inf
