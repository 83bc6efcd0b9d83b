"""The training step in JAX: `jax.value_and_grad`, an optax transformation, `optax.sgd`; one seed, then `jax.vmap`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from backends.jax import clipping
from backends.jax.arrays import from_numpy, rms, to_numpy
from backends.jax.device import resolve
from backends.jax.network import StackedNetwork, Tree, batch_stats, params, statistics
from common.network import Arrays, Batch, Gradients, State
from common.plan import Plan


@dataclass
class Step:
    """What one step leaves on the device."""

    measured: Tree
    signal: jax.Array
    gradients: Tree


class Program:
    """JAX's `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu") -> None:
        self.plan, self.device = plan, resolve(device)
        self.clip = clipping.build(plan.clipping)
        self.sgd = optax.sgd(plan.optimizer.learning_rate)
        self.networks = {training: StackedNetwork(plan.network, training) for training in (True, False)}
        self.compiled_step = jax.jit(jax.vmap(self._step), donate_argnums=(0, 1))
        self.compiled_predict = jax.jit(jax.vmap(self._predict))

    def load(self, state: State) -> None:
        """Put parameters and running statistics on the device."""
        self.parameters = {name: self._array(a) for name, a in state.parameters.items()}
        self.statistics = {name: self._array(a) for name, a in state.statistics.items()}

    def _array(self, array: np.ndarray) -> jax.Array:
        return from_numpy(array, self.plan.precision, self.device)

    def step(self, batch: Batch) -> Step:
        """Take one training step; return what it measured, still on the device."""
        arguments = (self.parameters, self.statistics, self._array(batch.x), self._array(batch.y))
        self.parameters, self.statistics, *left = self.compiled_step(*arguments)
        return Step(*left)

    def _loss(self, parameters: Tree, signal: Tree, running: Tree, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Tree]:
        variables = {"params": params(parameters), "perturbations": signal, "batch_stats": batch_stats(running)}
        outputs: Any = self.networks[True].apply(variables, x, mutable=["batch_stats"])
        (logits, measured), updated = outputs
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return loss, {"measured": measured, "statistics": statistics(updated.get("batch_stats", {}))}

    def _step(self, parameters: Tree, running: Tree, x: jax.Array, y: jax.Array) -> tuple[Tree, Tree, Tree, jax.Array, Tree]:
        """One step of one seed: new parameters and statistics, quantities, signal gradient, parameter gradients."""
        depth, width = self.plan.network.depth, self.plan.network.width
        # nothing is added to the outputs, but the gradient with respect to it is that of the outputs
        nothing = {"first": {"signal": jnp.zeros((len(x), width), x.dtype)}}
        nothing["hidden"] = {"signal": jnp.zeros((depth - 1, len(x), width), x.dtype)}
        differentiate = jax.value_and_grad(self._loss, argnums=(0, 1), has_aux=True)
        (loss, aux), (gradients, signals) = differentiate(parameters, nothing, running, x, y)
        signal = jnp.concatenate([signals["first"]["signal"][None], signals["hidden"]["signal"]]) * len(x)
        clipped: Any
        clipped, _ = self.clip.update(gradients, self.clip.init(parameters))
        updates: Any
        updates, _ = self.sgd.update(clipped, self.sgd.init(parameters))
        new: Any = optax.apply_updates(parameters, updates)
        change = jax.tree.map(jnp.subtract, new, parameters)
        measured = aux["measured"] | {
            "loss": loss,
            "signal_gradient_rms": rms(signal, (1, 2)),
            "weight_gradient_rms": _weight_rms(gradients),
            "clipped_weight_gradient_rms": _weight_rms(clipped),
            "update_ratio": jnp.nan_to_num(_weight_rms(change) / _weight_rms(parameters), nan=0.0),
        }
        return new, aux["statistics"], measured, signal, gradients

    def _predict(self, parameters: Tree, running: Tree, x: jax.Array) -> jax.Array:
        variables = {"params": params(parameters), "batch_stats": batch_stats(running)}
        return self.networks[False].apply(variables, x)[0]

    def measured(self, handle: Step) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.measured.items()}

    def gradients(self, handle: Step) -> Gradients:
        """Fetch the whole gradient of a step, before clipping."""
        parameters = {name: to_numpy(g) for name, g in handle.gradients.items()}
        return Gradients(to_numpy(handle.measured["loss"]), to_numpy(handle.signal), parameters)

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        return State(*({name: to_numpy(a) for name, a in held.items()} for held in (self.parameters, self.statistics)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        return to_numpy(self.compiled_predict(self.parameters, self.statistics, self._array(x)))


def _weight_rms(arrays: Tree) -> jax.Array:
    return jnp.concatenate([rms(arrays[f"{stack}.weight"], (1, 2)) for stack in ("first", "hidden")])


def program(plan: Plan, device: str) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device)
