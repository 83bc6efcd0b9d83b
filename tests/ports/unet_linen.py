"""The same U-Net as it is written in Flax linen: compact, channels last."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax


class Stage(nn.Module):
    """A convolution, group norm and SiLU."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = nn.Conv(self.features, (3, 3))(x)
        x = nn.GroupNorm(num_groups=2, epsilon=1e-5)(x)
        return nn.silu(x)


class UNet(nn.Module):
    """Images [batch, 8, 8, 3] to the logits of 3 classes at each pixel."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        skip1 = Stage(4, name="down1")(x)
        skip2 = Stage(6, name="down2")(nn.max_pool(skip1, (2, 2), strides=(2, 2)))
        x = Stage(8, name="middle")(nn.max_pool(skip2, (2, 2), strides=(2, 2)))
        x = nn.ConvTranspose(6, (2, 2), strides=(2, 2), name="up2")(x)
        x = jnp.concatenate([x, skip2], axis=-1)
        x = Stage(6, name="merge2")(x)
        batch, height, width, channels = x.shape
        x = jax.image.resize(x, (batch, 2 * height, 2 * width, channels), "nearest")
        x = jnp.concatenate([x, skip1], axis=-1)
        x = Stage(4, name="merge1")(x)
        return nn.Conv(3, (1, 1), name="out")(x)


def model() -> tuple[nn.Module, dict]:
    net = UNet()
    variables = net.init(jax.random.key(0), np.zeros((1, 8, 8, 3)))
    return net, trained(variables)


def trained(variables: dict) -> dict:
    """Scales and biases as after some training: none is 0 or 1."""
    rng = np.random.default_rng(0)

    def moved(path: tuple, array: jax.Array) -> np.ndarray | jax.Array:
        if array.ndim > 1:
            return array
        least = 0.5 if path[-1].key == "scale" else -0.5
        return rng.uniform(least, least + 1, array.shape)

    return jax.tree_util.tree_map_with_path(moved, variables)


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(net: nn.Module) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(0.01), optax.sgd(0.05))


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.normal(size=(6, 8, 8, 3)), rng.integers(0, 3, (6, 8, 8))
