"""Activation in JAX: the functions of `jax.nn`.

Leaky ReLU, PReLU, ELU, SELU and the approximation of GELU are written out.

Trap: `jax.nn.leaky_relu` and `flax.linen.PReLU` have the derivative 1 at 0, not the slope: a dead
layer with biases of 0 sits exactly there. Flax starts the slope of PReLU at 0.01, PyTorch at 0.25,
Keras at 0. JAX differentiates `expm1` as its value + 1, and with it `jax.nn.elu` and `selu`: in
float64 the derivative is 2e-4 off at -30, and from about -37 on it is 0, where it should be 1e-16.
`jax.nn.gelu` is approximated by tanh unless `approximate=False` says otherwise, and up to 5e-4 from
the exact one, which PyTorch and Keras have; its 1 + tanh is 4e-6 off at -6, and 0 from -7.2 on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from backends.jax.block import Layer, Site
from backends.jax.modules import PReLUNnx, leaky_relu
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
    dead_where_output_is_not_positive,
    open_interval,
)
from common.network import Arrays
from common.placement import Kept

NATIVE = {
    "sigmoid": "jax.nn.sigmoid",
    "tanh": "jax.numpy.tanh",
    "relu": "jax.nn.relu",
    "leaky_relu": "jax.nn.leaky_relu",
    "prelu": "flax.linen.PReLU",
    "elu": "jax.nn.elu",
    "selu": "jax.nn.selu",
    "gelu": "jax.nn.gelu",
    "silu": "jax.nn.silu",
}

PARAMETERS = {"slope": Kept("slope")}

Function = Callable[[jax.Array], jax.Array]


def expm1(z: jax.Array, exponential: jax.Array) -> jax.Array:
    """exp(z) - 1 by an exponential that is there: tanh(z / 2) (exp(z) + 1) cancels nowhere.

    Trap: `jnp.expm1` is the same formula, and is 0 where z / 2 is below the smallest normal number
    and flushed. Near 0 it is z.
    """
    return jnp.where(exponential == 1, z, jnp.tanh(z / 2) * (exponential + 1))


def elu(z: jax.Array, alpha: float | jax.Array) -> jax.Array:
    """ELU, with the derivative `alpha` at 0.

    The derivative is the exponential, and not the value + alpha; exp(z) - 1 shares it, and takes
    half as long as `jnp.expm1`.
    """

    @jax.custom_jvp
    def of(z: jax.Array, alpha: float | jax.Array) -> jax.Array:
        low = jnp.minimum(z, 0)
        return jnp.where(z > 0, z, alpha * expm1(low, jnp.exp(low)))

    @of.defjvp
    def _(
        primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
    ) -> tuple[jax.Array, jax.Array]:
        z, alpha = primals
        low = jnp.minimum(z, 0)
        exponential = jnp.exp(low)
        by_alpha = expm1(low, exponential)
        by_z = jnp.where(z > 0, 1, alpha * exponential)
        return jnp.where(z > 0, z, alpha * by_alpha), tangents[0] * by_z + tangents[1] * by_alpha

    return of(z, alpha)


def selu(z: jax.Array, alpha: float, scale: float) -> jax.Array:
    """SELU, with the derivative `scale alpha` at 0."""
    return scale * elu(z, alpha)


def tanh_gelu(z: jax.Array) -> jax.Array:
    """GELU's approximation by tanh, its (1 + tanh(u)) / 2 as the logistic function of 2 u."""
    # beyond it is z or 0, and the cubic would overflow
    bounded = jnp.where(jnp.abs(z) < 25, z, jnp.sign(z) * 25)
    return z * jax.nn.sigmoid(
        math.sqrt(8 / math.pi) * bounded * (1 + GELU_CUBIC * bounded * bounded)
    )


def identity(z: jax.Array) -> jax.Array:
    """The activation of a linear network."""
    return z


