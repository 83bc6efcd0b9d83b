"""Functions between modules, in canonical terms.

By name where they are called by name, by equation where they are not.

JAX writes many functions out while it traces (`gelu`, `softmax`, `mean`): these are known only
where their name is met in the model's file, or in an attribute of a module. Whatever else the model
does (`+`, methods of arrays) is read from the equations.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx
from jax.core import Tracer

from .windows import pooling_numbers


class Meaning(NamedTuple):
    """What a function is: as in `Place`."""

    type: str
    kind: str
    config: dict[str, Any]


ACTIVATIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "celu": "celu",
    "gelu": "gelu",
    "silu": "silu",
    "swish": "silu",
    "sigmoid": "sigmoid",
    "logistic": "sigmoid",
    "log_sigmoid": "log_sigmoid",
    "tanh": "tanh",
    "softplus": "softplus",
    "soft_sign": "softsign",
    "mish": "mish",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_swish",
    "hard_swish": "hard_swish",
    "hard_tanh": "hard_tanh",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "standardize": "standardize",
    "glu": "glu",
    "squareplus": "squareplus",
}
"""The framework's names, of functions and of equations, to the canonical ones."""

MIXING = ("softmax", "log_softmax", "standardize", "glu")
"""Those that are not element by element."""

_NUMBERS = {
    "negative_slope": "slope",
    "alpha": "alpha",
    "approximate": "approximate",
    "axis": "axis",
}


def _activation(name: str, given: dict[str, Any]) -> Meaning:
    numbers = {_NUMBERS[key]: _number(value) for key, value in given.items() if key in _NUMBERS}
    return Meaning(name, "activation", {"name": ACTIVATIONS[name]} | numbers)


def _number(value: Any) -> Any:
    """As JSON takes it; None where it is traced, and so not known."""
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, tuple | list):
        return [_number(each) for each in value]
    return None if isinstance(value, Tracer) else float(value)


def _pooling(which: str, name: str, given: dict[str, Any]) -> Meaning:
    return Meaning(name, "pooling", pooling_numbers(given, which))


def _mean(name: str, given: dict[str, Any]) -> Meaning:
    ndim = jnp.ndim(given["a"])
    axes = given.get("axis")
    chosen = range(ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    return Meaning(name, "mean", {"axes": [int(axis) % ndim for axis in chosen]})


def attention(name: str, given: dict[str, Any]) -> Meaning:
    """Of a function of attention."""
    query = given["query"]
    scale = given.get("scale")
    config: dict[str, Any] = {
        "heads": int(query.shape[-2]),
        "scale": _number(scale) if scale else query.shape[-1] ** -0.5,
    }
    config["causal"] = (
        True if given.get("is_causal") else None if given.get("mask") is not None else False
    )
    return Meaning(name, "attention", config)


def _other(name: str, _: dict[str, Any]) -> Meaning:
    return Meaning(name, "other", {})


Rule = Callable[[str, dict[str, Any]], Meaning]


def _known() -> dict[Callable[..., Any], Rule]:
    rules: dict[Callable[..., Any], Rule] = {}
    for name in ACTIVATIONS:
        rules |= {
            getattr(space, name): _activation for space in (jax.nn, nn, nnx) if hasattr(space, name)
        }
    rules |= {jnp.tanh: _activation, jax.lax.tanh: _activation, jax.lax.logistic: _activation}
    for which, name in (("max", "max_pool"), ("min", "min_pool"), ("average", "avg_pool")):
        rules |= {
            getattr(space, name): functools.partial(_pooling, which)
            for space in (nn, nnx)
            if hasattr(space, name)
        }
    rules |= {space.dot_product_attention: attention for space in (jax.nn, nn, nnx)}
    rules |= {jnp.mean: _mean, jnp.var: _other, jnp.std: _other, nn.normalize: _other}
    return rules


KNOWN = _known()
"""The functions that are met by name: there is one object for all names of it."""


def arguments(function: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """By name, with the defaults."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def meaning(function: Any, given: dict[str, Any]) -> Meaning:
    """What a known function is, called so."""
    return KNOWN[function](function.__name__, given)


def activation_name(function: Any) -> str:
    """The canonical name of an activation, else its own."""
    own = getattr(function, "__name__", type(function).__name__)
    return ACTIVATIONS.get(own, own)
