"""GELU in one form and in the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import erfc

from experiments.causes._activation_lines import SINGLE, line
from experiments.causes._case import Case
from experiments.causes._change import value
from experiments.causes._definition.activation import (
    approximate,
    gelu,
    gelu_quick,
    gelu_tanh,
)
from experiments.causes._hypothesis import Hypothesis, Numbers


def forms_of_gelu(case: Case) -> Iterator[Hypothesis]:
    """Exact, by tanh, by the logistic function, and with TensorFlow's constants."""
    side = case.reference
    x = side.inputs[0]
    own = "by tanh" if approximate(side.config) else "exact"
    forms = {
        "exact": gelu,
        "by tanh": gelu_tanh,
        "by the logistic function (x s(1.702 x))": gelu_quick,
    }
    if side.config.get("name") != "gelu":
        forms.pop("exact")  # it stands among the others
    for name, form in forms.items():
        if side.config.get("name") != "gelu":
            said = (
                f"Activation: {side.config.get('name')} in the reference, gelu {name} in the port."
            )
            yield Hypothesis("kind", said, line(case), of_values(form, x), value(side))
        elif name != own:
            said = f"Form of gelu: {own} in the reference, {name} in the port."
            yield Hypothesis("gelu", said, line(case), of_values(form, x), value(side))
    if side.config.get("name") == "gelu":
        yield from single_precision(case, own)


def single_precision(case: Case, own: str) -> Iterator[Hypothesis]:
    side = case.reference
    said = "Constants of gelu: float64 in the reference, float32 in the port."
    form = _single_tanh if own == "by tanh" else _single_exact
    yield Hypothesis(
        "constants", said, line(case), of_values(form, side.inputs[0]), value(side), note=SINGLE
    )


def _single_exact(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * erfc(-x / float(np.float32(np.sqrt(2))))


def _single_tanh(x: np.ndarray) -> np.ndarray:
    root = float(np.float32(np.sqrt(2 / np.pi)))
    cubic = float(np.float32(0.044715))
    return 0.5 * x * (1 + np.tanh(root * (x + cubic * x**3)))


def of_values(form, x: np.ndarray) -> Numbers:
    return lambda: form(x)
