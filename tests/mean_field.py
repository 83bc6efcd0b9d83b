"""Mean field theory of wide random networks: how much gradient each layer loses.

For weights of variance s / n the second moment of a layer's pre-activations is q, the next one's is
s E[phi(sqrt(q) z)^2] with z normal, and the mean square of the signal gradient shrinks by chi = s
E[phi'(sqrt(q) z)^2] for each layer gone back (Poole et al. 2016, Schoenholz et al. 2017). A network
of finite width N has, over n layers,
    E[log ratio] = sum log chi - V / 2,   Var[log ratio] = V,
    V = sum over layers of (3 mu_4 / mu_2^2 - 1) / N,
with mu_k = E[phi'^k] (after Hanin and Nica 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtr

from common.countermeasures.activation import SELU_ALPHA, SELU_SCALE

Function = Callable[[np.ndarray], np.ndarray]
WIDTH, DEPTH = 256, 20


def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss-Legendre for the normal law: panels graded towards 0, where the kinks are."""
    edges = np.concatenate([[0.0], np.geomspace(1e-6, 10, 30)])
    x, w = np.polynomial.legendre.leggauss(20)
    half = np.diff(edges)[:, None] / 2
    middle = (edges[1:] + edges[:-1])[:, None] / 2
    z = (middle + half * x).ravel()
    weight = (half * w).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.concatenate([-z, z]), np.concatenate([weight, weight])


Z, WEIGHTS = _nodes()


def mean(values: np.ndarray) -> float:
    """The expectation over a standard normal z of a function given at the nodes Z."""
    return float(WEIGHTS @ values)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


PHI: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "prelu": (lambda z: np.where(z > 0, z, 0.25 * z), lambda z: np.where(z > 0, 1, 0.25)),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.exp(np.minimum(z, 0)),
    ),
    "identity": (lambda z: z, np.ones_like),
    "selu": (
        lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0))),
        lambda z: SELU_SCALE * np.where(z > 0, 1, SELU_ALPHA * np.exp(np.minimum(z, 0))),
    ),
    "gelu": (
        lambda z: z * ndtr(z),
        lambda z: ndtr(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    ),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
}
"""Of every kind of activation by its defaults, the formulas written out once more."""


@dataclass(frozen=True)
class Prediction:
    """Of log(first / last) of the mean square signal gradient: its value for infinite width, and V
    for ours.
    """

    log_ratio: float
    variance: float


def predicted(activation: str, s: float, layers: int) -> Prediction:
    """Theory along the trajectory of q, from an input of second moment 1."""
    phi, slope = PHI[activation]
    q = s
    log_ratio = 0.0
    variance = 0.0
    for _ in range(layers - 1):  # the first layer's own derivative acts below its output
        q = s * mean(phi(np.sqrt(q) * Z) ** 2)
        squared = slope(np.sqrt(q) * Z) ** 2
        log_ratio += np.log(s * mean(squared))
        variance += (3 * mean(squared**2) / mean(squared) ** 2 - 1) / WIDTH
    return Prediction(log_ratio, variance)


def decades(activation: str, s: float) -> float:
    """Decades of signal gradient for each layer at the fixed point of q."""
    return (
        (predicted(activation, s, 60).log_ratio - predicted(activation, s, 59).log_ratio)
        / 2
        / np.log(10)
    )


def growth(skip: str, scale: float, layers: int) -> float:
    """log(first / last) of the mean square signal gradient of ReLU networks with He's weights and a
    connection past a layer.

    Pre-activation: x + scale W relu(x) has the mean square of x times 1 + scale^2, forward and back
    (Yang and Schoenholz 2017). With batch norm the variance over the batch grows with the sum,
    v_l = 2 + l (pi - 1) / pi from what He's first layer makes of the input, and the gradient by the
    product of 1 + 1 / v_l: a power of the depth, and no exponential (De and Smith 2020).
    """
    if skip == "plain":
        return layers * float(np.log1p(scale**2))
    variances = 2 + np.arange(layers) * (np.pi - 1) / np.pi
    return float(np.log1p(1 / variances).sum())


@cache
def batch_norm_rate(activation: str, batch: int | None) -> float:
    """The factor of the mean square gradient for each layer with batch norm (Yang et al. 2019);
    over 1: it explodes.

    For an infinite batch E[phi'^2] / Var[phi]; for a finite one by the mean over points y on the
    sphere of centred batches.
    """
    phi, slope = PHI[activation]
    if batch is None:
        return mean(slope(Z) ** 2) / (mean(phi(Z) ** 2) - mean(phi(Z)) ** 2)
    u = np.random.default_rng(0).normal(size=(100_000, batch))
    u -= u.mean(1, keepdims=True)
    u /= np.sqrt((u**2).sum(1, keepdims=True))
    f = phi(np.sqrt(batch) * u)
    d = slope(np.sqrt(batch) * u)
    square = (d**2).sum(1)
    total = d.sum(1)
    along = (u * d).sum(1)
    off = 1 / batch**2
    trace = (
        ((1 - 1 / batch) ** 2 - off) * square
        + off * total**2
        - ((u * d) ** 2).sum(1)
        + along**2 / batch
    )
    both = (f.sum(1) ** 2 - (f**2).sum(1)).mean() / (batch * (batch - 1))
    return float(batch / ((f**2).mean() - both) / (batch - 3) * trace.mean() / (batch - 1))
