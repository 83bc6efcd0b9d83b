"""What both forms of an ordinary model share, in Flax linen (model.py) and nnx (model_nnx.py)."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import assert_never

import jax
import jax.numpy as jnp
from jax.nn import initializers

from backends.jax import initialization
from common.placement import Place, Samples
from common.plan import Plan


def room(name: str) -> ModuleType:
    """The room of a part."""
    return import_module(f"backends.jax.{name}")


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
