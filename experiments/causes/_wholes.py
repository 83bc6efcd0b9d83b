"""The loss of a whole batch, made of that of each sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.causes._case import Case, Side, flat
from experiments.causes._change import cure
from experiments.causes._definition.errors import Undefined
from experiments.causes._each import Each
from experiments.causes._losses import FORMS, Form


@dataclass(frozen=True)
class Whole:
    """A form and what is made of its samples."""

    form: str
    reduction: str
    numbers: np.ndarray


def each(side: Side, form: Form) -> Each | None:
    """Of every sample; None where the form is not one of these outputs and targets."""
    try:
        return form(np.asarray(side.output, dtype=np.float64), np.asarray(side.target))
    except (Undefined, ValueError, IndexError):
        return None


def wholes(side: Side) -> Iterator[Whole]:
    """Every form with every reduction, where it fits these outputs and targets."""
    for name, form in FORMS.items():
        found = each(side, form)
        if found is None:
            continue
        for reduction, factor in factors(found, side).items():
            yield Whole(name, reduction, weighted(found, np.full(found.loss.shape, factor)))


def factors(found: Each, side: Side) -> dict[str, float]:
    """What a sample's loss is multiplied by, before all are added."""
    samples = found.loss.size
    batch = len(np.asarray(side.output))
    outputs = np.asarray(side.output).size // samples
    named = {"mean over the batch": 1 / samples, "sum over the batch": 1.0}
    if samples != batch:
        named["sum over the steps, mean over the batch"] = 1 / batch
    if found.elements and outputs > 1:
        named |= {
            "sum over the outputs, mean over the batch": outputs / samples,
            "sum over everything": float(outputs),
        }
    return named


def weighted(found: Each, weights: np.ndarray) -> np.ndarray:
    """The loss, and its gradient."""
    shaped = weights.reshape(*weights.shape, *[1] * (found.gradient.ndim - weights.ndim))
    return flat([np.array(np.sum(weights * found.loss)), found.turned(found.gradient * shaped)])


def line_of(case: Case, own: Whole) -> str:
    """The reference's loss in the port's framework."""
    whole = own.reduction.startswith("sum over the batch") or own.reduction == "sum over everything"
    torch, keras = ("sum", "sum") if whole else ("mean", "sum_over_batch_size")
    optax = "sum" if whole else "mean"
    ints = np.asarray(case.reference.target).dtype.kind in "iu"
    cross = "SparseCategoricalCrossentropy" if ints else "CategoricalCrossentropy"
    flax = (
        "softmax_cross_entropy_with_integer_labels(z, y)" if ints else "softmax_cross_entropy(z, y)"
    )
    match own.form.split(" of ")[0]:
        case "cross-entropy":
            lines = "CrossEntropyLoss", f"{cross}(from_logits=True", flax
        case "binary cross-entropy":
            lines = (
                "BCEWithLogitsLoss",
                "BinaryCrossentropy(from_logits=True",
                "sigmoid_binary_cross_entropy(z, y)",
            )
        case "absolute error":
            lines = "L1Loss", "MeanAbsoluteError(", "losses.absolute_error(z, y)"
        case _:
            lines = "MSELoss", "MeanSquaredError(", "squared_error(z, y)"
    comma = "" if lines[1].endswith("(") else ", "
    return cure(
        case,
        f"torch.nn.{lines[0]}(reduction={torch!r})",
        f"keras.losses.{lines[1]}{comma}reduction={keras!r})",
        f"optax.{lines[2]}.{optax}()",
    )
