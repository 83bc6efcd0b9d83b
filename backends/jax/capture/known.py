"""The layers of Flax, linen and nnx, in canonical terms: their kind, numbers and parameters.

They are known by the name of the class whose `__call__` runs, so a subclass that only adds a name
is known too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .forms import Form, plain, reshaped
from .functions import activation_name
from .recurrent import CELLS, cell_config, cell_form
from .windows import convolution_form, convolution_numbers


@dataclass(frozen=True)
class Known:
    """What a module is.

    Attributes:
        kind, config: As in `Place`.
        form: Its parameters.
        opaque: Whether what happens inside is its own business.
    """

    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    form: Form = field(default_factory=Form)
    opaque: bool = True


@dataclass(frozen=True)
class Call:
    """A call of a module.

    Attributes:
        module: The module.
        name: Its path, with a dot behind: what its parameters' names begin with.
        first: Its first tensor.
        given: The arguments of the call by name.
        cell: Of a recurrent module: the path of its cell, with a dot behind.
    """

    module: Any
    name: str
    first: Any
    given: Mapping[str, Any]
    cell: str = ""

    def get(self, name: str, default: Any = None) -> Any:
        """The argument of the call, else the module's own."""
        value = self.given.get(name)
        return getattr(self.module, name, default) if value is None else value


def describe(call: Call) -> Known:
    """What the module is; users' own modules, and Flax's that are not known here, are `other`."""
    owner = owner_of(type(call.module))
    if not is_flax(owner):
        return Known("other", opaque=False)
    if owner.__name__ in CONTAINERS:
        return Known("container", opaque=False)
    bases = type(call.module).__mro__
    known = (
        base.__name__
        for base in bases[: bases.index(owner) + 1]
        if is_flax(base) and base.__name__ in RULES
    )
    rule = RULES.get(next(known, ""))
    return Known("other") if rule is None else rule(call)


def owner_of(module: type) -> type:
    """The class whose `__call__` runs."""
    return next(base for base in module.__mro__ if "__call__" in vars(base))


def is_flax(owner: type) -> bool:
    """Whether the class is the library's."""
    return owner.__module__.startswith("flax.")


CONTAINERS = ("Sequential", "Bidirectional", "BatchApply", "WeightNorm", "SpectralNorm")


def _affine(call: Call) -> Known:
    bias = plain(f"{call.name}bias", 1)
    return Known("affine", form=Form({"weight": plain(f"{call.name}kernel", 2), "bias": bias}))


def _general_affine(call: Call) -> Known:
    axes = _tuple(call.module.axis)
    ndim = call.first.ndim
    trailing = tuple(sorted(axis % ndim for axis in axes)) == tuple(range(ndim - len(axes), ndim))
    if (
        not trailing
        or getattr(call.module, "batch_dims", ())
        or getattr(call.module, "batch_axis", ())
    ):
        return Known("other")
    weight = reshaped(f"{call.name}kernel", functools.partial(_matrix, len(axes)))
    bias = reshaped(f"{call.name}bias", lambda shape: (_product(shape),))
    return Known("affine", form=Form({"weight": weight, "bias": bias}))


def _matrix(inputs: int, shape: tuple[int, ...]) -> tuple[int, int]:
    return _product(shape[:inputs]), _product(shape[inputs:])


def _convolution(call: Call, transposed: bool) -> Known:
    if getattr(call.module, "mask", None) is not None:
        return Known("other")
    numbers = convolution_numbers(call.module, call.first.shape, transposed)
    return Known("convolution", numbers, convolution_form(call.module, call.name, transposed))


def _batch_norm(call: Call) -> Known:
    config = {
        "epsilon": float(call.module.epsilon),
        "momentum": float(call.module.momentum),
        "batch": not call.get("use_running_average", False),
        "unbiased": False,
    }
    form = _scale_and_shift(call)
    statistics = {"mean": plain(f"{call.name}mean", 1), "variance": plain(f"{call.name}var", 1)}
    return Known("batch_norm", config, Form(form.parameters, statistics))


