"""The definitions of losses and optimisers by which causes are computed are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.causes import Steps
from experiments.causes._definition import Undefined
from experiments.causes._losses import FORMS, smoothed
from experiments.causes._steps import complete, updates
from tests.definitions import RNG, Arrays, agree, draw, torch

__all__ = ["torch"]

# losses


LOSSES: list[tuple[str, np.ndarray, np.ndarray, Callable[[Any], Callable[..., Any]]]] = [
    (
        "cross-entropy of logits",
        draw(6, 4),
        RNG.integers(0, 4, 6),
        lambda t: t.nn.functional.cross_entropy,
    ),
    (
        "cross-entropy of logits",
        draw(6, 4, 3),
        RNG.integers(0, 4, (6, 3)),
        lambda t: t.nn.functional.cross_entropy,
    ),
    ("squared error", draw(6, 4), draw(6, 4), lambda t: t.nn.functional.mse_loss),
    ("absolute error", draw(6, 4), draw(6, 4), lambda t: t.nn.functional.l1_loss),
    ("Huber loss", 2 * draw(6, 4), draw(6, 4), lambda t: t.nn.functional.huber_loss),
    (
        "binary cross-entropy of logits",
        draw(6, 4),
        RNG.random((6, 4)),
        lambda t: t.nn.functional.binary_cross_entropy_with_logits,
    ),
]


@pytest.mark.parametrize(("form", "z", "y", "wanted"), LOSSES)
def test_losses_with_their_gradients(
    torch: Any, form: str, z: np.ndarray, y: np.ndarray, wanted: Any
) -> None:
    found = FORMS[form](z, y)
    given = torch.tensor(z, requires_grad=True)
    loss = wanted(torch)(given, torch.as_tensor(y))
    loss.backward()
    agree(np.asarray(found.loss.mean()), loss)
    agree(found.turned(found.gradient) / found.loss.size, given.grad)


def test_every_loss_has_the_gradient_of_its_value() -> None:
    kinds = {"class": RNG.integers(0, 4, 5), "real": draw(5, 4), "single": draw(5)}
    for name, form in FORMS.items():
        for target, y in kinds.items():
            z = RNG.uniform(0.1, 0.9, (5, 1 if target == "single" else 4))
            try:
                found = form(z, y)
            except Undefined:
                continue
            step = draw(*z.shape)
            slope = (
                form(z + 1e-6 * step, y).loss.sum() - form(z - 1e-6 * step, y).loss.sum()
            ) / 2e-6
            assert slope == pytest.approx(
                float(np.vdot(found.turned(found.gradient), step)), rel=1e-6, abs=1e-8
            ), (
                name,
                target,
            )


def test_label_smoothing(torch: Any) -> None:
    z = draw(6, 4)
    y = RNG.integers(0, 4, 6)
    target = 0.9 * np.eye(4)[y] + 0.1 / 4
    wanted = torch.nn.functional.cross_entropy(
        torch.as_tensor(z), torch.as_tensor(y), label_smoothing=0.1
    )
    agree(np.asarray(smoothed(z, target).loss.mean()), wanted)


# optimisers


OPTIMIZERS: list[tuple[dict[str, Any], Callable[[Any], Callable[..., Any]]]] = [
    ({"kind": "sgd", "rate": 0.1}, lambda o: lambda p: o.SGD(p, 0.1)),
    ({"kind": "sgd", "rate": 0.1, "momentum": 0.9, "decay": 0.1},
        lambda o: lambda p: o.SGD(p, 0.1, 0.9, weight_decay=0.1)),
    ({"kind": "sgd", "rate": 0.1, "momentum": 0.9, "nesterov": True},
        lambda o: lambda p: o.SGD(p, 0.1, 0.9, nesterov=True)),
    ({"kind": "sgd", "rate": 0.1, "momentum": 0.9, "dampening": 0.3},
        lambda o: lambda p: o.SGD(p, 0.1, 0.9, 0.3)),
    ({"kind": "adam", "rate": 0.1, "decay": 0.1},
        lambda o: lambda p: o.Adam(p, 0.1, weight_decay=0.1)),
    ({"kind": "adam", "rate": 0.1, "amsgrad": True},
        lambda o: lambda p: o.Adam(p, 0.1, amsgrad=True)),
    ({"kind": "adamw", "rate": 0.1, "decay": 0.1},
        lambda o: lambda p: o.AdamW(p, 0.1, weight_decay=0.1)),
    ({"kind": "rmsprop", "rate": 0.1, "rho": 0.8}, lambda o: lambda p: o.RMSprop(p, 0.1, 0.8)),
    ({"kind": "rmsprop", "rate": 0.1, "rho": 0.8, "centered": True, "momentum": 0.5},
     lambda o: lambda p: o.RMSprop(p, 0.1, 0.8, momentum=0.5, centered=True)),
    ({"kind": "adagrad", "rate": 0.1}, lambda o: lambda p: o.Adagrad(p, 0.1)),
]  # fmt: skip
CLIPPINGS: list[tuple[dict[str, Any], Callable[..., Any]]] = [
    ({}, lambda u, p: None),
    ({"clip": {"value": 0.3}}, lambda u, p: u.clip_grad_value_(p, 0.3)),
    ({"clip": {"global_norm": 0.7}, "clip_epsilon": 1e-6}, lambda u, p: u.clip_grad_norm_(p, 0.7)),
    (
        {"clip": {"norm": 0.7}, "clip_epsilon": 1e-6},
        lambda u, p: [u.clip_grad_norm_([each], 0.7) for each in p],
    ),
]


@pytest.mark.parametrize(("config", "made"), OPTIMIZERS)
@pytest.mark.parametrize(("clip", "clipped"), CLIPPINGS)
def test_optimisers(
    torch: Any, config: dict[str, Any], made: Any, clip: dict[str, Any], clipped: Any
) -> None:
    parameters = [torch.nn.Parameter(torch.as_tensor(draw(*shape))) for shape in ((4, 3), (3,))]
    optimizer = made(torch.optim)(parameters)
    arrays = [named(parameters)]
    gradients = []
    for _ in range(4):
        for each in parameters:
            each.grad = torch.as_tensor(draw(*each.shape))
        gradients.append(
            {name: each.grad.numpy().copy() for name, each in zip("ab", parameters, strict=True)}
        )
        clipped(torch.nn.utils, parameters)
        optimizer.step()
        arrays.append(named(parameters))
    steps = Steps(None, arrays, gradients)
    np.testing.assert_allclose(
        updates(complete(config | clip, "torch"), steps), steps.updates(), rtol=1e-9, atol=1e-13
    )


def named(parameters: list[Any]) -> Arrays:
    return {name: each.detach().numpy().copy() for name, each in zip("ab", parameters, strict=True)}
