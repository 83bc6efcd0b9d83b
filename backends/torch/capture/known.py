"""Layers in the canonical form of their kind: reading, and writing.

A canonical array is a view of the module's own parameter, so that the parameter, its gradient and
what is written go one way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn

View = Callable[[torch.Tensor], torch.Tensor]


class Kept(NamedTuple):
    """Where the module keeps a canonical array.

    Attributes:
        own: The module's own names; of several the sum counts.
        view: From one of these to the canonical layout.
    """

    own: tuple[str, ...]
    view: View


class Form(NamedTuple):
    """A layer of a module; most modules have one.

    Attributes:
        suffix: What distinguishes it from the module's other layers: `[1,back]`.
        kind: One of the canonical kinds.
        parameters, statistics: By canonical name.
    """

    suffix: str
    kind: str
    parameters: dict[str, Kept]
    statistics: dict[str, Kept]


def forms(module: nn.Module) -> list[Form]:
    """The layers of a module.

    Of a module that is not known, or that computes its weight from others, by its own names.
    """
    for parent in type(module).__mro__:
        if parent in FORMS and not nn.utils.parametrize.is_parametrized(module):
            known = [_present(form, module) for form in FORMS[parent](module)]
            if known and _covers(known, module):
                return [form for form in known if form.parameters or form.statistics]
    parameters = {
        name: _same(name)
        for name, one in module.named_parameters(recurse=False)
        if one.is_floating_point()
    }
    statistics = {
        name: _same(name)
        for name, one in module.named_buffers(recurse=False)
        if one.is_floating_point()
    }
    own = _parametrized(module)
    return (
        [Form("", "other", parameters | own, statistics)] if parameters or own or statistics else []
    )


def inside(module: nn.Module) -> Iterator[nn.Module]:
    """Modules whose parameters count as this one's: an attention's product, parametrizations."""
    if isinstance(module, nn.MultiheadAttention) and forms(module)[0].kind == "attention":
        yield module.out_proj
    parametrizations = getattr(module, "parametrizations", None)
    if isinstance(parametrizations, nn.ModuleDict):
        yield from parametrizations.modules()


def _parametrized(module: nn.Module) -> dict[str, Kept]:
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, nn.ModuleDict):
        return {}
    names = [f"parametrizations.{name}" for name, _ in parametrizations.named_parameters()]
    return {name: _same(name) for name in names}


def _present(form: Form, module: nn.Module) -> Form:
    """Without what this module was built without: a bias, statistics."""

    def there(kept: dict[str, Kept]) -> dict[str, Kept]:
        return {
            name: one
            for name, one in kept.items()
            if all(_tensor(module, own) is not None for own in one.own)
        }

    return form._replace(parameters=there(form.parameters), statistics=there(form.statistics))


def _covers(known: list[Form], module: nn.Module) -> bool:
    """Whether the canonical names stand for all that the module owns, and it is all parameters."""
    named = {own for form in known for kept in form.parameters.values() for own in kept.own}
    if any(not isinstance(_tensor(module, own), nn.Parameter) for own in named):
        return False
    return {name for name, _ in module.named_parameters(recurse=False)} <= named


def _tensor(module: nn.Module, own: str) -> torch.Tensor | None:
    """What the module holds; an attribute may be computed, and that may change the module."""
    path, _, name = own.rpartition(".")
    owner = module.get_submodule(path)
    return owner._parameters.get(name, owner._buffers.get(name))


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _same(name: str) -> Kept:
    return Kept((name,), _as_it_is)


def _affine(module: nn.Module) -> list[Form]:
    return [
        Form("", "affine", {"weight": Kept(("weight",), lambda w: w.T), "bias": _same("bias")}, {})
    ]


def _convolution(module: nn.Module) -> list[Form]:
    weight = Kept(("weight",), lambda w: w.movedim((1, 0), (-2, -1)))
    return [Form("", "convolution", {"weight": weight, "bias": _same("bias")}, {})]


def _transposed(module: Any) -> list[Form]:
    if module.groups != 1:  # [in, out / groups] of several groups is no view of [in / groups, out]
        return []
    weight = Kept(("weight",), lambda w: w.movedim((0, 1), (-2, -1)))
    return [Form("", "convolution", {"weight": weight, "bias": _same("bias")}, {})]


def _normalization(kind: str) -> Callable[[nn.Module], list[Form]]:
    parameters = {"scale": _same("weight"), "shift": _same("bias")}
    statistics = {"mean": _same("running_mean"), "variance": _same("running_var")}
    return lambda module: [Form("", kind, parameters, statistics if kind == "batch_norm" else {})]


def _instance(module: Any) -> list[Form]:
    """A group norm of as many groups as channels, if it keeps no statistics."""
    return [] if module.track_running_stats else _normalization("group_norm")(module)


def _embedding(module: nn.Module) -> list[Form]:
    return [Form("", "embedding", {"weight": _same("weight")}, {})]


def _prelu(module: nn.Module) -> list[Form]:
    return [Form("", "activation", {"slope": _same("weight")}, {})]


def _gates(rows: int) -> View:
    """[gate unit, in] as [gate, in, unit]."""
    return lambda w: w.unflatten(0, (rows, -1)).transpose(-1, -2)


def _biases(rows: int, names: tuple[str, str]) -> dict[str, Kept]:
    """A GRU's second bias is multiplied by the reset gate; of other cells both biases are one."""

    def view(b: torch.Tensor) -> torch.Tensor:
        return b.unflatten(0, (rows, -1))

    if rows == 3:
        return {"bias": Kept(names[:1], view), "recurrent_bias": Kept(names[1:], view)}
    return {"bias": Kept(names, view)}


