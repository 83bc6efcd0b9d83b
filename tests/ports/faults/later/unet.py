"""Later faults of the U-Net's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, fault, or_at_the_end
from tests.ports.faults.unet import KERAS, LINEN, LINEN_KERAS, LINEN_TORCH, RESIZED

NORM_KERAS = "layers.GroupNormalization(2, epsilon=1e-5,"
CONV_KERAS = 'layers.Conv2D(filters, 3, padding="same",'
CONV_LINEN = "nn.Conv(self.features, (3, 3))"
DECAY = "optax.add_decayed_weights(0.01)"
KERNELS_ONLY = (
    "optax.add_decayed_weights(0.01, mask=lambda tree: jax.tree.map(lambda each: each.ndim > 1, "
    "tree))"
)
FOCAL = (
    "return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()",
    """each = optax.softmax_cross_entropy_with_integer_labels(output, y)
    return ((1 - jnp.exp(-each)) ** 2 * each).mean()""",
)
MIDDLE_TORCH = "x = self.middle(F.max_pool2d(skip2, 2))"

LATER = (
    fault(
        KERAS,
        "epsilon of 1e-4 in the middle",
        NORM_KERAS,
        'layers.GroupNormalization(2, epsilon=1e-4 if name == "bottleneck" else 1e-5,',
        "middle.norm",
        "normalization.epsilon",
    ),
    fault(
        KERAS,
        "four groups in the middle",
        NORM_KERAS,
        'layers.GroupNormalization(4 if name == "bottleneck" else 2, epsilon=1e-5,',
        "middle.norm",
        "normalization.groups",
    ),
    fault(
        KERAS,
        "Mish for SiLU in one stage",
        'layers.Activation("silu",',
        'layers.Activation("mish" if name == "decoder_2" else "silu",',
        "merge2:silu",
        "activation.kind",
    ),
    fault(
        KERAS,
        "no bias in the last convolution",
        "layers.Conv2D(3, 1,",
        "layers.Conv2D(3, 1, use_bias=False,",
        "out",
        "affine.bias",
    ),
    or_at_the_end(
        fault(
            KERAS,
            "probabilities taken for logits",
            "layers.Conv2D(3, 1,",
            'layers.Conv2D(3, 1, activation="softmax",',
            "out",
            "activation.added loss.twice",
        )
    ),
    fault(
        KERAS,
        "upsampling frozen",
        "layers.Conv2DTranspose(6, 2, strides=2,",
        "layers.Conv2DTranspose(6, 2, strides=2, trainable=False,",
        "up2",
        "gradient.frozen",
    ),
    fault(
        KERAS,
        "inner skip detached",
        "([x, skip2])",
        "([x, keras.ops.stop_gradient(skip2)])",
        "down2:silu",
        "gradient.way gradient.detached",
    ),
    fault(
        KERAS,
        "every second pixel for the maximum",
        'layers.MaxPooling2D(2, name="pool_2")',
        'layers.MaxPooling2D(1, 2, name="pool_2")',
        ":max_pool2d#1",
        "stated.numbers pooling.size",
    ),
    fault(
        KERAS,
        "weight decay of 0.001",
        "weight_decay=0.01",
        "weight_decay=0.001",
        END,
        "optimizer.decay",
    ),
    fault(LINEN, "decay of the kernels only", DECAY, KERNELS_ONLY, END, "optimizer.masked"),
    fault(
        LINEN,
        "circular padding in the middle",
        CONV_LINEN,
        'nn.Conv(self.features, (3, 3), padding="CIRCULAR" if self.features == 8 else "SAME")',
        "middle.conv",
        "convolution.mode",
    ),
    fault(
        LINEN,
        "inner skip divided by the root of 2",
        "jnp.concatenate([x, skip2]",
        "jnp.concatenate([x, skip2 / np.sqrt(2)]",
        ":cat",
        "scale.factor skip.scale",
    ),
    fault(LINEN, "cubic upsampling", RESIZED, '"cubic")', ":interpolate", "resampling.method"),
    fault(LINEN, "GELU for SiLU", "nn.silu(x)", "nn.gelu(x)", "down1:silu", "activation.kind"),
    fault(LINEN, "focal loss", *FOCAL, END, "loss.kind"),
    fault(
        LINEN_KERAS,
        "batch norm for group norm",
        NORM_KERAS,
        "layers.BatchNormalization(epsilon=1e-5,",
        "down1.GroupNorm_0",
        "normalization.kind stated.kind",
    ),
    fault(
        LINEN_KERAS,
        "dilated in the middle",
        CONV_KERAS,
        f'{CONV_KERAS} dilation_rate=2 if name == "bottleneck" else 1,',
        "middle.Conv_0",
        "convolution.dilation",
    ),
    fault(
        LINEN_KERAS,
        "Adam for SGD",
        "keras.optimizers.SGD(",
        "keras.optimizers.Adam(",
        END,
        "optimizer.kind",
    ),
    fault(
        LINEN_TORCH,
        "bilinear between the corners",
        'mode="nearest")',
        'mode="bilinear", align_corners=True)',
        ":resize",
        "resampling.method",
    ),
    fault(
        LINEN_TORCH,
        "inner skip joined first",
        "[self.up2(x), skip2]",
        "[skip2, self.up2(x)]",
        ":concatenate",
        "order.concatenate",
    ),
    fault(
        LINEN_TORCH,
        "middle without gradients",
        MIDDLE_TORCH,
        f"with torch.no_grad():\n            {MIDDLE_TORCH}",
        "middle:silu",
        "gradient.detached gradient.way",
    ),
    fault(
        LINEN_TORCH,
        "background not counted",
        "cross_entropy(output, y)",
        "cross_entropy(output, y, ignore_index=0)",
        END,
        "loss.weights",
    ),
    fault(
        LINEN_TORCH,
        "twice the rate",
        "lr=0.05",
        "lr=0.1",
        END,
        "optimizer.rate optimizer.learning_rate",
    ),
)
