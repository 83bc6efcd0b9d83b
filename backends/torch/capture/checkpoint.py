"""Parts that `torch.utils.checkpoint` computes again in the backward pass.

Which call each of their calls was before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils import checkpoint

Function = Callable[..., Any]


@contextlib.contextmanager
def regions(again: Callable[[Function], Function]) -> Iterator[None]:
    """Each checkpointed function is handed on as `again(function)` makes it.

    It is called when the part is entered.

    Both forms are covered: of the reentrant one the graph is made in the second computation, of the
    other in the first.
    """
    generator = checkpoint._checkpoint_without_reentrant_generator
    reentrant = checkpoint.CheckpointFunction

    class Entered:
        @staticmethod
        def apply(function: Function, *args: Any) -> Any:
            return reentrant.apply(again(function), *args)

    def entered(function: Function, *args: Any, **named: Any) -> Any:
        return generator(again(function), *args, **named)

    names = {"_checkpoint_without_reentrant_generator": entered, "CheckpointFunction": Entered}
    before = {name: getattr(checkpoint, name) for name in names}
    for name, ours in names.items():
        setattr(checkpoint, name, ours)
    try:
        yield
    finally:
        for name, theirs in before.items():
            setattr(checkpoint, name, theirs)
