"""A model, a batch and a loss: what is captured of them, written into the model, and trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from . import optimizer, owners, results, state, steps, writing
from .arrays import Batch, arrays, batch, samples
from .loss import Loss
from .passes import Pass, Passes, draws_of_its_own, measured, packed, traced, unpacked
from .paths import layers as layers_of
from .paths import paths
from .taps import Key

FORMAT = 1
"""Counts the versions of what is handed out."""


class Subject:
    """A Keras model on a batch, with its loss and its optimizer."""

    def __init__(
        self, model: Any, given: Batch, loss: tuple[Loss, str | None], optimizer: Any, **how: Any
    ):
        """For a model whose layers are built.

        See `subject` for the arguments, of which `how` holds the last three.
        """
        self._model = model
        self._batch = given
        self._seed = how["seed"]
        self._precision = how["precision"]
        self._optimizer = optimizer
        used, self._said = loss
        self._passes = Passes(model, used, how["training"], layers_of(model), paths(model))
        self._order: list[Any] = []
        self._programs: dict[Any, Any] = {}

    def capture(
        self, values: bool, gradient: bool = True, put: Mapping[Key, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """One forward and backward pass.

        Args:
            values: Whether the tensors themselves are wanted, and not only what is known of their
                size.
            gradient: Whether there is a backward pass.
            put: By (path, call, leaf), what replaces the value there; the gradient goes through as
                if it had not.

        Returns:
            A `Captured`.

        Raises:
            ValueError: Nothing was seen, or what is put has no place or another shape.
        """
        with state.kept(self._model):
            seen, numbers = (
                self._op_by_op(gradient, put or {}) if values or put else self._compiled(gradient)
            )
            self._order = self._order or seen.used
            moved = results.parameters(self._entries(), trained=False)
        if not seen.taps:
            raise ValueError("no place was seen: the model returns no tensor of numbers")
        return self._captured(seen, numbers, values, gradient) | {"statistics": moved}

    def layers(self) -> dict[str, Any]:
        """By path, each layer that owns variables, as it is now: a `Layer` without gradients."""
        return results.layers(self._entries(), None, [])

    def write(self, layers: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Set parameters and statistics, by path and canonical name.

        All of them, or none where one does not fit.

        Raises:
            ValueError: There is no such layer or name, or an array has not the shape that is
                needed.
        """
        writing.write(self._entries(), layers)

    def steps(self, batches: Sequence[tuple[Any, Any]], values: bool) -> list[dict[str, Any]]:
        """Train: a step of the optimizer on each batch.

        The model and the optimizer stay as they are after them.

        Args:
            batches: x and y of each step.
            values: Whether the parameters, statistics and gradients of each step are wanted.

        Returns:
            A `Step` each.

        Raises:
            ValueError: There is no optimizer.
        """
        if self._optimizer is None:
            raise ValueError(
                "no steps without an optimizer; give a Keras optimizer, or compile the model with "
                "one"
            )
        entries = self._entries()
        with state.seeded(self._seed):
            return [
                steps.step(
                    self._passes, self._optimizer, entries, self._programs, batch(*pair), values
                )
                for pair in batches
            ]

    def _op_by_op(
        self, gradient: bool, put: Mapping[Key, np.ndarray]
    ) -> tuple[Pass, list[dict[str, float]]]:
        with state.seeded(self._seed):
            seen = self._passes.run(*self._batch, gradient=gradient, put=put)
        return seen, unpacked(*packed(measured(seen)))

    def _compiled(self, gradient: bool) -> tuple[Pass, list[dict[str, float]]]:
        try:
            program = self._program(gradient)
        except Exception as why:
            seen, numbers = self._op_by_op(gradient, {})
            seen.remarks.append(
                "runs op by op: the model cannot be traced into one program "
                f"({str(why).splitlines()[0]})"
            )
            return seen, numbers
        return program(self._batch)

    def _program(self, gradient: bool) -> Any:
        key = "capture", gradient, tuple(variable.trainable for variable in self._model.variables)
        if key not in self._programs:
            with state.seeded(self._seed):
                self._programs[key] = Program(self._passes, self._batch, gradient)
        return self._programs[key]

    def _entries(self) -> list[owners.Entry]:
        if not self._order:
            with state.kept(self._model), state.seeded(self._seed):
                self._order = self._passes.run(*self._batch, gradient=False, put={}).used
        called = [layer for layer in self._order if id(layer) in self._passes.where]
        ids = {id(layer) for layer in called}
        rest = [layer for layer in self._passes.layers if id(layer) not in ids]
        return owners.entries(self._passes.where, [*called, *rest])

    def _precise(self) -> str:
        computed = str(self._model.compute_dtype)
        held = str(self._model.variable_dtype)
        return held if computed in ("float16", "bfloat16") else computed

    def _captured(
        self, seen: Pass, numbers: list[dict[str, float]], values: bool, gradient: bool
    ) -> dict[str, Any]:
        entries = self._entries()
        root = next((index for index, tap in enumerate(seen.taps) if not tap.path), None)
        cotangent = None if root is None or not values else seen.at_taps[root]
        return {
            "format": FORMAT,
            "backend": "keras",
            "api": "keras",
            "versions": {
                "keras": keras.__version__,
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
            },
            "precision": self._precise(),
            "loss": float(seen.loss),
            "loss_said": self._said,
            "batch": samples(self._batch.x),
            "training": self._passes.training,
            "x": arrays(self._batch.x),
            "y": arrays(self._batch.y),
            "output": arrays(seen.output),
            "output_gradient": arrays(cotangent),
            "places": results.places(seen.taps, numbers, seen.at_taps if values else None),
            "layers": results.layers(entries, seen.at_weights if gradient else None, seen.taps),
            "optimizer": optimizer.described(self._optimizer),
            "remarks": results.remarks(seen, entries, self._precision),
        }


class Program:
    """A pass as one compiled program; the places are known from its tracing."""

    def __init__(self, passes: Passes, example: Batch, gradient: bool):
        """Trace it."""
        self._names: list[list[str]] = []
        self._weights: list[int] = []
        self._seen: Pass | None = None

        def run(x: Any, y: Any) -> Any:
            seen = passes.run(x, y, gradient=gradient, put={})
            numbers, self._names = packed(measured(seen))
            reached = {key: value for key, value in seen.at_weights.items() if value is not None}
            self._seen = seen
            self._weights = list(reached)
            return seen.loss, numbers, list(reached.values()), seen.output

        self._run = traced(run, *example)
        assert self._seen is not None
        if draws_of_its_own(self._run):
            self._seen.remarks.append(
                "a function of the model draws numbers without a seed of its own: captures differ"
            )

    def __call__(self, given: Batch) -> tuple[Pass, list[dict[str, float]]]:
        """Run it: the pass, whose places have no values, and the scalars of the places."""
        assert self._seen is not None
        value, numbers, gradients, output = self._run(*given)
        at_weights = dict(zip(self._weights, gradients, strict=True))
        traced_pass = self._seen
        seen = Pass(
            traced_pass.taps,
            traced_pass.used,
            output,
            value,
            [],
            at_weights,
            list(traced_pass.remarks),
        )
        return seen, unpacked(numbers, self._names)
