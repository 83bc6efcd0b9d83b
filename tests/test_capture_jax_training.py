"""Training in a capture of flax linen models: steps, both modes, what an optimiser says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")

import jax
import optax

from backends.jax import capture
from tests import linen_models as models
from tests.flax_cases import (
    CLASSES,
    IMAGE,
    place,
    precise,
    taken,
)
from tests.linen_cases import BY_NAME, captured


@pytest.fixture(scope="module", autouse=True)
def _precise() -> None:
    precise()


def test_batch_norm_says_in_both_modes_which_statistics_were_used() -> None:
    for training in (True, False):
        model = models.Normalized()
        subject = capture.subject(model, IMAGE, CLASSES, training=training, precision="float64")
        before = subject.layers()["BatchNorm_0"]["statistics"]
        found = subject.capture(values=True)
        seen = place(found, "BatchNorm_0")
        assert seen["config"]["batch"] == training
        moved = abs(seen["output"].mean((0, 1, 2))).max() < 1e-10
        assert moved == training
        after = subject.layers()["BatchNorm_0"]["statistics"]
        np.testing.assert_array_equal(before["mean"], after["mean"])
        assert found["loss"] == subject.capture(values=True)["loss"]


def test_steps_are_those_of_a_plain_loop() -> None:
    model = models.Normalized()
    optimizer = optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01))
    variables: Any = jax.tree.map(
        lambda a: a.astype(float), jax.jit(lambda: model.init(jax.random.key(0), IMAGE, False))()
    )
    subject = capture.subject(
        (model, variables), IMAGE, CLASSES, optimizer=optimizer, precision="float64"
    )
    steps = subject.steps([(IMAGE, CLASSES), (IMAGE[::-1].copy(), CLASSES)], values=True)

    def loss(params: Any, state: Any, x: Any) -> Any:
        output, new = model.apply(
            {"params": params, "batch_stats": state}, x, True, mutable=["batch_stats"]
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(output, CLASSES)
        return losses.mean(), new["batch_stats"]

    moved: Any = None
    slopes = jax.jit(jax.value_and_grad(loss, has_aux=True))
    params: Any = variables["params"]
    state: Any = variables["batch_stats"]
    own = optimizer.init(params)
    for step, x in zip(steps, (IMAGE, IMAGE[::-1]), strict=True):
        (value, state), gradients = slopes(params, state, x)
        updates, own = optimizer.update(gradients, own, params)
        params = optax.apply_updates(params, updates)
        moved = updates
        assert step["loss"] == pytest.approx(float(value), rel=1e-12)
        np.testing.assert_allclose(
            step["gradients"]["Conv_0"]["weight"],
            gradients["Conv_0"]["kernel"],
            rtol=1e-9,
            atol=1e-14,
        )
        np.testing.assert_allclose(
            step["parameters"]["Dense_0"]["weight"], params["Dense_0"]["kernel"], rtol=1e-12
        )
        np.testing.assert_allclose(
            step["statistics"]["BatchNorm_0"]["variance"], state["BatchNorm_0"]["var"], rtol=1e-12
        )
    update = float(np.sqrt(np.mean(np.square(moved["Dense_0"]["kernel"]))))
    assert steps[-1]["norms"]["Dense_0"]["weight"]["update"] == pytest.approx(update, rel=1e-9)
    assert len(steps[0]["places"]) == len(subject.capture(values=False)["places"])


@pytest.mark.parametrize(
    ("optimizer", "numbers"),
    [
        (optax.sgd(0.1), {"kind": "sgd", "rate": 0.1}),
        (
            optax.sgd(0.1, 0.9, nesterov=True),
            {"kind": "sgd", "rate": 0.1, "momentum": 0.9, "nesterov": True},
        ),
        (
            optax.adam(0.1, b1=0.8),
            {"kind": "adam", "rate": 0.1, "beta1": 0.8, "beta2": 0.999, "epsilon": 1e-8},
        ),
        (
            optax.adamw(0.1),
            {"kind": "adamw", "rate": 0.1, "decay": 1e-4, "decoupled": True, "beta1": 0.9},
        ),
        (
            optax.chain(
                optax.clip_by_global_norm(2.0), optax.add_decayed_weights(0.3), optax.adam(0.1)
            ),
            {"kind": "adam", "clip": {"global_norm": 2.0}, "decay": 0.3, "decoupled": False},
        ),
        (optax.adam(optax.constant_schedule(0.1)), {"kind": "adam", "rate": None}),
    ],
)
def test_an_optimiser_says_its_numbers(optimizer: Any, numbers: dict[str, Any]) -> None:
    subject = taken("linen", BY_NAME["custom"]).subject
    subject.optimizer = optimizer
    found = subject.capture(values=False)["optimizer"]
    subject.optimizer = None
    assert found | numbers == found


def test_dropout_is_off_and_said() -> None:
    found = captured("attention")
    seen = place(found, "Dropout_0")
    np.testing.assert_array_equal(seen["output"], seen["inputs"][0])
    assert seen["config"] == {"rate": 0.5, "active": True}
    assert "dropout is off" in " ".join(found["remarks"])
    assert "attention MultiHeadDotProductAttention_0 (rate 0.5) is off" in " ".join(
        found["remarks"]
    )
