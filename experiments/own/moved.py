"""How far off a port is in what moves: parameters in a step, and running statistics in a pass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.own.sides import Sides
from experiments.own.tensors import relative
from experiments.own.tolerance import BLIND
from isograd.captured import Place, Step


def step_error(
    sides: Sides, mine: list[Step], its: list[Step], carried: Mapping[str, str]
) -> float | None:
    """The largest difference of a step, as a share of the layer's largest.

    None where no parameter can be judged.
    """
    found: list[float] = []
    before = {path: layer["parameters"] for path, layer in sides.reference["layers"].items()}
    for one, other in zip(mine, its, strict=True):
        for path, port_path in carried.items():
            for name, old in before[path].items():
                a = one["parameters"][path][name]
                b = other["parameters"].get(port_path, {}).get(name)
                tolerance = sides.tolerances.parameters[path].get(name, np.inf)
                if b is None or b.shape != a.shape or tolerance >= BLIND:
                    continue
                found.append(relative(a - old, b - old) - tolerance)
    return max(found, default=None)


def statistics_error(sides: Sides, place: Place, other: Place) -> float:
    """The largest difference of a normalization's statistics, as a share of each one's largest.

    0 where it has none.
    """
    mine = sides.reference["statistics"].get(place["path"], {})
    its = sides.port["statistics"].get(other["path"], {})
    return max((relative(a, its[name]) for name, a in mine.items() if name in its), default=0.0)
