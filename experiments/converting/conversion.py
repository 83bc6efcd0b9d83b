"""A file of one framework as one of another.

Layers, then canonical arrays, then the other's names and layouts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from common.errors import UserError, nearest, shown
from experiments.converting import origin as origins
from experiments.converting import state as states
from experiments.converting import state_reading, state_writing
from experiments.converting.asked import Arrays, Asked, Converted, Side
from experiments.converting.files import Stored
from experiments.converting.folding import folded_state
from experiments.converting.laws import ALIKE, LAWS, Framework
from experiments.converting.layer import Layer
from experiments.converting.layers import layers
from experiments.converting.matching import Pair
from experiments.converting.names import passed_over
from experiments.converting.origin import Origin
from experiments.converting.pairing import Way, paired, remarks
from experiments.converting.state import State


def convert(stored: Stored, like: Stored | None, asked: Asked) -> Converted:
    """The file in the other framework's names and layouts.

    Args:
        stored: The file.
        like: One that was saved from the model that the weights are for; its names are taken.
        asked: What is asked for.

    Raises:
        UserError: It holds something that is not known, is missing or misshapen, or the other
            framework has no place for it.
    """
    origin = origins.read(stored.metadata, stored.arrays)
    if origin:
        rate = origin.rate if origin.whole else None
        asked = replace(asked, heads=asked.heads or origin.heads, rate=asked.rate or rate)
    source = _side(stored.arrays, asked.source, origins.kinds_of(stored.metadata), asked)
    _check_names(source.layers, asked)
    asked = replace(asked, frozen=_frozen(source.layers, asked, origin))
    returns = (
        origin
        if origin and origin.framework == asked.target and _same_names(origin, like)
        else None
    )
    if returns:
        target = _side(returns.like(), asked.target, _kinds_there(stored.metadata, returns), asked)
    else:
        target = (
            _side(like.arrays, asked.target, origins.kinds_of(like.metadata), asked)
            if like
            else None
        )
    way = Way(asked.source, asked.target)
    pairs = paired(
        way, source.layers, target.layers if target else None, returns.layers if returns else None
    )
    arrays, state = _carried(source, target, pairs, asked)
    if returns:
        arrays = origins.restored(arrays, returns)
    said = [] if returns and returns.whole else list(remarks(pairs, way))
    before = _way_back(
        stored, source, arrays, pairs, replace(asked, rate=state.rate if state else None)
    )
    kinds = {pair.like.name: _kind_of(pair) for pair in pairs}
    certain = {name: kind for name, kind in kinds.items() if kind in LAWS}
    names = {pair.offer.layer.name: pair.like.name for pair in pairs}
    return Converted(arrays, origins.metadata(before, arrays, certain), kinds, names, state, said)


def _kind_of(pair: Pair) -> str:
    """What a layer is; both kinds where they are alike, and neither side says which it is."""
    both = [kind for kind in pair.offer.layer.kinds if kind in pair.like.kinds]
    return " or ".join(both) if set(both) in ALIKE else pair.offer.kind


def _same_names(origin: Origin, like: Stored | None) -> bool:
    """Whether the file goes back to where it came from."""
    if like is None:
        return True
    return {name: [a.dtype.str, list(a.shape)] for name, a in like.arrays.items()} == origin.entries


def _side(arrays: Arrays, framework: Framework, said: Mapping[str, str], asked: Asked) -> Side:
    weights, kept = states.apart(arrays, framework)
    rest = {name: a for name, a in weights.items() if passed_over(name, framework)}
    weights = {name: a for name, a in weights.items() if name not in rest}
    if not weights:
        raise UserError(
            f"a file must hold weights by {framework}'s names; it holds none; docs/convert.md "
            "shows how it is saved"
        )
    own_kinds = asked.kinds if framework == asked.source else {}
    return Side(
        framework, layers(weights, framework, {**said, **own_kinds}, asked.heads), kept, rest
    )


def _check_names(found: Sequence[Layer], asked: Asked) -> None:
    known = {layer.name for layer in found} | {".".join(layer.path) for layer in found}
    for flag, given in (("--kind", asked.kinds), ("--frozen", asked.frozen)):
        for name in given:
            if name not in known:
                raise UserError(
                    f"{flag} must name a layer of the file; received "
                    f"{shown(name)}{nearest(name, known)}"
                )


def _frozen(found: Sequence[Layer], asked: Asked, origin: Origin | None) -> frozenset[str]:
    """The names of the layers that are not trained, by the flag or by the file's metadata."""
    said = {*asked.frozen, *(origin.frozen if origin else ())}
    return frozenset(layer.name for layer in found if {layer.name, ".".join(layer.path)} & said)


