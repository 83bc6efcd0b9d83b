"""What is captured of somebody's own model: NumPy and the standard library, nothing else.

A wing's `capture` hands plain dictionaries, in the shapes that are stated here. They cross from one
process, interpreter or machine to another as one `.npz` file (npz.py).
"""

from __future__ import annotations

import math
from typing import Any, TypedDict

import numpy as np

FORMAT = 1
"""Counts the versions of the file."""

SUFFIX = ".capture"


class Norms(TypedDict):
    """What is known of a tensor when its values are not kept.

    Root mean squares are scale-safe, and taken on the device.

    Attributes:
        rms: Of the values.
        mean: Of the values.
        gradient: Root mean square of dL/dy; None where no gradient reaches it.
        dead: Of the output of an activation: the share of units (channels) whose derivative is
            exactly 0 in the whole batch; None where that is not known.
        finite: Whether all values, and all of dL/dy, are finite.
    """

    rms: float
    mean: float
    gradient: float | None
    dead: float | None
    finite: bool


class Place(TypedDict):
    """A tensor that a module, or a function between modules, has returned; in the order of return.

    Attributes:
        path: As the model's author would write it: `layers.1.conv1`; empty for the model itself. A
            function is `owner:function`, `layers.1:relu`; a layer's inner activation likewise,
            `dense:relu`, and the layer's own place then holds what goes into the activation.
        call: 0, and more for a path that is used again.
        leaf: Which tensor of the output.
        start: When it was entered, an order over all places.
        end: When it returned, in the same order.
        inner: Whether it has no place within it: not a container.
        type: The class or function, as the framework calls it.
        kind: What it is in every framework, one of `KINDS` (kinds.py); `other` where that is not
            known.
        config: Its numbers, by the names of its kind (see `KINDS`).
        shape, dtype: Of the output.
        layout: The order of the axes that makes the output (batch, *space, channel); None where it
            is not known.
        norms: Always there.
        inputs: The tensors that go into it, copied at the entry; empty where only norms are kept.
        output: Copied at the return, before anything can change it in place; None where only norms
            are kept.
        gradient: dL/d output, of the tensor as it was returned; None where none reaches it, or only
            norms are kept.
    """

    path: str
    call: int
    leaf: int
    start: int
    end: int
    inner: bool
    type: str
    kind: str
    config: dict[str, Any]
    shape: list[int]
    dtype: str
    layout: list[int] | None
    norms: Norms
    inputs: list[np.ndarray]
    output: np.ndarray | None
    gradient: np.ndarray | None


class Layer(TypedDict):
    """A module that owns parameters or statistics, in the canonical form of its kind.

    Attributes:
        type, kind, config: As in `Place`.
        parameters: By canonical name, in the canonical layout (see `KINDS`); of the kind `other`
            the module's own names and layouts.
        gradients: Of the loss, alike; None where none reaches it. Of a capture without gradients:
            empty.
        statistics: What is not trained: running mean and variance.
        names: By canonical name, the framework's own full name: `layers.1.conv1.weight`.
        trainable: By canonical name.
    """

    type: str
    kind: str
    config: dict[str, Any]
    parameters: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray | None]
    statistics: dict[str, np.ndarray]
    names: dict[str, str]
    trainable: dict[str, bool]


class Captured(TypedDict):
    """One forward and backward pass of a model.

    Attributes:
        format: `FORMAT`.
        backend: torch, keras or jax.
        api: The framework's interface: torch, keras, linen or nnx.
        versions: Of the packages.
        precision: float32 or float64: of the parameters, and of the computation.
        loss: Mean over the batch, or whatever the loss is.
        loss_said: What the loss is, in words, where none was given: cross-entropy of logits, or
            mean squared error.
        batch: How many samples.
        training: Whether the model was in training mode.
        x, y: The batch.
        output: What the model returned: its first tensor of real numbers; also where only norms are
            kept.
        output_gradient: dL/d output.
        places: In the order of return.
        layers: By path, in the order of their first use; those that were not used come last.
        statistics: By layer and canonical name, after the pass, before they were put back.
        optimizer: `kind`, and its numbers by the names of `OPTIMIZER` (kinds.py); None where there
            is none or nothing is known.
        remarks: What could not be seen into, and the cure; what was changed (dropout rates set to
            0).
    """

    format: int
    backend: str
    api: str
    versions: dict[str, str]
    precision: str
    loss: float
    loss_said: str | None
    batch: int
    training: bool
    x: np.ndarray
    y: np.ndarray | None
    output: np.ndarray | None
    output_gradient: np.ndarray | None
    places: list[Place]
    layers: dict[str, Layer]
    statistics: dict[str, dict[str, np.ndarray]]
    optimizer: dict[str, Any] | None
    remarks: list[str]


class Step(TypedDict):
    """One step of the user's optimiser on the batch.

    Attributes:
        loss: Before the step.
        gradients: By layer and canonical name, as they come from the loss.
        parameters: After the step.
        statistics: After the step.
        norms: By layer and canonical name of a parameter: `gradient`, `update` and `weight` before
            the step, root mean squares. They are there when the arrays are not.
        places: The norms of the places, in the order of the capture's.
    """

    loss: float
    gradients: dict[str, dict[str, np.ndarray | None]]
    parameters: dict[str, dict[str, np.ndarray]]
    statistics: dict[str, dict[str, np.ndarray]]
    norms: dict[str, dict[str, dict[str, float]]]
    places: list[Norms]


def rms(values: np.ndarray) -> float:
    """The root mean square, scale-safe: 1e-200 has one, although its square is 0. 0 of nothing."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        return largest
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))


LOOKED_INTO = 2**24
"""Numbers in all places: of so many the values are kept to look into a recurrent layer, some 200 MB
in float32."""


def hides_time(captured: Captured) -> bool:
    """Whether values would show the steps of time of a recurrent layer, which norms do not.

    And whether they are not too many to keep.
    """
    hidden = any(
        place["kind"] == "recurrent" and place["output"] is None for place in captured["places"]
    )
    return hidden and sum(math.prod(place["shape"]) for place in captured["places"]) <= LOOKED_INTO
