"""Faults of the U-Net's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, Pair, fault

KERAS = Pair("unet", "torch", "keras")
LINEN = Pair("unet", "torch", "linen")
LINEN_KERAS = Pair("unet", "linen", "keras")
LINEN_TORCH = Pair("unet", "linen", "torch")

CROSS_ENTROPY = "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
SUMMED = """import tensorflow as tf


def loss(output: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    each = keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True)
    return tf.reduce_mean(tf.reduce_sum(each, axis=(1, 2)))"""
WEIGHTED = """import tensorflow as tf


def loss(output: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    each = keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True)
    weights = tf.gather(tf.constant([1.0, 2.0, 0.5], each.dtype), y)
    return tf.reduce_sum(weights * each) / tf.reduce_sum(weights)"""
RESIZED = '"nearest")'
BEFORE_NORM = (
    """x = nn.GroupNorm(num_groups=2, epsilon=1e-5)(x)
        return nn.silu(x)""",
    "return nn.GroupNorm(num_groups=2, epsilon=1e-5)(nn.silu(x))",
)

FAULTS = (
    fault(
        KERAS,
        "joined in another order",
        "([x, skip2])",
        "([skip2, x])",
        ":cat",
        "order.concatenate",
    ),
    fault(
        KERAS,
        "bilinear upsampling",
        'interpolation="nearest"',
        'interpolation="bilinear"',
        ":interpolate",
        "resampling.method",
    ),
    fault(
        KERAS,
        "one group",
        "layers.GroupNormalization(2,",
        "layers.GroupNormalization(1,",
        "down1.norm",
        "normalization.groups",
    ),
    fault(
        KERAS,
        "ReLU for SiLU",
        'layers.Activation("silu"',
        'layers.Activation("relu"',
        "down1:silu",
        "activation.kind",
    ),
    fault(
        KERAS,
        "no bias in the upsampling",
        "layers.Conv2DTranspose(6, 2, strides=2",
        "layers.Conv2DTranspose(6, 2, strides=2, use_bias=False",
        "up2",
        "affine.bias",
    ),
    fault(KERAS, "no weight decay", ", weight_decay=0.01)", ")", END, "optimizer.decay"),
    fault(
        KERAS,
        "loss summed over the pixels",
        CROSS_ENTROPY,
        SUMMED,
        END,
        "loss.reduction loss.factor",
    ),
    fault(KERAS, "classes weighted", CROSS_ENTROPY, WEIGHTED, END, "loss.weights"),
    fault(
        KERAS,
        "a skip halved",
        "([x, skip1])",
        "([x, 0.5 * skip1])",
        ":cat#1",
        "scale.factor skip.scale",
    ),
    fault(
        LINEN,
        "group norm with Flax' epsilon",
        ", epsilon=1e-5",
        "",
        "down1.norm",
        "normalization.epsilon",
    ),
    fault(
        LINEN,
        "average pooling for maximum",
        "nn.max_pool(skip1",
        "nn.avg_pool(skip1",
        ":max_pool2d",
        "pooling.which",
    ),
    fault(
        LINEN,
        "skips exchanged with the upsampled",
        "jnp.concatenate([x, skip1]",
        "jnp.concatenate([skip1, x]",
        ":cat#1",
        "order.concatenate",
    ),
    fault(
        LINEN, "bilinear upsampling", RESIZED, '"bilinear")', ":interpolate", "resampling.method"
    ),
    fault(
        LINEN,
        "SiLU before the norm",
        *BEFORE_NORM,
        "down1.norm down1:silu",
        "order.layers normalization.order activation.added",
    ),
    fault(
        LINEN,
        "skip detached",
        "jnp.concatenate([x, skip1], axis=-1)",
        "jnp.concatenate([x, jax.lax.stop_gradient(skip1)], axis=-1)",
        "down1:silu",
        "gradient.way gradient.detached",
    ),
    fault(
        LINEN,
        "decay added to the step",
        "optax.chain(optax.add_decayed_weights(0.01), optax.sgd(0.05))",
        "optax.chain(optax.sgd(0.05), optax.add_decayed_weights(0.01))",
        END,
        "optimizer.decay optimizer.coupling",
    ),
    fault(
        LINEN_KERAS,
        "group norm with Keras' epsilon",
        ", epsilon=1e-5",
        "",
        "down1.GroupNorm_0",
        "normalization.epsilon",
    ),
    fault(
        LINEN_KERAS,
        "no activation in the stages",
        'return layers.Activation("silu", name=f"{name}_silu")(x)',
        "return x",
        "down1:silu",
        "activation.missing",
    ),
    fault(
        LINEN_TORCH,
        "edges repeated",
        "nn.Conv2d(inputs, outputs, 3, padding=1)",
        'nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")',
        "down1.Conv_0",
        "convolution.mode",
    ),
    fault(
        LINEN_TORCH, "momentum", "lr=0.05, ", "lr=0.05, momentum=0.9, ", END, "optimizer.momentum"
    ),
    fault(
        LINEN_TORCH,
        "instance norm for group norm",
        "nn.GroupNorm(2, outputs, eps=1e-5)",
        "nn.GroupNorm(outputs, outputs, eps=1e-5)",
        "down1.GroupNorm_0",
        "normalization.groups",
    ),
)
