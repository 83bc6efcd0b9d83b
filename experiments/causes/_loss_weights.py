"""Weights of a loss: for each sample or class, or for each output."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, flat
from experiments.causes._change import told
from experiments.causes._hypothesis import Hypothesis
from experiments.causes._loss_lines import line_of
from experiments.causes._losses import FORMS
from experiments.causes._wholes import Whole, each, weighted


def of_samples(case: Case, own: Whole) -> Iterator[Hypothesis]:
    """A weight for each sample, solved for in its gradient; the loss tells whether it is true."""
    side = case.reference
    found = each(side, FORMS[own.form])
    if found is None:
        return
    port = found.back(np.asarray(case.port.gradient))
    axes = tuple(range(found.loss.ndim, found.gradient.ndim))
    square = np.sum(np.square(found.gradient), axis=axes)
    if found.loss.size < 4 or np.any(square == 0) or found.gradient.size <= found.loss.size:
        return
    weights = np.sum(port * found.gradient, axis=axes) / square
    if np.ptp(weights) <= 1e-6 * np.max(np.abs(weights)):
        return
    labels = np.asarray(side.target)
    by_class = labels.shape == weights.shape and labels.dtype.kind in "iu"
    ends = " to ".join(told(float(f"{each:.5g}")) for each in (weights.min(), weights.max()))
    said = (
        f"Weights of the samples: alike in the reference, from {ends} in the port (solved from the "
        "gradient)."
    )
    if by_class and all(
        np.ptp(weights[labels == label]) <= 1e-6 * np.max(np.abs(weights))
        for label in np.unique(labels)
    ):
        share = weights / weights.max()
        first = {
            int(label): told(float(f"{share[labels == label][0]:.4g}"))
            for label in np.unique(labels)
        }
        listed = ", ".join(f"{label}: {weight}" for label, weight in first.items())
        said = (
            f"Weights of the classes: alike in the reference, in the port in proportion {listed} "
            "(solved from the gradient)."
        )
    numbers = weighted(found, weights)
    yield Hypothesis("weights", said, line_of(case, own), lambda: numbers, solved=True, rank=1)


def of_outputs(case: Case, own: Whole) -> Iterator[Hypothesis]:
    """A weight for each output of a loss that is a mean over them, solved for in its gradient."""
    mine = np.asarray(case.reference.gradient)
    its = np.asarray(case.port.gradient)
    found = each(case.reference, FORMS[own.form])
    if (
        found is None
        or not found.elements
        or mine.ndim < 2
        or mine.shape[-1] < 2
        or mine.size < 4 * mine.shape[-1]
    ):
        return
    rows, others = (array.reshape(-1, array.shape[-1]) for array in (mine, its))
    square = np.sum(np.square(rows), 0)
    weights = np.sum(rows * others, 0) / square
    if np.any(square == 0) or np.ptp(weights) <= 1e-6 * np.max(np.abs(weights)):
        return
    listed = ", ".join(told(float(f"{weight:.5g}")) for weight in weights[:6])
    said = (
        f"Weights of the outputs: alike in the reference, {listed} in the port (solved from the "
        "gradient)."
    )
    # the loss of one output alone is not known, but its gradient is proportional to the reference's
    plain = flat([mine])
    solved = flat([mine * weights])
    line = line_of(case, own)
    yield Hypothesis(
        "weights",
        said,
        line,
        lambda: solved,
        solved=True,
        rank=1,
        wanted=lambda: flat([its]),
        plain=lambda: plain,
    )
