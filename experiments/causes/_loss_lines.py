"""A loss and its reduction as a line of each framework, for outputs z and targets y."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.causes._case import Case
from experiments.causes._change import cure
from experiments.causes._losses import FORMS
from experiments.causes._wholes import Whole, each


class Names(NamedTuple):
    """What each framework calls a loss, and what it is given.

    Attributes:
        torch: A class of torch.nn.
        keras: A class of keras.losses, with its arguments but the reduction.
        optax: A function of optax; where it has none, jax.numpy does.
        to_torch: What PyTorch's takes, of outputs z.
        to_optax: What that of optax takes.
    """

    torch: str
    keras: str
    optax: str
    to_torch: str = "z"
    to_optax: str = "z"


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
        to_torch="torch.log(z)",
        to_optax="jnp.log(z)",
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
    "binary cross-entropy of probabilities (the outputs are taken for them)": Names(
        "BCELoss",
        "BinaryCrossentropy(",
        "sigmoid_binary_cross_entropy",
        to_optax="jax.scipy.special.logit(z)",
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
    if scale or names.to_torch != "z":
        torch += f"({names.to_torch}, y){scale}"
    # Keras' loss takes the logits that an output has beside it; a sum has none
    z = "z + 0" if case.port.gradient is None else "z"
    if scale_in_keras or z != "z":
        keras += f"(y, {z}){scale_in_keras}"
    terms = f"optax.{names.optax}({names.to_optax}, y)" if names.optax else "jnp.abs(z - y)"
    return cure(case, torch, keras, f"{terms}.{how}(){scale}")
