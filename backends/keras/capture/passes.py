"""A forward and a backward pass of a model under observation, and its measurement.

Op by op or while a program is traced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from . import norms
from .arrays import call, dense
from .course import Course
from .loss import Loss, scalar
from .observed import observed, quiet_dropout
from .record import Recorder
from .taps import Key, Tap

CHANCE = (
    "RandomUniform",
    "RandomStandardNormal",
    "TruncatedNormal",
    "RandomUniformInt",
    "Multinomial",
    "RandomGamma",
)
"""TensorFlow's operations whose next numbers depend on how often they ran."""


@dataclass
class Pass:
    """What a pass has given, as tensors.

    Attributes:
        taps: The places.
        used: The layers that were called, in the order of their first use.
        output: What the model returned.
        loss: With the losses of the layers.
        at_taps: dL/dy of each place; None where none reaches it.
        at_weights: By the id of a trainable variable, its gradient.
        remarks: What could not be seen, and what was changed.
    """

    taps: list[Tap]
    used: list[Any]
    output: Any
    loss: Any
    at_taps: list[Any]
    at_weights: dict[int, Any]
    remarks: list[str]


@dataclass
class Passes:
    """How a model is called, and what is differentiated."""

    model: Any
    loss: Loss
    training: bool
    layers: list[Any]
    where: Mapping[int, str]

    def run(self, x: Any, y: Any, gradient: bool, put: Mapping[Key, np.ndarray]) -> Pass:
        """One pass.

        Raises:
            ValueError: A place where something is put was not reached, or the value has another
                shape.
        """
        tape = tf.GradientTape() if gradient else None
        with ExitStack() as stack:
            rates = quiet_dropout(stack, self.layers)
            recorder = Recorder(Course(self.where), rates, tape, put, self._format())
            with tape or nullcontext():
                output = self._observed(recorder, x)
                value = self._total(output, y)
        missing = [key for key in put if key not in recorder.replaced]
        if missing:
            raise ValueError(f"there is no place {missing[0]} where something could be put")
        at_taps, at_weights = self._differentiated(tape, value, recorder.taps)
        remarks = [*recorder.course.remarks, *self._said_of_dropout(rates)]
        return Pass(
            recorder.taps,
            list(recorder.course.used.values()),
            output,
            value,
            at_taps,
            at_weights,
            remarks,
        )

    def _observed(self, recorder: Recorder, x: Any) -> Any:
        try:
            with observed(recorder, self.layers):
                return call(self.model, x, self.training)
        finally:
            recorder.course.on = False

    def _total(self, output: Any, y: Any) -> Any:
        """The loss, and what the layers add to it: Keras trains their sum."""
        value = scalar(self.loss(output, y))
        return (
            value + tf.add_n([tf.cast(own, value.dtype) for own in self.model.losses])
            if self.model.losses
            else value
        )

    def _differentiated(
        self, tape: Any, value: Any, taps: list[Tap]
    ) -> tuple[list[Any], dict[int, Any]]:
        if tape is None:
            return [None] * len(taps), {}
        variables = self.model.trainable_variables
        targets = [*(tap.tensor for tap in taps), *(variable.value for variable in variables)]
        gradients = [dense(gradient) for gradient in tape.gradient(value, targets)]
        at_weights = {
            id(variable): gradient
            for variable, gradient in zip(variables, gradients[len(taps) :], strict=True)
        }
        return gradients[: len(taps)], at_weights

    def _format(self) -> str | None:
        """Which axis is the channel's throughout the model; None where the layers do not agree."""
        formats = {
            layer.data_format for layer in self.layers if getattr(layer, "data_format", None)
        }
        return next(iter(formats), "channels_last") if len(formats) < 2 else None

    def _said_of_dropout(self, rates: Mapping[int, float]) -> list[str]:
        names = {
            self.where[key].split("._")[0].removesuffix(".cell"): rate
            for key, rate in rates.items()
        }
        return [
            f"the dropout of {name} (rate {rate:g}) is off during the capture"
            for name, rate in names.items()
        ]


def measured(seen: Pass) -> list[dict[str, Any]]:
    """Of each place, the scalars of `Norms`; None where one is not known."""
    return [_of_place(tap, gradient) for tap, gradient in zip(seen.taps, seen.at_taps, strict=True)]


def packed(rows: list[dict[str, Any]]) -> tuple[Any, list[list[str]]]:
    """All scalars of all rows as one vector, for one transfer, and which of them each row has."""
    known = [[name for name, value in row.items() if value is not None] for row in rows]
    values = [
        tf.cast(row[name], tf.float64)
        for row, names in zip(rows, known, strict=True)
        for name in names
    ]
    return tf.stack(values) if values else tf.zeros(0, tf.float64), known


def unpacked(vector: Any, known: list[list[str]]) -> list[dict[str, float]]:
    """What `packed` was given, as numbers."""
    numbers: Any = iter(vector.numpy().tolist())
    return [{name: next(numbers) for name in names} for names in known]


def draws_of_its_own(program: Any) -> bool:
    """Whether a program holds operations of chance that keep their own state."""
    definition = program.graph.as_graph_def()
    nodes = [
        *definition.node,
        *(node for function in definition.library.function for node in function.node_def),
    ]
    return any(node.op in CHANCE for node in nodes)


def traced(function: Callable[..., Any], *example: Any) -> Callable[..., Any]:
    """One compiled program, whatever is said about functions being run eagerly."""
    return tf.function(function, autograph=False).get_concrete_function(*example)


def _of_place(tap: Tap, gradient: Any) -> dict[str, Any]:
    size, finite = norms.rms(tap.tensor)
    row = {
        "rms": size,
        "mean": norms.mean(tap.tensor),
        "finite": finite,
        "gradient": None,
        "dead": None,
    }
    if gradient is not None:
        row["gradient"], finite_gradient = norms.rms(gradient)
        row["finite"] = finite & finite_gradient
    if tap.kind == "activation":
        channel = tap.layout[-1] if tap.layout else -1
        row["dead"] = norms.dead(tap.tensor, tap.config.get("name", ""), channel)
    return row
