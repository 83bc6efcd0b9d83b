"""A file of one framework as one of another: layers, then canonical arrays, then the other's names and layouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from common.errors import UserError, nearest, shown
from experiments.converting import origin as origins
from experiments.converting import state as states
from experiments.converting.files import Stored
from experiments.converting.folding import folded, folded_state, remark
from experiments.converting.laws import ALIKE, LAWS
from experiments.converting.layers import Layer, canonical, layers, own
from experiments.converting.matching import Offer, Pair, fits, matched
from experiments.converting.names import joined, natural, passed_over
from experiments.converting.origin import Origin
from experiments.converting.state import State

Arrays = dict[str, np.ndarray]

FLATTENED = (
    "if feature maps of {channels} channels are flattened before it, PyTorch has the channels first and the others last; "
    "permute before you flatten"
)


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        source, target: The frameworks.
        kinds: What layers are, where their names and shapes do not say it.
        heads: Of attentions.
        rate: The learning rate.
        frozen: The names of layers that are not trained.
    """

    source: str
    target: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    heads: int | None = None
    rate: float | None = None
    frozen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Converted:
    """What comes of it.

    Attributes:
        arrays, metadata: Of the new file.
        layers: The kinds of the layers, by their names in it.
        pairs: The name there of each layer, by its name here.
        state: What the optimiser keeps; None where the file has none.
        remarks: What must be known of it.
    """

    arrays: Arrays
    metadata: dict[str, str]
    layers: dict[str, str]
    pairs: dict[str, str]
    state: State | None
    remarks: list[str]


@dataclass(frozen=True)
class _Side:
    """A file, taken apart.

    Attributes:
        framework: Whose names it has.
        layers: Its layers.
        kept: What the optimiser keeps.
        rest: What is no weight.
    """

    framework: str
    layers: list[Layer]
    kept: Arrays
    rest: Arrays


def convert(stored: Stored, like: Stored | None, asked: Asked) -> Converted:
    """The file in the other framework's names and layouts.

    Args:
        stored: The file.
        like: One that was saved from the model that the weights are for; its names are taken.
        asked: What is asked for.

    Raises:
        UserError: It holds something that is not known, is missing or misshapen, or the other framework has no place for it.
    """
    origin = origins.read(stored.metadata, stored.arrays)
    if origin:
        rate = origin.rate if origin.whole else None
        asked = replace(asked, heads=asked.heads or origin.heads, rate=asked.rate or rate)
    source = _side(stored.arrays, asked.source, origins.kinds_of(stored.metadata), asked)
    _check_names(source.layers, asked)
    returns = origin if origin and origin.framework == asked.target and _same_names(origin, like) else None
    if returns:
        target = _side(returns.like(), asked.target, _kinds_there(stored.metadata, returns), asked)
    else:
        target = _side(like.arrays, asked.target, origins.kinds_of(like.metadata), asked) if like else None
    pairs, remarks = _pairs(source, target, returns.layers if returns else None, asked)
    arrays, state = _carried(source, target, pairs, asked)
    if returns:
        arrays = origins.restored(arrays, returns)
        remarks = [] if returns.whole else remarks
    way = _way_back(stored, source, arrays, pairs, replace(asked, rate=state.rate if state else None))
    kinds = {pair.like.name: _kind_of(pair) for pair in pairs}
    certain = {name: kind for name, kind in kinds.items() if kind in LAWS}
    names = {pair.offer.layer.name: pair.like.name for pair in pairs}
    return Converted(arrays, origins.metadata(way, arrays, certain), kinds, names, state, remarks)


def _kind_of(pair: Pair) -> str:
    """What a layer is; both kinds where they are alike, and neither side says which it is."""
    both = [kind for kind in pair.offer.layer.kinds if kind in pair.like.kinds]
    return " or ".join(both) if set(both) in ALIKE else pair.offer.kind


def _same_names(origin: Origin, like: Stored | None) -> bool:
    """Whether the file goes back to where it came from."""
    if like is None:
        return True
    return {name: [a.dtype.str, list(a.shape)] for name, a in like.arrays.items()} == origin.entries


def _side(arrays: Arrays, framework: str, said: Mapping[str, str], asked: Asked) -> _Side:
    weights, kept = states.apart(arrays, framework)
    rest = {name: a for name, a in weights.items() if passed_over(name, framework)}
    weights = {name: a for name, a in weights.items() if name not in rest}
    if not weights:
        raise UserError(
            f"a file must hold weights by {framework}'s names; it holds none; docs/convert.md shows how it is saved"
        )
    own_kinds = asked.kinds if framework == asked.source else {}
    return _Side(framework, layers(weights, framework, {**said, **own_kinds}, asked.heads), kept, rest)


