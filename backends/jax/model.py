"""The network of any plan as an ordinary Flax linen model.

Modules, an optax transformation, a jitted step.

    variables = build(plan, seed=0)
    losses, variables = train(variables, plan, batches)

It is made of the rooms' `build`s, and computes what the definition does; the engine
(backends/jax/network.py) does so for several seeds at once, and measures. Its layers are one module
under a scan; here they are unrolled, so that compiling grows with the depth. The same in Flax nnx
is backends/jax/model_nnx.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen
from flax.traverse_util import flatten_dict, unflatten_dict

from backends.jax import clipping, loss, optimizer
from backends.jax.arrays import Tree, to_numpy
from backends.jax.ordinary import named, on_device, path_of, placed, room, start
from common.network import Arrays, Network
from common.part import Part
from common.placement import Samples, layers_of, places, together
from common.plan import Plan


class Sequential(linen.Module):
    """Parts one after another, for x [batch, (time,) unit] with so many units."""

    parts: tuple[Part, ...]
    units: int
    training: bool
    dtype: str

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The output of the last part."""
        units = self.units
        for part in self.parts:
            inner = Sequential(part.inner, units, self.training, self.dtype, parent=None)
            x = room(part.room).module(part, units, inner, self.training, self.dtype)(x)
            units = part.outputs(units)
        return x


class Model(linen.Module):
    """The layers of a network one after another."""

    network: Network
    training: bool
    dtype: str

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The outputs [batch, output] for x [batch, (time,) features]."""
        for name, stack in layers_of(self.network):
            x = Sequential(stack.block, stack.inputs, self.training, self.dtype, name=name)(x)
        return x


def build(plan: Plan, seed: int) -> Tree:
    """The model's variables in the plan's precision, its parameters drawn by the initialization."""
    found = places(plan.network, placed)
    keys = jax.random.split(jax.random.key(seed), len(found))
    return unflatten_dict(
        {path_of(place): start(plan, place, key) for place, key in zip(found, keys, strict=True)}
    )


def load(plan: Plan, arrays: Arrays) -> Tree:
    """The variables with parameters and statistics [layer, ...] by our names."""
    found = {
        place: place.kept.there(arrays[place.name][place.at])
        for place in places(plan.network, placed)
    }
    return unflatten_dict(
        {path_of(place): jnp.asarray(a, plan.precision) for place, a in found.items()}
    )


def arrays(variables: Tree, plan: Plan) -> Arrays:
    """Parameters and statistics, or some of them or their gradients, [layer, ...] by our names."""
    flat: dict[tuple[str, ...], Any] = flatten_dict(variables)
    found = [place for place in places(plan.network, placed) if path_of(place) in flat]
    return together(found, lambda place: to_numpy(flat[path_of(place)]))


def loss_of(params: Tree, statistics: Tree, plan: Plan, samples: Any) -> tuple[jax.Array, Tree]:
    """The loss of a batch in training, and the statistics after it."""
    x, y = samples
    model = Model(plan.network, training=True, dtype=plan.precision)
    outputs: Any = model.apply({"params": params, **statistics}, x, mutable=list(statistics))
    return loss.build(plan.network.loss)(outputs[0], y), outputs[1]


def split(variables: Tree) -> tuple[Tree, Tree]:
    """What is trained, and the collections of the rest."""
    rest = dict(variables)
    return rest.pop("params"), rest


def gradients(variables: Tree, plan: Plan, samples: Samples) -> tuple[float, Arrays]:
    """The loss of a batch, and its unclipped gradients, [layer, ...] by our names of parameters."""
    differentiated = jax.jit(jax.value_and_grad(partial(loss_of, plan=plan), has_aux=True))
    (value, _), found = differentiated(*split(variables), samples=on_device(plan, samples))
    return float(value), arrays({"params": found}, plan)


def train(variables: Tree, plan: Plan, batches: Iterable[Samples]) -> tuple[list[float], Tree]:
    """Train with the plan's clipping and optimizer.

    Gives the loss of each step, and the variables after the last.
    """
    params, statistics = split(variables)
    transformation = optax.chain(
        clipping.build(plan.clipping, named(plan)), optimizer.build(plan.optimizer)
    )
    state = transformation.init(params)

    @jax.jit
    def step(
        params: Tree, statistics: Tree, state: Any, samples: Any
    ) -> tuple[jax.Array, Any, Tree, Any]:
        differentiated = jax.value_and_grad(loss_of, has_aux=True)
        (value, statistics), found = differentiated(params, statistics, plan, samples)
        updates, state = transformation.update(found, state, params)
        return value, optax.apply_updates(params, updates), statistics, state

    losses: list[float] = []
    for samples in batches:
        value, params, statistics, state = step(params, statistics, state, on_device(plan, samples))
        losses.append(float(value))
    return losses, {"params": params, **statistics}


def predict(variables: Tree, plan: Plan, x: np.ndarray) -> np.ndarray:
    """The outputs [batch, output] for x [batch, (time,) features], in evaluation."""
    model: Any = Model(plan.network, training=False, dtype=plan.precision)
    return to_numpy(jax.jit(model.apply)(variables, jnp.asarray(x, plan.precision)))
