"""The same end in Flax, where the bias is a parameter; and mended, where no gradient goes into
it.
"""

import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import lax


class Head(nn.Module):
    trained: bool = True

    @nn.compact
    def __call__(self, tokens):
        hidden = nn.tanh(nn.Embed(12, 8, name="shared")(tokens)).mean(1)
        logits = nn.Dense(12, use_bias=False, name="lm_head")(hidden)
        bias = self.param("final_logits_bias", nn.initializers.zeros, (1, 12))
        return logits + (bias if self.trained else lax.stop_gradient(bias))


def model():
    return Head()


def mended():
    return Head(trained=False)


def loss(output, y):
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(output, y))


def optimizer(model):
    return optax.sgd(0.1)
