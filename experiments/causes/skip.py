"""Skip connection: missing, taken from elsewhere, scaled, or on the other side of an activation or normalization."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import told
from experiments.causes._formula import ENOUGH, Term, chains, matching, operands, sums
from experiments.causes._hypothesis import Hypothesis, Numbers, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = "docs/migration/skip.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    if mine is None or its is None or mine.shape != its.shape or not varied(its, ENOUGH):
        return
    ours = matching(sums(case), mine)
    theirs = [*matching(chains(case), its), *matching(sums(case), its)] if ours else []
    for term in ours[:4]:
        yield from (_formula(term, other) for other in theirs[:8] if _related(term, other))
    yield from _scaled(case, ours, mine, its)
    if not ours:
        yield from _too_much(case, mine, its)


def _related(mine: Term, its: Term) -> bool:
    """Of the same arrays, of fewer of them, or with one of them replaced."""
    return len(set(mine.of) & set(its.of)) >= min(len(mine.of), len(its.of)) - (len(its.of) == 2)


def _formula(mine: Term, its: Term) -> Hypothesis:
    lost = [name for name in mine.of if name not in its.of]
    if len(its.of) < len(mine.of):
        name, word = "missing", f"Skip connection: {' and '.join(lost)} is missing in the port: "
    elif lost:
        name, word = "source", "Skip connection from elsewhere: "
    else:
        name, word = "order", "Order of sum and function: "
    said = f"{word}{mine.text} in the reference, {its.text} in the port."
    return Hypothesis(name, said, f"h = {_code(mine)}", lambda: its.value, lambda: mine.value)


def _code(term: Term) -> str:
    """The formula with letters, as a line of Python."""
    text = term.text
    for letter, name in zip("xyz", dict.fromkeys(term.of), strict=False):
        text = text.replace(name or "the model's input", letter)
    head = text.split("(")[0]
    return text if head.isidentifier() or "(" not in text or "+" in head else f"layer{text[len(head) :]}"


def _scaled(case: Case, ours: list[Term], mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """One of two is multiplied by a number: that and the number's own place are solved for."""
    arrays = {term.text: term.value for term in operands(case)}
    for term in ours:
        names = term.text.split(" + ")
        if len(names) != 2 or not all(name in arrays for name in names):
            continue
        for one, other in (names, names[::-1]):
            branch, rest = arrays[one], arrays[other]
            factor = float(f"{float(np.vdot(branch, its - rest) / np.vdot(branch, branch)):.8g}")
            said = f"Scale of {one} in the sum: 1 in the reference, {told(factor)} in the port (solved from the outputs)."
            if abs(factor) > 1e-9:
                port = _weighed(branch, rest, factor)
                yield Hypothesis("scale", said, "h = x + y", port, solved=True)
        return


def _weighed(branch: np.ndarray, rest: np.ndarray, factor: float) -> Numbers:
    return lambda: factor * branch + rest


def _too_much(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """The port adds what the reference does not."""
    for term in operands(case):
        if term.value.shape == its.shape and varied(term.value, ENOUGH):
            said = f"Skip connection: none in the reference, {term.text} is added in the port."
            yield Hypothesis("added", said, "h = x", _weighed(term.value, mine, 1.0))
            said = f"Skip connection: {term.text} is added in the reference, missing in the port."
            yield Hypothesis("missing", said, "h = x + y", _weighed(term.value, mine, -1.0), rank=1)
