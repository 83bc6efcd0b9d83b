"""The same residual MLP as it is written in Flax linen: `setup` in the model, compact blocks."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


class Block(nn.Module):
    """Two layers after a norm, beside a shortcut."""

    inner: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        h = nn.LayerNorm(epsilon=1e-5)(x)
        h = nn.elu(nn.Dense(self.inner)(h), alpha=0.75)
        h = nn.Dropout(0.1, deterministic=not train)(h)
        return x + nn.Dense(x.shape[-1])(h)


class MLP(nn.Module):
    """Numbers [batch, 10] to 3 numbers."""

    def setup(self) -> None:
        self.first = nn.Dense(8)
        self.blocks = [Block(12), Block(14), Block(12)]
        self.norm = nn.LayerNorm(epsilon=1e-5)
        self.last = nn.Dense(3)

    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = nn.leaky_relu(self.first(x), negative_slope=0.125)
        for block in self.blocks:
            x = block(x, train)
        return self.last(self.norm(x))


def model() -> nn.Module:
    return MLP()


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean((output - y) ** 2)


def optimizer(net: nn.Module) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.05, momentum=0.9, nesterov=True))
