"""Awkward nnx models, small: what each has that a capture may stumble over is in its name."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx


class Block(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.inner = nnx.Linear(width, width, rngs=rngs)
        self.act = nnx.gelu

    def __call__(self, x: Any) -> Any:
        return self.act(self.inner(x)) + x


class CalledTwice(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.shared = nnx.Linear(4, 4, rngs=rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)
        self.again = self.shared

    def __call__(self, x: Any) -> Any:
        return self.head(nnx.tanh(self.again(nnx.tanh(self.shared(x)))))


class TiedWeights(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a, self.b, self.head = (nnx.Linear(4, out, rngs=rngs) for out in (4, 4, 3))
        self.b.kernel = self.a.kernel

    def __call__(self, x: Any) -> Any:
        return self.head(self.b(nnx.tanh(self.a(x))))


class InPlace(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a = nnx.Linear(4, 4, rngs=rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        h = self.a(x)
        h = h.at[:, 0].multiply(2.0)
        h += x
        return self.head(nnx.silu(h))


class Pair(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a = nnx.Linear(4, 3, rngs=rngs)
        self.b = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> dict[str, Any]:
        return {"mean": self.a(x), "unused": self.b(x)}


class TupleOutput(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(4, 4, rngs=rngs)
        self.pair = Pair(rngs)

    def __call__(self, x: Any) -> tuple[Any, Any]:
        both = self.pair(self.first(x))
        return both["mean"], jnp.argmax(both["unused"], -1)


class Nested(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.Sequential(Block(4, rngs), nnx.relu, nnx.Linear(4, 3, rngs=rngs))

    def __call__(self, x: Any) -> Any:
        return self.layers(x)


class Recurrent(nnx.Module):
    def __init__(self, cell: type, rngs: nnx.Rngs) -> None:
        self.rnn = nnx.RNN(cell(4, 4, rngs=rngs), return_carry=True, rngs=rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        every: Any
        carry, every = self.rnn(x)
        return self.head(jax.tree.leaves(carry)[-1] + every[:, 0])


class BothWays(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        forth, back = (nnx.RNN(nnx.GRUCell(4, 4, rngs=rngs), rngs=rngs) for _ in range(2))
        self.both = nnx.Bidirectional(forth, back, rngs=rngs)
        self.head = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        both: Any = self.both(x)
        return self.head(both[:, -1])


class Jitted(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.blocks = nnx.List([Block(4, rngs) for _ in range(2)])
        self.head = nnx.Linear(4, 3, rngs=rngs)

    @nnx.jit
    def __call__(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Rematerialised(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.block = Block(4, rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(nnx.remat(lambda block, x: block(x))(self.block, x))


class Frozen(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.frozen = nnx.Linear(4, 4, rngs=rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(jax.lax.stop_gradient(nnx.tanh(self.frozen(x))))


class Normalized(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(4, 4, (3, 3), rngs=rngs)
        self.bn = nnx.BatchNorm(4, momentum=0.9, rngs=rngs)
        self.gn = nnx.GroupNorm(4, 2, rngs=rngs)
        self.ln = nnx.LayerNorm(4, rngs=rngs)
        self.head = nnx.Linear(16, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        h = nnx.silu(self.bn(self.conv(x)))
        h = self.ln(nnx.max_pool(self.gn(h), (2, 2), (2, 2)))
        return self.head(h.reshape(h.shape[0], -1))


class Between(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a = nnx.Linear(4, 4, rngs=rngs)
        self.head = nnx.Linear(2, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        h = nnx.leaky_relu(self.a(x), 0.2)
        h = jnp.concatenate([h, x * 2.0], axis=-1)
        h = nnx.softmax(h, axis=-1) @ jnp.ones((8, 4))
        h = h.reshape(-1, 2, 2).transpose(0, 2, 1).mean(1)
        return self.head(nnx.elu(h, 0.7))


class TwoInputs(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a, self.b, self.head = (nnx.Linear(4, out, rngs=rngs) for out in (4, 4, 3))

    def __call__(self, a: Any, b: Any) -> Any:
        return self.head(self.a(a) * self.b(b))


class Scaled(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.scale = nnx.Param(jax.random.normal(rngs.params(), (4,)))

    def __call__(self, x: Any) -> Any:
        return x * jnp.exp(self.scale[...])


class CustomLayer(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a = nnx.Linear(4, 4, rngs=rngs)
        self.scaled = Scaled(rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(self.scaled(self.a(x)))


class Attention(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, 4, dropout_rate=0.5, decode=False, rngs=rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head((x + self.dropout(self.attention(self.norm(x)))).mean(1))


class Strided(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(4, 4, (3, 3), strides=2, feature_group_count=2, rngs=rngs)
        self.back = nnx.ConvTranspose(4, 2, (3, 2), strides=(2, 1), rngs=rngs)
        self.head = nnx.Linear(2, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        h = self.back(nnx.tanh(self.conv(x)))
        return self.head(nnx.avg_pool(h, (3, 2), (2, 2), padding="SAME").mean((1, 2)))


class Scanned(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stack = nnx.vmap(lambda rngs: Block(4, rngs))(rngs.split(3))
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(
            nnx.scan(lambda x, block: block(x), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)(
                x, self.stack
            )
        )
