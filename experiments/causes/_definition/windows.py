"""Convolution and pooling: what looks at windows [batch, *space, channel]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.causes._definition.activation import needed, number
from experiments.causes._definition.errors import Undefined

Config = Mapping[str, Any]
Padding = list[tuple[int, int]]
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def resolved(config: Config, space: Sequence[int], window: Sequence[int]) -> Padding:
    """The padding before and after, of each axis of space.

    `same` is TensorFlow's: the odd one goes behind.
    """
    padding = number(config, "padding")
    if not isinstance(padding, str):
        return [(int(before), int(after)) for before, after in padding]
    if padding.lower() == "valid":
        return [(0, 0)] * len(window)
    if padding.lower() != "same":
        raise Undefined(f"padding {padding}")
    missing = [
        max((-(-n // s) - 1) * s + k - n, 0)
        for n, s, k in zip(space, strides(config, window), window, strict=True)
    ]
    return [(each // 2, each - each // 2) for each in missing]


def strides(config: Config, window: Sequence[int]) -> list[int]:
    """One for each axis of space."""
    return [int(each) for each in config.get("stride") or [1] * len(window)]


def convolution(config: Config, parameters: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """A convolution (without a flip of the kernel), and the transposed one.

    That is the gradient of it with respect to its input.
    """
    weight = needed(parameters, "weight")
    space = weight.ndim - 2
    dilation = [int(each) for each in config.get("dilation") or [1] * space]
    window = [(k - 1) * d + 1 for k, d in zip(weight.shape[:space], dilation, strict=True)]
    if config.get("transposed"):
        y = _transposed(config, weight, x, dilation, window)
    else:
        mode = MODES.get(config.get("mode", "zeros"), "constant")
        padding = resolved(config, x.shape[1:-1], window)
        padded = np.pad(x, [(0, 0), *padding, (0, 0)], mode=mode)  # type: ignore[call-overload]
        y = correlated(
            padded, weight, strides(config, window), dilation, int(config.get("groups") or 1)
        )
    return y + parameters["bias"] if "bias" in parameters else y


def correlated(
    x: np.ndarray, weight: np.ndarray, stride: list[int], dilation: list[int], groups: int = 1
) -> np.ndarray:
    """The sum of products of a kernel [*space, in / groups, out] with each window of x."""
    space = weight.ndim - 2
    window = [(k - 1) * d + 1 for k, d in zip(weight.shape, dilation, strict=False)]
    views = windows(x, window, stride)[(..., *(slice(None, None, d) for d in dilation))]
    inner, outer = weight.shape[-2], weight.shape[-1]
    if views.shape[space + 1] != inner * groups or outer % groups:
        raise Undefined("a kernel for another number of channels")
    views = views.reshape(*views.shape[: space + 1], groups, inner, *views.shape[space + 2 :])
    kernel = weight.reshape(*weight.shape[:space], inner, groups, outer // groups)
    letters = "abc"[:space]
    summed = np.einsum(
        f"nxyzgi{letters}"[: 1 + space]
        + f"gi{letters},{letters}igo->"
        + "nxyz"[: 1 + space]
        + "go",
        views,
        kernel,
    )
    return summed.reshape(*summed.shape[:-2], outer)


def windows(x: np.ndarray, window: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    """Views [batch, *position, channel, *window]."""
    if any(n < k for n, k in zip(x.shape[1:-1], window, strict=True)):
        raise Undefined("a window larger than what it looks at")
    views = np.lib.stride_tricks.sliding_window_view(
        x, tuple(window), axis=tuple(range(1, 1 + len(window)))
    )
    return views[(slice(None), *(slice(None, None, s) for s in stride))]


def _transposed(
    config: Config, weight: np.ndarray, x: np.ndarray, dilation: list[int], window: list[int]
) -> np.ndarray:
    """What is at stride * i + dilation * k collects x at i times the kernel at k.

    Then the padding is cut away.
    """
    stride = strides(config, window)
    space = weight.ndim - 2
    spread = np.zeros(
        (
            len(x),
            *((n - 1) * s + 1 for n, s in zip(x.shape[1:-1], stride, strict=True)),
            x.shape[-1],
        ),
        x.dtype,
    )
    spread[(slice(None), *(slice(None, None, s) for s in stride))] = x
    padding = _cut(config, window, stride)
    around = [
        (k - 1 - before, k - 1 - after) for k, (before, after) in zip(window, padding, strict=True)
    ]
    padded = np.pad(spread, [(0, 0), *((max(b, 0), max(a, 0)) for b, a in around), (0, 0)])
    inner = (
        slice(max(-b, 0), n - max(-a, 0))
        for (b, a), n in zip(around, padded.shape[1:-1], strict=True)
    )
    flipped = np.flip(weight, tuple(range(space)))
    return correlated(
        padded[(slice(None), *inner)],
        flipped,
        [1] * space,
        dilation,
        int(config.get("groups") or 1),
    )


def _cut(config: Config, window: list[int], stride: list[int]) -> Padding:
    """What is cut of a transposed convolution's output; `same` is stride times the input size."""
    padding = number(config, "padding")
    if not isinstance(padding, str):
        return [(int(before), int(after)) for before, after in padding]
    if padding == "valid":
        return [(0, -max(s - k, 0)) for s, k in zip(stride, window, strict=True)]
    return [((k - s) // 2, k - s - (k - s) // 2) for s, k in zip(stride, window, strict=True)]


def pooling(config: Config, x: np.ndarray) -> np.ndarray:
    """The largest or the mean of each window.

    `zeros` says of the maximum that those around are numbers like others.
    """
    size = [int(each) for each in number(config, "size")]
    stride = [int(each) for each in config.get("stride") or size]
    padding = resolved(
        {**config, "stride": stride, "padding": config.get("padding") or [(0, 0)] * len(size)},
        x.shape[1:-1],
        size,
    )
    more = [
        _ceiled(*each) if config.get("ceil") else 0
        for each in zip(x.shape[1:-1], size, stride, padding, strict=True)
    ]
    axes = tuple(range(-len(size), 0))
    if number(config, "which") == "max":
        around = _around(x, padding, [0] * len(size), 0.0 if config.get("zeros") else -np.inf)
        return windows(_around(around, [(0, 0)] * len(size), more, -np.inf), size, stride).max(axes)
    real = np.ones((1, *x.shape[1:-1], 1))
    counted = (
        _around(real, padding, [0] * len(size), 1.0)
        if config.get("counted")
        else _around(real, padding, [0] * len(size), 0.0)
    )
    counts = windows(_around(counted, [(0, 0)] * len(size), more, 0.0), size, stride).sum(axes)
    return windows(_around(x, padding, more, 0.0), size, stride).sum(axes) / counts


def _around(x: np.ndarray, padding: Padding, more: list[int], value: float) -> np.ndarray:
    widths = [(before, after + extra) for (before, after), extra in zip(padding, more, strict=True)]
    return np.pad(x, [(0, 0), *widths, (0, 0)], constant_values=value)


def _ceiled(n: int, size: int, stride: int, padding: tuple[int, int]) -> int:
    """What is added behind.

    So the last window, which begins within the input or the padding before it, is whole.
    """
    total = n + sum(padding)
    count = -(-(total - size) // stride) + 1
    if (count - 1) * stride >= n + padding[0]:
        count -= 1
    return max((count - 1) * stride + size - total, 0)
