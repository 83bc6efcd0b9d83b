"""What a module's call is in every framework.

Its kind and numbers, read from the module and from what went through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from .windows import Described, adaptive, convolution, pooling, transposed


class Call(NamedTuple):
    """What went through a module: the first input and output, and what was given by name."""

    input: torch.Tensor
    output: torch.Tensor
    named: dict[str, Any]


Describe = Callable[[Any, Call | None], Described]

UNKNOWN: Described = ("other", {})


def described(module: nn.Module, call: Call | None = None) -> Described:
    """Kind and numbers.

    `other` of a class that is not known, or that inherits from a known one and computes otherwise.
    """
    for parent in type(module).__mro__:
        if parent in KINDS:
            same = type(module).forward is parent.forward  # type: ignore[attr-defined]
            return KINDS[parent](module, call) if same else UNKNOWN
    return UNKNOWN


def positive(axis: int, axes: int) -> int:
    """The axis counted from the front."""
    return axis % axes if axes else axis


def softmax_axis(axis: int | None, axes: int) -> int:
    """PyTorch's own choice where the axis is not given: 0 of 0, 1 or 3 axes, else 1."""
    if axis is None:
        return 0 if axes in (0, 1, 3) else 1
    return positive(axis, axes)


def causal(mask: torch.Tensor | None) -> bool:
    """Whether the mask lets each step see itself and those before it, whatever form it has."""
    if mask is None or mask.ndim < 2 or not mask.shape[-1]:
        return False
    hidden = mask if mask.dtype == torch.bool else mask == -torch.inf
    after = torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device).triu(1)
    return bool((hidden == after).all())


def _activation(name: str, **attributes: str) -> Describe:
    """The name, and the numbers that the module has as attributes."""
    return lambda m, call: (
        "activation",
        {"name": name} | {ours: getattr(m, own) for ours, own in attributes.items()},
    )


def _softmax(name: str) -> Describe:
    def describe(m: Any, call: Call | None) -> Described:
        axis = m.dim if call is None else softmax_axis(m.dim, call.output.ndim)
        return "activation", {"name": name, "axis": axis}

    return describe


def _gelu(m: nn.GELU, call: Call | None) -> Described:
    return "activation", {"name": "gelu", "approximate": m.approximate == "tanh"}


def _convolution(m: Any, call: Call | None) -> Described:
    return convolution(m.kernel_size, m.stride, m.padding, m.dilation, m.groups, m.padding_mode)


def _transposed(m: Any, call: Call | None) -> Described:
    sizes = None
    if call is not None:
        axes = len(m.kernel_size)
        sizes = call.input.shape[-axes:], call.output.shape[-axes:]
    return transposed(
        m.kernel_size, m.stride, m.padding, m.dilation, m.groups, sizes, m.output_padding
    )


def _batch_norm(m: Any, call: Call | None) -> Described:
    """Without a momentum PyTorch keeps the mean of all batches so far: of the n-th 1 / n is new."""
    batch = m.training or m.running_mean is None
    kept = None if m.momentum is None else 1 - m.momentum
    if m.momentum is None and m.num_batches_tracked:
        kept = 1 - 1 / int(m.num_batches_tracked)
    return "batch_norm", {"epsilon": m.eps, "momentum": kept, "batch": batch, "unbiased": True}


def _instance_norm(m: Any, call: Call | None) -> Described:
    return (
        UNKNOWN
        if m.track_running_stats
        else ("group_norm", {"epsilon": m.eps, "groups": m.num_features})
    )


def _layer_norm(m: Any, call: Call | None) -> Described:
    return "layer_norm", {"epsilon": m.eps, "axes": len(m.normalized_shape)}


def _rms_norm(m: Any, call: Call | None) -> Described:
    epsilon = m.eps
    if epsilon is None and call is not None:
        epsilon = torch.finfo(call.input.dtype).eps
    return "rms_norm", {"epsilon": epsilon, "axes": len(m.normalized_shape)}


def _max_pool(axes: int) -> Describe:
    def describe(m: Any, call: Call | None) -> Described:
        if m.dilation not in (1, (1,) * axes):
            return "other", {"dilation": m.dilation}
        return pooling("max", axes, m.kernel_size, m.stride, m.padding, m.ceil_mode, None)

    return describe


def _average_pool(axes: int) -> Describe:
    def describe(m: Any, call: Call | None) -> Described:
        if getattr(m, "divisor_override", None):
            return "other", {"divisor": m.divisor_override}
        return pooling(
            "average", axes, m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad
        )

    return describe


def _adaptive(which: str, axes: int) -> Describe:
    def describe(m: Any, call: Call | None) -> Described:
        return (
            UNKNOWN
            if call is None
            else adaptive(which, call.input.shape[-axes:], call.output.shape[-axes:])
        )

    return describe


