"""Activation in JAX: the functions of `jax.nn`; Leaky ReLU and PReLU written out.

Trap: `jax.nn.leaky_relu` and `flax.linen.PReLU` have the derivative 1 at 0, not the slope: a dead layer with biases of 0 sits
exactly there. Flax starts the slope of PReLU at 0.01, PyTorch at 0.25, Keras at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from common.countermeasures.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, Tanh
from common.network import Arrays

NATIVE = {
    "sigmoid": "jax.nn.sigmoid",
    "tanh": "jax.numpy.tanh",
    "relu": "jax.nn.relu",
    "leaky_relu": "jax.nn.leaky_relu",
    "prelu": "flax.linen.PReLU",
    "elu": "jax.nn.elu",
}

Function = Callable[[jax.Array], jax.Array]


def leaky_relu(z: jax.Array, slope: float | jax.Array) -> jax.Array:
    """Leaky ReLU, with the derivative `slope` at 0; an infinite z above 0 leaves the slope's gradient finite."""
    return jnp.where(z > 0, z, slope * jnp.where(z > 0, 0, z))


class PReLUModule(linen.Module):
    """Leaky ReLU with one trainable slope, of shape []."""

    initial_slope: float

    @linen.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """The activation of z, of z's shape."""
        return leaky_relu(z, self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype)))


def build(spec: Activation) -> Function:
    """The function; for PReLU the module, which a parent's `compact` method names `activation`."""
    match spec:
        case Sigmoid():
            return jax.nn.sigmoid
        case Tanh():
            return jnp.tanh
        case ReLU():
            return jax.nn.relu
        case LeakyReLU(slope=slope):
            return partial(leaky_relu, slope=slope)
        case PReLU(initial_slope=slope):
            return PReLUModule(slope, name="activation")
        case ELU(alpha=alpha):
            return partial(jax.nn.elu, alpha=alpha)


def probe(spec: Activation, inputs: Arrays) -> Arrays:
    """Value and gradient of the activation.

    Args:
        spec: The activation.
        inputs: `z` and `cotangent`, of one shape; their precision is that of the computation.

    Returns:
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape [].
    """
    z, cotangent, function = jnp.asarray(inputs["z"]), jnp.asarray(inputs["cotangent"]), build(spec)
    if not isinstance(function, PReLUModule):
        value, backward = jax.vjp(function, z)
        return {"value": np.asarray(value), "gradient": np.asarray(backward(cotangent)[0])}
    slope = function.init(jax.random.key(0), z)["params"]["slope"]
    value, backward = jax.vjp(lambda z, slope: function.apply({"params": {"slope": slope}}, z), z, slope)
    gradient, slope_gradient = backward(cotangent)
    return {"value": np.asarray(value), "gradient": np.asarray(gradient), "slope_gradient": np.asarray(slope_gradient)}


def native(spec: LeakyReLU | PReLU) -> Function:
    """What JAX and Flax ship under the name, with their own defaults."""
    return jax.nn.leaky_relu if isinstance(spec, LeakyReLU) else linen.PReLU()
