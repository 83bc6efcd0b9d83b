"""Parameters and statistics into a model, by path and canonical name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .arrays import array
from .owners import Entry
from .weights import Weight


def write(entries: list[Entry], layers: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Set what is given, all of it, or nothing where one does not fit.

    Raises:
        ValueError: There is no such layer or name, or an array has not the shape that is needed.
    """
    known = {entry.path: {weight.name: weight for weight in entry.weights} for entry in entries}
    new: dict[int, np.ndarray] = {}
    variables = {
        id(weight.variable): weight.variable for entry in entries for weight in entry.weights
    }
    for path, given in layers.items():
        if path not in known:
            raise ValueError(f"no layer has the path {path!r}; there are {', '.join(known)}")
        for name, values in given.items():
            if name not in known[path]:
                raise ValueError(
                    f"the layer {path!r} has no {name!r}; it has {', '.join(known[path])}"
                )
            weight = known[path][name]
            old = new.get(id(weight.variable))
            new[id(weight.variable)] = _placed(path, weight, np.asarray(values), old)
    for key, values in new.items():
        variables[key].assign(values)


def _placed(path: str, weight: Weight, values: np.ndarray, old: np.ndarray | None) -> np.ndarray:
    """The variable's new value in Keras' layout, of which the canonical array can be one row."""
    whole = array(weight.variable.value) if old is None else old
    needed = weight.turn(weight.of(whole)).shape
    if values.shape != needed:
        raise ValueError(
            f"{weight.name!r} of the layer {path!r} has to have the shape {needed}; received "
            f"{values.shape}"
        )
    if weight.row is None:
        return weight.back(values)
    whole[weight.row] = weight.back(values)
    return whole
