"""The training step, as defined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from backends.numpy import clipping
from backends.numpy.arrays import from_numpy, rms, to_numpy
from backends.numpy.device import resolve
from backends.numpy.network import Definition, Layer, cross_entropy
from common.countermeasures.activation import PReLU, open_interval
from common.network import Arrays, Batch, Gradients, State, joined
from common.plan import Plan
from common.quantities import ratio


class Program:
    """The definition of `common.backend.Program`; float64 for every plan, `np.longdouble` on request."""

    def __init__(self, plan: Plan, device: str = "cpu", dtype: DTypeLike = np.float64, measure: bool = True) -> None:
        resolve(device)
        self.plan, self.dtype, self.measure, self.traces = plan, dtype, measure, 0

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Take parameters and running statistics, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        self.network = Definition(self.plan.network)
        self.clip = clipping.build(self.plan.clipping)
        self.interval = open_interval(self.plan.network.activation, "float64")
        self.parameters = {name: from_numpy(a, self.dtype, "cpu:0") for name, a in state.parameters.items()}
        self.statistics = {name: from_numpy(a, self.dtype, "cpu:0") for name, a in state.statistics.items()}

    def step(self, batch: Batch) -> Arrays:
        """Forward, backward, clip, update; returns the quantities."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            run = self.network.forward(self.parameters, from_numpy(batch.x, self.dtype, "cpu:0"))
            loss, cotangent = cross_entropy(run.logits, batch.y)
            gradients = self.network.backward(run, self.parameters, cotangent)
            clipped = self.clip(gradients)
            rate = self.plan.optimizer.learning_rate
            new = {name: p - rate * clipped[name] for name, p in self.parameters.items()}
            signals = [signal * batch.y.shape[1] for signal in run.signals]
            self._update_statistics(run.layers)
            measured = self._activations(run.layers) | self._gradients(signals, gradients, clipped, new) if self.measure else {}
        self.parameters = new
        self.last = (loss, signals, gradients)
        return {"loss": loss, **measured}

    def _gradients(self, signals: list[np.ndarray], gradients: Arrays, clipped: Arrays, new: Arrays) -> Arrays:
        change = {name: new[name] - p for name, p in self.parameters.items() if name.endswith("weight")}
        return {
            "signal_gradient_rms": _by_layer(rms, signals),
            "weight_gradient_rms": _weight_rms(gradients),
            "clipped_weight_gradient_rms": _weight_rms(clipped),
            "update_ratio": ratio(_weight_rms(change), _weight_rms(self.parameters)),
        }

    def _activations(self, layers: list[Layer]) -> Arrays:
        outputs = [layer.h for layer in layers]
        return {
            "activation_mean": _by_layer(np.mean, outputs),
            "activation_rms": _by_layer(rms, outputs),
            "dead_fraction": np.stack([self._dead(layer) for layer in layers], axis=1),
        }

    def _dead(self, layer: Layer) -> np.ndarray:
        low, high = self.interval
        alive = (layer.z > low) & (layer.z < high)
        if isinstance(self.plan.network.activation, PReLU):
            alive = (layer.z > 0) | (layer.parameters["slope"] != 0)[:, None, None]
        return 1 - alive.any(axis=1).mean(axis=1)

    def _update_statistics(self, layers: list[Layer]) -> None:
        norm = self.network.normalization
        if norm is None:
            return
        for i, name in enumerate(("mean", "variance")):
            batch = np.stack([layer.moments[i] for layer in layers if layer.moments], axis=1)
            stacks = {"first": {name: batch[:, :1]}, "hidden": {name: batch[:, 1:]}}
            self.statistics |= {key: norm.running(self.statistics[key], value) for key, value in joined(stacks).items()}

    def measured(self, handle: Arrays) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.items()}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step, before clipping."""
        loss, signals, gradients = self.last
        parameters = {name: to_numpy(a) for name, a in gradients.items()}
        return Gradients(to_numpy(loss), to_numpy(np.stack(signals, axis=1)), parameters)

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        arrays = [{name: to_numpy(a) for name, a in held.items()} for held in (self.parameters, self.statistics)]
        return State(*arrays)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        with np.errstate(over="ignore", invalid="ignore"):
            return to_numpy(self.network.forward(self.parameters, from_numpy(x, self.dtype, "cpu:0"), self.statistics).logits)


def _by_layer(statistic: Callable[..., np.ndarray], layers: list[np.ndarray]) -> np.ndarray:
    """A statistic [seed, layer] over batch and units; layer by layer, since what fits the cache need not be fetched again."""
    return np.stack([statistic(layer, (1, 2)) for layer in layers], axis=1)


def _weight_rms(arrays: Arrays) -> np.ndarray:
    """The rms [seed, layer] of every hidden layer's weight."""
    return np.concatenate([rms(arrays[f"{stack}.weight"], (2, 3)) for stack in ("first", "hidden")], axis=1)


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure=measure)
