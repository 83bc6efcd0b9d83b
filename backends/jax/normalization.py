"""Normalization in JAX: `flax.linen.BatchNorm` with the two-pass variance.

Trap: Flax's own momentum is 0.99, Keras' too, and PyTorch's 0.1 is 0.9 here; its epsilon is 1e-5, as PyTorch's is and Keras'
1e-3 is not. Flax computes the variance as E[x^2] - E[x]^2 unless `use_fast_variance=False`: with a common offset of 1e4 and
float32 it is 0, and the output off by 750. Its running statistics start as float32, even where the parameters are float64. The
gradient goes through (variance + epsilon)^(-3/2): where that times the gradient is below 1e-38, float32 has 0 for it, and what
should cancel does not (a deviation of 1e12 and a gradient of 1e-20: several times too large; PyTorch is right there).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from backends.jax.block import Layer, Site
from common.countermeasures.normalization import BatchNormalization, NoNormalization, Normalization
from common.network import Arrays

NATIVE = {"batch": "flax.linen.BatchNorm"}
PARAMETERS = {"scale": "scale", "shift": "bias"}
STATISTICS = {"mean": "mean", "variance": "var"}


def build(spec: Normalization) -> Callable[..., linen.BatchNorm] | None:
    """A constructor of the module, to be called with `use_running_average` and a name; None for no normalization."""
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(linen.BatchNorm, epsilon=epsilon, momentum=momentum, use_fast_variance=False)


def layer(spec: Normalization) -> Layer:
    """The normalization for x [batch, unit]."""
    constructor = build(spec)

    def unchanged(x: jax.Array, site: Site) -> jax.Array:
        return x

    def forward(x: jax.Array, site: Site) -> jax.Array:
        assert constructor
        types = {"dtype": x.dtype, "param_dtype": x.dtype}
        norm = constructor(use_running_average=not site.training, name="normalization", **types)
        return norm(x)

    return forward if constructor else unchanged


def probe(spec: BatchNormalization, inputs: Arrays) -> Arrays:
    """One training step and one evaluation of batch norm.

    Args:
        spec: Batch norm.
        inputs: `z` and `cotangent` [batch, width]; `scale`, `shift`, `mean`, `variance` [width], the last two running.

    Returns:
        `value` in training, `gradient`, `scale_gradient`, `shift_gradient`; `mean` and `variance` running after the
        step; `evaluated`, the value in evaluation mode by these.
    """
    constructor = build(spec)
    assert constructor is not None
    z, scale, shift, mean, variance = (jnp.asarray(inputs[key]) for key in ("z", "scale", "shift", "mean", "variance"))
    statistics = {"mean": mean, "var": variance}

    def train(z: jax.Array, scale: jax.Array, shift: jax.Array) -> Any:
        variables = {"params": {"scale": scale, "bias": shift}, "batch_stats": statistics}
        return constructor(use_running_average=False).apply(variables, z, mutable=["batch_stats"])

    value, backward, updated = jax.vjp(train, z, scale, shift, has_aux=True)
    after = updated["batch_stats"]
    variables = {"params": {"scale": scale, "bias": shift}, "batch_stats": after}
    evaluated = constructor(use_running_average=True).apply(variables, z)
    outputs = [value, *backward(jnp.asarray(inputs["cotangent"])), after["mean"], after["var"], evaluated]
    keys = ["value", "gradient", "scale_gradient", "shift_gradient", "mean", "variance", "evaluated"]
    return {key: np.asarray(output) for key, output in zip(keys, outputs, strict=True)}


def native(spec: BatchNormalization) -> Callable[..., linen.BatchNorm]:
    """Flax's own module with the same epsilon and momentum: its variance is the fast one."""
    return partial(linen.BatchNorm, epsilon=spec.epsilon, momentum=spec.momentum)
