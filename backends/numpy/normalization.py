"""Normalization, as defined: batch norm forward, and its gradient derived by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.countermeasures.normalization import BatchNormalization, NoNormalization, Normalization
from common.network import Arrays

NATIVE: dict[str, str] = {}

Moments = tuple[np.ndarray, np.ndarray]
"""Mean and variance, [seed, width] each."""


@dataclass(frozen=True)
class BatchNorm:
    """Batch norm of z [seed, batch, width]; scale, shift and statistics are [seed, width]."""

    spec: BatchNormalization

    def moments(self, z: np.ndarray) -> Moments:
        """Mean and biased variance over the batch, [seed, width] each, in two passes."""
        mean = z.mean(axis=-2)
        return mean, ((z - mean[..., None, :]) ** 2).mean(axis=-2)

    def __call__(self, z: np.ndarray, moments: Moments, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Normalized z, by the batch's moments in training and by the running ones in evaluation."""
        return self._standardized(z, moments) * scale[..., None, :] + shift[..., None, :]

    def _standardized(self, z: np.ndarray, moments: Moments) -> np.ndarray:
        mean, variance = moments
        return (z - mean[..., None, :]) / np.sqrt(variance + self.spec.epsilon)[..., None, :]

    def running(self, old: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The running statistic after a training step."""
        return self.spec.momentum * old + (1 - self.spec.momentum) * batch

    def backward(self, cotangent: np.ndarray, z: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to z, scale and shift in training mode, given that of the output.

        With x the standardized z: dz = scale / std (c - mean(c) - x mean(c x)), means over the batch.
        """
        moments = self.moments(z)
        x = self._standardized(z, moments)
        factor = (scale / np.sqrt(moments[1] + self.spec.epsilon))[..., None, :]
        centred = cotangent - cotangent.mean(-2, keepdims=True) - x * (cotangent * x).mean(-2, keepdims=True)
        return factor * centred, (cotangent * x).sum(-2), cotangent.sum(-2)


def build(spec: Normalization) -> BatchNorm | None:
    """Batch norm with its gradient, or None for no normalization."""
    return None if isinstance(spec, NoNormalization) else BatchNorm(spec)


def probe(spec: BatchNormalization, inputs: Arrays) -> Arrays:
    """One training step and one evaluation of batch norm.

    Args:
        spec: Batch norm.
        inputs: `z` and `cotangent` [batch, width]; `scale`, `shift`, `mean`, `variance` [width], the last two running.

    Returns:
        `value` in training, `gradient`, `scale_gradient`, `shift_gradient`; `mean` and `variance` running after the
        step; `evaluated`, the value in evaluation mode by these.
    """
    norm = BatchNorm(spec)
    z, scale, shift = inputs["z"], inputs["scale"], inputs["shift"]
    moments = norm.moments(z)
    gradient, scale_gradient, shift_gradient = norm.backward(inputs["cotangent"], z, scale)
    running = norm.running(inputs["mean"], moments[0]), norm.running(inputs["variance"], moments[1])
    return {
        "value": norm(z, moments, scale, shift),
        "gradient": gradient,
        "scale_gradient": scale_gradient,
        "shift_gradient": shift_gradient,
        "mean": running[0],
        "variance": running[1],
        "evaluated": norm(z, running, scale, shift),
    }
