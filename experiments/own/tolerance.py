"""How far a right port may be off, computed from the reference itself.

Its weights are moved by one unit in the last place, which no other framework can be asked to keep,
and it is seen how far each place moves. The place's tolerance is a hundred times the largest such
move, or a hundred times the machine epsilon for each layer, whichever is larger; of values and of
gradients by themselves.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from experiments.own.tensors import error
from isograd.captured import Captured, Layer

REPEATED = 3
FACTOR = 100.0
BLIND = 1.0
"""A tolerance as large as the numbers themselves: nothing is judged by it."""

Arrays = dict[str, np.ndarray]


class Reference(Protocol):
    """A model that runs: `experiments.own.interpreter.Interpreter`."""

    def capture(self, values: bool = True, gradient: bool = True) -> Captured:
        """A pass."""
        ...

    def write(self, layers: dict[str, Arrays]) -> None:
        """Set weights."""
        ...


class Tolerances(NamedTuple):
    """At each place of the reference, relative to the largest number there.

    Attributes:
        values: Of the output.
        gradients: Of dL/dy.
        loss: Of the loss.
        parameters: Of the gradient of each parameter, by layer and name.
    """

    values: list[float]
    gradients: list[float]
    loss: float
    parameters: dict[str, dict[str, float]]


def tolerances(captured: Captured, model: Reference | None = None) -> Tolerances:
    """What a right port may be off by.

    Args:
        captured: Of the reference.
        model: It, to be run with weights that are moved; they are put back. Without it, of a
            capture that was kept, what the layers' rounding alone may do counts, with ten times the
            factor.
    """
    if model is None:
        return _least(captured, 10 * FACTOR)
    least = _least(captured, FACTOR)
    for turn in range(REPEATED):
        model.write({path: _moved(layer, turn) for path, layer in captured["layers"].items()})
        least = _larger(least, captured, model.capture())
    model.write({path: _arrays(layer) for path, layer in captured["layers"].items()})
    return least


def _least(captured: Captured, factor: float) -> Tolerances:
    least = factor * max(1, len(captured["layers"])) * _epsilon(captured)
    count = len(captured["places"])
    parameters = {
        path: dict.fromkeys(layer["parameters"], least)
        for path, layer in captured["layers"].items()
    }
    return Tolerances([least] * count, [least] * count, least, parameters)


def _epsilon(captured: Captured) -> float:
    return float(np.finfo("float64" if captured["precision"] == "float64" else "float32").eps)


def _larger(least: Tolerances, a: Captured, b: Captured) -> Tolerances:
    """With what one move has done."""
    places = list(zip(a["places"], b["places"], strict=True))
    values = [_apart(one["output"], other["output"]) for one, other in places]
    gradients = [_apart(one["gradient"], other["gradient"]) for one, other in places]
    loss = abs(a["loss"] - b["loss"]) / max(abs(a["loss"]), np.finfo(float).tiny)
    parameters = {
        path: {
            name: max(old, FACTOR * _moved_gradient(a, b, path, name))
            for name, old in names.items()
        }
        for path, names in least.parameters.items()
    }
    return Tolerances(
        [max(old, FACTOR * new) for old, new in zip(least.values, values, strict=True)],
        [max(old, FACTOR * new) for old, new in zip(least.gradients, gradients, strict=True)],
        max(least.loss, FACTOR * loss),
        parameters,
    )


def _moved_gradient(a: Captured, b: Captured, path: str, name: str) -> float:
    return _apart(
        a["layers"][path]["gradients"].get(name), b["layers"][path]["gradients"].get(name)
    )


def _apart(a: np.ndarray | None, b: np.ndarray | None) -> float:
    """0 where nothing was captured, or where a move leads to another side of a kink.

    Such a place tells nothing of rounding.
    """
    found = 0.0 if a is None or b is None else error(a, b)
    return found if np.isfinite(found) else 0.0


def _arrays(layer: Layer) -> Arrays:
    return {**layer["parameters"], **layer["statistics"]}


def _moved(layer: Layer, turn: int) -> Arrays:
    """Each weight's neighbour, up or down as it is drawn."""
    rng = np.random.default_rng([turn, len(layer["parameters"])])
    return {
        name: np.nextafter(a, a + rng.choice([-1.0, 1.0], a.shape).astype(a.dtype))
        for name, a in _arrays(layer).items()
    }
