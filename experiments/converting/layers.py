"""The layers of a file: their arrays, the kinds that these can be, and the canonical form of each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from common.errors import UserError, nearest, shown
from experiments.converting import axes, names
from experiments.converting.axes import Misfit, Sizes
from experiments.converting.laws import ALIKE, CLASSES, GATES, LAWS, PART, Law, base, letters, names_of
from experiments.converting.names import Path

Arrays = dict[str, np.ndarray]

OTHER_CLASSES = ("depthwise", "separable", "transpose", "general", "einsum")
"""Words in the default names of layers whose kernels look like a convolution's and are laid out otherwise."""

FLOATS = (np.dtype("<f8"), np.dtype("<f4"), np.dtype("<f2"))


@dataclass(frozen=True)
class Layer:
    """A layer of a file.

    Attributes:
        path: Its name, word by word.
        own: Its arrays by the names that a layer of its kind has there.
        raw: The name in the file by that.
        kinds: What it can be.
        heads: Of an attention, where that is known.
    """

    path: Path
    own: Arrays
    raw: dict[str, str]
    kinds: tuple[str, ...] = ()
    heads: int | None = None

    @property
    def name(self) -> str:
        """As it is said."""
        return "/".join(self.path) or "(the model)"


def layers(arrays: Mapping[str, np.ndarray], framework: str, said: Mapping[str, str], heads: int | None) -> list[Layer]:
    """The layers of a file, in the order of their numbers.

    Args:
        arrays: The weights.
        framework: Whose names they are.
        said: What layers are, by their names: kinds or classes, where they are said and not to be found out.
        heads: Of attentions.

    Raises:
        UserError: An array is not known, is missing, or not shaped as the others of its layer ask for.
    """
    _check_numbers(arrays)
    owned: dict[Path, dict[str, str]] = defaultdict(dict)
    for name in names.split({raw: a.ndim for raw, a in arrays.items()}, framework):
        if name.own in owned[name.layer]:
            other = owned[name.layer][name.own]
            raise UserError(f"{shown(name.raw)} must be of a layer of its own; received {shown(other)} too, of the same name")
        owned[name.layer][name.own] = name.raw
    found = [Layer(path, {own: arrays[raw] for own, raw in raws.items()}, raws) for path, raws in owned.items()]
    return [_understood(layer, framework, _said(said, layer, framework), heads) for layer in found]


def _said(said: Mapping[str, str], layer: Layer, framework: str) -> str | None:
    """The kind that is said of a layer, by either way of writing its name; of a class that is not known an error."""
    name = next((name for name in (layer.name, ".".join(layer.path), module_of(layer)) if name in said), None)
    if name is None:
        return None
    word = said[name].lower()
    if word not in CLASSES:
        raise UserError(
            f"a layer's kind must be one that is known; received {shown(said[name])} of {shown(name)}{nearest(word, LAWS)}"
        )
    return CLASSES[word]


def module_of(layer: Layer) -> str:
    """The module that a layer is of, as PyTorch names it: of `3[1]` it is `3`."""
    return ".".join(layer.path).partition("[")[0]


def _check_numbers(arrays: Mapping[str, np.ndarray]) -> None:
    for name, a in arrays.items():
        if a.dtype not in FLOATS:
            raise UserError(f"{shown(name)} must be a weight in floating point; received {a.dtype}; leave it out of the file")
        if not np.isfinite(a).all():
            at = [int(i) for i in np.argwhere(~np.isfinite(a))[0]]
            raise UserError(
                f"{shown(name)} must be finite; received {a[tuple(at)]} at {at}; no weights are carried that diverged"
            )


def _understood(layer: Layer, framework: str, said: str | None, heads: int | None) -> Layer:
    """The layer with what it can be."""
    kinds = _kinds_by_names(layer, framework, [said] if said else list(LAWS))
    if not kinds:
        raise UserError(_unknown(layer, framework, said))
    faults = {kind: fault for kind in kinds if (fault := _fault(layer, framework, kind, heads)) is not None}
    fitting = tuple(kind for kind in kinds if kind not in faults)
    if not fitting:
        nearest_kind = min(faults, key=lambda kind: (_gates_apart(layer, framework, kind), -faults[kind].after))
        raise UserError(faults[nearest_kind].said)
    fitting = _narrowed(layer, fitting)
    _check_collections(layer, framework, fitting[0])
    _check_class(layer, fitting)
    return replace(layer, kinds=fitting, heads=_heads_of(layer, framework, fitting, heads))


