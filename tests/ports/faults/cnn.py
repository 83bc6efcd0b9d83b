"""Faults of the plain CNN's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, Pair, fault

KERAS = Pair("cnn", "torch", "keras")
LINEN = Pair("cnn", "torch", "linen")
NNX = Pair("cnn", "torch", "nnx")
KERAS_LINEN = Pair("cnn", "keras", "linen")

RELU_FIRST = (
    """x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm_a")(x)
    x = layers.ReLU(name="relu_a")(x)""",
    """x = layers.ReLU(name="relu_a")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm_a")(x)""",
)
CONV_AFTER_SCALING = 'x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="conv_a")'
PADDED_POOL = (
    """x = layers.ZeroPadding2D(1, name="pad_b")(x)
    x = layers.AveragePooling2D(3, 2, name="pool_b")(x)""",
    'x = layers.AveragePooling2D(3, 2, padding="same", name="pool_b")(x)',
)
FIRST_NORM_LINEN = """use_bias=False)(x)
        x = nn.BatchNorm(use_running_average=not train"""
CONV_2_LINEN = "x = nn.Conv(8, (3, 3))(x)"

FAULTS = (
    fault(
        KERAS,
        "batch norm with Keras' epsilon",
        ', epsilon=1e-5, name="norm_b"',
        ', name="norm_b"',
        "features.5",
        "normalization.epsilon",
    ),
    fault(
        KERAS,
        "Leaky ReLU with Keras' slope",
        "negative_slope=0.25, ",
        "",
        "features.6",
        "activation.slope",
    ),
    fault(
        KERAS,
        "average pooling padded as Keras does",
        *PADDED_POOL,
        "features.7",
        "pooling.padding pooling.counted",
    ),
    fault(
        KERAS,
        "flattened with channels last",
        'x = layers.Permute((3, 1, 2), name="channels_first")(x)\n',
        "\n",
        "classifier.0",
        "order.flatten",
    ),
    fault(
        KERAS,
        "no bias in a convolution",
        'layers.Conv2D(8, 3, padding="same"',
        'layers.Conv2D(8, 3, padding="same", use_bias=False',
        "features.4",
        "affine.bias",
    ),
    fault(
        KERAS,
        "ReLU for ELU",
        'activation="elu"',
        'activation="relu"',
        "features.9",
        "activation.kind",
    ),
    fault(
        KERAS,
        "no activation after a dense layer",
        'layers.Dense(12, activation="tanh"',
        "layers.Dense(12",
        "classifier.2",
        "activation.missing",
    ),
    fault(
        KERAS,
        "average pooling for maximum",
        "layers.MaxPooling2D(2",
        "layers.AveragePooling2D(2",
        "features.3",
        "pooling.which",
    ),
    fault(
        KERAS,
        "batch norm frozen",
        'epsilon=1e-5, name="norm_a"',
        'epsilon=1e-5, trainable=False, name="norm_a"',
        "features.1",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        KERAS,
        "ReLU before the batch norm",
        *RELU_FIRST,
        "features.1 features.2",
        "order.layers normalization.order activation.added",
    ),
    fault(
        KERAS,
        "input divided by 255",
        f"{CONV_AFTER_SCALING}(image)",
        f"{CONV_AFTER_SCALING}(layers.Rescaling(1 / 255)(image))",
        "features.0",
        "data.scale",
    ),
    fault(
        KERAS,
        "dilated convolution",
        'layers.DepthwiseConv2D(3, padding="same"',
        'layers.DepthwiseConv2D(3, dilation_rate=2, padding="same"',
        "features.8",
        "convolution.dilation",
    ),
    fault(
        KERAS,
        "height and width exchanged",
        f"{CONV_AFTER_SCALING}(image)",
        f"{CONV_AFTER_SCALING}(layers.Permute((2, 1, 3))(image))",
        "features.0",
        "data.height_and_width",
    ),
    fault(
        LINEN,
        "padding not counted in the average",
        "padding=((1, 1), (1, 1)))",
        "padding=((1, 1), (1, 1)), count_include_pad=False)",
        "features.7",
        "pooling.counted",
    ),
    fault(
        LINEN,
        "Leaky ReLU with Flax' slope",
        "nn.leaky_relu(x, negative_slope=0.25)",
        "nn.leaky_relu(x)",
        "features.6",
        "activation.slope",
    ),
    fault(
        LINEN,
        "flattened with channels last",
        "x = jnp.transpose(x, (0, 3, 1, 2))\n",
        "\n",
        "classifier.0",
        "order.flatten",
    ),
    fault(
        LINEN,
        "batch norm by running statistics",
        FIRST_NORM_LINEN,
        FIRST_NORM_LINEN.replace("not train", "True"),
        "features.1",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        LINEN,
        "circular padding",
        CONV_2_LINEN,
        'x = nn.Conv(8, (3, 3), padding="CIRCULAR")(x)',
        "features.4",
        "convolution.mode",
    ),
    fault(LINEN, "SELU for ELU", "nn.elu(x)", "nn.selu(x)", "features.9", "activation.kind"),
    fault(
        LINEN,
        "an activation twice",
        "x = nn.tanh(x)",
        "x = nn.tanh(nn.tanh(x))",
        "classifier.2",
        "activation.twice activation.added",
    ),
    fault(
        LINEN,
        "through float32 before the dense layer",
        "x = nn.Dense(12)(x)",
        "x = nn.Dense(12)(x.astype(jnp.float32).astype(jnp.float64))",
        "classifier.0 classifier.1",
        "precision.float32",
    ),
    fault(
        NNX,
        "dilated convolution",
        "nnx.Conv(8, 8, (3, 3), feature",
        "nnx.Conv(8, 8, (3, 3), kernel_dilation=2, feature",
        "features.8",
        "convolution.dilation",
    ),
    fault(
        NNX,
        "batch norm with Keras' epsilon",
        "nnx.BatchNorm(6, momentum=0.9, epsilon=1e-5",
        "nnx.BatchNorm(6, momentum=0.9, epsilon=1e-3",
        "features.1",
        "normalization.epsilon",
    ),
    fault(
        NNX, "no ELU", "nnx.elu(self.conv3(x))", "self.conv3(x)", "features.9", "activation.missing"
    ),
    fault(
        NNX,
        "labels smoothed",
        "optax.softmax_cross_entropy_with_integer_labels(output, y)",
        "optax.softmax_cross_entropy(output, optax.smooth_labels(jax.nn.one_hot(y, 5), 0.1))",
        END,
        "loss.smoothing",
    ),
    fault(
        KERAS_LINEN,
        "momentum of a batch norm as PyTorch's",
        FIRST_NORM_LINEN + ", momentum=0.9",
        FIRST_NORM_LINEN + ", momentum=0.1",
        "norm_a",
        "running.momentum",
    ),
    fault(
        KERAS_LINEN,
        "another learning rate",
        "optax.sgd(0.1)",
        "optax.sgd(0.01)",
        END,
        "optimizer.learning_rate optimizer.rate",
    ),
    fault(
        KERAS_LINEN,
        "weight decay",
        "optax.sgd(0.1)",
        "optax.chain(optax.add_decayed_weights(0.01), optax.sgd(0.1))",
        END,
        "optimizer.decay",
    ),
    fault(KERAS_LINEN, "loss summed over the batch", ".mean()", ".sum()", END, "loss.reduction"),
    fault(
        KERAS_LINEN,
        "hard tanh for tanh",
        "nn.tanh(x)",
        "nn.hard_tanh(x)",
        "hidden:tanh",
        "activation.kind",
    ),
)
