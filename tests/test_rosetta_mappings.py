"""What the Rosetta table says of arguments and in its notes, as it acts in the installed
packages.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from experiments.ledger.names.rosetta import rows
from tests.conftest import load


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for framework in FRAMEWORKS:
        load(framework, request.config)


def mapping(name: str, torch_s: str) -> list[str]:
    """The line of a row in which PyTorch has this."""
    row = next(row for row in rows() if row.name == name)
    return list(next(line for line in row.arguments if line[0] == torch_s))


def test_batch_norm_s_momentum_is_mapped_as_it_acts() -> None:
    import keras
    import torch

    x = np.random.default_rng(0).normal(3.0, 1.0, (8, 2)).astype("float32")
    theirs = keras.layers.BatchNormalization(momentum=0.75)
    theirs(x, training=True)
    ours = torch.nn.BatchNorm1d(
        2, momentum=eval(mapping("batch norm", "momentum")[1], {"momentum": 0.75})
    )
    ours(torch.from_numpy(x))
    np.testing.assert_allclose(ours.get_buffer("running_mean"), theirs.moving_mean, rtol=1e-5)


def test_a_schedule_s_least_rate_is_mapped_as_it_acts() -> None:
    import keras
    import optax
    import torch

    _, of_keras, *_, of_optax = mapping("cosine schedule", "eta_min")
    eta_min = eval(of_keras, {"alpha": 0.25, "initial_learning_rate": 0.5})
    assert eta_min == eval(of_optax, {"alpha": 0.25, "init_value": 0.5})
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4, eta_min=eta_min)
    rates = []
    for _ in range(5):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    theirs = keras.optimizers.schedules.CosineDecay(0.5, decay_steps=4, alpha=0.25)
    optax_s = optax.cosine_decay_schedule(0.5, decay_steps=4, alpha=0.25)
    for each in (theirs, optax_s):
        np.testing.assert_allclose([np.asarray(each(step)) for step in range(5)], rates, rtol=1e-6)


def test_a_truncated_normal_s_bounds_are_mapped_as_they_act() -> None:
    import jax
    import torch

    bounds = [mapping("truncated normal", f"({side} - mean) / std")[0] for side in "ab"]
    lower, upper = (eval(bound, {"a": -0.5, "b": 1.0, "mean": 0.0, "std": 0.5}) for bound in bounds)
    theirs = jax.nn.initializers.truncated_normal(0.5, lower=lower, upper=upper)(
        jax.random.key(0), (20_000,)
    )
    ours = torch.nn.init.trunc_normal_(
        torch.empty(20_000), 0.0, 0.5, -0.5, 1.0, generator=torch.Generator().manual_seed(0)
    )
    for side in (np.min, np.max):
        assert side(np.asarray(theirs)) == pytest.approx(side(ours.numpy()), abs=0.01)


def test_gelu_s_form_is_mapped_as_it_acts() -> None:
    import jax
    import torch

    x = np.linspace(-3, 3, 13, dtype="float32")
    for form in ("none", "tanh"):
        approximate = eval(mapping("GELU", "approximate == 'tanh'")[0], {"approximate": form})
        theirs = np.asarray(jax.nn.gelu(x, approximate=approximate))
        np.testing.assert_allclose(torch.nn.GELU(form)(torch.from_numpy(x)), theirs, atol=1e-6)
        other = np.asarray(jax.nn.gelu(x, approximate=not approximate))
        assert np.abs(other - theirs).max() > 1e-4


def test_an_attention_s_size_is_mapped_as_it_acts() -> None:
    import keras
    import torch

    x = np.zeros((1, 3, 12), "float32")
    theirs = keras.layers.MultiHeadAttention(num_heads=3, key_dim=4)
    theirs(x, x)
    size = eval(mapping("multi-head attention", "embed_dim")[1], {"num_heads": 3, "key_dim": 4})
    ours = torch.nn.MultiheadAttention(size, 3)
    assert sum(math.prod(p.shape) for p in ours.parameters()) == theirs.count_params()


# schedules, and what is said of them


def rates(schedule: Callable[[Any], Any], steps: int) -> list[float]:
    """PyTorch's rates, from 1, as its loop has them."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    running = schedule(optimizer)
    found = []
    for _ in range(steps):
        found.append(running.get_last_lr()[0])
        optimizer.step()
        running.step()
    return found


def of_steps(schedule: Callable[[int], Any], steps: int) -> list[float]:
    return [float(np.asarray(schedule(step))) for step in range(steps)]


def test_steps_of_an_exponential_schedule_are_mapped_as_they_act() -> None:
    import keras
    import optax
    import torch

    ours = rates(
        lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5), 5
    )
    theirs = keras.optimizers.schedules.ExponentialDecay(
        1.0, decay_steps=2, decay_rate=0.5, staircase=True
    )
    optax_s = optax.exponential_decay(1.0, transition_steps=2, decay_rate=0.5, staircase=True)
    assert ours == of_steps(theirs, 5) == of_steps(optax_s, 5) == [1, 1, 0.5, 0.5, 0.25]


def test_a_polynomial_schedule_is_mapped_as_it_acts() -> None:
    import keras
    import optax
    import torch

    ours = rates(
        lambda optimizer: torch.optim.lr_scheduler.PolynomialLR(
            optimizer, total_iters=4, power=2.0
        ),
        5,
    )
    theirs = keras.optimizers.schedules.PolynomialDecay(
        1.0, decay_steps=4, end_learning_rate=0.0, power=2.0
    )
    optax_s = optax.polynomial_schedule(1.0, end_value=0.0, power=2.0, transition_steps=4)
    for each in (theirs, optax_s):
        assert of_steps(each, 5) == pytest.approx(ours, abs=1e-7)


def test_only_keras_has_the_first_rate_at_the_boundary_itself() -> None:
    import keras
    import optax
    import torch

    theirs = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries=[2], values=[1.0, 0.5])
    assert of_steps(theirs, 4) == [1, 1, 1, 0.5]
    assert of_steps(optax.piecewise_constant_schedule(1.0, {2: 0.5}), 4) == [1, 1, 0.5, 0.5]
    assert rates(
        lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, [2], 0.5), 4
    ) == [1, 1, 0.5, 0.5]


def test_only_pytorch_s_cosine_rises_again() -> None:
    import optax
    import torch

    ours = rates(
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4), 7
    )
    assert ours[4] == pytest.approx(0, abs=1e-12)
    assert ours[6] == pytest.approx(0.5)
    assert of_steps(optax.cosine_decay_schedule(1.0, decay_steps=4), 7)[6] == 0


# the rest of what notes say
