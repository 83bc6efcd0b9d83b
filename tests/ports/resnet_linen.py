"""The same residual CNN as it is written in Flax linen: compact, layers made from partial
functions, channels last.
"""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax
import numpy as np
import optax


class Block(nn.Module):
    """Two convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    features: int
    strides: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5)
        residual = x
        y = nn.Conv(self.features, (3, 3), self.strides, padding=1, use_bias=False)(x)
        y = nn.relu(norm()(y))
        y = nn.Conv(self.features, (3, 3), use_bias=False)(y)
        y = norm()(y)
        if residual.shape != y.shape:
            residual = nn.Conv(
                self.features, (1, 1), self.strides, use_bias=False, name="shortcut"
            )(x)
            residual = norm(name="shortcut_norm")(residual)
        return nn.relu(y + residual)


class ResNet(nn.Module):
    """Images [batch, 8, 8, 3] to 5 logits."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = nn.Conv(6, (3, 3), use_bias=False, name="stem")(x)
        x = nn.BatchNorm(
            use_running_average=not train, momentum=0.9, epsilon=1e-5, name="stem_norm"
        )(x)
        x = nn.relu(x)
        x = Block(6)(x, train)
        x = Block(8, strides=2)(x, train)
        x = x.mean(axis=(1, 2))
        return nn.Dense(5, name="head")(x)


def model() -> tuple[nn.Module, dict]:
    net = ResNet()
    variables = net.init(jax.random.key(0), np.zeros((1, 8, 8, 3)))
    return net, trained(variables)


def trained(variables: dict) -> dict:
    """Scales, biases and statistics as after some training: none is 0 or 1."""
    rng = np.random.default_rng(0)

    def moved(path: tuple, array: jax.Array) -> np.ndarray | jax.Array:
        if array.ndim > 1:
            return array
        least = 0.5 if path[-1].key in ("scale", "var") else -0.5
        return rng.uniform(least, least + 1, array.shape)

    return jax.tree_util.tree_map_with_path(moved, variables)


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(net: nn.Module) -> optax.GradientTransformation:
    return optax.sgd(0.1)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(6, 8, 8, 3)), rng.integers(0, 5, 6)
