"""Precision.

Numbers of the port, or those that it comes from, are of a narrower type, and those of the reference
are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import alternative, configured, cure
from experiments.causes._definition.rounding import TYPES
from experiments.causes._hypothesis import Hypothesis, error, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
ENOUGH = 8
"""Elements: one in 2^29 of float64's numbers is one of float32's."""
DRIFT = 4096
"""Roundings that a result in the narrower type may be away from the right one."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    yield from _of_the_output(case)
    yield from _on_the_way(case)


def _of_the_output(case: Case) -> Iterator[Hypothesis]:
    """Every number of the port is one of the type."""
    mine, its = case.reference.output, case.port.output
    if (
        mine is None
        or its is None
        or mine.shape != its.shape
        or not varied(its, ENOUGH)
        or its.dtype.kind != "f"
    ):
        return
    for name, (rounded, epsilon) in TYPES.items():
        if (
            _exact(its, rounded)
            and not _exact(mine, rounded)
            and error(mine, its) < min(DRIFT * epsilon, 0.1)
        ):
            where = case.reference.path or case.reference.kind
            said = f"Precision at {where}: wider than {name} in the reference, {name} in the port."
            # rounding is not to be reproduced bit by bit: that all of its numbers are of the type
            # is the proof
            yield Hypothesis(name, said, _line(case), lambda its=its: its)
            return


def _on_the_way(case: Case) -> Iterator[Hypothesis]:
    """What goes in has been of the type for a while, or the weights have, or both.

    Then what comes out is not.
    """
    side = case.reference
    if (
        side.kind == "between"
        or not side.inputs
        or side.output is None
        or not varied(side.output, ENOUGH)
    ):
        return
    inputs = (
        {f"what goes into {side.path or side.kind}"}
        if any(x.dtype.kind == "f" for x in side.inputs)
        else set()
    )
    weights = {f"the weights of {side.path}"} if side.parameters else set()
    for name, (rounded, epsilon) in TYPES.items():
        if case.single and epsilon <= TYPES["float32"][1]:
            continue  # all of it is of the type
        for whats in dict.fromkeys(
            tuple(sorted(each)) for each in (inputs, weights, inputs | weights) if each
        ):
            form = replace(
                side,
                inputs=tuple(rounded(x) if x.dtype.kind == "f" else x for x in side.inputs)
                if inputs & set(whats)
                else side.inputs,
                parameters={n: rounded(a) for n, a in side.parameters.items()}
                if weights & set(whats)
                else side.parameters,
            )
            said = (
                f"Precision of {' and '.join(whats)}: wider than {name} in the reference, {name} "
                "in the port."
            )
            yield alternative(case, name, said, _line(case), form, rank=1)
        if side.kind == "attention":
            for what in ("scores", "weights"):
                said = (
                    f"Precision of the {what} of {side.path}: wider than {name} in the reference, "
                    f"{name} in the port."
                )
                yield alternative(
                    case, name, said, _line(case), configured(side, **{what: name}), rank=1
                )


def _line(case: Case) -> str:
    return cure(
        case,
        "model.double()",
        'keras.config.set_dtype_policy("float64")',
        "flax.linen.Dense(..., dtype=jax.numpy.float64, param_dtype=jax.numpy.float64)",
        "flax.nnx.Linear(..., dtype=jax.numpy.float64, param_dtype=jax.numpy.float64)",
    )


def _exact(values: np.ndarray, rounded: Callable[[np.ndarray], np.ndarray]) -> bool:
    return bool(np.array_equal(rounded(values), values))
