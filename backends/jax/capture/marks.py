"""Marks in a traced program: where a module or a function is entered, and what it returns.

A mark is a primitive that hands its operands on. It stands in the jaxpr of the user's model, also
inside `jax.jit`, `nn.remat`, `nn.scan` and whatever else JAX traces, and `replay` reads it there.
No value is kept in Python, so nothing leaks from a trace.

Trap: JAX keeps what it has traced of a jitted function. A loss that was called before would show no
marks, and one that was captured would keep them; hence a context of its own (`fresh`) that is part
of JAX's key.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.core import Tracer
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .forms import Form

mark_p = Primitive("capture_mark")
mark_p.multiple_results = True


def _same(*operands: Any, **_: Any) -> list[Any]:
    return list(operands)


def _jvp(operands: Any, tangents: Any, **where: Any) -> tuple[Any, Any]:
    return mark_p.bind(*operands, **where), tangents


def _batched(operands: Any, axes: Any, **where: Any) -> tuple[Any, Any]:
    front = [
        x if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    return mark_p.bind(*front, **where), [axis if axis is None else 0 for axis in axes]


mark_p.def_impl(_same)
mark_p.def_abstract_eval(_same)
mlir.register_lowering(mark_p, lambda _, *operands, **where: list(operands))
ad.primitive_jvps[mark_p] = _jvp
batching.primitive_batchers[mark_p] = _batched


@dataclass
class Site:
    """A module or a function, as it was met while the model was traced.

    Attributes:
        path: As in `Place`.
        type, kind, config: As in `Place`.
        opaque: Whether what happens in it is its own business: a layer of the library.
        module: Whether it is a module, and not a function.
        form: How its parameters are written canonically; None of a function.
        leaves: Which tensors of the output are marked.
        slope: Whether the last operand of its mark at the end is its derivative, element by
            element.
    """

    path: str
    type: str
    kind: str
    config: dict[str, Any]
    opaque: bool
    module: bool = True
    form: Form | None = None
    leaves: tuple[int, ...] = ()
    slope: bool = False


@dataclass
class Recorder:
    """Writes marks while a model is traced.

    Attributes:
        double: Whether the model was cast to double precision, and is to compute in it.
        sites: What the marks' numbers mean.
        open: The sites that were entered and have not returned.
        remarks: What the user must know.
    """

    double: bool = False
    sites: list[Site] = field(default_factory=list)
    open: list[Site] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def hidden(self) -> bool:
        """Whether what is called now is a library module's own business."""
        return bool(self.open) and self.open[-1].opaque

    def call(
        self,
        site: Site,
        inputs: Any,
        function: Callable[[Any], Any],
        slope: Callable[[Any], Any] | None = None,
    ) -> Any:
        """What the function returns of the inputs, marked before and after.

        The inputs go through the first mark: what nothing depends on, JAX may drop.
        """
        number = len(self.sites)
        self.sites.append(site)
        inputs = _entered(number, inputs)
        self.open.append(site)
        try:
            output = function(inputs)
            derivative = slope(inputs) if slope else None
        finally:
            self.open.pop()
        return self._returned(number, output, derivative)

    def _returned(self, number: int, output: Any, derivative: Any) -> Any:
        leaves, tree = flattened(output)
        seen = [i for i, leaf in enumerate(leaves) if is_real(leaf)]
        site = self.sites[number]
        site.leaves = tuple(seen)
        site.slope = derivative is not None
        extra = [derivative] if site.slope else []
        marked = mark_p.bind(*(leaves[i] for i in seen), *extra, site=number, end=True)
        for i, leaf in zip(seen, marked, strict=False):
            leaves[i] = leaf
        return jax.tree_util.tree_unflatten(tree, leaves)

    def remark(self, text: str) -> None:
        """Said once."""
        if text not in self.remarks:
            self.remarks.append(text)


def _entered(number: int, inputs: Any) -> Any:
    """The inputs, those that are traced through the mark; a tensor there twice stays one."""
    leaves, tree = flattened(inputs)
    unique = {id(leaf): leaf for leaf in leaves if _is_tensor(leaf)}
    marked = dict(zip(unique, mark_p.bind(*unique.values(), site=number, end=False), strict=True))
    through = [
        marked[id(leaf)] if isinstance(leaf, Tracer) and id(leaf) in marked else leaf
        for leaf in leaves
    ]
    return jax.tree_util.tree_unflatten(tree, through)


def flattened(values: Any) -> tuple[list[Any], Any]:
    """The leaves, and how they lie.

    A module of nnx stays whole: taken apart and put together it would be a copy.
    """
    return jax.tree_util.tree_flatten(
        values, is_leaf=lambda node: isinstance(node, nnx.Pytree | nnx.Variable)
    )


def is_real(value: Any) -> bool:
    """Whether it is a tensor of real numbers, traced or not."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating)


def tensors(values: Any) -> list[Any]:
    """The arrays in it; keys of random numbers are none."""
    return [leaf for leaf in flattened(values)[0] if _is_tensor(leaf)]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.number)


_numbers = itertools.count(1)
_context = jax.make_user_context(0) if hasattr(jax, "make_user_context") else None


def fresh() -> AbstractContextManager[Any]:
    """In it nothing traced before is used again, and nothing traced in it is used after."""
    return _context(next(_numbers)) if _context is not None else _without_caches()


@contextmanager
def _without_caches() -> Iterator[None]:
    jax.clear_caches()
    yield
    jax.clear_caches()
