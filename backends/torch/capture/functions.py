"""What a function between modules is in every framework, read from the arguments of its call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from .kinds import UNKNOWN, causal, positive, softmax_axis
from .windows import Described, adaptive, convolution, pooling, transposed


class Made(NamedTuple):
    """A call of a function: its arguments, by place or name, and what it returned."""

    args: tuple[Any, ...]
    named: dict[str, Any]
    output: torch.Tensor

    def __call__(self, index: int, name: str, default: Any = None) -> Any:
        """The argument at the place, or of the name."""
        return self.args[index] if len(self.args) > index else self.named.get(name, default)

    @property
    def input(self) -> torch.Tensor:
        """The first argument."""
        return self(0, "input")


Describe = Callable[[Made], Described]


def described(
    name: str, args: tuple[Any, ...], named: dict[str, Any], output: torch.Tensor
) -> Described:
    """Kind and numbers; in place or not is the same."""
    describe = FUNCTIONS.get(name.rstrip("_"))
    return describe(Made(args, named, output)) if describe else UNKNOWN


def _activation(name: str, **numbers: tuple[int, str, Any]) -> Describe:
    """Name, and the numbers that the function has as arguments: their place, name and default."""
    return lambda made: (
        "activation",
        {"name": name} | {ours: made(*where) for ours, where in numbers.items()},
    )


def _softmax(name: str) -> Describe:
    return lambda made: (
        "activation",
        {"name": name, "axis": softmax_axis(made(1, "dim"), made.output.ndim)},
    )


def _gelu(made: Made) -> Described:
    return "activation", {"name": "gelu", "approximate": made(1, "approximate", "none") == "tanh"}


def _of_tensors(kind: str) -> Describe:
    """A sum or product of two tensors; with a plain number, or weighted, it is no such kind."""

    def describe(made: Made) -> Described:
        both = all(isinstance(one, torch.Tensor) for one in (made(0, "input"), made(1, "other")))
        return (kind, {}) if both and made.named.get("alpha", 1) == 1 else UNKNOWN

    return describe


def _convolution(made: Made) -> Described:
    numbers = made(3, "stride", 1), made(4, "padding", 0), made(5, "dilation", 1)
    return convolution(made(1, "weight").shape[2:], *numbers, made(6, "groups", 1), "zeros")


def _transposed(made: Made) -> Described:
    weight = made(1, "weight")
    axes = weight.ndim - 2
    sizes = made.input.shape[-axes:], made.output.shape[-axes:]
    numbers = made(3, "stride", 1), made(4, "padding", 0), made(7, "dilation", 1)
    return transposed(
        weight.shape[2:], *numbers, made(6, "groups", 1), sizes, made(5, "output_padding", 0)
    )


def _max_pool(axes: int) -> Describe:
    def describe(made: Made) -> Described:
        dilation = made(4, "dilation", 1)
        if dilation not in (1, (1,) * axes, [1] * axes):
            return "other", {"dilation": dilation}
        numbers = made(1, "kernel_size"), made(2, "stride"), made(3, "padding", 0)
        return pooling("max", axes, *numbers, made(5, "ceil_mode", False), None)

    return describe


def _average_pool(axes: int) -> Describe:
    def describe(made: Made) -> Described:
        if made(6, "divisor_override"):
            return "other", {"divisor": made(6, "divisor_override")}
        numbers = made(1, "kernel_size"), made(2, "stride"), made(3, "padding", 0)
        return pooling(
            "average",
            axes,
            *numbers,
            made(4, "ceil_mode", False),
            made(5, "count_include_pad", True),
        )

    return describe


def _adaptive(which: str, axes: int) -> Describe:
    return lambda made: adaptive(which, made.input.shape[-axes:], made.output.shape[-axes:])


def _batch_norm(made: Made) -> Described:
    """`momentum` is what is kept of the old value, PyTorch's argument what is taken of the new."""
    batch = bool(made(5, "training", False))
    numbers = {"epsilon": made(7, "eps", 1e-5), "momentum": 1 - made(6, "momentum", 0.1)}
    return "batch_norm", numbers | {"batch": batch, "unbiased": True}


def _layer_norm(made: Made) -> Described:
    return "layer_norm", {"epsilon": made(4, "eps", 1e-5), "axes": len(made(1, "normalized_shape"))}


def _group_norm(made: Made) -> Described:
    return "group_norm", {"epsilon": made(4, "eps", 1e-5), "groups": made(1, "num_groups")}


def _rms_norm(made: Made) -> Described:
    epsilon = made(3, "eps")
    if epsilon is None:
        epsilon = torch.finfo(made.input.dtype).eps
    return "rms_norm", {"epsilon": epsilon, "axes": len(made(1, "normalized_shape"))}


