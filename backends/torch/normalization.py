"""Normalization in PyTorch: `torch.nn.BatchNorm1d` with a biased running variance.

Trap: PyTorch's momentum is the weight of the new value (0.1 here is 0.9 in Keras and Flax), and its running variance is
the unbiased one, B / (B - 1) times what the two others keep: evaluation outputs differ, training outputs do not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from backends.torch.arrays import Tensors, batch_first
from backends.torch.block import Layer, Site
from common.countermeasures.normalization import BatchNormalization, NoNormalization, Normalization
from common.network import Arrays

NATIVE = {"batch": "torch.nn.BatchNorm1d"}


class BatchNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` that keeps the biased variance of the batch in its running average."""

    running_mean: torch.Tensor
    running_var: torch.Tensor
    momentum: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalize input [batch, unit] by its own moments in training, by the running ones in evaluation."""
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
        """The output by the moments of input [batch, unit], and these: `mean` and `variance` [unit], the biased one."""
        # with a momentum of 1 the buffers are the moments of the batch; the running ones may not be given, since changing
        # them afterwards, to the biased variance, would break the backward pass
        mean, unbiased = input.new_zeros(input.shape[1]), input.new_zeros(input.shape[1])
        output = functional.batch_norm(input, mean, unbiased, scale, shift, True, 1.0, self.eps)
        return output, {"mean": mean, "variance": unbiased * ((len(input) - 1) / len(input))}

    def by_moments(
        self, input: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor
    ) -> torch.Tensor:
        """The output by these moments [unit]."""
        return functional.batch_norm(input, mean, variance, scale, shift, False, 0.0, self.eps)

    def update(self, running: torch.Tensor, moment: torch.Tensor) -> None:
        """Bring a running moment up to that of a batch, in place."""
        running.lerp_(moment, self.momentum)


def build(spec: Normalization) -> Callable[[int], BatchNorm] | None:
    """A constructor of the module, to be called with the width; None for no normalization."""
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(BatchNorm, eps=epsilon, momentum=1 - momentum)


class Unchanged(Layer):
    """No normalization."""

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """X as it is."""
        return x


class Normalized(Layer):
    """Batch norm, unit by unit: with the seeds' units side by side, [batch, seed * unit], it works seed by seed."""

    def __init__(self, module: BatchNorm, seeds: int) -> None:
        self.module, self.seeds = module, seeds

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """Normalized x [(seed,) batch, unit], by the batch's moments in training and by the running ones in evaluation."""
        by_batch, scale, shift = batch_first(x, self.seeds), p["scale"].flatten(), p["shift"].flatten()
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


def layer(spec: Normalization, seeds: int, units: int) -> Layer:
    """The normalization for x [(seed,) batch, unit]."""
    constructor = build(spec)
    return Normalized(constructor(seeds * units), seeds) if constructor else Unchanged()


def probe(spec: BatchNormalization, inputs: Arrays) -> Arrays:
    """One training step and one evaluation of batch norm.

    Args:
        spec: Batch norm.
        inputs: `z` and `cotangent` [batch, width]; `scale`, `shift`, `mean`, `variance` [width], the last two running.

    Returns:
        `value` in training, `gradient`, `scale_gradient`, `shift_gradient`; `mean` and `variance` running after the
        step; `evaluated`, the value in evaluation mode by these.
    """
    constructor = build(spec)
    assert constructor is not None
    module = constructor(inputs["z"].shape[1])
    names = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"}
    module.load_state_dict({native: torch.tensor(inputs[name]) for native, name in names.items()}, strict=False)
    module.to(torch.tensor(inputs["z"]).dtype)
    module.load_state_dict({native: torch.tensor(inputs[name]) for native, name in names.items()}, strict=False)
    z = torch.tensor(inputs["z"], requires_grad=True)
    value = module(z)
    gradients = torch.autograd.grad(value, [z, module.weight, module.bias], torch.tensor(inputs["cotangent"]))
    evaluated = module.eval()(z)
    outputs = [value, *gradients, module.running_mean, module.running_var, evaluated]
    keys = ["value", "gradient", "scale_gradient", "shift_gradient", "mean", "variance", "evaluated"]
    return {key: output.detach().numpy() for key, output in zip(keys, outputs, strict=True)}


def native(spec: BatchNormalization) -> Callable[[int], nn.BatchNorm1d]:
    """PyTorch's own module with the same epsilon and momentum: its running variance is unbiased."""
    return partial(nn.BatchNorm1d, eps=spec.epsilon, momentum=1 - spec.momentum)
