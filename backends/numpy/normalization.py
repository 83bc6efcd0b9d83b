"""Normalization, as defined: forward, and its gradient derived by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from backends.numpy.block import Backward, Layer, Site
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.normalization import (
    BatchNormalization,
    LayerNormalization,
    NoNormalization,
    Normalization,
    RMSNormalization,
)
from common.network import Arrays

NATIVE: dict[str, str] = {}

STATISTICS = ("mean", "variance")

Moments = tuple[np.ndarray, np.ndarray]
"""Mean and variance, [seed, width] each."""


@dataclass(frozen=True)
class Standardized:
    """What batch norm keeps of its forward pass.

    Its moments, sqrt(variance + epsilon) and the standardized z.
    """

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
        """Z less the mean, over the deviation.

        The moments are the batch's in training and the running ones in evaluation.
        """
        mean, variance = moments
        deviation = self.r(np.sqrt(self.r(variance + self.spec.epsilon)))
        return Standardized(
            moments, deviation, self.r(self.r(z - mean[..., None, :]) / deviation[..., None, :])
        )

    def __call__(self, forward: Standardized, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Normalized z.

        PyTorch and TensorFlow have it as z times scale / deviation, plus what the mean makes of
        that and the shift.
        """
        mean, variance = forward.moments
        factor = scale / np.sqrt(self.r.least(variance, mean) + self.spec.epsilon)
        scaled = self.r.beside(
            self.r(forward.x * scale[..., None, :]), (mean * factor)[..., None, :]
        )
        return self.r(scaled + shift[..., None, :])

    def running(self, old: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The running statistic after a training step."""
        return self.r.add(self.spec.momentum * old, self.r((1 - self.spec.momentum) * batch))

    def backward(
        self, cotangent: np.ndarray, forward: Standardized, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to z, scale and shift in training mode, given that of the output.

        With x the standardized z: dz = scale / deviation (c - mean(c) - x mean(c x)), means over
        the batch. TensorFlow has c x from c z less the mean times c, JAX from c (z - mean), and
        both have mean(c x) from the variance's gradient, of which each sample gets scale / (2
        deviation^2) times that.
        """
        r = self.r
        x = forward.x
        mean, deviation = forward.moments[0][..., None, :], forward.deviation[..., None, :]
        factor = r(scale[..., None, :] / deviation)
        along = r.through(r(cotangent * x), deviation)
        if r.flushes:
            whole = r.lost(cotangent * (x * deviation + mean))
            offset = r.lost(mean * cotangent.sum(-2, keepdims=True)) / x.shape[-2]
            along -= (whole - offset) / deviation
        total = r.through(r.sum(along, -2, keepdims=True), deviation)
        mean_along = r.through(r(total / x.shape[-2]), factor / (2 * deviation))
        c = r(factor * cotangent)
        centred = r(c - r.mean(c, -2, keepdims=True))
        return (
            r(centred - r(x * r(factor * mean_along))),
            total[..., 0, :],
            r.sum(cotangent, -2),
        )


@dataclass(frozen=True)
class RowNorm:
    """Layer norm of z [..., batch, width], and rms norm; scale and shift are [..., width]."""

    epsilon: float
    centred: bool
    r: Exact = EXACT

    def standardized(self, z: np.ndarray) -> Standardized:
        """Z less its mean over the units, if it is centred, over its deviation from 0."""
        mean = self.r.mean(z, -1, keepdims=True) if self.centred else np.zeros_like(z[..., :1])
        centred = self.r(z - mean) if self.centred else z
        variance = self.r.mean(self.r(centred**2), -1, keepdims=True)
        deviation = self.r(np.sqrt(self.r(variance + self.epsilon)))
        return Standardized((mean, variance), deviation, self.r(centred / deviation))

    def __call__(self, x: np.ndarray, scale: np.ndarray, shift: np.ndarray | None) -> np.ndarray:
        """Normalized z, of the standardized x."""
        scaled = self.r(x * scale[..., None, :])
        return scaled if shift is None else self.r(scaled + shift[..., None, :])

    def backward(
        self, cotangent: np.ndarray, forward: Standardized, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gradients with respect to z and scale, given that of the output.

        With x the standardized z and c the cotangent times the scale: dz = (c - mean(c) - x mean(c
        x)) / deviation, means over the units; without mean(c) where nothing is centred. Frameworks
        have c x as in batch norm.
        """
        r = self.r
        x = forward.x
        mean, deviation = forward.moments[0], forward.deviation
        factor = scale[..., None, :]
        along = r.through(r(cotangent * x), deviation)
        if r.flushes:
            whole, offset = r.lost(cotangent * (x * deviation + mean)), r.lost(cotangent * mean)
            along -= (whole - offset) / deviation
        total = r.through(r.sum(r(along * factor), -1, keepdims=True), deviation)
        mean_along = r.through(r(total / x.shape[-1]), deviation**-2 / 2)
        c = r(r(factor / deviation) * cotangent)
        centred = r(c - r.mean(c, -1, keepdims=True)) if self.centred else c
        return r(centred - r(x * r(mean_along / deviation))), r.sum(along, -2)


def build(spec: Normalization, rounding: Exact = EXACT) -> BatchNorm | RowNorm | None:
    """The normalization with its gradient, or None for no normalization."""
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization():
            return BatchNorm(spec, rounding)
        case LayerNormalization(epsilon=epsilon):
            return RowNorm(epsilon, centred=True, r=rounding)
        case RMSNormalization(epsilon=epsilon):
            return RowNorm(epsilon, centred=False, r=rounding)
        case _:
            assert_never(spec)


def layer(spec: Normalization, rounding: Exact = EXACT) -> Layer:
    """The normalization of z [seed, batch, unit] by `scale` and `shift`, with its gradient.

    It leaves its statistics.
    """
    norm = build(spec, rounding)
    if norm is None:
        return lambda z, site: (z, lambda cotangent: (cotangent, {}))
    return _over_the_batch(norm) if isinstance(norm, BatchNorm) else _over_the_units(norm)


def _over_the_batch(norm: BatchNorm) -> Layer:
    def forward(z: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        p = site.parameters
        moments = norm.moments(z) if site.training else (p["mean"], p["variance"])
        kept = norm.standardized(z, moments)
        if site.training:
            site.statistics |= {
                name: norm.running(p[name], moment)
                for name, moment in zip(STATISTICS, moments, strict=True)
            }

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            gradient, scale, shift = norm.backward(cotangent, kept, p["scale"])
            return gradient, {"scale": scale, "shift": shift}

        return norm(kept, p["scale"], p["shift"]), backward

    return forward


def _over_the_units(norm: RowNorm) -> Layer:
    def forward(z: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        scale = site.parameters["scale"]
        shift = site.parameters.get("shift")
        kept = norm.standardized(z)

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            gradient, of_scale = norm.backward(cotangent, kept, scale)
            own = {} if shift is None else {"shift": norm.r.sum(cotangent, -2)}
            return gradient, {"scale": of_scale} | own

        return norm(kept.x, scale, shift), backward

    return forward


def probe(spec: Normalization, inputs: Arrays) -> Arrays:
    """One training step of a normalization and, of batch norm, one evaluation.

    Args:
        spec: The normalization.
        inputs: `z` and `cotangent` [batch, width]; `scale` [width], and `shift` if there is one;
            `mean` and `variance` [width], the running ones of batch norm.

    Returns:
        `value` in training, `gradient`, and `scale_gradient` and `shift_gradient`. Of batch norm
        `mean` and `variance` running after the step, and `evaluated`, the value in evaluation mode
        by these.
    """
    site = Site(0, True, inputs)
    value, backward = layer(spec)(inputs["z"], site)
    gradient, own = backward(inputs["cotangent"])
    found = {"value": value, "gradient": gradient} | {
        f"{name}_gradient": a for name, a in own.items()
    }
    if not site.statistics:
        return found
    evaluated, _ = layer(spec)(inputs["z"], Site(0, False, inputs | site.statistics))
    return found | site.statistics | {"evaluated": evaluated}
