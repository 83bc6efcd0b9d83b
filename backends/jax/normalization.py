"""Normalization in JAX: `flax.linen.BatchNorm` and `LayerNorm` with two-pass variance, `RMSNorm`.

Trap: Flax's own momentum is 0.99, Keras' too, and PyTorch's 0.1 is 0.9 here; its epsilon is 1e-5,
as PyTorch's is and Keras' 1e-3 is not. Flax computes the variance as E[x^2] - E[x]^2 unless
`use_fast_variance=False`: with a common offset of 1e4 and float32 it is 0, and the output off by
750; `LayerNorm` too. The epsilon of that and of `RMSNorm` is 1e-6. Its running statistics start as
float32, even where the parameters are float64. The gradient goes through (variance +
epsilon)^(-3/2): where that times the gradient is below 1e-38, float32 has 0 for it, and what should
cancel does not (a deviation of 1e12 and a gradient of 1e-20: several times too large; PyTorch is
right there).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from backends.jax.block import Layer, Site
from common.countermeasures.normalization import (
    BatchNormalization,
    LayerNormalization,
    NoNormalization,
    Normalization,
    RMSNormalization,
)
from common.network import Arrays
from common.placement import Kept

NATIVE = {
    "batch": "flax.linen.BatchNorm",
    "layer": "flax.linen.LayerNorm",
    "rms": "flax.linen.RMSNorm",
}
PARAMETERS = {"scale": Kept("scale"), "shift": Kept("bias")}
STATISTICS = {"mean": Kept("mean"), "variance": Kept("var")}


def build(spec: Normalization) -> Callable[..., linen.Module] | None:
    """A constructor of the module, for batch norm to be called with `use_running_average`.

    None for no normalization.
    """
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(
                linen.BatchNorm, epsilon=epsilon, momentum=momentum, use_fast_variance=False
            )
        case LayerNormalization(epsilon=epsilon):
            return partial(linen.LayerNorm, epsilon=epsilon, use_fast_variance=False)
        case RMSNormalization(epsilon=epsilon):
            return partial(linen.RMSNorm, epsilon=epsilon)
        case _:
            assert_never(spec)


def module(
    spec: Normalization,
    units: int,
    inner: linen.Module,
    training: bool = True,
    dtype: str = "float64",
) -> Any:
    """The normalization as a part of a model."""
    constructor = build(spec)
    if constructor is None:
        return unchanged
    mode: dict[str, Any] = {"use_running_average": not training} if spec.statistics(units) else {}
    return constructor(name="normalization", dtype=dtype, param_dtype=dtype, **mode)


def module_nnx(
    spec: Normalization, units: int, inner: nnx.Module, dtype: str, rngs: nnx.Rngs
) -> Any:
    """The normalization as a part of a model in Flax nnx.

    Its running statistics start as float32, whatever the dtype.
    """
    options: dict[str, Any] = {"dtype": dtype, "param_dtype": dtype, "rngs": rngs}
    match spec:
        case NoNormalization():
            return unchanged
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return nnx.BatchNorm(
                units, epsilon=epsilon, momentum=momentum, use_fast_variance=False, **options
            )
        case LayerNormalization(epsilon=epsilon):
            return nnx.LayerNorm(units, epsilon=epsilon, use_fast_variance=False, **options)
        case RMSNormalization(epsilon=epsilon):
            return nnx.RMSNorm(units, epsilon=epsilon, **options)
        case _:
            assert_never(spec)


def unchanged(x: jax.Array) -> jax.Array:
    """No normalization."""
    return x


def layer(spec: Normalization) -> Layer:
    """The normalization for x [batch, unit]."""
    constructor = build(spec)
    keeps = bool(spec.statistics(1))

    def forward(x: jax.Array, site: Site) -> jax.Array:
        assert constructor
        mode: dict[str, Any] = {"use_running_average": not site.training} if keeps else {}
        norm: Any = constructor(name="normalization", dtype=x.dtype, param_dtype=x.dtype, **mode)
        return norm(x)

    return forward if constructor else lambda x, site: unchanged(x)


def probe(spec: Normalization, inputs: Arrays) -> Arrays:
    """One training step of a normalization and, of batch norm, one evaluation.

    Args:
        spec: The normalization.
        inputs: `z` and `cotangent` [batch, width]; `scale` [width], and `shift` if there is one;
            `mean` and `variance` [width], the running ones of batch norm.

    Returns:
        `value` in training, `gradient`, and `scale_gradient` and `shift_gradient`. Of batch norm
        `mean` and `variance` running after the step, and `evaluated`, the value in evaluation mode
        by these.
    """
    constructor: Any = build(spec)
    assert constructor is not None
    given = {name: jnp.asarray(a) for name, a in inputs.items()}
    units, z = inputs["z"].shape[1], given["z"]
    trained = {PARAMETERS[name].name: given[name] for name in spec.parameters(units)}
    running = {STATISTICS[name].name: given[name] for name in spec.statistics(units)}
    train, evaluate = ({"use_running_average": mode} if running else {} for mode in (False, True))

    def value_of(z: jax.Array, trained: Any) -> Any:
        return constructor(**train).apply(
            {"params": trained, "batch_stats": running}, z, mutable=["batch_stats"]
        )

    value, backward, updated = jax.vjp(value_of, z, trained, has_aux=True)
    gradient, own = backward(given["cotangent"])
    found = {"value": value, "gradient": gradient}
    found |= {f"{name}_gradient": own[PARAMETERS[name].name] for name in spec.parameters(units)}
    if running:
        after = updated["batch_stats"]
        found |= {name: after[STATISTICS[name].name] for name in STATISTICS}
        found["evaluated"] = constructor(**evaluate).apply(
            {"params": trained, "batch_stats": after}, z
        )
    return {name: np.asarray(a) for name, a in found.items()}


def native(spec: Normalization) -> Callable[..., linen.Module] | None:
    """Flax's own module with the same momentum and, of batch norm, epsilon.

    Its variance is the fast one.
    """
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(linen.BatchNorm, epsilon=epsilon, momentum=momentum)
        case LayerNormalization():
            return linen.LayerNorm
        case RMSNormalization():
            return linen.RMSNorm
        case _:
            assert_never(spec)
