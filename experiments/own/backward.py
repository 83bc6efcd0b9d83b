"""Where a port first leaves its reference in the gradients coming back.

DL/dy of the places, and those of parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from experiments.own.alignment import Pair
from experiments.own.flow import made
from experiments.own.sides import Sides
from experiments.own.tensors import relative
from experiments.own.tolerance import BLIND


class Gradients(NamedTuple):
    """How far off dL/dy is at each pair, by the reference's index; where it first is, going back.

    Attributes:
        errors: Where both have one; infinite where one has and the other has not.
        first: The pair, or None.
    """

    errors: dict[int, float]
    first: Pair | None


def gradients(sides: Sides, after: int) -> Gradients:
    """The gradients of all pairs whose values agree.

    Args:
        sides: The two.
        after: The last place of the reference where a value was put in: before it, every gradient
            went through what is at fault there.
    """
    judged = [pair for pair in sides.alignment.pairs if pair.mine > after]
    errors = {
        pair.mine: found for pair in judged if (found := _gradient_error(sides, pair)) is not None
    }
    passed_by = {pair.mine for pair in judged if _is_passed_by(sides, pair, errors)}
    errors = {i: found for i, found in errors.items() if i not in passed_by}
    wrong = [pair for pair in judged if _is_off(sides, pair, errors)]
    return Gradients(errors, wrong[-1] if wrong else None)


def _is_passed_by(sides: Sides, pair: Pair, errors: dict[int, float]) -> bool:
    """Whether the gradient goes through an activation on one side only, and is the same before it.

    Or through a container.

    The losses of Keras take the logits that it keeps beside a sigmoid or a softmax.
    """
    place, other = sides.mine[pair.mine], sides.its[pair.its]
    if (place["gradient"] is None) == (other["gradient"] is None):
        return False
    if place["kind"] != "activation" or not place["inputs"]:
        return place["kind"] == "container"
    before = [
        i
        for i in errors
        if sides.mine[i]["end"] < place["start"] and made(sides.mine[i], place["inputs"][0])
    ]
    return bool(before) and errors[before[-1]] <= sides.tolerances.gradients[before[-1]]


def _is_off(sides: Sides, pair: Pair, errors: dict[int, float]) -> bool:
    tolerance = sides.tolerances.gradients[pair.mine]
    judged = pair.mine in errors and tolerance < BLIND and sides.agrees(pair)
    return judged and sides.mine[pair.mine]["kind"] != "container" and errors[pair.mine] > tolerance


def _gradient_error(sides: Sides, pair: Pair) -> float | None:
    a = sides.mine[pair.mine]["gradient"]
    b = sides.its[pair.its]["gradient"]
    if (a is None and b is None) or pair.match is None:
        return None
    a = np.zeros(sides.mine[pair.mine]["shape"]) if a is None else a
    b = np.zeros(sides.its[pair.its]["shape"]) if b is None else b
    return relative(a, pair.match.of(b, a.shape))


class ParameterError(NamedTuple):
    """How far off the gradient of a parameter is."""

    path: str
    name: str
    error: float
    tolerance: float


def parameters(sides: Sides, carried: dict[str, str]) -> Iterator[ParameterError]:
    """The gradients of all parameters that can be judged, and of parameters in the port alone."""
    for path, other in carried.items():
        mine = sides.reference["layers"][path]
        its = sides.port["layers"][other]
        held = {**mine["parameters"], **mine["statistics"]}
        for name in [each for each in held if each in its["parameters"]]:
            a = mine["gradients"].get(name)
            b = its["gradients"].get(name)
            tolerance = sides.tolerances.parameters[path].get(name, sides.tolerances.loss)
            if (a is None and b is None) or tolerance >= BLIND:
                continue
            zero = np.zeros(held[name].shape)
            error = relative(zero if a is None else a, zero if b is None else b)
            yield ParameterError(path, name, error, tolerance)
