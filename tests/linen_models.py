"""Awkward linen models, small: what each has that a capture may stumble over is in its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


class Block(nn.Module):
    width: int
    act: Callable[..., Any] = nn.gelu

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return self.act(nn.Dense(self.width)(x)) + x


class CalledTwice(nn.Module):
    def setup(self) -> None:
        self.shared = nn.Dense(4)
        self.head = nn.Dense(3)

    def __call__(self, x: Any) -> Any:
        return self.head(nn.tanh(self.shared(nn.tanh(self.shared(x)))))


class TiedEmbedding(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        embed = nn.Embed(5, 4)
        return embed.attend(nn.tanh(nn.Dense(4)(embed(x))).mean(1))


class InPlace(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h = nn.Dense(4)(x)
        h = h.at[:, 0].multiply(2.0)
        h += x
        return nn.Dense(3)(nn.silu(h))


class Pair(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> dict[str, Any]:
        return {"mean": nn.Dense(3)(x), "unused": nn.Dense(3)(x)}


class TupleOutput(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> tuple[Any, Any]:
        both = Pair()(nn.Dense(4)(x))
        return both["mean"], jnp.argmax(both["unused"], -1)


class Nested(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Sequential([Block(4), nn.relu, nn.Dense(3)])(x)


class Recurrent(nn.Module):
    cell: Callable[..., Any] = nn.OptimizedLSTMCell

    @nn.compact
    def __call__(self, x: Any) -> Any:
        every: Any
        carry, every = nn.RNN(self.cell(4), return_carry=True)(x)
        return nn.Dense(3)(jax.tree.leaves(carry)[-1] + every[:, 0])


class BothWays(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h: Any = nn.Bidirectional(nn.RNN(nn.GRUCell(4)), nn.RNN(nn.GRUCell(4)))(x)
        return nn.Dense(3)(h[:, -1])


class Jitted(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h = nn.jit(Block)(4)(x)
        return nn.Dense(3)(nn.jit(Block)(4)(h))


class Rematerialised(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(3)(nn.remat(Block)(4)(nn.remat(Block)(4)(x)))


class Frozen(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h = jax.lax.stop_gradient(nn.tanh(nn.Dense(4, name="frozen")(x)))
        return nn.Dense(3, name="head")(h)


class Normalized(nn.Module):
    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        h = nn.Conv(4, (3, 3))(x)
        h = nn.silu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(h))
        h = nn.GroupNorm(2)(h)
        h = nn.LayerNorm()(nn.max_pool(h, (2, 2), (2, 2)))
        return nn.Dense(3)(h.reshape(h.shape[0], -1))


class Between(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h = nn.leaky_relu(nn.Dense(4)(x), 0.2)
        h = jnp.concatenate([h, x * 2.0], axis=-1)
        h = nn.softmax(h, axis=-1) @ jnp.ones((8, 4))
        h = h.reshape(-1, 2, 2).transpose(0, 2, 1).mean(1)
        return nn.Dense(3)(nn.elu(h, 0.7))


class TwoInputs(nn.Module):
    @nn.compact
    def __call__(self, a: Any, b: Any) -> Any:
        return nn.Dense(3)(nn.Dense(4)(a) * nn.Dense(4)(b))


class Scaled(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        scale = self.param("scale", nn.initializers.normal(), (x.shape[-1],))
        return x * jnp.exp(scale)


class CustomLayer(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(3)(Scaled()(nn.Dense(4)(x)))


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h = nn.MultiHeadDotProductAttention(num_heads=2, dropout_rate=0.5, deterministic=False)(
            nn.LayerNorm()(x)
        )
        return nn.Dense(3)((x + nn.Dropout(0.5, deterministic=False)(h)).mean(1))


class Strided(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        h = nn.tanh(nn.Conv(4, (3, 3), strides=2, feature_group_count=2)(x))
        h = nn.ConvTranspose(2, (3, 2), strides=(2, 1))(h)
        h = nn.avg_pool(h, (3, 2), (2, 2), padding="SAME")
        return nn.Dense(3)(h.mean((1, 2)))


class Step(nn.Module):
    @nn.compact
    def __call__(self, carry: Any, _: Any) -> tuple[Any, Any]:
        return nn.tanh(nn.Dense(4)(carry)) + carry, None


class Scanned(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        stack = nn.scan(Step, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return nn.Dense(3)(stack(name="stack")(x, None)[0])


class Loop(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        stack = nn.scan(Step, variable_broadcast="params", split_rngs={"params": False}, length=2)
        return nn.Dense(3)(stack(name="stack")(x, None)[0])
