"""The training step in Keras: a GradientTape, a Keras optimiser that clips and steps, all in one `tf.function`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.keras import clipping
from backends.keras.arrays import Tensor, from_numpy, rms, to_numpy
from backends.keras.device import resolve
from backends.keras.network import Pass, StackedNetwork, Tensors
from common.countermeasures.activation import PReLU, open_interval
from common.network import Arrays, Batch, Gradients, State
from common.plan import Plan


@dataclass
class Step:
    """What one step leaves on the device."""

    measured: Tensors
    signal: Tensor
    gradients: Tensors


class Program:
    """Keras' `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu") -> None:
        self.plan, self.device, self.seeds = plan, resolve(device), len(plan.seeds)
        network = plan.network
        with tf.device(self.device):
            self.network = StackedNetwork(network, self.seeds, plan.precision)
            self.parameters = self._variables(network.shapes())
            self.statistics = self._variables(network.statistics_shapes())
            self.optimizer = clipping.build(plan.clipping)(learning_rate=plan.optimizer.learning_rate)
            self.optimizer.build(list(self.parameters.values()))
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none", dtype=plan.precision)
        self.compiled_step = tf.function(self._step, autograph=False)
        self.compiled_predict = tf.function(self._predict, autograph=False)

    def _variables(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, keras.Variable]:
        """A variable [seed, layer, ...] for every stacked parameter or statistic."""
        zeros = {name: tf.zeros((self.seeds, *shape), self.plan.precision) for name, shape in shapes.items()}
        return {name: keras.Variable(start, dtype=self.plan.precision) for name, start in zeros.items()}

    def load(self, state: State) -> None:
        """Put parameters and running statistics on the device."""
        for held, arrays in ((self.parameters, state.parameters), (self.statistics, state.statistics)):
            for name, variable in held.items():
                variable.assign(self._tensor(arrays[name]))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Step:
        """Take one training step; return what it measured, still on the device."""
        with tf.device(self.device):
            return Step(*self.compiled_step(self._tensor(batch.x), self._tensor(batch.y)))

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensors, Tensor, Tensors]:
        variables = list(self.parameters.values())
        old = {name: tf.identity(v.value) for name, v in self.parameters.items()}
        statistics = {name: v.value for name, v in self.statistics.items()}
        nothing = self._no_signals(x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*old.values(), nothing])
            run = self.network(old, statistics, x, nothing, training=True)
            of_samples: Any = self.loss(y, run.logits)
            losses = tf.reduce_mean(of_samples, axis=1)
            total = tf.reduce_sum(losses)  # the seeds share no parameter: its gradient is each one's own
        *found, signal = tape.gradient(total, [*old.values(), nothing])
        gradients = dict(zip(old, found, strict=True))
        clipped = dict(zip(old, clipping.clipped(self.optimizer, found), strict=True))
        self.optimizer.apply(found, variables)
        for name, value in run.statistics.items():
            self.statistics[name].assign(value)
        change = {name: v.value - old[name] for name, v in self.parameters.items()}
        signal *= x.shape[1]
        measured = {
            "loss": losses,
            "signal_gradient_rms": tf.transpose(rms(signal, (2, 3))),
            "weight_gradient_rms": _weight_rms(gradients),
            "clipped_weight_gradient_rms": _weight_rms(clipped),
            "update_ratio": tf.math.divide_no_nan(_weight_rms(change), _weight_rms(old)),
            **self._activations(run, old),
        }
        return measured, signal, gradients

    def _activations(self, run: Pass, parameters: Tensors) -> Tensors:
        """The activations' quantities [seed, layer]."""
        alive = tf.cast(self._alive(run, parameters), run.h.dtype)
        return {
            "activation_mean": tf.transpose(tf.reduce_mean(run.h, (2, 3))),
            "activation_rms": tf.transpose(rms(run.h, (2, 3))),
            "dead_fraction": 1 - tf.transpose(tf.reduce_mean(alive, axis=-1)),
        }

    def _alive(self, run: Pass, parameters: Tensors) -> Tensor:
        """Whether the derivative of a unit's activation is not 0 for some sample, [layer, seed, width]."""
        if isinstance(self.plan.network.activation, PReLU):
            slopes = tf.concat([parameters[f"{stack}.slope"] for stack in ("first", "hidden")], axis=1)
            return (tf.reduce_max(run.z, axis=2) > 0) | (tf.expand_dims(tf.transpose(slopes), -1) != 0)
        low, high = open_interval(self.plan.network.activation, self.plan.precision)
        return tf.reduce_any((run.z > low) & (run.z < high), axis=2)

    def _no_signals(self, x: Tensor) -> Tensor:
        network = self.plan.network
        return tf.zeros((network.depth, self.seeds, x.shape[1], network.width), x.dtype)

    def _predict(self, x: Tensor) -> Tensor:
        parameters, statistics = ({name: v.value for name, v in held.items()} for held in (self.parameters, self.statistics))
        return self.network(parameters, statistics, x, self._no_signals(x), training=False).logits

    def measured(self, handle: Step) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.measured.items()}

    def gradients(self, handle: Step) -> Gradients:
        """Fetch the whole gradient of a step, before clipping."""
        parameters = {name: to_numpy(g) for name, g in handle.gradients.items()}
        signal = to_numpy(handle.signal).swapaxes(0, 1)
        return Gradients(to_numpy(handle.measured["loss"]), signal, parameters)

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        held = (self.parameters, self.statistics)
        return State(*({name: to_numpy(v.value) for name, v in variables.items()} for variables in held))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        with tf.device(self.device):
            return to_numpy(self.compiled_predict(self._tensor(x)))


def _weight_rms(arrays: Tensors) -> Tensor:
    return tf.concat([rms(arrays[f"{stack}.weight"], (2, 3)) for stack in ("first", "hidden")], axis=1)


def program(plan: Plan, device: str) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device)
