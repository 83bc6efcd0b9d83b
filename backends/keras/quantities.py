"""What is measured of a step, in TensorFlow: from the arrays that a step leaves, so that it is traced once for all networks.

Trap: `tf.math.reduce_euclidean_norm` is one pass over memory; the sum of squares is two, and a product of a matrix with its own
transpose takes five times as long.
"""

from __future__ import annotations

import math

import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors, safe_scale
from common.quantities import HIDDEN_WEIGHTS, safe_norms


def rms(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: list[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    """The same for several arrays, at the cost of one branch."""
    roots = [math.sqrt(math.prod(x.shape[axis] for axis in axes)) for x in arrays]
    plain = [tf.math.reduce_euclidean_norm(x, axes) for x in arrays]
    all_norms = tf.concat([tf.reshape(norm, [-1]) for norm in plain], 0)
    low, high = safe_norms(all_norms.dtype.name)
    safe = tf.reduce_all((all_norms > low) & (all_norms < high))
    return tf.cond(
        safe,
        lambda: [norm / root for norm, root in zip(plain, roots, strict=True)],
        lambda: [_scaled_rms(x, axes, root) for x, root in zip(arrays, roots, strict=True)],
    )


def _scaled_rms(x: Tensor, axes: tuple[int, ...], root: float) -> Tensor:
    scale = safe_scale(x, axes)
    return tf.squeeze(scale, axes) * (tf.math.reduce_euclidean_norm(x / scale, axes) / root)


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """The quotient a / b, with 0 / 0 = 0 (common/quantities.py)."""
    return tf.where((a == 0) & (b == 0), tf.zeros_like(a), a / b)


@tf.function(autograph=False)
def of_step(run: Tensors, old: Tensors, new: Tensors, gradients: Tensors, clipped: Tensors) -> Tensors:
    """All quantities [seed, layer].

    Args:
        run: `outputs` and `signals` of the hidden layers [layer, seed, batch, width], and `alive` [layer, seed, width].
        old: The hidden weights [seed, layer, n_in, n_out] by name, before the step.
        new: After it.
        gradients: Before clipping.
        clipped: After it.
    """
    change = {name: new[name] - old[name] for name in HIDDEN_WEIGHTS}
    weights = [held[name] for held in (gradients, clipped, change, old) for name in HIDDEN_WEIGHTS]
    signal, output, *rest = rms_of_each([run["signals"], run["outputs"], *weights], (2, 3))
    gradient, after, moved, size = (tf.concat(rest[i : i + 2], axis=1) for i in range(0, 8, 2))
    alive = tf.reduce_mean(tf.cast(run["alive"], output.dtype), axis=-1)
    return {
        "signal_gradient_rms": tf.transpose(signal),
        "weight_gradient_rms": gradient,
        "clipped_weight_gradient_rms": after,
        "update_ratio": ratio(moved, size),
        "activation_mean": tf.transpose(tf.reduce_mean(run["outputs"], (2, 3))),
        "activation_rms": tf.transpose(output),
        "dead_fraction": 1 - tf.transpose(alive),
    }
