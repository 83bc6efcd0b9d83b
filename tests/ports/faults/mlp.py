"""Faults of the residual MLP's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, Pair, fault

KERAS = Pair("mlp", "torch", "keras")
LINEN = Pair("mlp", "torch", "linen")
NNX = Pair("mlp", "torch", "nnx")

DROPPED = "h = self.dropout(h, training=training)"
FROZEN = ("self.expand = layers.Dense(inner)", "self.expand = layers.Dense(inner, trainable=False)")
CLIPPED = "optax.clip_by_global_norm(0.5)"

FAULTS = (
    fault(
        KERAS,
        "ELU with its usual alpha",
        "layers.ELU(alpha=0.75)",
        "layers.ELU()",
        "blocks.0.act",
        "activation.alpha stated.alpha",
    ),
    fault(
        KERAS,
        "dropout that is active",
        DROPPED,
        "h = keras.random.dropout(h, 0.1, seed=1)",
        "blocks.0.dropout",
        "dropout.active",
    ),
    fault(
        KERAS,
        "no last layer norm",
        'x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)\n',
        "\n",
        "norm",
        "normalization.missing",
    ),
    fault(
        KERAS,
        "clipped by the norm of each parameter",
        "global_clipnorm=0.5",
        "clipnorm=0.5",
        END,
        "clipping.scope clipping.kind",
    ),
    fault(KERAS, "not clipped", ", global_clipnorm=0.5", "", END, "clipping.missing"),
    fault(KERAS, "plain momentum for Nesterov's", "nesterov=True, ", "", END, "optimizer.nesterov"),
    fault(
        KERAS,
        "absolute error for the squared",
        "keras.losses.MeanSquaredError()",
        "keras.losses.MeanAbsoluteError()",
        END,
        "loss.kind",
    ),
    fault(
        KERAS,
        "loss summed",
        "keras.losses.MeanSquaredError()",
        'keras.losses.MeanSquaredError(reduction="sum")',
        END,
        "loss.reduction",
    ),
    fault(KERAS, "a layer frozen", *FROZEN, "blocks.0.fc1 blocks.2.fc1", "gradient.frozen"),
    fault(
        KERAS,
        "through float32 in the blocks",
        DROPPED,
        "h = tf.cast(tf.cast(h, tf.float32), tf.float64)",
        "blocks.0.dropout",
        "precision.float32",
    ),
    fault(
        KERAS,
        "input standardised",
        'x = layers.Dense(8, name="first")(numbers)',
        'x = layers.Dense(8, name="first")(layers.Rescaling(1 / 3, -1 / 3)(numbers))',
        "inp",
        "data.scale data.standardised",
    ),
    fault(
        LINEN,
        "layer norm without a scale",
        "nn.LayerNorm(epsilon=1e-5)(x)",
        "nn.LayerNorm(epsilon=1e-5, use_scale=False)(x)",
        "blocks.0.norm",
        "normalization.scale",
    ),
    fault(
        LINEN,
        "no shortcut",
        "return x + nn.Dense(x.shape[-1])(h)",
        "return nn.Dense(x.shape[-1])(h)",
        "blocks.0:add",
        "skip.missing",
    ),
    fault(
        LINEN,
        "ReLU for Leaky ReLU",
        "nn.leaky_relu(self.first(x), negative_slope=0.125)",
        "nn.relu(self.first(x))",
        ":leaky_relu",
        "activation.kind activation.slope",
    ),
    fault(
        LINEN,
        "another threshold",
        CLIPPED,
        "optax.clip_by_global_norm(1.0)",
        END,
        "clipping.threshold",
    ),
    fault(
        LINEN, "clipped by value", CLIPPED, "optax.clip(0.5)", END, "clipping.kind clipping.scope"
    ),
    fault(
        LINEN,
        "half of the squared error",
        "jnp.mean((output - y) ** 2)",
        "0.5 * jnp.mean((output - y) ** 2)",
        END,
        "loss.factor loss.kind",
    ),
    fault(
        LINEN,
        "RMS norm for layer norm",
        "h = nn.LayerNorm(epsilon=1e-5)(x)",
        "h = nn.RMSNorm(epsilon=1e-5)(x)",
        "blocks.0.norm",
        "normalization.kind",
    ),
    fault(
        LINEN,
        "shortcut after the norm",
        "return x + nn.Dense(x.shape[-1])(h)",
        (
            "return nn.LayerNorm(use_bias=False, use_scale=False, epsilon=1e-5)(x) + "
            "nn.Dense(x.shape[-1])(h)"
        ),
        "blocks.0:add",
        "skip.source skip.order",
    ),
    fault(
        NNX,
        "layer norm with Flax' epsilon",
        "nnx.LayerNorm(width, epsilon=1e-5, ",
        "nnx.LayerNorm(width, ",
        "blocks.0.norm",
        "normalization.epsilon",
    ),
    fault(
        NNX,
        "no bias in the first layer",
        "nnx.Linear(10, 8, ",
        "nnx.Linear(10, 8, use_bias=False, ",
        "inp",
        "affine.bias",
    ),
    fault(
        NNX,
        "CELU for ELU",
        "nnx.elu(self.up(self.norm(x)), alpha=0.75)",
        "nnx.celu(self.up(self.norm(x)), alpha=0.75)",
        "blocks.0.act",
        "activation.kind activation.alpha stated.name",
    ),
    fault(
        NNX,
        "shortcut scaled",
        "return x + self.down",
        "return 0.5 * x + self.down",
        "blocks.0:add",
        "skip.scale scale.factor",
    ),
    fault(
        NNX,
        "branch detached",
        "self.down(self.dropout(h))",
        "self.down(self.dropout(jax.lax.stop_gradient(h)))",
        "blocks.2.act blocks.2.dropout",
        "gradient.detached",
    ),
)
