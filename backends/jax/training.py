"""The training step in JAX: `jax.value_and_grad`, an optax transformation, `optax.sgd`; one seed, then all seeds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from backends.jax import clipping
from backends.jax.arrays import from_numpy, ratio, rms, to_numpy
from backends.jax.device import resolve
from backends.jax.network import StackedNetwork, Tree, batch_stats, params, statistics
from common.network import Arrays, Batch, Gradients, State
from common.plan import Plan


class Program:
    """JAX's `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu", measure: bool = True) -> None:
        self.plan, self.device, self.measure, self.traces = plan, resolve(device), measure, 0
        self.compiled_step = jax.jit(self._step, donate_argnums=(1, 2))
        self.compiled_predict = jax.jit(self._predict)

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put parameters and running statistics on the device, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        self.numbers = {name: self._array(np.array(value)) for name, value in self.plan.numbers().items()}
        self.parameters = {name: self._array(a) for name, a in state.parameters.items()}
        self.statistics = {name: self._array(a) for name, a in state.statistics.items()}

    def _array(self, array: np.ndarray) -> jax.Array:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Tree:
        """Take one training step; return what it measured, still on the device."""
        arguments = (self.numbers, self.parameters, self.statistics, self._array(batch.x), self._array(batch.y))
        self.parameters, self.statistics, measured, self.last = self.compiled_step(*arguments)
        return measured

    def _step(self, numbers: Tree, parameters: Tree, running: Tree, x: jax.Array, y: jax.Array) -> Any:
        """One step of all seeds: new parameters and statistics, quantities, and the gradients."""
        self.traces += 1
        return _over_seeds(partial(self._step_of_a_seed, self.plan.with_numbers(numbers)), parameters, running, x, y)

    def _step_of_a_seed(self, plan: Plan, parameters: Tree, running: Tree, x: jax.Array, y: jax.Array) -> Any:
        network = StackedNetwork(plan.network, training=True, measure=self.measure)

        def loss_of(parameters: Tree, signal: Tree) -> tuple[jax.Array, tuple[Tree, Tree]]:
            variables = {"params": params(parameters), "perturbations": signal, "batch_stats": batch_stats(running)}
            outputs: Any = network.apply(variables, x, mutable=["batch_stats"])
            (logits, measured), updated = outputs
            loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
            return loss, (measured, statistics(updated.get("batch_stats", {})))

        differentiate = jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True)
        (loss, (of_layers, new_running)), (gradients, signals) = differentiate(parameters, self._no_signals(x))
        clip, sgd = clipping.build(plan.clipping), optax.sgd(plan.optimizer.learning_rate)
        clipped: Any
        clipped, _ = clip.update(gradients, clip.init(parameters))
        updates: Any
        updates, _ = sgd.update(clipped, sgd.init(parameters))
        new: Any = optax.apply_updates(parameters, updates)
        if not self.measure:
            return new, new_running, {"loss": loss}, ()
        signal = jnp.concatenate([signals["first"]["signal"][None], signals["hidden"]["signal"]]) * len(x)
        change = jax.tree.map(jnp.subtract, new, parameters)
        measured = of_layers | {
            "loss": loss,
            "signal_gradient_rms": rms(signal, (1, 2)),
            "weight_gradient_rms": _weight_rms(gradients),
            "clipped_weight_gradient_rms": _weight_rms(clipped),
            "update_ratio": ratio(_weight_rms(change), _weight_rms(parameters)),
        }
        return new, new_running, measured, (loss, signal, gradients)

    def _no_signals(self, x: jax.Array) -> Tree:
        """Zeros added to the outputs of the hidden layers: the gradient with respect to them is that of the outputs."""
        if not self.measure:
            return {}
        depth, width = self.plan.network.depth, self.plan.network.width
        first, hidden = jnp.zeros((len(x), width), x.dtype), jnp.zeros((depth - 1, len(x), width), x.dtype)
        return {"first": {"signal": first}, "hidden": {"signal": hidden}}

    def _predict(self, parameters: Tree, running: Tree, x: jax.Array) -> jax.Array:
        network = StackedNetwork(self.plan.network, training=False, measure=False)

        def logits(parameters: Tree, running: Tree, x: jax.Array) -> jax.Array:
            return network.apply({"params": params(parameters), "batch_stats": batch_stats(running)}, x)[0]

        return _over_seeds(logits, parameters, running, x)

    def measured(self, handle: Tree) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.items()}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step, before clipping."""
        loss, signal, gradients = self.last
        return Gradients(to_numpy(loss), to_numpy(signal), {name: to_numpy(g) for name, g in gradients.items()})

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        return State(*({name: to_numpy(a) for name, a in held.items()} for held in (self.parameters, self.statistics)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        return to_numpy(self.compiled_predict(self.parameters, self.statistics, self._array(x)))


def _over_seeds(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function of one seed's arrays for arrays [seed, ...]."""
    if len(jax.tree.leaves(arguments)[0]) > 1:
        return jax.vmap(function)(*arguments)
    # an axis of length 1 is no axis: the batched products of vmap take twice as long as the plain ones at width 1,024
    alone = function(*(jax.tree.map(lambda a: a[0], argument) for argument in arguments))
    return jax.tree.map(lambda a: a[None], alone)


def _weight_rms(arrays: Tree) -> jax.Array:
    return jnp.concatenate([rms(arrays[f"{stack}.weight"], (1, 2)) for stack in ("first", "hidden")])


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure)
