"""The training step, as defined."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from backends.numpy import clipping, loss, optimizer, quantities
from backends.numpy.arrays import from_numpy, to_numpy
from backends.numpy.block import Site
from backends.numpy.device import resolve
from backends.numpy.network import Definition
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.optimizer import coefficients, corrections
from common.network import Arrays, Batch, Gradients, State, side_by_side
from common.plan import Plan


class Program:
    """The definition of `common.backend.Program`; float64 always, `np.longdouble` on request.

    Args:
        plan: What to run.
        device: The processor.
        dtype: Of the arithmetic.
        measure: Whether a step measures.
        rounding: `Random` makes it one draw of what rounding does to the plan.
    """

    def __init__(
        self,
        plan: Plan,
        device: str = "cpu",
        dtype: DTypeLike = np.float64,
        measure: bool = True,
        rounding: Exact = EXACT,
    ) -> None:
        resolve(device)
        self.plan = plan
        self.dtype = dtype
        self.measure = measure
        self.rounding = rounding
        self.traces = 0

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Take a state, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        self.network = Definition(self.plan.network, self.rounding)
        self.loss = loss.build(self.plan.network.loss, self.rounding)
        self.clip = clipping.build(self.plan.clipping, self.rounding)
        self.optimize = optimizer.build(self.plan.optimizer, self.rounding)
        self.parameters = {
            name: from_numpy(a, self.dtype, "cpu:0") for name, a in state.parameters.items()
        }
        self.statistics = {
            name: from_numpy(a, self.dtype, "cpu:0") for name, a in state.statistics.items()
        }
        self.slots = {
            name: from_numpy(a, self.dtype, "cpu:0") for name, a in state.optimizer.items()
        }
        self.steps = state.steps

    def step(self, batch: Batch) -> Arrays:
        """Forward, backward, clip, update; returns the quantities."""
        r, spec = self.rounding, self.plan.optimizer
        numbers = coefficients(spec) | corrections(spec, self.steps + 1)
        rate = numbers["learning_rate"]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            run = self.network.forward(
                self.parameters, from_numpy(batch.x, self.dtype, "cpu:0"), self.statistics
            )
            losses, cotangent = self.loss(run.logits, from_numpy(batch.y, self.dtype, "cpu:0"))
            found, gradients = self.network.backward(run, cotangent)
            clipped = self.clip(gradients)
            signals = [signal * batch.y.shape[1] for signal in found]
            directions, self.slots = self.optimize(clipped, self.parameters, self.slots, numbers)
            updates = {name: -rate * directions[name] for name in self.parameters}
            measured = (
                self._quantities(run.measured, signals, gradients, clipped, updates)
                if self.measure
                else {}
            )
            self.statistics = run.statistics
            self.parameters = {name: r.add(p, updates[name]) for name, p in self.parameters.items()}
        self.steps += 1
        self.updates = updates
        self.layers = run.layers
        self.measured_layers = run.measured
        self.last = (losses, signals, gradients, clipped)
        return {"loss": losses, **measured}

    def _quantities(
        self,
        layers: list[Site],
        signals: list[np.ndarray],
        gradients: Arrays,
        clipped: Arrays,
        updates: Arrays,
    ) -> Arrays:
        network, precision = self.plan.network, self.plan.precision
        alive = [quantities.alive(network.activation, layer, precision) for layer in layers]
        of_layers = quantities.of_layers([layer.h for layer in layers], alive)
        of_weights = quantities.of_weights(network, self.parameters, clipped, updates)
        return quantities.of_gradients(network, signals, gradients) | of_layers | of_weights

    def measured(self, handle: Arrays) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.items()}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step."""
        losses, signals, *by_name = self.last
        before, after = (
            {name: to_numpy(a) for name, a in gradients.items()} for gradients in by_name
        )
        return Gradients(to_numpy(losses), to_numpy(side_by_side(signals)), before, after)

    def state(self) -> State:
        """Fetch the state."""
        held = (self.parameters, self.statistics, self.slots)
        arrays = [{name: to_numpy(a) for name, a in one.items()} for one in held]
        return State(*arrays, steps=self.steps)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        with np.errstate(over="ignore", invalid="ignore"):
            inputs = from_numpy(x, self.dtype, "cpu:0")
            return to_numpy(
                self.network.forward(
                    self.parameters, inputs, self.statistics, training=False
                ).logits
            )


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure=measure)