def recurrent(m: nn.RNNBase, backwards: bool = False) -> Described:
    """Of one layer in one direction."""
    gru = {"reset_after": True} if m.mode == "GRU" else {}
    activation = "relu" if m.mode == "RNN_RELU" else "tanh"
    return "recurrent", gru | {
        "cell": {"LSTM": "lstm", "GRU": "gru"}.get(m.mode, "rnn"),
        "backwards": backwards,
        "last": False,
        "activation": activation,
        "gate_activation": None if m.mode.startswith("RNN") else "sigmoid",
    }


def _recurrent(m: nn.RNNBase, call: Call | None) -> Described:
    if m.proj_size:
        return "other", {"projected": m.proj_size}
    return UNKNOWN if m.num_layers > 1 or m.bidirectional else recurrent(m)


def _attention(m: nn.MultiheadAttention, call: Call | None) -> Described:
    config = {"heads": m.num_heads, "scale": m.head_dim**-0.5}
    if call is None:
        return "attention", config
    mask = call.named.get("attn_mask")
    return "attention", config | {"causal": bool(call.named.get("is_causal")) or causal(mask)}


KINDS: dict[type, Describe] = {
    nn.Linear: lambda m, call: ("affine", {}),
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.Conv3d: _convolution,
    nn.ConvTranspose1d: _transposed,
    nn.ConvTranspose2d: _transposed,
    nn.ConvTranspose3d: _transposed,
    nn.modules.batchnorm._BatchNorm: _batch_norm,
    nn.modules.instancenorm._InstanceNorm: _instance_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: lambda m, call: ("group_norm", {"epsilon": m.eps, "groups": m.num_groups}),
    nn.RMSNorm: _rms_norm,
    nn.Embedding: lambda m, call: ("embedding", {}),
    nn.LSTM: _recurrent,
    nn.GRU: _recurrent,
    nn.RNN: _recurrent,
    nn.MultiheadAttention: _attention,
    nn.MaxPool1d: _max_pool(1),
    nn.MaxPool2d: _max_pool(2),
    nn.MaxPool3d: _max_pool(3),
    nn.AvgPool1d: _average_pool(1),
    nn.AvgPool2d: _average_pool(2),
    nn.AvgPool3d: _average_pool(3),
    nn.AdaptiveMaxPool1d: _adaptive("max", 1),
    nn.AdaptiveMaxPool2d: _adaptive("max", 2),
    nn.AdaptiveMaxPool3d: _adaptive("max", 3),
    nn.AdaptiveAvgPool1d: _adaptive("average", 1),
    nn.AdaptiveAvgPool2d: _adaptive("average", 2),
    nn.AdaptiveAvgPool3d: _adaptive("average", 3),
    nn.Dropout: lambda m, call: ("dropout", {"rate": m.p}),
    nn.Dropout1d: lambda m, call: ("dropout", {"rate": m.p}),
    nn.Dropout2d: lambda m, call: ("dropout", {"rate": m.p}),
    nn.Dropout3d: lambda m, call: ("dropout", {"rate": m.p}),
    nn.AlphaDropout: lambda m, call: ("dropout", {"rate": m.p}),
    nn.FeatureAlphaDropout: lambda m, call: ("dropout", {"rate": m.p}),
    nn.Flatten: lambda m, call: (
        "flatten" if (m.start_dim, m.end_dim) == (1, -1) else "reshape",
        {},
    ),
    nn.Unflatten: lambda m, call: ("reshape", {}),
    nn.Identity: lambda m, call: ("container", {}),
    nn.Sequential: lambda m, call: ("container", {}),
    nn.ReLU: _activation("relu"),
    nn.ReLU6: _activation("relu6"),
    nn.LeakyReLU: _activation("leaky_relu", slope="negative_slope"),
    nn.PReLU: _activation("prelu"),
    nn.ELU: _activation("elu", alpha="alpha"),
    nn.SELU: _activation("selu"),
    nn.CELU: _activation("celu", alpha="alpha"),
    nn.GELU: _gelu,
    nn.SiLU: _activation("silu"),
    nn.Mish: _activation("mish"),
    nn.Sigmoid: _activation("sigmoid"),
    nn.LogSigmoid: _activation("log_sigmoid"),
    nn.Tanh: _activation("tanh"),
    nn.Softplus: _activation("softplus", beta="beta", threshold="threshold"),
    nn.Softsign: _activation("softsign"),
    nn.Hardsigmoid: _activation("hard_sigmoid"),
    nn.Hardswish: _activation("hard_swish"),
    nn.Hardtanh: _activation("hard_tanh", low="min_val", high="max_val"),
    nn.Softmax: _softmax("softmax"),
    nn.LogSoftmax: _softmax("log_softmax"),
    nn.Softmin: _softmax("softmin"),
}
"""By class, how its calls are described."""
