"""Where a port first leaves its reference: in the values going forward, and in the gradients coming back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from experiments.own.alignment import Alignment, Pair
from experiments.own.flow import behind, made
from experiments.own.tensors import Axes, Match, declared, error, match
from experiments.own.tolerance import BLIND, Tolerances
from isograd.captured import Captured, Place

Put = dict[tuple[str, int, int], np.ndarray]

WINDOWED = ("convolution", "pooling")
"""Kinds of which it matters which axis is the height: an image on its side is another input."""


class Divergence(NamedTuple):
    """Where they part.

    Attributes:
        mine: The index of the reference's place; None for the end of the model.
        its: The index of the port's; None likewise.
        own: Whether the inputs of the place agree, so that it is at fault itself; else what lies between is.
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


class Sides(NamedTuple):
    """The two captures, how their places are paired, and what a right port may be off by.

    Attributes:
        put: The port's places whose value was replaced: there it says nothing of the port any more.
    """

    reference: Captured
    port: Captured
    alignment: Alignment
    tolerances: Tolerances
    put: Collection[tuple[str, int, int]] = ()

    @property
    def mine(self) -> list[Place]:
        """The reference's places."""
        return self.reference["places"]

    @property
    def its(self) -> list[Place]:
        """The port's places."""
        return self.port["places"]

    @property
    def layouts(self) -> dict[tuple[int, int], Axes]:
        """How the port lays out tensors."""
        return self.alignment.layouts

    def agrees(self, pair: Pair) -> bool:
        """Whether the value of a pair agrees, or did before it was replaced."""
        equal = pair.match is not None and pair.match.error <= self.tolerances.values[pair.mine]
        return equal or self.replaced(pair)

    def replaced(self, pair: Pair) -> bool:
        """Whether the reference's value was put in at the port's place."""
        place = self.its[pair.its]
        return (place["path"], place["call"], place["leaf"]) in self.put


# --- going forward


def first(sides: Sides) -> Divergence | None:
    """The first place whose value leaves the reference's; None where all agree."""
    pairs = [pair for pair in sides.alignment.pairs if sides.mine[pair.mine]["kind"] != "container"]
    pair = next((pair for pair in pairs if not sides.agrees(pair) and not pair.reordered), None)
    if pair is None:
        return _at_the_end(sides)
    own = inputs_agree(sides, pair)
    between = ([], []) if own else _between(sides, pair.mine, pair.its)
    error = pair.match.error if pair.match else np.inf
    return Divergence(pair.mine, pair.its, own, *between, error, sides.tolerances.values[pair.mine])


def _at_the_end(sides: Sides) -> Divergence | None:
    """All places that can be compared agree: so does the output, or what comes last is at fault."""
    a, b = sides.reference["output"], sides.port["output"]
    if a is None or b is None:
        return None
    found, tolerance = match(a, b, sides.layouts, 0.0), max(sides.tolerances.values, default=0.0)
    error = found.error if found else np.inf
    if error <= tolerance:
        return None
    return Divergence(None, None, False, *_between(sides, len(sides.mine), len(sides.its)), error, tolerance)


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
    a: np.ndarray, b: np.ndarray, layouts: dict[tuple[int, int], Axes], axes: Axes | None, tolerance: float
) -> bool:
    """Whether two inputs are equal, in the order of the axes that both declare where they do."""
    if axes is None or not len(axes) == a.ndim == b.ndim:
        return agree(a, b, layouts, tolerance)
    return error(a, b.transpose(axes)) <= tolerance


def agree(a: np.ndarray, b: np.ndarray, layouts: dict[tuple[int, int], Axes], tolerance: float) -> bool:
    """Whether two tensors are equal up to the order of the axes."""
    found = match(a, b, layouts, tolerance)
    return found is not None and found.error <= tolerance


def _between(sides: Sides, mine: int, its: int) -> tuple[list[int], list[int]]:
    """The places after the last that agree and before a pair that does not."""
    agreed = [pair for pair in sides.alignment.pairs if sides.agrees(pair)]
    a, b = {pair.mine for pair in agreed}, {pair.its for pair in agreed}
    differing = _differing(sides, mine, its)
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

    Where the port has left a place out, or has one of another kind there, it is paired with none or with a wrong one.
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


