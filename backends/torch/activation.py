"""Activation in PyTorch: the modules of `torch.nn`, every argument stated.

Trap: the defaults here are the definition's, and other frameworks' are not: Leaky ReLU's slope is 0.01 here and 0.3 in Keras;
PReLU starts at 0.25 here, at 0 in Keras and at 0.01 in Flax.
"""

from __future__ import annotations

import torch
from torch import nn

from common.countermeasures.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, Tanh
from common.network import Arrays

NATIVE = {
    "sigmoid": "torch.nn.Sigmoid",
    "tanh": "torch.nn.Tanh",
    "relu": "torch.nn.ReLU",
    "leaky_relu": "torch.nn.LeakyReLU",
    "prelu": "torch.nn.PReLU",
    "elu": "torch.nn.ELU",
}


def build(spec: Activation) -> nn.Module:
    """The module for x [batch, unit]; PReLU has its one slope in `weight`, of shape [1]."""
    match spec:
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


def probe(spec: Activation, inputs: Arrays) -> Arrays:
    """Value and gradient of the activation.

    Args:
        spec: The activation.
        inputs: `z` and `cotangent`, of one shape; their precision is that of the computation.

    Returns:
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape [].
    """
    z = torch.tensor(inputs["z"], requires_grad=True)
    module = build(spec).to(z.dtype)
    value = module(z)
    gradient, *slope = torch.autograd.grad(value, [z, *module.parameters()], torch.tensor(inputs["cotangent"]))
    outputs = {"value": value.detach().numpy(), "gradient": gradient.numpy()}
    return outputs | {"slope_gradient": slope[0].numpy().reshape(())} if slope else outputs
