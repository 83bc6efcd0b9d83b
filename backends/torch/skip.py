"""Skip connections in PyTorch: a module that holds the layer.

Trap: PyTorch has no module for it; `x + layer(x)` in `forward` is the idiom, and `x += layer(x)`
fails on the way back where the layer keeps its input for its gradient. A connection needs as many
units in as out: torchvision puts a map past a layer where they differ, and starts the last batch
norm of a block at 0 only with `zero_init_residual=True`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import torch
from torch import nn

from backends.torch.arrays import Tensors
from backends.torch.block import Block, Layer, Site
from common.countermeasures.skip import Around, Highway, NoSkip, Residual, ReZero, Skip
from common.network import Arrays
from common.placement import TRANSPOSED, Kept

NATIVE = {"residual": "torch.add", "rezero": "torch.addcmul", "highway": "torch.lerp"}
PARAMETERS = {
    "skip_scale": Kept("scale"),
    "gate_weight": Kept("gate.weight", TRANSPOSED),
    "gate_bias": Kept("gate.bias"),
}


class Skipped(nn.Module):
    """A layer of `units` in and out, and a connection past it."""

    def __init__(self, spec: Skip, inner: nn.Module, units: int) -> None:
        super().__init__()
        self.spec = spec
        self.inner = inner
        match spec:
            case ReZero(initial_scale=scale):
                self.scale = nn.Parameter(torch.tensor(scale))
            case Highway(initial_bias=bias):
                self.gate = nn.Linear(units, units)
                nn.init.constant_(self.gate.bias, bias)
            case NoSkip() | Residual():
                pass
            case _:
                assert_never(spec)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output and its input x [batch, unit], joined."""
        f = self.inner(x)
        match self.spec:
            case NoSkip():
                return f
            case Residual(scale=scale):
                return x + scale * f
            case ReZero():
                return x + self.scale * f
            case Highway():
                t = torch.sigmoid(self.gate(x))
                return t * f + (1 - t) * x
            case _:
                assert_never(self.spec)


def build(spec: Skip) -> Callable[[nn.Module, int], Skipped]:
    """A constructor, called with a layer and its units; a gate starts as a `Linear` does."""
    return lambda inner, units: Skipped(spec, inner, units)


def module(spec: Around, units: int, inner: nn.Module) -> nn.Module:
    """A layer and the connection past it as a part of a model."""
    return build(spec.spec)(inner, units)


class Connected(Layer):
    """Parts of a layer with a connection past them."""

    def __init__(self, spec: Around, seeds: int, units: int) -> None:
        self.spec = spec.spec
        self.inner = Block(spec.inner, seeds, units)
        self.owners = self.inner.owners
        self.gate = torch.addmm if seeds == 1 else torch.baddbmm

    def ready(self, name: str, a: torch.Tensor) -> torch.Tensor:
        """What is trained of the connection, as it is added to a batch or multiplied with it."""
        match name:
            case "skip_scale":
                return a[..., None, None]
            case "gate_bias":
                return a.unsqueeze(-2)
            case _:
                return a

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The output for x [(seed,) batch, unit]."""
        f = self.inner(p, x, site)
        match self.spec:
            case NoSkip():
                return f
            case Residual(scale=scale):
                return torch.add(x, f, alpha=scale)
            case ReZero():
                return torch.addcmul(x, p["skip_scale"], f)
            case Highway():
                t = torch.sigmoid(self.gate(p["gate_bias"], x, p["gate_weight"]))
                return t * f + (1 - t) * x
            case _:
                assert_never(self.spec)


def layer(spec: Around, seeds: int, units: int) -> Connected:
    """The parts for x [(seed,) batch, unit]."""
    return Connected(spec, seeds, units)


def probe(spec: Skip, inputs: Arrays) -> Arrays:
    """Value and gradient of a connection past an affine map without bias.

    Args:
        spec: The connection.
        inputs: `x` and `cotangent` [batch, unit], `weight` [unit, unit] of the map, and what is
            trained of the connection.

    Returns:
        `value`; `gradient` with respect to x; `weight_gradient`, and that of every parameter of the
        connection.
    """
    given = {name: torch.tensor(a) for name, a in inputs.items()}
    x = given["x"].requires_grad_()
    units = inputs["x"].shape[-1]
    module = build(spec)(nn.Linear(units, units, bias=False), units).to(x.dtype)
    held = {"weight": "inner.weight"} | {name: kept.name for name, kept in PARAMETERS.items()}
    names = {name: native for name, native in held.items() if name in given}
    module.load_state_dict(
        {
            native: given[name].T if given[name].ndim == 2 else given[name]
            for name, native in names.items()
        }
    )
    value = module(x)
    sources = [x, *(module.get_parameter(native) for native in names.values())]
    gradient, *found = torch.autograd.grad(value, sources, given["cotangent"])
    gradients = {
        f"{name}_gradient": a.T.numpy() if a.ndim == 2 else a.numpy()
        for name, a in zip(names, found, strict=True)
    }
    return {"value": value.detach().numpy(), "gradient": gradient.numpy(), **gradients}
