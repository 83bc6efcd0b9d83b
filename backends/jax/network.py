"""The network in Flax linen, for one seed.

The layers of a stack are one module under `linen.scan`, and so are the steps of a recurrent one, so
that tracing and compiling do not grow with the depth or the time.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen
from flax.traverse_util import flatten_dict, unflatten_dict

from backends.jax.arrays import Tree
from backends.jax.block import Block, StepBlock, parameter_paths, statistic_paths
from common.network import Network
from common.stack import Stack


class StackedNetwork(linen.Module):
    """The stacks of layers, each a module, or a scan of one over stacked parameters."""

    spec: Network
    training: bool
    measure: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, Tree]:
        """Logits [batch, class] of x [batch, features].

        `outputs` and `alive` of the sites, lists of [layer, ...].

        A recurrent network takes x [batch, time, features].
        """
        outputs: list[jax.Array] = []
        inputs: list[jax.Array] = []
        alive: list[jax.Array] = []
        for stack in self.spec.stacks():
            measure = self.measure and stack.measured
            through = _through_time if stack.recurrent else _through_layers
            x, kept = through(stack, self.training, measure, x)
            if measure:
                outputs += kept.get("outputs", [])
                inputs += kept.get("inputs", [])
                alive.append(kept["alive"])
                last = x[None]
        if not self.measure:
            return x, {}
        # what goes into a layer is what came out of the one before
        of_layers = [*inputs[1:], last] if inputs else []
        return x, {"outputs": [*outputs, *of_layers], "alive": alive}


def _through_layers(
    stack: Stack, training: bool, measure: bool, x: jax.Array
) -> tuple[jax.Array, Tree]:
    """What comes out of the last layer, and what is to be measured; within a `compact` method."""
    x, kept = _layers(stack)(stack.block, training, measure, name=stack.name)(x, None)
    return x, {
        "inputs": [_stacked(stack, kept["input"])],
        "alive": _stacked(stack, kept["alive"]),
    } if measure else {}


def _through_time(
    stack: Stack, training: bool, measure: bool, x: jax.Array
) -> tuple[jax.Array, Tree]:
    """The output of the last step of x [batch, time, feature], and what is to be measured of all.

    Called inside a `compact` method as well.
    """
    axes: Any = {"perturbations": 0}
    steps: Any = linen.scan(
        StepBlock,
        variable_broadcast="params",
        variable_axes=axes,
        split_rngs={"params": False},
        in_axes=1,
    )
    carried = tuple(jnp.zeros((len(x), units), x.dtype) for units in stack.carried)
    carried, kept = steps(stack.block, training, measure, name=stack.name)(carried, x)
    return carried[0], {"outputs": [kept["output"]], "alive": kept["alive"]} if measure else {}


def scanned(stack: Stack) -> bool:
    """Whether its layers are a scan, each with its own parameters; one layer has no axis."""
    return len(stack.sets) > 1


def _layers(stack: Stack) -> Any:
    if not scanned(stack):
        return Block
    axes: Any = {"params": 0, "batch_stats": 0, "perturbations": 0}
    return linen.scan(
        Block, variable_axes=axes, split_rngs={"params": True}, length=len(stack.layers)
    )


def no_signals(spec: Network, x: jax.Array) -> Tree:
    """Zeros added to the outputs of the sites: the gradient by them is that of the outputs."""
    return {
        stack.name: {"signal": jnp.zeros(_signal_shape(stack, x), x.dtype)}
        for stack in spec.measured()
    }


def _signal_shape(stack: Stack, x: jax.Array) -> tuple[int, ...]:
    one = (len(x), stack.outputs)
    return (len(stack.layers), *one) if scanned(stack) or stack.recurrent else one


def signals(spec: Network, perturbations: Tree) -> list[jax.Array]:
    """The gradients by what `no_signals` gives, for each measured stack [layer, batch, unit]."""
    found = {stack.name: perturbations[stack.name]["signal"] for stack in spec.measured()}
    return [
        found[stack.name] if stack.recurrent else _stacked(stack, found[stack.name])
        for stack in spec.measured()
    ]


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