def _narrowed(layer: Layer, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Of several kinds those that the layer's size and name leave."""
    last = "".join(layer.path[-1:])
    if len(kinds) > 1 and "prelu" in kinds and all(a.size == 1 for a in layer.own.values()):
        return ("prelu",)  # a norm over one feature is no norm
    if len(kinds) > 1 and names.SUITE.get(last) in kinds:
        return (names.SUITE[last],)
    return _called(layer, kinds) if ALIKE[0] <= set(kinds) else kinds


def _check_collections(layer: Layer, framework: str, kind: str) -> None:
    """In Flax what is kept, and not trained, is in another collection."""
    for name, raw in layer.raw.items():
        kept = names.collection(raw, framework)
        if kept and (kept == "batch_stats") != (name in statistics(kind, framework)):
            other = "params" if kept == "batch_stats" else "batch_stats"
            raise UserError(
                f"{shown(raw)} must be in {other}, as {name} of a {kind} is; received it in {kept}; save the tree whole"
            )


def _check_class(layer: Layer, kinds: tuple[str, ...]) -> None:
    """Refuse what has the names and shapes of another layer, and says so in its own name."""
    last = "".join(layer.path[-1:]).lower()
    word = next((word for word in OTHER_CLASSES if word in last), None)
    if word and "convolution" in kinds:
        raw = next(iter(layer.raw.values()))
        rule = f"{shown(raw)} must be of a layer that is known"
        raise UserError(f"{rule}; it is called {word}, whose layout is another; carry it by hand, or rename it")


def _gates_apart(layer: Layer, framework: str, kind: str) -> float:
    """How far a recurrent layer's weights are from those of this cell's gates: a fault is told of the nearest."""
    if kind not in GATES or framework == "jax":
        return 0.0
    name = names_of(kind, framework, LAWS[kind]["recurrent"])[0]
    shape = layer.own[name].shape
    return abs(max(shape, default=0) / max(min(shape, default=1), 1) - len(GATES[kind]["torch"]))


def _called(layer: Layer, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Of kinds that are alike those that the layer's own name does not exclude: Keras calls one `group_normalization`."""
    last = re.sub(r"[\W\d_]", "", layer.path[-1] if layer.path else "").lower()
    other = {"layer_norm": "group_norm", "group_norm": "layer_norm"}.get(CLASSES.get(last, ""))
    return tuple(kind for kind in kinds if kind != other)


def _kinds_by_names(layer: Layer, framework: str, kinds: Iterable[str]) -> list[str]:
    """The kinds that have all names of the layer, and of which it has what they cannot be without."""
    found = []
    for kind in kinds:
        _, possible = _needed(kind, framework)
        if set(layer.own) <= possible and not _lacking(layer, framework, kind):
            found.append(kind)
    return found


def _lacking(layer: Layer, framework: str, kind: str) -> list[str]:
    """What a layer of the kind cannot be without; a bias of several arrays is there whole or not at all."""
    needed, _ = _needed(kind, framework)
    laws = LAWS[kind].items()
    biases = [names_of(kind, framework, law) for name, law in laws if law.optional and len(names_of(kind, framework, law)) > 1]
    if kind == "attention":
        biases = [[name for key, law in laws if key.endswith("_bias") for name in names_of(kind, framework, law)]]
    begun = [name for bias in biases if set(bias) & set(layer.own) for name in bias]
    return sorted({*needed, *begun} - set(layer.own))


def _needed(kind: str, framework: str) -> tuple[set[str], set[str]]:
    """The names that a layer of the kind has to have, and those that it can have."""
    laws = LAWS[kind].values()
    needed = {name for law in laws if not law.optional for name in names_of(kind, framework, law)}
    return needed, {name for law in laws for name in names_of(kind, framework, law)}


def _unknown(layer: Layer, framework: str, wanted: str | None) -> str:
    """What is wrong with the names of a layer: of the kind that is most like it, what it lacks or has too much."""
    kinds = [wanted] if wanted else sorted(LAWS, key=lambda kind: _likeness(layer, framework, kind))
    _, possible = _needed(kinds[0], framework)
    strange = [own for own in layer.own if own not in possible]
    if strange:
        has = f"a layer of {framework} with it" if not possible & set(layer.own) else f"the {kinds[0]} {shown(layer.name)}"
        known = ", ".join(sorted(possible)) if possible & set(layer.own) else "weights, biases, norms: docs/convert.md"
        rule = f"{has} must have known entries ({known})"
        return f"{rule}; received {shown(layer.raw[strange[0]])}; leave it out, or carry it by hand"
    lacking = _lacking(layer, framework, kinds[0])
    there = ", ".join(map(shown, list(layer.raw.values())[:2]))
    return f"the {kinds[0]} {shown(layer.name)} must have {', '.join(lacking)} too; received only {there}; save it whole"


def _likeness(layer: Layer, framework: str, kind: str) -> tuple[int, int]:
    needed, possible = _needed(kind, framework)
    return len(set(layer.own) - possible), len(needed - set(layer.own))


class Fault(NamedTuple):
    """What is wrong with the shapes of a layer, in words, and how many of its arrays were right before."""

    said: str
    after: int


def _fault(layer: Layer, framework: str, kind: str, heads: int | None) -> Fault | None:
    """The first array that has not the shape that the others ask for."""
    sizes, right = _start(kind, framework, layer, heads), 0
    for law in LAWS[kind].values():
        _, layout = law.there(framework)
        for name in names_of(kind, framework, law):
            if name not in layer.own:
                continue
            try:
                sizes = axes.unified(layout, _part(law, framework, layer.own[name]).shape, sizes)
            except Misfit as expected:
                return Fault(_misshapen(layer, kind, name, str(expected), framework, law), right)
            right += 1
    if sizes.get("from", 0) != sizes.get("unit", 0) and "from" in sizes:
        name = names_of(kind, framework, LAWS[kind]["recurrent"])[0]
        return Fault(_misshapen(layer, kind, name, f"[unit = {sizes['from']}] from and to", framework, None), right)
    return None


def _misshapen(layer: Layer, kind: str, name: str, expected: str, framework: str, law: Law | None) -> str:
    parts = PART.fullmatch(law.there(framework)[0]) if law else None
    each = f" in each of {parts[3]} parts" if parts else ""
    received = list(layer.own[name].shape)
    if kind == "gru" and framework == "keras" and name == "cell.bias" and len(received) == 1:
        rule = f"{shown(layer.raw[name])} must have two rows (reset_after=True)"
        return f"{rule}; received {received}; the two others have no such GRU"
    return f"{shown(layer.raw[name])} of {kind} must be {expected}{each}; received {received}; save the model as it is"


def _start(kind: str, framework: str, layer: Layer, heads: int | None) -> Sizes:
    found = {"gate": len(GATES[kind]["torch"])} if kind in GATES else {}
    if kind == "attention" and framework == "torch" and heads is not None:
        found["heads"] = heads
    return found


def _part(law: Law, framework: str, a: np.ndarray) -> np.ndarray:
    """The part of an array that makes a canonical one."""
    parts = PART.fullmatch(law.there(framework)[0])
    if not parts or a.ndim == 0 or a.shape[0] % int(parts[3]):
        return a
    return np.split(a, int(parts[3]))[int(parts[2])]


def _heads_of(layer: Layer, framework: str, kinds: tuple[str, ...], heads: int | None) -> int | None:
    if kinds != ("attention",):
        return None
    return heads if framework == "torch" else layer.own["query.kernel"].shape[1]


def canonical(layer: Layer, framework: str, kind: str) -> Arrays:
    """The arrays in the canonical layouts of `isograd.captured.KINDS`, by canonical name."""
    sizes = _start(kind, framework, layer, layer.heads)
    found: Arrays = {}
    for canonical_name, law in LAWS[kind].items():
        there = [name for name in names_of(kind, framework, law) if name in layer.own]
        if not there:
            continue
        pieces = [_part(law, framework, layer.own[name]) for name in there]
        found[canonical_name] = _turned(law, kind, framework, pieces, sizes)
    return found


def _turned(law: Law, kind: str, framework: str, pieces: list[np.ndarray], sizes: Sizes) -> np.ndarray:
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


def own(arrays: Mapping[str, np.ndarray], framework: str, kind: str) -> Arrays:
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
            raise UserError(f"{framework}'s {kind} must have a place for {canonical_name}; it has none; leave it out")
        if "{gate}" in name:
            found |= dict(zip(names_of(kind, framework, law), arrays[canonical_name], strict=True))
            continue
        a = _returned(arrays[canonical_name], law, kind, framework, layout)
        found[base(name)] = np.concatenate([found[base(name)], a]) if base(name) in found else a
    return found


def _returned(a: np.ndarray, law: Law, kind: str, framework: str, layout: str) -> np.ndarray:
    if law.there(framework)[0] == "hn.bias":
        return a[letters(kind).index("n")]
    if kind in GATES and law.canonical.startswith("gate"):
        order = GATES[kind]
        a = a[[order["torch"].index(gate) for gate in order[framework]]]
    return axes.rearranged(a, law.canonical, layout, {})


def statistics(kind: str, framework: str) -> set[str]:
    """The own names of what is kept and not trained."""
    return {base(law.there(framework)[0]) for law in LAWS[kind].values() if law.statistic}
