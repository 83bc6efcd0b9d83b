"""Initialization: every wing's laws as distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import pytest
from scipy import stats

from common.backend import Backend
from common.countermeasures.initialization import (
    Bias,
    Constant,
    FlaxDefault,
    He,
    Initialization,
    KerasDefault,
    Orthogonal,
    TorchDefault,
    standard_deviation,
)
from common.spec import kinds_of
from tests.laws import (
    LAWS,
    SHAPE,
    SPECS,
    STANDARD_DEVIATIONS,
    assert_follows,
    inputs,
    shipped,
    spec_of,
)

Law = Literal["normal", "truncated_normal", "uniform"]
BORN: dict[str, tuple[Initialization, Law, float]] = {
    "torch": (TorchDefault(), "uniform", (1 / 1200) ** 0.5),
    "keras": (KerasDefault(), "uniform", (2 / 700) ** 0.5),
    "jax": (FlaxDefault(), "truncated_normal", (1 / 400) ** 0.5),
}
"""Of each framework, what a layer starts from."""

OTHERS = (Orthogonal, Constant)

by_spec = pytest.mark.parametrize("name", SPECS)
by_law = pytest.mark.parametrize("law", LAWS)


def test_every_kind_has_its_tests_here() -> None:
    tried = (
        {type(spec) for spec in SPECS.values()}
        | {type(spec) for spec, _, _ in BORN.values()}
        | set(OTHERS)
    )
    assert tried == set(kinds_of(Initialization))


def drawn(
    wing: Backend, spec: Initialization, seed: int = 11, shape: tuple[int, int] = SHAPE
) -> np.ndarray:
    return wing.initialization.probe(spec, inputs(seed, shape))["weight"]


@by_spec
@by_law
def test_weights_follow_the_named_law(wing: Backend, name: str, law: str) -> None:
    w = drawn(wing, spec_of(name, law))
    assert w.shape == SHAPE
    assert w.dtype == np.float64
    assert_follows(law, w / STANDARD_DEVIATIONS[name])


@by_spec
def test_the_table_of_standard_deviations_is_the_papers(name: str) -> None:
    assert standard_deviation(SPECS[name], *SHAPE) == pytest.approx(
        STANDARD_DEVIATIONS[name], rel=1e-15
    )


@pytest.mark.parametrize("name", BORN)
def test_what_a_framework_starts_from_is_a_kind_in_every_wing(wing: Backend, name: str) -> None:
    spec, law, std = BORN[name]
    assert standard_deviation(spec, *SHAPE) == pytest.approx(std, rel=1e-15)
    assert_follows(law, drawn(wing, spec) / std)


def test_a_layer_as_it_is_born_follows_the_kind_of_its_framework(backend: Backend) -> None:
    spec, law, std = BORN[backend.name]
    assert_follows(law, shipped(backend, spec) / std)
    biases = backend.initialization.native(spec)(inputs(shape=(16, 20_000)))["bias"]
    assert_is_the_bias_of(spec, biases)


def assert_is_the_bias_of(spec: Initialization, biases: np.ndarray) -> None:
    """Of 16 inputs."""
    assert biases.shape == (20_000,)
    if spec.bias == 0:
        assert not biases.any()
        assert not np.signbit(biases).any()
    else:
        assert stats.kstest(biases, stats.uniform(-0.25, 0.5).cdf).pvalue > 1e-3


@pytest.mark.parametrize("law", get_args(Bias))
def test_a_bias_follows_its_own_law(wing: Backend, law: Bias) -> None:
    for spec in (He(bias=law), Orthogonal(bias=law), Constant(value=0.5, bias=law)):
        found = wing.initialization.probe(spec, inputs(shape=(16, 20_000)))
        assert_is_the_bias_of(spec, found["bias"])
        assert not np.isin(found["bias"], found["weight"]).any(), "they are numbers of their own"


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (30, 30), (1, 5), (5, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal_weights_are_orthogonal(
    wing: Backend, shape: tuple[int, int], gain: float
) -> None:
    w = drawn(wing, Orthogonal(gain=gain), shape=shape)
    assert w.shape == shape
    short = w.T @ w if shape[0] >= shape[1] else w @ w.T
    assert np.abs(short - gain**2 * np.eye(min(shape))).max() < 1e-13
    assert (w**2).mean() ** 0.5 == pytest.approx(
        standard_deviation(Orthogonal(gain=gain), *shape), rel=1e-13
    )


def corners(draw: Callable[[int], np.ndarray]) -> np.ndarray:
    """[draw, corner]: the first and the last number of many matrices of 3 by 3."""
    return np.array([draw(seed)[[0, 2], [0, 2]] for seed in range(300)])


def are_uniform(corners: np.ndarray) -> bool:
    """Whether they are what any number of a uniform orthogonal matrix of 3 by 3 is: a coordinate of
    a point on the sphere.
    """
    return all(stats.kstest(corner, stats.uniform(-1, 2).cdf).pvalue > 1e-3 for corner in corners.T)


def test_orthogonal_weights_are_uniform_among_all(wing: Backend) -> None:
    assert are_uniform(corners(lambda seed: drawn(wing, Orthogonal(), seed, (3, 3))))


def test_without_the_signs_they_would_not_be() -> None:
    assert not are_uniform(
        corners(lambda seed: np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0])
    )


def test_a_constant_is_one(wing: Backend) -> None:
    assert (drawn(wing, Constant(value=0.3), shape=(4, 3)) == 0.3).all()


def test_the_fan_in_is_the_first_axis_in_every_wing(wing: Backend) -> None:
    tall, flat = (drawn(wing, He(), shape=shape) for shape in ((2000, 50), (50, 2000)))
    assert tall.std() == pytest.approx((2 / 2000) ** 0.5, rel=0.02)
    assert flat.std() == pytest.approx((2 / 50) ** 0.5, rel=0.02)


@by_law
def test_a_seed_repeats_its_weights_and_another_seed_draws_others(wing: Backend, law: str) -> None:
    spec = spec_of("he", law)
    first, again, other = (drawn(wing, spec, seed, (40, 30)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.isin(first, other).any()
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(first.size)
