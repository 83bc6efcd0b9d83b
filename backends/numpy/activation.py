"""Activation, as defined: values and hand-derived derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backends.numpy.block import Backward, Layer, Site
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, Tanh
from common.network import Arrays

NATIVE = {"tanh": "numpy.tanh", "relu": "numpy.maximum"}


@dataclass(frozen=True)
class Function:
    """An activation with its derivatives; `slope` is read by PReLU only, and broadcasts against z."""

    spec: Activation

    def __call__(self, z: np.ndarray, slope: np.ndarray | float = 0.0) -> np.ndarray:
        """The activation of z, of z's shape."""
        match self.spec:
            case Sigmoid():
                e = np.exp(-np.abs(z))  # at most 1, so that nothing overflows
                return np.where(z >= 0, 1 / (1 + e), e / (1 + e))
            case Tanh():
                return np.tanh(z)
            case ReLU():
                return np.maximum(z, 0)
            case LeakyReLU(slope=fixed):
                return np.where(z > 0, z, fixed * z)
            case PReLU():
                return np.where(z > 0, z, slope * z)
            case ELU(alpha=alpha):
                return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))

    def derivative(
        self, z: np.ndarray, y: np.ndarray, slope: np.ndarray | float = 0.0, above: np.ndarray | None = None
    ) -> np.ndarray:
        """The derivative with respect to z, of z's shape, where the activation's value is y.

        Args:
            z: Pre-activations.
            y: The activation's value.
            slope: Of PReLU.
            above: Where z lies above the kink at 0; given by rounding, which may put a number on the other side.
        """
        above = z > 0 if above is None else above
        match self.spec:
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
                return np.where(above, 1, alpha * np.exp(np.minimum(z, 0)))

    def slope_derivative(self, z: np.ndarray) -> np.ndarray:
        """PReLU's derivative with respect to its slope, of z's shape."""
        return np.minimum(z, 0)


def build(spec: Activation) -> Function:
    """The activation with its derivatives."""
    return Function(spec)


def layer(spec: Activation, rounding: Exact = EXACT) -> Layer:
    """The activation of z [seed, batch, unit] by `slope`, if it is trained, with its gradient."""
    function, r = build(spec), rounding

    def forward(z: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        trained = "slope" in site.parameters
        slope = site.parameters["slope"][:, None, None] if trained else 0.0
        y = r(function(z, slope))
        site.activated, site.z = True, z

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            above = r.above(z, site.number)
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
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape [].
    """
    function, z, cotangent = build(spec), inputs["z"], inputs["cotangent"]
    slope = spec.initial_slope if isinstance(spec, PReLU) else 0.0
    with np.errstate(invalid="ignore"):  # 0 times infinity is NaN, as IEEE 754 has it
        value = function(z, slope)
        outputs = {"value": value, "gradient": cotangent * function.derivative(z, value, slope)}
        if isinstance(spec, PReLU):
            below = np.where(z > 0, 0, cotangent)
            outputs["slope_gradient"] = np.sum(below * function.slope_derivative(z))
    return outputs
