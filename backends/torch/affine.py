"""The affine map in PyTorch: `torch.nn.Linear`; in the engine `addmm`, `baddbmm` for several seeds.

Trap: the weight of a `Linear` is [n_out, n_in].
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from backends.torch.arrays import Tensors
from backends.torch.block import Layer, Site
from common.part import Affine
from common.placement import TRANSPOSED, Kept

NATIVE = {"affine": "torch.nn.Linear"}
PARAMETERS = {"weight": Kept("weight", TRANSPOSED), "bias": Kept("bias")}


def build(spec: Affine) -> Callable[[int], nn.Linear]:
    """A constructor of the module, to be called with the number of inputs."""
    return partial(nn.Linear, out_features=spec.units, bias=spec.bias)


def module(spec: Affine, units: int, inner: nn.Module) -> nn.Module:
    """The map as a part of a model."""
    return build(spec)(units)


class Map(Layer):
    """x W + b."""

    def __init__(self, spec: Affine, seeds: int) -> None:
        self.bias = spec.bias
        self.product, self.affine = (
            (torch.mm, torch.addmm) if seeds == 1 else (torch.bmm, torch.baddbmm)
        )

    def ready(self, name: str, a: torch.Tensor) -> torch.Tensor:
        """A bias as it is added to a batch."""
        return a.unsqueeze(-2) if name == "bias" else a

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The map of x [(seed,) batch, n_in], [(seed,) batch, n_out]."""
        return self.affine(p["bias"], x, p["weight"]) if self.bias else self.product(x, p["weight"])


def layer(spec: Affine, seeds: int, units: int) -> Map:
    """The map for x [(seed,) batch, unit]."""
    return Map(spec, seeds)
