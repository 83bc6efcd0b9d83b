"""Skip connection: missing, from elsewhere, scaled, or beyond an activation or normalization."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import close, told
from experiments.causes._formula import (
    ENOUGH,
    Function,
    Term,
    chains,
    matching,
    named,
    normalizations,
    operands,
    sums,
    through,
)
from experiments.causes._hypothesis import Hypothesis, Numbers, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = "docs/migration/skip.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    if case.partial and case.reference.kind == "add":
        yield from _dropped(case)
    if (
        case.partial
        or mine is None
        or its is None
        or mine.shape != its.shape
        or not varied(its, ENOUGH)
    ):
        return
    ours = matching(sums(case), mine)
    theirs = [*matching(chains(case), its), *matching(sums(case), its)] if ours else []
    for term in ours[:4]:
        yield from (_formula(term, other) for other in theirs[:8] if _related(term, other))
    yield from _scaled(case, mine, its)
    yield from _into_the_sum(case, mine, its)
    if not ours:
        yield from _too_much(case, mine, its)


def _dropped(case: Case) -> Iterator[Hypothesis]:
    """Of what a sum adds, the port has one; also where the other is the same for all samples."""
    side = case.reference
    if len(side.inputs) != 2 or side.output is None:
        return
    for kept, lost in permutations(range(2)):
        if side.inputs[kept].shape == side.output.shape:
            name = named(case, side.inputs[lost], f"input {lost + 1}").text
            said = f"Skip connection: {name} of the sum {side.path} is missing in the port."
            hands_on = side.inputs[kept]
            whole = side.inputs[kept] + side.inputs[lost]
            yield Hypothesis("missing", said, "h = x + y", _constant(hands_on), _constant(whole))


def _constant(value: np.ndarray) -> Numbers:
    return lambda: value


def _into_the_sum(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """In front of a sum: another value goes into it, or a normalization of the right one."""
    if (
        case.reference.kind != "between"
        or not case.after_reference
        or case.after_reference[0].kind != "add"
    ):
        return
    terms = operands(case, like=mine)
    ours = [term for term in terms if close(term.value, mine, 1e-12)]
    normal = [
        term
        for own in ours
        for name, f in normalizations(case).items()
        if (term := through(name, f, own)) is not None
    ]
    for own in ours[:1]:
        for other in matching(iter([*terms, *normal]), its):
            where = case.after_reference[0].path
            said = (
                f"Skip connection from elsewhere: {own.text} goes into {where} in the reference, "
                f"{other.text} in the port."
            )
            yield Hypothesis(
                "source", said, "h = x + y", _constant(other.value), _constant(own.value)
            )


def _related(mine: Term, its: Term) -> bool:
    """Of the same arrays, of fewer of them, or with one of them replaced."""
    return len(set(mine.of) & set(its.of)) >= min(len(mine.of), len(its.of)) - (len(its.of) == 2)


def _formula(mine: Term, its: Term) -> Hypothesis:
    lost = [name for name in mine.of if name not in its.of]
    if len(its.of) < len(mine.of):
        name = "missing"
        word = f"Skip connection: {' and '.join(lost)} is missing in the port: "
    elif lost:
        name, word = "source", "Skip connection from elsewhere: "
    else:
        name, word = "order", "Order of sum and function: "
    said = f"{word}{mine.text} in the reference, {its.text} in the port."
    return Hypothesis(name, said, mine.line(), lambda: its.value, lambda: mine.value)


def _scaled(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """One of two is multiplied by a number that is solved for.

    Where a ReLU is behind the sum, of what it lets through.
    """
    for a, b in permutations(operands(case, like=mine), 2):
        if not a.value.shape == b.value.shape == mine.shape:
            continue
        for name, function in (("", _same), ("relu", _relu)):
            if close(function(a.value + b.value), mine):
                yield from _factor(a, b, its, name, function)


def _factor(
    a: Term, b: Term, its: np.ndarray, name: str, function: Function
) -> Iterator[Hypothesis]:
    seen = its > 0 if name else np.ones(its.shape, dtype=bool)
    branch, rest = a.value[seen], (its - b.value)[seen]
    factor = (
        float(f"{float(np.vdot(branch, rest) / np.vdot(branch, branch)):.8g}")
        if np.any(branch)
        else 0.0
    )
    line = f"h = {name}(x + y)" if name else "h = x + y"
    said = (
        f"Scale of {a.text} in the sum with {b.text}: 1 in the reference, {told(factor)} in the "
        "port (solved from the outputs)."
    )
    if abs(factor) > 1e-9:
        yield Hypothesis(
            "scale", said, line, lambda: function(factor * a.value + b.value), solved=True
        )


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def _weighed(branch: np.ndarray, rest: np.ndarray, factor: float) -> Numbers:
    return lambda: factor * branch + rest


def _too_much(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """The port adds what the reference does not."""
    for term in operands(case, like=mine):
        if (
            term.value.shape == its.shape
            and varied(term.value, ENOUGH)
            and not close(term.value, mine)
        ):
            said = f"Skip connection: none in the reference, {term.text} is added in the port."
            yield Hypothesis("added", said, "h = x", _weighed(term.value, mine, 1.0))
            said = f"Skip connection: {term.text} is added in the reference, missing in the port."
            yield Hypothesis("missing", said, "h = x + y", _weighed(term.value, mine, -1.0), rank=1)
