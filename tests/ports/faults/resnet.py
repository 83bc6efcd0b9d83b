"""Faults of the residual CNN's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, Pair, fault

KERAS = Pair("resnet", "torch", "keras")
LINEN = Pair("resnet", "torch", "linen")
LINEN_TORCH = Pair("resnet", "linen", "torch")
LINEN_KERAS = Pair("resnet", "linen", "keras")

SAME = (
    """self.conv1 = layers.Conv2D(filters, 3, strides, use_bias=False)""",
    """self.pad = layers.Identity()
        self.conv1 = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)""",
)
SUM = "self.relu2(self.add([out, x]))"
NORMED = "self.shortcut_bn(self.shortcut(x), training=training)"
NORM_2 = "self.bn2(self.conv2(out), training=training)"
PARTIAL = "momentum=0.9, epsilon=1e-5)\n        residual"
WITH_OPTIMIZER = """return F.cross_entropy(output, y)


def optimizer(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.1)"""

FAULTS = (
    fault(
        KERAS,
        "strided convolution padded as Keras does",
        *SAME,
        "layer2.conv1",
        "convolution.padding",
    ),
    fault(
        KERAS,
        "ReLU before the sum",
        SUM,
        "self.add([self.relu2(out), x])",
        "layer1:add layer1:relu#1",
        "skip.order activation.added",
    ),
    fault(KERAS, "no shortcut", SUM, "self.relu2(out)", "layer1:add", "skip.missing"),
    fault(
        KERAS,
        "shortcut halved",
        SUM,
        "self.relu2(self.add([out, 0.5 * x]))",
        "layer1:add",
        "skip.scale scale.factor",
    ),
    fault(
        KERAS,
        "no batch norm in the shortcut",
        NORMED,
        "self.shortcut(x)",
        "layer2.downsample.1",
        "normalization.missing",
    ),
    fault(
        KERAS,
        "no ReLU between the convolutions",
        "self.relu1(self.bn1(out, training=training))",
        "self.bn1(out, training=training)",
        "layer1:relu",
        "activation.missing",
    ),
    fault(
        KERAS,
        "maximum for the mean over pixels",
        "layers.GlobalAveragePooling2D()",
        "layers.GlobalMaxPooling2D()",
        ":adaptive_avg_pool2d",
        "pooling.which",
    ),
    fault(
        KERAS,
        "training not handed on to a batch norm",
        NORM_2,
        "self.bn2(self.conv2(out), training=False)",
        "layer1.bn2",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        KERAS,
        "shortcut detached",
        SUM,
        "self.relu2(self.add([out, tf.stop_gradient(x)]))",
        "layer2.bn2 layer2.downsample.1 layer1:relu#1",
        "gradient.way gradient.detached",
    ),
    fault(
        LINEN,
        "strided convolution padded as Flax does",
        "self.strides, padding=1, use_bias",
        "self.strides, use_bias",
        "layer2.conv1",
        "convolution.padding",
    ),
    fault(
        LINEN,
        "ReLU before the sum",
        "nn.relu(y + residual)",
        "nn.relu(y) + residual",
        "layer1:add layer1:relu#1",
        "skip.order activation.added",
    ),
    fault(
        LINEN,
        "batch norms with Keras' epsilon",
        PARTIAL,
        PARTIAL.replace("1e-5", "1e-3"),
        "layer1.bn1",
        "normalization.epsilon",
    ),
    fault(
        LINEN,
        "maximum for the mean over pixels",
        "x.mean(axis=(1, 2))",
        "x.max(axis=(1, 2))",
        ":adaptive_avg_pool2d",
        "pooling.which order.reduction",
    ),
    fault(
        LINEN,
        "no batch norm in the shortcut",
        """residual = norm(name="shortcut_norm")(residual)""",
        "pass",
        "layer2.downsample.1",
        "normalization.missing",
    ),
    fault(
        LINEN,
        "residual branch scaled by 0.1",
        "nn.relu(y + residual)",
        "nn.relu(0.1 * y + residual)",
        "layer1:add",
        "skip.scale scale.factor",
    ),
    fault(
        LINEN,
        "channels as BGR",
        """name="stem")(x)""",
        """name="stem")(x[..., ::-1])""",
        "conv",
        "data.channels",
    ),
    fault(
        LINEN,
        "block's gradient cut",
        "x = Block(6)(x, train)",
        "x = jax.lax.stop_gradient(Block(6)(x, train))",
        "layer1:relu#1 layer1:add",
        "gradient.detached",
    ),
    fault(
        LINEN_TORCH,
        "running variance unbiased",
        "return F.cross_entropy(output, y)",
        WITH_OPTIMIZER,
        "stem_norm",
        "running.unbiased",
    ),
    fault(
        LINEN_TORCH,
        "batch norm with another epsilon",
        "self.bn2 = nn.BatchNorm2d(outputs)",
        "self.bn2 = nn.BatchNorm2d(outputs, eps=1e-3)",
        "Block_0.BatchNorm_1",
        "normalization.epsilon",
    ),
    fault(
        LINEN_TORCH,
        "no ReLU after the sum",
        "return F.relu(out + shortcut)",
        "return out + shortcut",
        "Block_0:relu#1",
        "activation.missing",
    ),
    fault(
        LINEN_TORCH,
        "batch norm frozen in evaluation mode",
        "x = F.relu(self.bn(self.conv(x)))",
        "x = F.relu(self.bn.eval()(self.conv(x)))",
        "stem_norm",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        LINEN_TORCH,
        "SiLU for ReLU",
        "x = F.relu(self.bn",
        "x = F.silu(self.bn",
        ":relu",
        "activation.kind",
    ),
    fault(
        LINEN_KERAS,
        "logits taken for probabilities",
        "(from_logits=True)",
        "()",
        END,
        "loss.logits loss.kind loss.twice",
    ),
    fault(
        LINEN_KERAS,
        "Keras' momentum of a batch norm",
        "self.stem_bn = layers.BatchNormalization(momentum=0.9, ",
        "self.stem_bn = layers.BatchNormalization(",
        "stem_norm",
        "running.momentum",
    ),
    fault(
        LINEN_KERAS,
        "Nesterov's momentum",
        "keras.optimizers.SGD(0.1)",
        "keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)",
        END,
        "optimizer.momentum optimizer.momentum_and_nesterov optimizer.nesterov",
    ),
)
