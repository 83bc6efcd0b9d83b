"""Losses of each sample, with their gradients (see docs/migration/loss.md)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from experiments.causes._definition.activation import log_softmax, softmax
from experiments.causes._definition.errors import Undefined
from experiments.causes._each import Each, Turn, distribution, same, turned

LEAST = 1e-7
"""What Keras clips probabilities at."""
GAMMAS = (2.0, 1.0, 0.5, 1.5, 3.0, 4.0, 5.0)
"""Of the focal loss."""
Form = Callable[[np.ndarray, np.ndarray], Each]


def cross_entropy(z: np.ndarray, y: np.ndarray) -> Each:
    """Of logits."""
    target, p, turn = distribution(z, y)
    if z.ndim < 2 or np.any(np.abs(target.sum(-1) - 1) > 1e-9):
        raise Undefined("targets that are no distribution")
    return Each(
        -np.sum(target * log_softmax(turn(z)), -1), p - target, turned=turned(turn), back=turn
    )


def cross_entropy_twice(z: np.ndarray, y: np.ndarray) -> Each:
    """Of a softmax, taken for logits once more."""
    inner = cross_entropy(z, y)
    target, p, turn = distribution(z, y)
    outer = softmax(p) - target
    gradient = p * (outer - np.sum(outer * p, -1, keepdims=True))
    return Each(-np.sum(target * log_softmax(p), -1), gradient, turned=inner.turned, back=turn)


def cross_entropy_of_probabilities(z: np.ndarray, y: np.ndarray) -> Each:
    """Of outputs taken for probabilities: clipped as Keras does, and divided by their sum."""
    target, _, turn = distribution(z, y)
    values = turn(z)
    clipped = np.clip(values, LEAST, 1 - LEAST)
    inside = (values > LEAST) & (values < 1 - LEAST)
    total = clipped.sum(-1, keepdims=True)
    loss = -np.sum(target * np.log(clipped / total), -1)
    gradient = inside * (target.sum(-1, keepdims=True) / total - target / clipped)
    return Each(loss, gradient, turned=turned(turn), back=turn)


def negative_log(z: np.ndarray, y: np.ndarray) -> Each:
    """Of outputs that are taken for logarithms of probabilities, as PyTorch's NLLLoss does."""
    target, _, turn = distribution(z, y)
    return Each(-np.sum(target * turn(z), -1), -target, turned=turned(turn), back=turn)


def binary_cross_entropy(z: np.ndarray, y: np.ndarray) -> Each:
    """Of logits, a mean over the outputs."""
    target = _like(z, y)
    loss = np.logaddexp(0, z) - target * z
    return _mean(loss, expit(z) - target)


def binary_cross_entropy_twice(z: np.ndarray, y: np.ndarray) -> Each:
    """Of a sigmoid, taken for logits once more."""
    target = _like(z, y)
    p = expit(z)
    loss = np.logaddexp(0, p) - target * p
    return _mean(loss, (expit(p) - target) * p * (1 - p))


def binary_cross_entropy_of_probabilities(z: np.ndarray, y: np.ndarray) -> Each:
    """Of outputs taken for probabilities, clipped as Keras does; a mean over the outputs."""
    target = _like(z, y)
    p = np.clip(z, LEAST, 1 - LEAST)
    inside = (z > LEAST) & (z < 1 - LEAST)
    loss = -(target * np.log(p) + (1 - target) * np.log1p(-p))
    return _mean(loss, inside * (p - target) / (p * (1 - p)))


def squared_error(z: np.ndarray, y: np.ndarray) -> Each:
    """A mean over the outputs."""
    away = z - _like(z, y, real=True)
    return _mean(np.square(away), 2 * away)


def half_squared_error(z: np.ndarray, y: np.ndarray) -> Each:
    """Half of it, as optax.l2_loss has it."""
    away = z - _like(z, y, real=True)
    return _mean(np.square(away) / 2, away)


def absolute_error(z: np.ndarray, y: np.ndarray) -> Each:
    """A mean over the outputs."""
    away = z - _like(z, y, real=True)
    return _mean(np.abs(away), np.sign(away))


def huber(z: np.ndarray, y: np.ndarray) -> Each:
    """Half squared up to 1, linear beyond; a mean over the outputs."""
    away = z - _like(z, y, real=True)
    loss = np.where(np.abs(away) <= 1, np.square(away) / 2, np.abs(away) - 0.5)
    return _mean(loss, np.clip(away, -1, 1))


