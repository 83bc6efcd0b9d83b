"""Activation, as defined: values and hand-derived derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from backends.numpy.block import Backward, Layer, Site
from backends.numpy.erfc import erfc
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from common.network import Arrays

NATIVE = {"tanh": "numpy.tanh", "relu": "numpy.maximum"}

SATURATED = 25.0
"""Beyond it GELU's approximation by tanh is z or 0, in all precisions; its cubic would overflow in
the end."""


def logistic(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), exact on both sides."""
    e = np.exp(-np.abs(z))  # at most 1, so that nothing overflows
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def elu(z: np.ndarray, alpha: float) -> np.ndarray:
    """ELU: z above 0, alpha (exp(z) - 1) below."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_derivative(z: np.ndarray, alpha: float, above: np.ndarray) -> np.ndarray:
    """Its derivative: 1 above 0, alpha exp(z) below."""
    return np.where(above, 1, alpha * np.exp(np.minimum(z, 0)))


def normal_cdf(z: np.ndarray) -> np.ndarray:
    """The probability that a standard normal number is below z.

    By erfc, which keeps its digits far below 0.
    """
    return erfc(-math.sqrt(0.5) * z) / 2


def normal_density(z: np.ndarray) -> np.ndarray:
    """The derivative of `normal_cdf`.

    0 beyond 200 in all precisions, where the square would overflow in the end.
    """
    return np.exp(-np.square(np.clip(z, -200.0, 200.0)) / 2) / math.sqrt(2 * math.pi)


def saturated(z: np.ndarray) -> np.ndarray:
    """z, or the nearer end of where GELU's approximation by tanh is neither z nor 0."""
    return np.clip(z, -SATURATED, SATURATED)


def tanh_argument(z: np.ndarray) -> np.ndarray:
    """2 u, whose logistic function is nearly `normal_cdf`, for a z that is bounded."""
    return math.sqrt(8 / math.pi) * z * (1 + GELU_CUBIC * z * z)


def product_derivative(z: np.ndarray, x: np.ndarray, slope: np.ndarray | float) -> np.ndarray:
    """The derivative of z times the logistic function of x, where x has the derivative `slope`."""
    s = logistic(x)
    return s + slope * z * s * logistic(-x)


@dataclass(frozen=True)
class Function:
    """An activation with its derivatives; `slope`, read by PReLU only, broadcasts against z."""

    spec: Activation

    def __call__(self, z: np.ndarray, slope: np.ndarray | float = 0.0) -> np.ndarray:
        """The activation of z, of z's shape."""
        match self.spec:
            case Identity():
                return z.copy()
            case Sigmoid():
                return logistic(z)
            case Tanh():
                return np.tanh(z)
            case ReLU():
                return np.maximum(z, 0)
            case LeakyReLU(slope=fixed):
                return np.where(z > 0, z, fixed * z)
            case PReLU():
                return np.where(z > 0, z, slope * z)
            case ELU(alpha=alpha):
                return elu(z, alpha)
            case SELU(alpha=alpha, scale=scale):
                return scale * elu(z, alpha)
            case GELU(approximation="none"):
                return z * normal_cdf(z)
            case GELU():
                return z * logistic(tanh_argument(saturated(z)))
            case SiLU():
                return z * logistic(z)
            case _:
                assert_never(self.spec)

    def derivative(
        self,
        z: np.ndarray,
        y: np.ndarray,
        slope: np.ndarray | float = 0.0,
        above: np.ndarray | None = None,
    ) -> np.ndarray:
        """The derivative with respect to z, of z's shape, where the activation's value is y.

        Args:
            z: Pre-activations.
            y: The activation's value.
            slope: Of PReLU.
            above: Where z lies above the kink at 0; given by rounding, which may put a number on
                the other side.
        """
        above = z > 0 if above is None else above
        match self.spec:
            case Identity():
                return np.ones_like(z)
            case Sigmoid():
                return y * (1 - y)
            case Tanh():
                return (1 - y) * (1 + y)
            case ReLU():
                return np.where(above, 1, 0).astype(z.dtype)
            case LeakyReLU(slope=fixed):
                return np.where(above, 1, fixed).astype(z.dtype)
            case PReLU():
                return np.where(above, 1, slope).astype(z.dtype)
            case ELU(alpha=alpha):
                return elu_derivative(z, alpha, above)
            case SELU(alpha=alpha, scale=scale):
                return scale * elu_derivative(z, alpha, above)
            case GELU(approximation="none"):
                return normal_cdf(z) + z * normal_density(z)
            case GELU():
                bounded = saturated(z)
                steepness = math.sqrt(8 / math.pi) * (1 + 3 * GELU_CUBIC * bounded * bounded)
                return product_derivative(bounded, tanh_argument(bounded), steepness)
            case SiLU():
                return product_derivative(z, z, 1.0)
            case _:
                assert_never(self.spec)

    def slope_derivative(self, z: np.ndarray) -> np.ndarray:
        """PReLU's derivative with respect to its slope, of z's shape."""
        return np.minimum(z, 0)


def build(spec: Activation) -> Function:
    """The activation with its derivatives."""
    return Function(spec)


def layer(spec: Activation, rounding: Exact = EXACT) -> Layer:
    """The activation of z [seed, batch, unit] by `slope`, if it is trained, with its gradient."""
    function = build(spec)
    r = rounding

    def forward(z: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        trained = "slope" in site.parameters
        slope = site.parameters["slope"][:, None, None] if trained else 0.0
        y = r(function(z, slope))
        place = (site.number, len(site.z))
        site.z.append(z)

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            above = r.above(z, place)
            gradients: Arrays = {}
            if trained:
                below = np.where(above, 0, cotangent)
                gradients["slope"] = r.sum(r(below * function.slope_derivative(z)), (1, 2))
            derivative = r(function.derivative(z, y, slope, above))
            return r(cotangent * derivative), gradients

        return y, backward

    return forward


def probe(spec: Activation, inputs: Arrays) -> Arrays:
    """Value and gradient of the activation.

    Args:
        spec: The activation.
        inputs: `z` and `cotangent`, of one shape.

    Returns:
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape
        [].
    """
    function = build(spec)
    z = inputs["z"]
    cotangent = inputs["cotangent"]
    slope = spec.initial_slope if isinstance(spec, PReLU) else 0.0
    with np.errstate(invalid="ignore"):  # 0 times infinity is NaN, as IEEE 754 has it
        value = function(z, slope)
        outputs = {"value": value, "gradient": cotangent * function.derivative(z, value, slope)}
        if isinstance(spec, PReLU):
            below = np.where(z > 0, 0, cotangent)
            outputs["slope_gradient"] = np.sum(below * function.slope_derivative(z))
    return outputs
