"""The training step in JAX: `jax.value_and_grad`, an optax transformation, `optax.sgd`; one seed, then all seeds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax

from backends.jax import clipping, quantities
from backends.jax.arrays import Tree, from_numpy, to_numpy
from backends.jax.device import resolve
from backends.jax.network import StackedNetwork, batch_stats, no_signals, params, signals, statistics
from common.countermeasures.clipping import changes
from common.network import Arrays, Batch, Gradients, Network, State, stack_of
from common.plan import Plan
from common.quantities import named

Handle = tuple[jax.Array, ...]
"""The losses of a step and, if it is measured, what was."""

TRACED: list[Network] = []
"""The networks whose gradient has been traced in this process, one after another."""


class Program:
    """JAX's `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu", measure: bool = True) -> None:
        self.plan, self.device, self.measure, self.traces = plan, resolve(device), measure, 0
        self.network = plan.bare().network

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put parameters and running statistics on the device, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        self.numbers = {name: self._array(np.array(value)) for name, value in self.plan.numbers().items()}
        self.parameters = {name: self._array(a) for name, a in state.parameters.items()}
        self.statistics = {name: self._array(a) for name, a in state.statistics.items()}

    def _array(self, array: np.ndarray) -> jax.Array:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Handle:
        """Take one training step; return what it measured, still on the device."""
        self.last: Any = None  # its memory, still in the cache, is this step's
        threshold, rate = (stack_of(self.numbers, room) for room in ("clipping", "optimizer"))
        traced, state, samples = len(TRACED), (self.parameters, self.statistics), (batch.x.astype(self.plan.precision), batch.y)
        numbers = self._of_network()
        loss, gradients, self.statistics, run = differentiate(self.network, self.measure, numbers, *state, *samples)
        self.traces += len(TRACED) - traced
        old, keep = self.parameters, self.measure and changes(self.plan.clipping)
        self.parameters, clipped = update(type(self.plan.clipping), keep, threshold, rate, old, gradients)
        if not self.measure:
            return (loss,)
        self.last = (loss, run["signals"], gradients, clipped if keep else gradients)
        weights, before, after = (self._weights(held) for held in (old, gradients, clipped))
        return loss, quantities.of_step(run, weights, before, after, rate["learning_rate"])

    def _weights(self, held: Tree) -> list[jax.Array]:
        return [held[name] for name in self.network.weights if held]

    def measured(self, handle: Handle) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        loss, *measured = (to_numpy(a) for a in handle)
        return {"loss": loss, **(named(*measured) if measured else {})}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step."""
        loss, signals, *by_name = self.last
        signal = np.concatenate([to_numpy(part) for part in signals], axis=1) * self.plan.task.batch_size
        before, after = ({name: to_numpy(g) for name, g in gradients.items()} for gradients in by_name)
        return Gradients(to_numpy(loss), signal, before, after)

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        return State(*({name: to_numpy(a) for name, a in held.items()} for held in (self.parameters, self.statistics)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        return to_numpy(predict(self.network, self._of_network(), self.parameters, self.statistics, self._array(x)))

    def _of_network(self) -> Tree:
        """The numbers that enter the network itself."""
        rooms = self.network.countermeasures()
        return {name: number for name, number in self.numbers.items() if name.partition(".")[0] in rooms}


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=4)
def differentiate(
    network: Network, measure: bool, numbers: Tree, parameters: Tree, running: Tree, x: jax.Array, y: jax.Array
) -> Any:
    """Forward and backward of all seeds: losses, gradients, new running statistics, and what is to be measured."""
    TRACED.append(network)
    return _over_seeds(partial(_differentiate_one, network.with_numbers(numbers), measure), parameters, running, x, y)


def _differentiate_one(spec: Network, measure: bool, parameters: Tree, running: Tree, x: jax.Array, y: jax.Array) -> Any:
    network = StackedNetwork(spec, training=True, measure=measure)

    def loss_of(parameters: Tree, signal: Tree) -> tuple[jax.Array, tuple[Tree, Tree]]:
        held = {"params": params(spec, parameters), "batch_stats": batch_stats(spec, running)}
        variables = {**held, "perturbations": signal}
        outputs: Any = network.apply(variables, x, mutable=["batch_stats"])
        (logits, run), updated = outputs
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return loss, (run, statistics(spec, updated.get("batch_stats", {})))

    (loss, (run, new_running)), (gradients, perturbations) = jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True)(
        parameters, no_signals(spec, x) if measure else {}
    )
    if measure:
        run["signals"] = signals(spec, perturbations)
    return loss, gradients, new_running, run


@partial(jax.jit, static_argnums=0)
def predict(network: Network, numbers: Tree, parameters: Tree, running: Tree, x: jax.Array) -> jax.Array:
    """Logits of all seeds in evaluation mode."""
    spec = network.with_numbers(numbers)
    stacked = StackedNetwork(spec, training=False, measure=False)

    def logits(parameters: Tree, running: Tree, x: jax.Array) -> jax.Array:
        variables = {"params": params(spec, parameters), "batch_stats": batch_stats(spec, running)}
        return stacked.apply(variables, x)[0]

    return _over_seeds(logits, parameters, running, x)


@partial(jax.jit, static_argnums=(0, 1))
def update(clip: type[Any], keep: bool, threshold: Tree, rate: Tree, parameters: Tree, gradients: Tree) -> tuple[Tree, Tree]:
    """Clip and step: the new parameters and, if they are to be kept, the clipped gradients.

    It knows nothing of the network, so that one compiled function serves all whose parameters have the same shapes.
    """
    rule, sgd = clipping.layer(clip.model_construct(**threshold)), optax.sgd(rate["learning_rate"])

    def update_one(parameters: Any, gradients: Any) -> Any:
        clipped, _ = rule.update(gradients, rule.init(parameters))
        updates, _ = sgd.update(clipped, sgd.init(parameters))
        return optax.apply_updates(parameters, updates), clipped if keep else {}

    return _over_seeds(update_one, parameters, gradients)


def _over_seeds(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function of one seed's arrays for arrays [seed, ...]."""
    if len(jax.tree.leaves(arguments)[0]) > 1:
        return jax.vmap(function)(*arguments)
    # an axis of length 1 is no axis: the batched products of vmap take twice as long as the plain ones at width 1,024
    alone = function(*(jax.tree.map(lambda a: a[0], argument) for argument in arguments))
    return jax.tree.map(lambda a: a[None], alone)


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure)