def _dropout(made: Made) -> Described:
    rate = made(1, "p", 0.5)
    return "dropout", {"rate": rate, "active": bool(made(2, "training", True)) and rate > 0}


def _attention(made: Made) -> Described:
    query = made(0, "query")
    scale = made.named.get("scale")
    return "attention", {
        "heads": query.shape[-3] if query.ndim > 3 else 1,
        "scale": query.shape[-1] ** -0.5 if scale is None else scale,
        "causal": bool(made(5, "is_causal", False)) or _hides_the_future(made(3, "attn_mask")),
    }


def _hides_the_future(mask: torch.Tensor | None) -> bool:
    """In this function a boolean mask says what is seen, in `MultiheadAttention` what is hidden."""
    return causal(~mask if mask is not None and mask.dtype == torch.bool else mask)


def _concatenate(made: Made) -> Described:
    return "concatenate", {"axis": positive(made(1, "dim", 0), made.output.ndim)}


def _flatten(made: Made) -> Described:
    last = positive(made(2, "end_dim", -1), made.input.ndim)
    whole = made(1, "start_dim", 0) == 1 and last == made.input.ndim - 1
    return ("flatten" if whole else "reshape"), {}


def _permute(made: Made) -> Described:
    axes = made.args[1:] or made.named["dims"]
    axes = axes[0] if isinstance(axes[0], tuple | list) else axes
    return "transpose", {"axes": [positive(axis, made.output.ndim) for axis in axes]}


def _transpose(made: Made) -> Described:
    axes = list(range(made.output.ndim))
    a = made(1, "dim0")
    b = made(2, "dim1")
    axes[a], axes[b] = axes[b], axes[a]
    return "transpose", {"axes": axes}


def _turned(made: Made) -> Described:
    axes = list(range(made.output.ndim))
    return "transpose", {"axes": axes[:-2] + axes[-2:][::-1]}


def _mean(made: Made) -> Described:
    axes = made(1, "dim")
    if axes is None or axes in ((), []):
        axes = range(made.input.ndim)
    axes = [axes] if isinstance(axes, int) else axes
    return "mean", {"axes": [positive(axis, made.input.ndim) for axis in axes]}


def _plain(kind: str) -> Describe:
    return lambda made: (kind, {})


FUNCTIONS: dict[str, Describe] = {
    "linear": _plain("affine"),
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _transposed for n in (1, 2, 3)},
    **{f"max_pool{n}d": _max_pool(n) for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _max_pool(n) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _average_pool(n) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": _adaptive("average", n) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": _adaptive("max", n) for n in (1, 2, 3)},
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "rms_norm": _rms_norm,
    "embedding": _plain("embedding"),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"), _dropout),
    "scaled_dot_product_attention": _attention,
    "add": _of_tensors("add"),
    "radd": _of_tensors("add"),
    "iadd": _of_tensors("add"),
    **dict.fromkeys(("mul", "multiply", "rmul", "imul"), _of_tensors("multiply")),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenate),
    "flatten": _flatten,
    **dict.fromkeys(("reshape", "view", "unflatten", "squeeze", "unsqueeze"), _plain("reshape")),
    "permute": _permute,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), _transpose),
    **dict.fromkeys(("t", "T", "mT"), _turned),
    "mean": _mean,
    **dict.fromkeys(("matmul", "bmm", "mm", "rmatmul"), _plain("matmul")),
    "relu": _activation("relu"),
    "relu6": _activation("relu6"),
    "leaky_relu": _activation("leaky_relu", slope=(1, "negative_slope", 0.01)),
    "prelu": _activation("prelu"),
    "elu": _activation("elu", alpha=(1, "alpha", 1.0)),
    "selu": _activation("selu"),
    "celu": _activation("celu", alpha=(1, "alpha", 1.0)),
    "gelu": _gelu,
    "silu": _activation("silu"),
    "mish": _activation("mish"),
    "sigmoid": _activation("sigmoid"),
    "logsigmoid": _activation("log_sigmoid"),
    "tanh": _activation("tanh"),
    "softplus": _activation("softplus", beta=(1, "beta", 1), threshold=(2, "threshold", 20)),
    "softsign": _activation("softsign"),
    "hardsigmoid": _activation("hard_sigmoid"),
    "hardswish": _activation("hard_swish"),
    "hardtanh": _activation("hard_tanh", low=(1, "min_val", -1.0), high=(2, "max_val", 1.0)),
    "softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"),
    "softmin": _softmax("softmin"),
}
"""By name, how a call is described; all others are `other`."""
