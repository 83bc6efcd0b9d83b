"""Initialization in PyTorch: `torch.nn.init`, with the law's standard deviation stated.

Trap: PyTorch reads a weight as [n_out, n_in], and `trunc_normal_` takes absolute bounds (a=-2, b=2
by default) and does not correct the standard deviation. `xavier_normal_` and `kaiming_normal_` are
not truncated; in Keras and JAX they are. The slope of `kaiming_normal_` is its `a`, which counts
for `nonlinearity="leaky_relu"` alone, its default. A `torch.nn.Linear` starts, unasked, from
`kaiming_uniform_` with a = sqrt(5), which is U(-1/sqrt(n_in), 1/sqrt(n_in)), of standard deviation
0.577/sqrt(n_in); its biases start from that same law, and not at 0 as in Keras and Flax.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import assert_never

import torch
from torch import nn
from torch.nn import init

from common.countermeasures.initialization import (
    Constant,
    Gaussian,
    He,
    Initialization,
    Law,
    Orthogonal,
    TorchDefault,
    Xavier,
    bias_bound,
    law_of,
    standard_deviation,
)
from common.distribution import TRUNCATED_STD
from common.network import Arrays

NATIVE = {
    "normal": "torch.nn.init.normal_",
    "uniform": "torch.nn.init.uniform_",
    "truncated_normal": "torch.nn.init.trunc_normal_",
    "gaussian": "torch.nn.init.normal_",
    "xavier": "torch.nn.init.xavier_normal_",
    "he": "torch.nn.init.kaiming_normal_",
    "orthogonal": "torch.nn.init.orthogonal_",
    "constant": "torch.nn.init.constant_",
    "torch_default": "torch.nn.Linear",
}

Initialize = Callable[[torch.Tensor], torch.Tensor]


def fill(weight: torch.Tensor, law: Gaussian | Xavier | He) -> torch.Tensor:
    """Fill a weight [n_out, n_in] in place, with the law's distribution and standard deviation."""
    n_out, n_in = weight.shape
    std = standard_deviation(law, n_in, n_out)
    match law.distribution:
        case "normal":
            return init.normal_(weight, mean=0.0, std=std)
        case "uniform":
            return init.uniform_(weight, -math.sqrt(3) * std, math.sqrt(3) * std)
        case "truncated_normal":
            full = std / TRUNCATED_STD
            return init.trunc_normal_(weight, mean=0.0, std=full, a=-2 * full, b=2 * full)
        case _:
            assert_never(law.distribution)


def build(spec: Initialization) -> Initialize:
    """A function that fills a weight [n_out, n_in] in place, by the spec's law."""
    law = law_of(spec)
    match law:
        case Gaussian() | Xavier() | He():
            return partial(fill, law=law)
        case Orthogonal(gain=gain):
            return partial(init.orthogonal_, gain=gain)
        case Constant(value=value):
            return partial(init.constant_, val=value)
        case _:
            assert_never(law)


def bias(spec: Initialization, n_in: int) -> Initialize:
    """A function that fills the bias [n_out] of a layer with n_in inputs in place, by its law."""
    match spec.bias:
        case 0:
            return init.zeros_
        case "uniform_fan_in":
            return partial(init.uniform_, a=-bias_bound(n_in), b=bias_bound(n_in))
        case _:
            assert_never(spec.bias)


def _sizes(inputs: Arrays) -> tuple[int, int]:
    n_in, n_out = (int(n) for n in inputs["shape"])
    return n_in, n_out


def _draw(spec: Initialization, initialize: Initialize, inputs: Arrays) -> Arrays:
    n_in, n_out = _sizes(inputs)
    with torch.random.fork_rng():
        torch.manual_seed(int(inputs["seed"]))
        weight = initialize(torch.empty(n_out, n_in, dtype=torch.float64))
        biases = bias(spec, n_in)(torch.empty(n_out, dtype=torch.float64))
    return {"weight": weight.T.numpy(), "bias": biases.numpy()}


def probe(spec: Initialization, inputs: Arrays) -> Arrays:
    """Weights and biases drawn by `build` and `bias`.

    Args:
        spec: The initialization.
        inputs: `shape` (n_in, n_out) and `seed`.

    Returns:
        `weight` [n_in, n_out] and `bias` [n_out].
    """
    return _draw(spec, build(spec), inputs)


def native(spec: Initialization) -> Callable[[Arrays], Arrays]:
    """What PyTorch ships under the name, a function from the inputs of `probe` to its outputs."""
    if isinstance(spec, TorchDefault):
        return _linear
    return partial(_draw, spec, _shipped(law_of(spec)))


def _linear(inputs: Arrays) -> Arrays:
    """A layer as it is born."""
    with torch.random.fork_rng():
        torch.manual_seed(int(inputs["seed"]))
        linear = nn.Linear(*_sizes(inputs), dtype=torch.float64)
    return {"weight": linear.weight.detach().T.numpy(), "bias": linear.bias.detach().numpy()}


def _shipped(law: Law) -> Initialize:
    match law:
        case Gaussian(std=std, distribution="truncated_normal"):
            return partial(init.trunc_normal_, std=std)
        case Gaussian(std=std, distribution="uniform"):
            return partial(init.uniform_, a=-std, b=std)
        case Gaussian(std=std):
            return partial(init.normal_, std=std)
        case Xavier(fan="avg", gain=gain):
            xavier = init.xavier_uniform_ if law.distribution == "uniform" else init.xavier_normal_
            return partial(xavier, gain=gain)
        case Xavier(fan=fan):
            return partial(_kaiming(law), mode=f"fan_{fan}", nonlinearity="linear")
        case He(fan=fan, slope=slope):  # there is no "fan_avg"
            return partial(_kaiming(law), a=slope, mode=f"fan_{fan}")
        case Orthogonal() | Constant():
            return build(law)
        case _:
            assert_never(law)


def _kaiming(law: Xavier | He) -> Callable[..., torch.Tensor]:
    return init.kaiming_uniform_ if law.distribution == "uniform" else init.kaiming_normal_
