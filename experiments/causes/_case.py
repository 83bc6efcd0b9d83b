"""What a cause is asked about: the two sides of one place, and how they are filled from what was captured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from isograd.captured import Captured, Layer, Place, Step

Stage = Literal["forward", "backward", "loss", "step"]
Arrays = Mapping[str, np.ndarray]
NARROW = {"float32", "float16", "bfloat16"}


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two models at a place; every array in the canonical layout of isograd/captured.py, channels last.

    Attributes:
        backend: torch, keras or jax.
        dialect: In whose words a cure is written: torch, keras, linen or nnx.
        path, kind, type, config: As in `isograd.captured.Place`. Of a stretch between two places the kind is `between`.
        inputs: What goes into it.
        output: What comes out of it; the value that is to be explained.
        parameters, statistics, trainable: Of its layer, by canonical name. Those of the port are as it holds them.
        gradient: dL/d output; None where none reaches it, or it was not captured.
        gradients: Of the parameters; None where none reaches one.
        single: Whether it computes in less than float64.
        dtype: Of the output as it was computed: float64, float32, bfloat16 ...
        after: The statistics after a step.
        loss, target: Of the stage `loss`, whose output is the model's: the loss, and the batch's y.
        steps: Of the stage `step`.
    """

    backend: str
    dialect: str = ""
    path: str = ""
    kind: str = "other"
    type: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[np.ndarray, ...] = ()
    output: np.ndarray | None = None
    parameters: Arrays = field(default_factory=dict)
    statistics: Arrays = field(default_factory=dict)
    trainable: Mapping[str, bool] = field(default_factory=dict)
    gradient: np.ndarray | None = None
    gradients: Mapping[str, np.ndarray | None] = field(default_factory=dict)
    single: bool = False
    dtype: str = "float64"
    after: Arrays = field(default_factory=dict)
    loss: float | None = None
    target: np.ndarray | None = None
    steps: Steps | None = None


@dataclass(frozen=True, eq=False)
class Steps:
    """Some steps of an optimiser; a parameter's name is its layer's path and canonical name, the same on both sides.

    Attributes:
        optimizer: As in `isograd.captured.OPTIMIZER`; None where it says nothing of itself.
        parameters: Before the first step, and after each: one more than there are steps.
        gradients: At each step, as they come from the loss.
    """

    optimizer: Mapping[str, Any] | None
    parameters: Sequence[Arrays]
    gradients: Sequence[Mapping[str, np.ndarray | None]]

    def names(self) -> list[str]:
        """Those that have a gradient at every step, in order."""
        first = self.gradients[0] if self.gradients else {}
        return [name for name in first if all(step.get(name) is not None for step in self.gradients)]

    def screen(self) -> Steps:
        """The smallest parameter that moves as far as others: a law that fails on it need not be tried on all."""
        moved = {name: np.abs(self.parameters[-1][name] - self.parameters[0][name]).max(initial=0.0) for name in self.names()}
        most = max(moved.values(), default=0.0)
        name = min((name for name in moved if moved[name] >= 0.01 * most), key=lambda name: self.parameters[0][name].size)
        gradients = [{name: step[name]} for step in self.gradients]
        return replace(self, parameters=[{name: arrays[name]} for arrays in self.parameters], gradients=gradients)

    def updates(self) -> np.ndarray:
        """What each step has added to all parameters, flat [step * element]."""
        pairs = zip(self.parameters[:-1], self.parameters[1:], strict=True)
        return flat(after[name] - before[name] for before, after in pairs for name in self.names())


def flat(arrays: Iterator[np.ndarray] | Sequence[np.ndarray]) -> np.ndarray:
    """All their elements, one after the other, as float64; empty of nothing."""
    listed = [np.asarray(array, dtype=np.float64).ravel() for array in arrays]
    return np.concatenate(listed) if listed else np.zeros(0)


