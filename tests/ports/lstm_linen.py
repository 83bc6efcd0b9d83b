"""The same LSTM as it is written in Flax linen: cells in `nn.RNN`; and the GRU."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import optax


class Recurrent(nn.Module):
    """Tokens [batch, 6] to 4 logits, from the last step."""

    cell: Any

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        x = nn.Embed(15, 6, name="embedding")(tokens)
        x = nn.RNN(self.cell(8), name="first")(x)
        x = nn.RNN(self.cell(8), name="second")(x)
        return nn.Dense(4, name="logits")(x[:, -1])


def model() -> nn.Module:
    return Recurrent(nn.LSTMCell)


def gru() -> nn.Module:
    return Recurrent(nn.GRUCell)


def loss(output: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(net: nn.Module) -> optax.GradientTransformation:
    return optax.chain(optax.clip(0.02), optax.sgd(0.1, momentum=0.9))
