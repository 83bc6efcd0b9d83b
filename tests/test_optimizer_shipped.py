"""Optimizers as the frameworks ship them: how they depart from the definition."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from common.countermeasures.optimizer import Adam, Momentum, RMSprop
from tests.conftest import load


def test_keras_own_adam_steps_a_vanished_gradient_a_hundredth_as_far(
    request: pytest.FixtureRequest,
) -> None:
    wing = load("keras", request.config)
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.full((1, 1, 1), 1e-8)}
    shipped, built = (
        wing.optimizer.probe(Adam(), given_, form)["w"][0, 0]
        for form in (wing.optimizer.native, wing.optimizer.build)
    )
    assert built / -1e-3 == pytest.approx(0.5, rel=1e-6)
    assert shipped / -1e-3 == pytest.approx(3.2e-3, rel=0.02)


def test_keras_takes_a_python_number_through_float32(request: pytest.FixtureRequest) -> None:
    wing = load("keras", request.config)
    keras = importlib.import_module("keras")
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.ones((2, 1, 1))}
    found = wing.optimizer.probe(
        Momentum(), given_, lambda spec: keras.optimizers.SGD(1.0, momentum=0.9)
    )["w"][0, 0]
    assert found == pytest.approx(-(1 + 1 + np.float64(np.float32(0.9))), rel=1e-15)
    assert abs(found + 2.9) > 1e-8


def test_optaxs_own_rmsprop_has_epsilon_inside_the_root(request: pytest.FixtureRequest) -> None:
    wing = load("jax", request.config)
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.full((1, 1, 1), 1e-8)}
    spec = RMSprop(learning_rate=1.0)
    built = wing.optimizer.probe(spec, given_, wing.optimizer.build)["w"][0, 0]
    shipped = wing.optimizer.probe(spec, given_, lambda spec: wing.optimizer.native(spec)(1.0))[
        "w"
    ][0, 0]
    assert built == pytest.approx(-0.76, rel=0.01)
    assert shipped == pytest.approx(-1e-4, rel=0.01)


def test_pytorchs_own_rmsprop_keeps_99_parts_of_a_hundred(request: pytest.FixtureRequest) -> None:
    wing = load("torch", request.config)
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.ones((1, 1, 1))}
    shipped = wing.optimizer.probe(RMSprop(), given_, wing.optimizer.native)["w"][0, 0]
    assert shipped == pytest.approx(-0.01 / np.sqrt(1 - 0.99), rel=1e-6)


def test_pytorchs_weight_decay_is_in_the_gradient_of_adam(request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    torch = importlib.import_module("torch")
    moved = []
    for kind in (torch.optim.Adam, torch.optim.AdamW):
        w = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
        w.grad = torch.zeros_like(w)
        kind([w], lr=0.1, weight_decay=0.5).step()
        moved.append(2.0 - w.item())
    assert moved == pytest.approx([0.1, 0.1], rel=1e-6)
    w = torch.nn.Parameter(torch.tensor([20.0], dtype=torch.float64))
    w.grad = torch.zeros_like(w)
    torch.optim.Adam([w], lr=0.1, weight_decay=0.5).step()
    assert 20.0 - w.item() == pytest.approx(0.1, rel=1e-6), "whatever the weight is"
