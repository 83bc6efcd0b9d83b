"""Which axis of an output is the batch, and which the channel.

Told from what computed it, and from where it comes.
"""

from __future__ import annotations

from typing import Any

import torch

CHANNEL_SECOND = frozenset({"convolution", "batch_norm", "group_norm", "pooling", "global_pooling"})
CHANNEL_LAST = frozenset(
    {"affine", "embedding", "layer_norm", "rms_norm", "recurrent", "attention"}
)

Layout = list[int] | None


def layout(
    kind: str,
    config: dict[str, Any],
    inputs: list[torch.Tensor],
    output: torch.Tensor,
    source: Layout,
    batch: int,
) -> Layout:
    """The order of the axes that makes the output (batch, *space, channel).

    Args:
        kind: Of the place.
        config: Its numbers.
        inputs: The tensors that went in.
        output: What came out.
        source: The layout of the first input, where it is known.
        batch: How many samples there are.

    Returns:
        None where it is not known.
    """
    axes = output.ndim
    found = None
    if axes == 2:
        found = [0, 1]
    elif axes > 2:
        found = _of_several(kind, config, inputs, output, source)
    return found if found and output.shape[found[0]] == batch else None


def _of_several(
    kind: str,
    config: dict[str, Any],
    inputs: list[torch.Tensor],
    output: torch.Tensor,
    source: Layout,
) -> Layout:
    axes = output.ndim
    kept = bool(inputs) and inputs[0].ndim == axes and source is not None
    if kind in CHANNEL_SECOND and inputs and inputs[0].ndim == axes:
        return [0, *range(2, axes), 1]
    if kind == "transpose" and kept:
        assert source is not None
        return [config["axes"].index(axis) for axis in source]
    if kind in CHANNEL_LAST:
        return source if kept else list(range(axes))
    same = kept and inputs[0].shape == output.shape
    return source if same else None
