"""Recurrent cells in PyTorch: a step by one product for all gates.

PyTorch's own layers are taken with one bias a gate.

Trap: `torch.nn.RNN`, `LSTM` and `GRU` have two biases, `bias_ih` and `bias_hh`, with the same
gradient: a step moves their sum twice as far as one bias, and a norm counts it twice. One of them
is to be fixed at 0; of the GRU's `bias_hh` the candidate's part is a parameter of its own. All
weights and biases start uniform within 1 / sqrt(units), the forget gate's bias too. And they take x
as [time, batch, feature] unless `batch_first` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import torch
from torch import nn

from backends.torch.arrays import Tensors, to_numpy
from backends.torch.block import Block, Layer, Site
from common.countermeasures.activation import Activation
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.errors import UserError
from common.network import Arrays
from common.placement import TRANSPOSED, Placed, of_part, side_by_side, together

NATIVE = {"simple": "torch.nn.RNN", "lstm": "torch.nn.LSTM", "gru": "torch.nn.GRU"}


def _placed(gates: tuple[str, ...]) -> Placed:
    """PyTorch's [gate unit, n_in], with the gates in our order."""
    return {
        "input_weight": side_by_side("cells.weight_ih_l0", gates, -2, TRANSPOSED),
        "weight": side_by_side("cells.weight_hh_l0", gates, -2, TRANSPOSED),
        "bias": side_by_side("cells.bias_ih_l0", gates, -1),
    }


PARAMETERS: dict[str, Placed] = {
    "simple": _placed(SimpleRNN.gates),
    "lstm": _placed(LSTM.gates),
    "gru": {
        **_placed(GRU.gates),
        "recurrent_bias": side_by_side("cells.bias_hh_l0", GRU.gates, -1)["candidate"],
    },
}
"""In what `module` gives; the rest of `bias_hh_l0` is fixed at 0."""

Shipped = nn.RNN | nn.LSTM | nn.GRU


def build(spec: Cell, nonlinearity: str = "tanh") -> Callable[[int, int], Shipped]:
    """A constructor, to be called with n_in and units, of a module for x [batch, time, feature].

    One bias a gate is trained, and starts at 0, the forget gate's at `forget_bias`.

    Args:
        spec: The cell.
        nonlinearity: The activation of a simple cell, `tanh` or `relu`; the others have tanh.
    """
    match spec:
        case SimpleRNN():
            return lambda n_in, units: _with_one_bias(
                spec, nn.RNN(n_in, units, nonlinearity=nonlinearity, batch_first=True)
            )
        case LSTM():
            return lambda n_in, units: _with_one_bias(spec, nn.LSTM(n_in, units, batch_first=True))
        case GRU():
            return lambda n_in, units: _with_one_bias(spec, nn.GRU(n_in, units, batch_first=True))
        case _:
            assert_never(spec)


def _with_one_bias(spec: Cell, cells: Shipped) -> Shipped:
    """The cells with one bias a gate, and the second one that a GRU's candidate has."""
    bias = cells.get_parameter("bias_ih_l0")
    second = cells.get_parameter("bias_hh_l0")
    units = cells.hidden_size
    nn.init.zeros_(bias)
    nn.init.zeros_(second)
    match spec:
        case SimpleRNN():
            second.requires_grad_(False)
        case LSTM(forget_bias=start):
            nn.init.constant_(bias[units : 2 * units], start)
            second.requires_grad_(False)
        case GRU():
            candidate = torch.cat([torch.zeros(2 * units), torch.ones(units)])
            second.register_hook(lambda gradient: gradient * candidate.to(gradient))
        case _:
            assert_never(spec)
    return cells


def check_shipped(spec: Cell, function: Activation) -> None:
    """Refuse a cell that PyTorch does not ship.

    Raises:
        UserError: It has another activation.
    """
    known = ("tanh", "relu") if isinstance(spec, SimpleRNN) else ("tanh",)
    if function.kind not in known:
        raise UserError(
            f"PyTorch's {spec.kind} has the activation {' or '.join(known)}; received "
            f"{function.kind}; write the step yourself (`step` in backends/torch/recurrent.py)"
        )


