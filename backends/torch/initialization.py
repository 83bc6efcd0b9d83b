"""Initialization in PyTorch: `torch.nn.init`, with the law's standard deviation stated.

Trap: PyTorch reads a weight as [n_out, n_in], and `trunc_normal_` takes absolute bounds (a=-2, b=2 by default) and does not
correct the standard deviation. `xavier_normal_` and `kaiming_normal_` are not truncated; in Keras and JAX they are.
A `torch.nn.Linear` starts, unasked, from `kaiming_uniform_` with a = sqrt(5), which is U(-1/sqrt(n_in), 1/sqrt(n_in)), of
standard deviation 0.577/sqrt(n_in); its biases start from that same law, and not at 0 as in Keras and Flax.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch.nn import init

from common.countermeasures.initialization import TRUNCATED_STD, Gaussian, He, Initialization, Xavier, standard_deviation
from common.network import Arrays

NATIVE = {
    "normal": "torch.nn.init.normal_",
    "uniform": "torch.nn.init.uniform_",
    "truncated_normal": "torch.nn.init.trunc_normal_",
    "gaussian": "torch.nn.init.normal_",
    "xavier": "torch.nn.init.xavier_normal_",
    "he": "torch.nn.init.kaiming_normal_",
}

Initialize = Callable[[torch.Tensor], torch.Tensor]


def build(spec: Initialization) -> Initialize:
    """A function that fills a weight [n_out, n_in] in place, by the spec's law."""

    def initialize(weight: torch.Tensor) -> torch.Tensor:
        n_out, n_in = weight.shape
        std = standard_deviation(spec, n_in, n_out)
        match spec.distribution:
            case "normal":
                return init.normal_(weight, mean=0.0, std=std)
            case "uniform":
                return init.uniform_(weight, -math.sqrt(3) * std, math.sqrt(3) * std)
            case "truncated_normal":
                full = std / TRUNCATED_STD
                return init.trunc_normal_(weight, mean=0.0, std=full, a=-2 * full, b=2 * full)

    return initialize


def _draw(initialize: Initialize, inputs: Arrays) -> Arrays:
    n_in, n_out = (int(n) for n in inputs["shape"])
    with torch.random.fork_rng():
        torch.manual_seed(int(inputs["seed"]))
        return {"weight": initialize(torch.empty(n_out, n_in, dtype=torch.float64)).T.numpy()}


def probe(spec: Initialization, inputs: Arrays) -> Arrays:
    """Weights drawn by `build`.

    Args:
        spec: The initialization.
        inputs: `shape` (n_in, n_out) and `seed`.

    Returns:
        `weight` [n_in, n_out].
    """
    return _draw(build(spec), inputs)


def native(spec: Initialization) -> Callable[[Arrays], Arrays]:
    """What PyTorch ships under the name, as a function from the inputs of `probe` to its outputs."""
    return partial(_draw, _shipped(spec))


def _shipped(spec: Initialization) -> Initialize:
    uniform = spec.distribution == "uniform"
    match spec:
        case Gaussian(std=std, distribution="truncated_normal"):
            return partial(init.trunc_normal_, std=std)
        case Gaussian(std=std):
            return partial(init.uniform_, a=-std, b=std) if uniform else partial(init.normal_, std=std)
        case Xavier(fan="avg"):
            return init.xavier_uniform_ if uniform else init.xavier_normal_
        case Xavier():
            return partial(init.kaiming_uniform_ if uniform else init.kaiming_normal_, nonlinearity="linear")
        case He():
            return partial(init.kaiming_uniform_ if uniform else init.kaiming_normal_, nonlinearity="relu")
