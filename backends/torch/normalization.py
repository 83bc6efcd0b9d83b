"""Normalization in PyTorch: `torch.nn.BatchNorm1d` with a biased running variance.

Beside it `LayerNorm` and `RMSNorm`.

Trap: PyTorch's momentum is the weight of the new value (0.1 here is 0.9 in Keras and Flax), and its
running variance is the unbiased one, B / (B - 1) times what the two others keep: evaluation outputs
differ, training outputs do not. The epsilon of `LayerNorm` is 1e-5, in Keras 1e-3 and in Flax 1e-6;
that of `RMSNorm` is the precision's own, 2.2e-16 in float64, unless it is given. On a processor
with AVX2 batch norm is z * (scale / deviation) + (shift - mean * (scale / deviation)): where the z
of a batch are equal and huge, the two products leave their rounding, 316 u |z| at an epsilon of
1e-5, and not a number of the size of 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

import torch
from torch import nn
from torch.nn import functional

from backends.torch.arrays import Tensors, batch_first
from backends.torch.block import Layer, Site
from common.countermeasures.normalization import (
    BatchNormalization,
    LayerNormalization,
    NoNormalization,
    Normalization,
    RMSNormalization,
)
from common.network import Arrays
from common.placement import Kept

NATIVE = {"batch": "torch.nn.BatchNorm1d", "layer": "torch.nn.LayerNorm", "rms": "torch.nn.RMSNorm"}
PARAMETERS = {"scale": Kept("weight"), "shift": Kept("bias")}
STATISTICS = {"mean": Kept("running_mean"), "variance": Kept("running_var")}


class BatchNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` that keeps the biased variance of the batch in its running average."""

    running_mean: torch.Tensor
    running_var: torch.Tensor
    momentum: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize [batch, unit] by own moments in training, by the running ones in evaluation."""
        running = {"mean": self.running_mean, "variance": self.running_var}
        if not self.training:
            return self.by_moments(input, self.weight, self.bias, **running)
        output, moments = self.by_batch(input, self.weight, self.bias)
        for name, moment in moments.items():
            self.update(running[name], moment)
        return output

    def by_batch(
        self, input: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The output by the moments of input [batch, unit], and these.

        They are `mean` and `variance` [unit], the biased one.
        """
        # with a momentum of 1 the buffers are the moments of the batch; the running ones may not be
        # given, since changing them afterwards, to the biased variance, would break the backward
        # pass
        mean, unbiased = input.new_zeros(input.shape[1]), input.new_zeros(input.shape[1])
        output = functional.batch_norm(input, mean, unbiased, scale, shift, True, 1.0, self.eps)
        return output, {"mean": mean, "variance": unbiased * ((len(input) - 1) / len(input))}

    def by_moments(
        self,
        input: torch.Tensor,
        scale: torch.Tensor,
        shift: torch.Tensor,
        mean: torch.Tensor,
        variance: torch.Tensor,
    ) -> torch.Tensor:
        """The output by these moments [unit]."""
        return functional.batch_norm(input, mean, variance, scale, shift, False, 0.0, self.eps)

    def update(self, running: torch.Tensor, moment: torch.Tensor) -> None:
        """Bring a running moment up to that of a batch, in place."""
        running.lerp_(moment, self.momentum)


def build(spec: Normalization) -> Callable[[int], nn.Module] | None:
    """A constructor of the module, to be called with the width; None for no normalization."""
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(BatchNorm, eps=epsilon, momentum=1 - momentum)
        case LayerNormalization(epsilon=epsilon):
            return partial(nn.LayerNorm, eps=epsilon)
        case RMSNormalization(epsilon=epsilon):
            return partial(nn.RMSNorm, eps=epsilon)
        case _:
            assert_never(spec)


def module(spec: Normalization, units: int, inner: nn.Module) -> nn.Module:
    """The normalization as a part of a model."""
    constructor = build(spec)
    return constructor(units) if constructor else nn.Identity()


class Unchanged(Layer):
    """No normalization."""

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """X as it is."""
        return x


