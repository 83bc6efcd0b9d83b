"""The equations of a jaxpr: what they call, and how they are bound again."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .marks import mark_p

CALLS = (
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "remat",
    "remat2",
    "checkpoint",
    "core_closed_call",
)
"""Primitives that only call a jaxpr: it can be gone into."""


def bound(eqn: Any, operands: list[Any]) -> list[Any]:
    """The outputs of an equation, bound as it was."""
    params: Any = eqn.primitive.get_bind_params(eqn.params)
    # JAX before 0.9 hands the functions apart
    functions, params = params if isinstance(params, tuple) else ((), params)
    with eqn.ctx.manager:
        outputs = eqn.primitive.bind(*functions, *operands, **params)
    return list(outputs) if eqn.primitive.multiple_results else [outputs]


def scanned(
    eqn: Any, operands: list[Any], run: Callable[[Any, Any, list[Any]], list[Any]]
) -> list[Any]:
    """The outputs of a scan, a step after another.

    `run` gives those of a jaxpr from its constants and operands.
    """
    body, length = eqn.params["jaxpr"], eqn.params["length"]
    consts = eqn.params["num_consts"]
    carried = eqn.params["num_carry"]
    fixed = operands[:consts]
    state = operands[consts : consts + carried]
    rows = operands[consts + carried :]
    order = range(length - 1, -1, -1) if eqn.params["reverse"] else range(length)
    outputs: dict[int, list[Any]] = {}
    for step in order:
        result = run(body.jaxpr, body.consts, [*fixed, *state, *(row[step] for row in rows)])
        state, outputs[step] = result[:carried], result[carried:]
    stacked = [
        jnp.stack(column) for column in zip(*(outputs[step] for step in range(length)), strict=True)
    ]
    return [*state, *stacked]


def in_groups(eqns: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The equations one by one, but a mean that is written out together."""
    at = 0
    while at < len(eqns):
        size = _mean_at(eqns, at)
        yield eqns[at : at + size]
        at += size


def _mean_at(eqns: Sequence[Any], at: int) -> int:
    """How many equations from here are one mean.

    A sum, the lost axes again, and a division by how many there were.
    """
    if eqns[at].primitive.name != "reduce_sum":
        return 1
    before = eqns[at].invars[0].aval
    after = eqns[at].outvars[0].aval
    for size, eqn in enumerate(eqns[at + 1 : at + 3], start=2):
        if eqn.invars[0] is not eqns[at + size - 2].outvars[0]:
            return 1
        if eqn.primitive.name == "div" and hasattr(eqn.invars[1], "val"):
            return (
                size
                if float(eqn.invars[1].val) * math.prod(after.shape) == math.prod(before.shape)
                else 1
            )
        if eqn.primitive.name not in ("broadcast_in_dim", "reshape"):
            return 1
    return 1


def inner_jaxprs(eqn: Any) -> list[Any]:
    """The jaxprs that an equation calls."""
    found: list[Any] = []
    for value in eqn.params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(each, "jaxpr", each)
            if hasattr(inner, "eqns"):
                found.append(inner)
    return found


def has_marks(eqn: Any) -> bool:
    """Whether there is a mark somewhere inside."""
    return any(_marked(inner) for inner in inner_jaxprs(eqn))


@functools.lru_cache(maxsize=4096)
def _marked(jaxpr: Any) -> bool:
    return any(eqn.primitive is mark_p or has_marks(eqn) for eqn in jaxpr.eqns)


def size_of(jaxpr: Any) -> int:
    """How many equations, those inside others too."""
    return sum(1 + sum(size_of(inner) for inner in inner_jaxprs(eqn)) for eqn in jaxpr.eqns)


def is_single(var: Any) -> bool:
    """Whether it is a tensor of real numbers in less than double precision."""
    dtype = getattr(var.aval, "dtype", None)
    return (
        dtype is not None
        and jnp.issubdtype(dtype, jnp.floating)
        and dtype.itemsize < 8
        and bool(var.aval.shape)
    )


def is_jax(name: str) -> bool:
    """Whether a jitted function is one of JAX's own, and so a function of its own on the page."""
    return any(hasattr(space, name) for space in (jnp, jax.nn, jax.lax))
