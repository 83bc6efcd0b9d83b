"""A loss and its reduction as a line of each framework, for outputs z and targets y."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.causes._case import Case
from experiments.causes._change import cure
from experiments.causes._losses import FORMS
from experiments.causes._wholes import Whole, each


class Names(NamedTuple):
    """What each framework calls a loss, and what it makes of the outputs before.

    Attributes:
        torch: A class of torch.nn.
        keras: A class of keras.losses, with its arguments but the reduction.
        optax: A function of optax; where it has none, jax.numpy does.
        logarithm: Whether PyTorch and optax have it from the outputs' logarithm only.
    """

    torch: str
    keras: str
    optax: str
    logarithm: bool = False


LABELLED = {
    "cross-entropy of logits": Names(
        "CrossEntropyLoss",
        "SparseCategoricalCrossentropy(from_logits=True, ",
        "softmax_cross_entropy_with_integer_labels",
    ),
    "cross-entropy of probabilities (the outputs are taken for them)": Names(
        "CrossEntropyLoss",
        "SparseCategoricalCrossentropy(",
        "softmax_cross_entropy_with_integer_labels",
        logarithm=True,
    ),
}
"""Of targets that are whole numbers; of one-hot ones, `SPREAD`."""

SPREAD = {
    form: names._replace(keras=names.keras.removeprefix("Sparse"), optax="softmax_cross_entropy")
    for form, names in LABELLED.items()
}

OF_NUMBERS = {
    "binary cross-entropy of logits": Names(
        "BCEWithLogitsLoss",
        "BinaryCrossentropy(from_logits=True, ",
        "sigmoid_binary_cross_entropy",
    ),
    "squared error": Names("MSELoss", "MeanSquaredError(", "squared_error"),
    "absolute error": Names("L1Loss", "MeanAbsoluteError(", ""),
    "Huber loss": Names("HuberLoss", "Huber(", "huber_loss"),
}

Reduced = dict[str, tuple[str, str]]
"""A reduction as a mean or a sum in the framework's words, and what that is multiplied by."""

OF_SAMPLES: Reduced = {
    "mean over the batch": ("mean", ""),
    "sum over the batch": ("sum", ""),
    "sum over the steps, mean over the batch": ("sum", " / len(z)"),
}
"""Of one number for each sample, or for each of its steps."""

OF_ELEMENTS: Reduced = {
    "mean over the batch": ("mean", ""),
    "sum over the batch": ("mean", " * len(z)"),
    "sum over the outputs, mean over the batch": ("sum", " / len(z)"),
    "sum over everything": ("sum", ""),
}
"""Of one number for each output, as PyTorch and optax have it."""

OF_LAST_AXES: Reduced = OF_ELEMENTS | {
    "sum over the outputs, mean over the batch": ("sum", " * z.shape[-1] / len(z)"),
    "sum over everything": ("sum", " * z.shape[-1]"),
}
"""Of their mean over the last axis, which Keras takes first."""

OF_ROWS: Reduced = OF_LAST_AXES | {"sum over the batch": ("sum", "")}
"""The same where that axis is all that a sample has."""


def line_of(case: Case, own: Whole) -> str:
    """The reference's loss in the port's framework; nothing where it is no line there."""
    target = np.asarray(case.reference.target)
    names = (OF_NUMBERS | (LABELLED if target.dtype.kind in "iu" else SPREAD)).get(own.form)
    found = each(case.reference, FORMS[own.form])
    if names is None or found is None:
        return ""
    elements = found.elements and found.gradient.size > found.loss.size
    how, scale = (OF_ELEMENTS if elements else OF_SAMPLES)[own.reduction]
    of_keras = OF_ROWS if np.asarray(case.reference.output).ndim == 2 else OF_LAST_AXES
    in_keras, scale_in_keras = (of_keras if elements else OF_SAMPLES)[own.reduction]
    reduction = {"mean": "sum_over_batch_size", "sum": "sum"}[in_keras]
    torch = f"torch.nn.{names.torch}(reduction={how!r})"
    keras = f"keras.losses.{names.keras}reduction={reduction!r})"
    if scale or names.logarithm:
        torch += f"({'torch.log(z)' if names.logarithm else 'z'}, y){scale}"
    if scale_in_keras:
        keras += f"(y, z){scale_in_keras}"
    z = "jnp.log(z)" if names.logarithm else "z"
    terms = f"optax.{names.optax}({z}, y)" if names.optax else "jnp.abs(z - y)"
    return cure(case, torch, keras, f"{terms}.{how}(){scale}")
