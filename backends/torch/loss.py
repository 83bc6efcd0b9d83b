"""The loss in PyTorch: `CrossEntropyLoss`, `BCEWithLogitsLoss`, `MSELoss`, of integer classes.

Trap: `CrossEntropyLoss` and `BCEWithLogitsLoss` take logits, and say nothing to probabilities. `MSELoss` of [batch, 1] and
[batch] broadcasts to [batch, batch], with a warning only; its mean is over all elements. `BCELoss` clamps its logarithms at
-100. `BCEWithLogitsLoss` and `MSELoss` want targets of the type of the outputs, `CrossEntropyLoss` integers.
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


class OfClasses(nn.Module):
    """A loss of outputs [batch, output] and integer classes [batch], the mean over the samples."""

    def __init__(self, spec: Loss) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, outputs: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        match self.spec:
            case CrossEntropy():
                return functional.cross_entropy(outputs, classes)
            case BinaryCrossEntropy():
                return functional.binary_cross_entropy_with_logits(outputs, classes[:, None].to(outputs.dtype))
            case SquaredError():
                return functional.mse_loss(outputs, functional.one_hot(classes, outputs.shape[1]).to(outputs.dtype))
            case _:
                assert_never(self.spec)


def build(spec: Loss) -> OfClasses:
    """The module, to be called with outputs [batch, output] and integer classes [batch]."""
    return OfClasses(spec)


def of_samples(spec: Loss, outputs: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """The losses [...] of samples with outputs [..., output] and classes [...]."""
    match spec:
        case CrossEntropy():
            flat = functional.cross_entropy(outputs.flatten(0, -2), classes.flatten(), reduction="none")
            return flat.view_as(classes)
        case BinaryCrossEntropy():
            logits = outputs.squeeze(-1)
            return functional.binary_cross_entropy_with_logits(logits, classes.to(logits.dtype), reduction="none")
        case SquaredError():
            wanted = functional.one_hot(classes, outputs.shape[-1]).to(outputs.dtype)
            return functional.mse_loss(outputs, wanted, reduction="none").mean(-1)
        case _:
            assert_never(spec)


def probe(spec: Loss, inputs: Arrays) -> Arrays:
    """Loss and gradient.

    Args:
        spec: The loss.
        inputs: Outputs `z` [batch, output], and classes `y` [batch].

    Returns:
        `loss` [], and `gradient` of z's shape.
    """
    z = torch.tensor(inputs["z"], requires_grad=True)
    loss = build(spec)(z, torch.tensor(inputs["y"]))
    (gradient,) = torch.autograd.grad(loss, z)
    return {"loss": loss.detach().numpy(), "gradient": gradient.numpy()}
