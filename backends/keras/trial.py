"""Lines of Keras and TensorFlow, tried.

What a line makes, and the numbers and gradients that come out of it.

A line is what a reader would write, as `layers.BatchNormalization(epsilon=1e-5)`. Arrays are in the
layouts that all wings share: those of Keras.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import activations, initializers, layers, losses, ops, optimizers

from common.line import value as line_value
from common.network import Arrays

NAMES = {
    "keras": keras, "activations": activations, "initializers": initializers, "layers": layers,
    "losses": losses, "ops": ops,
    "optimizers": optimizers, "tf": tf, "np": np, "math": math,
}  # fmt: skip
"""What a line may name, besides what is given to it."""


@contextmanager
def in_float64() -> Iterator[None]:
    """Keras' precision as float64, for layers, losses and optimizers that are made meanwhile."""
    before = keras.config.floatx()
    policy = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)


def value(line: str, given: Mapping[str, Any] | None = None) -> Any:
    """What a line says in this framework."""
    return line_value(line, {**NAMES, "pull": pull, **(given or {})})


def tried(kind: str, line: str, given: Arrays) -> Arrays:
    """The numbers that come out of a line (backends/torch/trial.py says which)."""
    with in_float64():
        return {name: np.asarray(a, float) for name, a in KINDS[kind](line, given).items()}


def _scalars(given: Arrays) -> dict[str, Any]:
    return {name: a.item() for name, a in given.items() if a.ndim == 0}


def _tensors(given: Arrays) -> dict[str, Any]:
    return {name: tf.constant(a) for name, a in given.items() if a.ndim}


def _pulled(function: Callable[[], Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The value of a function, and its gradients along `cotangent` by all that it comes from."""
    sources = {
        name: a for name, a in tensors.items() if a.dtype.is_floating and name != "cotangent"
    }
    with tf.GradientTape() as tape:
        tape.watch(list(sources.values()))
        found = function()
        pulled = tf.reduce_sum(found * tensors.get("cotangent", tf.ones_like(found)))
    gradients = tape.gradient(pulled, sources)
    return {
        "value": found,
        **{f"gradient of {name}": a for name, a in gradients.items() if a is not None},
    }


def pull(function: Callable[[Any], Any], x: Any) -> dict[str, Any]:
    """The value of a function at x and the gradient of its sum, for lines."""
    at = tf.constant(x)
    return _pulled(lambda: function(at), {"x": at})


def _expression(line: str, given: Arrays) -> dict[str, Any]:
    found = value(line, {**_scalars(given), **_tensors(given)})
    return found if isinstance(found, dict) else {"value": found}


def _function(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    function = value(line, _scalars(given))
    return _pulled(lambda: function(tensors["x"]), tensors)


def _loss(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    function = value(line, _scalars(given))
    return _pulled(lambda: function(tensors["y"], tensors["outputs"]), tensors)


def _layer(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    layer = value(line, _scalars(given))
    layer.build(tensors["x"].shape)
    for variable in layer.variables:
        if variable.name in given:
            variable.assign(given[variable.name])
    found = _pulled(lambda: layer(tensors["x"], training=True), tensors)
    found |= {
        f"kept {_KEPT.get(v.name, v.name)}": v.numpy()
        for v in layer.non_trainable_variables
        if v.shape
    }
    return found | {"evaluated": layer(tensors["x"], training=False)}


_KEPT = {"moving_mean": "running_mean", "moving_variance": "running_var"}


def _image(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    layer = value(line, _scalars(given))
    layer.build(tensors["x"].shape)
    axes = (0, 1, 3, 2) if isinstance(layer, layers.Conv2DTranspose) else (0, 1, 2, 3)
    kernels = [variable for variable in layer.variables if variable.name == "kernel"]

    def output() -> Any:
        with keras.StatelessScope(
            [(kernel, tf.transpose(tensors["kernel"], axes)) for kernel in kernels]
        ):
            return layer(tensors["x"])

    return _pulled(output, tensors)


def _start(line: str, given: Arrays) -> dict[str, Any]:
    scalars = _scalars(given)
    keras.utils.set_random_seed(0)
    layer = value(line, scalars)
    layer.build((None, scalars["n_in"]))
    kernel, *biases = (variable.numpy() for variable in layer.variables)
    sizes = [float(np.abs(bias).max()) for bias in biases]
    return {
        "std": kernel.std() * math.sqrt(scalars["n_in"]),
        "largest": np.abs(kernel).max() / kernel.std(),
        "bias": max([0.0, *sizes]),
    }


def _clip(line: str, given: Arrays) -> dict[str, Any]:
    """The clipped gradients: what an optimizer with a learning rate of 1 subtracts from zeros."""
    optimizer = value(line, _scalars(given))
    variables = [keras.Variable(np.zeros(a.shape)) for a in given.values() if a.ndim]
    optimizer.build(variables)
    gradients = [tf.constant(a) for a in given.values() if a.ndim]
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return {
        name: -v.numpy()
        for name, v in zip((n for n, a in given.items() if a.ndim), variables, strict=True)
    }


def _optimizer(line: str, given: Arrays) -> dict[str, Any]:
    parameter = keras.Variable(given["start"])
    optimizer = value(line, _scalars(given))
    optimizer.build([parameter])
    found = []
    for step, gradient in enumerate(given["gradients"]):
        if "rates" in given:
            optimizer.learning_rate = given["rates"][step]
        optimizer.apply_gradients([(tf.constant(gradient), parameter)])
        found.append(parameter.numpy())
    return {"parameters": np.stack(found)}


KINDS: dict[str, Callable[[str, Arrays], dict[str, Any]]] = {
    "expression": _expression, "function": _function, "loss": _loss, "layer": _layer,
    "image": _image, "start": _start,
    "clip": _clip, "optimizer": _optimizer,
}  # fmt: skip
"""How a line is tried (backends/torch/trial.py)."""
