"""The affine map in PyTorch: one operation for product and sum, `addmm`; for several seeds `baddbmm`."""

from __future__ import annotations

import torch

from backends.torch.arrays import Tensors
from backends.torch.block import Layer, Site
from common.part import Affine


class Map(Layer):
    """x W + b."""

    def __init__(self, spec: Affine, seeds: int) -> None:
        self.bias = spec.bias
        self.product, self.affine = (torch.mm, torch.addmm) if seeds == 1 else (torch.bmm, torch.baddbmm)

    def ready(self, name: str, a: torch.Tensor) -> torch.Tensor:
        """A bias as it is added to a batch."""
        return a.unsqueeze(-2) if name == "bias" else a

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The map of x [(seed,) batch, n_in], [(seed,) batch, n_out]."""
        return self.affine(p["bias"], x, p["weight"]) if self.bias else self.product(x, p["weight"])


def layer(spec: Affine, seeds: int, units: int) -> Map:
    """The map for x [(seed,) batch, unit]."""
    return Map(spec, seeds)
