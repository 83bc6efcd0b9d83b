"""Precision: every number of the port is one of a narrower type, and those of the reference are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import cure
from experiments.causes._hypothesis import Hypothesis, error, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
ENOUGH = 8
"""Elements: one in 2^29 of float64's numbers is one of float32's."""
DRIFT = 4096
"""Roundings that a result in the narrower type may be away from the right one."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    if mine is None or its is None or mine.shape != its.shape or not varied(its, ENOUGH) or its.dtype.kind != "f":
        return
    for name, (rounded, epsilon) in TYPES.items():
        if _exact(its, rounded) and not _exact(mine, rounded) and error(mine, its) < min(DRIFT * epsilon, 0.1):
            where = case.reference.path or case.reference.kind
            said = f"Precision at {where}: wider than {name} in the reference, {name} in the port."
            # rounding is not to be reproduced bit by bit: that all of its numbers are of the type is the proof
            yield Hypothesis(name, said, _line(case), lambda its=its: its)
            return


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


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest numbers with 8 bits, to even where two are."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    near = (bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) & np.uint64(0xFFFF0000)
    return near.astype(np.uint32).view(np.float32).astype(np.float64)


def to_float16(values: np.ndarray) -> np.ndarray:
    """The nearest half-precision numbers; infinite beyond 65504."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float64)


def to_float32(values: np.ndarray) -> np.ndarray:
    """The nearest single-precision numbers."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


TYPES = {
    "bfloat16": (to_bfloat16, 2.0**-8),
    "float16": (to_float16, 2.0**-11),
    "float32": (to_float32, 2.0**-24),
}
"""The narrowest first: its numbers are the wider ones' too."""
