"""Faults of the transformer's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, Pair, fault

KERAS = Pair("transformer", "torch", "keras")
LINEN = Pair("transformer", "torch", "linen")
KERAS_TORCH = Pair("transformer", "keras", "torch")
KERAS_LINEN = Pair("transformer", "keras", "linen")

ATTENTION = "blocks.0.attention:scaled_dot_product_attention"
SCALED = " / np.sqrt(self.size)"
MASKED = "scores = ops.where(np.tril(np.ones((time, time), bool)), scores, -np.inf)"
EXCHANGED = (
    """q = self.split(self.query(x), time)
        k = self.split(self.key(x), time)""",
    """q = self.split(self.key(x), time)
        k = self.split(self.query(x), time)""",
)
AFTER_NORM = (
    """x = x + self.attention(self.ln1(x))
        h = nn.gelu(self.up(self.ln2(x)), approximate=False)
        return x + self.down(h)""",
    """x = self.ln1(x + self.attention(x))
        h = nn.gelu(self.up(x), approximate=False)
        return self.ln2(x + self.down(h))""",
)
HEADS = (
    """shape = (batch, time, self.heads, width // self.heads)
        q = self.q(x).reshape(shape)
        k = self.k(x).reshape(shape)
        v = self.v(x).reshape(shape)""",
    """shape = (batch, time, width // self.heads, self.heads)
        q = self.q(x).reshape(shape).swapaxes(2, 3)
        k = self.k(x).reshape(shape).swapaxes(2, 3)
        v = self.v(x).reshape(shape).swapaxes(2, 3)""",
)
MASK_LINEN = "scores = jnp.where(jnp.tri(time, dtype=bool), scores, -jnp.inf)"
FUSED = "F.scaled_dot_product_attention(q, k, v, is_causal=True)"

FAULTS = (
    fault(KERAS, "scores not scaled", SCALED, "", ATTENTION, "attention.scale"),
    fault(
        KERAS,
        "scores scaled by the whole width",
        SCALED,
        " / np.sqrt(self.heads * self.size)",
        ATTENTION,
        "attention.scale",
    ),
    fault(KERAS, "no causal mask", MASKED, "", ATTENTION, "attention.causal attention.mask"),
    fault(
        KERAS,
        "softmax over the queries",
        "ops.softmax(scores, axis=-1)",
        "ops.softmax(scores, axis=-2)",
        ATTENTION,
        "attention.softmax",
    ),
    fault(KERAS, "query and key exchanged", *EXCHANGED, ATTENTION, "attention.order"),
    fault(
        KERAS,
        "layer norm with Keras' epsilon",
        "self.ln_2 = layers.LayerNormalization(epsilon=1e-5)",
        "self.ln_2 = layers.LayerNormalization()",
        "blocks.0.norm2",
        "normalization.epsilon",
    ),
    fault(
        KERAS,
        "GELU by tanh",
        "activation=gelu)",
        "activation=ops.gelu)",
        "blocks.0.mlp.1",
        "activation.gelu",
    ),
    fault(
        KERAS,
        "no positions",
        "self.tokens(tokens) + self.positions(np.arange(7))",
        "self.tokens(tokens)",
        ":add",
        "skip.missing",
    ),
    fault(
        KERAS,
        "no shortcut around the MLP",
        "return x + h",
        "return h",
        "blocks.0:add#1",
        "skip.missing",
    ),
    fault(
        KERAS,
        "embedding scaled",
        "x = self.tokens(tokens) +",
        "x = self.tokens(tokens) * np.sqrt(12.0) +",
        "tokens :add",
        "embedding.scale scale.factor",
    ),
    fault(
        KERAS,
        "last step for the mean",
        "ops.mean(x, axis=1)",
        "x[:, -1]",
        ":mean",
        "order.reduction",
    ),
    fault(
        KERAS,
        "no last layer norm",
        "        x = self.ln_f(x)\n",
        "",
        "norm",
        "normalization.missing",
    ),
    fault(KERAS, "Adam with Keras' epsilon", ", epsilon=1e-16)", ")", END, "optimizer.epsilon"),
    fault(LINEN, "Flax' own GELU", ", approximate=False", "", "blocks.0.mlp.1", "activation.gelu"),
    fault(
        LINEN,
        "layer norm with Flax' epsilon",
        "self.ln1 = nn.LayerNorm(epsilon=1e-5)",
        "self.ln1 = nn.LayerNorm()",
        "blocks.0.norm1",
        "normalization.epsilon",
    ),
    fault(
        LINEN,
        "heads dealt out in turn",
        *HEADS,
        f"{ATTENTION} blocks.0.attention:view blocks.0.attention:transpose",
        "attention.heads",
    ),
    fault(
        LINEN,
        "mask one step late",
        MASK_LINEN,
        MASK_LINEN.replace("time,", "time, k=1,"),
        ATTENTION,
        "attention.mask attention.causal",
    ),
    fault(
        LINEN,
        "no bias for the values",
        "self.v = nn.Dense(self.width)",
        "self.v = nn.Dense(self.width, use_bias=False)",
        "blocks.0.attention.v_proj",
        "affine.bias",
    ),
    fault(
        LINEN,
        "norms after the sums",
        *AFTER_NORM,
        "blocks.0.norm1",
        "normalization.order order.layers skip.order normalization.missing",
    ),
    fault(
        LINEN,
        "AdamW for Adam",
        "optax.adam(1e-2",
        "optax.adamw(1e-2, weight_decay=0.01",
        END,
        "optimizer.decay",
    ),
    fault(LINEN, "another second beta", "b2=0.999", "b2=0.99", END, "optimizer.beta2"),
    fault(
        LINEN,
        "positions frozen",
        "+ self.positions(jnp.arange(7))",
        "+ jax.lax.stop_gradient(self.positions(jnp.arange(7)))",
        "positions",
        "gradient.detached gradient.frozen",
    ),
    fault(
        LINEN,
        "logits halved",
        "self.head(jnp.mean(x, axis=1))",
        "self.head(jnp.mean(x, axis=1)) / 2",
        f"head {END}",
        "scale.factor",
    ),
    fault(
        KERAS_TORCH,
        "layer norm with another epsilon",
        "self.norm2 = nn.LayerNorm(width, eps=1e-5)",
        "self.norm2 = nn.LayerNorm(width, eps=1e-6)",
        "block_1.ln_2",
        "normalization.epsilon",
    ),
    fault(
        KERAS_TORCH,
        "no causal mask",
        FUSED,
        "F.scaled_dot_product_attention(q, k, v)",
        "block_1.attention:softmax block_1.attention:where",
        "attention.causal attention.mask",
    ),
    fault(
        KERAS_TORCH,
        "scores not scaled",
        FUSED,
        FUSED.replace("True", "True, scale=1.0"),
        "block_1.attention:divide",
        "attention.scale",
    ),
    fault(
        KERAS_TORCH,
        "heads not brought back",
        "y.transpose(1, 2).reshape(x.shape)",
        "y.reshape(x.shape)",
        "block_1.attention:transpose#4 block_1.attention:reshape#3",
        "order.axes order.flatten attention.heads",
    ),
    fault(
        KERAS_TORCH,
        "maximum for the mean over time",
        ".mean(dim=1)",
        ".amax(dim=1)",
        ":mean",
        "order.reduction pooling.which",
    ),
    fault(
        KERAS_TORCH,
        "Adam's own learning rate",
        "lr=1e-2",
        "lr=1e-3",
        END,
        "optimizer.learning_rate optimizer.rate",
    ),
    fault(
        KERAS_LINEN,
        "no shortcut around the attention",
        "x = x + self.attention(self.ln1(x))",
        "x = self.attention(self.ln1(x))",
        "block_1:add",
        "skip.missing",
    ),
)
