"""Which layer of a file is which of the model that its weights are for.

By name, else by kind and shapes, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from common.errors import UserError, shown
from experiments.converting.layers import Layer
from experiments.converting.names import Path, natural, without_numbers

Arrays = dict[str, np.ndarray]


class Offer(NamedTuple):
    """What a layer is in the target's form, if it is of this kind: its arrays by own name."""

    layer: Layer
    kind: str
    own: Arrays


class Pair(NamedTuple):
    """A layer and its counterpart."""

    offer: Offer
    like: Layer


def matched(offers: Sequence[Offer], like: Sequence[Layer]) -> list[Pair]:
    """The layers and their counterparts, in the order of the counterparts' numbers.

    Raises:
        UserError: One has none, or it cannot be told which of several it is.
    """
    sources = sorted({offer.layer.path for offer in offers}, key=natural)
    by_path = {path: [offer for offer in offers if offer.layer.path == path] for path in sources}
    targets = {layer.path: layer for layer in sorted(like, key=lambda layer: natural(layer.path))}
    pairs = (
        _by_name(by_path, targets) if set(sources) == set(targets) else _by_order(by_path, targets)
    )
    left = [
        layer for path, layer in targets.items() if path not in {pair.like.path for pair in pairs}
    ]
    if left:
        there = ", ".join(sorted({without for path in sources if (without := "/".join(path))})[:6])
        raise UserError(
            f"every layer of --like must have a counterpart; {shown(left[0].name)} "
            f"({' or '.join(left[0].kinds)}) has none among {there}; save --like from the same "
            "model"
        )
    return sorted(pairs, key=lambda pair: natural(pair.like.path))


def _by_name(by_path: Mapping[Path, list[Offer]], targets: Mapping[Path, Layer]) -> list[Pair]:
    pairs = []
    for path, offers in by_path.items():
        offer = next((offer for offer in offers if fits(offer, targets[path])), None)
        if offer is None:
            raise UserError(_unfit(offers, [targets[path]]))
        pairs.append(Pair(offer, targets[path]))
    return pairs


def _by_order(by_path: Mapping[Path, list[Offer]], targets: Mapping[Path, Layer]) -> list[Pair]:
    """A layer takes the first that it fits.

    Where several fit, those that are certain go first, and numbers say the order.
    """
    pairs: list[Pair] = []
    left = dict(by_path)
    free = dict(targets)
    while left:
        choices = {path: _choices(path, left, free) for path in left}
        alone = next((path for path, choice in choices.items() if not choice.fitting), None)
        if alone is not None:
            raise UserError(_unfit(left[alone], list(free.values())))
        path = next((path for path, choice in choices.items() if choice.certain), None)
        if path is None:
            raise UserError(_ambiguous(*next(iter(choices.items()))))
        like = choices[path].fitting[0]
        pairs.append(
            Pair(next(offer for offer in left.pop(path) if fits(offer, free[like])), free.pop(like))
        )
    return pairs


class _Choices(NamedTuple):
    """The free layers that one fits, and the other layers that fit one of these."""

    fitting: list[Path]
    rivals: list[Path]

    @property
    def certain(self) -> bool:
        """Whether it is the first of both: they differ in numbers only."""
        ordered = all(
            len({without_numbers(each) for each in several}) == 1
            for several in (self.fitting, self.rivals)
        )
        return ordered


def _choices(path: Path, left: Mapping[Path, list[Offer]], free: Mapping[Path, Layer]) -> _Choices:
    fitting = [
        there for there, layer in free.items() if any(fits(offer, layer) for offer in left[path])
    ]
    rivals = [
        p
        for p, offers in left.items()
        if any(fits(offer, free[there]) for offer in offers for there in fitting)
    ]
    return _Choices(fitting, rivals)


def _ambiguous(path: Path, choice: _Choices) -> str:
    names = ", ".join(
        "/".join(each)
        for each in (choice.fitting if len(choice.fitting) > 1 else choice.rivals)[:4]
    )
    return (
        f"layers of one shape must be told apart by kind or number; {shown('/'.join(path))} could "
        f"be any of {names}; save the files with the kinds in their metadata, or both models with "
        "the same names"
    )


def fits(offer: Offer, like: Layer) -> bool:
    """Whether a layer's arrays are those of another, by names and shapes.

    A slope's axes of length 1 do not count.
    """
    if offer.kind not in like.kinds or set(offer.own) != set(like.own):
        return False
    return all(
        _shape(a.shape, offer.kind) == _shape(like.own[name].shape, offer.kind)
        for name, a in offer.own.items()
    )


def _shape(shape: tuple[int, ...], kind: str) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1) if kind == "prelu" else shape


def _unfit(offers: list[Offer], left: list[Layer]) -> str:
    """The reason why a layer has no counterpart: the nearest of its kind, and what differs."""
    offer = offers[0]
    alike = [layer for layer in left if set(layer.kinds) & {each.kind for each in offers}]
    raw = next(iter(offer.layer.raw.values()))
    has = {name: list(a.shape) for name, a in offer.own.items()}
    if not alike:
        rule = f"{shown(raw)} ({offer.kind}) must have a counterpart in --like"
        return f"{rule}; it has no {offer.kind} left; save --like from the same model"
    wanted = {name: list(a.shape) for name, a in alike[0].own.items()}
    name = next(
        (name for name in {**wanted, **has} if wanted.get(name) != has.get(name)), next(iter(has))
    )
    return (
        f"{shown(alike[0].raw.get(name, f'{alike[0].name}: {name}'))} must be "
        f"{wanted.get(name, 'absent')}, as --like has it; {shown(offer.layer.name)} gives "
        f"{has.get(name, 'none')}; save --like from the same model"
    )
