"""The training step in Keras: a GradientTape, a Keras optimiser that clips and steps, all in one `tf.function`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.keras import clipping
from backends.keras.arrays import Tensor, from_numpy, ratio, rms_of_each, to_numpy
from backends.keras.device import resolve
from backends.keras.network import StackedNetwork, Tensors
from common.countermeasures.activation import PReLU, open_interval
from common.network import Arrays, Batch, Gradients, State
from common.plan import Plan


class Program:
    """Keras' `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu", measure: bool = True) -> None:
        self.plan, self.device, self.measure, self.traces = plan, resolve(device), measure, 0
        self.seeds, network = len(plan.seeds), plan.network
        with tf.device(self.device):
            self.parameters = self._variables(network.shapes())
            self.statistics = self._variables(network.statistics_shapes())
            self.numbers = {name: keras.Variable(0.0, dtype=plan.precision) for name in plan.numbers()}
            traced = plan.with_numbers({name: v.value for name, v in self.numbers.items()})
            self.network = StackedNetwork(traced.network, self.seeds, plan.precision)
            self.optimizer = clipping.build(traced.clipping)(learning_rate=0.0)
            self.optimizer.build(list(self.parameters.values()))
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none", dtype=plan.precision)
        self.compiled_step = tf.function(self._step, autograph=False)
        self.compiled_predict = tf.function(self._predict, autograph=False)

    def _variables(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, keras.Variable]:
        """A variable [seed, layer, ...] for every stacked parameter or statistic."""
        zeros = {name: tf.zeros((self.seeds, *shape), self.plan.precision) for name, shape in shapes.items()}
        return {name: keras.Variable(start, dtype=self.plan.precision) for name, start in zeros.items()}

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put parameters and running statistics on the device, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        numbers = {name: np.array(value) for name, value in self.plan.numbers().items()}
        self.optimizer.learning_rate = self.plan.optimizer.learning_rate
        held = ((self.parameters, state.parameters), (self.statistics, state.statistics), (self.numbers, numbers))
        for variables, arrays in held:
            for name, variable in variables.items():
                variable.assign(self._tensor(arrays[name]))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Tensors:
        """Take one training step; return what it measured, still on the device."""
        with tf.device(self.device):
            measured, self.last = self.compiled_step(self._tensor(batch.x), self._tensor(batch.y))
        return measured

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensors, Any]:
        self.traces += 1
        x, y = self._alone(x), self._alone(y)
        old = {name: tf.identity(v.value) for name, v in self.parameters.items()}
        signals = self.network.no_signals(x) if self.measure else None
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*old.values(), *([] if signals is None else [signals])])
            parameters, statistics = self._all_alone(old), self._all_alone(self.statistics)
            run = self.network(parameters, statistics, x, training=True, signals=signals)
            of_samples: Any = self.loss(y, run.logits)
            losses = tf.reduce_mean(of_samples, axis=-1)
            total = tf.reduce_sum(losses)  # the seeds share no parameter: its gradient is each one's own
        found = tape.gradient(total, [*old.values(), *(run.sources if self.measure else ())])
        gradients = dict(zip(old, found, strict=False))
        clipped = dict(zip(old, clipping.clipped(self.optimizer, list(gradients.values())), strict=True))
        self.optimizer.apply(list(gradients.values()), list(self.parameters.values()))
        for name, value in run.statistics.items():
            self.statistics[name].assign(tf.reshape(value, self.statistics[name].shape))
        losses = tf.reshape(losses, [self.seeds])
        if not self.measure:
            return {"loss": losses}, ()
        shape = (self.plan.network.depth, self.seeds, *run.h.shape[-2:])
        h, z, signal = (tf.reshape(a, shape) for a in (run.h, run.z, tf.stack(found[len(old) :])))
        signal *= x.shape[-2]
        measured = {"loss": losses, **self._rms(old, gradients, clipped, signal, h), **self._activations(z, h, old)}
        return measured, (losses, signal, gradients)

    def _alone(self, a: Tensor) -> Tensor:
        """A single seed has no axis: products of matrices are faster than batches of one."""
        return a if self.seeds > 1 else tf.squeeze(a, 0)

    def _all_alone(self, held: dict[str, Any]) -> Tensors:
        return {name: self._alone(tf.convert_to_tensor(a)) for name, a in held.items()}

    def _rms(self, old: Tensors, gradients: Tensors, clipped: Tensors, signal: Tensor, h: Tensor) -> Tensors:
        """The quantities that are an rms, [seed, layer]."""
        weights = ("first.weight", "hidden.weight")
        change = {name: self.parameters[name].value - old[name] for name in weights}
        arrays = [signal, h, *(held[name] for held in (gradients, clipped, change, old) for name in weights)]
        signal_rms, h_rms, *rest = rms_of_each(arrays, (2, 3))
        gradient, after, moved, size = (tf.concat(rest[i : i + 2], axis=1) for i in range(0, 8, 2))
        return {
            "signal_gradient_rms": tf.transpose(signal_rms),
            "activation_rms": tf.transpose(h_rms),
            "weight_gradient_rms": gradient,
            "clipped_weight_gradient_rms": after,
            "update_ratio": ratio(moved, size),
        }

    def _activations(self, z: Tensor, h: Tensor, parameters: Tensors) -> Tensors:
        """The other quantities of the outputs [seed, layer]."""
        alive = tf.cast(self._alive(z, parameters), h.dtype)
        return {
            "activation_mean": tf.transpose(tf.reduce_mean(h, (2, 3))),
            "dead_fraction": 1 - tf.transpose(tf.reduce_mean(alive, axis=-1)),
        }

    def _alive(self, z: Tensor, parameters: Tensors) -> Tensor:
        """Whether the derivative of a unit's activation is not 0 for some sample, [layer, seed, width]."""
        if isinstance(self.plan.network.activation, PReLU):
            slopes = tf.concat([parameters[f"{stack}.slope"] for stack in ("first", "hidden")], axis=1)
            return (tf.reduce_max(z, axis=2) > 0) | (tf.expand_dims(tf.transpose(slopes), -1) != 0)
        low, high = open_interval(self.plan.network.activation, self.plan.precision)
        return tf.reduce_any((z > low) & (z < high), axis=2)

    def _predict(self, x: Tensor) -> Tensor:
        parameters, statistics = self._all_alone(self.parameters), self._all_alone(self.statistics)
        logits = self.network(parameters, statistics, self._alone(x), training=False).logits
        return tf.reshape(logits, (*x.shape[:2], -1))

    def measured(self, handle: Tensors) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.items()}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step, before clipping."""
        losses, signal, gradients = self.last
        parameters = {name: to_numpy(g) for name, g in gradients.items()}
        return Gradients(to_numpy(losses), to_numpy(signal).swapaxes(0, 1), parameters)

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        held = (self.parameters, self.statistics)
        return State(*({name: to_numpy(v.value) for name, v in variables.items()} for variables in held))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        with tf.device(self.device):
            return to_numpy(self.compiled_predict(self._tensor(x)))


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure)
