"""The network in PyTorch.

All seeds run at once, x [seed, batch, unit]; a single seed has no such axis inside, x [batch, unit]: a product of matrices is
faster than a batch of one. Batch norm works unit by unit: with the seeds' units side by side, [batch, seed * unit], it works
seed by seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.func import functional_call

from backends.torch import activation, normalization
from backends.torch.arrays import Tensors
from common.network import Network, stack_of


class HiddenLayer:
    """One hidden layer; its numbers are given at each call."""

    def __init__(self, spec: Network, seeds: int) -> None:
        self.seeds = seeds
        constructor = normalization.build(spec.normalization)
        self.normalization = constructor(seeds * spec.width) if constructor else None
        self.activation = activation.build(spec.activation)
        self.product, self.affine = (torch.mm, torch.addmm) if seeds == 1 else (torch.bmm, torch.baddbmm)

    def __call__(self, p: Tensors, x: torch.Tensor, training: bool) -> Tensors:
        """Pre-activation z and output h [(seed,) batch, width] of x [(seed,) batch, n_in]; in training the batch's moments."""
        if not self.normalization:
            z, moments = self.affine(p["bias"], x, p["weight"]), {}
        else:
            z, moments = self._normalized(self.product(x, p["weight"]), p, training)
        return {"z": z, "h": self._activated(z, p), **moments}

    def _normalized(self, z: torch.Tensor, p: Tensors, training: bool) -> tuple[torch.Tensor, Tensors]:
        assert self.normalization is not None
        side_by_side, scale, shift = self._side_by_side(z), p["scale"].flatten(), p["shift"].flatten()
        flat, moments = side_by_side.flatten(1), {}
        if training:
            normalized, moments = self.normalization.by_batch(flat, scale, shift)
        else:
            normalized = self.normalization.by_moments(flat, scale, shift, p["mean"], p["variance"])
        return self._side_by_side(normalized.view_as(side_by_side)), moments

    def _side_by_side(self, z: torch.Tensor) -> torch.Tensor:
        """The batch before the seeds, and back."""
        return z if self.seeds == 1 else z.transpose(0, 1)

    def _activated(self, z: torch.Tensor, p: Tensors) -> torch.Tensor:
        if "slope" not in p:
            return self.activation(z)
        # PReLU has a slope for each channel, which it expects behind the batch: there the seeds have one each
        slopes = {"weight": p["slope"].reshape(self.seeds)}
        return self._side_by_side(functional_call(self.activation, slopes, (self._side_by_side(z),)))


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves.

    Attributes:
        logits: [seed, batch, class].
        z: Pre-activations [(seed,) batch, width], layer by layer.
        h: Outputs, the same.
        moments: Of the batch, with batch norm and in training, [layer, seed * width] by the names of the running statistics.
    """

    logits: torch.Tensor
    z: list[torch.Tensor]
    h: list[torch.Tensor]
    moments: Tensors


class StackedNetwork:
    """The hidden layer, run `depth` times over stacked parameters, and the output layer."""

    def __init__(self, spec: Network, seeds: int) -> None:
        self.layer, self.seeds = HiddenLayer(spec, seeds), seeds

    def __call__(self, parameters: Tensors, x: torch.Tensor, statistics: Tensors | None = None) -> Pass:
        """Run the network.

        Args:
            parameters: [seed, layer, ...] by name.
            x: [seed, batch, features].
            statistics: [layer, seed * width] by name, for evaluation; without them it is training.
        """
        rows, h = [], x if self.seeds > 1 else x.squeeze(0)
        for stack in ("first", "hidden"):
            running = stack_of(statistics or {}, stack)
            for p in _by_layer(self._unstacked(parameters, stack) | {name: a.unbind(0) for name, a in running.items()}):
                rows.append(self.layer(p, h, training=statistics is None))
                h = rows[-1]["h"]
        (output,) = _by_layer(self._unstacked(parameters, "output"))
        logits = self.layer.affine(output["bias"], h, output["weight"]).view(*x.shape[:2], -1)
        return Pass(logits, [row["z"] for row in rows], [row["h"] for row in rows], _moments(rows))

    def _unstacked(self, parameters: Tensors, stack: str) -> dict[str, tuple[torch.Tensor, ...]]:
        """Parameters of a stack, layer by layer, by their bare names; a bias as it is added to a batch."""
        found = {name: a.unsqueeze(-2) if name == "bias" else a for name, a in stack_of(parameters, stack).items()}
        return {name: a.unbind(1) if self.seeds > 1 else a.squeeze(0).unbind(0) for name, a in found.items()}

    def update(self, statistics: Tensors, moments: Tensors) -> None:
        """Bring the running statistics up to the moments of a batch, in place."""
        if self.layer.normalization:
            for name, running in statistics.items():
                self.layer.normalization.update(running, moments[name])


def _by_layer(stacks: dict[str, tuple[torch.Tensor, ...]]) -> list[Tensors]:
    return [dict(zip(stacks, values, strict=True)) for values in zip(*stacks.values(), strict=True)]


def _moments(rows: list[Tensors]) -> Tensors:
    names = [name for name in rows[0] if name not in ("z", "h")]
    stacked = {name: torch.stack([row[name] for row in rows]) for name in names}
    return {f"first.{name}": a[:1] for name, a in stacked.items()} | {f"hidden.{name}": a[1:] for name, a in stacked.items()}