def _layer_norm(call: Call, kind: str) -> Known:
    ndim = call.first.ndim
    reduced = sorted(axis % ndim for axis in _tuple(call.module.reduction_axes))
    scaled = sorted(axis % ndim for axis in _tuple(call.module.feature_axes))
    if reduced != scaled or reduced != list(range(ndim - len(reduced), ndim)):
        return Known("other")
    config: dict[str, Any] = {"epsilon": float(call.module.epsilon), "axes": len(reduced)}
    return Known(kind, config, _scale_and_shift(call, len(reduced)))


def _group_norm(call: Call) -> Known:
    groups = call.module.num_groups
    size = getattr(call.module, "group_size", None)
    if groups is None:
        groups = call.first.shape[-1] // size
    return Known(
        "group_norm",
        {"epsilon": float(call.module.epsilon), "groups": int(groups)},
        _scale_and_shift(call),
    )


def _instance_norm(call: Call) -> Known:
    if [axis % call.first.ndim for axis in _tuple(call.module.feature_axes)] != [
        call.first.ndim - 1
    ]:
        return Known("other")
    config = {"epsilon": float(call.module.epsilon), "groups": int(call.first.shape[-1])}
    return Known("group_norm", config, _scale_and_shift(call))


def _scale_and_shift(call: Call, rank: int = 1) -> Form:
    return Form(
        {"scale": plain(f"{call.name}scale", rank), "shift": plain(f"{call.name}bias", rank)}
    )


def _embedding(call: Call) -> Known:
    return Known("embedding", form=Form({"weight": plain(f"{call.name}embedding", 2)}))


def _prelu(call: Call) -> Known:
    slope = reshaped(f"{call.name}negative_slope", lambda _: (1,), rank=0)
    return Known("activation", {"name": "prelu"}, Form({"slope": slope}))


def _dropout(call: Call) -> Known:
    active = call.module.rate > 0 and not call.get("deterministic", False)
    return Known("dropout", {"rate": float(call.module.rate), "active": bool(active)})


def _recurrent(call: Call) -> Known:
    cell = call.module.cell
    if owner_of(type(cell)).__name__ not in CELLS or not is_flax(owner_of(type(cell))):
        return Known("other")
    config = cell_config(cell, activation_name) | {
        "backwards": bool(call.get("reverse", False)),
        "last": False,
    }
    config["keep_order"] = bool(call.get("keep_order", False))
    config["time_major"] = bool(call.get("time_major", False))
    return Known("recurrent", config, cell_form(cell, call.cell))


def _cell(call: Call) -> Known:
    config = cell_config(call.module, activation_name) | {"step": True}
    return Known("recurrent", config, cell_form(call.module, call.name))


def _attention(call: Call) -> Known:
    module = call.module
    parameters = {
        name: plain(f"{call.name}{name}.kernel", 3) for name in ("query", "key", "value", "out")
    }
    biases = {
        f"{name}_bias": plain(f"{call.name}{name}.bias", 2) for name in ("query", "key", "value")
    }
    biases["out_bias"] = plain(f"{call.name}out.bias", 1)
    features = module.qkv_features or call.first.shape[-1]
    config = {
        "heads": int(module.num_heads),
        "scale": float((features // module.num_heads) ** -0.5),
    }
    config["causal"] = None if call.given.get("mask") is not None else False
    return Known("attention", config, Form(parameters | biases))


def _tuple(axes: Any) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int) else tuple(axes)


def _product(shape: tuple[int, ...]) -> int:
    return functools.reduce(lambda a, b: a * b, shape, 1)


RULES: dict[str, Callable[[Call], Known]] = {
    "Dense": _affine,
    "Linear": _affine,
    "DenseGeneral": _general_affine,
    "LinearGeneral": _general_affine,
    "Conv": functools.partial(_convolution, transposed=False),
    "ConvTranspose": functools.partial(_convolution, transposed=True),
    "BatchNorm": _batch_norm,
    "LayerNorm": functools.partial(_layer_norm, kind="layer_norm"),
    "RMSNorm": functools.partial(_layer_norm, kind="rms_norm"),
    "GroupNorm": _group_norm,
    "InstanceNorm": _instance_norm,
    "Embed": _embedding,
    "PReLU": _prelu,
    "Dropout": _dropout,
    "RNN": _recurrent,
    **dict.fromkeys(CELLS, _cell),
    "MultiHeadAttention": _attention,
    "MultiHeadDotProductAttention": _attention,
    "SelfAttention": _attention,
}
"""By the name of the class, which is the same in linen and nnx where both have it."""
