"""Clipping in PyTorch: a function between `backward()` and `step()`.

Trap: `clip_grad_norm_` divides by the norm + 1e-6, so that a vanished gradient is shortened too
much (a norm of 1.2e-7 clipped to 1e-9 ends at 1.05e-10); where an element is infinite it turns the
others to 0 in silence; in float32 its square overflows from 1.8e19 on. `clip_grad_value_` before
the first `backward()` raises; after `step()` it does nothing. In clipping of one's own, a Python
number over a tensor is the number times the reciprocal: 49 / norm is not 1 for a norm of 49.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import assert_never

import torch
from torch.nn import utils

from backends.torch.arrays import safe_scale
from common.countermeasures.clipping import (
    Clipping,
    GlobalNormClipping,
    NoClipping,
    NormClipping,
    ValueClipping,
)
from common.network import Arrays

NATIVE = {
    "value": "torch.nn.utils.clip_grad_value_",
    "norm": "torch.nn.utils.clip_grad_norm_",
    "global_norm": "torch.nn.utils.clip_grad_norm_",
}

Tensors = dict[str, torch.Tensor]


def norm(gradient: torch.Tensor, leading: int) -> torch.Tensor:
    """The Euclidean norm over all axes but the leading ones; scale-safe."""
    flat = gradient.flatten(leading) if gradient.ndim > leading else gradient[..., None]
    scale = safe_scale(flat, (-1,))
    return scale[..., 0] * torch.linalg.vector_norm(flat / scale, dim=-1)


def shortened(gradient: torch.Tensor, norms: torch.Tensor, threshold: float) -> torch.Tensor:
    """The gradient, brought to the threshold if its norm is above; NaN if that is not finite."""
    norms = norms.reshape(norms.shape + (1,) * (gradient.ndim - norms.ndim))
    clipped = torch.where(norms > threshold, gradient / norms * threshold, gradient)
    return torch.where(norms.isfinite(), clipped, torch.nan)


def build(spec: Clipping) -> Callable[[Iterable[torch.nn.Parameter]], None]:
    """A function that clips `.grad` of a model's parameters in place.

    It is called between `backward()` and the optimiser's `step()`.
    """

    @torch.no_grad()
    def clip(parameters: Iterable[torch.nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        for gradient, clipped in zip(gradients, clipped_together(spec, gradients), strict=True):
            gradient.copy_(clipped)

    return clip


def clipped_together(spec: Clipping, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
    """The clipped gradients of all parameters of one model."""
    if not gradients:
        return []
    match spec:
        case NoClipping():
            return gradients
        case ValueClipping(threshold=c):
            return [g.clamp(-c, c) for g in gradients]
        case NormClipping(threshold=c):
            return [shortened(g, norm(g, 0), c) for g in gradients]
        case GlobalNormClipping(threshold=c):
            whole = norm(torch.stack([norm(g, 0) for g in gradients]), 0)
            return [shortened(g, whole, c) for g in gradients]
        case _:
            assert_never(spec)


def layer(spec: Clipping) -> Callable[[Tensors], Tensors]:
    """A function from gradients [seed, layer, ...] by name to the clipped ones.

    Each layer and each seed is clipped by itself.
    """
    match spec:
        case NoClipping():
            return lambda gradients: gradients
        case ValueClipping(threshold=c):
            return lambda gradients: {name: g.clamp(-c, c) for name, g in gradients.items()}
        case NormClipping(threshold=c):
            return lambda gradients: {
                name: shortened(g, norm(g, 2), c) for name, g in gradients.items()
            }
        case GlobalNormClipping(threshold=c):

            def clip_by_global_norm(gradients: Tensors) -> Tensors:
                norms = torch.stack([norm(g, 1) for g in gradients.values()], dim=1)
                return {name: shortened(g, norm(norms, 1), c) for name, g in gradients.items()}

            return clip_by_global_norm
        case _:
            assert_never(spec)


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    clipped = layer(spec)({name: torch.tensor(a) for name, a in inputs.items()})
    return {name: g.numpy() for name, g in clipped.items()}


def native(spec: Clipping) -> Callable[[Iterable[torch.nn.Parameter]], object]:
    """PyTorch's own function, which clips `.grad` of parameters in place.

    For `norm` it is called for each parameter.
    """
    match spec:
        case NoClipping():
            return lambda parameters: None
        case ValueClipping(threshold=c):
            return partial(utils.clip_grad_value_, clip_value=c)
        case NormClipping(threshold=c):
            return lambda parameters: [utils.clip_grad_norm_([p], max_norm=c) for p in parameters]
        case GlobalNormClipping(threshold=c):
            return partial(utils.clip_grad_norm_, max_norm=c)
        case _:
            assert_never(spec)
