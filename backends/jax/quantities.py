"""What is measured of a step, in JAX: from the arrays that a step leaves, so that one compiled function serves all networks.

Trap: XLA sums float32 numbers that are converted to float64 one by one; float32 itself it vectorises, eight times as fast.
"""

from __future__ import annotations

import math

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
    norms = [found * math.sqrt(math.prod(x.shape[a] for a in axes)) for found, x in zip(plain, arrays, strict=True)]
    low, high = safe_norms(plain[0].dtype.name)
    safe = jnp.all(jnp.stack([jnp.all((norm > low) & (norm < high)) for norm in norms]))
    return jax.lax.cond(safe, lambda: plain, lambda: [_scaled_rms(x, axes) for x in arrays])


def _plain_rms(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x), axis=axes))


def _scaled_rms(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    scale = safe_scale(x, axes)
    return jnp.squeeze(scale, axes) * _plain_rms(x / scale, axes)


@jax.jit
def of_step(
    run: Tree, weights: list[jax.Array], gradients: list[jax.Array], clipped: list[jax.Array], learning_rate: jax.Array
) -> jax.Array:
    """What is `MEASURED` of a step, [measured, seed, layer].

    Args:
        run: `outputs`, `signals` and `alive` of the sites, each a list of arrays: [seed, layer, batch, width], and
            [seed, layer, width].
        weights: Of the sites, [seed, layer, n_in, n_out] for each of their stacks, before the step.
        gradients: Theirs, before clipping.
        clipped: After it; none where nothing is clipped.
        learning_rate: Of the step.
    """
    groups = [run["signals"], run["outputs"], weights, gradients, *([clipped] if clipped else [])]
    found = iter(rms_of_each([a for group in groups for a in group], (2, 3)))
    signal, output, size, before, *rest = (jnp.concatenate([next(found) for _ in group], axis=1) for group in groups)
    after = rest[0] if rest else before
    signal *= run["outputs"][0].shape[2]
    mean = jnp.concatenate([jnp.mean(a, axis=(2, 3)) for a in run["outputs"]], axis=1)
    dead = jnp.mean(~jnp.concatenate(run["alive"], axis=1), axis=2, dtype=signal.dtype)
    return jnp.stack([signal, before, after, learning_rate * after, size, mean, output, dead])
