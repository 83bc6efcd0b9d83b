"""What is recorded of a tensor when it is returned, and of its gradient when that arrives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from . import norms
from .frame import Frame
from .kinds import Described
from .layout import CHANNEL_LAST, Layout, layout
from .tensors import Through, found, ordinary, to_numpy

Key = tuple[str, int, int]
Describe = Callable[[torch.Tensor], Described]


class Known(NamedTuple):
    """Of a returned tensor: how its axes are read; of this version the size, mean and copy."""

    layout: Layout
    version: int
    rms: float
    mean: float
    copy: np.ndarray | None


class Places:
    """The places of one forward pass, in the order of return.

    Args:
        values: Whether values are kept, or norms only.
        gradient: Whether a backward pass follows.
        put: By path, call and leaf, the value that takes the place of what is returned.
        batch: How many samples there are.
        device: Of the model.
    """

    def __init__(
        self,
        *,
        values: bool,
        gradient: bool,
        put: Mapping[Key, np.ndarray],
        batch: int,
        device: torch.device,
    ) -> None:
        self.values = values
        self.gradient = gradient
        self.put = put
        self.batch = batch
        self.found: dict[Key, dict[str, Any]] = {}
        # whether the forward pass is over: a gradient that the model takes itself is not the loss's
        self.returned = False
        self._put = {key[:2] for key in put}
        self._known = WeakTensorKeyDictionary()
        self._last: tuple[torch.Tensor | None, int, float] = (None, 0, 0.0)
        self._anchor = torch.zeros((), device=device, requires_grad=True)

    def enter(self, frame: Frame) -> None:
        """Keep what goes in, before the call can change it."""
        if self.values:
            frame.copies = [self._copy(one) for one in frame.inputs if ordinary(one)]
        if (frame.path, frame.call) in self._put:
            frame.work_on_copies()

    def leaf(
        self, frame: Frame, leaf: int, end: int, y: torch.Tensor, describe: Describe | None
    ) -> torch.Tensor:
        """Record a returned tensor, and give the one that the model goes on with.

        Args:
            frame: The call.
            leaf: Which tensor of its output.
            end: When it returned.
            y: The tensor.
            describe: Its kind and numbers; None where the call is made again by a checkpoint, and
                was recorded before.
        """
        key = (frame.path, frame.call, leaf)
        value = self.put.get(key)
        changed = frame.changed(y)
        new = (
            y
            if value is None and self._alone(frame, y, changed)
            else self._through(frame, y, value)
        )
        if changed is not None and value is not None:
            frame.replaced[id(y)] = new
        if describe is not None:
            self.found[key] = self._record(frame, leaf, end, new, describe)
        if self.gradient and new.requires_grad and key in self.found:
            self._watch(self.found[key], new, bool(changed))
        return new

    def _watch(self, place: dict[str, Any], y: torch.Tensor, changed: bool) -> None:
        """A view that was changed in place has changed its base: there its gradient passes."""
        base = y._base if changed else None
        if base is None:
            y.register_hook(lambda gradient: self._reached(place, gradient))
            return
        strides = base.stride()
        part = y.shape, y.stride(), y.storage_offset() - base.storage_offset()

        def reached(gradient: torch.Tensor) -> None:
            whole = torch.empty_strided(
                gradient.shape, strides, dtype=gradient.dtype, device=gradient.device
            )
            self._reached(place, whole.copy_(gradient).as_strided(*part))

        base.register_hook(reached)

    def _alone(self, frame: Frame, y: torch.Tensor, changed: bool | None) -> bool:
        """Whether a gradient of this tensor is that of the place.

        No earlier use of it counts, and it has one at all.

        Of several outputs one may be made of another: a cell's state, from which its output comes.
        """
        if not self.gradient or not torch.is_grad_enabled():
            return True
        if not y.requires_grad:
            return False
        if changed is not None:
            return changed
        return frame.outputs == 1 and not y.is_leaf and y not in self._known

    def _through(self, frame: Frame, y: torch.Tensor, value: np.ndarray | None) -> torch.Tensor:
        put = None
        if value is not None:
            put = torch.as_tensor(value, dtype=y.dtype, device=y.device)
            if put.shape != y.shape:
                raise ValueError(
                    f"the value put in at {frame.path} must be {list(y.shape)}; received "
                    f"{list(put.shape)}"
                )
        new = Through.apply(y, self._anchor, put)
        if put is None and y in self._known:
            self._known[new] = self._known[y]
        return new

    def _record(
        self, frame: Frame, leaf: int, end: int, y: torch.Tensor, describe: Describe
    ) -> dict[str, Any]:
        kind, config = describe(y)
        axes = self._layout(frame, kind, config, y)
        known = self._measured(y, axes)
        self._known[y] = known
        return {
            "path": frame.path,
            "call": frame.call,
            "leaf": leaf,
            "start": frame.start,
            "end": end,
            "inner": not frame.within,
            "type": frame.type,
            "kind": "container" if frame.within and kind == "other" else kind,
            "config": config,
            "shape": list(y.shape),
            "dtype": str(y.dtype).removeprefix("torch."),
            "layout": axes,
            "norms": {
                "rms": known.rms,
                "mean": known.mean,
                "gradient": None,
                "dead": norms.dead(config, y, axes) if kind == "activation" else None,
                "finite": math.isfinite(known.rms),
            },
            "inputs": frame.copies,
            "output": known.copy,
            "gradient": None,
        }

    def _layout(self, frame: Frame, kind: str, config: dict[str, Any], y: torch.Tensor) -> Layout:
        """Of a container, what the last place within it has found."""
        if frame.time_first and y.ndim == 3:
            return [1, 0, 2] if y.shape[1] == self.batch else None
        if frame.within and kind not in CHANNEL_LAST:
            known = self._known.get(y)
            return (
                known.layout if known is not None else layout("other", {}, [], y, None, self.batch)
            )
        source = self._known.get(frame.inputs[0]) if frame.inputs else None
        return layout(
            kind, config, frame.inputs, y, source.layout if source is not None else None, self.batch
        )

    def _measured(self, y: torch.Tensor, axes: Layout) -> Known:
        """What a container returns was measured when the last place within it returned it."""
        known = self._known.get(y)
        if known is not None and known.version == y._version:
            return known._replace(layout=axes)
        return Known(
            axes, y._version, norms.rms(y), norms.mean(y), to_numpy(y) if self.values else None
        )

    def _copy(self, tensor: torch.Tensor) -> np.ndarray:
        """Of a tensor that has not changed since it was returned, the copy that was made then."""
        known = self._known.get(tensor)
        if known is not None and known.copy is not None and known.version == tensor._version:
            return known.copy
        return to_numpy(tensor)

    def _reached(self, place: dict[str, Any], gradient: torch.Tensor) -> None:
        if not self.returned:
            return
        last, version, size = self._last
        if gradient is not last or gradient._version != version:
            size = norms.rms(gradient)
        self._last = gradient, gradient._version, size
        place["norms"]["gradient"] = size
        place["norms"]["finite"] &= math.isfinite(size)
        if self.values:
            place["gradient"] = to_numpy(gradient)


def real(output: Any) -> torch.Tensor | None:
    """The first tensor of real numbers that can be read."""
    return next((one for one in found(output) if one.is_floating_point() and ordinary(one)), None)
