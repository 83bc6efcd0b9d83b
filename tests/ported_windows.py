"""Faults of a port in convolutions, pooling and resampling, planted in NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from experiments.causes import Case, Side
from tests.ported_bench import Bench, computed


def convolutions(b: Bench) -> None:
    x = b.draw(3, 8, 8, 4)
    kernel = b.draw(3, 3, 4, 4)
    bias = b.draw(4)
    config = {"stride": [1, 1], "padding": [[1, 1], [1, 1]], "dilation": [1, 1], "groups": 1}
    plain = b.side("convolution", config, x, weight=kernel, bias=bias)
    step = b.side("convolution", {**config, "stride": [2, 2]}, x, weight=kernel, bias=bias)
    b.changed("same padding at stride 2", "convolution.padding", step, padding="same")
    b.changed("no padding", "convolution.padding", plain, padding="valid")
    b.changed("reflected padding", "convolution.mode", plain, mode="reflect")
    b.changed("a stride of 1", "convolution.stride", step, stride=[1, 1])
    b.changed("dilated", "convolution.dilation", plain, dilation=[2, 2])
    wide = b.side(
        "convolution",
        {**config, "padding": [[2, 2], [2, 2]], "dilation": [2, 2]},
        x,
        weight=kernel,
        bias=bias,
    )
    b.changed(
        "dilation lost",
        "convolution.dilation",
        wide,
        "convolution.padding",
        dilation=[1, 1],
        padding=[[1, 1], [1, 1]],
    )
    b.held(
        "height and width swapped",
        "convolution.height_and_width",
        plain,
        weight=kernel.transpose(1, 0, 2, 3),
    )
    b.held("flipped kernel", "convolution.flipped", plain, weight=kernel[::-1, ::-1])
    b.held(
        "in and out swapped", "convolution.transposed", plain, weight=kernel.transpose(0, 1, 3, 2)
    )
    b.held("channels backwards", "convolution.channels", plain, weight=kernel[:, :, ::-1])
    b.held("convolution's bias missing", "affine.bias", plain, "scale.bias", drop="bias")
    grouped = b.side(
        "convolution", {**config, "groups": 2}, x, weight=b.draw(3, 3, 2, 4), bias=bias
    )
    order = [0, 2, 1, 3]
    interleaved = {name: array[..., order] for name, array in grouped.parameters.items()}
    b.held(
        "groups interleaved", "convolution.interleaved", grouped, "order.channels", **interleaved
    )
    its = computed(
        replace(
            plain,
            config={**config, "groups": 2},
            parameters={"weight": b.draw(3, 3, 2, 4), "bias": bias},
        )
    )
    b.plant("two groups for one", "convolution.groups", plain, its)
    back = b.side(
        "convolution", {**config, "stride": [2, 2], "transposed": True}, x, weight=kernel, bias=bias
    )
    b.held("flipped transposed kernel", "convolution.flipped", back, weight=kernel[::-1, ::-1])
    steps = b.draw(4, 9, 3)
    one = b.side(
        "convolution",
        {"stride": [1], "padding": [[2, 0]], "dilation": [1], "groups": 1},
        steps,
        weight=b.draw(3, 3, 5),
    )
    b.changed("causal padding lost", "convolution.padding", one, padding=[[1, 1]])


def pools(b: Bench) -> None:
    x = b.draw(3, 8, 8, 4)
    largest = b.side(
        "pooling",
        {
            "which": "max",
            "size": [2, 2],
            "stride": [2, 2],
            "padding": [[0, 0], [0, 0]],
            "counted": True,
        },
        x,
    )
    b.changed("mean for largest", "pooling.which", largest, which="average")
    b.changed("overlapping windows", "pooling.stride", largest, stride=[1, 1])
    mean = b.side(
        "pooling",
        {
            "which": "average",
            "size": [3, 3],
            "stride": [2, 2],
            "padding": [[1, 1], [1, 1]],
            "counted": True,
        },
        x,
    )
    b.changed("padding not counted", "pooling.counted", mean, counted=False)
    b.changed("same padding in pooling", "pooling.padding", mean, padding=[[0, 1], [0, 1]])
    b.changed("largest for mean", "pooling.which", mean, which="max")
    b.changed("largest with zeros around", "pooling.which", mean, which="max", zeros=True)
    ceiled = b.side(
        "pooling",
        {
            "which": "max",
            "size": [3, 3],
            "stride": [2, 2],
            "padding": [[0, 0], [0, 0]],
            "counted": True,
        },
        x,
    )
    b.changed("windows that are not whole", "pooling.ceil", ceiled, "pooling.padding", ceil=True)
    whole = b.side("global_pooling", {"which": "average"}, x)
    b.changed("global maximum", "pooling.which", whole, which="max")
    steps = b.side("global_pooling", {"which": "average"}, b.draw(5, 6, 7))
    b.plant("last step for mean", "pooling.step", steps, steps.inputs[0][:, -1])


def resamplings(b: Bench) -> None:
    x = b.draw(2, 3, 4, 5)
    rows, columns = (np.repeat(np.arange(n), 2) for n in (3, 4))
    nearest = Side("torch", "torch", "up", "other", inputs=(x,), output=x[:, rows][:, :, columns])
    linear = replace(nearest, output=_linear(_linear(x, 1, False), 2, False))
    b.clean += [Case("forward", side, side) for side in (nearest, linear)]
    b.plant("linear for nearest", "resampling.method", nearest, linear)
    b.plant("corners kept", "resampling.grid", linear, _linear(_linear(x, 1, True), 2, True))


def _linear(x: np.ndarray, axis: int, corners: bool) -> np.ndarray:
    """Twice as many numbers along an axis."""
    n = x.shape[axis]
    at = np.linspace(0, n - 1, 2 * n) if corners else (np.arange(2 * n) + 0.5) / 2 - 0.5
    return np.apply_along_axis(lambda row: np.interp(at, np.arange(n), row), axis, x)
