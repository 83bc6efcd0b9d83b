"""The layers of a file, each with its arrays and the kinds that it can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from common.errors import UserError, nearest, shown
from experiments.converting import names
from experiments.converting.kinds import understood
from experiments.converting.laws import CLASSES, LAWS, Framework
from experiments.converting.layer import FLOATS, Layer
from experiments.converting.names import Path


def layers(
    arrays: Mapping[str, np.ndarray],
    framework: Framework,
    said: Mapping[str, str],
    heads: int | None,
) -> list[Layer]:
    """The layers of a file, in the order of their numbers.

    Args:
        arrays: The weights.
        framework: Whose names they are.
        said: What layers are, by their names: kinds or classes, where they are said and not to be
            found out.
        heads: Of attentions.

    Raises:
        UserError: An array is not known, is missing, or not shaped as the others of its layer ask
            for.
    """
    _check_numbers(arrays)
    owned: dict[Path, dict[str, str]] = defaultdict(dict)
    for name in names.split({raw: a.ndim for raw, a in arrays.items()}, framework):
        if name.own in owned[name.layer]:
            other = owned[name.layer][name.own]
            raise UserError(
                f"{shown(name.raw)} must be of a layer of its own; received {shown(other)} too, "
                "of the same name"
            )
        owned[name.layer][name.own] = name.raw
    found = [
        Layer(path, {own: arrays[raw] for own, raw in raws.items()}, raws)
        for path, raws in owned.items()
    ]
    return [understood(layer, framework, _said(said, layer, framework), heads) for layer in found]


def _said(said: Mapping[str, str], layer: Layer, framework: Framework) -> str | None:
    """The kind that is said of a layer, by either way of writing its name.

    Of a class that is not known an error.
    """
    name = next(
        (name for name in (layer.name, ".".join(layer.path), module_of(layer)) if name in said),
        None,
    )
    if name is None:
        return None
    word = said[name].lower()
    if word not in CLASSES:
        raise UserError(
            f"a layer's kind must be one that is known; received {shown(said[name])} of "
            f"{shown(name)}{nearest(word, LAWS)}"
        )
    return CLASSES[word]


def module_of(layer: Layer) -> str:
    """The module that a layer is of, as PyTorch names it: of `3[1]` it is `3`."""
    return ".".join(layer.path).partition("[")[0]


def _check_numbers(arrays: Mapping[str, np.ndarray]) -> None:
    for name, a in arrays.items():
        if a.dtype not in FLOATS:
            raise UserError(
                f"{shown(name)} must be a weight in floating point; received {a.dtype}; leave it "
                "out of the file"
            )
        if not np.isfinite(a).all():
            at = [int(i) for i in np.argwhere(~np.isfinite(a))[0]]
            raise UserError(
                f"{shown(name)} must be finite; received {a[tuple(at)]} at {at}; no weights are "
                "carried that diverged"
            )
