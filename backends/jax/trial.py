"""Lines of JAX, Flax and optax, tried.

What a line makes, and the numbers and gradients that come out of it.

A line is what a reader would write, as `linen.BatchNorm(use_running_average=not training)`. Arrays
are in the layouts that all wings share: those of Flax.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen, nnx
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.nn import initializers

from common.line import value as line_value
from common.network import Arrays

NAMES = {
    "jax": jax, "jnp": jnp, "linen": linen, "nnx": nnx, "initializers": initializers,
    "optax": optax, "inspect": inspect,
    "np": np, "math": math,
}  # fmt: skip
"""What a line may name, besides what is given to it."""


def value(line: str, given: Mapping[str, Any] | None = None) -> Any:
    """What a line says in this framework."""
    return line_value(line, {**NAMES, "pull": pull, **(given or {})})


def tried(kind: str, line: str, given: Arrays) -> Arrays:
    """The numbers that come out of a line (backends/torch/trial.py says which)."""
    with jax.enable_x64(True):
        return {name: np.asarray(a, float) for name, a in KINDS[kind](line, given).items()}


def _scalars(given: Arrays) -> dict[str, Any]:
    return {name: a.item() for name, a in given.items() if a.ndim == 0}


def _arrays(given: Arrays) -> dict[str, jax.Array]:
    return {name: jnp.asarray(a) for name, a in given.items() if a.ndim}


def _pulled(function: Callable[..., jax.Array], arrays: Mapping[str, jax.Array]) -> dict[str, Any]:
    """The value and gradients of a function of arrays by name.

    The gradients are along `cotangent`, by all that it comes from.
    """
    sources = {
        name: a
        for name, a in arrays.items()
        if jnp.issubdtype(a.dtype, jnp.floating) and name != "cotangent"
    }
    fixed = {name: a for name, a in arrays.items() if name not in sources and name != "cotangent"}
    found, back = jax.vjp(lambda sources: function(**sources, **fixed), sources)
    (gradients,) = back(arrays.get("cotangent", jnp.ones_like(found)))
    return {"value": found, **{f"gradient of {name}": a for name, a in gradients.items()}}


def pull(function: Callable[[jax.Array], jax.Array], x: Any) -> dict[str, Any]:
    """The value of a function at x and the gradient of its sum, for lines."""
    return _pulled(lambda x: function(x), {"x": jnp.asarray(x)})


def _expression(line: str, given: Arrays) -> dict[str, Any]:
    found = value(line, {**_scalars(given), **_arrays(given)})
    return found if isinstance(found, dict) else {"value": found}


def _function(line: str, given: Arrays) -> dict[str, Any]:
    function = value(line, _scalars(given))
    return _pulled(lambda x: function(x), _arrays(given))


def _loss(line: str, given: Arrays) -> dict[str, Any]:
    function = value(line, _scalars(given))
    return _pulled(lambda outputs, y: function(outputs, y), _arrays(given))


def _module(line: str, given: Arrays, training: bool = True) -> Any:
    return value(line, {**_scalars(given), "training": training})


def doubled(variables: Any) -> Any:
    """Variables in float64: Flax makes them in float32, whatever JAX may hold."""
    return jax.tree.map(lambda a: a.astype("float64"), variables)


def _layer(line: str, given: Arrays) -> dict[str, Any]:
    layer = _module(line, given)
    arrays = _arrays(given)
    variables = flatten_dict(doubled(layer.init(jax.random.key(0), arrays["x"])))
    variables = unflatten_dict({path: arrays.get(path[-1], a) for path, a in variables.items()})
    kept = sorted(set(variables) - {"params"})

    def after(x: jax.Array) -> tuple[Any, Any]:
        return layer.apply(variables, x, mutable=kept)

    def output(x: jax.Array) -> Any:
        return after(x)[0]

    found = _pulled(output, arrays)
    statistics = flatten_dict(after(arrays["x"])[1])
    found |= {f"kept {_KEPT.get(path[-1], path[-1])}": a for path, a in statistics.items()}
    evaluating = {"params": variables.get("params", {}), **unflatten_dict(statistics)}
    return found | {
        "evaluated": _module(line, given, training=False).apply(evaluating, arrays["x"])
    }


_KEPT = {"mean": "running_mean", "var": "running_var"}


def _image(line: str, given: Arrays) -> dict[str, Any]:
    """A module, or a function of x as pooling is."""
    layer = _module(line, given)
    arrays = _arrays(given)
    if not isinstance(layer, linen.Module):
        return _pulled(lambda x: layer(x), arrays)
    own = doubled(layer.init(jax.random.key(0), arrays["x"]))["params"]
    axes = (0, 1, 3, 2) if getattr(layer, "transpose_kernel", False) else (0, 1, 2, 3)

    def output(x: jax.Array, kernel: jax.Array) -> Any:
        return layer.apply({"params": {**own, "kernel": kernel.transpose(axes)}}, x)

    return _pulled(output, arrays)


def _start(line: str, given: Arrays) -> dict[str, Any]:
    scalars = _scalars(given)
    variables: Any = _module(line, given).init(jax.random.key(0), jnp.zeros((1, scalars["n_in"])))[
        "params"
    ]
    kernel = np.asarray(variables["kernel"], float)
    bias = float(np.abs(variables["bias"]).max()) if "bias" in variables else 0.0
    return {
        "std": kernel.std() * math.sqrt(scalars["n_in"]),
        "largest": np.abs(kernel).max() / kernel.std(),
        "bias": bias,
    }


def _clip(line: str, given: Arrays) -> dict[str, Any]:
    transformation = value(line, _scalars(given))
    gradients = _arrays(given)
    zeros = jax.tree.map(jnp.zeros_like, gradients)
    return transformation.update(gradients, transformation.init(zeros), zeros)[0]


def _optimizer(line: str, given: Arrays) -> dict[str, Any]:
    """A transformation; its learning rate is the line's name `rate`, where `rates` are given."""
    parameter = jnp.asarray(given["start"])
    rates = given.get("rates", np.zeros(len(given["gradients"])))
    state, found = None, []
    for rate, gradient in zip(rates, given["gradients"], strict=True):
        transformation = value(line, {"rate": float(rate), **_scalars(given)})
        state = transformation.init(parameter) if state is None else state
        update, state = transformation.update(jnp.asarray(gradient), state, parameter)
        parameter = optax.apply_updates(parameter, update)
        found.append(parameter)
    return {"parameters": jnp.stack(found)}


KINDS: dict[str, Callable[[str, Arrays], dict[str, Any]]] = {
    "expression": _expression, "function": _function, "loss": _loss, "layer": _layer,
    "image": _image, "start": _start,
    "clip": _clip, "optimizer": _optimizer,
}  # fmt: skip
"""How a line is tried (backends/torch/trial.py)."""