def _check_names(found: Sequence[Layer], asked: Asked) -> None:
    known = {layer.name for layer in found} | {".".join(layer.path) for layer in found}
    for flag, given in (("--kind", asked.kinds), ("--frozen", asked.frozen)):
        for name in given:
            if name not in known:
                raise UserError(f"{flag} must name a layer of the file; received {shown(name)}{nearest(name, known)}")


def _kinds_there(metadata: Mapping[str, str], origin: Origin) -> dict[str, str]:
    kinds = origins.kinds_of(metadata)
    return {there: kinds[here] for here, there in origin.layers.items() if here in kinds}


def _pairs(source: _Side, target: _Side | None, known: Mapping[str, str] | None, asked: Asked) -> tuple[list[Pair], list[str]]:
    """Each layer as it is in the target, beside its counterpart, and what must be said of it."""
    heads = {layer.heads for layer in target.layers if layer.heads} if target else set[int]()
    offers = [offer for layer in source.layers for offer in _offers(layer, source.framework, asked.target, heads)]
    if target and known is not None:
        pairs = _known_pairs(offers, target, known)
    elif target:
        pairs = matched(offers, target.layers)
    else:
        pairs = [Pair(offer, _named(offer, asked.target)) for offer in _certain(source.layers, offers)]
    return pairs, list(_remarks(pairs, asked))


def _remarks(pairs: Sequence[Pair], asked: Asked) -> Iterator[str]:
    channels = 0
    for layer, kind, _ in sorted((pair.offer for pair in pairs), key=lambda offer: natural(offer.layer.path)):
        arrays = canonical(layer, asked.source, kind)
        if words := remark(kind, asked.source, asked.target, arrays):
            yield f"{layer.name}: {words}"
        if kind == "affine" and "torch" in (asked.source, asked.target) and flattens(arrays["weight"], channels):
            yield f"{layer.name}: {FLATTENED.format(channels=channels)}"
        if kind in ("convolution", "affine"):
            channels = arrays["weight"].shape[-1] if kind == "convolution" else 0


def flattens(weight: np.ndarray, channels: int) -> bool:
    """Whether an affine map [in, out] can be of feature maps with so many channels, one number after the other."""
    return channels > 0 and weight.shape[0] > channels and weight.shape[0] % channels == 0


def _offers(layer: Layer, source: str, target: str, heads: set[int]) -> list[Offer]:
    """What the layer is there, for each kind that it can be."""
    found = []
    for kind in layer.kinds:
        alone = kind == "attention" and layer.heads is None
        counts = heads if alone and heads else {layer.heads}
        found += [_offer(replace(layer, heads=count), kind, source, target) for count in counts]
    return found


def _offer(layer: Layer, kind: str, source: str, target: str) -> Offer:
    if kind == "attention" and layer.heads is None and target != "torch":
        raise UserError(
            f"the heads of the attention {shown(layer.name)} must be known, and its shapes do not say them; received none; "
            "give --heads, or --like"
        )
    if kind == "prelu" and target == "jax" and any(a.size > 1 for a in layer.own.values()):
        raise UserError(
            f"the PReLU {shown(layer.name)} must have one slope for Flax; received {shown(_shapes(layer))}; carry it by hand"
        )
    return Offer(layer, kind, own(folded(canonical(layer, source, kind), kind, target), target, kind))


def _shapes(layer: Layer) -> dict[str, list[int]]:
    return {layer.raw[name]: list(a.shape) for name, a in layer.own.items()}


def _certain(found: Sequence[Layer], offers: Sequence[Offer]) -> list[Offer]:
    """The offers, where each layer has one."""
    for layer in found:
        if len(layer.kinds) > 1 and set(layer.kinds) not in ALIKE:
            several = ", ".join(layer.kinds)
            raise UserError(
                f"what {shown(next(iter(layer.raw.values())))} is of must be known; its name and shape fit {several}; "
                f"give --kind {layer.name}={layer.kinds[-1]}, or --like"
            )
    first = {offer.layer.path: offer for offer in reversed(offers)}
    return sorted(first.values(), key=lambda offer: natural(offer.layer.path))


def _known_pairs(offers: Sequence[Offer], target: _Side, known: Mapping[str, str]) -> list[Pair]:
    """The pairs that the file itself tells."""
    there = {layer.name: layer for layer in target.layers}
    pairs = []
    for offer in offers:
        counterpart = there.get(known.get(offer.layer.name, ""))
        if counterpart is not None and fits(offer, counterpart):
            pairs.append(Pair(offer, counterpart))
    found = {pair.offer.layer.path: pair for pair in reversed(pairs)}
    lost = next((offer.layer.name for offer in offers if offer.layer.path not in found), None)
    if lost is not None or len(found) < len(there):
        raise UserError(
            f"{shown(lost or 'every layer')} must be as the metadata says that it came from {target.framework}; it is not; "
            "leave the metadata out"
        )
    return list(found.values())