@dataclass(frozen=True, eq=False)
class Case:
    """A place where the port leaves the reference.

    Either the place itself is at fault: the inputs agree and the outputs differ. Or it lies between: `between_reference` and
    `between_port` are then the places after the last that agree, and `reference.output` and `port.output` are what goes into
    the next layer, and differs.

    Attributes:
        stage: What differs: a value, a gradient although the values agree, the loss, or a step.
        reference: Of the reference; its numbers are taken as right.
        port: Of the port, with numbers that are to be explained.
        agreed: The reference's places before it whose values the port has too, the nearest last.
        between_reference, between_port: See above; in the order of execution.
        follows: The stage `backward`: the places after it whose gradients agree, of the reference, the nearest first.
        layers: All layers of the reference by path: what might have been put in instead.
        partial: Whether this is a pair out of a stretch, which may not be each other's counterpart.
    """

    stage: Stage
    reference: Side
    port: Side
    agreed: tuple[Side, ...] = ()
    between_reference: tuple[Side, ...] = ()
    between_port: tuple[Side, ...] = ()
    follows: tuple[Side, ...] = ()
    layers: Mapping[str, Layer] = field(default_factory=dict)
    partial: bool = False

    @property
    def single(self) -> bool:
        """Whether either computes in less than float64."""
        return self.reference.single or self.port.single

    def views(self) -> list[Case]:
        """The pairs of a place and a value that may be each other's counterpart; the case itself comes last."""
        if not (self.between_reference or self.between_port):
            return [self]
        right = [place.output for place in self.between_reference]
        ends = [end for end in (*self.between_port, self.port) if not any(_equal(end.output, each) for each in right)]
        return [*(self._view(place, end) for place in self.between_reference for end in ends), self]

    def _view(self, place: Side, end: Side) -> Case:
        return replace(self, reference=place, port=end, between_reference=(), between_port=(), partial=True)


def forward_case(
    reference: Captured,
    port: Captured,
    place: Place | None,
    other: Place | None,
    *,
    between_reference: Sequence[Place] = (),
    between_port: Sequence[Place] = (),
    agreed: Sequence[Place] = (),
    dialect: str = "",
) -> Case:
    """The case of a value that differs.

    Args:
        reference: As captured, values and all.
        port: Likewise.
        place: Of the reference, whose output differs though its inputs agree. With places between: the first one whose
            *input* differs; None for the end of the model.
        other: The port's counterpart.
        between_reference: Its places after the last that agrees and before `place`.
        between_port: The port's, likewise.
        agreed: Places of the reference before, whose values agree: as many as there are, the nearest last.
        dialect: Of the port's cures: linen or nnx, where the port is JAX; linen if not stated.
    """
    mine, its = _Reading(reference, ""), _Reading(port, dialect)
    if place is None or other is None or between_reference or between_port:
        ends = _ends(mine.end(place), its.end(other))
    else:
        ends = (mine.side(place), its.side(other))
    return Case(
        "forward",
        *ends,
        agreed=tuple(mine.side(each) for each in agreed),
        between_reference=tuple(mine.side(each) for each in between_reference),
        between_port=tuple(its.side(each) for each in between_port),
        layers=reference["layers"],
    )


def backward_case(
    reference: Captured, port: Captured, place: Place, other: Place, *, follows: Sequence[Place] = (), dialect: str = ""
) -> Case:
    """The case of a gradient dL/dy that differs at a place although the values agree.

    Args:
        reference: As captured.
        port: Likewise.
        place: Of the reference: on the way back from the loss the first whose gradient differs.
        other: The port's.
        follows: Those places of the reference after it whose gradients agree, the nearest first.
        dialect: As in `forward_case`.
    """
    mine, its = _Reading(reference, ""), _Reading(port, dialect)
    behind = tuple(mine.side(each) for each in follows)
    return Case("backward", mine.side(place), its.side(other), follows=behind, layers=reference["layers"])


def loss_case(reference: Captured, port: Captured, *, dialect: str = "") -> Case:
    """The case of a loss, or of its gradient with respect to the model's output, that differs though the outputs agree."""
    return Case("loss", _Reading(reference, "").loss(), _Reading(port, dialect).loss())


def step_case(
    reference: Captured,
    port: Captured,
    reference_steps: Sequence[Step],
    port_steps: Sequence[Step],
    names: Mapping[str, str],
    *,
    dialect: str = "",
) -> Case:
    """The case of an update that differs.

    Args:
        reference: Captured before the first step: its parameters are where the steps start.
        port: Likewise.
        reference_steps: With arrays.
        port_steps: As many.
        names: The path of the port's layer by that of the reference's; layers that are not in it are left out.
        dialect: As in `forward_case`.
    """
    own = {path: path for path in names}
    mine = _Reading(reference, "").stepped(reference_steps, own)
    return Case("step", mine, _Reading(port, dialect).stepped(port_steps, names))


def statistics_case(reference: Captured, port: Captured, place: Place, other: Place, *, dialect: str = "") -> Case:
    """The case of running statistics that differ after a pass, of a normalization whose inputs agree.

    Args:
        reference: As captured.
        port: Likewise.
        place: The normalization.
        other: The port's.
        dialect: As in `forward_case`.
    """
    mine, its = _Reading(reference, "").side(place), _Reading(port, dialect).side(other)
    mine = replace(mine, after=reference["statistics"].get(place["path"], {}))
    return Case("step", mine, replace(its, after=port["statistics"].get(other["path"], {})))


