"""The calls of a model that have not returned, and what is recorded as they do."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from .frame import Frame
from .places import Describe, Places
from .tensors import ordinary

Arguments = tuple[Any, ...]
Named = dict[str, Any]


class Calls(TorchFunctionMode):
    """The calls that have not returned.

    Args:
        places: What is recorded.
    """

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places
        self.remarks: list[str] = []
        self._stack: list[Frame] = []
        self._calls: dict[str, int] = {}
        self._tick = 0
        self._replaying = False

    def remark(self, said: str) -> None:
        """Once each."""
        if said not in self.remarks:
            self.remarks.append(said)

    def _frame(
        self, path: str, type: str, args: Arguments, named: Named, inputs: list[torch.Tensor]
    ) -> Frame:
        self._tick += 1
        versions = [one._version for one in inputs]
        frame = Frame(
            path, self._calls.get(path, 0), type, self._tick, args, named, inputs, versions, []
        )
        self.places.enter(frame)
        return frame

    def _leave(self, frame: Frame, output: Any, describe: Describe) -> Any:
        """Record what is returned, and give what the model goes on with."""
        self._tick += 1
        leaves, structure = (
            ([output], None) if isinstance(output, torch.Tensor) else tree_flatten(output)
        )
        read = self._read(frame, output, leaves)
        frame.outputs = len(read)
        for k in read:
            leaves[k] = self.places.leaf(
                frame, k, self._tick, leaves[k], None if self._replaying else describe
            )
        if read:
            for outer in self._stack:
                outer.within = True
        return frame.give_back(
            leaves[0] if structure is None else tree_unflatten(leaves, structure)
        )

    def _read(self, frame: Frame, output: Any, leaves: list[Any]) -> list[int]:
        """Which leaves are places: tensors of real numbers."""
        tensors = [k for k, one in enumerate(leaves) if isinstance(one, torch.Tensor)]
        reals = [k for k in tensors if leaves[k].is_floating_point()]
        read = [k for k in reals if ordinary(leaves[k])]
        name = frame.path or "the model"
        if len(read) < len(reals):
            self.remark(
                f"{name} returns a tensor that cannot be read: sparse, nested, or in torch.func"
            )
        if output is not None and not tensors:
            self.remark(f"{name} returns {type(output).__name__}, in which no tensor is found")
        return read
