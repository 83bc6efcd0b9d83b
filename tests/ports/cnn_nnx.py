"""The same CNN as it is written in Flax nnx: layers as attributes, channels last."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx


class CNN(nnx.Module):
    """Images [batch, 8, 8, 3] to 5 logits."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv1 = nnx.Conv(3, 6, (3, 3), use_bias=False, rngs=rngs)
        self.norm1 = nnx.BatchNorm(6, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.conv2 = nnx.Conv(6, 8, (3, 3), rngs=rngs)
        self.norm2 = nnx.BatchNorm(8, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.conv3 = nnx.Conv(8, 8, (3, 3), feature_group_count=8, rngs=rngs)
        self.hidden = nnx.Linear(32, 12, rngs=rngs)
        self.dropout = nnx.Dropout(0.2, rngs=rngs)
        self.logits = nnx.Linear(12, 5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm1(self.conv1(x)))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))
        x = nnx.leaky_relu(self.norm2(self.conv2(x)), negative_slope=0.25)
        x = nnx.avg_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        x = nnx.elu(self.conv3(x))
        x = jnp.transpose(x, (0, 3, 1, 2)).reshape(len(x), -1)
        x = self.dropout(nnx.tanh(self.hidden(x)))
        return self.logits(x)


def model() -> nnx.Module:
    return CNN(nnx.Rngs(0))


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()