def _ends(mine: list[Side], its: list[Side]) -> tuple[Side, Side]:
    """The first pair that differs of what goes into a place."""
    for a, b in zip(mine, its, strict=False):
        if not _equal(a.output, b.output):
            return a, b
    return mine[0], its[0]


def _equal(mine: np.ndarray | None, its: np.ndarray | None) -> bool:
    """Up to rounding."""
    if mine is None or its is None or mine.shape != its.shape:
        return False
    size = float(np.max(np.abs(mine), initial=0.0))
    return bool(np.all(np.abs(mine - its) <= 1e-12 * size))


@dataclass(frozen=True)
class _Reading:
    """Takes sides out of a capture."""

    captured: Captured
    dialect: str

    def side(self, place: Place) -> Side:
        """A place with its layer, in the canonical layout."""
        layer = self.captured["layers"].get(place["path"].split(":")[0])
        axes = place["layout"]
        ordered = None if place["output"] is None else _ordered(place["output"], axes)
        gradient = None if place["gradient"] is None else _ordered(place["gradient"], axes)
        inputs = tuple(self._input(each, place) for each in place["inputs"])
        side = replace(self._blank(), path=place["path"], kind=place["kind"], type=place["type"])
        side = replace(side, config=self._config(place), inputs=inputs, output=ordered, gradient=gradient, dtype=place["dtype"])
        side = replace(side, single=side.single or place["dtype"] in NARROW)
        if layer is None or (":" in place["path"] and layer["kind"] != place["kind"]):
            return side
        return _with_layer(side, layer)

    def end(self, place: Place | None) -> list[Side]:
        """What goes into a place, or comes out of the model: a side for each tensor."""
        between = replace(self._blank(), kind="between", path=place["path"] if place else "")
        if place is None:
            return [replace(between, output=self.captured["output"])]
        return [replace(between, output=self._input(each, place)) for each in place["inputs"]]

    def loss(self) -> Side:
        found = self.captured
        side = replace(self._blank(), output=found["output"], gradient=found["output_gradient"])
        return replace(side, kind="loss", loss=found["loss"], target=found["y"])

    def stepped(self, steps: Sequence[Step], names: Mapping[str, str]) -> Side:
        """The parameters go by the reference's paths."""
        before = {path: self.captured["layers"][own]["parameters"] for path, own in names.items()}
        after = [{path: step["parameters"][own] for path, own in names.items()} for step in steps]
        gradients = [_named({path: step["gradients"][own] for path, own in names.items()}) for step in steps]
        run = Steps(self.captured["optimizer"], [_named(each) for each in (before, *after)], gradients)
        return replace(self._blank(), kind="optimizer", steps=run)

    def _blank(self) -> Side:
        own = {"torch": "torch", "keras": "keras", "jax": self.dialect or "linen"}[self.captured["backend"]]
        return Side(self.captured["backend"], own, single=self.captured["precision"] != "float64")

    def _input(self, values: np.ndarray, place: Place) -> np.ndarray:
        same = place["layout"] is not None and len(place["layout"]) == values.ndim
        return _ordered(values, place["layout"] if same else self._layouts().get(values.ndim))

    def _layouts(self) -> dict[int, list[int]]:
        """The most frequent layout of tensors with so many axes."""
        votes = Counter(tuple(place["layout"]) for place in self.captured["places"] if place["layout"])
        return {len(layout): list(layout) for layout, _ in reversed(votes.most_common())}

    def _config(self, place: Place) -> dict[str, Any]:
        """With how a flattening goes through channels, which only the layout tells."""
        if place["kind"] != "flatten" or not place["inputs"]:
            return place["config"]
        ndim = place["inputs"][0].ndim
        layout = self._layouts().get(ndim, list(range(ndim)))
        return place["config"] | {"channels_first": layout != list(range(ndim))}


def _with_layer(side: Side, layer: Layer) -> Side:
    config = {**layer["config"], **side.config}
    side = replace(side, config=config, parameters=layer["parameters"], statistics=layer["statistics"])
    return replace(side, trainable=layer["trainable"], gradients=layer["gradients"])


def _ordered(values: np.ndarray, layout: Sequence[int] | None) -> np.ndarray:
    return values.transpose(layout) if layout is not None and len(layout) == values.ndim else values


def _named(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{path}.{name}" if path else name: array for path, arrays in layers.items() for name, array in arrays.items()}
