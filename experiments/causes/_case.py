"""What a cause is asked about: the two sides of one place, and what lies around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from isograd.captured import Layer

Stage = Literal["forward", "backward", "loss", "step"]
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two models at a place.

    Every array in the canonical layout of isograd/kinds.py, channels last.

    Attributes:
        backend: torch, keras or jax.
        dialect: In whose words a cure is written: torch, keras, linen or nnx.
        path, kind, type, config: As in `isograd.captured.Place`. Of a stretch between two places
            the kind is `between`.
        inputs: What goes into it.
        output: What comes out of it; the value that is to be explained.
        parameters, statistics, trainable: Of its layer, by canonical name. Those of the port are as
            it holds them.
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
    """Some steps of an optimiser.

    A parameter's name is its layer's path and canonical name, the same on both sides.

    Attributes:
        optimizer: As in `isograd.kinds.OPTIMIZER`; None where it says nothing of itself.
        parameters: Before the first step, and after each: one more than there are steps.
        gradients: At each step, as they come from the loss.
    """

    optimizer: Mapping[str, Any] | None
    parameters: Sequence[Arrays]
    gradients: Sequence[Mapping[str, np.ndarray | None]]

    def names(self) -> list[str]:
        """Those that have a gradient at every step, in order."""
        first = self.gradients[0] if self.gradients else {}
        return [
            name for name in first if all(step.get(name) is not None for step in self.gradients)
        ]

    def screen(self) -> Steps:
        """The smallest parameter that moves as far as others.

        A law that fails on it need not be tried on all.
        """
        moved = {
            name: np.abs(self.parameters[-1][name] - self.parameters[0][name]).max(initial=0.0)
            for name in self.names()
        }
        most = max(moved.values(), default=0.0)
        name = min(
            (name for name in moved if moved[name] >= 0.01 * most),
            key=lambda name: self.parameters[0][name].size,
        )
        gradients = [{name: step[name]} for step in self.gradients]
        return replace(
            self,
            parameters=[{name: arrays[name]} for arrays in self.parameters],
            gradients=gradients,
        )

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

    Either the place itself is at fault: the inputs agree and the outputs differ. Or it lies
    between: `between_reference` and `between_port` are then the places after the last that agree,
    and `reference.output` and `port.output` are what goes into the next layer, and differs.

    Attributes:
        stage: What differs: a value, a gradient although the values agree, the loss, or a step.
        reference: Of the reference; its numbers are taken as right.
        port: Of the port, with numbers that are to be explained.
        agreed: The reference's places before it whose values the port has too, the nearest last.
        between_reference, between_port: See above; in the order of execution.
        after_reference, after_port: The places from here on: the place itself, or that which the
            stretch lies before, comes first. Of the port with what it made of its own, wrong
            inputs.
        follows: The stage `backward`: the places after it whose gradients agree, of the reference,
            the nearest first.
        layers: All layers of the reference by path: what might have been put in instead.
        partial: Whether this is a pair out of a stretch, which may not be each other's counterpart.
    """

    stage: Stage
    reference: Side
    port: Side
    agreed: tuple[Side, ...] = ()
    between_reference: tuple[Side, ...] = ()
    between_port: tuple[Side, ...] = ()
    after_reference: tuple[Side, ...] = ()
    after_port: tuple[Side, ...] = ()
    follows: tuple[Side, ...] = ()
    layers: Mapping[str, Layer] = field(default_factory=dict)
    partial: bool = False

    @property
    def single(self) -> bool:
        """Whether either computes in less than float64."""
        return self.reference.single or self.port.single


def equal(mine: np.ndarray | None, its: np.ndarray | None) -> bool:
    """Up to rounding; a hidden score is infinitely low in both."""
    if mine is None or its is None or mine.shape != its.shape:
        return False
    away = np.where(mine == its, 0.0, np.inf)
    finite = np.isfinite(mine) & np.isfinite(its)
    away[finite] = np.abs(mine[finite] - its[finite])
    return bool(np.all(away <= 1e-12 * np.max(np.abs(mine[finite]), initial=0.0)))
