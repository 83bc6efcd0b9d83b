"""What is measured of a step, in PyTorch.

Outputs and signals are measured layer by layer: to stack them first would copy as much as is read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from backends.torch.arrays import Tensors, safe_scale
from common.countermeasures.activation import Activation, PReLU, ReLU, open_interval
from common.quantities import HIDDEN_WEIGHTS, safe_norms


def rms(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: Sequence[torch.Tensor], axes: tuple[int, ...]) -> torch.Tensor:
    """The same for arrays of one shape, one after another along a new first axis, at the cost of one look at the numbers."""
    root = math.sqrt(math.prod(arrays[0].shape[axis] for axis in axes))
    if arrays[0].device.type == "cpu":  # to look at numbers would make an accelerator wait
        plain = torch.stack([torch.linalg.vector_norm(x, dim=axes) for x in arrays])
        (low, high), (smallest, largest) = safe_norms(str(plain.dtype).removeprefix("torch.")), torch.aminmax(plain)
        if low < smallest and largest < high:
            return plain / root
    return _scaled_rms(torch.stack(list(arrays)), tuple(axis + 1 for axis in axes), root)  # operations cost more than copies


def _scaled_rms(x: torch.Tensor, axes: tuple[int, ...], root: float) -> torch.Tensor:
    scale = safe_scale(x, axes)
    return scale.squeeze(axes) * (torch.linalg.vector_norm(x / scale, dim=axes) / root)


def ratio(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The quotient a / b, with 0 / 0 = 0 (common/quantities.py)."""
    return torch.where((a == 0) & (b == 0), 0.0, a / b)


def alive(
    spec: Activation, pre_activations: list[torch.Tensor], outputs: list[torch.Tensor], slopes: list[torch.Tensor]
) -> torch.Tensor:
    """Whether the derivative of a unit's activation is not 0 for some sample, [layer, seed, width].

    Args:
        spec: The activation.
        pre_activations: Of the hidden layers, [seed, batch, width].
        outputs: The same.
        slopes: Of PReLU, [seed, layer].
    """
    low, high = open_interval(spec, str(outputs[0].dtype).removeprefix("torch."))
    if isinstance(spec, ReLU):
        return torch.stack([h.amax(1) for h in outputs]) > 0
    if isinstance(spec, PReLU):
        return (torch.stack([z.amax(1) for z in pre_activations]) > 0) | (torch.cat(slopes, dim=1).T != 0)[..., None]
    if math.isinf(low):
        h = outputs[0]
        return torch.ones((), dtype=torch.bool, device=h.device).expand(len(outputs), h.shape[0], h.shape[2])
    if math.isinf(high):
        return torch.stack([z.amax(1) for z in pre_activations]) > low
    middle = (low + high) / 2
    return torch.stack([(z - middle).abs_().amin(1) for z in pre_activations]) < (high - low) / 2


def of_layers(outputs: list[torch.Tensor], alive: torch.Tensor, signals: Sequence[torch.Tensor]) -> Tensors:
    """The quantities [seed, layer] of hidden outputs and signals [seed, batch, width], and of alive [layer, seed, width]."""
    return {
        "signal_gradient_rms": rms_of_each(signals, (1, 2)).T * outputs[0].shape[1],
        "activation_mean": torch.stack([h.mean((1, 2)) for h in outputs], dim=1),
        "activation_rms": rms_of_each(outputs, (1, 2)).T,
        "dead_fraction": 1 - alive.to(outputs[0].dtype).mean(-1).T,
    }


def of_weights(old: Tensors, new: Tensors, gradients: Tensors, clipped: Tensors) -> Tensors:
    """The quantities [seed, layer] of the hidden weights, before and after a step, and of their gradients and clipped ones."""
    rows = [rms_of_each([gradients[n], clipped[n], new[n] - old[n], old[n]], (2, 3)) for n in HIDDEN_WEIGHTS]
    gradient, after, moved, size = torch.cat(rows, dim=2)
    return {"weight_gradient_rms": gradient, "clipped_weight_gradient_rms": after, "update_ratio": ratio(moved, size)}
