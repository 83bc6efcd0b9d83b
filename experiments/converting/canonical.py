"""The canonical form of a layer's arrays, and the way back, by the laws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.errors import UserError
from experiments.converting import axes
from experiments.converting.axes import Sizes
from experiments.converting.laws import GATES, LAWS, PART, Framework, Law, base, letters, names_of
from experiments.converting.layer import Layer

Arrays = dict[str, np.ndarray]


def canonical(layer: Layer, framework: Framework, kind: str) -> Arrays:
    """The arrays in the canonical layouts of `isograd.kinds.KINDS`, by canonical name."""
    sizes = known_sizes(kind, framework, layer, layer.heads)
    found: Arrays = {}
    for canonical_name, law in LAWS[kind].items():
        there = [name for name in names_of(kind, framework, law) if name in layer.own]
        if not there:
            continue
        pieces = [part_of(law, framework, layer.own[name]) for name in there]
        found[canonical_name] = _turned(law, kind, framework, pieces, sizes)
    return found


def _turned(
    law: Law, kind: str, framework: Framework, pieces: list[np.ndarray], sizes: Sizes
) -> np.ndarray:
    name, layout = law.there(framework)
    if "{gate}" in name:
        return np.stack(pieces)
    if name == "hn.bias":
        return np.stack([np.zeros_like(pieces[0])] * 2 + pieces)
    a = axes.rearranged(pieces[0], layout, law.canonical, sizes)
    if kind in GATES and law.canonical.startswith("gate"):
        order = GATES[kind]
        return a[[order[framework].index(gate) for gate in order["torch"]]]
    return a


def own(arrays: Mapping[str, np.ndarray], framework: Framework, kind: str) -> Arrays:
    """The inverse of `canonical`, by own name.

    Raises:
        UserError: The framework has no place for an array: `folded` has to come before.
    """
    found: Arrays = {}
    for canonical_name, law in LAWS[kind].items():
        if canonical_name not in arrays:
            continue
        name, layout = law.there(framework)
        if not name:
            raise UserError(
                f"{framework}'s {kind} must have a place for {canonical_name}; it has none; leave "
                "it out"
            )
        if "{gate}" in name:
            found |= dict(zip(names_of(kind, framework, law), arrays[canonical_name], strict=True))
            continue
        a = _returned(arrays[canonical_name], law, kind, framework, layout)
        found[base(name)] = np.concatenate([found[base(name)], a]) if base(name) in found else a
    return found


def _returned(a: np.ndarray, law: Law, kind: str, framework: Framework, layout: str) -> np.ndarray:
    if law.there(framework)[0] == "hn.bias":
        return a[letters(kind).index("n")]
    if kind in GATES and law.canonical.startswith("gate"):
        order = GATES[kind]
        a = a[[order["torch"].index(gate) for gate in order[framework]]]
    return axes.rearranged(a, law.canonical, layout, {})


def known_sizes(kind: str, framework: Framework, layer: Layer, heads: int | None) -> Sizes:
    """The sizes that no shape says: how many gates a cell has, and heads a PyTorch attention."""
    found = {"gate": len(GATES[kind]["torch"])} if kind in GATES else {}
    if kind == "attention" and framework == "torch" and heads is not None:
        found["heads"] = heads
    return found


def part_of(law: Law, framework: Framework, a: np.ndarray) -> np.ndarray:
    """The part of an array that makes a canonical one."""
    parts = PART.fullmatch(law.there(framework)[0])
    if not parts or a.ndim == 0 or a.shape[0] % int(parts[3]):
        return a
    return np.split(a, int(parts[3]))[int(parts[2])]


def statistics(kind: str, framework: Framework) -> set[str]:
    """The own names of what is kept and not trained."""
    return {base(law.there(framework)[0]) for law in LAWS[kind].values() if law.statistic}
