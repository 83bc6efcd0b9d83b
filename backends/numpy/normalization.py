"""Normalization, as defined: batch norm forward, and its gradient derived by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backends.numpy.block import Backward, Layer, Site
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.normalization import BatchNormalization, NoNormalization, Normalization
from common.network import Arrays

NATIVE: dict[str, str] = {}

STATISTICS = ("mean", "variance")

Moments = tuple[np.ndarray, np.ndarray]
"""Mean and variance, [seed, width] each."""


@dataclass(frozen=True)
class Standardized:
    """What batch norm keeps of its forward pass: its moments, sqrt(variance + epsilon) and the standardized z."""

    moments: Moments
    deviation: np.ndarray
    x: np.ndarray


@dataclass(frozen=True)
class BatchNorm:
    """Batch norm of z [seed, batch, width]; scale, shift and statistics are [seed, width]."""

    spec: BatchNormalization
    r: Exact = EXACT

    def moments(self, z: np.ndarray) -> Moments:
        """Mean and biased variance over the batch, [seed, width] each, in two passes."""
        mean = self.r.mean(z, -2)
        centred = self.r(z - mean[..., None, :])
        return mean, self.r.mean(self.r(centred**2), -2)

    def standardized(self, z: np.ndarray, moments: Moments) -> Standardized:
        """Z less the mean, over the deviation; the moments are the batch's in training and the running ones in evaluation."""
        mean, variance = moments
        deviation = self.r(np.sqrt(self.r(variance + self.spec.epsilon)))
        return Standardized(moments, deviation, self.r(self.r(z - mean[..., None, :]) / deviation[..., None, :]))

    def __call__(self, x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Normalized z, of the standardized x."""
        return self.r(self.r(x * scale[..., None, :]) + shift[..., None, :])

    def running(self, old: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The running statistic after a training step."""
        return self.r.add(self.spec.momentum * old, self.r((1 - self.spec.momentum) * batch))

    def backward(
        self, cotangent: np.ndarray, forward: Standardized, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to z, scale and shift in training mode, given that of the output.

        With x the standardized z: dz = scale / deviation (c - mean(c) - x mean(c x)), means over the batch. TensorFlow and JAX
        have mean(c x) from the variance's gradient, which is scale / deviation^2 times as large.
        """
        r, x, deviation = self.r, forward.x, forward.deviation
        factor = r(scale / deviation)[..., None, :]
        along = r(cotangent * x)
        mean_along = r.through(r.mean(along, -2, keepdims=True), (scale / deviation**2)[..., None, :])
        centred = r(r(cotangent - r.mean(cotangent, -2, keepdims=True)) - r(x * mean_along))
        return r(factor * centred), r.sum(along, -2), r.sum(cotangent, -2)


def build(spec: Normalization, rounding: Exact = EXACT) -> BatchNorm | None:
    """Batch norm with its gradient, or None for no normalization."""
    return None if isinstance(spec, NoNormalization) else BatchNorm(spec, rounding)


def layer(spec: Normalization, rounding: Exact = EXACT) -> Layer:
    """The normalization of z [seed, batch, unit] by `scale` and `shift`, with its gradient; leaves its statistics."""
    norm = build(spec, rounding)

    def unchanged(z: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        return z, lambda cotangent: (cotangent, {})

    def forward(z: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        assert norm
        p = site.parameters
        moments = norm.moments(z) if site.training else (p["mean"], p["variance"])
        kept = norm.standardized(z, moments)
        if site.training:
            site.statistics |= {name: norm.running(p[name], moment) for name, moment in zip(STATISTICS, moments, strict=True)}

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            assert norm
            gradient, scale, shift = norm.backward(cotangent, kept, p["scale"])
            return gradient, {"scale": scale, "shift": shift}

        return norm(kept.x, p["scale"], p["shift"]), backward

    return forward if norm else unchanged


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
    forward = norm.standardized(z, norm.moments(z))
    gradient, scale_gradient, shift_gradient = norm.backward(inputs["cotangent"], forward, scale)
    running = norm.running(inputs["mean"], forward.moments[0]), norm.running(inputs["variance"], forward.moments[1])
    return {
        "value": norm(forward.x, scale, shift),
        "gradient": gradient,
        "scale_gradient": scale_gradient,
        "shift_gradient": shift_gradient,
        "mean": running[0],
        "variance": running[1],
        "evaluated": norm(norm.standardized(z, running).x, scale, shift),
    }
