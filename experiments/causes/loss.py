"""Loss: its reduction, what it takes the outputs for, smoothing, weights, or another loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Side, Stage, flat
from experiments.causes._change import close, code, cure, told
from experiments.causes._each import distribution
from experiments.causes._hypothesis import Hypothesis, Numbers, varied
from experiments.causes._loss_lines import line_of
from experiments.causes._loss_weights import of_outputs, of_samples
from experiments.causes._losses import FORMS, smoothed
from experiments.causes._wholes import Whole, each, factors, weighted, wholes

STAGES: frozenset[Stage] = frozenset({"loss"})
PAGE = "docs/migration/loss.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference, case.port
    if mine.loss is None or mine.output is None or mine.target is None:
        return
    if its.loss is None or not varied(mine.output, 4):
        return
    if its.gradient is not None and its.gradient.shape != mine.output.shape:
        return
    if mine.gradient is None or its.gradient is None:
        yield from _beside_the_output(case)
        return
    ours = [whole for whole in wholes(mine) if close(whole.numbers, _numbers(mine))]
    for own in ours[:1]:
        for whole in wholes(mine):
            if (whole.form, whole.reduction) != (own.form, own.reduction):
                yield _other(case, own, whole)
        yield from _smoothed(case, own)
        yield from of_samples(case, own)
        yield from of_outputs(case, own)
        yield from _times(case, own)
    yield from _of_the_whole(case, ours[0] if ours else None)
    yield from _factor(case, ours[0] if ours else None)


def _numbers(side: Side) -> np.ndarray:
    """The loss, and its gradient if one reaches the outputs."""
    gradient = [] if side.gradient is None else [side.gradient]
    return flat([np.array(side.loss), *gradient])


BESIDE = "Keras' losses take the logits beside the output of a softmax or sigmoid."


def _beside_the_output(case: Case) -> Iterator[Hypothesis]:
    """Another loss, where one's gradient goes past the outputs, as Keras' of a softmax does.

    That one is known by its value alone, the other by its gradient too.
    """
    mine, its = _numbers(case.reference), _numbers(case.port)
    of_reference = slice(mine.size)
    of_port = slice(its.size)
    note = cure(case, "", BESIDE, "") if case.port.gradient is None else ""
    for own in wholes(case.reference):
        if not close(own.numbers[of_reference], mine):
            continue
        for whole in wholes(case.reference):
            if (whole.form, whole.reduction) != (own.form, own.reduction):
                yield replace(
                    _other(case, own, whole),
                    note=note,
                    port=lambda whole=whole: whole.numbers[of_port],
                    wanted=lambda: its,
                    plain=lambda own=own: own.numbers[of_port],
                )
        return


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
