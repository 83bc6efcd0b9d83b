"""Functions between modules, in canonical terms.

By name where they are called by name, by equation where they are not.

JAX writes many functions out while it traces (`gelu`, `softmax`, `mean`): these are known only
where their name is met in the model's file, or in an attribute of a module. Whatever else the model
does (`+`, methods of arrays) is read from the equations.
"""

from __future__ import annotations

import functools
import inspect
import math
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


EQUATIONS = {
    "add": "add",
    "add_any": "add",
    "mul": "multiply",
    "concatenate": "concatenate",
    "reshape": "reshape",
    "transpose": "transpose",
    "dot_general": "matmul",
    "reduce_window_max": "pooling",
}
SILENT = {
    "broadcast_in_dim",
    "convert_element_type",
    "copy",
    "copy_p",
    "squeeze",
    "stop_gradient",
    "iota",
    "random_bits",
    "pvary",
    "sharding_constraint",
    "full",
}
"""Equations that only bring a tensor into form, or make constants."""


def of_equation(eqn: Any) -> Meaning | None:
    """What an equation is; None where it is not worth a place."""
    name = name_of(eqn)
    if (
        name in SILENT
        or not any(_real(var) for var in eqn.outvars)
        or not any(_tensor(var) for var in eqn.invars)
    ):
        return None
    if name in ACTIVATIONS and ACTIVATIONS[name] not in MIXING:
        return _activation(name, _literals(name, eqn))
    if name in ACTIVATIONS:
        return Meaning(name, "activation", {"name": ACTIVATIONS[name]})
    return Meaning(name, *_kind(name, eqn))


def name_of(eqn: Any) -> str:
    """The function's name where the equation is a call of one, else the equation's."""
    name = eqn.params.get("name")
    inner = eqn.params.get("call_jaxpr")
    if isinstance(name, str):
        return name.strip("_")
    if inner is not None and eqn.primitive.name.startswith("custom_") and len(inner.eqns) == 1:
        return name_of(inner.eqns[0])
    return eqn.primitive.name


def _literals(name: str, eqn: Any) -> dict[str, Any]:
    """The numbers that an activation was called with: they follow the tensor."""
    numbers = [
        float(var.val) for var in eqn.invars[1:] if hasattr(var, "val") and jnp.ndim(var.val) == 0
    ]
    names = {"leaky_relu": "negative_slope", "elu": "alpha", "celu": "alpha"}
    defaults = {"leaky_relu": 0.01, "elu": 1.0, "celu": 1.0}
    if name not in names:
        return {}
    return {
        names[name]: numbers[0] if numbers else defaults[name] if len(eqn.invars) == 1 else None
    }


def _kind(name: str, eqn: Any) -> tuple[str, dict[str, Any]]:
    params = eqn.params
    kind = EQUATIONS.get(name, "other")
    if name == "max" and _is_zero(eqn.invars):
        return "activation", {"name": "relu"}
    if kind == "concatenate":
        return kind, {"axis": int(params["dimension"])}
    if kind == "transpose":
        return kind, {"axes": [int(axis) for axis in params["permutation"]]}
    if kind == "reshape" and _flattens(eqn):
        return "flatten", {}
    if kind == "pooling":
        return _window(params)
    return kind, {}


def _is_zero(invars: Any) -> bool:
    return any(
        hasattr(var, "val") and jnp.ndim(var.val) == 0 and float(var.val) == 0 for var in invars
    )


def _flattens(eqn: Any) -> bool:
    before = eqn.invars[0].aval.shape
    after = eqn.outvars[0].aval.shape
    return len(before) > 2 and after == (before[0], math.prod(before[1:]))


def _window(params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    size = params["window_dimensions"]
    stride = params["window_strides"]
    padding = params["padding"]
    outer = (size[0], size[-1], stride[0], stride[-1])
    if set(outer) != {1} or len(size) < 3:
        return "other", {}
    space = slice(1, -1)
    numbers = {
        "which": "max",
        "size": list(size[space]),
        "stride": list(stride[space]),
        "ceil": False,
    }
    return "pooling", numbers | {"padding": [list(pair) for pair in padding[space]]}


def _real(var: Any) -> bool:
    return hasattr(var.aval, "dtype") and jnp.issubdtype(var.aval.dtype, jnp.floating)


def _tensor(var: Any) -> bool:
    return _real(var) and not hasattr(var, "val") and bool(var.aval.shape)
