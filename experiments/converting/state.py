"""What an optimiser keeps from step to step: read, and written, by the laws of the parameters that it is of.

In the file it stands beside the weights: PyTorch's as `optimizer.0.weight.exp_avg` (parameter, then slot), Keras' by the paths
of `optimizer.variables`, optax' as `opt_state/0/mu/Dense_0/kernel` (`flax.serialization.to_state_dict`, flattened).

Trap: the velocity of PyTorch and optax is a sum of gradients; that of Keras is -learning_rate times it. Adam's two moments mean
the same in all three, but Keras' epsilon is added before the bias correction (`backends/keras/optimizer.py` shows the cure).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.errors import UserError, shown
from experiments.converting.layers import FLOATS, Layer, canonical, own, statistics
from experiments.converting.names import Path

Arrays = dict[str, np.ndarray]

KINDS = {"momentum": ("velocity",), "adam": ("first_moment", "second_moment"), "rmsprop": ("square_average",)}
"""The slots of each optimiser, as `common.countermeasures.optimizer.slots` calls them; Nesterov's and AdamW's are these."""

SLOTS = {
    "torch": {"momentum": ("momentum_buffer",), "adam": ("exp_avg", "exp_avg_sq"), "rmsprop": ("square_avg",)},
    "keras": {"momentum": ("momentum",), "adam": ("momentum", "velocity"), "rmsprop": ("velocity",)},
    "jax": {"momentum": ("trace",), "adam": ("mu", "nu"), "rmsprop": ("nu",)},
}
"""What the frameworks call them."""

STEPS = {"torch": ("step",), "keras": ("iteration", "learning_rate"), "jax": ("count",)}
"""What is kept of all parameters together."""

PREFIX = {"torch": "optimizer", "jax": "opt_state/0"}
KERAS = {"momentum": "sgd", "adam": "adam", "rmsprop": "rmsprop"}


@dataclass(frozen=True)
class State:
    """What is kept.

    Attributes:
        kind: One of `KINDS`.
        step: How many steps were taken; None where the framework does not count them.
        rate: The learning rate, where it is known.
        slots: By slot and layer, in canonical form.
    """

    kind: str
    step: int | None
    rate: float | None
    slots: dict[str, dict[Path, Arrays]]


def apart(arrays: Mapping[str, np.ndarray], framework: str) -> tuple[Arrays, Arrays]:
    """The weights, and what the optimiser keeps, by their names in the file."""
    begins = _beginnings(arrays, framework)
    kept = {name: a for name, a in arrays.items() if name.startswith(begins)}
    return {name: a for name, a in arrays.items() if name not in kept}, kept


def _beginnings(arrays: Mapping[str, np.ndarray], framework: str) -> tuple[str, ...]:
    match framework:
        case "torch":
            return ("optimizer.",)
        case "keras":
            counted = {name.partition("/")[0] for name in arrays if re.fullmatch(r"[^/]+/(iteration|learning_rate)", name)}
            return tuple(f"{name}/" for name in counted)
        case _:
            return ("opt_state/", "opt_state.")


@dataclass(frozen=True)
class _Kept:
    """An entry: the slot, and the parameter's name in the file; an empty one for what is of all together."""

    slot: str
    parameter: str


