"""Weights: another layer's, or others than the reference's, in a layer that computes the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import alternative, held_line, sides_of_layers
from experiments.causes._hypothesis import Hypothesis, error, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if not side.parameters or not side.inputs or side.output is None or not varied(side.output):
        return
    line = held_line(case)
    for path, arrays in sides_of_layers(case):
        said = f"Weights of {side.path}: its own in the reference, those of {path} in the port."
        yield alternative(case, "swapped", said, line, replace(side, parameters=arrays))
        yield from _one_of(case, path, arrays, line)
    yield from _held(case, line)


def _one_of(case: Case, path: str, arrays, line: str) -> Iterator[Hypothesis]:
    """One array of another layer."""
    side = case.reference
    for name, array in arrays.items():
        if len(arrays) > 1:
            said = (
                f"{name.capitalize()} of {side.path}: its own in the reference, that of {path} in "
                "the port."
            )
            yield alternative(
                case,
                "swapped",
                said,
                line,
                replace(side, parameters={**side.parameters, name: array}),
            )


def _held(case: Case, line: str) -> Iterator[Hypothesis]:
    """Those that the port says it has."""
    side, held = case.reference, case.port.parameters
    other = [
        name
        for name, array in side.parameters.items()
        if name in held and _differs(array, held[name])
    ]
    if other and held.keys() == side.parameters.keys():
        worst = max(error(held[name], side.parameters[name]) for name in other)
        said = (
            f"{' and '.join(other).capitalize()} of {side.path}: the port holds others than the "
            f"reference, {worst:.2g} off."
        )
        yield alternative(case, "held", said, line, replace(side, parameters=held), rank=1)


def _differs(mine: np.ndarray, its: np.ndarray) -> bool:
    return mine.shape != its.shape or not np.allclose(mine, its, rtol=1e-9, atol=0)
