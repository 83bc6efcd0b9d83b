"""The network in Flax linen, for one seed.

The hidden layers are one module under `linen.scan`, so that tracing and compiling do not grow with the depth.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen
from flax.traverse_util import flatten_dict, unflatten_dict

from backends.jax import activation, normalization
from backends.jax.arrays import Tree
from common.countermeasures.activation import dead_where_output_is_not_positive, open_interval
from common.network import Network

PARAMETERS = {
    "weight": ("affine", "kernel"),
    "bias": ("affine", "bias"),
    "scale": ("normalization", "scale"),
    "shift": ("normalization", "bias"),
    "slope": ("activation", "slope"),
}
STATISTICS = {"mean": ("normalization", "mean"), "variance": ("normalization", "var")}
"""Our names, and the paths of linen's variables in a hidden layer."""


class HiddenLayer(linen.Module):
    """One hidden layer; what is to be measured comes out beside its output."""

    spec: Network
    training: bool
    measure: bool

    @linen.compact
    def __call__(self, x: jax.Array, _: None = None) -> tuple[jax.Array, Tree]:
        """Output [batch, width] of x [batch, n_in]; if it is to be measured, its input, and which units are alive."""
        bias = not self.spec.normalized
        z = linen.Dense(self.spec.width, use_bias=bias, dtype=x.dtype, param_dtype=x.dtype, name="affine")(x)
        constructor = normalization.build(self.spec.normalization)
        if constructor:
            norm = constructor(use_running_average=not self.training, dtype=x.dtype, param_dtype=x.dtype, name="normalization")
            z = norm(z)
        h = activation.build(self.spec.activation)(z)
        return (self.perturb("signal", h), {"input": x, "alive": self._alive(z, h)}) if self.measure else (h, {})

    def _alive(self, z: jax.Array, h: jax.Array) -> jax.Array:
        """Whether the derivative of a unit's activation is not 0 for some sample, [width], for z and h [batch, width].

        Asked sample by sample, and so that a NaN, whose derivative is not 0, answers no: XLA's maximum passes over it.
        """
        low, high = open_interval(self.spec.activation, z.dtype.name)
        if dead_where_output_is_not_positive(self.spec.activation):
            return jnp.any(~(h <= 0), axis=0)
        if trained := self.variables["params"].get("activation"):
            return jnp.any(~(z <= 0), axis=0) | (trained["slope"] != 0)
        if math.isinf(low):
            return jnp.ones(z.shape[1], bool)
        if math.isinf(high):
            return jnp.any(~(z <= low), axis=0)
        return jnp.any(~(jnp.abs(z - (low + high) / 2) >= (high - low) / 2), axis=0)


class StackedNetwork(linen.Module):
    """The first hidden layer, the others as a scan over stacked parameters, and the output layer."""

    spec: Network
    training: bool
    measure: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, Tree]:
        """Logits [batch, class] of x [batch, features]; `outputs` and `alive` of the hidden layers, lists of [layer, ...]."""
        numbers = (self.spec, self.training, self.measure)
        h, first = HiddenLayer(*numbers, name="first")(x)
        stacked = linen.scan(
            HiddenLayer,
            variable_axes={"params": 0, "batch_stats": 0, "perturbations": 0},
            split_rngs={"params": True},
            length=self.spec.depth - 1,
        )
        h, hidden = stacked(*numbers, name="hidden")(h, None)
        logits = linen.Dense(self.spec.classes, dtype=x.dtype, param_dtype=x.dtype, name="output")(h)
        if not self.measure:
            return logits, {}
        return logits, {"outputs": [hidden["input"], h[None]], "alive": [first["alive"][None], hidden["alive"]]}


def params(parameters: Tree) -> Tree:
    """Our parameters [layer, ...] by name, as linen's tree."""
    return _tree(parameters, PARAMETERS)


def batch_stats(statistics: Tree) -> Tree:
    """Our running statistics [layer, width] by name, as linen's tree."""
    return _tree(statistics, STATISTICS)


def statistics(batch_stats: Tree) -> Tree:
    """The inverse of `batch_stats`."""
    names = {path: name for name, path in STATISTICS.items()}
    flat: dict[tuple[str, ...], Any] = flatten_dict(batch_stats)
    found = {f"{stack}.{names[path, name]}": (stack, a) for (stack, path, name), a in flat.items()}
    return {key: a if stack == "hidden" else a[None] for key, (stack, a) in found.items()}


def _tree(arrays: Tree, paths: dict[str, tuple[str, str]]) -> Tree:
    flat = {}
    for key, a in arrays.items():
        stack, _, name = key.partition(".")
        path = (paths[name][1],) if stack == "output" else paths[name]
        flat[(stack, *path)] = a if stack == "hidden" else a[0]
    return unflatten_dict(flat)
