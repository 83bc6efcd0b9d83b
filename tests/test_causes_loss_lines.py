"""The line of a loss that a cause shows computes the reference's loss, and its gradient, in the
port's framework.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from experiments.causes import Case, Side, explain
from experiments.causes._loss_lines import LABELLED, OF_NUMBERS, line_of
from experiments.causes._losses import FORMS
from experiments.causes._wholes import Whole, wholes
from tests.conftest import load

BATCH, STEPS, CLASSES = 5, 3, 4
PROBABILITIES = "cross-entropy of probabilities (the outputs are taken for them)"
BINARY_PROBABILITIES = f"binary {PROBABILITIES}"


def reference(form: str, *, steps: bool, one_hot: bool) -> Side:
    """Outputs and targets that a loss takes, the class last."""
    rng = np.random.default_rng(7)
    shape = (BATCH, *((STEPS,) if steps else ()), CLASSES)
    output = rng.normal(size=shape)
    if "probabilities" in form:
        output = np.exp(output) / np.exp(output).sum(-1, keepdims=True)
    labels = rng.integers(0, CLASSES, shape[:-1])
    if form not in LABELLED:
        target = rng.random(shape)
    else:
        target = np.eye(CLASSES)[labels] if one_hot else labels
    return Side("torch", output=output, target=target)


def case(side: Side, dialect: str) -> Case:
    return Case("loss", side, replace(side, dialect=dialect))


def in_torch(line: str, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    torch = importlib.import_module("torch")
    # classes stand on axis 1
    moved = z.ndim > 2 and "CrossEntropy" in line
    given, target = (
        torch.tensor(np.moveaxis(a, -1, 1) if moved and a.ndim == z.ndim else a) for a in (z, y)
    )
    given.requires_grad_()
    called = line if "(z, y)" in line or "torch.log" in line else f"{line}(z, y)"
    loss = eval(called, {"torch": torch, "z": given, "y": target})
    loss.backward()
    gradient = given.grad.numpy()
    return loss.item(), np.moveaxis(gradient, 1, -1) if moved else gradient


def in_keras(
    line: str, z: np.ndarray, y: np.ndarray, after: str = "linear"
) -> tuple[float, np.ndarray]:
    """Of an activation of z, where one is named: the loss and its gradient of what comes of it."""
    keras, tf = (importlib.import_module(name) for name in ("keras", "tensorflow"))
    given = tf.constant(z)
    with tf.GradientTape() as tape:
        if after != "linear":
            given = getattr(keras.activations, after)(given)
        tape.watch(given)
        called = line if "(y, z" in line else f"{line}(y, z)"
        loss = eval(called, {"keras": keras, "z": given, "y": tf.constant(y)})
    gradient = tape.gradient(loss, given)
    return float(loss), np.zeros(z.shape) if gradient is None else gradient.numpy()


def in_jax(line: str, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    jax, jnp, optax = (importlib.import_module(name) for name in ("jax", "jax.numpy", "optax"))
    names = {"jax": jax, "jnp": jnp, "optax": optax, "y": jnp.asarray(y)}
    loss, gradient = jax.value_and_grad(lambda z: eval(line, names | {"z": z}))(jnp.asarray(z))
    return float(loss), np.asarray(gradient)


RUN: dict[str, Callable[[str, np.ndarray, np.ndarray], tuple[float, np.ndarray]]] = {
    "torch": in_torch,
    "keras": in_keras,
    "jax": in_jax,
}
DIALECTS = {"torch": "torch", "keras": "keras", "jax": "linen"}


@pytest.mark.parametrize("framework", RUN)
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("form", [*LABELLED, *OF_NUMBERS])
def test_the_line_computes_what_the_reference_does(
    request: pytest.FixtureRequest, framework: str, form: str, steps: bool, one_hot: bool
) -> None:
    load(framework, request.config)
    side = reference(form, steps=steps, one_hot=one_hot)
    own = [whole for whole in wholes(side) if whole.form == form]
    assert len(own) >= 2, "reductions"
    for whole in own:
        line = line_of(case(side, DIALECTS[framework]), whole)
        assert line, whole.reduction
        loss, gradient = RUN[framework](line, *of(side))
        found = np.concatenate([[loss], gradient.ravel()])
        # Keras computes a loss in float32
        np.testing.assert_allclose(found, whole.numbers, 1e-5, 1e-6, err_msg=line)


def of(side: Side) -> tuple[np.ndarray, np.ndarray]:
    assert side.output is not None
    assert side.target is not None
    return side.output, side.target


@pytest.mark.parametrize("form", [form for form in FORMS if form not in LABELLED | OF_NUMBERS])
def test_a_loss_that_is_no_line_elsewhere_is_not_called_another(form: str) -> None:
    side = reference("squared error", steps=False, one_hot=False)
    whole = Whole(form, "mean over the batch", np.zeros(1))
    assert {line_of(case(side, dialect), whole) for dialect in DIALECTS.values()} == {""}


PAST_THE_OUTPUTS = {
    PROBABILITIES: (
        "cross-entropy of logits",
        "torch.nn.CrossEntropyLoss(reduction='mean')(torch.log(z), y)",
    ),
    BINARY_PROBABILITIES: (
        "binary cross-entropy of logits",
        "torch.nn.BCELoss(reduction='mean')",
    ),
}


@pytest.mark.parametrize("form", PAST_THE_OUTPUTS)
def test_a_loss_past_the_outputs_is_known_by_its_value(form: str) -> None:
    """Keras' loss of a softmax or sigmoid takes the logits beside it: no gradient goes through the
    outputs, which PyTorch's loss takes for logits.
    """
    taken, cure = PAST_THE_OUTPUTS[form]
    side = reference(form, steps=False, one_hot=False)
    found = {
        whole.form: whole for whole in wholes(side) if whole.reduction == "mean over the batch"
    }
    right, wrong = (found[name].numbers for name in (form, taken))
    gradient = wrong[1:].reshape(of(side)[0].shape)
    port = replace(side, loss=float(wrong[0]), gradient=gradient)
    keras = replace(side, backend="keras", loss=float(right[0]))
    (cause,) = explain(Case("loss", keras, port), only=["loss"])
    assert cause.key == "loss.kind"
    assert cause.said == f"Loss: {form} in the reference, {taken} in the port."
    assert cause.cure == cure
    other = replace(keras, loss=2.5 * float(right[0]))
    assert explain(Case("loss", other, port), only=["loss"]) == []

    for dialect in ("keras", "torch"):
        hidden = replace(keras, dialect=dialect)
        (cause,) = explain(Case("loss", port, hidden), only=["loss"])
        assert cause.said == f"Loss: {taken} in the reference, {form} in the port."
        assert ("Keras" in cause.note, "z + 0" in cause.cure) == (dialect == "keras",) * 2
    assert explain(Case("loss", port, other), only=["loss"]) == []


@pytest.mark.parametrize("form", PAST_THE_OUTPUTS)
def test_logits_that_are_taken_for_probabilities_are_said_to_be(form: str) -> None:
    """What Keras does with logits where `from_logits=True` is forgotten."""
    right, _ = PAST_THE_OUTPUTS[form]
    side = reference(right, steps=False, one_hot=False)
    found = {
        whole.form: whole.numbers
        for whole in wholes(side)
        if whole.reduction == "mean over the batch"
    }

    def with_loss(numbers: np.ndarray) -> Side:
        gradient = numbers[1:].reshape(of(side)[0].shape)
        return replace(side, loss=float(numbers[0]), gradient=gradient)

    (cause,) = explain(Case("loss", with_loss(found[right]), with_loss(found[form])), only=["loss"])
    assert cause.key == "loss.logits"
    assert cause.said == f"Loss: {right} in the reference, {form} in the port."


@pytest.mark.parametrize(
    ("form", "after"),
    [("cross-entropy of logits", "softmax"), ("binary cross-entropy of logits", "sigmoid")],
)
@pytest.mark.parametrize("hidden", [False, True])
def test_the_line_holds_where_keras_has_logits_beside_the_output(
    request: pytest.FixtureRequest, form: str, after: str, hidden: bool
) -> None:
    """A loss of logits, taken of what is none: without the sum Keras would take the logits."""
    load("keras", request.config)
    logits, y = of(reference(form, steps=False, one_hot=False))
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    given = shares if after == "softmax" else 1 / (1 + np.exp(-logits))
    side = Side("torch", output=given, target=y, gradient=given)
    (whole,) = (
        whole
        for whole in wholes(side)
        if (whole.form, whole.reduction) == (form, "mean over the batch")
    )
    port = replace(side, dialect="keras", gradient=None if hidden else given)
    line = line_of(Case("loss", side, port), whole)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that these are no logits
        loss, gradient = in_keras(line, logits, y, after)
    assert (loss == pytest.approx(whole.numbers[0], rel=1e-5)) == hidden
    wanted = whole.numbers[1:].reshape(given.shape) if hidden else 0
    np.testing.assert_allclose(gradient, wanted, 1e-5, 1e-6)
