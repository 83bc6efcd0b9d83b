"""Faults of a port in its loss, planted in NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import expit

from experiments.causes import Case, Side
from experiments.causes._losses import softmax
from tests.ported_bench import Bench, Planted


def cross_entropy(
    z: np.ndarray, y: np.ndarray, smoothing: float = 0.0, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """The mean over the batch, with its gradient, written out once more."""
    target = np.eye(z.shape[1])[y] * (1 - smoothing) + smoothing / z.shape[1]
    w = np.ones(len(z)) if weights is None else weights[y]
    w = w / w.sum()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return float(-(w[:, None] * target * np.log(p)).sum()), w[:, None] * (p - target)


def losses(b: Bench) -> None:
    z = b.draw(8, 5)
    y = b.rng.integers(0, 5, 8)

    def side(output: np.ndarray, target: np.ndarray, found: tuple[float, np.ndarray]) -> Side:
        return Side(
            "torch",
            "torch",
            kind="loss",
            output=output,
            target=target,
            loss=found[0],
            gradient=found[1],
        )

    def plant(
        name: str, cause: str, mine: Side, found: tuple[float, np.ndarray], *same: str
    ) -> None:
        its = replace(mine, backend="keras", dialect="keras", loss=found[0], gradient=found[1])
        b.faults.append(Planted(name, Case("loss", mine, its), cause, frozenset(same)))

    mean = cross_entropy(z, y)
    mine = side(z, y, mean)
    b.clean.append(Case("loss", mine, mine))
    plant("sum for mean", "loss.reduction", mine, (8 * mean[0], 8 * mean[1]))
    p = softmax(z)
    outer = cross_entropy(p, y)
    through = p * (outer[1] - (outer[1] * p).sum(1, keepdims=True))
    plant("softmax twice", "loss.twice", mine, (outer[0], through))
    plant("label smoothing", "loss.smoothing", mine, cross_entropy(z, y, 0.1))
    plant(
        "class weights",
        "loss.weights",
        mine,
        cross_entropy(z, y, weights=np.array([1.0, 2, 3, 4, 5])),
    )
    right = p[np.arange(8), y]
    back = 2 * (1 - right) * right * np.log(right) - (1 - right) ** 2
    focal = (
        float(np.mean(-((1 - right) ** 2) * np.log(right))),
        back[:, None] * (np.eye(5)[y] - p) / 8,
    )
    plant("focal loss", "loss.kind", mine, focal)
    plant("a quarter of the focal loss", "loss.kind", mine, (focal[0] / 4, focal[1] / 4))
    plant("a loss of another size", "loss.factor", mine, (0.3 * mean[0], 0.3 * mean[1]))
    targets = b.draw(8, 5)
    away = z - targets
    squared = side(z, targets, (float(np.mean(away**2)), 2 * away / 40))
    plant(
        "half the squared error",
        "loss.kind",
        squared,
        (float(np.mean(away**2) / 2), away / 40),
        "loss.factor",
    )
    plant(
        "sum over the outputs",
        "loss.reduction",
        squared,
        (float(np.mean((away**2).sum(1))), 2 * away / 8),
        "loss.factor",
    )
    error = float(np.sqrt(np.mean(away**2)))
    plant(
        "root of the squared error", "loss.kind", squared, (error, away / 40 / error), "loss.factor"
    )
    uneven = np.array([1.0, 2, 3, 4, 5])
    plant(
        "outputs weighted",
        "loss.weights",
        squared,
        (float(np.mean(uneven * away**2)), 2 * uneven * away / 40),
    )
    plant(
        "absolute error", "loss.kind", squared, (float(np.mean(np.abs(away))), np.sign(away) / 40)
    )
    bits = b.rng.integers(0, 2, (8, 3))
    logits = b.draw(8, 3)
    binary = side(
        logits,
        bits,
        (float(np.mean(np.logaddexp(0, logits) - bits * logits)), (expit(logits) - bits) / 24),
    )
    q = expit(logits)
    twice = float(np.mean(np.logaddexp(0, q) - bits * q)), (expit(q) - bits) * q * (1 - q) / 24
    plant("sigmoid twice", "loss.twice", binary, twice)
