"""A call that is under way, and how a value is put in the place of what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_map_only


@dataclass
class Frame:
    """A call of a module or function.

    Attributes:
        path, call, type: As in a place.
        start: When it was entered.
        args, named: What it is called with.
        inputs, versions: The tensors in these, and which version of them went in.
        copies: Of their values, where these are kept.
        module: None of a function.
        opaque: Whether functions in it are not looked at.
        time_first: Whether it takes and gives sequences as [time, batch, feature].
        outputs: How many tensors it has returned.
        within: Whether places have been seen in it.
        originals: The tensors that it was called with by the model, where it works on copies of
            them.
        replaced: By copy, the tensor whose values the original is to get.
    """

    path: str
    call: int
    type: str
    start: int
    args: tuple[Any, ...]
    named: dict[str, Any]
    inputs: list[torch.Tensor]
    versions: list[int]
    copies: list[np.ndarray]
    module: nn.Module | None = None
    opaque: bool = False
    time_first: bool = False
    outputs: int = 1
    within: bool = False
    originals: list[torch.Tensor] = field(default_factory=list)
    replaced: dict[int, torch.Tensor] = field(default_factory=dict)

    def changed(self, tensor: torch.Tensor) -> bool | None:
        """Whether the call has changed this input in place; None where it is no input."""
        for one, was in zip(self.inputs, self.versions, strict=True):
            if one is tensor:
                return one._version != was
        return None

    def work_on_copies(self) -> None:
        """What the call does in place is undone in the graph, for another value in its place."""
        copies = {id(one): one.clone() for one in self.inputs}
        self.args, self.named = tree_map_only(
            torch.Tensor, lambda one: copies.get(id(one), one), (self.args, self.named)
        )
        self.originals = self.inputs
        self.inputs = [copies[id(one)] for one in self.originals]
        self.versions = [one._version for one in self.inputs]

    def give_back(self, output: Any) -> Any:
        """The output in the model's tensors: what was done to a copy is done to its original."""
        if not self.originals:
            return output
        owners: dict[int, torch.Tensor] = {}
        for original, copy, was in zip(self.originals, self.inputs, self.versions, strict=True):
            new = self.replaced.get(id(copy))
            if copy._version != was:
                original.copy_(copy if new is None else new)
                owners[id(copy if new is None else new)] = original
            elif new is None:
                owners[id(copy)] = original
        return tree_map_only(torch.Tensor, lambda one: owners.get(id(one), one), output)
