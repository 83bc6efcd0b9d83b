"""What is measured of a step, in TensorFlow: from the arrays that a step leaves.

Trap: `tf.math.reduce_euclidean_norm` is one pass over memory; the sum of squares is two, and a
product of a matrix with its own transpose takes five times as long.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from backends.keras.arrays import Tensor, safe_scale
from common.countermeasures.activation import Activation, open_interval
from common.quantities import safe_norms


@tf.function(
    autograph=False
)  # run eagerly, a `StatelessIf` waits forever where TensorFlow has one thread between operations
def rms(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: list[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    """The same for several arrays, at the cost of one branch."""
    plain = [tf.math.reduce_euclidean_norm(x, axes) for x in arrays]
    all_norms = tf.concat([tf.reshape(norm, [-1]) for norm in plain], 0)
    low, high = safe_norms(all_norms.dtype.name)
    # `tf.cond` would be dissolved into the graph around it, which would then run in a slower
    # executor
    branches: Any = [
        branch.get_concrete_function(plain, arrays, axes) for branch in (_plain_rms, _scaled_rms)
    ]
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
    scaled = [
        tf.math.reduce_euclidean_norm(x / scale, axes)
        for x, scale in zip(arrays, scales, strict=True)
    ]
    plain = _plain_rms(scaled, arrays, axes)
    return [tf.squeeze(scale, axes) * rms for scale, rms in zip(scales, plain, strict=True)]


def _root(x: Tensor, axes: tuple[int, ...]) -> float:
    return math.sqrt(math.prod(x.shape[axis] for axis in axes))


def alive(spec: Activation, tells: Tensor, slope: Tensor | None) -> Tensor:
    """Whether the derivative of a unit's activation is not 0 for some sample, [layer, seed, width].

    Asked the other way round: the largest of samples with a NaN is NaN, and not at most 0.

    Args:
        spec: The activation.
        tells: Its pre-activations [layer, seed, batch, width], or its outputs where those tell.
        slope: Of PReLU, [seed, layer].
    """
    low, high = open_interval(spec, tells.dtype.name)
    if slope is not None:
        awake = tf.logical_not(tf.reduce_max(tells, axis=2) <= 0)
        return awake | (tf.expand_dims(tf.transpose(slope), -1) != 0)
    if math.isinf(low):
        return tf.ones((*tells.shape[:2], tells.shape[3]), tf.bool)
    if math.isinf(high):
        return tf.logical_not(tf.reduce_max(tells, axis=2) <= low)
    return tf.logical_not(
        tf.reduce_min(tf.abs(tells - (low + high) / 2), axis=2) >= (high - low) / 2
    )


Held = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]


def of_step(
    run: dict[str, list[Tensor]], held: Held, sites: tuple[int, ...], learning_rate: Tensor
) -> Tensor:
    """What is `MEASURED` of a step, [measured, seed, layer].

    Args:
        run: `outputs` and `signals` [layer, seed, batch, width], and `alive` [layer, seed, width]:
            each a list, of the sites of one width in a row.
        held: For each stack of sites the weights [seed, layer, ..., n_out] before the step, their
            gradients before and after clipping, and the directions of their updates; nothing where
            the one is the one before.
        sites: How many sites each of these stacks has.
        learning_rate: Of the step: an update is it times its direction.
    """
    weights = [_as_matrices(a) for arrays in held for a in arrays]
    parts = iter(rms_of_each([*run["signals"], *run["outputs"], *weights], (2, 3)))
    signal, output = (
        tf.concat([next(parts) for _ in run[name]], 0) for name in ("signals", "outputs")
    )
    kinds: list[Tensor] = []
    for arrays in held:
        of_sites = [_at_sites(next(parts), count) for _, count in zip(arrays, sites, strict=False)]
        kinds.append(tf.concat(of_sites, axis=1) if arrays else kinds[-1])
    size, before, after, update = kinds
    dead = tf.concat(
        [tf.reduce_mean(tf.cast(tf.logical_not(a), output.dtype), axis=-1) for a in run["alive"]], 0
    )
    mean = tf.concat([tf.reduce_mean(a, (2, 3)) for a in run["outputs"]], 0)
    of_layers = [tf.transpose(a) for a in (signal * run["outputs"][0].shape[2], mean, output, dead)]
    return tf.stack([of_layers[0], before, after, learning_rate * update, size, *of_layers[1:]])


def _as_matrices(a: Tensor) -> Tensor:
    """Weights [seed, layer, gate, n_in, unit] with the gates one above the other.

    Those of no gates as they are.
    """
    return a if len(a.shape) == 4 else tf.reshape(a, (*a.shape[:2], -1, a.shape[-1]))


def _at_sites(a: Tensor, count: int) -> Tensor:
    """What there is of a stack's weights, [seed, layer], for each of its sites."""
    return a if a.shape[1] == count else tf.broadcast_to(a, (a.shape[0], count))
