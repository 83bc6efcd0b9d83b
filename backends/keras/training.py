"""The training step in Keras: a GradientTape, clipping and the optimizer, in one `tf.function`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.keras import clipping, loss, optimizer, quantities
from backends.keras.arrays import Tensor, Tensors, from_numpy, to_numpy
from backends.keras.device import resolve
from backends.keras.network import Pass, StackedNetwork
from common.countermeasures.optimizer import coefficients, corrections, slots
from common.network import Arrays, Batch, Gradients, State, side_by_side
from common.plan import Plan
from common.quantities import named

Handle = tuple[Tensor, ...]
"""The losses of a step and, if it is measured, what was."""


class Program:
    """Keras' `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu", measure: bool = True) -> None:
        self.plan = plan
        self.device = resolve(device)
        self.measure = measure
        self.traces = 0
        self.seeds = len(plan.seeds)
        network = plan.network
        with tf.device(self.device):
            self.parameters = self._variables(network.shapes())
            self.statistics = self._variables(network.statistics_shapes())
            self.slots = self._variables(self._slot_shapes())
            self.coefficients = {
                name: keras.Variable(0.0, dtype=plan.precision)
                for name in coefficients(plan.optimizer)
            }
            self.numbers = {
                name: keras.Variable(0.0, dtype=plan.precision) for name in plan.numbers()
            }
            traced = plan.with_numbers({name: v.value for name, v in self.numbers.items()})
            self.network = StackedNetwork(traced.network, self.seeds, plan.precision)
            self.clip = clipping.layer(traced.clipping)
            self.optimize = optimizer.layer(plan.optimizer)
        self.loss = loss.build(plan.network.loss, plan.precision, reduction="none")
        self.compiled_step = tf.function(self._step, autograph=False)
        # to trace a shallow network takes three times as long as to run it once
        self.evaluate = (
            tf.function(self._predict, autograph=False) if self.network.looped else self._predict
        )

    def _variables(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, keras.Variable]:
        """A variable [seed, layer, ...] for every stacked parameter or statistic."""
        zeros = {
            name: tf.zeros((self.seeds, *shape), self.plan.precision)
            for name, shape in shapes.items()
        }
        return {
            name: keras.Variable(start, dtype=self.plan.precision) for name, start in zeros.items()
        }

    def _slot_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = self.plan.network.shapes()
        return {
            f"{name}.{slot}": shape
            for name, shape in shapes.items()
            for slot in slots(self.plan.optimizer)
        }

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put a state on the device, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        numbers = {name: np.array(value) for name, value in self.plan.numbers().items()}
        own = {name: np.array(value) for name, value in coefficients(self.plan.optimizer).items()}
        self.steps = state.steps
        held = (
            (self.parameters, state.parameters),
            (self.statistics, state.statistics),
            (self.slots, state.optimizer),
            (self.numbers, numbers),
            (self.coefficients, own),
        )
        for variables, arrays in held:
            for name, variable in variables.items():
                variable.assign(self._tensor(arrays[name]))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Handle:
        """Take one training step; return what it measured, still on the device."""
        self.last: Any = None  # its memory, still in the cache, is this step's
        with tf.device(self.device):
            self.steps += 1
            corrected = {
                name: self._tensor(np.array(c))
                for name, c in corrections(self.plan.optimizer, self.steps).items()
            }
            handle, self.last = self.compiled_step(
                self._tensor(batch.x), self._tensor(batch.y), corrected
            )
        return handle

    def _step(self, x: Tensor, y: Tensor, corrected: Tensors) -> tuple[Handle, Any]:
        self.traces += 1
        x = self._alone(x)
        y = self._alone(y)
        old = {name: tf.identity(v.value) for name, v in self.parameters.items()}
        signals = self.network.no_signals(x) if self.measure else {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*old.values(), *signals.values()])
            parameters = self._all_alone(old)
            statistics = self._all_alone(self.statistics)
            run = self.network(parameters, statistics, x, training=True, signals=signals)
            of_samples: Any = self.loss(y, run.logits)
            losses = tf.reduce_mean(of_samples, axis=-1)
            # the seeds share no parameter: its gradient is each one's own
            total = tf.reduce_sum(losses)
        found = tape.gradient(total, [*old.values(), *(run.sources if self.measure else ())])
        gradients = dict(zip(old, found, strict=False))
        clipped = self.clip(gradients)
        held = {name: v.value for name, v in self.slots.items()}
        numbers = {name: v.value for name, v in self.coefficients.items()} | corrected
        directions, after = self.optimize(clipped, old, held, numbers)
        signal = (
            [self._seeded(a) for a in self.network.signals(found[len(old) :])]
            if self.measure
            else []
        )
        measured = (
            [self._measured(run, signal, (old, gradients, clipped, directions))]
            if self.measure
            else []
        )
        # what is still to be read when it is changed in place, TensorFlow copies
        with tf.control_dependencies(measured):
            for name, direction in directions.items():
                self.parameters[name].value.assign_sub(direction * numbers["learning_rate"])
        for name, value in after.items():
            self.slots[name].assign(value)
        for name, value in run.statistics.items():
            self.statistics[name].assign(tf.reshape(value, self.statistics[name].shape))
        losses = tf.reshape(losses, [self.seeds])
        return (losses, *measured), (losses, signal, gradients, clipped) if self.measure else ()

    def _measured(self, run: Pass, signals: list[Tensor], held: tuple[Tensors, ...]) -> Tensor:
        outputs = [self._seeded(h) for h in run.h]
        kept = {"outputs": outputs, "signals": signals, "alive": self._alive(run, held[0])}
        names = self.plan.network.weights
        old, before, after, moved = ([arrays[name] for name in names] for arrays in held)
        _, gradients, clipped, directions = held
        weights = (
            old,
            before,
            [] if clipped is gradients else after,
            [] if directions is clipped else moved,
        )
        sites = self.plan.network.sites_of_weights
        return quantities.of_step(kept, weights, sites, self.coefficients["learning_rate"].value)

    def _alone(self, a: Tensor) -> Tensor:
        """A single seed has no axis: products of matrices are faster than batches of one."""
        return a if self.seeds > 1 else tf.squeeze(a, 0)

    def _all_alone(self, held: dict[str, Any]) -> Tensors:
        return {name: self._alone(tf.convert_to_tensor(a)) for name, a in held.items()}

    def _seeded(self, a: Tensor) -> Tensor:
        """What the network says of its layers, [layer, (seed,) batch, width].

        It always has the axis of seeds.
        """
        return tf.reshape(a, (a.shape[0], self.seeds, *a.shape[-2:]))

    def _alive(self, run: Pass, parameters: Tensors) -> list[Tensor]:
        """Which units pass a gradient on, [layer, seed, width] for each stack.

        All do where a layer has no activation.
        """
        found: list[Tensor] = []
        for stack, tells in zip(self.plan.network.measured(), run.tells, strict=True):
            shape = (len(stack.layers), self.seeds, stack.outputs)
            slope = parameters.get(f"{stack.name}.slope")
            spec = self.plan.network.activation
            found.append(
                tf.ones(shape, tf.bool)
                if tells is None
                else quantities.alive(spec, self._seeded(tells), slope)
            )
        return found

    def _predict(self, x: Tensor) -> Tensor:
        parameters = self._all_alone(self.parameters)
        statistics = self._all_alone(self.statistics)
        logits = self.network(
            parameters, statistics, self._alone(x), training=False, signals={}
        ).logits
        return tf.reshape(logits, (*x.shape[:2], -1))

    def measured(self, handle: Handle) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        losses, *measured = (to_numpy(a) for a in handle)
        return {"loss": losses, **(named(*measured) if measured else {})}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step."""
        losses, signal, *by_name = self.last
        before, after = (
            {name: to_numpy(g) for name, g in gradients.items()} for gradients in by_name
        )
        signals = side_by_side([layer for part in signal for layer in to_numpy(part)])
        return Gradients(to_numpy(losses), signals * self.plan.task.batch_size, before, after)

    def state(self) -> State:
        """Fetch the state."""
        held = (self.parameters, self.statistics, self.slots)
        arrays = ({name: to_numpy(v.value) for name, v in variables.items()} for variables in held)
        return State(*arrays, steps=self.steps)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        with tf.device(self.device):
            return to_numpy(self.evaluate(self._tensor(x)))


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure)
