"""What is measured of a step, in PyTorch.

All layers at once, since an operation costs more than a copy of a layer.
"""

from __future__ import annotations

import math

import torch

from backends.torch.arrays import safe_scale
from common.countermeasures.activation import Activation, open_interval
from common.quantities import safe_norms


def rms(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: list[torch.Tensor], axes: tuple[int, ...]) -> list[torch.Tensor]:
    """The same for several arrays, at the cost of one look at the numbers."""
    roots = [math.sqrt(math.prod(x.shape[axis] for axis in axes)) for x in arrays]
    if arrays[0].device.type == "cpu":  # to look at numbers would make an accelerator wait
        plain = [torch.linalg.vector_norm(x, dim=axes) for x in arrays]
        low, high = safe_norms(str(arrays[0].dtype).removeprefix("torch."))
        smallest, largest = torch.aminmax(torch.cat([norm.flatten() for norm in plain]))
        if low < smallest.item() and largest.item() < high:
            return [norm / root for norm, root in zip(plain, roots, strict=True)]
    return [_scaled_rms(x, axes, root) for x, root in zip(arrays, roots, strict=True)]


def _scaled_rms(x: torch.Tensor, axes: tuple[int, ...], root: float) -> torch.Tensor:
    scale = safe_scale(x, axes)
    return scale.squeeze(axes) * (torch.linalg.vector_norm(x / scale, dim=axes) / root)


def alive(spec: Activation, z: torch.Tensor, slope: torch.Tensor | None) -> torch.Tensor:
    """Whether the derivative of a unit's activation is not 0 for some sample, [layer, seed, width].

    Asked the other way round: the largest of samples with a NaN is NaN, and not at most 0.

    Args:
        spec: The activation.
        z: Its pre-activations [layer, seed, batch, width], or its outputs where those tell.
        slope: Of PReLU, [seed, layer].
    """
    low, high = open_interval(spec, str(z.dtype).removeprefix("torch."))
    if slope is not None:
        return ~(z.amax(2) <= 0) | (slope.T != 0)[..., None]
    if math.isinf(low):
        return torch.ones((), dtype=torch.bool, device=z.device).expand(
            z.shape[0], z.shape[1], z.shape[3]
        )
    if math.isinf(high):
        return ~(z.amax(2) <= low)
    return ~((z - (low + high) / 2).abs_().amin(2) >= (high - low) / 2)


Held = tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]


def of_step(
    run: dict[str, list[torch.Tensor]], held: Held, sites: tuple[int, ...], learning_rate: float
) -> torch.Tensor:
    """What is `MEASURED` of a step, [measured, seed, layer].

    Args:
        run: `outputs` and `signals` [layer, seed, batch, width], and `alive` [layer, seed, width]:
            each a list, of the sites of one width in a row.
        held: For each stack of sites the weights [seed, layer, ..., n_out] before the step, their
            gradients before and after clipping, and the directions of their updates; nothing where
            the one is the one before.
        sites: How many sites each of these stacks has.
        learning_rate: Of the step: an update is it times its direction.
    """
    weights = [a.flatten(2, -2) for arrays in held for a in arrays]
    parts = iter(rms_of_each([*run["signals"], *run["outputs"], *weights], (2, 3)))
    signal, output = (
        torch.cat([next(parts) for _ in run[name]]) for name in ("signals", "outputs")
    )
    kinds: list[torch.Tensor] = []
    for arrays in held:
        counts = zip(arrays, sites, strict=False)
        kinds.append(
            torch.cat([next(parts).expand(-1, count) for _, count in counts], dim=1)
            if arrays
            else kinds[-1]
        )
    size, before, after, update = kinds
    dead = torch.cat([(~alive).to(signal.dtype).mean(-1) for alive in run["alive"]])
    signal = signal * run["outputs"][0].shape[2]
    mean = torch.cat([a.mean((2, 3)) for a in run["outputs"]])
    return torch.stack(
        [signal.T, before, after, learning_rate * update, size, mean.T, output.T, dead.T]
    )