class Normalized(Layer):
    """Batch norm, unit by unit.

    With the seeds' units side by side, [batch, seed * unit], it works seed by seed.
    """

    def __init__(self, module: BatchNorm, seeds: int) -> None:
        self.module, self.seeds = module, seeds

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """Normalized x [(seed,) batch, unit].

        By the batch's moments in training and by the running ones in evaluation.
        """
        by_batch = batch_first(x, self.seeds)
        scale = p["scale"].flatten()
        shift = p["shift"].flatten()
        flat = by_batch.flatten(1)
        if site.training:
            normalized, moments = self.module.by_batch(flat, scale, shift)
            site.kept |= moments
        else:
            normalized = self.module.by_moments(flat, scale, shift, p["mean"], p["variance"])
        return batch_first(normalized.view_as(by_batch), self.seeds)

    def update(self, running: torch.Tensor, moment: torch.Tensor) -> None:
        """Bring a running moment up to that of a batch, in place."""
        self.module.update(running, moment)


class OverUnits(Layer):
    """Layer norm or rms norm, sample by sample.

    Its own numbers are a seed's, so that they follow the normalization.
    """

    def __init__(self, normalize: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.normalize = normalize

    def ready(self, name: str, a: torch.Tensor) -> torch.Tensor:
        """Scale and shift as they stand beside a batch."""
        return a.unsqueeze(-2)

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """Normalized x [(seed,) batch, unit]."""
        y = self.normalize(x)
        return torch.addcmul(p["shift"], y, p["scale"]) if "shift" in p else y * p["scale"]


def layer(spec: Normalization, seeds: int, units: int) -> Layer:
    """The normalization for x [(seed,) batch, unit]."""
    match spec:
        case NoNormalization():
            return Unchanged()
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return Normalized(BatchNorm(seeds * units, eps=epsilon, momentum=1 - momentum), seeds)
        case LayerNormalization(epsilon=epsilon):
            return OverUnits(partial(functional.layer_norm, normalized_shape=(units,), eps=epsilon))
        case RMSNormalization(epsilon=epsilon):
            return OverUnits(partial(functional.rms_norm, normalized_shape=(units,), eps=epsilon))
        case _:
            assert_never(spec)


def probe(spec: Normalization, inputs: Arrays) -> Arrays:
    """One training step of a normalization and, of batch norm, one evaluation.

    Args:
        spec: The normalization.
        inputs: `z` and `cotangent` [batch, width]; `scale` [width], and `shift` if there is one;
            `mean` and `variance` [width], the running ones of batch norm.

    Returns:
        `value` in training, `gradient`, and `scale_gradient` and `shift_gradient`. Of batch norm
        `mean` and `variance` running after the step, and `evaluated`, the value in evaluation mode
        by these.
    """
    constructor = build(spec)
    assert constructor is not None
    z = torch.tensor(inputs["z"], requires_grad=True)
    module = constructor(z.shape[1]).to(z.dtype)
    names = {name: kept.name for name, kept in (PARAMETERS | STATISTICS).items()}
    held = {name: native for name, native in names.items() if native in module.state_dict()}
    module.load_state_dict(
        {native: torch.tensor(inputs[name]) for name, native in held.items()}, strict=False
    )
    value = module(z)
    trained = [name for name in held if names[name] in dict(module.named_parameters())]
    sources = [z, *(module.get_parameter(names[name]) for name in trained)]
    gradient, *own = torch.autograd.grad(value, sources, torch.tensor(inputs["cotangent"]))
    found = {"value": value, "gradient": gradient} | {
        f"{name}_gradient": a for name, a in zip(trained, own, strict=True)
    }
    found |= {name: module.get_buffer(names[name]).clone() for name in held if name not in trained}
    if "mean" in held:
        found["evaluated"] = module.eval()(z)
    return {name: a.detach().numpy() for name, a in found.items()}


def native(spec: Normalization) -> Callable[[int], nn.Module]:
    """PyTorch's own module with the same epsilon and momentum.

    The running variance of batch norm is unbiased.
    """
    match spec:
        case NoNormalization():
            return lambda width: nn.Identity()
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(nn.BatchNorm1d, eps=epsilon, momentum=1 - momentum)
        case LayerNormalization() | RMSNormalization():
            constructor = build(spec)
            assert constructor
            return constructor
        case _:
            assert_never(spec)
