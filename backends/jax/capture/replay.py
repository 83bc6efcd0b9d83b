"""Runs the traced model again, equation by equation, and takes what its marks stand at.

Calls that have marks within (`jax.jit`, `nn.remat`, `nn.scan`) are gone into, everything else is bound as it is. Since the
equations are read in the order in which they were traced, that is the order of the places, also of a jitted function that JAX
traced once and calls twice.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from .functions import MIXING, Meaning, name_of, of_equation
from .marks import Recorder, Site, is_real, mark_p
from .patched import derivative

UNROLLED = 20_000
"""So many equations at most come from a scan that is gone into, all its steps together."""

CALLS = ("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint", "core_closed_call")


@dataclass
class Frame:
    """A module or function that was entered and has not returned."""

    site: Site
    call: int
    start: int
    inputs: list[Any]


@dataclass
class Taken:
    """A place, as it was met: what is known of it without its values, and then these."""

    site: Site
    call: int
    leaf: int
    start: int
    end: int
    layout: list[int] | None
    output: Any
    inputs: list[Any]
    slope: Any


@dataclass
class Replay:
    """One run.

    Attributes:
        recorder: Of the trace.
        zeros: Added to the places' values, in the order of the places; their gradients are the places'.
        put: What replaces the places' values, in the same order, each with whether it does; gradients flow on as if it did not.
        taken: The places.
        used: The modules by path, in the order in which they were entered.
    """

    recorder: Recorder
    zeros: Sequence[Any] = ()
    put: Sequence[tuple[Any, Any]] = ()
    taken: list[Taken] = field(default_factory=list)
    used: dict[str, Site] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    layouts: dict[int, list[int]] = field(default_factory=dict)
    tick: int = 0

    def run(self, jaxpr: Any, consts: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """The outputs of a jaxpr."""
        values: dict[Any, Any] = {}
        values.update(zip(jaxpr.constvars, consts, strict=True))
        values.update(zip(jaxpr.invars, operands, strict=True))

        def read(var: Any) -> Any:
            return var.val if hasattr(var, "val") else values[var]

        for eqns in in_groups(jaxpr.eqns):
            if len(eqns) > 1 and self._owner():
                outputs = self._mean(eqns, [read(var) for var in eqns[0].invars])
                values.update(zip(eqns[-1].outvars, outputs, strict=True))
                continue
            for eqn in eqns:
                outputs = self.equation(eqn, [read(var) for var in eqn.invars])
                values.update(zip(eqn.outvars, outputs, strict=True))
        return [read(var) for var in jaxpr.outvars]

    def equation(self, eqn: Any, operands: list[Any]) -> Sequence[Any]:
        """The outputs of an equation."""
        if eqn.primitive is mark_p:
            return self._mark(eqn.params["site"], eqn.params["end"], operands)
        if has_marks(eqn):
            return self._inside(eqn, operands)
        if self.recorder.double and self.frames and any(_is_single(var) for var in eqn.outvars):
            self.recorder.remark(
                f"{self.frames[-1].site.path or 'the model'} computes in float32, whatever the precision: {name_of(eqn)}"
            )
        owner = self._owner()
        meaning = of_equation(eqn) if owner else None
        if owner is None or meaning is None:
            return bound(eqn, operands)
        if meaning.kind == "other" and eqn.primitive.name in CALLS and not _is_jax(name_of(eqn)):
            return self._called(eqn, operands)
        return self._function(owner, meaning, eqn, operands)

    def _owner(self) -> Site | None:
        if not self.frames or self.frames[-1].site.opaque:
            return None
        return self.frames[-1].site

    def _mark(self, number: int, end: bool, operands: list[Any]) -> list[Any]:
        site = self.recorder.sites[number]
        if not end:
            self._enter(site, operands)
            return operands
        if not any(frame.site is site for frame in self.frames):  # JAX has moved it out of a scan: it depends on no step
            return operands
        frame = self.frames.pop()
        while frame.site is not site:
            frame = self.frames.pop()
        values, slope = (operands[:-1], operands[-1]) if site.slope else (operands, None)
        returned = self._returned(frame, site.leaves, values, slope)
        return [*returned, slope] if site.slope else returned

    def _enter(self, site: Site, operands: list[Any]) -> None:
        if site.module:
            self.used.setdefault(site.path, site)
        self.frames.append(Frame(site, self._number(site.path), self._clock(), operands))

    def _number(self, path: str) -> int:
        self.calls[path] += 1
        return self.calls[path] - 1

    def _clock(self) -> int:
        self.tick += 1
        return self.tick - 1

    def _mean(self, eqns: Sequence[Any], operands: list[Any]) -> list[Any]:
        """A method `mean`, which is written out as a sum and a division."""
        owner = self._owner()
        assert owner is not None
        meaning = Meaning("mean", "mean", {"axes": [int(axis) for axis in eqns[0].params["axes"]]})

        def value() -> list[Any]:
            outputs = operands
            for eqn in eqns:
                outputs = bound(eqn, [outputs[0], *(var.val for var in eqn.invars[1:])])
            return outputs

        return self._placed(owner, meaning, operands, value, None)

    def _function(self, owner: Site, meaning: Meaning, eqn: Any, operands: list[Any]) -> list[Any]:
        inputs = [x for x, var in zip(operands, eqn.invars, strict=True) if not hasattr(var, "val")]
        return self._placed(owner, meaning, inputs, lambda: bound(eqn, operands), _slope(meaning, eqn, operands))

    def _placed(
        self, owner: Site, meaning: Meaning, inputs: list[Any], value: Callable[[], list[Any]], slope: Any
    ) -> list[Any]:
        path = f"{owner.path}:{meaning.type}"
        site = Site(path, meaning.type, meaning.kind, meaning.config, opaque=True, module=False)
        frame = Frame(site, self._number(path), self._clock(), inputs)
        outputs = value()
        real = [i for i, each in enumerate(outputs) if is_real(each)]
        returned = self._returned(frame, real, [outputs[i] for i in real], slope)
        for i, each in zip(real, returned, strict=True):
            outputs[i] = each
        return outputs

    def _returned(self, frame: Frame, leaves: Sequence[int], values: list[Any], slope: Any) -> list[Any]:
        end = self._clock()
        layout = self._layout(frame, values)
        returned: list[Any] = []
        for leaf, value in zip(leaves, values, strict=True):
            value = self._changed(value, len(self.taken))
            known = layout if layout is not None and len(layout) == value.ndim else None
            self.taken.append(Taken(frame.site, frame.call, leaf, frame.start, end, known, value, frame.inputs, slope))
            if known is not None:
                self.layouts[id(value)] = known
            returned.append(value)
        return returned

    def _changed(self, value: Any, place: int) -> Any:
        if self.put:
            replaces, other = self.put[place]
            value = value + jax.lax.stop_gradient(jnp.where(replaces, other - value, 0))
        return value + self.zeros[place] if self.zeros else value

    def _layout(self, frame: Frame, values: list[Any]) -> list[int] | None:
        """Flax has the channels last; what works element by element leaves the axes as they were."""
        if not values:
            return None
        if frame.site.config.get("time_major"):
            return [1, 0, *range(2, values[-1].ndim)]
        if frame.site.kind in CHANNELS_LAST:
            return list(range(values[-1].ndim))
        if frame.site.kind in ("activation", "dropout", "add", "multiply"):
            return next((self.layouts[id(x)] for x in frame.inputs if id(x) in self.layouts), None)
        return self.layouts.get(id(values[-1])) if frame.site.module else None

    def _inside(self, eqn: Any, operands: list[Any]) -> Sequence[Any]:
        """A call that has marks within."""
        name = eqn.primitive.name
        if name in CALLS:
            return self._called(eqn, operands)
        if name == "scan" and eqn.params["length"] * size_of(eqn.params["jaxpr"].jaxpr) <= UNROLLED:
            return self._steps(eqn, operands)
        where = self.frames[-1].site.path if self.frames else ""
        self.recorder.remark(
            f"what happens inside `{name}`, called by {where or 'the model'}, is not seen; "
            f"to see it, call the modules outside of it{', or make the scan shorter' if name == 'scan' else ''}"
        )
        return bound(eqn, operands)

    def _called(self, eqn: Any, operands: list[Any]) -> list[Any]:
        inner = eqn.params.get("jaxpr") or eqn.params["call_jaxpr"]
        jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, ())
        return self.run(jaxpr, consts, operands)

    def _steps(self, eqn: Any, operands: list[Any]) -> list[Any]:
        """A scan, a step after another."""
        body, length = eqn.params["jaxpr"], eqn.params["length"]
        consts, carried = eqn.params["num_consts"], eqn.params["num_carry"]
        fixed, state, rows = operands[:consts], operands[consts : consts + carried], operands[consts + carried :]
        order = range(length - 1, -1, -1) if eqn.params["reverse"] else range(length)
        outputs: dict[int, list[Any]] = {}
        for step in order:
            result = self.run(body.jaxpr, body.consts, [*fixed, *state, *(row[step] for row in rows)])
            state, outputs[step] = result[:carried], result[carried:]
        stacked = [jnp.stack(column) for column in zip(*(outputs[step] for step in range(length)), strict=True)]
        return [*state, *stacked]


CHANNELS_LAST = (
    "affine",
    "convolution",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "rms_norm",
    "pooling",
    "embedding",
    "recurrent",
)


def _slope(meaning: Meaning, eqn: Any, operands: list[Any]) -> Any:
    if meaning.kind != "activation" or meaning.config["name"] in MIXING or len(eqn.outvars) != 1:
        return None
    at = next(i for i, var in enumerate(eqn.invars) if not hasattr(var, "val") and var.aval.shape)
    return derivative(lambda x: bound(eqn, [*operands[:at], x, *operands[at + 1 :]])[0], operands[at])


def bound(eqn: Any, operands: list[Any]) -> list[Any]:
    """The outputs of an equation, bound as it was."""
    params: Any = eqn.primitive.get_bind_params(eqn.params)
    functions, params = params if isinstance(params, tuple) else ((), params)  # JAX before 0.9 hands the functions apart
    with eqn.ctx.manager:
        outputs = eqn.primitive.bind(*functions, *operands, **params)
    return list(outputs) if eqn.primitive.multiple_results else [outputs]


def in_groups(eqns: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The equations one by one, but a mean that is written out together."""
    at = 0
    while at < len(eqns):
        size = _mean_at(eqns, at)
        yield eqns[at : at + size]
        at += size


def _mean_at(eqns: Sequence[Any], at: int) -> int:
    """How many equations from here are one mean: a sum, the lost axes again, and a division by how many there were."""
    if eqns[at].primitive.name != "reduce_sum":
        return 1
    before, after = eqns[at].invars[0].aval, eqns[at].outvars[0].aval
    for size, eqn in enumerate(eqns[at + 1 : at + 3], start=2):
        if eqn.invars[0] is not eqns[at + size - 2].outvars[0]:
            return 1
        if eqn.primitive.name == "div" and hasattr(eqn.invars[1], "val"):
            return size if float(eqn.invars[1].val) * math.prod(after.shape) == math.prod(before.shape) else 1
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


def _is_single(var: Any) -> bool:
    dtype = getattr(var.aval, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 8 and bool(var.aval.shape)


def _is_jax(name: str) -> bool:
    """Whether a jitted function is one of JAX's own, and so a function of its own on the page."""
    return any(hasattr(space, name) for space in (jnp, jax.nn, jax.lax))
