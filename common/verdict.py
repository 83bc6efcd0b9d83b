"""Verdicts: what became of the gradient, judged by ratios between layers, so that the scale of the loss does not matter."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from common.quantities import gradient_ratio
from common.spec import Spec
from common.trace import Trace

Verdict = Literal["healthy", "vanishing", "exploding", "dead", "non-finite"]
SEVERITY: tuple[Verdict, ...] = ("healthy", "vanishing", "exploding", "dead", "non-finite")


class Thresholds(Spec, frozen=True):
    """Bounds on the gradient ratio first/last hidden layer; parameters of the experiment."""

    vanishing: float = Field(default=1e-3, gt=0, lt=1)
    exploding: float = Field(default=1e3, gt=1)


class Event(NamedTuple):
    """The first value of a run that is not finite: the seed's index, the step and the hidden layer, counted from 1."""

    seed: int
    step: int
    layer: int


def of_seeds(trace: Trace, thresholds: Thresholds) -> list[Verdict]:
    """The verdict on each seed.

    Non-finite where any recorded value is; dead where the first layer's signal gradient is exactly 0 for the whole batch at
    the last recorded step; otherwise by the gradient ratio at the first step.
    """
    finite = np.all([np.isfinite(trace.loss).all(1), *(np.isfinite(v).all((1, 2)) for v in trace.quantities.values())], axis=0)
    signal = trace.quantities["signal_gradient_rms"]
    dead, ratios = signal[:, -1, 0] == 0, gradient_ratio(signal[:, 0])
    return [_judge(bool(finite[s]), bool(dead[s]), float(ratios[s]), thresholds) for s in range(len(finite))]


def _judge(finite: bool, dead: bool, ratio: float, thresholds: Thresholds) -> Verdict:
    if not finite:
        return "non-finite"
    if dead:
        return "dead"
    if ratio < thresholds.vanishing:
        return "vanishing"
    return "exploding" if ratio > thresholds.exploding else "healthy"


def of_run(seeds: list[Verdict]) -> Verdict:
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
