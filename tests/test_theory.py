"""Mean field theory (tests/mean_field.py), an oracle from outside: how much gradient a layer of a
wide random network loses.

Tolerances are four standard errors over the seeds, of 1.5 V.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from common import draw
from common.backend import Backend
from common.countermeasures.activation import Activation
from common.network import Batch
from common.plan import Plan
from common.quantities import decay_per_layer
from tests.mean_field import DEPTH, PHI, WIDTH, Z, batch_norm_rate, decades, growth, mean, predicted
from tests.strategies import every

SEEDS = (0, 1, 2)
Maker = Callable[..., Plan]


def test_the_oracle_gives_the_known_numbers() -> None:
    assert mean(np.ones_like(Z)) == pytest.approx(1, abs=1e-14)
    assert mean(np.maximum(Z, 0) ** 2) == pytest.approx(0.5, abs=1e-14)
    assert 10 ** (2 * decades("sigmoid", 1)) == pytest.approx(0.0557, abs=5e-5)
    assert decades("sigmoid", 1) == pytest.approx(-0.627, abs=5e-4)
    assert decades("relu", 2) == pytest.approx(0, abs=1e-12)
    assert decades("relu", 1) == pytest.approx(np.log10(0.5) / 2, abs=1e-12)


def test_the_constants_of_selu_are_its_papers_fixed_point() -> None:
    """Mean 0 and variance 1 go through a layer unchanged (Klambauer et al. 2017), the gradient's
    mean square grows by 7 %.
    """
    phi, slope = PHI["selu"]
    assert mean(phi(Z)) == pytest.approx(0, abs=1e-15)
    assert mean(phi(Z) ** 2) == pytest.approx(1, abs=1e-14)
    assert mean(slope(Z) ** 2) == pytest.approx(1.0716, abs=5e-5)


@pytest.mark.parametrize("kind", ["gelu", "silu"])
def test_half_of_a_small_signal_comes_through_gelu_and_silu(kind: str) -> None:
    """Their derivative is 1/2 at 0 and on average: without a bias, as in a linear layer of half the
    weights.
    """
    assert mean(PHI[kind][1](Z)) == pytest.approx(0.5, abs=1e-14)
    assert decades(kind, 1) == pytest.approx(np.log10(1 / 2), abs=1e-6)
    assert decades(kind, 2) == pytest.approx(np.log10(2 / 4) / 2, abs=1e-6)


def test_the_mean_of_gelu_is_that_of_the_normal_density() -> None:
    """E[z P(z)] = E[p(z)] by parts (Stein), which is 1 / (2 sqrt(pi))."""
    assert mean(PHI["gelu"][0](Z)) == pytest.approx(1 / (2 * np.sqrt(np.pi)), rel=1e-14)


def test_the_theory_knows_every_kind_of_activation() -> None:
    assert set(PHI) == {spec.kind for spec in every(Activation)}


def measured(wing: Backend, plan: Plan) -> np.ndarray:
    """`signal_gradient_rms` [seed, layer] of one step on noise."""
    rng = np.random.default_rng(7)
    shape = (len(plan.seeds), plan.task.batch_size)
    x = rng.normal(size=(*shape, plan.network.features))
    x /= np.sqrt((x**2).mean(-1, keepdims=True))
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    handle = program.step(Batch(x, rng.integers(plan.network.outputs, size=shape)))
    return program.measured(handle)["signal_gradient_rms"]


def wide(plan: Maker, **changes: object) -> Plan:
    numbers = {
        "features": WIDTH,
        "width": WIDTH,
        "depth": DEPTH,
        "classes": 10,
        "batch_size": 8,
        "seeds": SEEDS,
    }
    return plan(**numbers | changes)


def assert_follows_theory(wing: Backend, plan: Plan, s: float) -> np.ndarray:
    """Compare the mean over seeds of log(first / last), and return the signal gradients."""
    signal = measured(wing, plan)
    theory = predicted(plan.network.activation.kind, s, DEPTH)
    found = 2 * np.log(signal[:, 0] / signal[:, -1])
    tolerance = 4 * np.sqrt(1.5 * theory.variance / len(SEEDS))
    assert abs(found.mean() - (theory.log_ratio - theory.variance / 2)) < tolerance
    return signal


CASES = {
    "sigmoid-xavier": ("sigmoid", "xavier", 1, -0.627),
    "relu-he": ("relu", "he", 2, 0.0),
    "relu-xavier": ("relu", "xavier", 1, -0.151),
    "identity-xavier": ("identity", "xavier", 1, 0.0),
    "selu-xavier": ("selu", "xavier", 1, 0.015),
    "gelu-xavier": ("gelu", "xavier", 1, -0.301),
    "silu-xavier": ("silu", "xavier", 1, -0.301),
    "prelu-he": ("prelu", "he", 2, 0.0132),
    "prelu-he-slope": ("prelu", {"kind": "he", "slope": 0.25}, 2 / 1.0625, 0.0),
    "relu-torch_default": ("relu", "torch_default", 1 / 3, -0.389),
    "relu-keras_default": ("relu", "keras_default", 1, -0.151),
    "relu-flax_default": ("relu", "flax_default", 1, -0.151),
}
"""Activation, start, the variance of a weight times n, and the decades of gradient for each
layer."""


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_lost_per_layer_is_that_of_the_theory(
    wing: Backend, plan: Maker, case: str
) -> None:
    activation, initialization, s, expected = CASES[case]
    signal = assert_follows_theory(
        wing, wide(plan, activation=activation, initialization=initialization), s
    )
    theory = predicted(activation, s, DEPTH)
    per_layer = 2 * np.log(10) * (DEPTH - 1)
    # the least-squares slope of a random walk has 6/5 of the variance of the line between its ends
    tolerance = 4 * np.sqrt(1.2 * 1.5 * theory.variance / len(SEEDS)) / per_layer
    assert tolerance < 0.025
    assert (
        abs(np.mean(decay_per_layer(signal)) - (expected - theory.variance / 2 / per_layer))
        < tolerance
    )


@pytest.mark.parametrize("gain", [1.0, 0.9])
def test_orthogonal_weights_of_a_linear_network_keep_every_length(
    wing: Backend, plan: Maker, gain: float
) -> None:
    """Not on average over wide networks (Saxe et al. 2014), but each gradient, in a network of 8
    units.
    """
    orthogonal = {"kind": "orthogonal", "gain": gain}
    signal = measured(
        wing,
        plan(activation="identity", initialization=orthogonal, features=8, width=8, depth=DEPTH),
    )
    assert np.allclose(signal[:, :-1] / signal[:, 1:], gain, rtol=1e-12, atol=0)


@pytest.mark.parametrize("initialization", ["xavier", "he"])
def test_tanh_follows_its_trajectory_which_is_no_exponential(
    definition: Backend, plan: Maker, initialization: str
) -> None:
    assert_follows_theory(
        definition,
        wide(plan, activation="tanh", initialization=initialization),
        1 + (initialization == "he"),
    )


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("fan", ["in", "avg"])
def test_only_the_variance_of_the_weights_matters(
    definition: Backend, plan: Maker, fan: str, distribution: str
) -> None:
    initialization = {"kind": "xavier", "fan": fan, "distribution": distribution}
    assert_follows_theory(
        definition, wide(plan, activation="sigmoid", initialization=initialization), 1
    )


def test_the_oracle_of_batch_norm_gives_the_published_numbers() -> None:
    assert batch_norm_rate("relu", None) == pytest.approx(np.pi / (np.pi - 1), rel=1e-12)
    assert batch_norm_rate("tanh", None) == pytest.approx(1.17781, abs=5e-6)
    assert batch_norm_rate("relu", 16) == pytest.approx(1.5920, rel=0.003)
    assert batch_norm_rate("tanh", 16) == pytest.approx(1.2461, rel=0.003)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_batch_norm_explodes_at_the_rate_of_the_theory(
    definition: Backend, plan: Maker, activation: str
) -> None:
    deep = wide(plan, depth=26, activation=activation, normalization="batch", batch_size=16)
    decay = decay_per_layer(measured(definition, deep)[:, 3:-3]).mean()
    assert 10 ** (2 * decay) == pytest.approx(batch_norm_rate(activation, 16), rel=0.03)
    assert decay > 0


@pytest.mark.parametrize(
    "scale", [1.0, 0.5, 1 / np.sqrt(2 * DEPTH)], ids=["1", "a half", "1 over root 2 L"]
)
def test_the_gradient_of_a_residual_network_grows_as_the_theory_says(
    wing: Backend, plan: Maker, scale: float
) -> None:
    skip = {"kind": "residual", "order": "pre-activation", "scale": scale}
    signal = measured(wing, wide(plan, activation="relu", initialization="he", skip=skip))
    found = 2 * np.log(signal[:, 0] / signal[:, -1])
    theory = growth("plain", scale, DEPTH - 1)
    assert abs(found.mean() - theory) < 0.15 + 0.03 * theory


def test_batch_norm_turns_the_growth_of_a_residual_network_into_a_power(
    wing: Backend, plan: Maker
) -> None:
    numbers = {
        "activation": "relu",
        "initialization": "he",
        "normalization": "batch",
        "batch_size": 64,
    }
    residual, plain = (
        measured(wing, wide(plan, **numbers, skip=skip)) for skip in ({"kind": "residual"}, "none")
    )
    found = 2 * np.log(residual[:, 0] / residual[:, -1])
    theory = growth("batch norm", 1.0, DEPTH - 1)
    assert abs(found.mean() - theory) < 0.15 + 0.03 * theory
    assert (2 * np.log(plain[:, 0] / plain[:, -1]) > 2 * theory).all()
