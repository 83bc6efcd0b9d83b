"""Skip connections in JAX: a module that holds the layer.

Trap: Flax has no module for it; `x + layer(x)` is the idiom. What is added has to have x's shape: `x + layer(x)[..., :1]` is
broadcast in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from backends.jax.block import Layer, Site, run
from common.countermeasures.skip import Around, Highway, NoSkip, Residual, ReZero, Skip
from common.network import Arrays

NATIVE = {"residual": "jax.numpy.add"}
PARAMETERS = {"skip_scale": "scale", "gate_weight": "kernel", "gate_bias": "bias"}


class Scale(linen.Module):
    """A number that is trained."""

    start: float

    @linen.compact
    def __call__(self, f: jax.Array) -> jax.Array:
        """The number times f."""
        return self.param("scale", lambda key: jnp.asarray(self.start, f.dtype)) * f


def joined(spec: Skip, f: jax.Array, x: jax.Array) -> jax.Array:
    """What a layer makes of x, and x; called inside a `compact` method, where what is trained of it is named `skip`."""
    match spec:
        case NoSkip():
            return f
        case Residual(scale=scale):
            return x + scale * f
        case ReZero(initial_scale=start):
            return x + Scale(start, name="skip")(f)
        case Highway(initial_bias=bias):
            start = linen.initializers.constant(bias)
            gate = linen.Dense(x.shape[-1], bias_init=start, dtype=x.dtype, param_dtype=x.dtype, name="skip")
            t = jax.nn.sigmoid(gate(x))
            return t * f + (1 - t) * x
        case _:
            assert_never(spec)


class Skipped(linen.Module):
    """A layer, and a connection past it."""

    spec: Skip
    inner: linen.Module

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The layer's output and its input x [batch, unit], joined."""
        inner: Any = self.inner
        return joined(self.spec, inner(x), x)


def build(spec: Skip) -> Callable[[linen.Module], Skipped]:
    """A constructor, to be called with a layer that has as many units out as in."""
    return lambda inner: Skipped(spec, inner)


def layer(spec: Around) -> Layer:
    """The parts for x [batch, unit]."""

    def forward(x: jax.Array, site: Site) -> jax.Array:
        return joined(spec.spec, run(spec.inner, x, site), x)

    return forward


def probe(spec: Skip, inputs: Arrays) -> Arrays:
    """Value and gradient of a connection past an affine map without bias.

    Args:
        spec: The connection.
        inputs: `x` and `cotangent` [batch, unit], `weight` [unit, unit] of the map, and what is trained of the connection.

    Returns:
        `value`; `gradient` with respect to x; `weight_gradient`, and that of every parameter of the connection.
    """
    given = {name: jnp.asarray(a) for name, a in inputs.items() if name != "cotangent"}
    x = given.pop("x")
    dense = linen.Dense(x.shape[-1], use_bias=False, dtype=x.dtype, param_dtype=x.dtype)
    module = build(spec)(dense)

    def value_of(x: jax.Array, given: dict[str, jax.Array]) -> Any:
        own = {PARAMETERS[name]: a for name, a in given.items() if name in PARAMETERS}
        held = {"inner": {"kernel": given["weight"]}} | ({"skip": own} if own else {})
        return module.apply({"params": held}, x)

    value, backward = jax.vjp(value_of, x, given)
    gradient, found = backward(jnp.asarray(inputs["cotangent"]))
    gradients = {f"{name}_gradient": np.asarray(a) for name, a in found.items()}
    return {"value": np.asarray(value), "gradient": np.asarray(gradient), **gradients}
