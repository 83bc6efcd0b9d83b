"""Loss: its reduction, what it takes the outputs for, smoothing, weights, or another loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from experiments.causes._case import Case, Side, Stage, flat
from experiments.causes._change import close, code, told
from experiments.causes._each import distribution
from experiments.causes._hypothesis import Hypothesis, Numbers, varied
from experiments.causes._loss_lines import line_of
from experiments.causes._losses import FORMS, smoothed
from experiments.causes._wholes import Whole, each, factors, weighted, wholes

STAGES: frozenset[Stage] = frozenset({"loss"})
PAGE = "docs/migration/loss.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference, case.port
    if mine.loss is None or mine.output is None or mine.target is None or mine.gradient is None:
        return
    if (
        its.loss is None
        or its.gradient is None
        or its.gradient.shape != mine.output.shape
        or not varied(mine.output, 4)
    ):
        return
    ours = [whole for whole in wholes(mine) if close(whole.numbers, _numbers(mine))]
    for own in ours[:1]:
        for whole in wholes(mine):
            if (whole.form, whole.reduction) != (own.form, own.reduction):
                yield _other(case, own, whole)
        yield from _smoothed(case, own)
        yield from _weighted(case, own)
        yield from _outputs(case, own)
        yield from _times(case, own)
    yield from _of_the_whole(case, ours[0] if ours else None)
    yield from _factor(case, ours[0] if ours else None)


def _numbers(side: Side) -> np.ndarray:
    return flat([np.array(side.loss), side.gradient])  # type: ignore[list-item]


def _other(case: Case, own: Whole, whole: Whole) -> Hypothesis:
    line = line_of(case, own)
    if whole.form == own.form:
        said = (
            f"Reduction of the loss: {own.reduction} in the reference, {whole.reduction} in the "
            "port."
        )
        return Hypothesis("reduction", said, line, lambda: whole.numbers)
    said = f"Loss: {own.form} in the reference, {whole.form} in the port."
    both = whole.reduction != own.reduction
    if both:
        said = f"{said[:-1]}, and {own.reduction} against {whole.reduction}."
    name = (
        "twice" if "twice" in whole.form else "logits" if "probabilities" in whole.form else "kind"
    )
    return Hypothesis(name, said, line, lambda: whole.numbers, rank=int(both))


def _times(case: Case, own: Whole) -> Iterator[Hypothesis]:
    """Another form, times a number: the alpha of a focal loss, or a weight of it."""
    its = _numbers(case.port)
    for whole in wholes(case.reference):
        size = float(np.vdot(whole.numbers, whole.numbers))
        if whole.form == own.form or whole.reduction != "mean over the batch" or not size:
            continue  # other reductions are other numbers
        factor = float(f"{float(np.vdot(whole.numbers, its)) / size:.9g}")
        said = (
            f"Loss: {own.form} in the reference, {told(factor)} times {whole.form} in the port "
            "(solved)."
        )
        yield Hypothesis(
            "kind", said, line_of(case, own), _scaled(whole, factor), solved=True, rank=1
        )


def _scaled(whole: Whole, factor: float) -> Numbers:
    return lambda: factor * whole.numbers


FUNCTIONS: dict[str, Callable[[float], tuple[float, float]]] = {
    "the root of it": lambda loss: (loss**0.5, 0.5 * loss**-0.5),
    "its logarithm": lambda loss: (np.log(loss), 1 / loss),
    "its square": lambda loss: (loss**2, 2 * loss),
    "its exponential": lambda loss: (np.exp(loss), np.exp(loss)),
}
"""Of the loss of the whole batch, with the derivative."""


def _of_the_whole(case: Case, own: Whole | None) -> Iterator[Hypothesis]:
    """A function of the loss, whatever it is: a root of the mean squared error, a perplexity."""
    mine = case.reference
    form = own.form if own else "the loss as it is"
    if not mine.loss or mine.loss <= 0 or mine.gradient is None or not np.any(mine.gradient):
        return
    for words, function in FUNCTIONS.items():
        loss, slope = function(mine.loss)
        numbers = flat([np.array(loss), slope * mine.gradient])
        line = line_of(case, own) if own else "loss = loss"
        said = f"Loss: {form} in the reference, {words} in the port."
        yield Hypothesis("kind", said, line, lambda numbers=numbers: numbers)


def _smoothed(case: Case, own: Whole) -> Iterator[Hypothesis]:
    """A share of the target that is given to all classes: solved for in the gradient."""
    side = case.reference
    if own.form != "cross-entropy of logits":
        return
    target, p, back = distribution(
        np.asarray(side.output, dtype=np.float64), np.asarray(side.target)
    )
    found = each(side, FORMS[own.form])
    assert found is not None
    for reduction, factor in factors(found, side).items():
        # the target that the port's gradient is made of
        taken = p - back(np.asarray(case.port.gradient)) / factor
        away = 1 / target.shape[-1] - target
        share = float(f"{float(np.vdot(away, taken - target) / np.vdot(away, away)):.9g}")
        if share > 1e-9:
            also = (
                "" if reduction == own.reduction else f", and {own.reduction} against {reduction}"
            )
            said = (
                f"Label smoothing: 0 in the reference, {told(share)} in the port{also} (solved "
                "from the gradient)."
            )
            smooth = smoothed(
                np.asarray(side.output, dtype=np.float64),
                (1 - share) * target + share / target.shape[-1],
            )
            numbers = weighted(smooth, np.full(smooth.loss.shape, factor))
            yield Hypothesis(
                "smoothing",
                said,
                line_of(case, own),
                lambda n=numbers: n,
                solved=True,
                rank=int(bool(also)),
            )


def _weighted(case: Case, own: Whole) -> Iterator[Hypothesis]:
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


def _outputs(case: Case, own: Whole) -> Iterator[Hypothesis]:
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


def _factor(case: Case, own: Whole | None) -> Iterator[Hypothesis]:
    """Of a loss that has no name here."""
    mine = _numbers(case.reference)
    its = _numbers(case.port)
    batch = len(np.asarray(case.reference.output))
    if not varied(mine, 4):
        return
    factor = float(f"{float(np.vdot(mine, its) / np.vdot(mine, mine)):.9g}")
    words = {
        float(batch): "sum against mean over the batch",
        1 / batch: "mean against sum over the batch",
    }
    word = next(
        (text for number, text in words.items() if np.isclose(factor, number, rtol=1e-7)), ""
    )
    said = f"Loss: {told(factor)} times as large in the port{f': {word}' if word else ''}."
    line = line_of(case, own) if own else f"loss = loss / {code(factor)}"
    name, rank = ("reduction", 0) if word and own is None else ("factor", 1)
    yield Hypothesis(name, said, line, lambda: factor * mine, solved=True, rank=rank)
