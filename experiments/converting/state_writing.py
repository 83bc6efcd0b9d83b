"""An optimiser's state by the names that the target's library gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import assert_never

import numpy as np

from experiments.converting.canonical import own
from experiments.converting.laws import Framework
from experiments.converting.layer import Layer
from experiments.converting.names import Path
from experiments.converting.state import KINDS, SLOTS, State, keras_scale, mapped

Arrays = dict[str, np.ndarray]

PREFIX = {"torch": "optimizer", "jax": "opt_state/0"}

KERAS = {"sgd": "sgd", "momentum": "sgd", "adam": "adam", "rmsprop": "rmsprop"}


def written(
    state: State,
    target: Framework,
    places: Mapping[Path, tuple[str, Layer]],
    like: Mapping[str, np.ndarray],
) -> Arrays:
    """The entries of the state.

    Args:
        state: With what the target has a place for, its layers by the source's path.
        target: Whose names are wanted.
        places: The kind of each layer, and its counterpart in the target.
        like: The optimiser's entries of a file that the names are taken from.
    """
    if target == "keras" and state.kind == "momentum":
        scale = keras_scale(state)
        state = mapped(state, lambda a: a * a.dtype.type(scale))
    prefix = _prefix(state, target, like)
    found: Arrays = {}
    trained: list[str] = []
    for ours, theirs in zip(KINDS[state.kind], SLOTS[target][state.kind], strict=True):
        for path, arrays in state.slots[ours].items():
            kind, there = places[path]
            for name, a in own(arrays, target, kind).items():
                trained.append(there.raw[name])
                found[_named(prefix, theirs, there.raw[name], target, like)] = a.reshape(
                    there.own[name].shape
                )
    dtype = next(iter(found.values())).dtype if found else np.dtype("<f8")
    return (
        found | _counted(state, target, prefix, trained) | _rate(state, target, prefix, like, dtype)
    )


def _prefix(state: State, target: Framework, like: Mapping[str, np.ndarray]) -> str:
    match target:
        case "torch":
            return "optimizer"
        case "keras":
            return next((name.partition("/")[0] for name in like), KERAS[state.kind])
        case "jax":
            found = (re.match(r"(.*?)[/.](mu|nu|trace|count)\b", name) for name in like)
            return next((match[1] for match in found if match), PREFIX["jax"])
        case _:
            assert_never(target)


def _named(
    prefix: str, slot: str, raw: str, target: Framework, like: Mapping[str, np.ndarray]
) -> str:
    match target:
        case "torch":
            return f"{prefix}.{raw}.{slot}"
        case "keras":
            return f"{prefix}/{raw.replace('/', '_')}_{slot}"
        case "jax":
            mark = "/" if "/" in raw else "."
            whole = mark.join([prefix, slot, raw])
            return (
                whole
                if whole in like
                else mark.join([prefix, slot, raw.removeprefix(f"params{mark}")])
            )
        case _:
            assert_never(target)


def _counted(state: State, target: Framework, prefix: str, trained: Sequence[str]) -> Arrays:
    step = state.step or 0
    match target:
        case "torch":
            counts = state.kind != "momentum"
            return (
                {f"{prefix}.{raw}.step": np.array(step, "<f4") for raw in trained} if counts else {}
            )
        case "keras":
            return {f"{prefix}/iteration": np.array(step, "<i8")}
        case "jax":
            return {f"{prefix}/count": np.array(step, "<i4")} if state.kind == "adam" else {}
        case _:
            assert_never(target)


def _rate(
    state: State, target: Framework, prefix: str, like: Mapping[str, np.ndarray], dtype: np.dtype
) -> Arrays:
    """The learning rate, which Keras alone keeps.

    Where it is not known that of the model that the state is for.
    """
    name = f"{prefix}/learning_rate"
    if target != "keras" or (state.rate is None and name not in like):
        return {}
    return {name: np.array(state.rate, dtype) if state.rate is not None else like[name]}
