"""NumPy to PyTorch and back; the scale-safe rms.

Trap: PyTorch keeps a weight as [n_out, n_in], here it is [n_in, n_out] everywhere: `linear.weight = weight.T`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from common.quantities import safe_norms


def from_numpy(array: np.ndarray, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A copy on the device in the given precision; integers stay integers."""
    return torch.tensor(array, dtype=dtype if array.dtype.kind == "f" else None, device=device)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A copy for the world outside the wing, floating-point numbers as float64."""
    array = tensor.detach().cpu().numpy()
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def rms(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    root = math.sqrt(math.prod(x.shape[axis] for axis in axes))
    if x.device.type == "cpu":  # to look at numbers would make an accelerator wait
        plain = torch.linalg.vector_norm(x, dim=axes)
        (low, high), (smallest, largest) = safe_norms(str(x.dtype).removeprefix("torch.")), torch.aminmax(plain)
        if low < smallest and largest < high:
            return plain / root
    scale = safe_scale(x, axes)
    return scale.squeeze(axes) * (torch.linalg.vector_norm(x / scale, dim=axes) / root)


def ratio(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The quotient a / b, with 0 / 0 = 0 (common/quantities.py)."""
    return torch.where((a == 0) & (b == 0), 0.0, a / b)


def safe_scale(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """What x is divided by before it is squared (common/quantities.py)."""
    largest = torch.maximum(x.amax(axes, keepdim=True), -x.amin(axes, keepdim=True))
    return torch.where((largest > 0) & largest.isfinite(), largest.clamp(max=torch.finfo(x.dtype).max / 16), 1)
