"""Activations as functions of an array, by the names of isograd/kinds.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import erfc, expit

from experiments.causes._definition.errors import Undefined

Config = Mapping[str, Any]
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def gelu(x: np.ndarray) -> np.ndarray:
    """X times the probability that a standard normal number is below x."""
    return 0.5 * x * erfc(-x / np.sqrt(2))


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """GELU's approximation by tanh (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_quick(x: np.ndarray) -> np.ndarray:
    """GELU's approximation by the logistic function."""
    return x * expit(1.702 * x)


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)), which does not overflow."""
    return np.logaddexp(0, x)


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0)


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    """X above 0, alpha (exp(x) - 1) below."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x: np.ndarray, alpha: float) -> np.ndarray:
    """X above 0, alpha (exp(x / alpha) - 1) below."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    """X / 6 + 1/2 between 0 and 1, as PyTorch, Keras 3 and JAX have it."""
    return np.clip(x / 6 + 0.5, 0, 1)


def hard_sigmoid_fifth(x: np.ndarray) -> np.ndarray:
    """X / 5 + 1/2 between 0 and 1, as Keras 2 had it."""
    return np.clip(x / 5 + 0.5, 0, 1)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x) over its sum."""
    high = np.exp(x - x.max(axis, keepdims=True))
    return high / high.sum(axis, keepdims=True)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """The logarithm of softmax, which does not underflow."""
    low = x - x.max(axis, keepdims=True)
    return low - np.log(np.exp(low).sum(axis, keepdims=True))


FIXED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": relu,
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: SELU_SCALE * elu(x, SELU_ALPHA),
    "silu": lambda x: x * expit(x),
    "sigmoid": expit,
    "tanh": np.tanh,
    "softplus": softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(softplus(x)),
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": lambda x: x * hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "log_sigmoid": lambda x: -softplus(-x),
    "exponential": np.exp,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "identity": lambda x: x,
}
"""Those without a number of their own."""
NAMES = {"linear": "identity", "swish": "silu"}
"""Other names of the same."""


def activation(config: Config, parameters: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """What an activation with these numbers makes of x."""
    name = NAMES.get(str(config.get("name")), config.get("name"))
    match name:
        case "leaky_relu":
            return np.where(x > 0, x, number(config, "slope") * x)
        case "prelu":
            return np.where(x > 0, x, needed(parameters, "slope") * x)
        case "elu":
            return elu(x, config.get("alpha", 1.0))
        case "celu":
            return celu(x, config.get("alpha", 1.0))
        case "gelu":
            return gelu_tanh(x) if approximate(config) else gelu(x)
        case "softmax":
            return softmax(x, config.get("axis", -1))
        case "log_softmax":
            return log_softmax(x, config.get("axis", -1))
    if name not in FIXED:
        raise Undefined(f"an activation {name}")
    return FIXED[name](x)


def approximate(config: Config) -> bool:
    """Whether a GELU is the one by tanh: PyTorch says "tanh" or "none", others true or false."""
    return config.get("approximate", False) not in (False, None, "none")


def number(config: Config, name: str) -> Any:
    """A number that has to be stated."""
    if config.get(name) is None:
        raise Undefined(f"{name} is not stated")
    return config[name]


def needed(parameters: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A parameter that has to be there."""
    if name not in parameters:
        raise Undefined(f"no parameter {name}")
    return parameters[name]
