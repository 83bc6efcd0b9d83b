"""Losses: the three frameworks against the definition, and what is known of them in closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.numpy.loss import build
from backends.numpy.monte_carlo import Random
from common.agreement import DRAWS, T
from common.backend import Backend
from common.countermeasures.loss import (
    BinaryCrossEntropy,
    CrossEntropy,
    Loss,
    SquaredError,
    guessing,
    outputs,
    predicted,
)
from tests.compared import differing
from tests.conftest import load
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.strategies import every, float64s, floats, label

FEW = settings(max_examples=40, deadline=None)
CLASSES = 4
SPECS = every(Loss)
over_specs = pytest.mark.parametrize("spec", SPECS, ids=label)


def classes_of(spec: Loss) -> int:
    return spec.most_classes or CLASSES


@over_specs
@FEW
@given(
    z=float64s((6, CLASSES), floats(-30, 30, [0.0, -0.0, 1e-300, 700.0, -700.0, 1e4, -1e4])),
    y=st.lists(st.integers(0, CLASSES - 1), min_size=6, max_size=6),
)
def test_loss_and_gradient_are_the_definitions(
    backend: Backend, definition: Backend, spec: Loss, z: np.ndarray, y: list[int]
) -> None:
    count = classes_of(spec)
    given_inputs = {
        "z": np.ascontiguousarray(z[:, : outputs(spec, count)]),
        "y": np.array(y) % count,
    }
    expected, found = (wing.loss.probe(spec, given_inputs) for wing in (definition, backend))
    assert found["gradient"].shape == given_inputs["z"].shape
    size = max(1.0, float(expected["loss"]))
    assert abs(found["loss"] - expected["loss"]) <= 1e-12 * size
    assert np.abs(found["gradient"] - expected["gradient"]).max() <= 1e-12 * max(
        1.0, np.abs(expected["gradient"]).max()
    )


def of(wing: Backend, spec: Loss, z: list[list[float]], y: list[int]) -> tuple[float, np.ndarray]:
    found = wing.loss.probe(spec, {"z": np.array(z), "y": np.array(y)})
    return float(found["loss"]), found["gradient"]


def test_the_losses_are_those_of_the_formulas(backend: Backend) -> None:
    z, y = [[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], [2, 0]
    loss, gradient = of(backend, CrossEntropy(), z, y)
    softmax = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert loss == pytest.approx(-np.log(softmax[[0, 1], y]).mean(), rel=1e-14)
    assert np.allclose(gradient, (softmax - np.eye(3)[y]) / 2, rtol=0, atol=1e-15)
    loss, gradient = of(backend, SquaredError(), z, y)
    assert loss == pytest.approx(((z - np.eye(3)[y]) ** 2).mean(), rel=1e-14)
    assert np.allclose(gradient, 2 * (z - np.eye(3)[y]) / 6, rtol=0, atol=1e-15)
    loss, gradient = of(backend, BinaryCrossEntropy(), [[2.0], [-1.0]], [1, 1])
    assert loss == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(1))) / 2, rel=1e-14)
    assert np.allclose(gradient[:, 0], (1 / (1 + np.exp([-2, 1])) - 1) / 2, rtol=0, atol=1e-15)


def test_one_logit_far_out_keeps_its_loss(backend: Backend) -> None:
    """Where a probability would be rounded to 0 or 1, a logit is not."""
    assert of(backend, BinaryCrossEntropy(), [[-800.0]], [1])[0] == 800
    assert of(backend, BinaryCrossEntropy(), [[-40.0]], [0])[0] == pytest.approx(
        np.exp(-40), rel=1e-14
    )


def test_one_logit_is_two_of_which_one_is_0(backend: Backend) -> None:
    binary, one = of(backend, BinaryCrossEntropy(), [[0.3], [-2.0]], [1, 0])
    two, pair = of(backend, CrossEntropy(), [[0.0, 0.3], [0.0, -2.0]], [1, 0])
    assert binary == pytest.approx(two, rel=1e-14)
    assert np.allclose(one[:, 0], pair[:, 1], rtol=0, atol=1e-15)


@over_specs
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_a_step_with_it_is_the_definitions(
    backend: Backend,
    definition: Backend,
    plan: Maker,
    two_classes: str,
    spec: Loss,
    normalization: str,
) -> None:
    numbers: dict[str, Any] = {
        "loss": spec.model_dump(),
        "normalization": normalization,
        "classes": classes_of(spec),
    }
    assert not differing(backend, definition, plan(**numbers, source=two_classes))


@over_specs
def test_the_gradient_derived_by_hand_is_the_difference_quotient(plan: Maker, spec: Loss) -> None:
    assert_derived_by_hand(plan(**SIZES, loss=spec.model_dump(), classes=classes_of(spec)))


def test_guessing_is_the_least_loss_of_an_output_that_does_not_look(definition: Backend) -> None:
    y = [0] * 7 + [1] * 3
    shares = np.array([0.7, 0.3])
    cases = [
        (CrossEntropy(), np.log(shares)),
        (BinaryCrossEntropy(), np.log([0.3 / 0.7])),
        (SquaredError(), shares),
    ]
    for spec, best in cases:
        least = of(definition, spec, [best.tolist()] * 10, y)[0]
        assert guessing(spec, shares) == pytest.approx(least, rel=1e-14)
        for other in (best + 0.1, best - 0.1):
            assert of(definition, spec, [other.tolist()] * 10, y)[0] >= least - 1e-15


def test_the_class_that_is_found_is_that_of_the_largest_output() -> None:
    z = np.array([[[0.1, 0.7, 0.2]], [[-1.0, -3.0, -2.0]]])
    assert (
        predicted(CrossEntropy(), z).tolist() == predicted(SquaredError(), z).tolist() == [[1], [0]]
    )
    assert predicted(BinaryCrossEntropy(), np.array([[[0.1], [-0.1], [0.0]]])).tolist() == [
        [1, 0, 0]
    ]


@pytest.mark.parametrize(
    ("both", "received"), [((None, None), "neither"), ((3, 2), "3 classes and 2 targets")]
)
def test_a_network_of_no_targets_and_of_two_kinds_of_them_is_refused(
    plan: Maker, both: Any, received: str
) -> None:
    with pytest.raises(ValueError, match=f"either classes or real targets; received {received}"):
        plan(classes=both[0], targets=both[1], loss="squared_error")


def test_one_logit_for_ten_classes_is_refused_with_the_reason(plan: Maker) -> None:
    with pytest.raises(
        ValueError,
        match="the loss binary_cross_entropy is of at most 2 classes; received 10 classes",
    ):
        plan(classes=10, loss="binary_cross_entropy")


@pytest.mark.parametrize(("name", "loss"), [("torch", 6.2e-6), ("keras", 6.2e-6), ("jax", 0.0)])
def test_the_loss_of_large_logits_has_no_digits_in_jax(
    request: pytest.FixtureRequest, name: str, loss: float
) -> None:
    inputs = {"z": np.array([[1000.0, 988.0]], np.float32), "y": np.array([0])}
    found = load(name, request.config).loss.probe(CrossEntropy(), inputs)
    assert float(found["loss"]) == pytest.approx(loss, rel=1e-2)
    assert found["gradient"][0, 1] == pytest.approx(6.1e-6, rel=2e-2)


@over_specs
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e3, 1e6])
def test_the_loss_of_large_outputs_lies_within_the_draws(
    backend: Backend, definition: Backend, spec: Loss, size: float, precision: str
) -> None:
    """Sixteen batches, each of one sample that is fit: its loss is small beside its outputs."""
    rng = np.random.default_rng(0)
    z = size + rng.uniform(-1, 1, (16, 1, outputs(spec, 2)))
    z[..., 0] += rng.uniform(5, 15, (16, 1))
    z = z.astype(precision)
    y = np.full((16, 1), spec.kind == "binary_cross_entropy", int)
    exactly = z.astype(np.float64)
    expected = build(spec)(exactly, y)[0]
    draws = [build(spec, Random(precision, seed))(exactly, y)[0] for seed in range(DRAWS)]
    spread = np.hypot.reduce(np.abs(np.array(draws) - expected) / math.sqrt(DRAWS), 0)
    bound = T * spread + 2 * np.finfo(precision).eps * expected
    found = [
        float(backend.loss.probe(spec, {"z": one, "y": of})["loss"])
        for one, of in zip(z, y, strict=True)
    ]
    assert (np.abs(found - expected) <= bound).all()
