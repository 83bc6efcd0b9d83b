"""The loss of each sample and its gradient, and in which order outputs stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.causes._definition.activation import softmax
from experiments.causes._definition.errors import Undefined

Turn = Callable[[np.ndarray], np.ndarray]


def same(values: np.ndarray) -> np.ndarray:
    """The class is the last axis already."""
    return values


@dataclass(frozen=True)
class Each:
    """Of every sample its loss, and the gradient by its outputs.

    These may be turned so that the class is last.

    Attributes:
        loss: [sample, ...].
        gradient: [sample, ..., output].
        elements: Whether the loss is a mean over the outputs, and not one number of all of them.
        turned: From this order of axes to the outputs' own.
        back: From the outputs' own order to this one.
    """

    loss: np.ndarray
    gradient: np.ndarray
    elements: bool = False
    turned: Turn = same
    back: Turn = same


def distribution(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, Turn]:
    """Target and probabilities [sample, ..., class], and how outputs come into this order."""
    turn = _classes_last(z, y)
    logits = turn(z)
    target = y.astype(np.float64) if y.shape == z.shape else np.zeros(logits.shape)
    if y.shape == z.shape:
        target = turn(target)
    else:
        np.put_along_axis(target, labels(logits, y)[..., None], 1.0, -1)
    return target, softmax(logits), turn


def labels(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whole numbers below the number of classes, of the shape of the samples."""
    found = y.reshape(logits.shape[:-1]) if y.size == logits[..., 0].size else None
    if (
        found is None
        or found.dtype.kind not in "iu"
        or found.size == 0
        or found.min() < 0
        or found.max() >= logits.shape[-1]
    ):
        raise Undefined("targets that are no classes of these outputs")
    return found.astype(int)


def _classes_last(z: np.ndarray, y: np.ndarray) -> Turn:
    """PyTorch has classes on axis 1, whatever comes behind."""
    if (
        z.ndim > 2
        and y.dtype.kind in "iu"
        and y.shape == (z.shape[0], *z.shape[2:])
        and y.shape != z.shape[:-1]
    ):
        return lambda values: np.moveaxis(values, 1, -1)
    return same


def turned(turn: Turn) -> Turn:
    return same if turn is same else lambda values: np.moveaxis(values, -1, 1)
