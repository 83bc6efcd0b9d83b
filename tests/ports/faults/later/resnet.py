"""Later faults of the residual CNN's ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, fault
from tests.ports.faults.resnet import KERAS, LINEN, LINEN_KERAS, LINEN_TORCH, NORMED, PARTIAL, SUM

CONV_2_KERAS = 'self.conv2 = layers.Conv2D(filters, 3, padding="same", use_bias=False'
STEM_KERAS = "ops.relu(self.stem_bn(self.stem(x), training=training))"
STRIDE_LATE = (
    """self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)""",
    """self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)""",
)
WEIGHTED = (
    "F.cross_entropy(output, y)",
    (
        "F.cross_entropy(output, y, weight=torch.tensor([1.0, 2.0, 1.0, 1.0, 0.5], "
        "dtype=output.dtype))"
    ),
)
SGD = "keras.optimizers.SGD(0.1)"

LATER = (
    fault(
        KERAS,
        "Leaky ReLU after the sum",
        "self.relu2 = layers.ReLU()",
        "self.relu2 = layers.ReLU(negative_slope=0.1)",
        "layer1:relu#1",
        "activation.slope activation.kind",
    ),
    fault(
        KERAS,
        "second convolutions frozen",
        CONV_2_KERAS,
        f"{CONV_2_KERAS}, trainable=False",
        "layer1.conv2 layer2.conv2",
        "gradient.frozen",
    ),
    fault(
        KERAS,
        "second convolutions dilated",
        CONV_2_KERAS,
        f"{CONV_2_KERAS}, dilation_rate=2",
        "layer1.conv2",
        "convolution.dilation",
    ),
    fault(
        KERAS,
        "mean of the branches for their sum",
        "layers.Add()",
        "layers.Average()",
        "layer1:add",
        "skip.scale scale.factor",
    ),
    fault(
        KERAS,
        "ReLU on the shortcut",
        SUM,
        "self.relu2(self.add([out, ops.relu(x)]))",
        "layer2.downsample.1 layer2:add",
        "activation.added",
    ),
    fault(
        KERAS,
        "training not handed on to the shortcut",
        NORMED,
        "self.shortcut_bn(self.shortcut(x), training=False)",
        "layer2.downsample.1",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        KERAS,
        "through float32 between the blocks",
        "self.block2(x,",
        'self.block2(ops.cast(ops.cast(x, "float32"), "float64"),',
        "layer1:relu#1 layer2.downsample.0 layer2.conv1",
        "precision.float32",
    ),
    fault(
        LINEN,
        "sum over pixels for the mean",
        "x.mean(axis=(1, 2))",
        "x.sum(axis=(1, 2))",
        ":adaptive_avg_pool2d",
        "order.reduction pooling.which scale.factor",
    ),
    fault(
        LINEN,
        "ReLU before the batch norm as well",
        "nn.relu(norm()(y))",
        "nn.relu(norm()(nn.relu(y)))",
        "layer1.conv1 layer1.bn1",
        "activation.added",
    ),
    fault(
        LINEN,
        "Flax' momentum in the blocks",
        PARTIAL,
        PARTIAL.replace("0.9", "0.99"),
        "layer1.bn1",
        "running.momentum",
    ),
    fault(
        LINEN,
        "through float32 before the batch norm",
        'name="stem_norm"\n        )(x)',
        'name="stem_norm"\n        )(x.astype(np.float32).astype(float))',
        "conv bn",
        "precision.float32",
    ),
    fault(
        LINEN,
        "training not handed on to the second block",
        "Block(8, strides=2)(x, train)",
        "Block(8, strides=2)(x, False)",
        "layer2.downsample.1 layer2.bn1",
        "normalization.evaluation normalization.statistics",
    ),
    fault(
        LINEN,
        "no scale in the shortcut's batch norm",
        'norm(name="shortcut_norm")',
        'norm(use_scale=False, name="shortcut_norm")',
        "layer2.downsample.1",
        "normalization.scale",
    ),
    fault(
        LINEN,
        "branch detached",
        "nn.relu(y + residual)",
        "nn.relu(jax.lax.stop_gradient(y) + residual)",
        "layer2.bn2",
        "gradient.detached gradient.way",
    ),
    fault(
        LINEN_TORCH,
        "stride in the second convolution",
        *STRIDE_LATE,
        "Block_1.Conv_0",
        "convolution.stride",
    ),
    fault(
        LINEN_TORCH,
        "batch norm without scale and shift",
        "self.bn1 = nn.BatchNorm2d(outputs)",
        "self.bn1 = nn.BatchNorm2d(outputs, affine=False)",
        "Block_0.BatchNorm_0",
        "normalization.scale_and_shift",
    ),
    fault(
        LINEN_TORCH,
        "momentum of 0.01 in the first batch norm",
        "self.bn = nn.BatchNorm2d(6)",
        "self.bn = nn.BatchNorm2d(6, momentum=0.01)",
        "stem_norm",
        "running.momentum",
    ),
    fault(LINEN_TORCH, "classes weighted", *WEIGHTED, END, "loss.weights"),
    fault(
        LINEN_KERAS,
        "weight decay of 0.001",
        SGD,
        "keras.optimizers.SGD(0.1, weight_decay=0.001)",
        END,
        "optimizer.decay",
    ),
    fault(
        LINEN_KERAS,
        "momentum of 0.95",
        SGD,
        "keras.optimizers.SGD(0.1, momentum=0.95)",
        END,
        "optimizer.momentum",
    ),
    fault(
        LINEN_KERAS, "RMSprop for SGD", SGD, "keras.optimizers.RMSprop(0.1)", END, "optimizer.kind"
    ),
    fault(
        LINEN_KERAS,
        "Leaky ReLU for ReLU",
        STEM_KERAS,
        STEM_KERAS.replace("relu(self", "leaky_relu(self")[:-1] + ", 0.1)",
        ":relu",
        "activation.slope activation.kind",
    ),
)
