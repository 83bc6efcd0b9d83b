"""The same transformer as it is written in Flax linen: `setup`, attention by einsum."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


class Attention(nn.Module):
    """Causal self-attention of 3 heads."""

    width: int
    heads: int

    def setup(self) -> None:
        self.q = nn.Dense(self.width)
        self.k = nn.Dense(self.width)
        self.v = nn.Dense(self.width)
        self.o = nn.Dense(self.width)

    def __call__(self, x: jax.Array) -> jax.Array:
        batch, time, width = x.shape
        shape = (batch, time, self.heads, width // self.heads)
        q = self.q(x).reshape(shape)
        k = self.k(x).reshape(shape)
        v = self.v(x).reshape(shape)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) * (width // self.heads) ** -0.5
        scores = jnp.where(jnp.tri(time, dtype=bool), scores, -jnp.inf)
        weights = nn.softmax(scores, axis=-1)
        y = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
        return self.o(y.reshape(batch, time, width))


class Block(nn.Module):
    """Attention and an MLP, each after a norm and beside a shortcut."""

    width: int
    heads: int

    def setup(self) -> None:
        self.ln1 = nn.LayerNorm(epsilon=1e-5)
        self.attention = Attention(self.width, self.heads)
        self.ln2 = nn.LayerNorm(epsilon=1e-5)
        self.up = nn.Dense(2 * self.width)
        self.down = nn.Dense(self.width)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.ln1(x))
        h = nn.gelu(self.up(self.ln2(x)), approximate=False)
        return x + self.down(h)


class Transformer(nn.Module):
    """Tokens [batch, 7] to 5 logits."""

    width: int = 12

    def setup(self) -> None:
        self.tokens = nn.Embed(20, self.width)
        self.positions = nn.Embed(7, self.width)
        self.blocks = [Block(self.width, heads=3) for _ in range(2)]
        self.norm = nn.LayerNorm(epsilon=1e-5)
        self.head = nn.Dense(5)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        x = self.tokens(tokens) + self.positions(jnp.arange(7))
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(jnp.mean(x, axis=1))


def model() -> nn.Module:
    return Transformer()


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(net: nn.Module) -> optax.GradientTransformation:
    return optax.adam(1e-2, b1=0.9, b2=0.999, eps=1e-16)
