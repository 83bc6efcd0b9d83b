"""The same CNN as it is written in Flax linen: compact, functions between the layers, channels
last.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


class CNN(nn.Module):
    """Images [batch, 8, 8, 3] to 5 logits."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = nn.Conv(6, (3, 3), use_bias=False)(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)(x)
        x = nn.relu(x)
        x = nn.max_pool(x, (2, 2), strides=(2, 2))
        x = nn.Conv(8, (3, 3))(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)(x)
        x = nn.leaky_relu(x, negative_slope=0.25)
        x = nn.avg_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        x = nn.Conv(8, (3, 3), feature_group_count=8)(x)
        x = nn.elu(x)
        x = jnp.transpose(x, (0, 3, 1, 2))
        x = x.reshape(len(x), -1)
        x = nn.Dense(12)(x)
        x = nn.tanh(x)
        x = nn.Dropout(0.2, deterministic=not train)(x)
        return nn.Dense(5)(x)


def model() -> nn.Module:
    return CNN()


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(net: nn.Module) -> optax.GradientTransformation:
    return optax.sgd(0.1)
