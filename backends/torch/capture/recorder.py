"""What a model does while it runs.

Every module's call, and every function between modules, in the order of return.

Modules are seen by hooks, functions by PyTorch's own `TorchFunctionMode`. A tensor's value is taken
when it is returned, and its gradient by a hook on the tensor as it was then: `retain_grad` would
give the gradient after a later operation in place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from . import checkpoint, functions, kinds, recurrent
from .calls import Arguments, Calls, Named
from .frame import Frame
from .modules import hidden, opaque, outermost_scripted, path_of, time_first, type_of
from .naming import name_of
from .places import Places, real
from .tensors import found

ATTENTION = frozenset({"affine", "attention", "matmul", "activation"})
"""The kinds that count inside of PyTorch's attention: the other functions there move axes about."""


class Recorder(Calls):
    """Records one forward pass into `places`, and the gradients of the backward pass that follows.

    Args:
        model: The model; its hooks are there only while it is watched.
        places: What is recorded.
        dropped: Modules whose dropout is off although it would be active.
    """

    def __init__(
        self, model: nn.Module, places: Places, dropped: Mapping[nn.Module, float]
    ) -> None:
        super().__init__(places)
        self.model = model
        self.dropped = dropped
        self.order: list[nn.Module] = []
        self._names = {module: path_of(name) for name, module in model.named_modules()}
        self._recording = self._looking = self._attending = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """All is in place to see the forward pass, and what the backward pass computes again."""
        scripted = outermost_scripted(self.model, self._names)
        for path in scripted.values():
            self.remark(
                f"{path} is scripted and seen as one place: give the module as it was before "
                "torch.jit.script"
            )
        handles = self._scripted_hooks(scripted) if scripted else []
        for module, path in self._names.items():
            if not hidden(module, path):
                handles.append(module.register_forward_pre_hook(self._entered, with_kwargs=True))
                handles.append(module.register_forward_hook(self._returned, with_kwargs=True))
        with (
            checkpoint.regions(self._again),
            recurrent.layer_by_layer(self._names, self._layer, self.remark),
        ):
            try:
                yield
            finally:
                for handle in handles:
                    handle.remove()

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """The forward pass."""
        self._recording = True
        try:
            with self:
                yield
        finally:
            self._recording = self._looking = False
            self.places.returned = True

    def _again(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A checkpointed function, whose later runs are the calls that its first one was."""
        calls = dict(self._calls)
        stack = list(self._stack)

        def run(*args: Any, **named: Any) -> Any:
            if self._recording:
                return function(*args, **named)
            before = self._calls, self._stack, self._looking, self._replaying
            self._calls = dict(calls)
            self._stack = list(stack)
            self._looking = _looking(stack)
            self._replaying = True
            try:
                with self:
                    return function(*args, **named)
            finally:
                self._calls, self._stack, self._looking, self._replaying = before

        return run

    # modules

    def _entered(
        self, module: nn.Module, args: Arguments, named: Named
    ) -> tuple[Arguments, Named] | None:
        if not (self._recording or self._replaying):
            return None
        with torch._C.DisableTorchFunction():
            path = self._names[module]
            frame = self._frame(path, type_of(module), args, named, found((args, named)))
            self._calls[path] = frame.call + 1
            frame.module = module
            frame.opaque = opaque(module)
            frame.time_first = time_first(module)
            self._stack.append(frame)
            self._looking = not frame.opaque
            if self._recording:
                self.order.append(module)
            return frame.args, frame.named

    def _returned(self, module: nn.Module, args: Arguments, named: Named, output: Any) -> Any:
        if not (self._recording or self._replaying):
            return None
        with torch._C.DisableTorchFunction():
            # left by an exception that the model has caught
            while self._stack[-1].module is not module:
                self._stack.pop()
            frame = self._stack.pop()
            output = self._leave(frame, output, lambda first: self._described(module, frame, first))
            self._looking = _looking(self._stack)
            return output

    def _described(self, module: nn.Module, frame: Frame, first: torch.Tensor) -> kinds.Described:
        call = kinds.Call(frame.inputs[0], first, frame.named) if frame.inputs else None
        kind, config = kinds.described(module, call)
        if kind != "dropout":
            return kind, config
        return kind, config | {"active": module in self.dropped}

    def _scripted_hooks(self, scripted: Mapping[nn.Module, str]) -> list[Any]:
        """A scripted module takes no hooks of its own, but those on all modules."""

        def entered(module: nn.Module, args: Arguments) -> Any:
            entry = self._entered(module, args, {}) if module in scripted else None
            return None if entry is None else entry[0]

        def returned(module: nn.Module, args: Arguments, output: Any) -> Any:
            return self._returned(module, args, {}, output) if module in scripted else None

        every = torch.nn.modules.module
        return [
            every.register_module_forward_pre_hook(entered),
            every.register_module_forward_hook(returned),
        ]

    def _layer(
        self,
        module: nn.RNNBase,
        suffix: str,
        back: bool,
        compute: Callable[[], Any],
        x: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """A layer of a recurrent module in one direction; only its sequence is a place."""
        if not (self._recording or self._replaying):
            return compute()
        with torch._C.DisableTorchFunction():
            frame = self._frame(f"{self._names[module]}{suffix}", type_of(module), (x,), {}, [x])
            self._calls[frame.path] = frame.call + 1
            frame.time_first = time_first(module)
            output, *last = compute()
            return self._leave(frame, output, lambda _: kinds.recurrent(module, back)), *last

    # functions

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Arguments = (),
        kwargs: Named | None = None,
    ) -> Any:
        """A function that is called while the model runs."""
        named = kwargs or {}
        name = name_of(func) if self._looking else None
        if name is None:
            return func(*args, **named)
        if func is functional.multi_head_attention_forward:
            return self._into(func, args, named)
        inputs = found((args, named))
        if not inputs:  # a new tensor, not a computation
            return func(*args, **named)
        frame = self._frame(f"{self._stack[-1].path}:{name}", name, args, named, inputs)
        output = func(*frame.args, **frame.named)
        first = real(output)
        if first is None:
            return frame.give_back(output)
        kind, config = functions.described(name, args, named, first)
        nothing_done = kind == "other" and frame.changed(first) is False  # `contiguous`, `to`
        attending = self._attending or isinstance(self._stack[-1].module, nn.MultiheadAttention)
        if nothing_done or (attending and kind not in ATTENTION):
            return frame.give_back(output)
        self._calls[frame.path] = frame.call + 1
        return self._leave(frame, output, lambda _: (kind, config))

    def _into(self, func: Callable[..., Any], args: Arguments, named: Named) -> Any:
        """The body of PyTorch's attention under the mode.

        The question that hands it to the mode says no, once.
        """
        asks = functional.has_torch_function  # type: ignore[attr-defined]

        def no(_: Any) -> bool:
            functional.has_torch_function = asks  # type: ignore[attr-defined]
            return False

        functional.has_torch_function = no  # type: ignore[attr-defined]
        self._attending = True
        try:
            with self:
                return func(*args, **named)
        finally:
            self._attending = False
            functional.has_torch_function = asks  # type: ignore[attr-defined]


def _looking(stack: list[Frame]) -> bool:
    return bool(stack) and not stack[-1].opaque
