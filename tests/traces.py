"""Traces made by hand, and the verdict on their gradient."""

from __future__ import annotations

import numpy as np

from common.quantities import QUANTITIES
from common.trace import Trace
from experiments.findings.gradient import gradient
from experiments.findings.guesses import Guessing
from experiments.findings.thresholds import Thresholds
from experiments.findings.verdict import Judgement

SEEDS = 3
STEPS = 4
LAYERS = 5
GUESSING = Guessing(0.11, 360, 0.12)


def trace(
    signal: np.ndarray | None = None,
    steps: tuple[int, ...] = (0, 5, 10, 12),
    loss: np.ndarray | None = None,
) -> Trace:
    """A healthy trace of ones, with another signal gradient or loss where one is given, of any
    shape that broadcasts.
    """
    signal = np.ones(LAYERS) if signal is None else np.asarray(signal, dtype=float)
    shape = (SEEDS, len(steps), signal.shape[-1])
    quantities = {name: np.ones(shape) for name in QUANTITIES} | {"dead_fraction": np.zeros(shape)}
    quantities["signal_gradient_rms"] = np.broadcast_to(signal, shape).copy()
    return Trace(
        np.array(steps),
        np.broadcast_to(1.0 if loss is None else loss, shape[:2]).copy(),
        quantities,
    )


def falling(ratio: float, layers: int = 30) -> np.ndarray:
    """A profile whose first layer is `ratio` times its last, at one rate."""
    return np.geomspace(ratio, 1, layers)


def judged(signal: np.ndarray, **thresholds: float) -> Judgement:
    return gradient(trace(signal), Thresholds(**thresholds))


def noisy(rate: float, layers: int, noise: float, seed: int = 0) -> np.ndarray:
    """Profiles [seed, 1, layer] that gain `rate` decades a layer on the way back, with independent
    noise in each.
    """
    gains = rate + noise * np.random.default_rng(seed).normal(size=(SEEDS, layers - 1))
    logs = np.concatenate(
        [np.cumsum(gains[:, ::-1], axis=1)[:, ::-1], np.zeros((SEEDS, 1))], axis=1
    )
    return 10 ** logs[:, None]
