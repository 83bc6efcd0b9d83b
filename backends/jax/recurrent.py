"""Recurrent cells in JAX: a linen module for one step, and Flax's own cells, whose gates are parameters of their own.

Trap: `flax.nnx.GRUCell` has no bias for the product in its candidate; `flax.linen.GRUCell` has it. The state of Flax's LSTM is
(c, h), the other way round than PyTorch's and Keras'; its forget gate's bias starts at 0. To clip each parameter by its norm
is another thing where each gate has its own: PyTorch and Keras have them in one array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from backends.jax import activation as activations
from backends.jax.arrays import Tree
from backends.jax.block import Layer, Site, run
from common.countermeasures.activation import Activation
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.network import Arrays
from common.placement import Kept

NATIVE = {"simple": "flax.linen.SimpleCell", "lstm": "flax.linen.LSTMCell", "gru": "flax.linen.GRUCell"}
PARAMETERS = {
    "input_weight": Kept("input_kernel"),
    "weight": Kept("kernel"),
    "bias": Kept("bias"),
    "recurrent_bias": Kept("recurrent_bias"),
}

LETTERS = {
    "simple": {"output": ""},
    "lstm": {"input": "i", "forget": "f", "candidate": "g", "output": "o"},
    "gru": {"reset": "r", "update": "z", "candidate": "n"},
}
"""What Flax calls the gates: the LSTM's map of x into the forget gate is `if`, that of h `hf`."""

Activate = Callable[[jax.Array], jax.Array]


def build(spec: Cell, activation: Any = jnp.tanh, dtype: Any = jnp.float32) -> Callable[[int], linen.RNN]:
    """A constructor, to be called with units, of a module for x [batch, time, feature] that gives every output.

    Its biases start at 0, the forget gate's too.

    Args:
        spec: The cell.
        activation: A function of an array.
        dtype: Of the arithmetic and of the parameters.
    """
    own: Any = {"dtype": dtype, "param_dtype": dtype, "activation_fn": activation}
    match spec:
        case SimpleRNN():
            return lambda units: linen.RNN(linen.SimpleCell(units, **own))
        case LSTM():
            return lambda units: linen.RNN(linen.LSTMCell(units, **own))
        case GRU():
            return lambda units: linen.RNN(linen.GRUCell(units, **own))
        case _:
            assert_never(spec)


def parameters(spec: Cell, held: Tree) -> Tree:
    """Our parameters by name, as Flax's tree for what `build` gives: for each gate a map of x and one of h."""
    cell: Tree = {}
    for number, gate in enumerate(spec.gates):
        letter = LETTERS[spec.kind][gate]
        cell[f"i{letter}"] = {"kernel": held["input_weight"][number]}
        cell[f"h{letter}"] = {"kernel": held["weight"][number]}
        cell[_with_bias(spec, letter)] |= {"bias": held["bias"][number]}
    if isinstance(spec, GRU):
        cell["hn"] |= {"bias": held["recurrent_bias"]}
    return {"params": {"cell": cell}}


def _with_bias(spec: Cell, letter: str) -> str:
    """Which of a gate's two maps has its bias."""
    match spec:
        case LSTM():
            return f"h{letter}"
        case SimpleRNN() | GRU():
            return f"i{letter}"
        case _:
            assert_never(spec)


def step(spec: Cell, p: Tree, pre: Tree, carried: tuple[jax.Array, ...], activate: Activate) -> tuple[jax.Array, ...]:
    """What a step hands on, the output first.

    Args:
        spec: The cell.
        p: `recurrent_bias`, if the cell has one.
        pre: The maps of what goes in, with the bias, as `x`, and of the output before, as `h`: [batch, gate unit].
        carried: What the step before handed on.
        activate: The activation.
    """
    match spec:
        case SimpleRNN():
            return (activate(pre["x"] + pre["h"]),)
        case LSTM():
            i, f, g, o = jnp.split(pre["x"] + pre["h"], 4, -1)
            kept = jax.nn.sigmoid(f) * carried[1] + jax.nn.sigmoid(i) * activate(g)
            return jax.nn.sigmoid(o) * activate(kept), kept
        case GRU():
            (xr, xz, xn), (hr, hz, hn) = (jnp.split(pre[name], 3, -1) for name in ("x", "h"))
            reset, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
            n = activate(xn + reset * (hn + p["recurrent_bias"]))
            return ((1 - z) * n + z * carried[0],)
        case _:
            assert_never(spec)


class Cells(linen.Module):
    """The parameters of a layer of cells, for so many features that go in."""

    spec: Step
    n_in: int
    dtype: Any

    @linen.compact
    def __call__(self) -> Tree:
        """They by our names."""
        zeros = linen.initializers.zeros_init()
        shapes = {name: one.shape for name, one in self.spec.parameters(self.n_in).items()}
        return {name: self.param(PARAMETERS[name].name, zeros, shape, self.dtype) for name, shape in shapes.items()}


def layer(spec: Step) -> Layer:
    """One step of x [batch, feature]."""

    def forward(x: jax.Array, site: Site) -> jax.Array:
        found: Any = Cells(spec, x.shape[-1], x.dtype, name="recurrent")()
        h = site.carried[0]
        pre = {
            "x": x @ _side_by_side(found["input_weight"]) + found["bias"].reshape(-1),
            "h": h @ _side_by_side(found["weight"]),
        }
        site.carried = step(spec.spec, found, pre, site.carried, lambda z: run(spec.inner, z, site))
        return site.carried[0]

    return forward


def _side_by_side(weight: jax.Array) -> jax.Array:
    """Weights [gate, n_in, unit] as [n_in, gate unit]."""
    return jnp.moveaxis(weight, 0, 1).reshape(weight.shape[1], -1)


def probe(spec: Cell, inputs: Arrays, function: Activation) -> Arrays:
    """Outputs and gradients of what `build` gives over a sequence.

    Args:
        spec: The cell.
        inputs: `x` [batch, time, feature], `cotangent` [batch, time, unit] of the outputs, and the parameters of
            `common.countermeasures.recurrent.Step`.
        function: The activation.

    Returns:
        `value` [batch, time, unit]; `gradient` with respect to x; and that of every parameter, as `weight_gradient`.
    """
    given = {name: jnp.asarray(a) for name, a in inputs.items() if name != "cotangent"}
    x = given.pop("x")
    module = build(spec, activations.build(function), x.dtype)(given["weight"].shape[-1])

    def value_of(x: jax.Array, given: Tree) -> Any:
        return module.apply(parameters(spec, given), x)

    value, backward = jax.vjp(value_of, x, given)
    gradient, found = backward(jnp.asarray(inputs["cotangent"]))
    gradients = {f"{name}_gradient": np.asarray(a) for name, a in found.items()}
    return {"value": np.asarray(value), "gradient": np.asarray(gradient), **gradients}


def native(spec: Cell) -> Callable[[int], linen.RNN]:
    """What Flax ships under the name, with its own defaults: a constructor, to be called with units."""
    match spec:
        case SimpleRNN():
            return lambda units: linen.RNN(linen.SimpleCell(units))
        case LSTM():
            return lambda units: linen.RNN(linen.LSTMCell(units))
        case GRU():
            return lambda units: linen.RNN(linen.GRUCell(units))
        case _:
            assert_never(spec)
