"""What is written out by hand, as the one place that it is.

Attention of products and a softmax, padding before a window.

It is taken for that only if the definition of the one place gives what the written-out places gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from experiments.causes._case import Side
from experiments.causes._definition import Undefined, forward
from experiments.causes._written_padding import padded

CLOSE = 1e-9
"""How close the one place has to come to the places that it stands for."""
HIDDEN = -1e4
"""A score below it is one that may not be looked at."""


def written(places: Sequence[Side], inner: Sequence[Side]) -> Iterator[Side]:
    """The places that stand for several, of which one at least is an inner one."""
    for parts, side in (*_attentions(places), *padded(places)):
        if any(part is each for part in parts for each in inner) and _holds(side):
            yield side


def _holds(side: Side) -> bool:
    """Whether the one place computes what the several did."""
    try:
        found = forward(side.kind, side.config, side.parameters, {}, side.inputs)
    except Undefined:
        return False
    return side.output is not None and _close(found, side.output)


def _close(found: np.ndarray, wanted: np.ndarray) -> bool:
    if found.shape != wanted.shape or not np.all(np.isfinite(wanted)):
        return False
    return bool(
        np.max(np.abs(found - wanted), initial=0.0) <= CLOSE * np.max(np.abs(wanted), initial=0.0)
    )


# --- padding


def _first(x: np.ndarray, axis: int) -> int:
    """Where along an axis anything is that is not 0."""
    rows = np.any(x != 0, axis=tuple(each for each in range(x.ndim) if each != axis))
    return int(np.argmax(rows))


# --- attention


@dataclass(frozen=True, eq=False)
class _Scores:
    """A product of queries and keys, and the places from it to the softmax, the last first."""

    product: Side
    steps: tuple[Side, ...]


def _attentions(places: Sequence[Side]) -> Iterator[tuple[tuple[Side, ...], Side]]:
    """softmax(scale q k' + mask) v, as products and functions."""
    for i, softmax in enumerate(places):
        if (
            softmax.kind != "activation"
            or softmax.config.get("name") != "softmax"
            or not softmax.inputs
        ):
            continue
        scores = _scores(places[:i], softmax.inputs[0])
        for mix in places[i + 1 :]:
            if scores is not None and mix.kind == "matmul":
                yield from _attention(places, scores, softmax, mix)


def _scores(places: Sequence[Side], value: np.ndarray) -> _Scores | None:
    """Back from the softmax through scaling and mask to the product."""
    steps: list[Side] = []
    for place in reversed(places):
        if (
            place.output is None
            or place.output.shape != value.shape
            or not np.array_equal(place.output, value)
        ):
            continue
        if place.kind == "matmul":
            return _Scores(place, tuple(steps))
        before = [
            each for each in place.inputs if each.shape == value.shape and each.dtype.kind == "f"
        ]
        if not before:
            return None
        steps.append(place)
        value = before[0]
    return None


def _attention(
    places: Sequence[Side], scores: _Scores, softmax: Side, mix: Side
) -> Iterator[tuple[tuple[Side, ...], Side]]:
    weights = softmax.output
    if (
        weights is None
        or weights.ndim < 3
        or mix.output is None
        or len(mix.inputs) != 2
        or len(scores.product.inputs) != 2
    ):
        return
    values = [
        x
        for x, other in (mix.inputs, mix.inputs[::-1])
        if other.shape == weights.shape and np.array_equal(other, weights)
    ]
    products = _factors(scores.product)
    for x in values:
        for v in _orders(x, weights.ndim):
            if products is not None and v.shape[:-1] == (*weights.shape[:-2], weights.shape[-1]):
                output = weights @ v
                if any(_close(output, each) for each in _orders(mix.output, weights.ndim)):
                    parts, side = _one(scores, softmax, mix, (*products, v), output)
                    yield (
                        parts,
                        replace(side, config={**side.config, "at": _at(places, scores, softmax)}),
                    )
                    return


def _orders(x: np.ndarray, ndim: int) -> Iterator[np.ndarray]:
    """With the axes behind the batch in every order."""
    if x.ndim == ndim:
        yield from (x.transpose((0, *rest)) for rest in permutations(range(1, ndim)))


def _factors(product: Side) -> tuple[np.ndarray, np.ndarray] | None:
    """Queries and keys [batch, .., time, width] that give the scores."""
    score = product.output
    assert score is not None
    for q in _orders(product.inputs[0], score.ndim):
        for k in _orders(product.inputs[1], score.ndim):
            fit = q.shape[:-1] == score.shape[:-1] and k.shape[:-1] == (
                *score.shape[:-2],
                score.shape[-1],
            )
            if fit and q.shape[-1] == k.shape[-1] and _close(q @ k.swapaxes(-1, -2), score):
                return q, k
    return None


def _one(
    scores: _Scores, softmax: Side, mix: Side, inputs: tuple[np.ndarray, ...], output: np.ndarray
) -> tuple[tuple[Side, ...], Side]:
    raw, last = scores.product.output, softmax.inputs[0]
    assert raw is not None
    seen = np.isfinite(last) & (last > HIDDEN)
    scale = _scale(raw, last, seen)
    mask = _mask(seen, last, scale * raw)
    causal = (
        mask is not None
        and mask.dtype == bool
        and mask.ndim == 2
        and np.array_equal(mask, np.tril(np.ones_like(mask)))
    )
    config = {"scale": scale, "causal": causal}
    inputs = inputs if mask is None or causal else (*inputs, mask)
    side = replace(
        mix,
        kind="attention",
        type="attention",
        path=softmax.path,
        config=config,
        inputs=inputs,
        output=output,
    )
    return (scores.product, *scores.steps, softmax, mix), replace(
        side, parameters={}, statistics={}
    )


def _scale(raw: np.ndarray, last: np.ndarray, seen: np.ndarray) -> float:
    """By how the scores differ from sample to sample: what is added to them is the same for all."""
    all_see = np.all(seen, axis=0)
    own, its = ((values - values[:1])[:, all_see] for values in (raw, np.where(seen, last, 0.0)))
    size = float(np.vdot(own, own))
    if not size:
        known = seen & (np.abs(raw) > 1e-6 * np.max(np.abs(raw)))
        return float(f"{float(np.median(last[known] / raw[known])) if np.any(known) else 1.0:.12g}")
    return float(f"{float(np.vdot(own, its)) / size:.12g}")


def _mask(seen: np.ndarray, last: np.ndarray, scaled: np.ndarray) -> np.ndarray | None:
    """What may be looked at, or numbers that are added; or None.

    They are [query, key] where they are the same for all.
    """
    away = np.where(seen, last - np.where(seen, scaled, 0.0), 0.0)
    if np.max(np.abs(away)) > CLOSE * np.max(np.abs(scaled)):
        return _of_all(np.where(seen, away, -np.inf))
    return None if np.all(seen) else _of_all(seen)


def _of_all(mask: np.ndarray) -> np.ndarray:
    """Of the first head of the first sample, if all have the same; numbers up to rounding."""
    first = mask.reshape(-1, *mask.shape[-2:])[0]
    return (
        first
        if np.allclose(mask, np.broadcast_to(first, mask.shape), rtol=1e-9, atol=1e-12)
        else mask
    )


def _at(places: Sequence[Side], scores: _Scores, softmax: Side) -> dict[str, str]:
    """Which of the places a cause is at, by its name."""
    masks = [step.path for step in scores.steps if step.kind in ("other", "add") and _hides(step)]
    scales = [step.path for step in scores.steps if not _hides(step)]
    mask, scale = (paths[0] if paths else softmax.path for paths in (masks, scales))
    query = scores.product.inputs[0]
    heads = [
        place.path for place in places if place.output is not None and _same(place.output, query)
    ]
    made = heads[0] if heads else softmax.path
    return {"scale": scale, "mask": mask, "causal": mask, "softmax": softmax.path, "heads": made}


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b)


def _hides(step: Side) -> bool:
    return step.output is not None and bool(np.any(step.output < HIDDEN))
