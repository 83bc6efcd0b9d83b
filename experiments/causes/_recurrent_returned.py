"""What a recurrent layer returns, of all its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from experiments.causes._case import Case
from experiments.causes._change import configured, cure, value
from experiments.causes._hypothesis import Hypothesis, Numbers
from experiments.causes._recurrent_lines import line_of

REDUCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the last step": lambda y: y[:, -1],
    "the last step but one": lambda y: y[:, -2],
    "the first step": lambda y: y[:, 0],
    "the second step": lambda y: y[:, 1],
    "the mean over the steps": lambda y: y.mean(1),
    "the largest over the steps": lambda y: y.max(1),
    "the sum over the steps": lambda y: y.sum(1),
}


def returned(case: Case) -> Iterator[Hypothesis]:
    """Of a layer that returns one step."""
    side = case.reference
    if not side.config.get("last"):
        return
    whole = value(configured(side, last=False))
    line = cure(case, "y[:, -1]", line_of(case, "return_sequences=False"), "y[:, -1]")
    for words, form in REDUCTIONS.items():
        yield _said_returned(case, words, line, lambda form=form: form(whole()))
    if side.config["cell"] == "lstm":
        yield _said_returned(
            case,
            "the state of the cell, not its output,",
            line,
            value(configured(side, state=True)),
        )
    for other in case.agreed:
        if other.kind == "recurrent" and other.output is not None and other.output.ndim == 3:
            steps = other.output
            for words, form in REDUCTIONS.items():
                yield _said_returned(
                    case,
                    f"{words} of {other.path}",
                    line,
                    lambda form=form, steps=steps: form(steps),
                )


def _said_returned(case: Case, words: str, line: str, port: Numbers) -> Hypothesis:
    said = (
        f"What {case.reference.path} returns: the last step in the reference, {words} in the port."
    )
    return Hypothesis("returned", said, line, port, value(case.reference))
