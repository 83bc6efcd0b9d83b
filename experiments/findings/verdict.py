"""What the two verdicts have in common: a verdict on each seed, told as one on the run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from common.trace import Trace

Words = dict[str, tuple[str, str]]
"""How a count of seeds is told, of one and of several; the mildest verdict first."""


class Judgement(NamedTuple):
    """A verdict on a run, its reason in the words of the report, and the verdict on each seed."""

    verdict: str
    reason: str
    seeds: list[str]


class Event(NamedTuple):
    """The first value of a run that is not finite.

    The seed's index, the step and the hidden layer, counted from 1.
    """

    seed: int
    step: int
    layer: int


def first_event(trace: Trace) -> Event | None:
    """Where a run first turned non-finite, or None.

    The layer is the first whose activation is not finite; where all activations are finite it is
    the last whose gradient is not: the one where the backward pass broke. Layers of a loss that
    alone is not finite count as the last.
    """
    bad = {name: ~np.isfinite(values) for name, values in trace.quantities.items()}
    anywhere = ~np.isfinite(trace.loss) | np.any([b.any(2) for b in bad.values()], axis=0)
    if not anywhere.any():
        return None
    t = int(np.argmax(anywhere.any(0)))
    seed = int(np.argmax(anywhere[:, t]))
    forward = np.flatnonzero(bad["activation_rms"][seed, t])
    backward = np.flatnonzero(np.any([b[seed, t] for b in bad.values()], axis=0))
    last = trace.quantities["activation_rms"].shape[2] - 1
    layer = forward[0] if forward.size else backward[-1] if backward.size else last
    return Event(seed, int(trace.steps[t]), int(layer) + 1)


def of_seed(trace: Trace, seed: int) -> Trace:
    """The trace of the seed with that index alone."""
    one = slice(seed, seed + 1)
    return Trace(
        trace.steps,
        trace.loss[one],
        {name: values[one] for name, values in trace.quantities.items()},
    )


def finite_seeds(trace: Trace) -> np.ndarray:
    """Whether all that was recorded of a seed is finite [seed]."""
    parts = [trace.loss, *trace.quantities.values()]
    return np.array(
        [all(np.isfinite(values[s]).all() for values in parts) for s in range(len(trace.loss))]
    )


def last_third(trace: Trace) -> slice:
    """The recorded steps of the last third, the first step never among them unless it is alone."""
    count = len(trace.steps)
    return slice(min(count - 1, max(1, count - math.ceil(count / 3))), None)


def most(seeds: list[str], words: Words) -> str:
    """The most frequent verdict, the more severe of equals."""
    order = list(words)
    return max(seeds, key=lambda verdict: (seeds.count(verdict), order.index(verdict)))


def told(verdict: str, seeds: list[str], words: Words, reason: Callable[[str], str]) -> str:
    """The reason of a run.

    That of its verdict; where seeds differ their counts come first, and the others' reasons last.
    """
    others = [other for other in words if other in seeds and other != verdict]
    if not others:
        return reason(verdict)
    counts = [
        (
            f"{seeds.count(v)}{f' of {len(seeds)} seeds' if v == verdict else ''} "
            f"{_verb(v, seeds, words)}"
        )
        for v in [verdict, *others]
    ]
    return f"{', '.join(counts)}: {'; '.join(reason(v) for v in [verdict, *others])}"


def _verb(verdict: str, seeds: list[str], words: Words) -> str:
    one, several = words[verdict]
    return one if seeds.count(verdict) == 1 else several
