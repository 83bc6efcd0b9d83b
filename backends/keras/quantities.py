"""What is measured of a step, in TensorFlow: from the arrays that a step leaves.

Trap: `tf.math.reduce_euclidean_norm` is one pass over memory; the sum of squares is two, and a product of a matrix with its own
transpose takes five times as long.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors, safe_scale
from common.quantities import HIDDEN_WEIGHTS, safe_norms


@tf.function(autograph=False)  # run eagerly, a `StatelessIf` waits forever where TensorFlow has one thread between operations
def rms(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: list[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    """The same for several arrays, at the cost of one branch."""
    plain = [tf.math.reduce_euclidean_norm(x, axes) for x in arrays]
    all_norms = tf.concat([tf.reshape(norm, [-1]) for norm in plain], 0)
    low, high = safe_norms(all_norms.dtype.name)
    # `tf.cond` would be dissolved into the graph around it, which would then run in a slower executor
    branches: Any = [branch.get_concrete_function(plain, arrays, axes) for branch in (_plain_rms, _scaled_rms)]
    return tf.raw_ops.StatelessIf(
        cond=tf.reduce_all((all_norms > low) & (all_norms < high)),
        input=[*plain, *arrays],
        Tout=[norm.dtype for norm in plain],
        then_branch=branches[0],
        else_branch=branches[1],
        output_shapes=[norm.shape for norm in plain],
    )


@tf.function(autograph=False)
def _plain_rms(norms: list[Tensor], arrays: list[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    return [norm / _root(x, axes) for norm, x in zip(norms, arrays, strict=True)]


@tf.function(autograph=False)
def _scaled_rms(norms: list[Tensor], arrays: list[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    scales = [safe_scale(x, axes) for x in arrays]
    scaled = [tf.math.reduce_euclidean_norm(x / scale, axes) for x, scale in zip(arrays, scales, strict=True)]
    plain = _plain_rms(scaled, arrays, axes)
    return [tf.squeeze(scale, axes) * rms for scale, rms in zip(scales, plain, strict=True)]


def _root(x: Tensor, axes: tuple[int, ...]) -> float:
    return math.sqrt(math.prod(x.shape[axis] for axis in axes))


Held = tuple[Tensors, Tensors, Tensors, Tensors]


def of_step(run: Tensors, held: Held, learning_rate: Tensor) -> Tensor:
    """What is `MEASURED` of a step, [measured, seed, layer].

    Args:
        run: `outputs` and `signals` of the hidden layers [layer, seed, batch, width], and `alive` [layer, seed, width].
        held: The hidden weights [seed, layer, n_in, n_out] by name before the step, their gradients before and after clipping,
            and the directions of their updates; the same object where the one is the other.
        learning_rate: Of the step: an update is it times its direction.
    """
    once = [a for i, a in enumerate(held) if not i or a is not held[i - 1]]
    arrays = [a[name] for a in once for name in HIDDEN_WEIGHTS]
    signal, output, *of_weights = rms_of_each([run["signals"], run["outputs"], *arrays], (2, 3))
    found = iter([tf.concat(of_weights[i : i + 2], axis=1) for i in range(0, len(of_weights), 2)])
    size = next(found)
    before = next(found)
    _, gradients, clipped, directions = held
    after = before if clipped is gradients else next(found)
    update = after if directions is clipped else next(found)
    dead = tf.reduce_mean(tf.cast(tf.logical_not(run["alive"]), output.dtype), axis=-1)
    mean = tf.reduce_mean(run["outputs"], (2, 3))
    of_layers = [tf.transpose(a) for a in (signal * run["outputs"].shape[2], mean, output, dead)]
    return tf.stack([of_layers[0], before, after, learning_rate * update, size, *of_layers[1:]])
