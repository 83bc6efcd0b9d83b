"""The reference's values put into a port where it leaves them.

So what comes after is judged with right inputs.
"""

from __future__ import annotations

import numpy as np

from experiments.own.divergence import Divergence, differing_inputs
from experiments.own.flow import made
from experiments.own.sides import Sides
from experiments.own.tensors import Axes, Match, declared, match
from isograd.captured import Place

Put = dict[tuple[str, int, int], np.ndarray]


def mended(sides: Sides, found: Divergence) -> Put:
    """What is put into the port so that it goes on with the reference's value.

    Empty where it cannot be told where.
    """
    if found.mine is None or found.its is None:
        return {}
    if not found.own and (put := _put_before(sides, found.mine, found.its)):
        return put
    a, b = sides.mine[found.mine], sides.its[found.its]
    return _put(a["output"], b, sides.layouts, declared(a["layout"], b["layout"]))


def _put_before(sides: Sides, mine: int, its: int) -> Put:
    """The input of the place that differs, where the place that made it can be seen."""
    differing = differing_inputs(sides, mine, its)
    if differing is None:
        return {}
    wanted, wrong = differing
    start = sides.its[its]["start"]
    makers = [place for place in sides.its if place["end"] < start and made(place, wrong)]
    return _put(wanted, makers[-1], sides.layouts) if makers else {}


def _put(
    value: np.ndarray | None,
    place: Place,
    layouts: dict[tuple[int, int], Axes],
    axes: Axes | None = None,
) -> Put:
    """A value at a place of the port: in the order of axes that both declare, or the likeliest."""
    output = place["output"]
    if value is None or output is None:
        return {}
    fits = axes is not None and tuple(output.shape[i] for i in axes) == value.shape
    found = Match(0.0, axes) if fits else match(value, output, layouts, 0.0)
    if found is None:
        return {}
    laid_out = found.back(value, output.shape)
    return {(place["path"], place["call"], place["leaf"]): np.ascontiguousarray(laid_out)}
