"""What an equation between modules is, in canonical terms."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from .functions import ACTIVATIONS, MIXING, Meaning, _activation

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