class PReLUModule(linen.Module):
    """Leaky ReLU with one trainable slope, of shape []."""

    initial_slope: float

    @linen.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """The activation of z, of z's shape."""
        return leaky_relu(
            z, self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype))
        )


def build(spec: Activation) -> Function:
    """The function; for PReLU the module, which a parent's `compact` method names `activation`."""
    match spec:
        case Identity():
            return identity
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
            return partial(elu, alpha=alpha)
        case SELU(alpha=alpha, scale=scale):
            return partial(selu, alpha=alpha, scale=scale)
        case GELU(approximation="none"):
            return partial(jax.nn.gelu, approximate=False)
        case GELU():
            return tanh_gelu
        case SiLU():
            return jax.nn.silu
        case _:
            assert_never(spec)


def module(
    spec: Activation, units: int, inner: linen.Module, training: bool = True, dtype: str = "float64"
) -> Function:
    """The activation as a part of a model."""
    return build(spec)


def module_nnx(
    spec: Activation, units: int, inner: nnx.Module, dtype: str, rngs: nnx.Rngs
) -> Function:
    """The activation as a part of a model in Flax nnx."""
    return PReLUNnx(spec.initial_slope, dtype) if isinstance(spec, PReLU) else build(spec)


def layer(spec: Activation) -> Layer:
    """The activation for x [batch, unit]."""

    def forward(x: jax.Array, site: Site) -> jax.Array:
        function = build(spec)
        h = function(x)
        if site.measure:
            trained = isinstance(function, PReLUModule)
            slope = function.variables["params"]["slope"] if trained else None
            site.kept["alive"] = alive(spec, x, h, slope)
        return h

    return forward


def alive(spec: Activation, z: jax.Array, h: jax.Array, slope: jax.Array | None) -> jax.Array:
    """Which units have a derivative other than 0 for some sample, [unit], of z and h [batch, unit].

    Asked sample by sample, and so that a NaN, whose derivative is not 0, answers no: XLA's maximum
    passes over it.
    """
    low, high = open_interval(spec, z.dtype.name)
    if dead_where_output_is_not_positive(spec):
        return jnp.any(~(h <= 0), axis=0)
    if slope is not None:
        return jnp.any(~(z <= 0), axis=0) | (slope != 0)
    if math.isinf(low):
        return jnp.ones(z.shape[1], bool)
    if math.isinf(high):
        return jnp.any(~(z <= low), axis=0)
    return jnp.any(~(jnp.abs(z - (low + high) / 2) >= (high - low) / 2), axis=0)


def probe(spec: Activation, inputs: Arrays) -> Arrays:
    """Value and gradient of the activation.

    Args:
        spec: The activation.
        inputs: `z` and `cotangent`, of one shape; their precision is that of the computation.

    Returns:
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape
        [].
    """
    z = jnp.asarray(inputs["z"])
    cotangent = jnp.asarray(inputs["cotangent"])
    function = build(spec)
    if not isinstance(function, PReLUModule):
        value, backward = jax.vjp(function, z)
        return {"value": np.asarray(value), "gradient": np.asarray(backward(cotangent)[0])}
    slope = function.init(jax.random.key(0), z)["params"]["slope"]
    value, backward = jax.vjp(
        lambda z, slope: function.apply({"params": {"slope": slope}}, z), z, slope
    )
    gradient, slope_gradient = backward(cotangent)
    found = {"value": value, "gradient": gradient, "slope_gradient": slope_gradient}
    return {name: np.asarray(a) for name, a in found.items()}


def native(spec: LeakyReLU | PReLU | ELU | SELU | GELU) -> Function:
    """What JAX and Flax ship under the name, with their own defaults."""
    match spec:
        case LeakyReLU():
            return jax.nn.leaky_relu
        case PReLU():
            return linen.PReLU()
        case ELU():
            return jax.nn.elu
        case SELU():
            return jax.nn.selu
        case GELU():
            return jax.nn.gelu
        case _:
            assert_never(spec)
