"""What a capture changes of a model and of the process, and how it is put back."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

DROPOUTS = (nn.modules.dropout._DropoutNd,)


@contextlib.contextmanager
def kept(
    model: nn.Module, training: bool, seed: int, dtype: torch.dtype | None
) -> Iterator[dict[nn.Module, float]]:
    """The model in the mode, dropout off, seeded.

    Afterwards all is as it was, except parameters and buffers.

    Args:
        model: Whose flags and gradients are put back.
        training: The mode. A model that is in it keeps the flags of its parts: some may be frozen.
        seed: Of every random state.
        dtype: What new tensors are made of; None leaves it.

    Yields:
        The modules whose dropout is off although it would be active, and their rates.
    """
    with contextlib.ExitStack() as stack:
        for one in (_randomness(seed), _gradients(model), _precision(dtype), _eager()):
            stack.enter_context(one)
        yield stack.enter_context(_flags(model, training))


@contextlib.contextmanager
def statistics(model: nn.Module) -> Iterator[None]:
    """Buffers are put back: the same tensors, also where the model put others in their place."""
    held = [
        (module, name, one)
        for module in model.modules()
        for name, one in module.named_buffers(recurse=False)
    ]
    before = [(*where, where[2].detach().clone()) for where in held]
    try:
        yield
    finally:
        for module, name, buffer, value in before:
            with torch.no_grad():
                buffer.copy_(value)
            setattr(module, name, buffer)


def _dropping(model: nn.Module) -> dict[nn.Module, float]:
    """The modules that drop out in the mode that they are in.

    `nn.Dropout` and its like, recurrent modules, attention.
    """
    found = {}
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            found[module] = float(module.p)
        elif isinstance(module, nn.RNNBase | nn.MultiheadAttention):
            found[module] = float(module.dropout)
    return {module: rate for module, rate in found.items() if rate > 0 and module.training}


@contextlib.contextmanager
def _flags(model: nn.Module, training: bool) -> Iterator[dict[nn.Module, float]]:
    before = {module: module.training for module in model.modules()}
    if model.training != training:
        model.train(training)
    rates = _dropping(model)
    others = {module: rate for module, rate in rates.items() if not isinstance(module, DROPOUTS)}
    try:
        for module in rates.keys() - others.keys():
            module.training = False
        for module in others:
            vars(module)["dropout"] = 0.0
        yield rates
    finally:
        for module, rate in others.items():
            vars(module)["dropout"] = rate
        for module, flag in before.items():
            module.training = flag


@contextlib.contextmanager
def _randomness(seed: int) -> Iterator[None]:
    """Of PyTorch, NumPy and Python.

    `torch.manual_seed` would wake every kind of device that there may be.
    """
    cuda = torch.cuda.is_initialized()
    devices = torch.cuda.get_rng_state_all() if cuda else []
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    if cuda:
        torch.cuda.manual_seed_all(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])
        if cuda:
            torch.cuda.set_rng_state_all(devices)


@contextlib.contextmanager
def _gradients(model: nn.Module) -> Iterator[None]:
    before = [(parameter, parameter.grad) for parameter in model.parameters()]
    for parameter, _ in before:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in before:
            parameter.grad = gradient


@contextlib.contextmanager
def _precision(dtype: torch.dtype | None) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype or before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _eager() -> Iterator[None]:
    """Compiled parts run as they were written: hooks within a compiled program do not fire.

    What compiles is loaded by the first `torch.compile`: without it nothing can be compiled.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    stance = (
        torch.compiler.set_stance("force_eager")
        if "torch._dynamo" in sys.modules
        else contextlib.nullcontext()
    )
    try:
        with stance, torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
