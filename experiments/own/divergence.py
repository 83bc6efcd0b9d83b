"""Where a port first leaves its reference, in the values going forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from experiments.own.alignment import Pair
from experiments.own.flow import behind
from experiments.own.sides import Sides
from experiments.own.tensors import Axes, declared, error, match
from isograd.captured import Place

WINDOWED = ("convolution", "pooling")
"""Kinds of which it matters which axis is the height: an image on its side is another input."""


class Divergence(NamedTuple):
    """Where they part.

    Attributes:
        mine: The index of the reference's place; None for the end of the model.
        its: The index of the port's; None likewise.
        own: Whether the inputs of the place agree, so that it is at fault itself; else what lies
            between is.
        between_mine: The reference's places after the last that agrees.
        between_its: The port's.
        error: Of the value, or of the gradient.
        tolerance: Of it.
    """

    mine: int | None
    its: int | None
    own: bool
    between_mine: list[int]
    between_its: list[int]
    error: float
    tolerance: float


def first(sides: Sides) -> Divergence | None:
    """The first place whose value leaves the reference's; None where all agree."""
    pairs = [pair for pair in sides.alignment.pairs if sides.mine[pair.mine]["kind"] != "container"]
    pair = next((pair for pair in pairs if not sides.agrees(pair) and not pair.reordered), None)
    if pair is None:
        return _at_the_end(sides)
    own = inputs_agree(sides, pair)
    between = ([], []) if own else _between(sides, pair.mine, pair.its)
    error = pair.match.error if pair.match else np.inf
    return Divergence(
        pair.mine, _product(sides, pair), own, *between, error, sides.tolerances.values[pair.mine]
    )


def _product(sides: Sides, pair: Pair) -> int:
    """The port's place.

    Where it is a factor of an activation that is written out, x * sigmoid(x), their product.

    Where the reference has written it out as well, factor is held to factor.
    """
    mine, its = sides.mine[pair.mine], sides.its[pair.its]
    if not (mine["kind"] == its["kind"] == "activation" and mine["inputs"]):
        return pair.its
    x = mine["inputs"][0]
    tolerance = sides.tolerances.values[pair.mine]

    def products(places: list[Place], factor: np.ndarray | None) -> list[int]:
        def takes(inputs: list[np.ndarray]) -> bool:
            own = any(agree(x, each, sides.layouts, tolerance) for each in inputs)
            return own and factor is not None and any(_is(each, factor) for each in inputs)

        return [
            i
            for i, place in enumerate(places)
            if place["kind"] == "multiply" and takes(place["inputs"])
        ]

    found = [] if products(sides.mine, mine["output"]) else products(sides.its, its["output"])
    return found[0] if found else pair.its


def _at_the_end(sides: Sides) -> Divergence | None:
    """All places that can be compared agree: so does the output, or what comes last is at fault."""
    a, b = sides.reference["output"], sides.port["output"]
    if a is None or b is None:
        return None
    found = match(a, b, sides.layouts, 0.0)
    tolerance = max(sides.tolerances.values, default=0.0)
    error = found.error if found else np.inf
    if error <= tolerance:
        return None
    return Divergence(
        None, None, False, *_between(sides, len(sides.mine), len(sides.its)), error, tolerance
    )


def inputs_agree(sides: Sides, pair: Pair) -> bool:
    """Whether what goes into both places agrees; where nothing is known to go in, it does not."""
    mine, its = sides.mine[pair.mine], sides.its[pair.its]
    if not mine["inputs"] or not its["inputs"]:
        return False
    tolerance = sides.tolerances.values[pair.mine]
    axes = declared(mine["layout"], its["layout"]) if mine["kind"] in WINDOWED else None
    pairs = zip(mine["inputs"], its["inputs"], strict=False)
    return all(_input_agrees(*each, sides.layouts, axes, tolerance) for each in pairs)


def _input_agrees(
    a: np.ndarray,
    b: np.ndarray,
    layouts: dict[tuple[int, int], Axes],
    axes: Axes | None,
    tolerance: float,
) -> bool:
    """Whether two inputs are equal, in the order of the axes that both declare where they do."""
    if axes is None or not len(axes) == a.ndim == b.ndim:
        return agree(a, b, layouts, tolerance)
    return error(a, b.transpose(axes)) <= tolerance


def agree(
    a: np.ndarray, b: np.ndarray, layouts: dict[tuple[int, int], Axes], tolerance: float
) -> bool:
    """Whether two tensors are equal up to the order of the axes."""
    found = match(a, b, layouts, tolerance)
    return found is not None and found.error <= tolerance


def _between(sides: Sides, mine: int, its: int) -> tuple[list[int], list[int]]:
    """The places after the last that agree and before a pair that does not."""
    agreed = [pair for pair in sides.alignment.pairs if sides.agrees(pair)]
    a = {pair.mine for pair in agreed}
    b = {pair.its for pair in agreed}
    differing = differing_inputs(sides, mine, its)
    if differing is not None:
        between = behind(sides.mine, differing[0], mine, a), behind(sides.its, differing[1], its, b)
        if any(between):
            return between
    before = [pair for pair in agreed if pair.mine < mine and pair.its < its]
    low = max((pair.mine for pair in before), default=-1)
    other_low = max((pair.its for pair in before), default=-1)
    between_mine = [i for i in range(low + 1, mine) if _is_inner(sides.mine[i]) and i not in a]
    return between_mine, [j for j in range(other_low + 1, its) if _is_inner(sides.its[j])]


def as_used(sides: Sides, found: Divergence) -> Iterator[Divergence]:
    """The same difference, seen by the places that take what this place of the reference gives.

    Where the port has left a place out, or has one of another kind there, it is paired with none or
    with a wrong one.
    """
    if found.mine is None or found.own:
        return
    output = sides.mine[found.mine]["output"]
    for pair in sides.alignment.pairs:
        place = sides.mine[pair.mine]
        takes = pair.mine > found.mine and place["kind"] != "container" and not sides.agrees(pair)
        if takes and output is not None and any(_is(each, output) for each in place["inputs"]):
            between = _between(sides, pair.mine, pair.its)
            if found.mine in between[0]:
                yield Divergence(pair.mine, pair.its, False, *between, found.error, found.tolerance)


def _is(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def differing_inputs(sides: Sides, mine: int, its: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The first input that differs of two places; None where that is not known."""
    if mine >= len(sides.mine) or its >= len(sides.its):
        return None
    tolerance = sides.tolerances.values[mine]
    pairs = zip(sides.mine[mine]["inputs"], sides.its[its]["inputs"], strict=False)
    return next((pair for pair in pairs if not agree(*pair, sides.layouts, tolerance)), None)


def _is_inner(place: Place) -> bool:
    return place["kind"] != "container"
