"""The traced model, and what is compiled of it: a capture, and a step, one program each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import norms
from .places import entry
from .traced import Arrays, Traced


@dataclass
class Run:
    """What a capture gives, on the host; the state is what the pass has left."""

    loss: float
    output: np.ndarray | None
    output_gradient: np.ndarray | None
    places: list[dict[str, Any]]
    gradients: dict[str, np.ndarray | None]
    state: Arrays


@dataclass
class Step:
    """What a step gives; the arrays are JAX's."""

    loss: float
    gradients: dict[str, np.ndarray | None]
    updates: Arrays
    parameters: Arrays
    state: Arrays
    optimizer_state: Any
    norms: list[dict[str, Any]]


class Program(Traced):
    """What is compiled of a traced model."""

    def __init__(
        self,
        model: Any,
        loss: Callable[..., Any],
        parameters: Arrays,
        state: Arrays,
        x: Any,
        y: Any,
    ) -> None:
        super().__init__(model, loss, parameters, state, x, y)
        self.compiled: dict[Any, Any] = {}
        self.inputs: dict[tuple[bool, bool], list[list[int]]] = {}

    def capture(
        self,
        parameters: Arrays,
        state: Arrays,
        values: bool,
        gradient: bool,
        put: Mapping[tuple[str, int, int], Any],
    ) -> Run:
        """See `Subject.capture`."""
        key = (values, gradient, bool(put))
        if key not in self.compiled:
            self.compiled[key] = jax.jit(self._captured, static_argnames=("values", "gradient"))
        given = self.compiled[key](
            parameters,
            state,
            self.x,
            self.y,
            self._put(put) if put else [],
            values=values,
            gradient=gradient,
        )
        return self._run(
            jax.device_get(given), gradient, self.inputs.get((gradient, bool(put)), [])
        )

    def _captured(
        self,
        parameters: Arrays,
        state: Arrays,
        x: Any,
        y: Any,
        put: Any,
        values: bool,
        gradient: bool,
    ) -> dict[str, Any]:
        if gradient:
            (loss, aux), (slopes, cotangents) = self._differentiated(parameters, state, x, y, put)
        else:
            loss, aux = self._loss(put, parameters, [], state, x, y)
            slopes = {}
            cotangents = [None] * len(self.static)
        output, after, taken = aux
        given = {
            "loss": loss,
            "gradients": slopes,
            "norms": _norms(taken, cotangents),
            "output": output,
            "state": after,
        }
        if not values:
            return given
        unique: dict[int, Any] = {}
        for each in (each for _, inner, _ in taken for each in inner):
            unique.setdefault(id(each), each)
        inputs = [[id(each) for each in inner] for _, inner, _ in taken]
        order = {each: i for i, each in enumerate(unique)}
        self.inputs[gradient, bool(put)] = [[order[each] for each in inner] for inner in inputs]
        values_of = [value for value, _, _ in taken]
        return given | {
            "values": values_of,
            "cotangents": cotangents,
            "inputs": list(unique.values()),
        }

    def _put(self, put: Mapping[tuple[str, int, int], Any]) -> list[tuple[Any, Any]]:
        """Of every place whether it is replaced, and by what: so one program is right for all."""
        places = [static.key for static in self.static]
        unknown = [key for key in put if key not in places]
        if unknown:
            raise ValueError(f"there is no place {unknown[0]}: path, call and leaf")
        return [
            _replacement(key, put.get(key), shape)
            for key, shape in zip(places, self.shapes, strict=True)
        ]

    def _run(self, given: dict[str, Any], gradient: bool, order: list[list[int]]) -> Run:
        reached, of_parameters = self.reached() if gradient else ([False] * len(self.static), {})
        places = []
        for i, static in enumerate(self.static):
            values = "values" in given
            inputs = [to_numpy(given["inputs"][each]) for each in order[i]] if values else []
            output = to_numpy(given["values"][i]) if values else None
            slope = to_numpy(given["cotangents"][i]) if values and reached[i] else None
            places.append(entry(static, given["norms"][i], reached[i], inputs, output, slope))
        gradients = {
            name: to_numpy(each) if of_parameters[name] else None
            for name, each in given["gradients"].items()
        }
        last = next((place for place in places if place["path"] == ""), None)
        output = None if given["output"] is None else to_numpy(given["output"])
        slope = last["gradient"] if last else None
        return Run(float(given["loss"]), output, slope, places, gradients, given["state"])

    def step(
        self,
        optimizer: Any,
        parameters: Arrays,
        state: Arrays,
        optimizer_state: Any,
        x: Any,
        y: Any,
    ) -> Step:
        """A step of the optimiser on a batch."""
        if "step" not in self.compiled:
            self.compiled["step"] = jax.jit(lambda *given: self._stepped(optimizer, *given))
        given = self.compiled["step"](parameters, state, optimizer_state, x, y)
        reached, of_parameters = self.reached()
        loss, numbers, gradients = jax.device_get(
            (given["loss"], given["norms"], given["gradients"])
        )
        each = zip(self.static, numbers, reached, strict=True)
        known = [entry(static, row, there, [], None, None)["norms"] for static, row, there in each]
        slopes = {
            name: to_numpy(each) if of_parameters[name] else None
            for name, each in gradients.items()
        }
        return Step(
            float(loss),
            slopes,
            given["updates"],
            given["parameters"],
            given["state"],
            given["optimizer"],
            known,
        )

    def _stepped(
        self,
        optimizer: Any,
        parameters: Arrays,
        state: Arrays,
        optimizer_state: Any,
        x: Any,
        y: Any,
    ) -> Any:
        (loss, aux), (gradients, cotangents) = self._differentiated(parameters, state, x, y, ())
        _, after, taken = aux
        own = self.model.nested(parameters)
        nested = self.model.nested(gradients)
        updates, optimizer_state = optimizer.update(nested, optimizer_state, own)
        moved = jax.tree.map(
            lambda value, update: (value + update).astype(value.dtype), own, updates
        )
        return {
            "loss": loss,
            "norms": _norms(taken, cotangents),
            "gradients": gradients,
            "updates": self.model.flat(updates),
            "parameters": self.model.flat(moved),
            "state": {**state, **after},
            "optimizer": optimizer_state,
        }


