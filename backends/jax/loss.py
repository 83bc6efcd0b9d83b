"""The loss in JAX: the functions of optax, and their mean.

They take logits, and one-hot classes or real targets.

Trap: optax' losses are those of each sample or element; the mean is the caller's. `optax.l2_loss`
is half of `optax.squared_error`. `softmax_cross_entropy_with_integer_labels` is the logarithm of
the sum of exponentials less the logit: of logits 1000 and 988 in float32 it is 0, where PyTorch and
Keras, which subtract the largest logit first, have 6.2e-6; the gradient is the same.
`sigmoid_binary_cross_entropy` of [batch, 1] and [batch] broadcasts to [batch, batch] in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common.countermeasures.loss import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from common.network import Arrays

NATIVE = {
    "cross_entropy": "optax.softmax_cross_entropy_with_integer_labels",
    "binary_cross_entropy": "optax.sigmoid_binary_cross_entropy",
    "squared_error": "optax.squared_error",
}


def build(spec: Loss) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The mean loss of outputs [batch, output], and classes [batch] or targets [batch, output]."""
    match spec:
        case CrossEntropy():
            return lambda outputs, classes: optax.softmax_cross_entropy_with_integer_labels(
                outputs, classes
            ).mean()
        case BinaryCrossEntropy():
            return lambda outputs, classes: optax.sigmoid_binary_cross_entropy(
                outputs[:, 0], classes
            ).mean()
        case SquaredError():
            return lambda outputs, wanted: optax.squared_error(
                outputs, _targets(wanted, outputs)
            ).mean()
        case _:
            assert_never(spec)


def _targets(wanted: jax.Array, outputs: jax.Array) -> jax.Array:
    """Real targets as they are.

    Integer classes one-hot, in the outputs' precision, which float64 would raise.
    """
    if jnp.issubdtype(wanted.dtype, jnp.floating):
        return wanted
    return jax.nn.one_hot(wanted, outputs.shape[1], dtype=outputs.dtype)


def probe(spec: Loss, inputs: Arrays) -> Arrays:
    """Loss and gradient.

    Args:
        spec: The loss.
        inputs: Outputs `z` [batch, output], and classes `y` [batch] or real targets [batch,
            output].

    Returns:
        `loss` [], and `gradient` of z's shape.
    """
    loss, gradient = jax.value_and_grad(build(spec))(
        jnp.asarray(inputs["z"]), jnp.asarray(inputs["y"])
    )
    return {"loss": np.asarray(loss), "gradient": np.asarray(gradient)}
