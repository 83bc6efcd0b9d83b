"""Each layer in the target's form, beside its counterpart there, and what has to be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from common.errors import UserError, shown
from experiments.converting.canonical import canonical, own, statistics
from experiments.converting.folding import folded, remark
from experiments.converting.laws import ALIKE, Framework
from experiments.converting.layer import Layer
from experiments.converting.matching import Offer, Pair, fits, matched
from experiments.converting.names import joined, natural

FLATTENED = (
    "if feature maps of {channels} channels are flattened before it, PyTorch has the channels "
    "first and the others last; permute before you flatten"
)


class Way(NamedTuple):
    """From one framework to another."""

    source: Framework
    target: Framework


def paired(
    way: Way,
    found: Sequence[Layer],
    like: Sequence[Layer] | None,
    known: Mapping[str, str] | None = None,
) -> list[Pair]:
    """Each layer as it is in the target, beside its counterpart.

    Args:
        way: The frameworks.
        found: The layers.
        like: Those of the model that they are for; without them they keep their names.
        known: The counterparts' names, where they are known.

    Raises:
        UserError: What a layer is, or which one there, cannot be told, or the target has no such
            layer.
    """
    heads = {layer.heads for layer in like or () if layer.heads}
    offers = [offer for layer in found for offer in _offers(layer, way, heads)]
    if like is None:
        return [Pair(offer, _named(offer, way.target)) for offer in _certain(found, offers)]
    return matched(offers, like) if known is None else _known_pairs(offers, like, known)


def remarks(pairs: Sequence[Pair], way: Way) -> Iterator[str]:
    """What has to be known of layers that are carried."""
    channels = 0
    for layer, kind, _ in sorted(
        (pair.offer for pair in pairs), key=lambda offer: natural(offer.layer.path)
    ):
        arrays = canonical(layer, way.source, kind)
        if words := remark(kind, way.source, way.target, arrays):
            yield f"{layer.name}: {words}"
        if kind == "affine" and "torch" in way and flattens(arrays["weight"], channels):
            yield f"{layer.name}: {FLATTENED.format(channels=channels)}"
        if kind in ("convolution", "affine"):
            channels = arrays["weight"].shape[-1] if kind == "convolution" else 0


def flattens(weight: np.ndarray, channels: int) -> bool:
    """Whether an affine map [in, out] can be of feature maps with so many channels.

    They come one number after the other.
    """
    return channels > 0 and weight.shape[0] > channels and weight.shape[0] % channels == 0


def _offers(layer: Layer, way: Way, heads: set[int]) -> list[Offer]:
    """What the layer is there, for each kind that it can be."""
    found = []
    for kind in layer.kinds:
        alone = kind == "attention" and layer.heads is None
        counts = heads if alone and heads else {layer.heads}
        found += [_offer(replace(layer, heads=count), kind, way) for count in counts]
    return found


def _offer(layer: Layer, kind: str, way: Way) -> Offer:
    if kind == "attention" and layer.heads is None and way.target != "torch":
        raise UserError(
            f"the heads of the attention {shown(layer.name)} must be known, and its shapes do not "
            "say them; received none; give --heads, or --like"
        )
    if kind == "prelu" and way.target == "jax" and any(a.size > 1 for a in layer.own.values()):
        raise UserError(
            f"the PReLU {shown(layer.name)} must have one slope for Flax; received "
            f"{shown(_shapes(layer))}; carry it by hand"
        )
    return Offer(
        layer,
        kind,
        own(folded(canonical(layer, way.source, kind), kind, way.target), way.target, kind),
    )


def _shapes(layer: Layer) -> dict[str, list[int]]:
    return {layer.raw[name]: list(a.shape) for name, a in layer.own.items()}


def _certain(found: Sequence[Layer], offers: Sequence[Offer]) -> list[Offer]:
    """The offers, where each layer has one."""
    for layer in found:
        if len(layer.kinds) > 1 and set(layer.kinds) not in ALIKE:
            several = ", ".join(layer.kinds)
            raise UserError(
                f"what {shown(next(iter(layer.raw.values())))} is of must be known; its name and "
                f"shape fit {several}; give --kind {layer.name}={layer.kinds[-1]}, or --like"
            )
    first = {offer.layer.path: offer for offer in reversed(offers)}
    return sorted(first.values(), key=lambda offer: natural(offer.layer.path))


def _known_pairs(
    offers: Sequence[Offer], like: Sequence[Layer], known: Mapping[str, str]
) -> list[Pair]:
    """The pairs that the file itself tells."""
    there = {layer.name: layer for layer in like}
    pairs = []
    for offer in offers:
        counterpart = there.get(known.get(offer.layer.name, ""))
        if counterpart is not None and fits(offer, counterpart):
            pairs.append(Pair(offer, counterpart))
    found = {pair.offer.layer.path: pair for pair in reversed(pairs)}
    lost = next((offer.layer.name for offer in offers if offer.layer.path not in found), None)
    if lost is not None or len(found) < len(there):
        raise UserError(
            f"{shown(lost or 'every layer')} must be as the metadata says that it was; it is not; "
            "leave the metadata out"
        )
    return list(found.values())


def _named(offer: Offer, target: Framework) -> Layer:
    """A layer of the target that is called as the source's is."""
    kept = statistics(offer.kind, target)
    path = offer.layer.path
    raw = {name: joined(path, name, offer.kind, name in kept, target) for name in offer.own}
    arrays = dict(offer.own)
    # a room of this suite
    if offer.kind == "prelu" and target == "keras" and path[-1:] == ("activation",):
        arrays = {name: a.reshape(1, -1) for name, a in arrays.items()}
    return Layer(path, arrays, raw, offer.layer.kinds, offer.layer.heads)
