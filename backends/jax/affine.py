"""The affine map in JAX: `flax.linen.Dense`."""

from __future__ import annotations

import jax
from flax import linen

from backends.jax.block import Layer, Site
from common.part import Affine

PARAMETERS = {"weight": "kernel", "bias": "bias"}


def layer(spec: Affine) -> Layer:
    """The map for x [batch, unit]."""

    def forward(x: jax.Array, site: Site) -> jax.Array:
        dense = linen.Dense(spec.units, use_bias=spec.bias, dtype=x.dtype, param_dtype=x.dtype, name="affine")
        return dense(x)

    return forward
