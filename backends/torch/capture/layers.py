"""The layers of a model: read, and written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from . import kinds
from .known import Form, Kept, forms, inside
from .modules import path_of, type_of
from .tensors import to_numpy

Layer = dict[str, Any]
Tensors = dict[str, dict[str, torch.Tensor]]


class Owner(NamedTuple):
    """A layer: where it is in the model, and in what form."""

    path: str
    module: nn.Module
    form: Form


def owners(model: nn.Module, order: Iterable[nn.Module] = ()) -> list[Owner]:
    """The layers in the order of first use; those that are not used come last.

    A shared parameter belongs to the first of them.

    Args:
        model: The model.
        order: Its modules as they are called.
    """
    paths = {module: path_of(name) for name, module in model.named_modules()}
    taken: set[nn.Module] = set()
    seen: set[int] = set()
    found = []
    for module in paths:
        if isinstance(module, torch.jit.ScriptModule) or module in taken:
            continue
        taken.update(inside(module))
        own = [(form, _unseen(module, form, seen)) for form in forms(module)]
        seen.update(
            id(one)
            for form, _ in own
            for kept in form.parameters.values()
            for one in _own(module, kept)
        )
        found += [
            Owner(f"{paths[module]}{form.suffix}", module, left) for form, left in own if left
        ]
    used = {module: k for k, module in reversed(list(enumerate(order)))}
    return sorted(found, key=lambda owner: used.get(owner.module, math.inf))


def shared(model: nn.Module) -> list[str]:
    """Which parameter is which, where one has two names."""
    first: dict[nn.Parameter, str] = {}
    said = []
    for module_path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            path = path_of(f"{module_path}.{name}" if module_path else name)
            if first.setdefault(parameter, path) != path:
                said.append(f"{path} is {first[parameter]}, and is listed there only")
    return said


def _unseen(module: nn.Module, form: Form, seen: set[int]) -> Form | None:
    """Without parameters that an earlier layer has; None where nothing is left."""
    left = {
        name: kept
        for name, kept in form.parameters.items()
        if not any(id(one) in seen for one in _own(module, kept))
    }
    return form._replace(parameters=left) if left or form.statistics else None


def _own(module: nn.Module, kept: Kept) -> list[torch.Tensor]:
    found = []
    for own in kept.own:
        path, _, name = own.rpartition(".")
        found.append(getattr(module.get_submodule(path), name))
    return found


def parameters(found: Iterable[Owner]) -> Tensors:
    """By path and canonical name, as they are, not copied where one tensor is all of it."""
    return {
        owner.path: {name: _sum(owner.module, kept) for name, kept in owner.form.parameters.items()}
        for owner in found
    }


def statistics(found: Iterable[Owner]) -> Tensors:
    """By path and canonical name."""
    return {
        owner.path: {name: _sum(owner.module, kept) for name, kept in owner.form.statistics.items()}
        for owner in found
    }


def gradients(found: Iterable[Owner]) -> dict[str, dict[str, torch.Tensor | None]]:
    """By path and canonical name. Of a sum of parameters, each of them has its gradient."""
    return {
        owner.path: {
            name: _gradient(owner.module, kept) for name, kept in owner.form.parameters.items()
        }
        for owner in found
    }


def each(
    what: Mapping[str, Mapping[str, Any]], change: Callable[[Any], Any]
) -> dict[str, dict[str, Any]]:
    """What there is by path and name, each of it changed."""
    return {path: {name: change(one) for name, one in ones.items()} for path, ones in what.items()}


def _sum(module: nn.Module, kept: Kept) -> torch.Tensor:
    first, *others = (kept.view(one.detach()) for one in _own(module, kept))
    return sum(others, first)


def _gradient(module: nn.Module, kept: Kept) -> torch.Tensor | None:
    there = [one.grad for one in _own(module, kept) if one.grad is not None]
    return kept.view(there[0].to_dense() if there[0].is_sparse else there[0]) if there else None


def described(model: nn.Module, found: Iterable[Owner], with_gradients: bool) -> dict[str, Layer]:
    """The layers as they are handed out."""
    names = {id(parameter): path_of(name) for name, parameter in model.named_parameters()}
    return {owner.path: _layer(owner, names, with_gradients) for owner in found}


def _layer(owner: Owner, names: Mapping[int, str], with_gradients: bool) -> Layer:
    module, form = owner.module, owner.form
    own = {name: _own(module, kept) for name, kept in form.parameters.items()}
    reached = (
        {name: _gradient(module, kept) for name, kept in form.parameters.items()}
        if with_gradients
        else {}
    )
    return {
        "type": type_of(module),
        "kind": form.kind,
        "config": _config(owner),
        "parameters": {
            name: to_numpy(_sum(module, kept)) for name, kept in form.parameters.items()
        },
        "gradients": {
            name: None if one is None else to_numpy(one, copy=False)
            for name, one in reached.items()
        },
        "statistics": {
            name: to_numpy(_sum(module, kept)) for name, kept in form.statistics.items()
        },
        "names": {name: " + ".join(names[id(one)] for one in ones) for name, ones in own.items()},
        "trainable": {name: any(one.requires_grad for one in ones) for name, ones in own.items()},
    }


def _config(owner: Owner) -> dict[str, Any]:
    """The numbers, where the layer computes what its kind says."""
    if owner.form.kind == "recurrent" and isinstance(owner.module, nn.RNNBase):
        return kinds.recurrent(owner.module, "back" in owner.form.suffix)[1]
    kind, config = kinds.described(owner.module)
    return config if kind == owner.form.kind else {}


def write(model: nn.Module, values: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Parameters and statistics by path and canonical name; all are checked before any is written.

    Raises:
        ValueError: There is no such layer or name, or the shapes differ.
    """
    found = {owner.path: owner for owner in owners(model)}
    todo = list(_checked(found, values))
    with torch.no_grad():
        for module, kept, value in todo:
            _write(module, kept, value)


def _checked(
    found: Mapping[str, Owner], values: Mapping[str, Mapping[str, np.ndarray]]
) -> Iterator[tuple[nn.Module, Kept, np.ndarray]]:
    for path, arrays in values.items():
        if path not in found:
            raise ValueError(f"the model has no layer {path!r}; it has {', '.join(found)}")
        module, form = found[path].module, found[path].form
        there = form.parameters | form.statistics
        for name, value in arrays.items():
            if name not in there:
                raise ValueError(f"{path or 'the model'} has no {name}; it has {', '.join(there)}")
            shape = tuple(_sum(module, there[name]).shape)
            if shape != np.shape(value):
                raise ValueError(
                    f"{path}: {name} must be {list(shape)}; received {list(np.shape(value))}"
                )
            yield module, there[name], value


def _write(module: nn.Module, kept: Kept, value: np.ndarray) -> None:
    """Into the first of several whose sum counts, and 0 into the others.

    What is there already stays as it is.
    """
    new = torch.as_tensor(np.array(value))
    if torch.equal(_sum(module, kept).cpu().to(new.dtype), new):
        return
    first, *others = (kept.view(one.detach()) for one in _own(module, kept))
    first.copy_(new)
    for other in others:
        other.zero_()