def log_cosh(z: np.ndarray, y: np.ndarray) -> Each:
    """Nearly half squared, and linear far away; a mean over the outputs."""
    away = z - _like(z, y, real=True)
    return _mean(np.logaddexp(away, -away) - np.log(2), np.tanh(away))


def focal(gamma: float) -> Form:
    """Cross-entropy times (1 - p)^gamma, p the right class's probability (Lin et al. 2017)."""

    def form(z: np.ndarray, y: np.ndarray) -> Each:
        target, p, turn = distribution(z, y)
        if (
            z.ndim < 2
            or not np.array_equal(target, target.astype(bool))
            or np.any(target.sum(-1) != 1)
        ):
            raise Undefined("targets that are no classes")
        right = np.sum(target * p, -1)
        loss, slope = _focal(gamma, right)
        return Each(loss, (slope * right)[..., None] * (target - p), turned=turned(turn), back=turn)

    return form


def binary_focal(gamma: float) -> Form:
    """Likewise, of two classes each; a mean over the outputs."""

    def form(z: np.ndarray, y: np.ndarray) -> Each:
        sign = 2 * _like(z, y) - 1
        if not np.array_equal(np.abs(sign), np.ones(sign.shape)):
            raise Undefined("targets that are neither 0 nor 1")
        right = expit(sign * z)
        loss, slope = _focal(gamma, right)
        return _mean(loss, slope * right * (1 - right) * sign)

    return form


def _focal(gamma: float, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss, and its derivative with respect to p."""
    away = 1 - p
    return -(away**gamma) * np.log(p), gamma * away ** (gamma - 1) * np.log(p) - away**gamma / p


def mean_square(z: np.ndarray, y: np.ndarray) -> Each:
    """Of the outputs themselves."""
    return _mean(np.square(z), 2 * z)


def _mean(loss: np.ndarray, gradient: np.ndarray) -> Each:
    """Over the outputs of a sample."""
    rows = loss.reshape(len(loss), -1)
    shape = gradient.shape
    own = gradient.reshape(len(loss), -1) / rows.shape[1]
    return Each(
        rows.mean(1),
        own,
        True,
        lambda values: values.reshape(shape),
        lambda values: values.reshape(len(values), -1),
    )


def _like(z: np.ndarray, y: np.ndarray, real: bool = False) -> np.ndarray:
    """Targets of the outputs' shape; classes as rows of 0 and 1 if there are several outputs."""
    if y.size == z.size:
        return y.reshape(z.shape).astype(np.float64)
    if not real:
        raise Undefined("targets of another size")
    target, _, turn = distribution(z, y)
    return turned(turn)(target)


def broadcast_squared_error(z: np.ndarray, y: np.ndarray) -> Each:
    """Of outputs [batch, 1] and targets [batch]: every output against every target."""
    if z.ndim != 2 or z.shape[1] != 1 or y.size != len(z) or len(z) < 2:
        raise Undefined("outputs that do not broadcast")
    away = z - y.reshape(1, -1).astype(np.float64)
    return Each(np.mean(np.square(away), 1), 2 * np.mean(away, 1, keepdims=True), True)


def smoothed(z: np.ndarray, target: np.ndarray) -> Each:
    """Cross-entropy of logits with a target [sample, ..., class]."""
    turn: Turn = same if target.shape == z.shape else lambda values: np.moveaxis(values, 1, -1)
    logits = turn(z)
    return Each(
        -np.sum(target * log_softmax(logits), -1),
        softmax(logits) - target,
        turned=turned(turn),
        back=turn,
    )


FORMS: dict[str, Form] = {
    "cross-entropy of logits": cross_entropy,
    "binary cross-entropy of logits": binary_cross_entropy,
    "squared error": squared_error,
    "cross-entropy of probabilities (the outputs are taken for them)": (
        cross_entropy_of_probabilities
    ),
    "binary cross-entropy of probabilities (the outputs are taken for them)": (
        binary_cross_entropy_of_probabilities
    ),
    "cross-entropy of logits, with softmax twice": cross_entropy_twice,
    "binary cross-entropy of logits, with sigmoid twice": binary_cross_entropy_twice,
    "negative log-likelihood (the outputs are taken for logarithms)": negative_log,
    "half the squared error": half_squared_error,
    "absolute error": absolute_error,
    "Huber loss": huber,
    "squared error of every output against every target": broadcast_squared_error,
    "mean of squares": mean_square,
    "log-cosh": log_cosh,
    **{f"focal loss of cross-entropy, gamma {gamma:g}": focal(gamma) for gamma in GAMMAS},
    **{
        f"focal loss of binary cross-entropy, gamma {gamma:g}": binary_focal(gamma)
        for gamma in GAMMAS
    },
}
