"""Gradient, though the values agree.

Cut, or on one way of two, scaled, of another derivative, or none for a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Side, Stage, flat
from experiments.causes._change import close, code, cure, told
from experiments.causes._derivatives import another
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"backward"})
PAGE = None
ENOUGH = 12
"""Elements that have to agree on one number."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    yield from _parameters(case)
    yield from _more_parameters(case)
    mine, its = case.reference.gradient, case.port.gradient
    if mine is None or not np.any(mine):
        return
    yield from _cut(case, mine)
    if its is not None and its.shape == mine.shape and np.any(its):
        yield from _ways(case, mine)
        yield from another(case, mine, its)
        yield from _scaled(case, mine, its)


def _reaches(side: Side) -> bool:
    return side.gradient is not None and bool(np.any(side.gradient))


def _parameters(case: Case) -> Iterator[Hypothesis]:
    """Those that get no gradient, or are not to be trained."""
    mine, its = case.reference, case.port
    if _reaches(mine) and not _reaches(its):
        return  # what does not reach the output reaches no parameter: it is cut behind them
    names = [
        name
        for name, gradient in mine.gradients.items()
        if gradient is not None and np.any(gradient) and name in its.gradients
    ]
    lost = [
        name for name in names if its.gradients[name] is None or not np.any(its.gradients[name])
    ]  # type: ignore[arg-type]
    if not lost:
        return
    frozen = all(not its.trainable.get(name, True) for name in lost)
    word = "frozen" if frozen else "without a gradient"
    said = (
        f"{' and '.join(lost).capitalize()} of {mine.path}: trained in the reference, {word} in "
        "the port."
    )
    line = cure(
        case,
        "layer.requires_grad_(True)",
        "layer.trainable = True",
        "jax.value_and_grad(loss)(params)",
        "flax.nnx.value_and_grad(loss)(model)",
    )
    left = [name for name in names if name not in lost]
    yield Hypothesis(
        "frozen",
        said,
        line,
        lambda: _of(mine, names, left),
        wanted=lambda: _of(its, names, names),
        plain=lambda: _of(mine, names, names),
    )


def _more_parameters(case: Case) -> Iterator[Hypothesis]:
    """Those that get a gradient in the port alone: a buffer, or a frozen one, that it trains."""
    mine, its = case.reference, case.port
    reached = [
        name
        for name, gradient in its.gradients.items()
        if gradient is not None and np.any(gradient)
    ]
    more = [
        name
        for name in reached
        if name in {*mine.parameters, *mine.statistics} and mine.gradients.get(name) is None
    ]
    if not more:
        return
    buffers = set(more) <= set(mine.statistics)
    frozen = not any(mine.trainable.get(name, True) for name in more)
    word = "no parameter" if buffers else "frozen" if frozen else "without a gradient"
    where = f" of {mine.path}" if mine.path else ""
    said = f"{' and '.join(more)}{where}: {word} in the reference, trained in the port."
    line = cure(
        case,
        "parameter.requires_grad_(False)",
        "layer.trainable = False",
        "jax.lax.stop_gradient(parameter)",
    )
    found = flat([np.asarray(its.gradients[name]) for name in more])
    yield Hypothesis(
        "trained",
        said,
        line,
        lambda: found,
        wanted=lambda: found,
        plain=lambda: np.zeros(found.shape),
    )


def _of(side: Side, names: list[str], kept: list[str]) -> np.ndarray:
    """The gradients, with 0 for what is not kept or is not there."""
    return flat(
        [
            _or_zeros(side, name) if name in kept else np.zeros(side.parameters[name].shape)
            for name in names
        ]
    )


def _or_zeros(side: Side, name: str) -> np.ndarray:
    gradient = side.gradients[name]
    return np.zeros(side.parameters[name].shape) if gradient is None else gradient


def _cut(case: Case, mine: np.ndarray) -> Iterator[Hypothesis]:
    where = case.reference.path or case.reference.kind
    said = f"Gradient of {where}: it comes through in the reference, it is cut in the port."
    line = cure(
        case,
        "y = x  # not x.detach()",
        "y = x  # not keras.ops.stop_gradient(x)",
        "y = x  # not jax.lax.stop_gradient(x)",
    )
    yield Hypothesis("detached", said, line, lambda: np.zeros(mine.shape))


def _ways(case: Case, mine: np.ndarray) -> Iterator[Hypothesis]:
    """Of a sum of two ways back, one is cut."""
    where = case.reference.path or case.reference.kind
    line = cure(
        case,
        "y = f(x) + x  # without detach",
        "y = f(x) + x  # without stop_gradient",
        "y = f(x) + x  # without stop_gradient",
    )
    for follower in case.follows:
        back = _back(case, follower)
        if (
            back is None
            or back.shape != mine.shape
            or not varied(back, ENOUGH)
            or follower.kind == "activation"
        ):
            continue
        said = (
            f"Gradient of {where}: by two ways in the reference; in the port only by "
            f"{follower.path}, the other is cut."
        )
        yield Hypothesis("way", said, line, lambda back=back: back)
        said = (
            f"Gradient of {where}: by two ways in the reference; the one by {follower.path} is cut "
            "in the port."
        )
        yield Hypothesis("way", said, line, lambda back=back: mine - back)


def _back(case: Case, follower: Side) -> np.ndarray | None:
    """What a sum hands back, which is all that it gets.

    Of a concatenation the part that is of this place.
    """
    output, gradient = case.reference.output, follower.gradient
    if follower.kind != "concatenate" or gradient is None or output is None:
        return gradient
    axis = int(follower.config.get("axis", -1))
    start = 0
    for each in follower.inputs:
        end = start + each.shape[axis]
        if each.shape == output.shape and close(each, output, 1e-12):
            return np.take(gradient, range(start, end), axis)
        start = end
    return None


def _scaled(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    if not varied(mine, ENOUGH):
        return
    factor = float(f"{float(np.vdot(mine, its) / np.vdot(mine, mine)):.9g}")
    where = case.reference.path or case.reference.kind
    said = f"Gradient of {where}: {told(factor)} times as large in the port."
    yield Hypothesis(
        "scaled",
        said,
        f"gradient = gradient / {code(factor)}",
        lambda: factor * mine,
        solved=True,
        rank=1,
    )
