"""What is measured of a step, in JAX.

From the arrays that a step leaves, so that one compiled function serves all networks.

Trap: XLA sums float32 numbers that are converted to float64 one by one; float32 itself it
vectorises, eight times as fast.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp

from backends.jax.arrays import Tree, safe_scale
from common.quantities import safe_norms


def rms(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: list[jax.Array], axes: tuple[int, ...]) -> list[jax.Array]:
    """The same for several arrays, at the cost of one branch."""
    plain = [_plain_rms(x, axes) for x in arrays]
    norms = [
        found * math.sqrt(math.prod(x.shape[a] for a in axes))
        for found, x in zip(plain, arrays, strict=True)
    ]
    low, high = safe_norms(plain[0].dtype.name)
    safe = jnp.all(jnp.stack([jnp.all((norm > low) & (norm < high)) for norm in norms]))
    return jax.lax.cond(safe, lambda: plain, lambda: [_scaled_rms(x, axes) for x in arrays])


def _plain_rms(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x), axis=axes))


def _scaled_rms(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    scale = safe_scale(x, axes)
    return jnp.squeeze(scale, axes) * _plain_rms(x / scale, axes)


Held = tuple[list[jax.Array], list[jax.Array], list[jax.Array], list[jax.Array]]


@partial(jax.jit, static_argnames="sites")
def of_step(run: Tree, held: Held, learning_rate: jax.Array, sites: tuple[int, ...]) -> jax.Array:
    """What is `MEASURED` of a step, [measured, seed, layer].

    Args:
        run: `outputs`, `signals` and `alive` of the sites, each a list of arrays: [seed, layer,
            batch, width], and [seed, layer, width].
        held: For each stack of sites the weights [seed, layer, ..., n_out] before the step, their
            gradients before and after clipping, and the directions of their updates; nothing where
            the one is the one before.
        learning_rate: Of the step: an update is it times its direction.
        sites: How many sites each of these stacks has.
    """
    weights = [a.reshape(*a.shape[:2], -1, a.shape[-1]) for arrays in held for a in arrays]
    arrays = [*run["signals"], *run["outputs"], *weights]
    parts = iter(rms_of_each(arrays, (2, 3)))
    signal, output = (
        jnp.concatenate([next(parts) for _ in run[name]], axis=1) for name in ("signals", "outputs")
    )
    kinds: list[jax.Array] = []
    for arrays in held:
        counts = zip(arrays, sites, strict=False)
        of_sites = [jnp.broadcast_to(next(parts), (len(a), count)) for a, count in counts]
        kinds.append(jnp.concatenate(of_sites, axis=1) if arrays else kinds[-1])
    size, before, after, update = kinds
    signal *= run["outputs"][0].shape[2]
    mean = jnp.concatenate([jnp.mean(a, axis=(2, 3)) for a in run["outputs"]], axis=1)
    dead = jnp.concatenate([jnp.mean(~a, axis=2, dtype=signal.dtype) for a in run["alive"]], axis=1)
    return jnp.stack([signal, before, after, learning_rate * update, size, mean, output, dead])
