"""The definition of windows: convolutions and pooling, held to PyTorch's, Keras' and Flax's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.definitions import agree, draw, torch
from tests.own_layers import first, own

__all__ = ["torch"]


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [([1, 1], [1, 1], [1, 1], 1), ([2, 1], [0, 2], [1, 1], 2), ([1, 2], [2, 2], [2, 1], 4)],
)
def test_a_convolution(
    torch: Any, stride: list[int], padding: list[int], dilation: list[int], groups: int
) -> None:
    x = draw(2, 7, 8, 4)
    w = draw(3, 2, 4 // groups, 8)
    b = draw(8)
    config = {
        "stride": stride,
        "padding": [[p, p] for p in padding],
        "dilation": dilation,
        "groups": groups,
    }
    wanted = torch.nn.functional.conv2d(
        *map(torch.as_tensor, (first(x), w.transpose(3, 2, 0, 1), b)),
        stride,
        padding,
        dilation,
        groups,
    )
    agree(first(own("convolution", config, {"weight": w, "bias": b}, x)), wanted)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_a_convolution_with_padding_of_every_mode(torch: Any, mode: str) -> None:
    x = draw(2, 6, 3)
    layer = torch.nn.Conv1d(3, 4, 3, padding=2, padding_mode=mode, dtype=torch.float64)
    arrays = {
        "weight": layer.weight.detach().numpy().transpose(2, 1, 0),
        "bias": layer.bias.detach().numpy(),
    }
    config = {"stride": [1], "padding": [[2, 2]], "mode": mode}
    agree(first(own("convolution", config, arrays, x)), layer(torch.as_tensor(first(x))))


@pytest.mark.parametrize(
    ("stride", "padding", "extra", "dilation", "groups"),
    [(1, 0, 0, 1, 1), (2, 1, 1, 1, 1), (3, 3, 2, 2, 2), (2, 2, 0, 1, 2)],
)
def test_a_transposed_convolution(
    torch: Any, stride: int, padding: int, extra: int, dilation: int, groups: int
) -> None:
    x = draw(2, 5, 6, 4)
    w = draw(3, 3, 4 // groups, 6)
    of_torch = (
        np.concatenate(np.split(w.transpose(2, 3, 0, 1), groups, 1), 0)
        if groups > 1
        else w.transpose(2, 3, 0, 1)
    )
    config = {
        "stride": [stride] * 2,
        "padding": [[padding, padding - extra]] * 2,
        "dilation": [dilation] * 2,
        "groups": groups,
    }
    wanted = torch.nn.functional.conv_transpose2d(
        torch.as_tensor(first(x)),
        torch.as_tensor(of_torch),
        None,
        stride,
        padding,
        extra,
        groups,
        dilation,
    )
    agree(first(own("convolution", config | {"transposed": True}, {"weight": w}, x)), wanted)


@pytest.mark.parametrize(
    ("padding", "ceil", "counted"),
    [(0, False, True), (1, True, True), (1, False, False), (1, True, False)],
)
def test_pooling(torch: Any, padding: int, ceil: bool, counted: bool) -> None:
    x = draw(2, 8, 7, 3)
    config = {
        "size": [3, 3],
        "stride": [2, 2],
        "padding": [[padding, padding]] * 2,
        "counted": counted,
        "ceil": ceil,
    }
    f = torch.nn.functional
    given = torch.as_tensor(first(x))
    agree(
        first(own("pooling", config | {"which": "max"}, {}, x)),
        f.max_pool2d(given, 3, 2, padding, ceil_mode=ceil),
    )
    agree(
        first(own("pooling", config | {"which": "average"}, {}, x)),
        f.avg_pool2d(given, 3, 2, padding, ceil, counted),
    )


def test_global_pooling_and_what_has_no_parameters(torch: Any) -> None:
    x = draw(2, 4, 5, 3)
    y = draw(2, 4, 5, 3)
    agree(own("global_pooling", {"which": "max"}, {}, x), torch.as_tensor(x).amax((1, 2)))
    agree(own("global_pooling", {"which": "average"}, {}, x), torch.as_tensor(x).mean((1, 2)))
    agree(own("flatten", {"channels_first": True}, {}, x), torch.as_tensor(first(x)).flatten(1))
    agree(own("add", {}, {}, x, y), torch.as_tensor(x) + torch.as_tensor(y))
    agree(own("multiply", {}, {}, x, y), torch.as_tensor(x) * torch.as_tensor(y))
    agree(
        own("concatenate", {"axis": 1}, {}, x, y),
        torch.cat([torch.as_tensor(x), torch.as_tensor(y)], 1),
    )
    agree(own("mean", {"axes": [1, 2]}, {}, x), torch.as_tensor(x).mean((1, 2)))
    agree(own("matmul", {}, {}, x, y.swapaxes(-1, -2)), torch.as_tensor(x) @ torch.as_tensor(y).mT)
