"""Later faults of the plain CNN's ports from PyTorch."""

from __future__ import annotations

from tests.ports.faults.cnn import CONV_2_LINEN, CONV_AFTER_SCALING, KERAS, LINEN, NNX
from tests.ports.faults.fault import END, fault, or_at_the_end

STEM_LINEN = "x = nn.Conv(6, (3, 3), use_bias=False)(x)"
REFLECTED = """x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        x = nn.Conv(6, (3, 3), padding="VALID", use_bias=False)(x)"""
TURNED = """
        def turned(x: jax.Array, kernel: jax.Array, *rest: object, **more: object) -> jax.Array:
            return jax.lax.conv_general_dilated(x, kernel[::-1, ::-1], *rest, **more)

        x = nn.Conv(8, (3, 3), conv_general_dilated=turned)(x)"""
LEAKY_LINEN = "x = nn.leaky_relu(x, negative_slope=0.25)"
POOL_LINEN = "x = nn.avg_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))"
SECOND_NORM_LINEN = f"{CONV_2_LINEN}\n        x = nn.BatchNorm("

LATER = (
    fault(
        KERAS,
        "batch norm with an epsilon of 1e-6",
        'epsilon=1e-5, name="norm_a"',
        'epsilon=1e-6, name="norm_a"',
        "features.1",
        "normalization.epsilon",
    ),
    fault(
        KERAS,
        "slope of 0.2",
        "negative_slope=0.25",
        "negative_slope=0.2",
        "features.6",
        "activation.slope",
    ),
    fault(
        KERAS,
        "maximum for the average, with zeros around",
        "layers.AveragePooling2D(3, 2",
        "layers.MaxPooling2D(3, 2",
        "features.7",
        "pooling.which",
    ),
    fault(
        KERAS,
        "average padded after only",
        "layers.ZeroPadding2D(1,",
        "layers.ZeroPadding2D(((0, 2), (0, 2)),",
        "features.7",
        "pooling.padding",
    ),
    fault(
        KERAS,
        "maximum over 3 x 3 pixels",
        "layers.MaxPooling2D(2,",
        'layers.MaxPooling2D(3, 2, padding="same",',
        "features.3",
        "stated.numbers pooling.size",
    ),
    fault(
        KERAS,
        "no bias in the hidden layer",
        "layers.Dense(12,",
        "layers.Dense(12, use_bias=False,",
        "classifier.1",
        "affine.bias",
    ),
    fault(
        KERAS,
        "sigmoid for tanh",
        'activation="tanh"',
        'activation="sigmoid"',
        "classifier.2",
        "activation.kind",
    ),
    fault(
        KERAS,
        "no ReLU",
        'x = layers.ReLU(name="relu_a")(x)\n',
        "\n",
        "features.2",
        "activation.missing",
    ),
    fault(
        KERAS,
        "momentum of 0.95 in a batch norm",
        'momentum=0.9, epsilon=1e-5, name="norm_b"',
        'momentum=0.95, epsilon=1e-5, name="norm_b"',
        "features.5",
        "running.momentum",
    ),
    fault(
        KERAS,
        "input brought to -1 .. 1 once more",
        f"{CONV_AFTER_SCALING}(image)",
        f"{CONV_AFTER_SCALING}(layers.Rescaling(2.0, -1.0)(image))",
        "features.0",
        "data.scale data.standardised",
    ),
    fault(
        KERAS,
        "channels as BGR",
        f"{CONV_AFTER_SCALING}(image)",
        f"{CONV_AFTER_SCALING}(image[..., ::-1])",
        "features.0",
        "data.channels",
    ),
    fault(
        KERAS,
        "flattened with the width before the height",
        "layers.Permute((3, 1, 2)",
        "layers.Permute((3, 2, 1)",
        "classifier.0 classifier.1",
        "order.flatten order.axes",
    ),
    fault(LINEN, "edges reflected", STEM_LINEN, REFLECTED, "features.0", "convolution.mode"),
    or_at_the_end(
        fault(
            LINEN,
            "softmax before the loss",
            "return nn.Dense(5)(x)",
            "return nn.softmax(nn.Dense(5)(x))",
            "classifier.4",
            "activation.added loss.twice",
        )
    ),
    fault(
        LINEN, "SiLU for Leaky ReLU", LEAKY_LINEN, "x = nn.silu(x)", "features.6", "activation.kind"
    ),
    fault(
        LINEN,
        "pooled before the activation",
        f"{LEAKY_LINEN}\n        {POOL_LINEN}",
        f"{POOL_LINEN}\n        {LEAKY_LINEN}",
        "features.6 features.7",
        "order.layers",
    ),
    fault(
        LINEN,
        "batch norm without a shift",
        SECOND_NORM_LINEN,
        f"{SECOND_NORM_LINEN}use_bias=False, ",
        "features.5",
        "normalization.shift",
    ),
    fault(
        LINEN,
        "convolved with the kernel turned around",
        CONV_2_LINEN,
        TURNED,
        "features.4",
        "convolution.flipped",
    ),
    fault(
        NNX, "Softsign for tanh", "nnx.tanh(", "nnx.soft_sign(", "classifier.2", "activation.kind"
    ),
    fault(
        NNX,
        "momentum of 0.99 in a batch norm",
        "nnx.BatchNorm(8, momentum=0.9,",
        "nnx.BatchNorm(8, momentum=0.99,",
        "features.5",
        "running.momentum",
    ),
    fault(
        NNX,
        "second batch norm by running statistics",
        "self.norm2(self.conv2(x))",
        "self.norm2(self.conv2(x), use_running_average=True)",
        "features.5",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        NNX,
        "image upside down",
        "self.conv1(x)",
        "self.conv1(x[:, ::-1])",
        "features.0",
        "order.reversed",
    ),
    fault(
        NNX,
        "average over 2 x 2 pixels",
        "nnx.avg_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))",
        "nnx.avg_pool(x, (2, 2), strides=(2, 2))",
        "features.7",
        "stated.numbers pooling.size",
    ),
    fault(
        NNX,
        "no bias in the last layer",
        "nnx.Linear(12, 5,",
        "nnx.Linear(12, 5, use_bias=False,",
        "classifier.4",
        "affine.bias",
    ),
    fault(NNX, "loss in bits", ".mean()", ".mean() / jnp.log(2.0)", END, "loss.factor"),
)
