"""Where an ordinary model of a framework keeps what is ours, and with which axes.

What the rooms' `PARAMETERS` say.

In such a model every layer is a module of the layer's name (`layer_1`), every part of it one of the
name of its room, and what a part holds is its `inner`: `layer_2.skip.inner.affine.weight`. It is a
network of one seed: arrays are [layer, ...]. Steps of time share one layer.

What is of several gates, [gate, ...], is placed gate by gate: each has an array of its own there,
or its share of one in which the gates are side by side, in an order of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from common.network import Arrays, Network
from common.part import Parameter, Parameters, Part
from common.stack import Stack

Samples = tuple[np.ndarray, np.ndarray]
"""What a model learns from: x [batch, features] or [batch, time, features], and integer classes y
[batch] or real targets [batch, output]."""


class Share(NamedTuple):
    """One of several equal parts of an array.

    Attributes:
        number: Which, counted from 0.
        count: How many there are.
        axis: Along which they are side by side, counted from the last, as -1.
    """

    number: int
    count: int
    axis: int

    def region(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Its index in an array of this shape."""
        size = shape[self.axis] // self.count
        return (
            ...,
            slice(self.number * size, (self.number + 1) * size),
            *[slice(None)] * (-1 - self.axis),
        )


class Kept(NamedTuple):
    """One of our parameters or statistics, or one gate of it, in what a room's `build` gives.

    Attributes:
        name: There, dotted if it is within a module: `gate.weight`.
        axes: Of the array there in their order: the number of each axis of ours, None for one of
            length 1 that we do not have. Without them they are ours.
        share: Which part of that array it is; None where it is the whole.
    """

    name: str
    axes: tuple[int | None, ...] | None = None
    share: Share | None = None

    def there(self, a: np.ndarray) -> np.ndarray:
        """Our array with the framework's axes."""
        if self.axes is None:
            return a
        return np.expand_dims(a.transpose(self._order()), self._added())

    def here(self, whole: np.ndarray) -> np.ndarray:
        """The inverse, from the whole array there."""
        a = whole[self.region(whole.shape)]
        if self.axes is None:
            return a
        return a.squeeze(self._added()).transpose(np.argsort(self._order()))

    def put(self, whole: np.ndarray, a: np.ndarray) -> np.ndarray:
        """The whole array there, with ours in its place."""
        found = whole.astype(a.dtype)
        found[self.region(whole.shape)] = self.there(a)
        return found

    def region(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Its index in the array there, which has this shape."""
        return self.share.region(shape) if self.share else (...,)

    def _order(self) -> list[int]:
        return [axis for axis in self.axes or () if axis is not None]

    def _added(self) -> tuple[int, ...]:
        return tuple(at for at, axis in enumerate(self.axes or ()) if axis is None)


TRANSPOSED = (1, 0)
"""The axes of a weight [n_out, n_in]."""

ByGate = dict[str, Kept]
"""Where each gate's is, by the gate's name."""

Placed = Mapping[str, Kept | ByGate]
"""What a room's `PARAMETERS` says: where each of our names is. A room whose kinds differ in it has
one for each, by kind."""


def side_by_side(
    name: str, gates: tuple[str, ...], axis: int, axes: tuple[int | None, ...] | None = None
) -> ByGate:
    """Gates in one array, in the order in which they are named."""
    return {
        gate: Kept(name, axes, Share(number, len(gates), axis)) for number, gate in enumerate(gates)
    }


@dataclass(frozen=True)
class Place:
    """One array of one layer, or one gate's of it.

    Attributes:
        name: Ours, `stack.parameter`.
        layer: The name of the layer.
        at: Its index in ours: of the layer in its stack, and of the gate if it has gates.
        path: The modules, and its name in the last of them.
        kept: How it is kept there.
        one: What the part says of it.
        trained: Whether it is a parameter, and not a statistic.
    """

    name: str
    layer: str
    at: tuple[int, ...]
    path: tuple[str, ...]
    kept: Kept
    one: Parameter
    trained: bool


Rooms = Callable[[Part], Placed]
"""What the room of a part says of its parameters and statistics."""


def layers_of(network: Network) -> Iterator[tuple[str, Stack]]:
    """What the module of each layer is called, and its stack; steps of time are one."""
    for stack in network.stacks():
        for layer in stack.sets:
            yield module_name(layer), stack


def inputs_of(network: Network) -> tuple[int, ...]:
    """The shape of a sample: [features], or of a sequence [time, features]."""
    stack, *_ = network.stacks()
    return (len(stack.layers), stack.inputs) if stack.recurrent else (stack.inputs,)


def places(network: Network, rooms: Rooms) -> list[Place]:
    """Those of all parameters and statistics of a network, layer after layer."""
    found: list[Place] = []
    for stack in network.stacks():
        kept = dict(_kept(stack.block, stack.inputs, rooms))
        for index, layer in enumerate(stack.sets):
            for trained, ours in ((True, stack.parameters), (False, stack.statistics)):
                for name, one in ours.items():
                    path, how = kept[name]
                    module = (module_name(layer), *path)
                    for at, own, part in _gates(how, one):
                        whole = (*module, *own.name.split("."))
                        found.append(
                            Place(
                                f"{stack.name}.{name}",
                                layer,
                                (index, *at),
                                whole,
                                own,
                                part,
                                trained,
                            )
                        )
    return found


def of_part(part: Part, units: int, placed: Placed) -> list[Place]:
    """Those of the parameters of a part by itself, as of one layer, by their bare names."""
    return [
        Place(name, "", (0, *at), tuple(own.name.split(".")), own, of_gate, trained=True)
        for name, one in part.parameters(units).items()
        for at, own, of_gate in _gates(placed[name], one)
    ]


def _gates(how: Kept | ByGate, one: Parameter) -> Iterator[tuple[tuple[int, ...], Kept, Parameter]]:
    """Of each gate its index, where it is and what it is; of what has no gates the whole."""
    if isinstance(how, Kept):
        yield (), how, one
        return
    for number, (gate, of_gate) in enumerate(one.by_gate.items()):
        yield (number,), how[gate], of_gate


def module_name(layer: str) -> str:
    """What a layer's module is called."""
    return layer.replace(" ", "_")


Found = tuple[str, tuple[tuple[str, ...], Kept | ByGate]]
"""A name of ours; the path to the object that has it, and how it is kept there."""


def _kept(parts: Iterable[Part], units: int, rooms: Rooms) -> Iterator[Found]:
    """Of parts one after another."""
    for part in parts:
        inside = dict(_kept(part.inner, units, rooms))
        for name, (path, how) in inside.items():
            yield name, ((part.room, "inner", *path), how)
        own = _own(part.parameters(units) | part.statistics(units), inside)
        for name in own:
            yield name, ((part.room,), rooms(part)[name])
        units = part.outputs(units)


def _own(found: Parameters, inside: Mapping[str, object]) -> list[str]:
    return [name for name in found if name not in inside]


def kept_by(room: ModuleType, kind: str, said: str = "PARAMETERS") -> Placed:
    """What a room says of the parameters and statistics of a kind."""
    parameters = getattr(room, said, {})
    return {**parameters.get(kind, parameters), **getattr(room, "STATISTICS", {})}


def together(found: Iterable[Place], fetch: Callable[[Place], np.ndarray]) -> Arrays:
    """Whole arrays of layers as ours, [layer, ...] by name."""
    layers: dict[str, list[np.ndarray]] = defaultdict(list)
    for (name, _), of_layer in groupby(found, key=lambda place: (place.name, place.at[0])):
        arrays = [(place.at, place.kept.here(fetch(place))) for place in of_layer]
        gated = len(arrays[0][0]) > 1
        layers[name].append(np.stack([a for _, a in arrays]) if gated else arrays[0][1])
    return {name: np.stack(arrays) for name, arrays in layers.items()}
