"""What is measured of a step, in JAX: from the arrays that a step leaves, so that one compiled function serves all networks.

Trap: XLA sums float32 numbers that are converted to float64 one by one; float32 itself it vectorises, eight times as fast.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from backends.jax.arrays import Tree, safe_scale
from common.quantities import HIDDEN_WEIGHTS, safe_norms


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


Held = tuple[Tree, Tree, Tree, Tree]


@jax.jit
def of_step(run: Tree, held: Held, learning_rate: jax.Array) -> jax.Array:
    """What is `MEASURED` of a step, [measured, seed, layer].

    Args:
        run: `outputs`, `signals` and `alive` of the hidden layers, each a list of arrays: [seed, layer, batch, width], and
            [seed, layer, width].
        held: The hidden weights [seed, layer, n_in, n_out] by name before the step, their gradients before and after clipping,
            and the directions of their updates; nothing where the one is the other.
        learning_rate: Of the step: an update is it times its direction.
    """
    arrays = [a[name] for a in held if a for name in HIDDEN_WEIGHTS]
    parts = rms_of_each([*run["signals"], *run["outputs"], *arrays], (2, 3))
    signal, output, *found = (jnp.concatenate(parts[i : i + 2], axis=1) for i in range(0, len(parts), 2))
    found = iter(found)
    size = next(found)
    before = next(found)
    _, _, clipped, directions = held
    after = next(found) if clipped else before
    update = next(found) if directions else after
    signal *= run["outputs"][0].shape[2]
    mean = jnp.concatenate([jnp.mean(a, axis=(2, 3)) for a in run["outputs"]], axis=1)
    dead = jnp.mean(~jnp.concatenate(run["alive"], axis=1), axis=2, dtype=signal.dtype)
    return jnp.stack([signal, before, after, learning_rate * update, size, mean, output, dead])
