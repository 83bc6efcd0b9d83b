"""NumPy to PyTorch and back; what makes a norm scale-safe.

Trap: PyTorch keeps a weight as [n_out, n_in], here it is [n_in, n_out] everywhere: `linear.weight =
weight.T`.
"""

from __future__ import annotations

import numpy as np
import torch

Tensors = dict[str, torch.Tensor]


def from_numpy(array: np.ndarray, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A copy on the device in the given precision; integers stay integers."""
    return torch.tensor(array, dtype=dtype if array.dtype.kind == "f" else None, device=device)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A copy for the world outside the wing, floating-point numbers as float64."""
    array = tensor.detach().cpu().numpy()
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def batch_first(x: torch.Tensor, seeds: int) -> torch.Tensor:
    """The batch before the seeds, and back; a single seed has no axis."""
    return x if seeds == 1 else x.transpose(0, 1)


def safe_scale(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """What x is divided by before it is squared (common/quantities.py)."""
    largest = torch.maximum(x.amax(axes, keepdim=True), -x.amin(axes, keepdim=True))
    return torch.where(
        (largest > 0) & largest.isfinite(), largest.clamp(max=torch.finfo(x.dtype).max / 16), 1
    )
