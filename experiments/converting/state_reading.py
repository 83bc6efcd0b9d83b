"""An optimiser's state out of a file.

Each entry belongs to a parameter, has its shape, and none is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from common.errors import UserError, shown
from experiments.converting.canonical import canonical, statistics
from experiments.converting.laws import Framework
from experiments.converting.layer import FLOATS, Layer
from experiments.converting.names import Path
from experiments.converting.state import KINDS, SLOTS, STEPS, State, keras_scale, mapped

Arrays = dict[str, np.ndarray]


def read(
    kept: Mapping[str, np.ndarray],
    found: list[Layer],
    framework: Framework,
    rate: float | None,
    frozen: set[str],
) -> State | None:
    """The state; None where there is none.

    Args:
        kept: The optimiser's entries.
        found: The layers, each of one kind.
        framework: Whose names they are.
        rate: The learning rate, where the file does not say it.
        frozen: The names of layers that are not trained.

    Raises:
        UserError: An entry is not known, is missing, or not of its parameter's shape.
    """
    if not kept:
        return None
    parameters = {
        raw: layer.own[own_name]
        for layer in found
        for own_name, raw in layer.raw.items()
        if own_name not in statistics(layer.kinds[0], framework)
    }
    places = {name: _place(name, parameters, framework) for name in kept}
    by_slot: dict[str, Arrays] = {}
    for name, place in places.items():
        if place.parameter:
            _check(name, kept[name], parameters[place.parameter], place)
            by_slot.setdefault(place.slot, {})[place.parameter] = kept[name]
    common = {
        name: float(kept[name])
        for name, place in places.items()
        if not place.parameter or place.slot == "step"
    }
    by_slot.pop("step", None)
    kind = _kind(set(by_slot), framework)
    step = _step({name: n for name, n in common.items() if places[name].slot != "learning_rate"})
    own_rate = next((n for name, n in common.items() if places[name].slot == "learning_rate"), rate)
    if rate is not None and own_rate != rate:
        raise UserError(
            f"--learning-rate must be what the file says, {own_rate:g}; received {rate:g}; leave "
            "it out"
        )
    slots = {
        ours: _slot(by_slot[theirs], found, framework, theirs, frozen)
        for ours, theirs in zip(KINDS[kind], SLOTS[framework][kind], strict=True)
    }
    state = State(kind, step, own_rate, slots)
    if framework == "keras" and kind == "momentum":
        scale = keras_scale(state)
        return mapped(state, lambda a: a / a.dtype.type(scale))
    return state


@dataclass(frozen=True)
class _Kept:
    """An entry: the slot, and the parameter's name in the file; empty for what is of all."""

    slot: str
    parameter: str


def _place(name: str, parameters: Mapping[str, np.ndarray], framework: Framework) -> _Kept:
    found = {"torch": _torch, "keras": _keras, "jax": _jax}[framework](name, parameters)
    if found is None:
        slots = sorted(
            {slot for slots in SLOTS[framework].values() for slot in slots} | set(STEPS[framework])
        )
        raise UserError(
            f"an optimiser's entry must be one of {', '.join(slots)} of a parameter; received "
            f"{shown(name)}; leave it out"
        )
    return found


def _torch(name: str, parameters: Mapping[str, np.ndarray]) -> _Kept | None:
    parameter, _, slot = name.removeprefix("optimizer.").rpartition(".")
    known = slot == "step" or any(slot in slots for slots in SLOTS["torch"].values())
    return _Kept(slot, parameter) if known and parameter in parameters else None


def _keras(name: str, parameters: Mapping[str, np.ndarray]) -> _Kept | None:
    rest = name.partition("/")[2]
    if rest in STEPS["keras"]:
        return _Kept(rest, "")
    whole, _, slot = rest.rpartition("_")
    named = {raw.replace("/", "_"): raw for raw in parameters}
    return (
        _Kept(slot, named[whole]) if slot in ("momentum", "velocity") and whole in named else None
    )


def _jax(name: str, parameters: Mapping[str, np.ndarray]) -> _Kept | None:
    mark = "/" if "/" in name else "."
    words = name.split(mark)
    at = next((at for at, word in enumerate(words) if word in ("mu", "nu", "trace")), None)
    if words[-1] == "count" and at is None:
        return _Kept("count", "")
    if at is None:
        return None
    rest = mark.join(words[at + 1 :])
    raw = next((raw for raw in (rest, f"params{mark}{rest}") if raw in parameters), None)
    return _Kept(words[at], raw) if raw else None


def _check(name: str, a: np.ndarray, parameter: np.ndarray, place: _Kept) -> None:
    if place.slot == "step":
        return
    if a.shape != parameter.shape or a.dtype not in FLOATS:
        wanted = f"{list(parameter.shape)} in floating point, as {place.parameter} is"
        raise UserError(
            f"{shown(name)} must be {wanted}; received {list(a.shape)} of {a.dtype}; save both at "
            "one time"
        )
    if not np.isfinite(a).all():
        raise UserError(
            f"{shown(name)} must be finite; received what is not; no state is carried that diverged"
        )


def _kind(slots: set[str], framework: Framework) -> str:
    for kind, theirs in SLOTS[framework].items():
        if set(theirs) == slots:
            return kind
    known = "; ".join(f"{kind} {', '.join(theirs)}" for kind, theirs in SLOTS[framework].items())
    raise UserError(
        f"an optimiser's slots must be those of one that is known ({known}); received "
        f"{', '.join(sorted(slots))}"
    )


def _step(counts: Mapping[str, float]) -> int | None:
    for name, n in counts.items():
        first = next(iter(counts.values()))
        if n != first or n != int(n) or n < 0:
            raise UserError(
                f"all parameters must have taken as many steps; {shown(name)} is {n:g}, another "
                f"{first:g}"
            )
    return int(next(iter(counts.values()))) if counts else None


def _slot(
    given: Arrays, found: list[Layer], framework: Framework, slot: str, frozen: set[str]
) -> dict[Path, Arrays]:
    slots: dict[Path, Arrays] = {}
    for layer in found:
        kept = statistics(layer.kinds[0], framework)
        wanted = {
            name: raw
            for name, raw in layer.raw.items()
            if name not in kept and layer.name not in frozen
        }
        there = {name: given[raw] for name, raw in wanted.items() if raw in given}
        second = "bias_hh" if layer.kinds[0] in ("lstm", "rnn") else ""
        lacking = [raw for name, raw in wanted.items() if raw not in given and name != second]
        if lacking:
            raise UserError(
                f"the optimiser must keep {slot} of {shown(lacking[0])}; received none; save it "
                f"whole, or say --frozen {layer.name}"
            )
        if there:
            slots[layer.path] = canonical(replace(layer, own=there), framework, layer.kinds[0])
    return slots