def _norms(taken: Any, cotangents: Any) -> Any:
    """Of each place five numbers, in one array.

    Rms, mean, dead, rms of the gradient, and nothing more comes to the host.
    """
    rows = []
    for (value, _, slope), cotangent in zip(taken, cotangents, strict=True):
        gradient = 0.0 if cotangent is None else norms.rms(cotangent)
        rows.append(
            [
                norms.rms(value),
                norms.mean(value),
                -1.0 if slope is None else norms.dead(slope),
                gradient,
            ]
        )
    wide = jnp.result_type(jnp.float32, *(each for row in rows for each in row))
    return jnp.stack([jnp.stack([jnp.asarray(each, wide) for each in row]) for row in rows])


def _replacement(key: tuple[str, int, int], value: Any, shape: Any) -> tuple[Any, Any]:
    if value is None:
        return np.asarray(False), np.zeros(shape.shape, shape.dtype)
    if np.shape(value) != tuple(shape.shape):
        raise ValueError(
            f"the place {key} has the shape {tuple(shape.shape)}; received {np.shape(value)}"
        )
    return np.asarray(True), np.asarray(value, shape.dtype)


def to_numpy(value: Any) -> np.ndarray:
    """On the host; half precision widened to float32."""
    array = np.asarray(value)
    real = jnp.issubdtype(array.dtype, jnp.floating)
    return (
        array.astype(np.float32) if real and array.dtype not in (np.float32, np.float64) else array
    )
