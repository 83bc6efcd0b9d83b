"""A model, its batch and its loss: what `capture` hands back, of linen and nnx alike."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .batch import as_given, batch, first
from .layers import Owner, layer, owners, written
from .loss import said, standard
from .optimizer import numbers, transformation
from .places import settled
from .program import Program, to_numpy
from .steps import step_of

FORMAT = 1
VERSIONS = {name: version(name) for name in ("jax", "flax", "numpy")}


class Subject:
    """See the doors of this package.

    The model is traced once for each shape of batch, and all that is captured or stepped runs that
    trace. Parameters, statistics and the optimiser's state are the subject's own, so the user's
    objects stay as they are.
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any,
        loss: Callable[..., Any] | None,
        optimizer: Any,
        training: bool,
    ) -> None:
        self.model = model
        self.x, self.y = batch(x, y, model.dtype, own_precision(model.parameters))
        self.loss_said = said(self.y) if loss is None else None
        self.loss = standard(self.y) if loss is None else loss
        self.optimizer = transformation(optimizer)
        self.training = training
        self.parameters = dict(model.parameters)
        self.state = dict(model.state)
        self.optimizer_state: Any = None
        self.programs: dict[Any, Program] = {}

    def program(self, x: Any, y: Any) -> Program:
        """The traced model, for batches of this shape."""
        key = str(jax.tree.map(lambda a: (a.shape, str(a.dtype)), (x, y)))
        if key not in self.programs:
            self.programs[key] = Program(self.model, self.loss, self.parameters, self.state, x, y)
        return self.programs[key]

    @functools.cached_property
    def owners(self) -> list[Owner]:
        """The modules that own arrays."""
        program = self.program(self.x, self.y)
        found, remarks = owners(program.used, self.parameters, self._statistics(self.state))
        for remark in remarks:
            program.recorder.remark(remark)
        return found

    def _statistics(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return {name: state[name] for name in self.model.statistics}

    def capture(
        self,
        values: bool,
        gradient: bool = True,
        put: Mapping[tuple[str, int, int], np.ndarray] | None = None,
    ) -> dict[str, Any]:
        """One forward and backward pass, a `Captured`.

        Args:
            values: Whether the values are kept, or norms only.
            gradient: Whether there is a backward pass.
            put: By path, call and leaf: what replaces the value there; gradients flow on as if it
                did not.

        Raises:
            ValueError: There is no such place, or the shape does not fit.
        """
        program = self.program(self.x, self.y)
        run = program.capture(self.parameters, self.state, values, gradient, put or {})
        owners = self.owners
        x = first(self.x)
        moved = self._layers(owners, self.parameters, {**self.state, **run.state}, {})
        return {
            "format": FORMAT,
            "backend": "jax",
            "api": self.model.api,
            "versions": dict(VERSIONS),
            "precision": "float64" if own_precision(self.parameters) == jnp.float64 else "float32",
            "loss": run.loss,
            "loss_said": self.loss_said,
            "batch": int(x.shape[0]) if x.ndim else 1,
            "training": self.training,
            "x": jax.tree.map(to_numpy, as_given(self.x)),
            "y": None if self.y is None else to_numpy(self.y),
            "output": run.output,
            "output_gradient": run.output_gradient,
            "places": settled(run.places, {owner.path for owner in owners}),
            "layers": self._layers(owners, self.parameters, self.state, run.gradients),
            "statistics": {path: layer["statistics"] for path, layer in moved.items()},
            "optimizer": None if self.optimizer is None else numbers(self.optimizer),
            "remarks": list(program.recorder.remarks),
        }

    def _layers(
        self, owners: list[Owner], parameters: Any, state: Any, gradients: Mapping[str, Any]
    ) -> dict[str, Any]:
        own = {name: to_numpy(value) for name, value in parameters.items()}
        moved = {name: to_numpy(value) for name, value in self._statistics(state).items()}
        return {
            owner.path: layer(owner, own, moved, gradients, self.model.trainable)
            for owner in owners
        }

    def layers(self) -> dict[str, Any]:
        """The modules that own parameters or statistics, as they are now; by path."""
        return self._layers(self.owners, self.parameters, self.state, {})

    def write(self, layers: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Parameters and statistics by path and canonical name.

        Raises:
            ValueError: There is no such layer or array, or its shape does not fit: nothing is
                written then.
        """
        arrays = {
            name: to_numpy(value)
            for name, value in (self.parameters | self._statistics(self.state)).items()
        }
        for name, value in written(self.owners, layers, arrays).items():
            target = self.parameters if name in self.parameters else self.state
            target[name] = jnp.asarray(value, target[name].dtype)

    def steps(self, batches: Sequence[tuple[Any, Any]], values: bool) -> list[dict[str, Any]]:
        """Steps of the user's optimiser, on a batch each, from where the parameters are.

        They and the statistics move.

        Args:
            batches: x and y of each step.
            values: Whether gradients and parameters are kept, or norms only.

        Returns:
            A `Step` each.

        Raises:
            ValueError: There is no optimiser.
        """
        if self.optimizer is None:
            raise ValueError("steps need an optimiser: an optax transformation; received None")
        if self.optimizer_state is None:
            self.optimizer_state = self.optimizer.init(self.model.nested(self.parameters))
        own = own_precision(self.parameters)
        return [self._step(*batch(x, y, self.model.dtype, own), values) for x, y in batches]

    def _step(self, x: Any, y: Any, values: bool) -> dict[str, Any]:
        program = self.program(x, y)
        before = self.parameters
        run = program.step(self.optimizer, before, self.state, self.optimizer_state, x, y)
        self.parameters = run.parameters
        self.state = run.state
        self.optimizer_state = run.optimizer_state
        layers = self._layers(self.owners, self.parameters, self.state, run.gradients)
        return step_of(self.owners, layers, run, before, values)


def own_precision(parameters: Mapping[str, Any]) -> Any:
    """In which the parameters are: the widest; single where there are none."""
    real = [each.dtype for each in parameters.values() if jnp.issubdtype(each.dtype, jnp.floating)]
    return jnp.result_type(*real) if real else jnp.dtype(jnp.float32)
