"""The network, as defined: forward, and backward by hand. Arrays are [seed, batch, unit]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from backends.numpy import activation, normalization
from backends.numpy.rounding import EXACT, Exact
from common.network import Arrays, Network, joined, stack_of


@dataclass
class Layer:
    """What one hidden layer keeps of its forward pass: input, standardized affine map, pre-activation, output."""

    parameters: Arrays
    x: np.ndarray
    standardized: normalization.Standardized | None
    z: np.ndarray
    h: np.ndarray


@dataclass
class Pass:
    """A whole forward pass, and with it all that the backward pass needs."""

    layers: list[Layer]
    logits: np.ndarray
    signals: list[np.ndarray] = field(default_factory=list)


def _stacked(layers: list[Arrays]) -> Arrays:
    return {name: np.stack([layer[name] for layer in layers], axis=1) for name in layers[0]}


def _across(vector: np.ndarray) -> np.ndarray:
    return vector[..., None, :]


class Definition:
    """The network with its hand-derived gradient."""

    def __init__(self, spec: Network, rounding: Exact = EXACT) -> None:
        self.spec, self.r = spec, rounding
        self.activation = activation.build(spec.activation)
        self.normalization = normalization.build(spec.normalization, rounding)

    def hidden(self, arrays: Arrays) -> Iterator[Arrays]:
        """The arrays of each hidden layer in order, [seed, ...] by their bare names."""
        for stack in ("first", "hidden"):
            stacked = stack_of(arrays, stack)
            for layer in range(1 if stack == "first" else self.spec.depth - 1):
                yield {name: a[:, layer] for name, a in stacked.items()}

    def forward(self, parameters: Arrays, x: np.ndarray, running: Arrays | None = None) -> Pass:
        """Run the network; by the running statistics where they are given (evaluation), by the batch's otherwise."""
        statistics = self.hidden(running) if running else None
        layers: list[Layer] = []
        for p in self.hidden(parameters):
            layers.append(self._layer(p, layers[-1].h if layers else x, next(statistics) if statistics else None))
        output = stack_of(parameters, "output")
        affine = self.r.product(layers[-1].h, output["weight"][:, 0])
        return Pass(layers, self.r(affine + _across(output["bias"][:, 0])))

    def _layer(self, p: Arrays, x: np.ndarray, running: Arrays | None) -> Layer:
        affine, standardized = self.r.product(x, p["weight"]), None
        if self.normalization:
            moments = (running["mean"], running["variance"]) if running else self.normalization.moments(affine)
            standardized = self.normalization.standardized(affine, moments)
            z = self.normalization(standardized.x, p["scale"], p["shift"])
        else:
            z = self.r(affine + _across(p["bias"]))
        return Layer(p, x, standardized, z, self.r(self.activation(z, self._slope(p))))

    def _slope(self, p: Arrays) -> np.ndarray | float:
        return p["slope"][:, None, None] if "slope" in p else 0.0

    def backward(self, run: Pass, parameters: Arrays, cotangent: np.ndarray) -> Arrays:
        """The gradient of every parameter, given that of the logits; leaves dL/dh_l in `run.signals`, first layer first."""
        r, h = self.r, run.layers[-1].h
        output = {"weight": r.product(h.swapaxes(1, 2), cotangent)[:, None], "bias": r.sum(cotangent, 1)[:, None]}
        signal = r.product(cotangent, parameters["output.weight"][:, 0].swapaxes(1, 2))
        gradients: list[Arrays] = []
        for number in reversed(range(len(run.layers))):
            run.signals.insert(0, signal)
            signal, gradient = self._layer_backward(run.layers[number], signal, number)
            gradients.insert(0, gradient)
        return joined({"first": _stacked(gradients[:1]), "hidden": _stacked(gradients[1:]), "output": output})

    def _layer_backward(self, layer: Layer, signal: np.ndarray, number: int) -> tuple[np.ndarray, Arrays]:
        r, p, gradient = self.r, layer.parameters, {}
        above = r.above(layer.z, number)
        if "slope" in p:
            below = np.where(above, 0, signal)
            gradient["slope"] = r.sum(r(below * self.activation.slope_derivative(layer.z)), (1, 2))
        derivative = r(self.activation.derivative(layer.z, layer.h, self._slope(p), above))
        cotangent = r(signal * derivative)
        if self.normalization:
            assert layer.standardized
            found = self.normalization.backward(cotangent, layer.standardized, p["scale"])
            cotangent, gradient["scale"], gradient["shift"] = found
        else:
            gradient["bias"] = r.sum(cotangent, 1)
        gradient["weight"] = r.product(layer.x.swapaxes(1, 2), cotangent)
        return r.product(cotangent, p["weight"].swapaxes(1, 2)), gradient


def cross_entropy(logits: np.ndarray, y: np.ndarray, r: Exact = EXACT) -> tuple[np.ndarray, np.ndarray]:
    """Mean cross-entropy [seed] of logits [seed, batch, class] for classes y [seed, batch], and its gradient.

    The gradient is softmax minus one-hot, as the frameworks have it, and exact to a few units in the last place of 1: it has no
    digit for the class of a sample that is fit to within that. Nor has the loss.
    """
    shifted = r(logits - logits.max(-1, keepdims=True))
    exponentials = r(np.exp(shifted))
    sums = r.sum(exponentials, -1, keepdims=True)
    chosen = np.eye(logits.shape[-1], dtype=logits.dtype)[y]
    losses = r(r(np.log(sums[..., 0])) - (shifted * chosen).sum(-1))
    return r.mean(losses, -1), r(r(r(exponentials / sums) - chosen) / y.shape[-1])
