"""Skip connections in JAX: a module that holds the layer.

Trap: Flax has no module for it; `x + layer(x)` is the idiom. What is added has to have x's shape:
`x + layer(x)[..., :1]` is broadcast in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from flax.traverse_util import unflatten_dict

from backends.jax.block import Layer, Site, run
from common.countermeasures.skip import Around, Highway, NoSkip, Residual, ReZero, Skip
from common.network import Arrays
from common.placement import Kept

NATIVE = {"residual": "jax.numpy.add"}
PARAMETERS = {
    "skip_scale": Kept("scale"),
    "gate_weight": Kept("gate.kernel"),
    "gate_bias": Kept("gate.bias"),
}


def joined(spec: Skip, f: jax.Array, x: jax.Array, owner: linen.Module) -> jax.Array:
    """What a layer makes of x, and x.

    Called inside the `compact` method of who owns what is trained of it.
    """
    match spec:
        case NoSkip():
            return f
        case Residual(scale=scale):
            return x + scale * f
        case ReZero(initial_scale=start):
            return x + owner.param("scale", lambda key: jnp.asarray(start, f.dtype)) * f
        case Highway(initial_bias=bias):
            start = linen.initializers.constant(bias)
            gate = linen.Dense(
                x.shape[-1], bias_init=start, dtype=x.dtype, param_dtype=x.dtype, name="gate"
            )
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
        return joined(self.spec, inner(x), x, self)


def build(spec: Skip) -> Callable[..., Skipped]:
    """A constructor, to be called with a layer that has as many units out as in."""
    return partial(Skipped, spec)


def module(
    spec: Around, units: int, inner: linen.Module, training: bool = True, dtype: str = "float64"
) -> linen.Module:
    """A layer and the connection past it as a part of a model."""
    return build(spec.spec)(inner, name="skip")


class SkippedNnx(nnx.Module):
    """The same as `Skipped` in Flax nnx, of a layer of `units` in and out."""

    def __init__(
        self, spec: Skip, inner: nnx.Module, units: int, dtype: str, rngs: nnx.Rngs
    ) -> None:
        self.spec = spec
        self.inner = inner
        match spec:
            case ReZero(initial_scale=start):
                self.scale = nnx.Param(jnp.asarray(start, dtype))
            case Highway(initial_bias=bias):
                start = nnx.initializers.constant(bias)
                self.gate = nnx.Linear(
                    units, units, bias_init=start, dtype=dtype, param_dtype=dtype, rngs=rngs
                )
            case NoSkip() | Residual():
                pass
            case _:
                assert_never(spec)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The layer's output and its input x [batch, unit], joined."""
        inner: Any = self.inner
        f = inner(x)
        match self.spec:
            case NoSkip():
                return f
            case Residual(scale=scale):
                return x + scale * f
            case ReZero():
                return x + self.scale[...] * f
            case Highway():
                t = jax.nn.sigmoid(self.gate(x))
                return t * f + (1 - t) * x
            case _:
                assert_never(self.spec)


def module_nnx(
    spec: Around, units: int, inner: nnx.Module, dtype: str, rngs: nnx.Rngs
) -> nnx.Module:
    """A layer and the connection past it as a part of a model in Flax nnx."""
    return SkippedNnx(spec.spec, inner, units, dtype, rngs)


class Connection(linen.Module):
    """What is trained of a connection, where the layer is at hand."""

    spec: Skip

    @linen.compact
    def __call__(self, f: jax.Array, x: jax.Array) -> jax.Array:
        """What the layer makes of x [batch, unit], and x, joined."""
        return joined(self.spec, f, x, self)


def layer(spec: Around) -> Layer:
    """The parts for x [batch, unit]."""

    def forward(x: jax.Array, site: Site) -> jax.Array:
        return Connection(spec.spec, name="skip")(run(spec.inner, x, site), x)

    return forward


def probe(spec: Skip, inputs: Arrays) -> Arrays:
    """Value and gradient of a connection past an affine map without bias.

    Args:
        spec: The connection.
        inputs: `x` and `cotangent` [batch, unit], `weight` [unit, unit] of the map, and what is
            trained of the connection.

    Returns:
        `value`; `gradient` with respect to x; `weight_gradient`, and that of every parameter of the
        connection.
    """
    given = {name: jnp.asarray(a) for name, a in inputs.items() if name != "cotangent"}
    x = given.pop("x")
    dense = linen.Dense(x.shape[-1], use_bias=False, dtype=x.dtype, param_dtype=x.dtype)
    skipped = build(spec)(dense)

    def value_of(x: jax.Array, given: dict[str, jax.Array]) -> Any:
        own = {
            tuple(PARAMETERS[name].name.split(".")): a
            for name, a in given.items()
            if name in PARAMETERS
        }
        held = {("inner", "kernel"): given["weight"]} | own
        return skipped.apply({"params": unflatten_dict(held)}, x)

    value, backward = jax.vjp(value_of, x, given)
    gradient, found = backward(jnp.asarray(inputs["cotangent"]))
    gradients = {f"{name}_gradient": np.asarray(a) for name, a in found.items()}
    return {"value": np.asarray(value), "gradient": np.asarray(gradient), **gradients}
