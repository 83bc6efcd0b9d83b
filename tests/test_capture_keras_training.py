"""Training and precision in a capture of Keras models: its steps are those of a plain loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from isograd import captured
from tests.keras_cases import Wing, arrays_of, wing

__all__ = ["wing"]


@pytest.fixture(scope="module")
def trained(wing: Wing) -> tuple[list[Any], list[Any], list[np.ndarray], list[np.ndarray]]:
    """The steps of a subject and of a plain loop, and the variables after them."""
    made = []
    for plain in (True, False):
        wing.keras.utils.set_random_seed(0)
        given = wing.models.convolutions()
        optimizer = wing.keras.optimizers.Adam(0.01, global_clipnorm=0.5)
        batches = [(given.x * scale, given.y) for scale in (1.0, 0.5)]
        if plain:
            steps = [plain_step(wing, given.model, optimizer, *batch) for batch in batches]
        else:
            steps = wing.subject(given, optimizer=optimizer).steps(batches, values=True)
        made.append((steps, [variable.numpy() for variable in given.model.variables]))
    return made[0][0], made[1][0], made[0][1], made[1][1]


def test_steps_are_those_of_a_plain_loop(trained: Any):
    losses, steps, plain, variables = trained
    np.testing.assert_allclose([step["loss"] for step in steps], losses, rtol=1e-12)
    for one, other in zip(variables, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


def test_a_step_says_what_moved_and_by_how_much(trained: Any):
    first, second = trained[1]
    assert set(first) == set(captured.Step.__annotations__)
    update = second["parameters"]["head"]["weight"] - first["parameters"]["head"]["weight"]
    assert second["norms"]["head"]["weight"]["update"] == pytest.approx(
        captured.rms(update), rel=1e-10
    )
    assert second["norms"]["head"]["weight"]["weight"] == pytest.approx(
        captured.rms(first["parameters"]["head"]["weight"])
    )
    assert second["norms"]["stem"]["bias"]["gradient"] == pytest.approx(
        captured.rms(second["gradients"]["stem"]["bias"])
    )
    assert np.any(first["statistics"]["norm"]["mean"] != second["statistics"]["norm"]["mean"])
    assert len(first["places"]) == 11


def plain_step(wing: Wing, model: Any, optimizer: Any, x: np.ndarray, y: np.ndarray) -> float:
    with wing.tf.GradientTape() as tape:
        loss = wing.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
            y, model(x, training=True)
        )
    optimizer.apply(
        tape.gradient(loss, [each.value for each in model.trainable_variables]),
        model.trainable_variables,
    )
    return float(loss)


def test_a_model_is_cast_in_place_to_double_precision(wing: Wing):
    _, subject, seen = wing.made("convolutions")
    with single(wing):
        lesser = wing.models.convolutions()
    cast = wing.subject(lesser, precision="float64")
    cast.write(arrays_of(subject))
    other = cast.capture(values=True)
    assert other["loss"] == pytest.approx(seen["loss"], rel=1e-13)
    assert {each["dtype"] for each in other["places"]} == {"float64"}


def test_single_precision_stays_single(wing: Wing):
    with single(wing):
        given = wing.models.perceptron()
    seen = wing.subject(given).capture(values=True)
    assert (
        {each["dtype"] for each in seen["places"]}
        == {"float32"}
        == {each["output"].dtype.name for each in seen["places"]}
    )
    assert seen["precision"] == "float32"


@contextmanager
def single(wing: Wing) -> Iterator[None]:
    wing.capture.prepare("float32")
    yield
    wing.capture.prepare("float64")
