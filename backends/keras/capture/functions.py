"""What a function between modules is in every framework, and its numbers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

ACTIVATIONS = {
    **{
        name: name
        for name in (
            "relu",
            "relu6",
            "leaky_relu",
            "elu",
            "selu",
            "celu",
            "gelu",
            "silu",
            "sigmoid",
            "tanh",
            "mish",
        )
    },
    **{
        name: name
        for name in (
            "softplus",
            "softsign",
            "hard_sigmoid",
            "hard_tanh",
            "softmax",
            "log_softmax",
            "log_sigmoid",
        )
    },
    **{
        name: name
        for name in (
            "glu",
            "hard_shrink",
            "soft_shrink",
            "tanh_shrink",
            "threshold",
            "squareplus",
            "sparse_plus",
        )
    },
    **{
        "swish": "silu",
        "hard_silu": "hard_swish",
        "hard_swish": "hard_swish",
        "sparsemax": "sparsemax",
    },
}
"""What frameworks call it, and what we do."""

KINDS = {
    **{
        name: name
        for name in ("add", "multiply", "reshape", "transpose", "matmul", "concatenate", "mean")
    },
    **{
        "concat": "concatenate",
        "reduce_mean": "mean",
        "dot": "matmul",
        "mul": "multiply",
        "permute": "transpose",
    },
    **{"max_pool": "pooling", "average_pool": "pooling", "dot_product_attention": "attention"},
}

NUMBERS = {
    "activation": {
        "negative_slope": "slope",
        "alpha": "alpha",
        "approximate": "approximate",
        "axis": "axis",
    },
    "concatenate": {"axis": "axis"},
    "mean": {"axis": "axes"},
    "transpose": {"axes": "axes", "perm": "axes"},
    "attention": {"scale": "scale", "is_causal": "causal"},
}
"""By kind, what an argument is called in the framework, and what in the configuration."""


def snake(name: str) -> str:
    """`LeakyReLU` is `leaky_relu`, and `<lambda>` is `lambda`."""
    plain = (
        re.sub(r"\W", "", name)
        .replace("ReLU", "Relu")
        .replace("ELU", "Elu")
        .replace("GELU", "Gelu")
    )
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()


def name_of(function: Any) -> str:
    """What a function, or a callable object, is called in a path."""
    return snake(getattr(function, "__name__", None) or type(function).__name__)


def arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """By name, what a function was given, and its defaults.

    Empty where it says nothing about its arguments.
    """
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {}
    bound.apply_defaults()
    return dict(bound.arguments)


def described(name: str, numbers: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of a function by its name, and its configuration from its arguments."""
    if name in ACTIVATIONS:
        return _activation(ACTIVATIONS[name], numbers)
    kind = KINDS.get(name, "other")
    config = _renamed(kind, name, numbers)
    if kind == "pooling":
        config["which"] = "max" if name == "max_pool" else "average"
    return kind, config


def rectifier(slope: float, largest: float | None, threshold: float) -> tuple[str, dict[str, Any]]:
    """Of a rectifier with Keras' three numbers: the kind and the configuration."""
    if threshold or largest not in (None, 6) or (largest and slope):
        return "other", {"threshold": threshold, "largest": largest, "slope": slope}
    if slope:
        return "activation", {"name": "leaky_relu", "slope": single(slope)}
    return "activation", {"name": "relu6" if largest else "relu"}


def single(number: float) -> float:
    """The number as float32 has it."""
    return float(np.float32(number))


def plain(value: Any) -> Any:
    """A number, a text, or a list of them, as JSON has it; None for all else."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value if isinstance(value, bool | int | float | str) else None


def _activation(name: str, numbers: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if name == "relu":
        slope, threshold = (float(numbers.get(key) or 0) for key in ("negative_slope", "threshold"))
        return rectifier(slope, numbers.get("max_value"), threshold)
    config = _renamed("activation", name, numbers)
    if "softmax" in name:
        config.setdefault("axis", -1)
    return "activation", {"name": name, **config}


def _renamed(kind: str, name: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    called = NUMBERS.get(kind, {})
    config = {
        called[key]: plain(value)
        for key, value in numbers.items()
        if key in called and plain(value) is not None
    }
    if name == "leaky_relu" and "alpha" in config:
        config["slope"] = config.pop("alpha")
    if "slope" in config:
        config["slope"] = single(config["slope"])
    return config
