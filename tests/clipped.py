"""Gradients of an ordinary model, clipped by what a reader builds, in the words of each
framework.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def in_torch(clip: Any, gradients: list[np.ndarray]) -> list[np.ndarray]:
    """By a function between `backward()` and `step()`."""
    import torch

    parameters = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = torch.tensor(gradient)
    clip(parameters)
    return [parameter.grad.numpy() for parameter in parameters if parameter.grad is not None]


def in_keras(clipping: Any, gradients: list[np.ndarray]) -> list[np.ndarray]:
    """By an optimizer that clips: a step of the rate 1 from 0."""
    import keras
    import tensorflow as tf

    variables = [keras.Variable(np.zeros(g.shape), dtype="float64") for g in gradients]
    clipping(keras.optimizers.SGD(1.0)).apply([tf.constant(g) for g in gradients], variables)
    return [-variable.numpy() for variable in variables]


def in_jax(transformation: Any, gradients: list[np.ndarray]) -> list[np.ndarray]:
    """By a transformation of gradients."""
    import jax.numpy as jnp

    tree = [jnp.asarray(g) for g in gradients]
    clipped, _ = transformation.update(tree, transformation.init(tree))
    return [np.asarray(g) for g in clipped]


READERS = {"torch": in_torch, "keras": in_keras, "jax": in_jax}