def read(
    kept: Mapping[str, np.ndarray], found: list[Layer], framework: str, rate: float | None, frozen: set[str]
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
    common = {name: float(kept[name]) for name, place in places.items() if not place.parameter or place.slot == "step"}
    by_slot.pop("step", None)
    kind = _kind(set(by_slot), framework)
    step = _step({name: n for name, n in common.items() if places[name].slot != "learning_rate"})
    own_rate = next((n for name, n in common.items() if places[name].slot == "learning_rate"), rate)
    if rate is not None and own_rate != rate:
        raise UserError(f"--learning-rate must be what the file says, {own_rate:g}; received {rate:g}; leave it out")
    slots = {
        ours: _slot(by_slot[theirs], found, framework, theirs, frozen)
        for ours, theirs in zip(KINDS[kind], SLOTS[framework][kind], strict=True)
    }
    state = State(kind, step, own_rate, slots)
    if framework == "keras" and kind == "momentum":
        scale = _scale(state)
        return _mapped(state, lambda a: a / a.dtype.type(scale))
    return state


def _place(name: str, parameters: Mapping[str, np.ndarray], framework: str) -> _Kept:
    found = {"torch": _torch, "keras": _keras, "jax": _jax}[framework](name, parameters)
    if found is None:
        slots = sorted({slot for slots in SLOTS[framework].values() for slot in slots} | set(STEPS[framework]))
        raise UserError(
            f"an optimiser's entry must be one of {', '.join(slots)} of a parameter; received {shown(name)}; leave it out"
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
    return _Kept(slot, named[whole]) if slot in ("momentum", "velocity") and whole in named else None


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
        raise UserError(f"{shown(name)} must be {wanted}; received {list(a.shape)} of {a.dtype}; save both at one time")
    if not np.isfinite(a).all():
        raise UserError(f"{shown(name)} must be finite; received what is not; no state is carried that diverged")


def _kind(slots: set[str], framework: str) -> str:
    for kind, theirs in SLOTS[framework].items():
        if set(theirs) == slots:
            return kind
    known = "; ".join(f"{kind} {', '.join(theirs)}" for kind, theirs in SLOTS[framework].items())
    raise UserError(f"an optimiser's slots must be those of one that is known ({known}); received {', '.join(sorted(slots))}")


def _step(counts: Mapping[str, float]) -> int | None:
    for name, n in counts.items():
        first = next(iter(counts.values()))
        if n != first or n != int(n) or n < 0:
            raise UserError(f"all parameters must have taken as many steps; {shown(name)} is {n:g}, another {first:g}")
    return int(next(iter(counts.values()))) if counts else None


def _slot(given: Arrays, found: list[Layer], framework: str, slot: str, frozen: set[str]) -> dict[Path, Arrays]:
    slots: dict[Path, Arrays] = {}
    for layer in found:
        kept = statistics(layer.kinds[0], framework)
        wanted = {name: raw for name, raw in layer.raw.items() if name not in kept and layer.name not in frozen}
        there = {name: given[raw] for name, raw in wanted.items() if raw in given}
        second = "bias_hh" if layer.kinds[0] in ("lstm", "rnn") else ""
        lacking = [raw for name, raw in wanted.items() if raw not in given and name != second]
        if lacking:
            raise UserError(
                f"the optimiser must keep {slot} of {shown(lacking[0])}; received none; save it whole, or say "
                f"--frozen {layer.name}"
            )
        if there:
            slots[layer.path] = canonical(replace(layer, own=there), framework, layer.kinds[0])
    return slots


def _scale(state: State) -> float:
    """What Keras' velocity is, in units of the others'."""
    if not state.rate:
        raise UserError(
            "Keras keeps -learning_rate times the velocity of the others, so the rate must be known; received none; "
            "give --learning-rate"
        )
    return -state.rate


def _mapped(state: State, function: Callable[[np.ndarray], np.ndarray]) -> State:
    slots = {
        slot: {path: {name: function(a) for name, a in arrays.items()} for path, arrays in layers.items()}
        for slot, layers in state.slots.items()
    }
    return replace(state, slots=slots)


def written(state: State, target: str, places: Mapping[Path, tuple[str, Layer]], like: Mapping[str, np.ndarray]) -> Arrays:
    """The entries of the state.

    Args:
        state: With what the target has a place for, its layers by the source's path.
        target: Whose names are wanted.
        places: The kind of each layer, and its counterpart in the target.
        like: The optimiser's entries of a file that the names are taken from.
    """
    if target == "keras" and state.kind == "momentum":
        scale = _scale(state)
        state = _mapped(state, lambda a: a * a.dtype.type(scale))
    prefix = _prefix(state, target, like)
    found: Arrays = {}
    trained: list[str] = []
    for ours, theirs in zip(KINDS[state.kind], SLOTS[target][state.kind], strict=True):
        for path, arrays in state.slots[ours].items():
            kind, there = places[path]
            for name, a in own(arrays, target, kind).items():
                trained.append(there.raw[name])
                found[_named(prefix, theirs, there.raw[name], target, like)] = a.reshape(there.own[name].shape)
    dtype = next(iter(found.values())).dtype if found else np.dtype("<f8")
    return found | _counted(state, target, prefix, trained) | _rate(state, target, prefix, like, dtype)


def _prefix(state: State, target: str, like: Mapping[str, np.ndarray]) -> str:
    match target:
        case "torch":
            return "optimizer"
        case "keras":
            return next((name.partition("/")[0] for name in like), KERAS[state.kind])
        case _:
            found = (re.match(r"(.*?)[/.](mu|nu|trace|count)\b", name) for name in like)
            return next((match[1] for match in found if match), PREFIX["jax"])


def _named(prefix: str, slot: str, raw: str, target: str, like: Mapping[str, np.ndarray]) -> str:
    match target:
        case "torch":
            return f"{prefix}.{raw}.{slot}"
        case "keras":
            return f"{prefix}/{raw.replace('/', '_')}_{slot}"
        case _:
            mark = "/" if "/" in raw else "."
            whole = mark.join([prefix, slot, raw])
            return whole if whole in like else mark.join([prefix, slot, raw.removeprefix(f"params{mark}")])


def _counted(state: State, target: str, prefix: str, trained: Sequence[str]) -> Arrays:
    step = state.step or 0
    match target:
        case "torch":
            counts = state.kind != "momentum"
            return {f"{prefix}.{raw}.step": np.array(step, "<f4") for raw in trained} if counts else {}
        case "keras":
            return {f"{prefix}/iteration": np.array(step, "<i8")}
        case _:
            return {f"{prefix}/count": np.array(step, "<i4")} if state.kind == "adam" else {}


def _rate(state: State, target: str, prefix: str, like: Mapping[str, np.ndarray], dtype: np.dtype) -> Arrays:
    """The learning rate, which Keras alone keeps; where it is not known that of the model that the state is for."""
    name = f"{prefix}/learning_rate"
    if target != "keras" or (state.rate is None and name not in like):
        return {}
    return {name: np.array(state.rate, dtype) if state.rate is not None else like[name]}
