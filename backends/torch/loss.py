"""The loss in PyTorch: `CrossEntropyLoss`, `BCEWithLogitsLoss`, `MSELoss`.

They are of integer classes, `MSELoss` of real targets too.

Trap: `CrossEntropyLoss` and `BCEWithLogitsLoss` take logits, and say nothing to probabilities.
`MSELoss` of [batch, 1] and [batch] broadcasts to [batch, batch], with a warning only; its mean is
over all elements. `BCELoss` clamps its logarithms at -100. `BCEWithLogitsLoss` and `MSELoss` want
targets of the type of the outputs, `CrossEntropyLoss` integers.
"""

from __future__ import annotations

from typing import assert_never

import torch
from torch import nn
from torch.nn import functional

from common.countermeasures.loss import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from common.network import Arrays

NATIVE = {
    "cross_entropy": "torch.nn.CrossEntropyLoss",
    "binary_cross_entropy": "torch.nn.BCEWithLogitsLoss",
    "squared_error": "torch.nn.MSELoss",
}


class Mean(nn.Module):
    """The mean loss of outputs [batch, output], and classes [batch] or targets [batch, output]."""

    def __init__(self, spec: Loss) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        match self.spec:
            case CrossEntropy():
                return functional.cross_entropy(outputs, wanted)
            case BinaryCrossEntropy():
                return functional.binary_cross_entropy_with_logits(
                    outputs, wanted[:, None].to(outputs.dtype)
                )
            case SquaredError():
                return functional.mse_loss(outputs, _targets(wanted, outputs))
            case _:
                assert_never(self.spec)


def build(spec: Loss) -> Mean:
    """The module of outputs [batch, output], and classes [batch] or targets [batch, output]."""
    return Mean(spec)


def of_samples(spec: Loss, outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The losses [...] of outputs [..., output], and classes [...] or targets [..., output]."""
    match spec:
        case CrossEntropy():
            flat = functional.cross_entropy(
                outputs.flatten(0, -2), wanted.flatten(), reduction="none"
            )
            return flat.view_as(wanted)
        case BinaryCrossEntropy():
            logits = outputs.squeeze(-1)
            return functional.binary_cross_entropy_with_logits(
                logits, wanted.to(logits.dtype), reduction="none"
            )
        case SquaredError():
            squares = functional.mse_loss(outputs, _targets(wanted, outputs), reduction="none")
            return squares.mean(-1)
        case _:
            assert_never(spec)


def _targets(wanted: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """Real targets as they are, which have the axes of the outputs; classes one-hot."""
    if wanted.ndim == outputs.ndim:
        return wanted
    return functional.one_hot(wanted, outputs.shape[-1]).to(outputs.dtype)


def probe(spec: Loss, inputs: Arrays) -> Arrays:
    """Loss and gradient.

    Args:
        spec: The loss.
        inputs: Outputs `z` [batch, output], and classes `y` [batch] or real targets [batch,
            output].

    Returns:
        `loss` [], and `gradient` of z's shape.
    """
    z = torch.tensor(inputs["z"], requires_grad=True)
    loss = build(spec)(z, torch.tensor(inputs["y"]))
    (gradient,) = torch.autograd.grad(loss, z)
    return {"loss": loss.detach().numpy(), "gradient": gradient.numpy()}
