"""The loss of a whole batch, made of that of each sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.causes._case import Side, flat
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
