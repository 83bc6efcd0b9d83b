"""The loss, as defined, with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import numpy as np

from backends.numpy import activation
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.activation import Sigmoid
from common.countermeasures.loss import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from common.network import Arrays

NATIVE: dict[str, str] = {}

Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From outputs [seed, batch, output] to the mean losses [seed], and the gradient of the outputs.

They are held to classes [seed, batch], or to real targets [seed, batch, output].
"""


def build(spec: Loss, rounding: Exact = EXACT) -> Function:
    """The loss with its gradient."""
    match spec:
        case CrossEntropy():
            return lambda z, y: _cross_entropy(z, y, rounding)
        case BinaryCrossEntropy():
            return lambda z, y: _binary(z, y, rounding)
        case SquaredError():
            return lambda z, y: _squared(z, y, rounding)
        case _:
            assert_never(spec)


def _cross_entropy(z: np.ndarray, y: np.ndarray, r: Exact) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy after softmax.

    The gradient is softmax minus one-hot, as the frameworks have it, and exact to a few units in
    the last place of 1: it has no digit for the class of a sample that is fit to within that. Nor
    has the loss. JAX has the logarithm of the sum of exponentials less the logit, and with it the
    rounding of that.
    """
    most = z.max(-1, keepdims=True)
    shifted = r(z - most)
    exponentials = r(np.exp(shifted))
    sums = r.sum(exponentials, -1, keepdims=True)
    chosen = np.eye(z.shape[-1], dtype=z.dtype)[y]
    losses = r(r(np.log(sums[..., 0])) - (shifted * chosen).sum(-1))
    losses = r.beside(losses, most[..., 0])
    return r.mean(losses, -1), r(r(r(exponentials / sums) - chosen) / y.shape[-1])


def _binary(z: np.ndarray, y: np.ndarray, r: Exact) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy of one logit: max(z, 0) - y z + log(1 + exp(-|z|)), of which nothing overflows.

    PyTorch has (1 - y) z less the logarithm of a sigmoid, and with it the rounding of z.
    """
    logit = z[..., 0]
    wanted = y.astype(z.dtype)
    losses = r.add(r(np.maximum(logit, 0) - wanted * logit), r(np.log1p(r(np.exp(-np.abs(logit))))))
    losses = r.beside(losses, logit)
    probability = r(activation.build(Sigmoid())(logit))
    return r.mean(losses, -1), r(r(probability - wanted) / y.shape[-1])[..., None]


def _squared(z: np.ndarray, y: np.ndarray, r: Exact) -> tuple[np.ndarray, np.ndarray]:
    wanted = y if y.ndim == z.ndim else np.eye(z.shape[-1], dtype=z.dtype)[y]
    distance = r(z - wanted)
    losses = r.mean(r(distance**2), -1)
    batch, outputs = z.shape[-2:]
    return r.mean(losses, -1), r(distance * (2 / (outputs * batch)))


def probe(spec: Loss, inputs: Arrays) -> Arrays:
    """Loss and gradient.

    Args:
        spec: The loss.
        inputs: Outputs `z` [batch, output], and classes `y` [batch] or real targets [batch,
            output].

    Returns:
        `loss` [], and `gradient` of z's shape.
    """
    losses, gradient = build(spec)(inputs["z"][None], inputs["y"][None])
    return {"loss": losses[0], "gradient": gradient[0]}