def _recurrent(module: nn.RNNBase) -> list[Form]:
    if module.proj_size:  # a cell that the canonical form does not have
        return []
    rows = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
    several = module.num_layers > 1 or module.bidirectional
    found = []
    for k in range(module.num_layers):
        for back in ("", "_reverse") if module.bidirectional else ("",):
            suffix = f"[{k}{',back' if back else ''}]" if several else ""
            found.append(Form(suffix, "recurrent", _cell(rows, f"_l{k}{back}"), {}))
    return found


def _cell(rows: int, end: str) -> dict[str, Kept]:
    kernels = {
        "kernel": Kept((f"weight_ih{end}",), _gates(rows)),
        "recurrent": Kept((f"weight_hh{end}",), _gates(rows)),
    }
    return kernels | _biases(rows, (f"bias_ih{end}", f"bias_hh{end}"))


def _one_cell(rows: int) -> Callable[[nn.Module], list[Form]]:
    return lambda module: [Form("", "recurrent", _cell(rows, ""), {})]


def _attention(module: nn.MultiheadAttention) -> list[Form]:
    heads = module.num_heads

    def third(k: int, view: View) -> View:
        return lambda w: view(w.chunk(3)[k])

    def kernel(w: torch.Tensor) -> torch.Tensor:
        return w.T.unflatten(-1, (heads, -1))

    def bias(b: torch.Tensor) -> torch.Tensor:
        return b.unflatten(0, (heads, -1))

    parameters: dict[str, Kept] = {}
    for k, name in enumerate(("query", "key", "value")):
        if module.in_proj_weight is None:
            parameters[name] = Kept((f"{name[0]}_proj_weight",), kernel)
        else:
            parameters[name] = Kept(("in_proj_weight",), third(k, kernel))
        parameters[f"{name}_bias"] = Kept(("in_proj_bias",), third(k, bias))
    parameters["out"] = Kept(("out_proj.weight",), lambda w: w.T.unflatten(0, (heads, -1)))
    parameters["out_bias"] = _same("out_proj.bias")
    return [Form("", "attention", parameters, {})]


FORMS: dict[type, Callable[..., list[Form]]] = {
    nn.Linear: _affine,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.Conv3d: _convolution,
    nn.ConvTranspose1d: _transposed,
    nn.ConvTranspose2d: _transposed,
    nn.ConvTranspose3d: _transposed,
    nn.modules.batchnorm._BatchNorm: _normalization("batch_norm"),
    nn.modules.instancenorm._InstanceNorm: _instance,
    nn.LayerNorm: _normalization("layer_norm"),
    nn.GroupNorm: _normalization("group_norm"),
    nn.RMSNorm: _normalization("rms_norm"),
    nn.Embedding: _embedding,
    nn.PReLU: _prelu,
    nn.modules.rnn.RNNBase: _recurrent,
    nn.RNNCell: _one_cell(1),
    nn.LSTMCell: _one_cell(4),
    nn.GRUCell: _one_cell(3),
    nn.MultiheadAttention: _attention,
}
"""By class, in what form its parameters are; a class that inherits from one has its form if it owns
nothing else."""
