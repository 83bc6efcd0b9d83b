"""The same residual MLP as it is written in Flax nnx."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx


class Block(nnx.Module):
    """Two layers after a norm, beside a shortcut."""

    def __init__(self, width: int, inner: int, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.up = nnx.Linear(width, inner, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.down = nnx.Linear(inner, width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        h = nnx.elu(self.up(self.norm(x)), alpha=0.75)
        return x + self.down(self.dropout(h))


class MLP(nnx.Module):
    """Numbers [batch, 10] to 3 numbers."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Linear(10, 8, rngs=rngs)
        self.blocks = nnx.List([Block(8, inner, rngs) for inner in (12, 14, 12)])
        self.norm = nnx.LayerNorm(8, epsilon=1e-5, rngs=rngs)
        self.head = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.leaky_relu(self.embed(x), negative_slope=0.125)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def model() -> nnx.Module:
    return MLP(nnx.Rngs(0))


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean((output - y) ** 2)


def optimizer(net: nnx.Module) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.05, momentum=0.9, nesterov=True))
