"""Later faults of the plain CNN's ports from Keras."""

from __future__ import annotations

from tests.ports.faults.cnn import KERAS_LINEN
from tests.ports.faults.fault import END, Pair, fault

KERAS_TORCH = Pair("cnn", "keras", "torch")

CROSS_ENTROPY = "optax.softmax_cross_entropy_with_integer_labels(output, y)"
SGD = "optax.sgd(0.1)"

LATER = (
    fault(KERAS_LINEN, "Adam for SGD", SGD, "optax.adam(0.1)", END, "optimizer.kind"),
    fault(
        KERAS_LINEN,
        "rate that halves",
        SGD,
        "optax.sgd(optax.exponential_decay(0.1, 1, 0.5))",
        END,
        "optimizer.schedule",
    ),
    fault(
        KERAS_LINEN,
        "clipped although the reference is not",
        SGD,
        f"optax.chain(optax.clip_by_global_norm(0.1), {SGD})",
        END,
        "clipping.added",
    ),
    fault(
        KERAS_LINEN,
        "labels counted from 1",
        CROSS_ENTROPY,
        CROSS_ENTROPY.replace("y)", "(y + 1) % 5)"),
        END,
        "",
    ),
    fault(
        KERAS_LINEN,
        "ELU with an alpha of 0.5",
        "nn.elu(x)",
        "nn.elu(x, alpha=0.5)",
        "conv_c:elu",
        "activation.alpha",
    ),
    fault(
        KERAS_LINEN,
        "through bfloat16 before the last layer",
        "nn.Dense(5)(x)",
        "nn.Dense(5)(x.astype(jnp.bfloat16).astype(float))",
        "dropout logits",
        "precision.bfloat16",
    ),
    fault(
        KERAS_TORCH,
        "batch norm with an epsilon of 1e-4",
        "nn.BatchNorm2d(6, eps=1e-5",
        "nn.BatchNorm2d(6, eps=1e-4",
        "norm_a",
        "normalization.epsilon",
    ),
    fault(
        KERAS_TORCH,
        "Keras' momentum copied",
        "nn.BatchNorm2d(8, eps=1e-5, momentum=0.1)",
        "nn.BatchNorm2d(8, eps=1e-5, momentum=0.9)",
        "norm_b",
        "running.momentum",
    ),
    fault(
        KERAS_TORCH,
        "padding not counted in the average",
        "stride=2, padding=1)",
        "stride=2, padding=1, count_include_pad=False)",
        "pool_b",
        "pooling.counted",
    ),
    fault(
        KERAS_TORCH,
        "labels smoothed by 0.2",
        "cross_entropy(output, y)",
        "cross_entropy(output, y, label_smoothing=0.2)",
        END,
        "loss.smoothing",
    ),
    fault(
        KERAS_TORCH,
        "CELU for ELU",
        "nn.ELU()",
        "nn.CELU(0.5)",
        "conv_c:elu",
        "activation.kind activation.alpha stated.numbers",
    ),
    fault(
        KERAS_TORCH, "no tanh", "nn.Tanh()", "nn.Identity()", "hidden:tanh", "activation.missing"
    ),
)
