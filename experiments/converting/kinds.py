"""What a layer can be, by the names and shapes of its arrays.

And what is wrong with it, where it can be nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from common.errors import UserError, shown
from experiments.converting import axes, names
from experiments.converting.axes import Misfit
from experiments.converting.canonical import known_sizes, part_of, statistics
from experiments.converting.laws import ALIKE, CLASSES, GATES, LAWS, PART, Framework, Law, names_of
from experiments.converting.layer import Layer

OTHER_CLASSES = ("depthwise", "separable", "transpose", "general", "einsum")
"""Words in the default names of layers whose kernels look like a convolution's and are laid out
otherwise."""


def understood(layer: Layer, framework: Framework, said: str | None, heads: int | None) -> Layer:
    """The layer with what it can be."""
    kinds = _kinds_by_names(layer, framework, [said] if said else list(LAWS))
    if not kinds:
        raise UserError(_unknown(layer, framework, said))
    faults = {
        kind: fault
        for kind in kinds
        if (fault := _fault(layer, framework, kind, heads)) is not None
    }
    fitting = tuple(kind for kind in kinds if kind not in faults)
    if not fitting:
        nearest_kind = min(
            faults, key=lambda kind: (_gates_apart(layer, framework, kind), -faults[kind].after)
        )
        raise UserError(faults[nearest_kind].said)
    fitting = _narrowed(layer, fitting)
    _check_collections(layer, framework, fitting[0])
    _check_class(layer, fitting)
    return replace(layer, kinds=fitting, heads=_heads_of(layer, framework, fitting, heads))


def _heads_of(
    layer: Layer, framework: Framework, kinds: tuple[str, ...], heads: int | None
) -> int | None:
    if kinds != ("attention",):
        return None
    return heads if framework == "torch" else layer.own["query.kernel"].shape[1]


def _narrowed(layer: Layer, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Of several kinds those that the layer's size and name leave."""
    last = "".join(layer.path[-1:])
    if len(kinds) > 1 and "prelu" in kinds and all(a.size == 1 for a in layer.own.values()):
        return ("prelu",)  # a norm over one feature is no norm
    if len(kinds) > 1 and names.SUITE.get(last) in kinds:
        return (names.SUITE[last],)
    return _called(layer, kinds) if ALIKE[0] <= set(kinds) else kinds