def _kinds_there(metadata: Mapping[str, str], origin: Origin) -> dict[str, str]:
    kinds = origins.kinds_of(metadata)
    return {there: kinds[here] for here, there in origin.layers.items() if here in kinds}


def _carried(
    source: Side, target: Side | None, pairs: Sequence[Pair], asked: Asked
) -> tuple[Arrays, State | None]:
    """The arrays by the target's names, and the optimiser's state."""
    found: Arrays = {}
    for pair in pairs:
        for name, a in pair.offer.own.items():
            wanted = pair.like.own[name]
            _check_dtype(pair.like.raw[name], a, wanted)
            found[pair.like.raw[name]] = a.reshape(wanted.shape)
    found |= _rest(target, pairs, asked)
    known = [replace(pair.offer.layer, kinds=(pair.offer.kind,)) for pair in pairs]
    state = state_reading.read(source.kept, known, asked.source, asked.rate, set(asked.frozen))
    if state is None:
        counts = states.counts(target.kept, asked.target) if target else {}
        _check_kept(counts, target)
        return found | counts, None
    places = {pair.offer.layer.path: (pair.offer.kind, pair.like) for pair in pairs}
    slots = {
        slot: {
            path: folded_state(a, places[path][0], asked.target, "/".join(path))
            for path, a in of.items()
        }
        for slot, of in state.slots.items()
    }
    kept = state_writing.written(
        replace(state, slots=slots), asked.target, places, target.kept if target else {}
    )
    _check_kept(kept, target)
    return found | kept, state


def _check_kept(kept: Arrays, target: Side | None) -> None:
    """Refuse a state that is not the one of the model that it is for."""
    if target and target.kept:
        for name in sorted(set(kept) ^ set(target.kept)):
            lacking = "--like has it" if name in target.kept else "--like has it not"
            raise UserError(
                f"the optimiser's entries must be those of --like; received {shown(name)}: "
                f"{lacking}; save --like anew"
            )


def _check_dtype(name: str, a: np.ndarray, wanted: np.ndarray) -> None:
    if a.dtype != wanted.dtype:
        raise UserError(
            f"{shown(name)} must be {wanted.dtype}, as --like has it; received {a.dtype}; "
            "no number is rounded: save both models in one precision"
        )


def _rest(target: Side | None, pairs: Sequence[Pair], asked: Asked) -> Arrays:
    """What the target's file has besides weights.

    Counts of batches, and states of chance as --like has them.
    """
    if target:
        return {
            name: np.zeros(a.shape, a.dtype) if asked.target == "torch" else np.array(a)
            for name, a in target.rest.items()
        }
    if asked.target != "torch":
        return {}
    norms = [".".join(pair.like.path) for pair in pairs if pair.offer.kind == "batch_norm"]
    return {f"{name}.num_batches_tracked": np.zeros((), "<i8") for name in norms}


def _blank(arrays: Arrays) -> Arrays:
    """What is known of arrays on the way back: all but their numbers."""
    return {name: np.zeros_like(a) for name, a in arrays.items()}


def _way_back(
    stored: Stored, source: Side, arrays: Arrays, pairs: Sequence[Pair], asked: Asked
) -> Origin:
    """What the new file has to say so that it goes back whole.

    The way back is gone, and what differs is kept.
    """
    heads = next((pair.offer.layer.heads for pair in pairs if pair.offer.layer.heads), None)
    here = {pair.like.name: pair.offer.layer.name for pair in pairs}
    frozen = frozenset(name for name, before in here.items() if before in asked.frozen)
    back = replace(
        asked, source=asked.target, target=asked.source, kinds={}, heads=heads, frozen=frozen
    )
    kinds = {pair.like.name: pair.offer.kind for pair in pairs}
    side = _side(arrays, asked.target, kinds, back)
    known = [replace(pair.offer.layer, kinds=(pair.offer.kind,)) for pair in pairs]
    before = replace(source, layers=known, rest=_blank(source.rest), kept=_blank(source.kept))
    ways = paired(Way(asked.target, asked.source), side.layers, before.layers, here)
    again, _ = _carried(side, before, ways, back)
    entries = {name: [a.dtype.str, list(a.shape)] for name, a in stored.arrays.items()}
    return Origin(
        asked.source,
        entries,
        here,
        origins.lost(stored.arrays, again),
        heads,
        asked.rate,
        sorted(frozen),
    )
