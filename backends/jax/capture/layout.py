"""Which axis of an output is the batch, and which the channel.

Told from what computed it, and from where it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .marks import Site

CHANNELS_LAST = (
    "affine",
    "convolution",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "rms_norm",
    "pooling",
    "embedding",
    "recurrent",
)


def layout_of(
    site: Site, inputs: list[Any], outputs: list[Any], known: Mapping[int, list[int]]
) -> list[int] | None:
    """Flax has the channels last; what works element by element leaves the axes as they were.

    Args:
        site: What computed the outputs.
        inputs: What went in.
        outputs: What came out.
        known: The layouts of values by their identities.

    Returns:
        The order of the axes that makes the last of the outputs (batch, *space, channel); None
        where it is not known.
    """
    if not outputs:
        return None
    if site.config.get("time_major"):
        return [1, 0, *range(2, outputs[-1].ndim)]
    if site.kind in CHANNELS_LAST:
        return list(range(outputs[-1].ndim))
    if site.kind in ("activation", "dropout", "add", "multiply"):
        return next((known[id(x)] for x in inputs if id(x) in known), None)
    return known.get(id(outputs[-1])) if site.module else None
