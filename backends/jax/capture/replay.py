"""Runs the traced model again, equation by equation, and takes what its marks stand at.

Calls that have marks within (`jax.jit`, `nn.remat`, `nn.scan`) are gone into, everything else is
bound as it is. Since the equations are read in the order in which they were traced, that is the
order of the places, also of a jitted function that JAX traced once and calls twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from .equations import CALLS, bound, has_marks, in_groups, is_jax, is_single, scanned, size_of
from .frames import Frame, Taken
from .functions import MIXING, Meaning
from .layout import layout_of
from .marks import Recorder, Site, is_real, mark_p
from .patched import derivative
from .primitives import name_of, of_equation

UNROLLED = 20_000
"""So many equations at most come from a scan that is gone into, all its steps together."""


@dataclass
class Replay:
    """One run.

    Attributes:
        recorder: Of the trace.
        zeros: Added to the places' values, in the order of the places; their gradients are the
            places'.
        put: What replaces the places' values, in the same order, each with whether it does;
            gradients flow on as if it did not.
        own: The identities of the parameters: one that is only brought into another shape is no
            place.
        taken: The places.
        used: The modules by path, in the order in which they were entered.
    """

    recorder: Recorder
    zeros: Sequence[Any] = ()
    put: Sequence[tuple[Any, Any]] = ()
    own: frozenset[int] = frozenset()
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
        if self.recorder.double and self.frames and any(is_single(var) for var in eqn.outvars):
            self.recorder.remark(
                f"{self.frames[-1].site.path or 'the model'} computes in float32, whatever the "
                f"precision: {name_of(eqn)}"
            )
        owner = self._owner()
        meaning = of_equation(eqn) if owner else None
        if (
            owner is None
            or meaning is None
            or (meaning.kind in SHAPING and id(operands[0]) in self.own)
        ):
            return bound(eqn, operands)
        if meaning.kind == "other" and eqn.primitive.name in CALLS and not is_jax(name_of(eqn)):
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
        # JAX has moved it out of a scan: it depends on no step
        if not any(frame.site is site for frame in self.frames):
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
        return self._placed(
            owner, meaning, inputs, lambda: bound(eqn, operands), _slope(meaning, eqn, operands)
        )

    def _placed(
        self,
        owner: Site,
        meaning: Meaning,
        inputs: list[Any],
        value: Callable[[], list[Any]],
        slope: Any,
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

    def _returned(
        self, frame: Frame, leaves: Sequence[int], values: list[Any], slope: Any
    ) -> list[Any]:
        end = self._clock()
        layout = layout_of(frame.site, frame.inputs, values, self.layouts)
        returned: list[Any] = []
        for leaf, value in zip(leaves, values, strict=True):
            value = self._changed(value, len(self.taken))
            known = layout if layout is not None and len(layout) == value.ndim else None
            self.taken.append(
                Taken(
                    frame.site,
                    frame.call,
                    leaf,
                    frame.start,
                    end,
                    known,
                    value,
                    frame.inputs,
                    slope,
                )
            )
            if known is not None:
                self.layouts[id(value)] = known
            returned.append(value)
        return returned

    def _changed(self, value: Any, place: int) -> Any:
        if self.put:
            replaces, other = self.put[place]
            value = value + jax.lax.stop_gradient(jnp.where(replaces, other - value, 0))
        return value + self.zeros[place] if self.zeros else value

    def _inside(self, eqn: Any, operands: list[Any]) -> Sequence[Any]:
        """A call that has marks within."""
        name = eqn.primitive.name
        if name in CALLS:
            return self._called(eqn, operands)
        if name == "scan" and eqn.params["length"] * size_of(eqn.params["jaxpr"].jaxpr) <= UNROLLED:
            return scanned(eqn, operands, self.run)
        where = self.frames[-1].site.path if self.frames else ""
        self.recorder.remark(
            f"what happens inside `{name}`, called by {where or 'the model'}, is not seen; to see "
            "it, call the modules outside of "
            f"it{', or make the scan shorter' if name == 'scan' else ''}"
        )
        return bound(eqn, operands)

    def _called(self, eqn: Any, operands: list[Any]) -> list[Any]:
        inner = eqn.params.get("jaxpr") or eqn.params["call_jaxpr"]
        jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, ())
        return self.run(jaxpr, consts, operands)


SHAPING = ("reshape", "flatten", "transpose")


def _slope(meaning: Meaning, eqn: Any, operands: list[Any]) -> Any:
    if meaning.kind != "activation" or meaning.config["name"] in MIXING or len(eqn.outvars) != 1:
        return None
    at = next(i for i, var in enumerate(eqn.invars) if not hasattr(var, "val") and var.aval.shape)
    return derivative(
        lambda x: bound(eqn, [*operands[:at], x, *operands[at + 1 :]])[0], operands[at]
    )
