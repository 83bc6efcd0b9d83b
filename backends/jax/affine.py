"""The affine map in JAX: `flax.linen.Dense`.

In nnx `flax.nnx.Linear`, which wants to know the number of inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
from flax import linen, nnx

from backends.jax.block import Layer, Site
from common.part import Affine
from common.placement import Kept

NATIVE = {"affine": "flax.linen.Dense"}
PARAMETERS = {"weight": Kept("kernel"), "bias": Kept("bias")}


def build(spec: Affine) -> Callable[..., linen.Dense]:
    """A constructor of the module; it takes the number of inputs from the first that it gets."""
    return partial(linen.Dense, spec.units, use_bias=spec.bias)


def module(
    spec: Affine, units: int, inner: linen.Module, training: bool = True, dtype: str = "float64"
) -> linen.Module:
    """The map as a part of a model."""
    return build(spec)(dtype=dtype, param_dtype=dtype, name="affine")


def module_nnx(
    spec: Affine, units: int, inner: nnx.Module, dtype: str, rngs: nnx.Rngs
) -> nnx.Module:
    """The map as a part of a model in Flax nnx."""
    return nnx.Linear(
        units, spec.units, use_bias=spec.bias, dtype=dtype, param_dtype=dtype, rngs=rngs
    )


def layer(spec: Affine) -> Layer:
    """The map for x [batch, unit]."""

    def forward(x: jax.Array, site: Site) -> jax.Array:
        return build(spec)(dtype=x.dtype, param_dtype=x.dtype, name="affine")(x)

    return forward