def _called(layer: Layer, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Of kinds that are alike those that the layer's own name does not exclude.

    Keras calls one `group_normalization`.
    """
    last = re.sub(r"[\W\d_]", "", layer.path[-1] if layer.path else "").lower()
    other = {"layer_norm": "group_norm", "group_norm": "layer_norm"}.get(CLASSES.get(last, ""))
    return tuple(kind for kind in kinds if kind != other)


def _check_collections(layer: Layer, framework: Framework, kind: str) -> None:
    """In Flax what is kept, and not trained, is in another collection."""
    for name, raw in layer.raw.items():
        kept = names.collection(raw, framework)
        if kept and (kept == "batch_stats") != (name in statistics(kind, framework)):
            other = "params" if kept == "batch_stats" else "batch_stats"
            raise UserError(
                f"{shown(raw)} must be in {other}, as {name} of a {kind} is; received it in "
                f"{kept}; save the tree whole"
            )


def _check_class(layer: Layer, kinds: tuple[str, ...]) -> None:
    """Refuse what has the names and shapes of another layer, and says so in its own name."""
    last = "".join(layer.path[-1:]).lower()
    word = next((word for word in OTHER_CLASSES if word in last), None)
    if word and "convolution" in kinds:
        raw = next(iter(layer.raw.values()))
        rule = f"{shown(raw)} must be of a layer that is known"
        raise UserError(
            f"{rule}; it is called {word}, whose layout is another; carry it by hand, or rename it"
        )


def _kinds_by_names(layer: Layer, framework: Framework, kinds: Iterable[str]) -> list[str]:
    """The kinds that have all names of the layer, and of which it has what they need."""
    found = []
    for kind in kinds:
        _, possible = _needed(kind, framework)
        if set(layer.own) <= possible and not _lacking(layer, framework, kind):
            found.append(kind)
    return found


def _lacking(layer: Layer, framework: Framework, kind: str) -> list[str]:
    """What a layer of the kind needs; a bias of several arrays is there whole or not at all."""
    needed, _ = _needed(kind, framework)
    laws = LAWS[kind].items()
    biases = [
        names_of(kind, framework, law)
        for name, law in laws
        if law.optional and len(names_of(kind, framework, law)) > 1
    ]
    if kind == "attention":
        biases = [
            [
                name
                for key, law in laws
                if key.endswith("_bias")
                for name in names_of(kind, framework, law)
            ]
        ]
    begun = [name for bias in biases if set(bias) & set(layer.own) for name in bias]
    return sorted({*needed, *begun} - set(layer.own))


def _needed(kind: str, framework: Framework) -> tuple[set[str], set[str]]:
    """The names that a layer of the kind has to have, and those that it can have."""
    laws = LAWS[kind].values()
    needed = {name for law in laws if not law.optional for name in names_of(kind, framework, law)}
    return needed, {name for law in laws for name in names_of(kind, framework, law)}


def _unknown(layer: Layer, framework: Framework, wanted: str | None) -> str:
    """What is wrong with the names of a layer.

    Of the kind that is most like it, what it lacks or has too much.
    """
    kinds = [wanted] if wanted else sorted(LAWS, key=lambda kind: _likeness(layer, framework, kind))
    _, possible = _needed(kinds[0], framework)
    strange = [own for own in layer.own if own not in possible]
    if strange:
        has = (
            f"a layer of {framework} with it"
            if not possible & set(layer.own)
            else f"the {kinds[0]} {shown(layer.name)}"
        )
        known = (
            ", ".join(sorted(possible))
            if possible & set(layer.own)
            else "weights, biases, norms: docs/convert.md"
        )
        rule = f"{has} must have known entries ({known})"
        return f"{rule}; received {shown(layer.raw[strange[0]])}; leave it out, or carry it by hand"
    lacking = _lacking(layer, framework, kinds[0])
    there = ", ".join(map(shown, list(layer.raw.values())[:2]))
    return (
        f"the {kinds[0]} {shown(layer.name)} must have {', '.join(lacking)} too; received only "
        f"{there}; save it whole"
    )


def _likeness(layer: Layer, framework: Framework, kind: str) -> tuple[int, int]:
    needed, possible = _needed(kind, framework)
    return len(set(layer.own) - possible), len(needed - set(layer.own))


class Fault(NamedTuple):
    """What is wrong with a layer's shapes, in words, and how many arrays were right before."""

    said: str
    after: int


def _fault(layer: Layer, framework: Framework, kind: str, heads: int | None) -> Fault | None:
    """The first array that has not the shape that the others ask for."""
    sizes, right = known_sizes(kind, framework, layer, heads), 0
    for law in LAWS[kind].values():
        _, layout = law.there(framework)
        for name in names_of(kind, framework, law):
            if name not in layer.own:
                continue
            try:
                sizes = axes.unified(layout, part_of(law, framework, layer.own[name]).shape, sizes)
            except Misfit as expected:
                return Fault(_misshapen(layer, kind, name, str(expected), framework, law), right)
            right += 1
    if sizes.get("from", 0) != sizes.get("unit", 0) and "from" in sizes:
        name = names_of(kind, framework, LAWS[kind]["recurrent"])[0]
        return Fault(
            _misshapen(layer, kind, name, f"[unit = {sizes['from']}] from and to", framework, None),
            right,
        )
    return None


def _misshapen(
    layer: Layer, kind: str, name: str, expected: str, framework: Framework, law: Law | None
) -> str:
    parts = PART.fullmatch(law.there(framework)[0]) if law else None
    each = f" in each of {parts[3]} parts" if parts else ""
    received = list(layer.own[name].shape)
    if kind == "gru" and framework == "keras" and name == "cell.bias" and len(received) == 1:
        rule = f"{shown(layer.raw[name])} must have two rows (reset_after=True)"
        return f"{rule}; received {received}; the two others have no such GRU"
    return (
        f"{shown(layer.raw[name])} of {kind} must be {expected}{each}; received {received}; save "
        "the model as it is"
    )


def _gates_apart(layer: Layer, framework: Framework, kind: str) -> float:
    """How far a recurrent layer's weights are from those of this cell's gates.

    A fault is told of the nearest.
    """
    if kind not in GATES or framework == "jax":
        return 0.0
    name = names_of(kind, framework, LAWS[kind]["recurrent"])[0]
    shape = layer.own[name].shape
    return abs(max(shape, default=0) / max(min(shape, default=1), 1) - len(GATES[kind]["torch"]))