class LastOutput(nn.Module):
    """Cells over a sequence x [batch, time, feature]; the last output [batch, unit] goes on."""

    def __init__(self, cells: Shipped) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of the last step of time."""
        every_output, _ = self.cells(x)
        return every_output[:, -1]


def module(spec: Step, units: int, inner: nn.Module) -> nn.Module:
    """The cells as a part of a model.

    Raises:
        UserError: PyTorch has no such cell with this activation.
    """
    (function,) = spec.inner
    check_shipped(spec.spec, function)
    return LastOutput(build(spec.spec, function.kind)(units, spec.units))


Activate = Callable[[torch.Tensor], torch.Tensor]
Carried = tuple[torch.Tensor, ...]


def step(
    spec: Cell, p: Tensors, pre: Tensors, carried: tuple[torch.Tensor, ...], activate: Activate
) -> tuple[torch.Tensor, ...]:
    """What a step hands on, the output first.

    Args:
        spec: The cell.
        p: `recurrent_bias`, if the cell has one.
        pre: The maps of what goes in, with the bias, as `x`, and of the output before, as `h`:
            [(seed,) batch, gate unit].
        carried: What the step before handed on.
        activate: The activation.
    """
    match spec:
        case SimpleRNN():
            return (activate(pre["x"] + pre["h"]),)
        case LSTM():
            i, f, g, o = (pre["x"] + pre["h"]).chunk(4, -1)
            kept = torch.sigmoid(f) * carried[1] + torch.sigmoid(i) * activate(g)
            return torch.sigmoid(o) * activate(kept), kept
        case GRU():
            (xr, xz, xn), (hr, hz, hn) = (pre[name].chunk(3, -1) for name in ("x", "h"))
            reset = torch.sigmoid(xr + hr)
            z = torch.sigmoid(xz + hz)
            n = activate(xn + reset * (hn + p["recurrent_bias"]))
            return ((1 - z) * n + z * carried[0],)
        case _:
            assert_never(spec)


class Cells(Layer):
    """One step of time of a layer of cells."""

    def __init__(self, spec: Step, seeds: int) -> None:
        self.spec = spec.spec
        self.activate = Block(spec.inner, seeds, spec.units)
        self.product = torch.mm if seeds == 1 else torch.bmm
        self.affine = torch.addmm if seeds == 1 else torch.baddbmm

    def ready(self, name: str, a: torch.Tensor) -> torch.Tensor:
        """Gates side by side, [seed, layer, n_in, gate unit] and [seed, layer, 1, gate unit]."""
        match name:
            case "input_weight" | "weight":
                return a.movedim(2, 3).flatten(3)
            case "bias":
                return a.flatten(2).unsqueeze(2)
            case "recurrent_bias":
                return a.unsqueeze(2)
            case _:
                raise KeyError(name)

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The output for x [(seed,) batch, feature]."""
        pre = {
            "x": self.affine(p["bias"], x, p["input_weight"]),
            "h": self.product(site.carried[0], p["weight"]),
        }
        site.carried = step(self.spec, p, pre, site.carried, lambda z: self.activate(p, z, site))
        return site.carried[0]


def layer(spec: Step, seeds: int, units: int) -> Cells:
    """One step of x [(seed,) batch, feature]."""
    return Cells(spec, seeds)


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
    x = torch.tensor(inputs["x"], requires_grad=True)
    units = inputs["weight"].shape[-1]
    check_shipped(spec, function)
    model = LastOutput(build(spec, function.kind)(x.shape[-1], units).to(x.dtype))
    placed = of_part(Step(spec, units, (function,)), x.shape[-1], PARAMETERS[spec.kind])
    with torch.no_grad():
        for place in placed:
            whole = model.get_parameter(place.kept.name)
            part = torch.tensor(place.kept.there(inputs[place.name][place.at[1:]]))
            whole[place.kept.region(whole.shape)] = part
    value, _ = model.cells(x)
    value.backward(torch.tensor(inputs["cotangent"]))
    found = {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    ours = together(placed, lambda place: to_numpy(found[place.kept.name]))
    gradients = {f"{name}_gradient": a[0] for name, a in ours.items()}
    assert x.grad is not None
    return {"value": value.detach().numpy(), "gradient": x.grad.numpy(), **gradients}


def native(spec: Cell) -> Callable[[int, int], Shipped]:
    """What PyTorch ships under the name, with its defaults: a constructor by n_in and units."""
    match spec:
        case SimpleRNN():
            return nn.RNN
        case LSTM():
            return nn.LSTM
        case GRU():
            return nn.GRU
        case _:
            assert_never(spec)
