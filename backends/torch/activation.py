"""Activation in PyTorch: the modules of `torch.nn`, every argument stated.

Trap: the defaults here are the definition's, and other frameworks' are not: Leaky ReLU's slope is
0.01 here and 0.3 in Keras; PReLU starts at 0.25 here, at 0 in Keras and at 0.01 in Flax; GELU is
exact here and in `keras.activations`, and approximated by tanh in `jax.nn` and `keras.ops`.
`torch.nn.GELU` computes 1 + erf, or 1 + tanh, of which nothing is left far below 0: in float64 the
value is 1e-10 off at -6 and 0 from -8.3 on (by tanh 3e-7 off, and 0 from -7.2 on), and the
derivative goes with it.
"""

from __future__ import annotations

import math
from typing import assert_never

import torch
from torch import nn
from torch.func import functional_call

from backends.torch.arrays import Tensors, batch_first
from backends.torch.block import Layer, Site
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
    dead_where_output_is_not_positive,
)
from common.network import Arrays
from common.placement import Kept

NATIVE = {
    "identity": "torch.nn.Identity",
    "sigmoid": "torch.nn.Sigmoid",
    "tanh": "torch.nn.Tanh",
    "relu": "torch.nn.ReLU",
    "leaky_relu": "torch.nn.LeakyReLU",
    "prelu": "torch.nn.PReLU",
    "elu": "torch.nn.ELU",
    "selu": "torch.nn.SELU",
    "gelu": "torch.nn.GELU",
    "silu": "torch.nn.SiLU",
}
PARAMETERS = {"slope": Kept("weight", (None,))}


class ExactGELU(nn.Module):
    """GELU by erfc, which keeps its digits far below 0."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """The activation of z, of z's shape."""
        return z * (torch.erfc(-math.sqrt(0.5) * z) / 2)


class TanhGELU(nn.Module):
    """GELU's approximation by tanh, its (1 + tanh(u)) / 2 as the logistic function of 2 u."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """The activation of z, of z's shape."""
        bounded = z.clamp(-25, 25)  # beyond it is z or 0, and the cubic would overflow
        return z * torch.sigmoid(
            math.sqrt(8 / math.pi) * bounded * (1 + GELU_CUBIC * bounded * bounded)
        )


def build(spec: Activation) -> nn.Module:
    """The module for x [batch, unit]; PReLU has its one slope in `weight`, of shape [1]."""
    match spec:
        case Identity():
            return nn.Identity()
        case Sigmoid():
            return nn.Sigmoid()
        case Tanh():
            return nn.Tanh()
        case ReLU():
            return nn.ReLU()
        case LeakyReLU(slope=slope):
            return nn.LeakyReLU(negative_slope=slope)
        case PReLU(initial_slope=slope):
            return nn.PReLU(num_parameters=1, init=slope)
        case ELU(alpha=alpha):
            return nn.ELU(alpha=alpha)
        case SELU():
            return nn.SELU()
        case GELU(approximation="none"):
            return ExactGELU()
        case GELU():
            return TanhGELU()
        case SiLU():
            return nn.SiLU()
        case _:
            assert_never(spec)


def module(spec: Activation, units: int, inner: nn.Module) -> nn.Module:
    """The activation as a part of a model."""
    return build(spec)


class Activated(Layer):
    """The activation of a layer's pre-activations."""

    def __init__(self, spec: Activation, seeds: int) -> None:
        self.module = build(spec)
        self.seeds = seeds
        self.told_by_output = dead_where_output_is_not_positive(spec)

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The activation of x [(seed,) batch, unit], by `slope` [(seed)] if it is trained."""
        if "slope" not in p:
            y = self.module(x)
            site.kept["tells"] = y if self.told_by_output else x
            return y
        site.kept["tells"] = x
        # PReLU has a slope for each channel, which it expects behind the batch: there the seeds
        # have one each
        slopes = {"weight": p["slope"].reshape(self.seeds)}
        by_batch = batch_first(x, self.seeds)
        return batch_first(functional_call(self.module, slopes, (by_batch,)), self.seeds)


def layer(spec: Activation, seeds: int, units: int) -> Activated:
    """The activation for x [(seed,) batch, unit]."""
    return Activated(spec, seeds)


def probe(spec: Activation, inputs: Arrays) -> Arrays:
    """Value and gradient of the activation.

    Args:
        spec: The activation.
        inputs: `z` and `cotangent`, of one shape; their precision is that of the computation.

    Returns:
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape
        [].
    """
    z = torch.tensor(inputs["z"], requires_grad=True)
    module = build(spec).to(z.dtype)
    value = module(z)
    gradient, *slope = torch.autograd.grad(
        value, [z, *module.parameters()], torch.tensor(inputs["cotangent"])
    )
    outputs = {"value": value.detach().numpy(), "gradient": gradient.numpy()}
    return outputs | {"slope_gradient": slope[0].numpy().reshape(())} if slope else outputs


def native(spec: GELU) -> nn.Module:
    """What PyTorch ships under the name, with its own defaults."""
    return nn.GELU()
