"""An activation as a line of each framework."""

from __future__ import annotations

from experiments.causes._case import Case
from experiments.causes._change import code, cure
from experiments.causes._definition.activation import (
    approximate,
)

SINGLE = "TensorFlow keeps this number in float32, in a float64 model too."


NUMBERS = {"leaky_relu": "slope", "prelu": "slope", "elu": "alpha", "celu": "alpha"}


TORCH = {
    "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU",
    "selu": "SELU", "celu": "CELU",
    "gelu": "GELU", "silu": "SiLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus",
    "softsign": "Softsign",
    "mish": "Mish", "hard_sigmoid": "Hardsigmoid", "hard_swish": "Hardswish",
    "hard_tanh": "Hardtanh",
    "log_sigmoid": "LogSigmoid", "tanh_shrink": "Tanhshrink", "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
}  # fmt: skip


JAX = {
    "hard_swish": "hard_silu",
    "tanh": "tanh",
    "linear": "identity",
    "hard_tanh": "hard_tanh",
    "softsign": "soft_sign",
}


def line(case: Case, config: dict | None = None) -> str:
    """The reference's activation in the port's framework."""
    stated = case.reference.config if config is None else config
    name = stated.get("name", "relu")
    key = NUMBERS.get(name, "")
    given = code(stated[key]) if key in stated else ""
    tanh = approximate(stated)
    torch = {
        "leaky_relu": f"negative_slope={given}",
        "elu": f"alpha={given}",
        "celu": f"alpha={given}",
    }.get(name, "")
    torch = (
        f"approximate={'tanh' if tanh else 'none'!r}" if name == "gelu" else torch if given else ""
    )
    keras = (
        f", negative_slope={given}"
        if name == "leaky_relu" and given
        else f", alpha={given}"
        if given
        else ""
    )
    jax = f", approximate={tanh}" if name == "gelu" else keras
    keras = f", approximate={tanh}" if name == "gelu" else keras
    return cure(
        case,
        f"torch.nn.{TORCH.get(name, 'Identity')}({torch})",
        f"keras.activations.{name if name != 'identity' else 'linear'}(x{keras})",
        f"jax.nn.{JAX.get(name, name)}(x{jax})",
    )
