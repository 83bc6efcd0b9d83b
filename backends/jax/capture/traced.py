"""A model and its loss as one function of arrays, in which every place is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import partial_eval

from .loss import first_real
from .marks import Recorder, Site, fresh
from .patched import Marked
from .places import Static
from .replay import Replay

Arrays = dict[str, Any]


class Traced:
    """The model and its loss, traced for batches of one shape.

    Attributes:
        recorder: The sites, and what must be said.
        used: The modules in the order of their use.
        static: The places, without their values.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[..., Any],
        parameters: Arrays,
        state: Arrays,
        x: Any,
        y: Any,
    ) -> None:
        self.model = model
        self.x = x
        self.y = y
        self.recorder = Recorder(double=model.dtype == jnp.float64)
        self.traced, self.tree = self._trace(loss, parameters, state)
        self.used: list[Site] = []
        self.static: list[Static] = []
        self.shapes = jax.eval_shape(self._places, parameters, state)
        if not self.static:
            raise ValueError(
                "no module was seen: does the model call any, and is it not in pure functions?"
            )
        self._reached: tuple[list[bool], dict[str, bool]] | None = None

    def _trace(
        self, loss: Callable[..., Any], parameters: Arrays, state: Arrays
    ) -> tuple[Any, Any]:
        marked = Marked(self.recorder)

        def whole(parameters: Arrays, state: Arrays, x: Any, y: Any) -> Any:
            output, after = self.model.forward(marked, parameters, state, x)
            return loss(output, y), first_real(output), after

        with fresh(), self.model.scope(marked):
            traced, shape = jax.make_jaxpr(whole, return_shape=True)(
                parameters, state, self.x, self.y
            )
        return traced, jax.tree.structure(shape)

    def _places(self, parameters: Arrays, state: Arrays) -> list[Any]:
        replay = Replay(self.recorder)
        self._replayed(replay, parameters, state, self.x, self.y)
        self.used = list(replay.used.values())
        self.static = [Static.of(taken) for taken in replay.taken]
        return [taken.output for taken in replay.taken]

    def _replayed(self, replay: Replay, parameters: Arrays, state: Arrays, x: Any, y: Any) -> Any:
        replay.own = frozenset(id(value) for value in parameters.values())
        operands = jax.tree.leaves((parameters, state, x, y))
        return jax.tree.unflatten(
            self.tree, replay.run(self.traced.jaxpr, self.traced.consts, operands)
        )

    def _loss(
        self, put: Any, parameters: Arrays, zeros: Any, state: Arrays, x: Any, y: Any
    ) -> tuple[Any, Any]:
        replay = Replay(self.recorder, zeros, put)
        loss, output, after = self._replayed(replay, parameters, state, x, y)
        return loss, (
            output,
            after,
            [(taken.output, taken.inputs, taken.slope) for taken in replay.taken],
        )

    def _zeros(self) -> list[Any]:
        return [jnp.zeros(shape.shape, shape.dtype) for shape in self.shapes]

    def _differentiated(self, parameters: Arrays, state: Arrays, x: Any, y: Any, put: Any) -> Any:
        def loss(parameters: Arrays, zeros: Any) -> Any:
            return self._loss(put, parameters, zeros, state, x, y)

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(parameters, self._zeros())

    def reached(self) -> tuple[list[bool], dict[str, bool]]:
        """Which places, and which parameters, the loss depends on.

        Elsewhere there is no gradient, not one that is 0.
        """
        if self._reached is None:
            self._reached = self._dependence()
        return self._reached

    def _dependence(self) -> tuple[list[bool], dict[str, bool]]:
        parameters, state = self.model.parameters, self.model.state
        primals = (parameters, self._zeros())

        def slope(tangents: Any) -> Any:
            def loss(parameters: Arrays, zeros: Any) -> Any:
                return self._loss((), parameters, zeros, state, self.x, self.y)[0]

            return jax.jvp(loss, primals, tangents)[1]

        traced = jax.make_jaxpr(slope)(primals)
        _, used = partial_eval.dce_jaxpr(traced.jaxpr, [True])
        names = jax.tree.unflatten(jax.tree.structure(primals), used)
        return names[1], names[0]
