"""The loss of real targets: the definition's in every framework, by hand, and planted wrong."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from common.backend import Backend
from common.countermeasures.loss import (
    Loss,
    SquaredError,
)
from common.task import Task, digest_of
from tests.compared import differing
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.faults import Fault, faulty
from tests.faults.fault import edits
from tests.strategies import every, float64s, floats, label

FEW = settings(max_examples=40, deadline=None)


SPECS = every(Loss)


REAL = [spec for spec in SPECS if spec.of_real_targets]


over_real = pytest.mark.parametrize("spec", REAL, ids=label)


LARGE = floats(-1e3, 1e3, [0.0, -0.0, 1e-300, 1e150, -1e150])


@over_real
@pytest.mark.parametrize("outputs", [1, 3])
@FEW
@given(z=float64s((6, 3), LARGE), y=float64s((6, 3), LARGE))
def test_loss_and_gradient_of_real_targets_are_the_definitions(
    backend: Backend, definition: Backend, spec: Loss, outputs: int, z: np.ndarray, y: np.ndarray
) -> None:
    given_inputs = {
        "z": np.ascontiguousarray(z[:, :outputs]),
        "y": np.ascontiguousarray(y[:, :outputs]),
    }
    expected, found = (wing.loss.probe(spec, given_inputs) for wing in (definition, backend))
    assert found["gradient"].shape == given_inputs["z"].shape
    assert abs(found["loss"] - expected["loss"]) <= 1e-12 * max(1.0, float(expected["loss"]))
    size = max(1.0, np.abs(expected["gradient"]).max())
    assert np.abs(found["gradient"] - expected["gradient"]).max() <= 1e-12 * size


def test_the_loss_of_real_targets_is_the_mean_of_the_squared_distances(backend: Backend) -> None:
    z = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
    y = np.array([[0.5, 2.0, -1.0], [4.0, 1.5, 0.25]])
    found = backend.loss.probe(SquaredError(), {"z": z, "y": y})
    assert found["loss"] == pytest.approx(((z - y) ** 2).mean(), rel=1e-14)
    assert np.allclose(found["gradient"], (z - y) / 3, rtol=0, atol=1e-15)


def test_one_hot_rows_as_real_targets_are_the_classes(backend: Backend) -> None:
    z = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
    y = np.array([2, 0])
    as_classes = backend.loss.probe(SquaredError(), {"z": z, "y": y})
    as_targets = backend.loss.probe(SquaredError(), {"z": z, "y": np.eye(3)[y]})
    assert as_classes["loss"] == as_targets["loss"]
    assert np.array_equal(as_classes["gradient"], as_targets["gradient"])


@pytest.fixture(scope="module")
def real_targets(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Two real targets of 200 samples with 5 features."""
    path = tmp_path_factory.mktemp("data") / "real.npz"
    x = np.random.default_rng(0).normal(size=(200, 5))
    np.savez(path, x=x, y=np.stack([x[:, 0] * x[:, 1], x.sum(1)], 1))
    return Task(source=str(path), sha256=digest_of(str(path)), batch_size=16)


WRONG = {
    "taken for classes": {
        "torch": edits(("loss", "        return wanted\n", "        wanted = wanted.argmax(-1)\n")),
        "keras": edits(
            ("loss", "return tf.cast(wanted, outputs.dtype)", "wanted = tf.argmax(wanted, -1)")
        ),
        "jax": edits(("loss", "        return wanted\n", "        wanted = wanted.argmax(-1)\n")),
    },
    "of another sample": {
        "torch": edits(("loss", "        return wanted\n", "        return wanted.roll(1, -2)\n")),
        "keras": edits(
            (
                "loss",
                "tf.cast(wanted, outputs.dtype)",
                "tf.roll(tf.cast(wanted, outputs.dtype), 1, -2)",
            )
        ),
        "jax": edits(
            ("loss", "        return wanted\n", "        return jnp.roll(wanted, 1, 0)\n")
        ),
    },
    "in single precision": {
        "torch": edits(
            ("loss", "        return wanted\n", "        return wanted.float().to(outputs.dtype)\n")
        ),
        "keras": edits(
            (
                "loss",
                "tf.cast(wanted, outputs.dtype)",
                "tf.cast(tf.cast(wanted, 'float32'), outputs.dtype)",
            )
        ),
        "jax": edits(
            (
                "loss",
                "        return wanted\n",
                "        return wanted.astype('float32').astype(outputs.dtype)\n",
            )
        ),
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_real_targets_that_are_planted_wrong_are_seen_in_a_step(
    backend: Backend, definition: Backend, plan: Maker, real_targets: Task, name: str
) -> None:
    right = plan(loss="squared_error", classes=None, targets=2).model_copy(
        update={"task": real_targets}
    )
    with faulty(Fault(name, "real targets", WRONG[name]), backend.name) as wrong:
        assert {"loss", "weight_gradient_rms"} & set(differing(wrong, definition, right))
    assert not differing(backend, definition, right)


@over_real
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_step_with_real_targets_is_the_definitions(
    backend: Backend,
    definition: Backend,
    plan: Maker,
    real_targets: Task,
    spec: Loss,
    precision: str,
) -> None:
    numbers: dict[str, Any] = {"loss": spec.model_dump(), "classes": None, "targets": 2}
    found = plan(**numbers).model_copy(update={"task": real_targets, "precision": precision})
    assert not differing(backend, definition, found, 1e-9 if precision == "float64" else 1e-4)


@over_real
@pytest.mark.parametrize("targets", [1, 3])
def test_the_gradient_of_real_targets_derived_by_hand_is_the_difference_quotient(
    plan: Maker, spec: Loss, targets: int
) -> None:
    assert_derived_by_hand(plan(**SIZES, loss=spec.model_dump(), classes=None, targets=targets))


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.of_real_targets], ids=label)
def test_real_targets_with_a_loss_of_classes_are_refused_with_the_cure(
    plan: Maker, spec: Loss
) -> None:
    said = (
        f"real targets need the loss squared_error; received {spec.kind}; set loss = "
        '"squared_error"'
    )
    with pytest.raises(ValueError, match=re.escape(said)):
        plan(classes=None, targets=1, loss=spec.kind)
