"""The training step in JAX: `jax.value_and_grad` and an optax transformation, for a seed or all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from backends.jax import clipping, loss, optimizer, quantities
from backends.jax.arrays import Tree, from_numpy, to_numpy
from backends.jax.device import resolve
from backends.jax.mapped import make_room
from backends.jax.network import (
    StackedNetwork,
    batch_stats,
    no_signals,
    params,
    signals,
    statistics,
)
from common.countermeasures.clipping import changes
from common.countermeasures.optimizer import coefficients, corrections
from common.network import Arrays, Batch, Gradients, Network, State, side_by_side
from common.plan import Plan
from common.quantities import named
from common.stack import stack_of

Handle = tuple[jax.Array, ...]
"""The losses of a step and, if it is measured, what was."""

TRACED: list[Network] = []
"""The networks whose gradient has been traced in this process, one after another."""


class Program:
    """JAX's `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu", measure: bool = True) -> None:
        self.plan = plan
        self.device = resolve(device)
        self.measure = measure
        self.traces = 0
        self.network = plan.bare().network

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put a state on the device, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        self.numbers = {
            name: self._array(np.array(value)) for name, value in self.plan.numbers().items()
        }
        self.weights = self.network.weights
        rooms = self.network.countermeasures()
        self.of_network = {
            name: number for name, number in self.numbers.items() if name.partition(".")[0] in rooms
        }
        self.coefficients = self._numbers(coefficients(self.plan.optimizer))
        self.parameters = {name: self._array(a) for name, a in state.parameters.items()}
        self.statistics = {name: self._array(a) for name, a in state.statistics.items()}
        self.slots = {name: self._array(a) for name, a in state.optimizer.items()}
        self.steps = state.steps

    def _numbers(self, numbers: dict[str, float]) -> Tree:
        return {name: self._array(np.array(value)) for name, value in numbers.items()}

    def _array(self, array: np.ndarray) -> jax.Array:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Handle:
        """Take one training step; return what it measured, still on the device."""
        self.last: Any = None  # its memory, still in the cache, is this step's
        threshold = stack_of(self.numbers, "clipping")
        traced = len(TRACED)
        state = (self.parameters, self.statistics)
        samples = (batch.x.astype(self.plan.precision), batch.y)
        losses, gradients, self.statistics, run = differentiate(
            self.network, self.measure, self.of_network, *state, *samples
        )
        self.traces += len(TRACED) - traced
        old = self.parameters
        keep = self.measure and changes(self.plan.clipping)
        self.steps += 1
        numbers = self.coefficients | self._numbers(corrections(self.plan.optimizer, self.steps))
        measured = self.weights if self.measure else ()
        kinds = Kinds(type(self.plan.clipping), type(self.plan.optimizer), measured, keep)
        self.parameters, self.slots, clipped, directions = update(
            kinds, threshold, numbers, old, self.slots, gradients
        )
        if not self.measure:
            return (losses,)
        self.last = (losses, run["signals"], gradients, clipped if keep else gradients)
        held = (
            self._weights(old),
            self._weights(gradients),
            self._weights(clipped),
            self._weights(directions),
        )
        return losses, quantities.of_step(
            run, held, numbers["learning_rate"], self.network.sites_of_weights
        )

    def _weights(self, held: Tree) -> list[jax.Array]:
        return [held[name] for name in self.weights if held]

    def measured(self, handle: Handle) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        losses, *measured = (to_numpy(a) for a in handle)
        return {"loss": losses, **(named(*measured) if measured else {})}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step."""
        losses, signals, *by_name = self.last
        layers = [to_numpy(part)[:, i] for part in signals for i in range(part.shape[1])]
        signal = side_by_side(layers) * self.plan.task.batch_size
        before, after = (
            {name: to_numpy(g) for name, g in gradients.items()} for gradients in by_name
        )
        return Gradients(to_numpy(losses), signal, before, after)

    def state(self) -> State:
        """Fetch the state."""
        held = (self.parameters, self.statistics, self.slots)
        return State(
            *({name: to_numpy(a) for name, a in one.items()} for one in held), steps=self.steps
        )

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        return to_numpy(
            predict(self.network, self.of_network, self.parameters, self.statistics, self._array(x))
        )


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=4)
def differentiate(
    network: Network,
    measure: bool,
    numbers: Tree,
    parameters: Tree,
    running: Tree,
    x: jax.Array,
    y: jax.Array,
) -> Any:
    """Forward and backward of all seeds: losses, gradients, statistics, and what is measured."""
    TRACED.append(network)
    return _over_seeds(
        partial(_differentiate_one, network.with_numbers(numbers), measure),
        parameters,
        running,
        x,
        y,
    )


def _differentiate_one(
    spec: Network, measure: bool, parameters: Tree, running: Tree, x: jax.Array, y: jax.Array
) -> Any:
    network = StackedNetwork(spec, training=True, measure=measure)

    def loss_of(parameters: Tree, signal: Tree) -> tuple[jax.Array, tuple[Tree, Tree]]:
        held = {"params": params(spec, parameters), "batch_stats": batch_stats(spec, running)}
        variables = {**held, "perturbations": signal}
        outputs: Any = network.apply(variables, x, mutable=["batch_stats"])
        (logits, run), updated = outputs
        return loss.build(spec.loss)(logits, y), (
            run,
            statistics(spec, updated.get("batch_stats", {})),
        )

    (mean_loss, (run, new_running)), (gradients, perturbations) = jax.value_and_grad(
        loss_of, argnums=(0, 1), has_aux=True
    )(parameters, no_signals(spec, x) if measure else {})
    if measure:
        run["signals"] = signals(spec, perturbations)
    return mean_loss, gradients, new_running, run


@partial(jax.jit, static_argnums=0)
def predict(
    network: Network, numbers: Tree, parameters: Tree, running: Tree, x: jax.Array
) -> jax.Array:
    """Logits of all seeds in evaluation mode."""
    spec = network.with_numbers(numbers)
    stacked = StackedNetwork(spec, training=False, measure=False)

    def logits(parameters: Tree, running: Tree, x: jax.Array) -> jax.Array:
        variables = {"params": params(spec, parameters), "batch_stats": batch_stats(spec, running)}
        return stacked.apply(variables, x)[0]

    return _over_seeds(logits, parameters, running, x)


class Kinds(NamedTuple):
    """What of clipping and optimizer is compiled, and what is to be kept.

    Kept are some directions, the clipped gradients.
    """

    clipping: type[Any]
    optimizer: type[Any]
    measured: tuple[str, ...]
    keep: bool


@partial(jax.jit, static_argnums=0)
def update(
    kinds: Kinds, threshold: Tree, numbers: Tree, parameters: Tree, slots: Tree, gradients: Tree
) -> tuple[Tree, ...]:
    """Clip and step.

    The new parameters and slots, the clipped gradients, and the directions of the measured weights.

    The last two are given if they are to be kept, and are not the gradients again. It knows nothing
    of the network, so that one compiled function serves all whose parameters have the same shapes.
    """
    rule: Any = clipping.layer(kinds.clipping.model_construct(**threshold))
    optimize = optimizer.layer(kinds.optimizer.model_construct())

    def update_one(parameters: Tree, slots: Tree, gradients: Tree) -> tuple[Tree, ...]:
        clipped, _ = rule.update(gradients, rule.init(parameters))
        directions, after = optimize(clipped, parameters, slots, numbers)
        updates = {
            name: -numbers["learning_rate"] * direction for name, direction in directions.items()
        }
        moved: Any = optax.apply_updates(parameters, updates)
        measured = (
            {name: directions[name] for name in kinds.measured} if directions is not clipped else {}
        )
        return moved, after, clipped if kinds.keep else {}, measured

    return _over_seeds(update_one, parameters, slots, gradients)


def _over_seeds(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function of one seed's arrays for arrays [seed, ...]."""
    if len(jax.tree.leaves(arguments)[0]) > 1:
        return jax.vmap(function)(*arguments)
    # an axis of length 1 is no axis: the batched products of vmap take twice as long as the plain
    # ones at width 1,024
    alone = function(*(jax.tree.map(lambda a: a[0], argument) for argument in arguments))
    return jax.tree.map(lambda a: a[None], alone)


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    make_room()
    return Program(plan, device, measure)
