"""Later faults of the transformer's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, fault
from tests.ports.faults.transformer import (
    ATTENTION,
    KERAS,
    KERAS_LINEN,
    KERAS_TORCH,
    LINEN,
    MASKED,
    SCALED,
)

EXCHANGED = (
    """k = self.split(self.key(x), time)
        v = self.split(self.value(x), time)""",
    """k = self.split(self.value(x), time)
        v = self.split(self.key(x), time)""",
)
HEADS = ("view", "view#1", "view#2", "transpose", "transpose#1", "transpose#2")
SPLIT = " ".join(f"blocks.0.attention:{each}" for each in HEADS)
SPLIT_KERAS = " ".join(f"block_1.attention:{each}" for each in HEADS).replace("view", "reshape")
PADDED = (
    "self.tokens(tokens) +",
    'self.tokens(tokens) * ops.cast(ops.not_equal(tokens, 0), "float64")[..., None] +',
)
NORMED = (
    "x = x + self.attention(self.ln_1(x))",
    """x = self.ln_1(x)
        x = x + self.attention(x)""",
)
TRANSPOSED = (
    "self.o = nn.Dense(self.width)",
    """def transposed(x: jax.Array, kernel: jax.Array, *rest: object, **more: object) -> jax.Array:
            return jax.lax.dot_general(x, kernel.T, *rest, **more)

        self.o = nn.Dense(self.width, dot_general=transposed)""",
)
VIEWED = "x.view(batch, time, self.heads, width // self.heads).transpose(1, 2)"
BY_HAND = "(lambda z: z * nn.sigmoid({}z))(self.up(self.ln2(x)))"
GELU_LINEN = "nn.gelu(self.up(self.ln2(x)), approximate=False)"

LATER = (
    fault(
        KERAS,
        "scores divided by the size of a head",
        SCALED,
        " / self.size",
        ATTENTION,
        "attention.scale",
    ),
    fault(KERAS, "key and value exchanged", *EXCHANGED, ATTENTION, "attention.order"),
    fault(
        KERAS,
        "masked with 0",
        MASKED,
        MASKED.replace("-np.inf", "0.0"),
        ATTENTION,
        "attention.mask",
    ),
    fault(
        KERAS,
        "mask that sees the future only",
        MASKED,
        MASKED.replace("tril", "triu"),
        ATTENTION,
        "attention.mask attention.causal",
    ),
    fault(
        KERAS,
        "GELU by the sigmoid",
        "activation=gelu)",
        "activation=lambda x: x * ops.sigmoid(1.702 * x))",
        "blocks.0.mlp.1",
        "activation.gelu activation.kind",
    ),
    fault(
        KERAS,
        "positions counted from the end",
        "self.positions(np.arange(7))",
        "self.positions(np.arange(7)[::-1])",
        "positions",
        "order.reversed",
    ),
    fault(KERAS, "shortcut from behind the norm", *NORMED, "blocks.0:add", "skip.source"),
    fault(KERAS, "token 0 is padding", *PADDED, "tokens :add", "embedding.padding"),
    fault(
        KERAS,
        "four heads",
        "self.block_1 = Block(width, heads=3)",
        "self.block_1 = Block(width, heads=4)",
        f"{ATTENTION} {SPLIT}",
        "attention.heads",
    ),
    fault(
        KERAS,
        "first beta of 0.95",
        "(1e-2, 0.9, 0.999)",
        "(1e-2, 0.95, 0.999)",
        END,
        "optimizer.beta1",
    ),
    fault(
        LINEN,
        "RMS norm for the last layer norm",
        "self.norm = nn.LayerNorm(",
        "self.norm = nn.RMSNorm(",
        "norm",
        "normalization.kind stated.kind",
    ),
    fault(
        LINEN,
        "layer norm with BERT's epsilon",
        "self.ln2 = nn.LayerNorm(epsilon=1e-5)",
        "self.ln2 = nn.LayerNorm(epsilon=1e-12)",
        "blocks.0.norm2",
        "normalization.epsilon",
    ),
    fault(
        LINEN,
        "weights of the output transposed",
        *TRANSPOSED,
        "blocks.0.attention.out_proj",
        "affine.transposed",
    ),
    fault(
        LINEN,
        "tokens counted from 1",
        "self.tokens(tokens)",
        "self.tokens((tokens + 1) % 20)",
        "tokens",
        "embedding.off_by_one",
    ),
    fault(
        LINEN,
        "only the head trained",
        "self.head(jnp.mean(x, axis=1))",
        "self.head(jax.lax.stop_gradient(jnp.mean(x, axis=1)))",
        ":mean",
        "gradient.detached",
    ),
    fault(LINEN, "Adam with an epsilon of 1e-6", "eps=1e-16", "eps=1e-6", END, "optimizer.epsilon"),
    fault(
        LINEN,
        "Nadam for Adam",
        "optax.adam(",
        "optax.nadam(",
        END,
        "optimizer.nesterov optimizer.kind",
    ),
    fault(
        LINEN,
        "rate that warms up",
        "optax.adam(1e-2",
        "optax.adam(optax.linear_schedule(2e-3, 1e-2, 4)",
        END,
        "optimizer.schedule",
    ),
    fault(
        KERAS_TORCH,
        "GELU by tanh",
        "nn.GELU()",
        'nn.GELU("tanh")',
        "block_1.up:gelu",
        "activation.gelu",
    ),
    fault(
        KERAS_TORCH,
        "no bias for the keys",
        "self.k_proj = nn.Linear(width, width)",
        "self.k_proj = nn.Linear(width, width, bias=False)",
        "block_1.attention.key",
        "affine.bias",
    ),
    fault(
        KERAS_TORCH,
        "weight decay in the gradient",
        "lr=1e-2,",
        "lr=1e-2, weight_decay=0.01,",
        END,
        "optimizer.decay optimizer.coupling",
    ),
    fault(
        KERAS_TORCH,
        "first token for the mean",
        ".mean(dim=1)",
        "[:, 0]",
        ":mean",
        "order.reduction",
    ),
    fault(
        KERAS_TORCH,
        "viewed as heads without a transposition",
        VIEWED,
        "x.view(batch, self.heads, time, width // self.heads)",
        SPLIT_KERAS,
        "attention.heads order.axes order.flatten",
    ),
    fault(
        KERAS_LINEN,
        "no layer norm before the MLP",
        "self.up(self.ln2(x))",
        "self.up(x)",
        "block_1.ln_2",
        "normalization.missing",
    ),
    fault(
        KERAS_LINEN,
        "GELU behind the MLP as well",
        "x + self.down(h)",
        "x + nn.gelu(self.down(h), approximate=False)",
        "block_1.down block_1:add#1",
        "activation.added",
    ),
    fault(
        KERAS_LINEN,
        "shortcut doubled",
        "x = x + self.attention",
        "x = 2 * x + self.attention",
        "block_1:add",
        "skip.scale scale.factor",
    ),
    fault(
        KERAS_LINEN,
        "ReLU for GELU",
        GELU_LINEN,
        "nn.relu(self.up(self.ln2(x)))",
        "block_1.up:gelu",
        "activation.kind",
    ),
    fault(
        LINEN, "SiLU by hand", GELU_LINEN, BY_HAND.format(""), "blocks.0.mlp.1", "activation.kind"
    ),
    fault(
        LINEN,
        "GELU by the logistic function",
        GELU_LINEN,
        BY_HAND.format("1.702 * "),
        "blocks.0.mlp.1",
        "activation.gelu",
    ),
)
