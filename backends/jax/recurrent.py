"""Recurrent cells in JAX: a linen module for one step, and Flax's own cells.

The gates of these are parameters of their own.

Trap: `flax.nnx.GRUCell` has no bias for the product in its candidate; `flax.linen.GRUCell` has it.
The state of Flax's LSTM is (c, h), the other way round than PyTorch's and Keras'; its forget gate's
bias starts at 0. To clip each parameter by its norm is another thing where each gate has its own:
PyTorch and Keras have them in one array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from flax.traverse_util import unflatten_dict

from backends.jax import activation as activations
from backends.jax.arrays import Tree
from backends.jax.block import Layer, Site, run
from backends.jax.modules import NNX_CELLS, LastOutput, LastOutputNnx
from common.countermeasures.activation import Activation
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.network import Arrays
from common.placement import Kept, Placed, of_part, side_by_side

NATIVE = {
    "simple": "flax.linen.SimpleCell",
    "lstm": "flax.linen.LSTMCell",
    "gru": "flax.linen.GRUCell",
}


def _placed(bias: str, letters: dict[str, str]) -> Placed:
    """A map of x and one of h for each gate, by the gate's letter; one of the two has the bias."""
    return {
        "input_weight": {
            gate: Kept(f"cells.cell.i{letter}.kernel") for gate, letter in letters.items()
        },
        "weight": {gate: Kept(f"cells.cell.h{letter}.kernel") for gate, letter in letters.items()},
        "bias": {gate: Kept(f"cells.cell.{bias}{letter}.bias") for gate, letter in letters.items()},
    }


def _placed_nnx(bias: str, gates: tuple[str, ...]) -> Placed:
    """One map of x and one of h, with the gates in this order; one of the two has the bias."""
    return {
        "input_weight": side_by_side("cells.cell.dense_i.kernel", gates, -1),
        "weight": side_by_side("cells.cell.dense_h.kernel", gates, -1),
        "bias": side_by_side(f"cells.cell.dense_{bias}.bias", gates, -1),
    }


PARAMETERS: dict[str, Placed] = {
    "simple": _placed("i", {"output": ""}),
    "lstm": _placed("h", {"input": "i", "forget": "f", "candidate": "g", "output": "o"}),
    "gru": {
        **_placed("i", {"reset": "r", "update": "z", "candidate": "n"}),
        "recurrent_bias": Kept("cells.cell.hn.bias"),
    },
}
"""In what `module` gives: the LSTM's map of x into the forget gate is `if`, that of h `hf`."""

PARAMETERS_NNX: dict[str, Placed] = {
    "simple": _placed_nnx("i", SimpleRNN.gates),
    "lstm": _placed_nnx("h", LSTM.gates),
    "gru": {**_placed_nnx("i", GRU.gates), "recurrent_bias": Kept("cells.cell.recurrent_bias")},
}
"""In what `module_nnx` gives."""

OF_LAYER = {
    name: Kept(name.replace("weight", "kernel"))
    for name in ("input_weight", "weight", "bias", "recurrent_bias")
}
"""In what `layer` gives, which has all gates in one array as we have."""

Activate = Callable[[jax.Array], jax.Array]


def build(
    spec: Cell, activation: Any = jnp.tanh, dtype: Any = jnp.float32
) -> Callable[..., linen.RNN]:
    """A constructor by units of a module for x [batch, time, feature] that gives every output.

    Its biases start at 0, the forget gate's too.

    Args:
        spec: The cell.
        activation: A function of an array.
        dtype: Of the arithmetic and of the parameters.
    """
    own: Any = {"dtype": dtype, "param_dtype": dtype, "activation_fn": activation}
    match spec:
        case SimpleRNN():
            return lambda units, **of_rnn: linen.RNN(
                linen.SimpleCell(units, parent=None, **own), **of_rnn
            )
        case LSTM():
            return lambda units, **of_rnn: linen.RNN(
                linen.LSTMCell(units, parent=None, **own), **of_rnn
            )
        case GRU():
            return lambda units, **of_rnn: linen.RNN(
                linen.GRUCell(units, parent=None, **own), **of_rnn
            )
        case _:
            assert_never(spec)


def module(
    spec: Step, units: int, inner: linen.Module, training: bool = True, dtype: str = "float64"
) -> linen.Module:
    """The cells as a part of a model."""
    (function,) = spec.inner
    cells = build(spec.spec, activations.build(function), dtype)(spec.units, parent=None)
    return LastOutput(cells, name="recurrent")


def module_nnx(spec: Step, units: int, inner: nnx.Module, dtype: str, rngs: nnx.Rngs) -> nnx.Module:
    """The cells as a part of a model in Flax nnx."""
    (function,) = spec.inner
    own: Any = {"dtype": dtype, "param_dtype": dtype, "activation_fn": activations.build(function)}
    return LastOutputNnx(nnx.RNN(NNX_CELLS[spec.kind](units, spec.units, rngs=rngs, **own)))


def step(
    spec: Cell, p: Tree, pre: Tree, carried: tuple[jax.Array, ...], activate: Activate
) -> tuple[jax.Array, ...]:
    """What a step hands on, the output first.

    Args:
        spec: The cell.
        p: `recurrent_bias`, if the cell has one.
        pre: The maps of what goes in, with the bias, as `x`, and of the output before, as `h`:
            [batch, gate unit].
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
            reset = jax.nn.sigmoid(xr + hr)
            z = jax.nn.sigmoid(xz + hz)
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
        return {
            name: self.param(OF_LAYER[name].name, zeros, shape, self.dtype)
            for name, shape in shapes.items()
        }


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
        inputs: `x` [batch, time, feature], `cotangent` [batch, time, unit] of the outputs, and the
            parameters of `common.countermeasures.recurrent.Step`.
        function: The activation.

    Returns:
        `value` [batch, time, unit]; `gradient` with respect to x; and that of every parameter, as
        `weight_gradient`.
    """
    given = {name: jnp.asarray(a) for name, a in inputs.items() if name != "cotangent"}
    x = given.pop("x")
    units = given["weight"].shape[-1]
    cells = LastOutput(build(spec, activations.build(function), x.dtype)(units, parent=None))
    placed = of_part(Step(spec, units, (function,)), x.shape[-1], PARAMETERS[spec.kind])

    def value_of(x: jax.Array, given: Tree) -> Any:
        held = {place.path: given[place.name][place.at[1:]] for place in placed}
        return cells.apply(
            {"params": unflatten_dict(held)}, x, method=lambda cells, x: cells.cells(x)
        )

    value, backward = jax.vjp(value_of, x, given)
    gradient, found = backward(jnp.asarray(inputs["cotangent"]))
    gradients = {f"{name}_gradient": np.asarray(a) for name, a in found.items()}
    return {"value": np.asarray(value), "gradient": np.asarray(gradient), **gradients}


def native(spec: Cell) -> Callable[[int], linen.RNN]:
    """What Flax ships under the name, with its own defaults: a constructor, called with units."""
    match spec:
        case SimpleRNN():
            return lambda units: linen.RNN(linen.SimpleCell(units))
        case LSTM():
            return lambda units: linen.RNN(linen.LSTMCell(units))
        case GRU():
            return lambda units: linen.RNN(linen.GRUCell(units))
        case _:
            assert_never(spec)