def _differing(sides: Sides, mine: int, its: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The first input that differs of two places; None where that is not known."""
    if mine >= len(sides.mine) or its >= len(sides.its):
        return None
    tolerance = sides.tolerances.values[mine]
    pairs = zip(sides.mine[mine]["inputs"], sides.its[its]["inputs"], strict=False)
    return next((pair for pair in pairs if not agree(*pair, sides.layouts, tolerance)), None)


def _is_inner(place: Place) -> bool:
    return place["kind"] != "container"


def mended(sides: Sides, found: Divergence) -> Put:
    """What is put into the port so that it goes on with the reference's value; empty where it cannot be told where."""
    if found.mine is None or found.its is None:
        return {}
    if not found.own and (put := _put_before(sides, found.mine, found.its)):
        return put
    a, b = sides.mine[found.mine], sides.its[found.its]
    return _put(a["output"], b, sides.layouts, declared(a["layout"], b["layout"]))


def _put_before(sides: Sides, mine: int, its: int) -> Put:
    """The input of the place that differs, where the place that made it can be seen."""
    differing = _differing(sides, mine, its)
    if differing is None:
        return {}
    wanted, wrong = differing
    start = sides.its[its]["start"]
    makers = [place for place in sides.its if place["end"] < start and made(place, wrong)]
    return _put(wanted, makers[-1], sides.layouts) if makers else {}


def _put(value: np.ndarray | None, place: Place, layouts: dict[tuple[int, int], Axes], axes: Axes | None = None) -> Put:
    """A value at a place of the port: in the order of the axes that both declare, or in the likeliest."""
    output = place["output"]
    if value is None or output is None:
        return {}
    fits = axes is not None and tuple(output.shape[i] for i in axes) == value.shape
    found = Match(0.0, axes) if fits else match(value, output, layouts, 0.0)
    if found is None:
        return {}
    laid_out = found.back(value, output.shape)
    return {(place["path"], place["call"], place["leaf"]): np.ascontiguousarray(laid_out)}


# --- coming back


class Gradients(NamedTuple):
    """How far off dL/dy is at each pair, by the reference's index; and where it first is, on the way back.

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
        after: The last place of the reference where a value was put in: before it, every gradient went through what is at
            fault there.
    """
    judged = [pair for pair in sides.alignment.pairs if pair.mine > after]
    errors = {pair.mine: found for pair in judged if (found := _gradient_error(sides, pair)) is not None}
    passed_by = {pair.mine for pair in judged if _is_passed_by(sides, pair, errors)}
    errors = {i: found for i, found in errors.items() if i not in passed_by}
    wrong = [pair for pair in judged if _is_off(sides, pair, errors)]
    return Gradients(errors, wrong[-1] if wrong else None)


def _is_passed_by(sides: Sides, pair: Pair, errors: dict[int, float]) -> bool:
    """Whether the gradient goes through an activation on one side only, and is the same before it; or through a container.

    The losses of Keras take the logits that it keeps beside a sigmoid or a softmax.
    """
    place, other = sides.mine[pair.mine], sides.its[pair.its]
    if (place["gradient"] is None) == (other["gradient"] is None):
        return False
    if place["kind"] != "activation" or not place["inputs"]:
        return place["kind"] == "container"
    before = [i for i in errors if sides.mine[i]["end"] < place["start"] and made(sides.mine[i], place["inputs"][0])]
    return bool(before) and errors[before[-1]] <= sides.tolerances.gradients[before[-1]]


def _is_off(sides: Sides, pair: Pair, errors: dict[int, float]) -> bool:
    tolerance = sides.tolerances.gradients[pair.mine]
    judged = pair.mine in errors and tolerance < BLIND and sides.agrees(pair)
    return judged and sides.mine[pair.mine]["kind"] != "container" and errors[pair.mine] > tolerance


def _gradient_error(sides: Sides, pair: Pair) -> float | None:
    a, b = sides.mine[pair.mine]["gradient"], sides.its[pair.its]["gradient"]
    if (a is None and b is None) or pair.match is None:
        return None
    a = np.zeros(sides.mine[pair.mine]["shape"]) if a is None else a
    b = np.zeros(sides.its[pair.its]["shape"]) if b is None else b
    return relative(a, pair.match.of(b, a.shape))


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference as a share of the largest number of both."""
    largest = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
    if not largest:
        return 0.0
    return float(np.abs(a - b).max()) / largest if np.isfinite(largest) else np.inf


class ParameterError(NamedTuple):
    """How far off the gradient of a parameter is."""

    path: str
    name: str
    error: float
    tolerance: float


def parameters(sides: Sides, carried: dict[str, str]) -> Iterator[ParameterError]:
    """The gradients of all parameters that can be judged, and of what is a parameter in the port alone."""
    for path, other in carried.items():
        mine, its = sides.reference["layers"][path], sides.port["layers"][other]
        held = {**mine["parameters"], **mine["statistics"]}
        for name in [each for each in held if each in its["parameters"]]:
            a, b = mine["gradients"].get(name), its["gradients"].get(name)
            tolerance = sides.tolerances.parameters[path].get(name, sides.tolerances.loss)
            if (a is None and b is None) or tolerance >= BLIND:
                continue
            zero = np.zeros(held[name].shape)
            error = relative(zero if a is None else a, zero if b is None else b)
            yield ParameterError(path, name, error, tolerance)
