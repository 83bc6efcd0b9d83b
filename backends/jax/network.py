"""The network in Flax linen, for one seed.

The layers of a stack are one module under `linen.scan`, so that tracing and compiling do not grow with the depth.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen
from flax.traverse_util import flatten_dict, unflatten_dict

from backends.jax.arrays import Tree
from backends.jax.block import Block, parameter_paths, statistic_paths
from common.network import Network, Stack


class StackedNetwork(linen.Module):
    """The stacks of layers, each a module, or a scan of one over stacked parameters."""

    spec: Network
    training: bool
    measure: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, Tree]:
        """Logits [batch, class] of x [batch, features]; `outputs` and `alive` of the sites, lists of [layer, ...]."""
        inputs: list[jax.Array] = []
        alive: list[jax.Array] = []
        for stack in self.spec.stacks():
            measure = self.measure and stack.measured
            x, kept = _layers(stack)(stack.block, self.training, measure, name=stack.name)(x, None)
            if measure:
                inputs.append(_stacked(stack, kept["input"]))
                alive.append(_stacked(stack, kept["alive"]))
                last = x[None]
        if not self.measure:
            return x, {}
        return x, {"outputs": [*inputs[1:], last], "alive": alive}  # what goes into a layer is what came out of the one before


def scanned(stack: Stack) -> bool:
    """Whether its layers are a scan; one layer has no axis."""
    return len(stack.layers) > 1


def _layers(stack: Stack) -> Any:
    if not scanned(stack):
        return Block
    axes: Any = {"params": 0, "batch_stats": 0, "perturbations": 0}
    return linen.scan(Block, variable_axes=axes, split_rngs={"params": True}, length=len(stack.layers))


def no_signals(spec: Network, x: jax.Array) -> Tree:
    """Zeros added to the outputs of the sites: the gradient with respect to them is that of the outputs."""
    return {stack.name: {"signal": jnp.zeros(_signal_shape(stack, x), x.dtype)} for stack in spec.measured()}


def _signal_shape(stack: Stack, x: jax.Array) -> tuple[int, ...]:
    one = (len(x), stack.outputs)
    return (len(stack.layers), *one) if scanned(stack) else one


def signals(spec: Network, perturbations: Tree) -> list[jax.Array]:
    """The gradients with respect to what `no_signals` gives, for each measured stack [layer, batch, unit]."""
    return [_stacked(stack, perturbations[stack.name]["signal"]) for stack in spec.measured()]


def params(spec: Network, parameters: Tree) -> Tree:
    """Our parameters [layer, ...] by name, as linen's tree."""
    flat: dict[tuple[str, ...], Any] = {}
    for stack in spec.stacks():
        for name, path in parameter_paths(stack.block, stack.inputs).items():
            flat[(stack.name, *path)] = _unstacked(stack, parameters[f"{stack.name}.{name}"])
    return unflatten_dict(flat)


def batch_stats(spec: Network, statistics: Tree) -> Tree:
    """Our running statistics [layer, width] by name, as linen's tree."""
    flat: dict[tuple[str, ...], Any] = {}
    for stack in spec.stacks():
        for name, path in statistic_paths(stack.block, stack.inputs).items():
            flat[(stack.name, *path)] = _unstacked(stack, statistics[f"{stack.name}.{name}"])
    return unflatten_dict(flat)


def statistics(spec: Network, batch_stats: Tree) -> Tree:
    """The inverse of `batch_stats`."""
    flat: dict[tuple[str, ...], Any] = flatten_dict(batch_stats)
    found: Tree = {}
    for stack in spec.stacks():
        for name, path in statistic_paths(stack.block, stack.inputs).items():
            found[f"{stack.name}.{name}"] = _stacked(stack, flat[(stack.name, *path)])
    return found


def _stacked(stack: Stack, a: jax.Array) -> jax.Array:
    return a if scanned(stack) else a[None]


def _unstacked(stack: Stack, a: jax.Array) -> jax.Array:
    return a if scanned(stack) else a[0]
