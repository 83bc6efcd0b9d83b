"""Where a recorder is in a model.

The calls that have not returned, what they hide, and the layers that were met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .functions import snake
from .paths import joined
from .taps import Frame

UNHELD = (
    "is held by no attribute that Keras tracks: its parameters are not among the layers; make it "
    "one of the layer that calls it"
)


@dataclass
class Course:
    """The course of one call of a model.

    Attributes:
        where: By the id of a layer, its path.
        used: By its id, each layer that was called, in the order of their first use.
        remarks: What could not be seen, each once.
        on: Whether the model has not returned yet.
        frames: The calls of layers that have not returned, the innermost last.
        silent: How many calls there are whose inside is not looked into.
    """

    where: Mapping[int, str]
    used: dict[int, Any] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    on: bool = True

    def __post_init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.frames: list[Frame] = []
        self.silent = 0
        self.hider = ""
        self.clock = 0

    @property
    def quiet(self) -> bool:
        """Whether calls pass unseen.

        Within a hidden layer or a recorded function, and after the model has returned.
        """
        return not self.on or self.silent > 0

    @property
    def innermost(self) -> Frame | None:
        """The layer's call that was entered last and has not returned."""
        return self.frames[-1] if self.frames else None

    def hidden(
        self,
        said: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Call a function without looking into it.

        A layer that is called within is remarked on, if the function has a name.
        """
        outer = self.hider
        self.hider = said
        self.silent += 1
        try:
            return function(*args, **kwargs)
        finally:
            self.silent -= 1
            self.hider = outer

    def use(self, layer: Any) -> None:
        """A layer is called."""
        self.used.setdefault(id(layer), layer)
        if self.hider and self.silent == 1:
            self.remarks[
                (
                    f"{self.where.get(id(layer), layer.name)} is called within {self.hider}: it is "
                    "not looked into there"
                )
            ] = None

    def path(self, layer: Any) -> str:
        """Its path; of a layer that no attribute holds, that of its caller and its class."""
        if id(layer) in self.where:
            return self.where[id(layer)]
        owner = self.innermost
        path = joined(owner.path if owner else "", snake(type(layer).__name__))
        if layer.weights:
            self.remarks[f"{path} {UNHELD}"] = None
        return path

    def call(self, path: str) -> int:
        """How many calls of a path there were before this one."""
        self.calls[path] += 1
        return self.calls[path] - 1

    def tick(self) -> int:
        """The next moment."""
        self.clock += 1
        return self.clock
