"""Where an ordinary model of a framework keeps what is ours, and with which axes: what the rooms' `PARAMETERS` say.

In such a model every layer is a module of the layer's name (`layer_1`), every part of it one of the name of its room, and what
a part holds is its `inner`: `layer_2.skip.inner.affine.weight`. It is a network of one seed: arrays are [layer, ...].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

import numpy as np

from common.errors import UserError
from common.network import Arrays, Network, Stack
from common.part import Parameter, Parameters, Part


class Kept(NamedTuple):
    """One of our parameters or statistics in what a room's `build` gives.

    Attributes:
        name: There, dotted if it is within a module: `gate.weight`.
        axes: Of the array there in their order: the number of each axis of ours, None for one of length 1 that we do not have.
            Without them they are ours.
    """

    name: str
    axes: tuple[int | None, ...] | None = None

    def there(self, a: np.ndarray) -> np.ndarray:
        """Our array with the framework's axes."""
        if self.axes is None:
            return a
        return np.expand_dims(a.transpose(self._order()), self._added())

    def here(self, a: np.ndarray) -> np.ndarray:
        """The inverse."""
        if self.axes is None:
            return a
        return a.squeeze(self._added()).transpose(np.argsort(self._order()))

    def _order(self) -> list[int]:
        return [axis for axis in self.axes or () if axis is not None]

    def _added(self) -> tuple[int, ...]:
        return tuple(at for at, axis in enumerate(self.axes or ()) if axis is None)


TRANSPOSED = (1, 0)
"""The axes of a weight [n_out, n_in]."""


@dataclass(frozen=True)
class Place:
    """One array of one layer.

    Attributes:
        name: Ours, `stack.parameter`.
        index: Of the layer in its stack.
        path: The modules, and its name in the last of them.
        kept: How it is kept there.
        one: What the part says of it.
        trained: Whether it is a parameter, and not a statistic.
    """

    name: str
    index: int
    path: tuple[str, ...]
    kept: Kept
    one: Parameter
    trained: bool


Rooms = Callable[[str], ModuleType]
"""A wing's room by its name."""


def layers_of(network: Network) -> Iterator[tuple[str, Stack]]:
    """What the module of each layer is called, and the stack that it is of.

    Raises:
        UserError: The layers are steps of time.
    """
    for stack in network.stacks():
        if stack.recurrent:
            raise UserError(
                "an ordinary model is of layers with parameters of their own; received steps of time that share theirs; "
                "take the `build` of the wing's recurrent.py, and an affine map of its last output"
            )
        for layer in stack.layers:
            yield module_name(layer), stack


def places(network: Network, rooms: Rooms) -> list[Place]:
    """Those of all parameters and statistics of a network, layer after layer."""
    found: list[Place] = []
    for stack in dict.fromkeys(stack for _, stack in layers_of(network)):
        kept = dict(_kept(stack.block, stack.inputs, rooms))
        for index, layer in enumerate(stack.layers):
            for trained, ours in ((True, stack.parameters), (False, stack.statistics)):
                for name, one in ours.items():
                    path, how = kept[name]
                    place = (module_name(layer), *path, *how.name.split("."))
                    found.append(Place(f"{stack.name}.{name}", index, place, how, one, trained))
    return found


def module_name(layer: str) -> str:
    """What a layer's module is called."""
    return layer.replace(" ", "_")


Found = tuple[str, tuple[tuple[str, ...], Kept]]
"""A name of ours; the path to the object that has it, and how it is kept there."""


def _kept(parts: Iterable[Part], units: int, rooms: Rooms) -> Iterator[Found]:
    """Of parts one after another."""
    for part in parts:
        inside = dict(_kept(part.inner, units, rooms))
        for name, (path, how) in inside.items():
            yield name, ((part.room, "inner", *path), how)
        own = _own(part.parameters(units) | part.statistics(units), inside)
        for name in own:
            yield name, ((part.room,), kept_by(rooms(part.room))[name])
        units = part.outputs(units)


def _own(found: Parameters, inside: Mapping[str, object]) -> list[str]:
    return [name for name in found if name not in inside]


def kept_by(room: ModuleType) -> dict[str, Kept]:
    """What a room says of parameters and statistics."""
    return {**getattr(room, "PARAMETERS", {}), **getattr(room, "STATISTICS", {})}


def together(found: Iterable[Place], fetch: Callable[[Place], np.ndarray]) -> Arrays:
    """Arrays of layers as ours, [layer, ...] by name."""
    layers: dict[str, list[np.ndarray]] = defaultdict(list)
    for place in found:
        layers[place.name].append(place.kept.here(fetch(place)))
    return {name: np.stack(arrays) for name, arrays in layers.items()}
