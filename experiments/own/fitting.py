"""Whether a layer of the port can have the weights of one of the reference's, and which of them."""

from __future__ import annotations

import numpy as np

from isograd.captured import Layer

Arrays = dict[str, np.ndarray]


def arrays_of(layer: Layer) -> Arrays:
    """Its parameters and statistics, by canonical name."""
    return {**layer["parameters"], **layer["statistics"]}


def fits(mine: Layer, its: Layer, exact: bool) -> bool:
    """Whether a layer can have another's weights: all of them, or those that it has itself."""
    if mine["kind"] != its["kind"]:
        return False
    if mine["kind"] == "other":
        return _as_they_are(mine, its) is not None
    a = arrays_of(mine)
    b = arrays_of(its)
    if exact and set(a) != set(b):
        return False
    shared = set(a) & set(b)
    return bool(shared) and all(a[name].shape == b[name].shape for name in shared)


def shared_arrays(mine: Layer, its: Layer) -> Arrays:
    """The reference's arrays written into the port's layer, which they fit, by its names."""
    if mine["kind"] == "other":
        found = _as_they_are(mine, its)
        assert found is not None
        return found
    return {name: array for name, array in arrays_of(mine).items() if name in arrays_of(its)}


def _as_they_are(mine: Layer, its: Layer) -> Arrays | None:
    """The arrays of a user's own layer, by the names of the port.

    It gives these to those of the same shapes, in their order.
    """
    left = list(arrays_of(mine).values())
    found: Arrays = {}
    for name, array in arrays_of(its).items():
        i = next((i for i, one in enumerate(left) if one.shape == array.shape), None)
        if i is None:
            return None
        found[name] = left.pop(i)
    return None if left or not found else found
