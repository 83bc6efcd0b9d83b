"""The modules of a model as its author knows them: paths, types, and which are not looked into."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def path_of(name: str) -> str:
    """A module's path without what torch.compile wraps around it."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def type_of(module: nn.Module) -> str:
    """The class as the author wrote it: a parametrization replaces it."""
    if isinstance(module, torch.jit.ScriptModule):
        return module.original_name
    return nn.utils.parametrize.type_before_parametrizations(module).__name__


def hidden(module: nn.Module, path: str) -> bool:
    """The wrapper of torch.compile, what a parametrization computes, and scripted modules.

    The first holds the module itself.
    """
    compiled = "_orig_mod" in module._modules
    return (
        compiled
        or "parametrizations" in path.split(".")
        or isinstance(module, torch.jit.ScriptModule)
    )


def opaque(module: nn.Module) -> bool:
    """A layer of PyTorch's own is one place: the functions in it are its own business."""
    if isinstance(module, torch.jit.ScriptModule):
        return True
    own = type(module).forward.__module__.startswith("torch.nn.modules")
    children = [name for name, _ in module.named_children() if name != "parametrizations"]
    return own and not children


def time_first(module: nn.Module) -> bool:
    """PyTorch's own sequence modules take [time, batch, feature] unless they are told."""
    return isinstance(module, nn.RNNBase | nn.MultiheadAttention) and not module.batch_first


def outermost_scripted(model: nn.Module, paths: Mapping[nn.Module, str]) -> dict[nn.Module, str]:
    """The scripted modules that are in no other scripted module, with their paths.

    Raises:
        ValueError: The model itself is one.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            "the model is scripted, and cannot be seen into: give it as it was before "
            "torch.jit.script"
        )
    found: dict[nn.Module, str] = {}
    for module, path in paths.items():  # outer ones come first
        inner = any(path.startswith(f"{outer}.") for outer in found.values())
        if isinstance(module, torch.jit.ScriptModule) and not inner:
            found[module] = path
    return found
