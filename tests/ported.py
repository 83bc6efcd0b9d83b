"""Faults of a port, planted in NumPy: a reference, what a port with one fault gives, and the cause
that has to be named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from experiments.causes import Side
from experiments.causes._definition import forward
from tests.ported_bench import Bench
from tests.ported_layers import activations, affine, normalizations
from tests.ported_losses import losses
from tests.ported_sequences import attentions, embeddings, recurrences
from tests.ported_training import gradients, optimizers, statistics
from tests.ported_windows import convolutions, pools, resamplings


def between(b: Bench) -> None:
    """What lies between two places: sums, flattening, concatenation, reductions."""
    u = b.draw(4, 5, 5, 6)
    v = b.draw(4, 5, 5, 6)
    w = b.draw(4, 5, 5, 6)

    def known(path: str, value: np.ndarray) -> Side:
        return Side("torch", "torch", path, "other", output=value)

    agreed = (known("other", w), known("short", v), known("branch", u))
    add = b.side("add", {}, u, v)
    relu = replace(b.side("activation", {"name": "relu"}, u + v), path="relu")
    end = Side("torch", "torch", "next", "between", output=relu.output)
    held = {"agreed": agreed, "between_reference": (replace(add, path="add"), relu)}
    positive = np.maximum(u, 0)
    b.plant(
        "sum behind the activation", "skip.order", end, positive + v, "activation.missing", **held
    )
    b.plant("no skip connection", "skip.missing", end, positive, **held)
    b.plant(
        "a branch scaled before the activation",
        "skip.scale",
        end,
        np.maximum(0.1 * u + v, 0),
        **held,
    )
    b.plant("skip from elsewhere", "skip.source", end, np.maximum(u + w, 0), **held)
    b.plant("skip missing at the sum", "skip.missing", add, u, agreed=agreed)
    b.plant("a branch scaled", "skip.scale", add, 0.1 * u + v, agreed=agreed)
    flat = Side("torch", "torch", "fc", "between", output=np.moveaxis(u, -1, 1).reshape(4, -1))
    b.plant("flattened channels last", "order.flatten", flat, u.reshape(4, -1), agreed=agreed)
    joined = Side("torch", "torch", "up", "between", output=np.concatenate([u, v], -1))
    b.plant(
        "concatenated the other way",
        "order.concatenate",
        joined,
        np.concatenate([v, u], -1),
        "order.channels",
        agreed=agreed,
    )
    y = b.draw(5, 6, 8)
    steps = (known("lstm", y),)
    head = Side("torch", "torch", "head", "between", output=y[:, -1])
    b.plant("mean over the steps", "order.reduction", head, y.mean(1), agreed=steps)
    mean = Side("torch", "torch", "head", "between", output=y.mean(1))
    a = b.draw(4, 6, 6, 5)
    plain = replace(b.side("activation", {"name": "tanh"}, a), path="act")
    first = replace(
        b.side("pooling", {"which": "average", "size": [2, 2]}, np.tanh(a)), path="pool"
    )
    stop = Side("torch", "torch", "next", "between", output=first.output)
    blocks = a.reshape(4, 3, 2, 3, 2, 5).mean((2, 4))
    pooled: dict[str, Any] = {"agreed": (known("a", a),), "between_reference": (plain, first)}
    b.plant("activation missing before pooling", "order.missing", stop, blocks, **pooled)
    b.plant("pooling before the activation", "order.layers", stop, np.tanh(blocks), **pooled)
    b.plant("first of the steps", "order.reduction", mean, y[:, 0], agreed=steps)
    x = b.draw(6, 8) + 1
    norm = replace(
        b.side("layer_norm", {"epsilon": 1e-5}, x, scale=b.draw(8) + 2, shift=b.draw(8)),
        path="norm",
    )
    assert norm.output is not None
    gelu = replace(b.side("activation", {"name": "tanh"}, norm.output), path="act")
    stop = Side("torch", "torch", "next", "between", output=gelu.output)
    turned = forward("layer_norm", norm.config, norm.parameters, {}, [np.tanh(x)])
    first = {"agreed": (known("x", x),), "between_reference": (norm, gelu)}
    b.plant("activation before the norm", "order.layers", stop, turned, **first)
    b.plant("norm missing between", "order.missing", stop, np.tanh(x), **first)
    image = Side(
        "torch", "torch", "", "between", output=b.rng.integers(0, 256, (4, 6, 6, 3)).astype(float)
    )
    assert image.output is not None
    b.plant("divided by 255", "data.scale", image, image.output / 255, "scale.factor")
    b.plant(
        "channels of the image",
        "data.channels",
        image,
        image.output[..., ::-1],
        "order.reversed",
        "order.channels",
    )
    standard = (image.output - image.output.mean((0, 1, 2))) / image.output.std((0, 1, 2))
    b.plant("standardised", "data.standardised", image, standard)


ROOMS: tuple[Callable[[Bench], None], ...] = (
    normalizations, activations, affine, convolutions, pools, attentions, recurrences, embeddings,
    resamplings, between, losses,
    optimizers, statistics, gradients,
)  # fmt: skip


@cache
def bench(seed: int) -> Bench:
    """All faults, drawn from this seed."""
    made = Bench(seed)
    for room in ROOMS:
        room(made)
    return made
