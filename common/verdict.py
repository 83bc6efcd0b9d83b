"""Verdicts: what became of the gradient, judged by ratios between layers, so that the scale of the loss does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from common.quantities import gradient_ratio
from common.spec import Spec
from common.trace import Trace

GradientVerdict = Literal["comes through", "vanishing", "exploding", "dead", "non-finite"]
LearningVerdict = Literal["learns", "has not learnt", "diverged", "cannot be told"]
SEVERITY: tuple[GradientVerdict, ...] = ("comes through", "vanishing", "exploding", "dead", "non-finite")


class Thresholds(Spec, frozen=True):
    """Bounds on the gradient ratio first/last hidden layer; parameters of the experiment."""

    vanishing: float = Field(default=1e-3, gt=0, lt=1)
    exploding: float = Field(default=1e3, gt=1)


class Judgement(NamedTuple):
    """A verdict on a run, its reason in the words of the report, and the verdict on each seed."""

    verdict: str
    reason: str
    seeds: list[str]


class Guessing(NamedTuple):
    """What a network gets that has learnt nothing.

    The share of the most frequent class of the training set among the test samples, of which there are so many.
    """

    accuracy: float
    samples: int


class Event(NamedTuple):
    """The first value of a run that is not finite: the seed's index, the step and the hidden layer, counted from 1."""

    seed: int
    step: int
    layer: int


def gradient(trace: Trace, thresholds: Thresholds) -> Judgement:
    """Whether the gradient comes through to the first layer."""
    seeds = of_seeds(trace, thresholds)
    return Judgement(of_run(seeds), "", list(seeds))


def learning(trace: Trace, accuracy: Sequence[float], guessing: Guessing) -> Judgement:
    """Whether the network has learnt."""
    seeds = ["learns" if value > guessing.accuracy else "has not learnt" for value in accuracy]
    return Judgement(max(seeds, key=seeds.count), "", seeds)


def of_seeds(trace: Trace, thresholds: Thresholds) -> list[GradientVerdict]:
    """The verdict on each seed.

    Non-finite where any recorded value is; dead where the first layer's signal gradient is exactly 0 for the whole batch at
    the last recorded step; otherwise by the gradient ratio at the first step.
    """
    finite = np.all([np.isfinite(trace.loss).all(1), *(np.isfinite(v).all((1, 2)) for v in trace.quantities.values())], axis=0)
    signal = trace.quantities["signal_gradient_rms"]
    dead, ratios = signal[:, -1, 0] == 0, gradient_ratio(signal[:, 0])
    return [_judge(bool(finite[s]), bool(dead[s]), float(ratios[s]), thresholds) for s in range(len(finite))]


def _judge(finite: bool, dead: bool, ratio: float, thresholds: Thresholds) -> GradientVerdict:
    if not finite:
        return "non-finite"
    if dead:
        return "dead"
    if ratio < thresholds.vanishing:
        return "vanishing"
    return "exploding" if ratio > thresholds.exploding else "comes through"


def of_run(seeds: list[GradientVerdict]) -> GradientVerdict:
    """The verdict on a run: non-finite where any seed is, otherwise the most frequent, the more severe of equals."""
    if "non-finite" in seeds:
        return "non-finite"
    return max(seeds, key=lambda verdict: (seeds.count(verdict), SEVERITY.index(verdict)))


def first_event(trace: Trace) -> Event | None:
    """Where a run first turned non-finite, or None.

    The layer is the first whose activation is not finite; where all activations are finite it is the last whose
    gradient is not: the one where the backward pass broke. Layers of a loss that alone is not finite count as the last.
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
