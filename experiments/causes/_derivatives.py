"""Derivatives that a port may have for the reference's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from experiments.causes._case import Case
from experiments.causes._change import close, cure, told
from experiments.causes._definition.activation import FIXED, gelu, gelu_tanh
from experiments.causes._hypothesis import Hypothesis


def derivative(form: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """By central differences of the fourth order."""
    h = 1e-3
    return (8 * (form(x + h) - form(x - h)) - (form(x + 2 * h) - form(x - 2 * h))) / (12 * h)


def another(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """Of an activation right behind it, of which the value is right."""
    x = case.reference.output
    behind = next((f for f in case.follows if f.kind == "activation"), None)
    if (
        x is None
        or behind is None
        or behind.gradient is None
        or behind.gradient.shape != x.shape
        or x.shape != mine.shape
    ):
        return
    back = behind.gradient
    name = str(behind.config.get("name"))
    line = cure(
        case, f"torch.nn.functional.{name}(x)", f"keras.activations.{name}(x)", f"jax.nn.{name}(x)"
    )
    yield from _kink(case, mine, its, x, back, line)
    smooth = np.abs(x) > 3e-3  # the differences must not reach across a kink
    if close(mine[smooth], its[smooth]):
        return
    for other, form in {**FIXED, "gelu": gelu, "gelu by tanh": gelu_tanh}.items():
        said = (
            f"Derivative of {behind.path}: that of {name} in the reference, that of {other} in the "
            "port."
        )
        guess = np.where(smooth, back * derivative(form, x), its)
        yield Hypothesis("derivative", said, line, lambda guess=guess: guess)
    said = (
        f"Derivative of {behind.path}: that of {name} in the reference, 1/2 everywhere in the port."
    )
    yield Hypothesis("derivative", said, line, lambda: back / 2)


def _kink(
    case: Case, mine: np.ndarray, its: np.ndarray, x: np.ndarray, back: np.ndarray, line: str
) -> Iterator[Hypothesis]:
    """Where the activation's input is exactly 0."""
    at = (x == 0) & (back != 0)
    if not np.any(at) or np.all(at):
        return
    ours, theirs = (float(np.median(gradient[at] / back[at])) for gradient in (mine, its))
    both = f"{told(ours)} in the reference, {told(theirs)} in the port"
    said = f"Derivative at 0 of the activation behind {case.reference.path}: {both}."
    note = "The frameworks differ in what a kink's derivative is."
    yield Hypothesis("kink", said, line, lambda: np.where(at, theirs * back, mine), note=note)
