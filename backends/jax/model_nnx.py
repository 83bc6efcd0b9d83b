"""The network of any plan as an ordinary Flax nnx model: modules, `nnx.Optimizer`, a jitted step.

    model = build(plan, seed=0)
    losses = train(model, plan, batches)

It computes what the definition does. nnx is what Flax recommends for new code; why the engine is in
linen, ADR 1 says. Names of parameters are the same in both, but for recurrent cells.

Trap: the running statistics of `nnx.BatchNorm` are float32, where its parameters are float64 too.
`model.eval()` changes what `use_running_average` is inside the model, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from backends.jax import clipping, loss, optimizer
from backends.jax.arrays import to_numpy
from backends.jax.ordinary import on_device, room, start
from backends.jax.ordinary import placed_nnx as placed
from common.network import Arrays
from common.part import Part
from common.placement import Place, Samples, layers_of, places, together
from common.plan import Plan


class Sequential(nnx.Module):
    """Modules and functions one after another, each an attribute of its name."""

    def __init__(self, modules: Mapping[str, Any]) -> None:
        self.names = tuple(modules)
        for name, module in modules.items():
            setattr(self, name, module)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The output of the last for x [batch, (time,) unit]."""
        for name in self.names:
            x = getattr(self, name)(x)
        return x


def sequential(parts: Iterable[Part], units: int, dtype: str, rngs: nnx.Rngs) -> Sequential:
    """Parts one after another, for x [batch, (time,) unit] with so many units."""
    found: dict[str, Any] = {}
    for part in parts:
        inner = sequential(part.inner, units, dtype, rngs)
        found[part.room] = room(part.room).module_nnx(part, units, inner, dtype, rngs)
        units = part.outputs(units)
    return Sequential(found)


def build(plan: Plan, seed: int) -> Sequential:
    """The model in the plan's precision, its parameters drawn by the plan's initialization."""
    rngs = nnx.Rngs(seed)
    layers: dict[str, Sequential] = {}
    for name, stack in layers_of(plan.network):
        layers[name] = sequential(stack.block, stack.inputs, plan.precision, rngs)
    model = Sequential(layers)
    for place in places(plan.network, placed):
        put(model, place, np.asarray(start(plan, place, rngs.params())))
    return model


def put(model: nnx.Module, place: Place, a: np.ndarray) -> None:
    """Give a variable, or one gate's share of it, the numbers of an array of ours."""
    variable = variable_of(model, place)
    variable.set_value(jnp.asarray(place.kept.put(np.asarray(variable[...]), a)))


def variable_of(model: nnx.Module, place: Place) -> nnx.Variable:
    """The parameter or the statistic in which something is."""
    return attrgetter(".".join(place.path))(model)


def load(model: nnx.Module, plan: Plan, arrays: Arrays) -> None:
    """Put parameters and statistics [layer, ...] by our names into the model."""
    for place in places(plan.network, placed):
        put(model, place, arrays[place.name][place.at].astype(plan.precision))


def arrays(model: nnx.Module, plan: Plan) -> Arrays:
    """The parameters and statistics of the model, [layer, ...] by our names."""
    return together(
        places(plan.network, placed), lambda place: to_numpy(variable_of(model, place)[...])
    )


def gradients(model: nnx.Module, plan: Plan, samples: Samples) -> tuple[float, Arrays]:
    """The loss of a batch, and its unclipped gradients, [layer, ...] by our names of parameters."""
    model.train()
    value, found = nnx.jit(differentiated(plan))(model, *on_device(plan, samples))
    trained = [place for place in places(plan.network, placed) if place.trained]
    flat = dict(nnx.to_flat_state(found))
    return float(value), together(trained, lambda place: to_numpy(flat[place.path][...]))


def differentiated(plan: Plan) -> Any:
    """A function of a model and a batch to the loss in training and its gradient."""
    of_batch = loss.build(plan.network.loss)
    return nnx.value_and_grad(lambda model, x, y: of_batch(model(x), y))


def train(model: nnx.Module, plan: Plan, batches: Iterable[Samples]) -> list[float]:
    """Train the model with the plan's clipping and optimizer, and give the loss of each step."""
    transformation = optax.chain(clipping.build(plan.clipping), optimizer.build(plan.optimizer))
    stepper = nnx.Optimizer(model, transformation, wrt=nnx.Param)

    @nnx.jit
    def step(model: nnx.Module, stepper: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
        value, found = differentiated(plan)(model, x, y)
        stepper.update(model, found)
        return value

    model.train()
    return [float(step(model, stepper, *on_device(plan, samples))) for samples in batches]


def predict(model: Any, plan: Plan, x: np.ndarray) -> np.ndarray:
    """The outputs [batch, output] for x [batch, (time,) features], in evaluation."""
    model.eval()
    return to_numpy(model(jnp.asarray(x, plan.precision)))
