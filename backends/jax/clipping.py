"""Clipping in JAX: optax transformations, chained before the optimiser.

Trap: optax has no clipping of each parameter by its norm: `clip_by_block_rms` bounds the rms,
sqrt(size) times more. Where an element is infinite, `clip_by_global_norm` turns the others to 0 in
silence; in float32 its square overflows from 1.8e19 on, and the whole gradient becomes 0.
"""

from __future__ import annotations

from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
import optax

from backends.jax.arrays import safe_scale
from common.countermeasures.clipping import (
    Clipping,
    GlobalNormClipping,
    NoClipping,
    NormClipping,
    ValueClipping,
)
from common.network import Arrays

NATIVE = {
    "none": "optax.identity",
    "value": "optax.clip",
    "norm": "optax.clip_by_block_rms",
    "global_norm": "optax.clip_by_global_norm",
}


def norm(gradient: jax.Array, leading: int) -> jax.Array:
    """The Euclidean norm over all axes but the leading ones; scale-safe."""
    axes = tuple(range(leading, gradient.ndim))
    scale = safe_scale(gradient, axes)
    return jnp.squeeze(
        scale * jnp.sqrt(jnp.sum(jnp.square(gradient / scale), axis=axes, keepdims=True)), axes
    )


def shortened(gradient: jax.Array, norms: jax.Array, threshold: float) -> jax.Array:
    """The gradient, brought to the threshold if its norm is above; NaN if that is not finite.

    Sixteenths, and the division first, because XLA flushes subnormal numbers to 0: threshold / norm
    may be one, and so may the reciprocal of a norm near the largest number.
    """
    norms = norms.reshape(norms.shape + (1,) * (gradient.ndim - norms.ndim))
    clipped = jnp.where(norms > threshold, (gradient / 16) / (norms / 16) * threshold, gradient)
    return jnp.where(jnp.isfinite(norms), clipped, jnp.nan)


def transformation(spec: Clipping, leading: int) -> optax.GradientTransformation:
    """The transformation for a tree of arrays.

    So many leading axes of each, such as a layer's, are not of a parameter.
    """
    match spec:
        case NoClipping():
            return optax.identity()
        case ValueClipping(threshold=c):
            return optax.clip(c)
        case NormClipping(threshold=c):
            return optax.stateless(
                lambda gradients, _: jax.tree.map(
                    lambda g: shortened(g, norm(g, leading), c), gradients
                )
            )
        case GlobalNormClipping(threshold=c):

            def clip_by_global_norm(
                gradients: optax.Updates, _: optax.Params | None
            ) -> optax.Updates:
                norms = jnp.stack([norm(g, 0) for g in jax.tree.leaves(gradients)])
                return jax.tree.map(lambda g: shortened(g, norm(norms, 0), c), gradients)

            return optax.stateless(clip_by_global_norm)
        case _:
            assert_never(spec)


def build(spec: Clipping, parameters: Any = None) -> optax.GradientTransformation:
    """The transformation for a model's gradients, to be chained before the optimiser.

    Args:
        spec: The clipping.
        parameters: A tree with a name for each leaf, where leaves of one name are one parameter:
            Flax has the gates of an LSTM apart. Without it each leaf is one.
    """
    match spec:
        case NoClipping() | ValueClipping() | GlobalNormClipping():
            return transformation(spec, leading=0)
        case NormClipping(threshold=c):
            if parameters is None:
                return transformation(spec, leading=0)
            of_one = transformation(GlobalNormClipping(threshold=c), leading=0)
            return optax.partition(dict.fromkeys(jax.tree.leaves(parameters), of_one), parameters)
        case _:
            assert_never(spec)


def layer(spec: Clipping) -> optax.GradientTransformation:
    """The transformation for the gradients of one seed, a tree of arrays [layer, ...]."""
    return transformation(spec, leading=1)


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    clip: Any = layer(spec)
    update = jax.vmap(lambda gradients: clip.update(gradients, clip.init(gradients))[0])
    clipped = update({name: jnp.asarray(a) for name, a in inputs.items()})
    return {name: np.asarray(clipped[name]) for name in inputs}


def native(spec: Clipping) -> optax.GradientTransformation:
    """What optax ships; for `norm` it is the nearest, which bounds the rms."""
    match spec:
        case NoClipping():
            return optax.identity()
        case ValueClipping(threshold=c):
            return optax.clip(c)
        case NormClipping(threshold=c):
            return optax.clip_by_block_rms(c)
        case GlobalNormClipping(threshold=c):
            return optax.clip_by_global_norm(c)
        case _:
            assert_never(spec)
