"""The lines of each framework that advice asks for, and how its text spells a share and layers."""

from __future__ import annotations

LINES: dict[str, dict[str, str]] = {
    "relu": {
        "torch": "nn.ReLU() in place of nn.{activation}",
        "keras": 'keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")',
        "linen": "nn.relu(x) in place of nn.{activation}(x)",
        "nnx": "nnx.relu(x) in place of nnx.{activation}(x)",
    },
    "leaky": {
        "torch": "nn.LeakyReLU(0.01) in place of nn.ReLU()",
        "keras": "keras.layers.LeakyReLU(negative_slope=0.01) in place of a relu",
        "linen": "nn.leaky_relu(x, negative_slope=0.01) in place of nn.relu(x)",
        "nnx": "nnx.leaky_relu(x, negative_slope=0.01) in place of nnx.relu(x)",
    },
    "he": {
        "torch": (
            "torch.nn.init.kaiming_normal_(layer.weight, nonlinearity='relu'); "
            "torch.nn.init.zeros_(layer.bias)"
        ),
        "keras": 'kernel_initializer="he_normal" in each layer',
        "linen": "kernel_init=nn.initializers.he_normal() in each layer",
        "nnx": "kernel_init=nnx.initializers.he_normal() in each layer",
    },
    "xavier": {
        "torch": "torch.nn.init.xavier_normal_(layer.weight); torch.nn.init.zeros_(layer.bias)",
        "keras": 'kernel_initializer="glorot_normal" in each layer',
        "linen": "kernel_init=nn.initializers.glorot_normal() in each layer",
        "nnx": "kernel_init=nnx.initializers.glorot_normal() in each layer",
    },
    "normalization": {
        "torch": (
            "nn.BatchNorm1d(features), of images nn.BatchNorm2d(channels), before each activation"
        ),
        "keras": "keras.layers.BatchNormalization() before each activation",
        "linen": "nn.BatchNorm(use_running_average=not train)(x) before each activation",
        "nnx": "nnx.BatchNorm(features, rngs=rngs) before each activation",
    },
    "input": {
        "torch": "x = (x - mean) / std, with those of the training set",
        "keras": "x = (x - mean) / std, with those of the training set",
        "linen": "x = (x - mean) / std, with those of the training set",
        "nnx": "x = (x - mean) / std, with those of the training set",
    },
    "logits": {
        "torch": "return the logits: nn.CrossEntropyLoss takes its own softmax",
        "keras": (
            "keras.losses.SparseCategoricalCrossentropy(from_logits=False), or no softmax and "
            "from_logits=True"
        ),
        "linen": (
            "return the logits: optax.softmax_cross_entropy_with_integer_labels takes its own "
            "softmax"
        ),
        "nnx": (
            "return the logits: optax.softmax_cross_entropy_with_integer_labels takes its own "
            "softmax"
        ),
    },
    "rate": {
        "torch": "torch.optim.{optimizer}(model.parameters(), lr={rate:.1g})",
        "keras": "keras.optimizers.{optimizer}(learning_rate={rate:.1g})",
        "linen": "optax.{optimizer}({rate:.1g})",
        "nnx": "optax.{optimizer}({rate:.1g})",
    },
    "open": {
        "torch": "return self.out(x), without nn.ReLU() behind it",
        "keras": "keras.layers.Dense(units), without an activation",
        "linen": "return nn.Dense(units)(x), without nn.relu",
        "nnx": "return self.out(x), without nnx.relu",
    },
    "momentum": {
        "torch": "torch.optim.SGD(model.parameters(), lr={rate:.1g}, momentum=0.9)",
        "keras": "keras.optimizers.SGD({rate:.1g}, momentum=0.9)",
        "linen": "optax.sgd({rate:.1g}, momentum=0.9)",
        "nnx": "optax.sgd({rate:.1g}, momentum=0.9)",
    },
    "uncut": {
        "torch": "no .detach(), torch.no_grad() or requires_grad_(False) there",
        "keras": "no tf.stop_gradient there, and layer.trainable = True",
        "linen": "no jax.lax.stop_gradient there",
        "nnx": "no jax.lax.stop_gradient there",
    },
}
"""By what is advised and the framework's interface."""


def percent(share: float) -> str:
    """A share, with two digits where it is small."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def named(paths: list[str]) -> str:
    """Layers by their paths; a number alone is no name."""
    return " and ".join(f"layer {path}" if path.isdigit() else path for path in paths)
