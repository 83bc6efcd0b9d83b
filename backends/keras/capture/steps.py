"""Steps of the user's optimizer, each one compiled program.

Forward, backward, update, and what is known of them.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from . import norms, results
from .arrays import Batch
from .owners import Entry
from .passes import Passes, measured, packed, traced, unpacked

Names = list[tuple[str, str]]


class Step:
    """A step as a compiled program, for batches of one shape."""

    def __init__(self, passes: Passes, optimizer: Any, entries: list[Entry], example: Batch):
        """Trace it."""
        self._entries = entries
        self._reached: list[int] = []
        self._places: list[list[str]] = []
        self._weights: list[list[str]] = []
        self._names: Names = []

        def run(x: Any, y: Any) -> Any:
            seen = passes.run(x, y, gradient=True, put={})
            places, self._places = packed(measured(seen))
            reached = {key: value for key, value in seen.at_weights.items() if value is not None}
            self._reached = list(reached)
            rows = self._updated(passes.model, optimizer, reached)
            weights, self._weights = packed(rows)
            return seen.loss, places, weights, list(reached.values())

        self._run = traced(run, *example)

    def __call__(self, given: Batch, values: bool) -> dict[str, Any]:
        """Take the step: a `Step` of the contract."""
        loss, places, weights, gradients = self._run(*given)
        at_weights = dict(zip(self._reached, gradients, strict=True))
        return {
            "loss": float(loss),
            "gradients": {
                entry.path: results.gradients(entry, at_weights) for entry in self._entries
            }
            if values
            else {},
            "parameters": results.parameters(self._entries, trained=True) if values else {},
            "statistics": results.parameters(self._entries, trained=False) if values else {},
            "norms": self._by_layer(unpacked(weights, self._weights)),
            "places": [results.norms(row) for row in unpacked(places, self._places)],
        }

    def _updated(
        self, model: Any, optimizer: Any, gradients: dict[int, Any]
    ) -> list[dict[str, Any]]:
        """Let the optimizer move the variables.

        Of each canonical parameter the norms of gradient, update and weight.
        """
        variables = [
            variable for variable in model.trainable_variables if id(variable) in gradients
        ]
        before = {id(variable): tf.identity(variable.value) for variable in variables}
        optimizer.apply([gradients[id(variable)] for variable in variables], variables)
        after = {id(variable): tf.identity(variable.value) for variable in variables}
        rows = []
        for entry in self._entries:
            for weight in entry.weights:
                key = id(weight.variable)
                if weight.trained and key in before:
                    self._names.append((entry.path, weight.name))
                    update = weight.of(after[key]) - weight.of(before[key])
                    of = {"gradient": gradients[key], "weight": before[key]}
                    sizes = {name: norms.rms(weight.of(tensor))[0] for name, tensor in of.items()}
                    rows.append({**sizes, "update": norms.rms(update)[0]})
        return rows

    def _by_layer(self, rows: list[dict[str, float]]) -> dict[str, dict[str, dict[str, float]]]:
        found: dict[str, dict[str, dict[str, float]]] = {}
        for (path, name), row in zip(self._names, rows, strict=True):
            found.setdefault(path, {})[name] = row
        return found


def step(
    passes: Passes,
    optimizer: Any,
    entries: list[Entry],
    programs: dict[Any, Any],
    given: Batch,
    values: bool,
) -> dict[str, Any]:
    """One step; its program is kept for the next batch of the same shape."""
    if not optimizer.built:
        optimizer.build(passes.model.trainable_variables)
    shapes = tuple((tuple(leaf.shape), leaf.dtype.name) for leaf in tf.nest.flatten(given))
    if ("step", shapes) not in programs:
        programs["step", shapes] = Step(passes, optimizer, entries, given)
    return programs["step", shapes](given, values)