def _named(offer: Offer, target: str) -> Layer:
    """A layer of the target that is called as the source's is."""
    statistics = states.statistics(offer.kind, target)
    path = offer.layer.path
    raw = {name: joined(path, name, offer.kind, name in statistics, target) for name in offer.own}
    arrays = dict(offer.own)
    if offer.kind == "prelu" and target == "keras" and path[-1:] == ("activation",):  # a room of this suite
        arrays = {name: a.reshape(1, -1) for name, a in arrays.items()}
    return Layer(path, arrays, raw, offer.layer.kinds, offer.layer.heads)


def _carried(source: _Side, target: _Side | None, pairs: Sequence[Pair], asked: Asked) -> tuple[Arrays, State | None]:
    """The arrays by the target's names, and the optimiser's state."""
    found: Arrays = {}
    for pair in pairs:
        for name, a in pair.offer.own.items():
            wanted = pair.like.own[name]
            _check_dtype(pair.like.raw[name], a, wanted)
            found[pair.like.raw[name]] = a.reshape(wanted.shape)
    found |= _rest(target, pairs, asked)
    known = [replace(pair.offer.layer, kinds=(pair.offer.kind,)) for pair in pairs]
    state = states.read(source.kept, known, asked.source, asked.rate, set(asked.frozen))
    if state is None:
        _check_kept({}, target)
        return found, None
    places = {pair.offer.layer.path: (pair.offer.kind, pair.like) for pair in pairs}
    slots = {
        slot: {path: folded_state(a, places[path][0], asked.target, "/".join(path)) for path, a in of.items()}
        for slot, of in state.slots.items()
    }
    kept = states.written(replace(state, slots=slots), asked.target, places, target.kept if target else {})
    _check_kept(kept, target)
    return found | kept, state


def _check_kept(kept: Arrays, target: _Side | None) -> None:
    """Refuse a state that is not the one of the model that it is for."""
    if target and target.kept:
        for name in sorted(set(kept) ^ set(target.kept)):
            lacking = "--like has it" if name in target.kept else "--like has it not"
            raise UserError(
                f"the optimiser's entries must be those of --like; received {shown(name)}: {lacking}; save --like anew"
            )


def _check_dtype(name: str, a: np.ndarray, wanted: np.ndarray) -> None:
    if a.dtype != wanted.dtype:
        raise UserError(
            f"{shown(name)} must be {wanted.dtype}, as --like has it; received {a.dtype}; "
            "no number is rounded: save both models in one precision"
        )


def _rest(target: _Side | None, pairs: Sequence[Pair], asked: Asked) -> Arrays:
    """What the target's file has besides weights: counts of batches, and states of chance as --like has them."""
    if target:
        return {name: np.zeros(a.shape, a.dtype) if asked.target == "torch" else np.array(a) for name, a in target.rest.items()}
    if asked.target != "torch":
        return {}
    norms = [".".join(pair.like.path) for pair in pairs if pair.offer.kind == "batch_norm"]
    return {f"{name}.num_batches_tracked": np.zeros((), "<i8") for name in norms}


def _way_back(stored: Stored, source: _Side, arrays: Arrays, pairs: Sequence[Pair], asked: Asked) -> Origin:
    """What the new file has to say so that it goes back whole: the way back is gone, and what differs is kept."""
    heads = next((pair.offer.layer.heads for pair in pairs if pair.offer.layer.heads), None)
    here = {pair.like.name: pair.offer.layer.name for pair in pairs}
    frozen = frozenset(name for name, before in here.items() if before in asked.frozen)
    back = replace(asked, source=asked.target, target=asked.source, kinds={}, heads=heads, frozen=frozen)
    kinds = {pair.like.name: pair.offer.kind for pair in pairs}
    side = _side(arrays, asked.target, kinds, back)
    known = [replace(pair.offer.layer, kinds=(pair.offer.kind,)) for pair in pairs]
    blank = {name: np.zeros_like(a) for name, a in source.rest.items()}  # the file will not have them
    before = replace(source, layers=known, rest=blank)
    ways, _ = _pairs(side, before, here, back)
    again, _ = _carried(side, before, ways, back)
    entries = {name: [a.dtype.str, list(a.shape)] for name, a in stored.arrays.items()}
    return Origin(asked.source, entries, here, origins.lost(stored.arrays, again), heads, asked.rate)
