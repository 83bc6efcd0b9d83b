"""Later faults of the residual MLP's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, fault
from tests.ports.faults.mlp import CLIPPED, DROPPED, KERAS, LINEN, NNX

DROPPED_LINEN = "h = nn.Dropout(0.1, deterministic=not train)(h)"
SQUARED = "jnp.mean((output - y) ** 2)"
NORMED = (
    "h = nnx.elu(self.up(self.norm(x)), alpha=0.75)",
    """x = self.norm(x)
        h = nnx.elu(self.up(x), alpha=0.75)""",
)
SGD = "optax.sgd(0.05, momentum=0.9, nesterov=True)"

LATER = (
    fault(
        KERAS,
        "alpha of 0.5 in the second block",
        "layers.ELU(alpha=0.75)",
        'layers.ELU(alpha=0.5 if name == "block_2" else 0.75)',
        "blocks.1.act",
        "activation.alpha",
    ),
    fault(
        KERAS,
        "last layer norm with an epsilon of 1e-4",
        'epsilon=1e-5, name="last_norm"',
        'epsilon=1e-4, name="last_norm"',
        "norm",
        "normalization.epsilon",
    ),
    fault(
        KERAS,
        "no bias in the second layers",
        "layers.Dense(width)",
        "layers.Dense(width, use_bias=False)",
        "blocks.0.fc2",
        "affine.bias",
    ),
    fault(
        KERAS,
        "ELU behind the second layer as well",
        "x + self.reduce(h)",
        "x + self.elu(self.reduce(h))",
        "blocks.0.fc2 blocks.0:add",
        "activation.added",
    ),
    fault(
        KERAS,
        "sum divided by the root of 2",
        "x + self.reduce(h)",
        "(x + self.reduce(h)) / 2**0.5",
        "blocks.0:add",
        "skip.scale scale.factor",
    ),
    fault(
        KERAS,
        "input through float32",
        'layers.Dense(8, name="first")(numbers)',
        (
            'layers.Dense(8, name="first")(keras.ops.cast(keras.ops.cast(numbers, "float32"), '
            '"float64"))'
        ),
        "inp",
        "precision.float32",
    ),
    fault(
        KERAS,
        "through bfloat16 in the blocks",
        DROPPED,
        "h = tf.cast(tf.cast(h, tf.bfloat16), tf.float64)",
        "blocks.0.act blocks.0.dropout",
        "precision.bfloat16",
    ),
    fault(
        KERAS,
        "clipped at 0.1",
        "global_clipnorm=0.5",
        "global_clipnorm=0.1",
        END,
        "clipping.threshold",
    ),
    fault(KERAS, "momentum of 0.95", "momentum=0.9,", "momentum=0.95,", END, "optimizer.momentum"),
    fault(
        KERAS,
        "Huber's loss for the squared error",
        "keras.losses.MeanSquaredError()",
        "keras.losses.Huber()",
        END,
        "loss.kind",
    ),
    fault(LINEN, "input divided by 10", "self.first(x)", "self.first(x / 10)", "inp", "data.scale"),
    fault(
        LINEN,
        "each input standardised over the batch",
        "self.first(x)",
        "self.first((x - x.mean(axis=0)) / x.std(axis=0))",
        "inp",
        "data.standardised",
    ),
    fault(
        LINEN,
        "dropout by hand at a half",
        DROPPED_LINEN,
        "h = h * jax.random.bernoulli(jax.random.key(0), 0.5, h.shape) / 0.5",
        "blocks.0.act blocks.0.dropout",
        "dropout.active",
    ),
    fault(
        LINEN,
        "half of the branch's gradient",
        DROPPED_LINEN,
        "h = 0.5 * h + jax.lax.stop_gradient(0.5 * h)",
        "blocks.2.act blocks.2.dropout",
        "gradient.scaled",
    ),
    fault(
        LINEN,
        "squared error summed over the outputs",
        SQUARED,
        "jnp.mean(jnp.sum((output - y) ** 2, axis=-1))",
        END,
        "loss.reduction loss.factor",
    ),
    fault(
        LINEN,
        "clipped by the size of the weights",
        CLIPPED,
        "optax.adaptive_grad_clip(0.01)",
        END,
        "clipping.kind",
    ),
    fault(NNX, "shortcut from behind the norm", *NORMED, "blocks.0:add", "skip.source"),
    fault(
        NNX,
        "last layer norm without a shift",
        "nnx.LayerNorm(8, epsilon=1e-5,",
        "nnx.LayerNorm(8, epsilon=1e-5, use_bias=False,",
        "norm",
        "normalization.shift",
    ),
    fault(
        NNX,
        "slope of 0.1",
        "negative_slope=0.125",
        "negative_slope=0.1",
        ":leaky_relu",
        "activation.slope",
    ),
    fault(
        NNX,
        "input of a branch detached",
        "self.norm(x)), alpha",
        "self.norm(jax.lax.stop_gradient(x))), alpha",
        "blocks.1:add blocks.1",
        "gradient.way gradient.detached",
    ),
    fault(NNX, "root of the squared error", SQUARED, f"jnp.sqrt({SQUARED})", END, "loss.kind"),
    fault(
        NNX,
        "weight decay",
        CLIPPED,
        f"{CLIPPED}, optax.add_decayed_weights(1e-3)",
        END,
        "optimizer.decay",
    ),
    fault(
        NNX,
        "clipped after the step",
        f"{CLIPPED}, {SGD}",
        f"{SGD}, {CLIPPED}",
        END,
        "clipping.order clipping.missing",
    ),
)
