"""What an ordinary model takes from the rooms of its parts, and what it starts at.

In Flax linen (model.py) and in nnx (model_nnx.py).
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import assert_never

import jax
import jax.numpy as jnp
from flax.traverse_util import unflatten_dict
from jax.nn import initializers

from backends.jax import initialization
from backends.jax.arrays import Tree
from common.part import Part
from common.placement import Place, Placed, Samples, kept_by, places
from common.plan import Plan


def room(name: str) -> ModuleType:
    """The room of a part."""
    return import_module(f"backends.jax.{name}")


def placed(part: Part) -> Placed:
    """Where a part has its parameters and statistics."""
    return kept_by(room(part.room), part.kind)


def placed_nnx(part: Part) -> Placed:
    """Where a part has parameters and statistics: as in linen, unless its room says otherwise."""
    own = room(part.room)
    said = "PARAMETERS_NNX" if hasattr(own, "PARAMETERS_NNX") else "PARAMETERS"
    return kept_by(own, part.kind, said)


def path_of(place: Place) -> tuple[str, ...]:
    """Where it is in the variables."""
    return ("params" if place.trained else "batch_stats", *place.path)


def named(plan: Plan) -> Tree:
    """For each array that is trained the name of the parameter that it is, or is one gate of."""
    trained = [place for place in places(plan.network, placed) if place.trained]
    return unflatten_dict({place.path: f"{place.name} {place.at[0]}" for place in trained})


def start(plan: Plan, place: Place, key: jax.Array) -> jax.Array:
    """A weight or a bias, drawn, or what something else starts at; it has our axes."""
    shape = place.one.shape
    law = plan.initialization_of(place.layer)
    match how := place.one.own_start:
        case "drawn":
            return initialization.build(law)(key, shape, plan.precision)
        case "drawn bias":
            return initialization.bias(law, place.one.fan_in)(key, shape, plan.precision)
        case "orthogonal":
            return initializers.orthogonal()(key, shape, plan.precision)
        case "identity":
            return jnp.eye(shape[0], dtype=plan.precision)
        case int() | float() as number:
            return jnp.full(shape, number, plan.precision)
        case _:
            assert_never(how)


def on_device(plan: Plan, samples: Samples) -> tuple[jax.Array, jax.Array]:
    """The samples of a batch in the plan's precision."""
    x, y = (jnp.asarray(a, plan.precision if a.dtype.kind == "f" else None) for a in samples)
    return x, y
