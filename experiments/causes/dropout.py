"""Dropout that is active: zeros here and there, and the rest that much larger."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import cure, told
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
ENOUGH = 24
"""Elements, of which some are kept and some are not, so that their share says something."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    if (
        mine is None
        or its is None
        or mine.shape != its.shape
        or np.count_nonzero(mine) < ENOUGH
        or not varied(mine)
    ):
        return
    lost = (its == 0) & (mine != 0)
    if not _is_a_relu(mine, lost):
        yield from _active(case, mine, its, lost)


def _active(
    case: Case, mine: np.ndarray, its: np.ndarray, lost: np.ndarray
) -> Iterator[Hypothesis]:
    kept = (mine != 0) & ~lost
    count = int(np.count_nonzero(mine))
    share = np.count_nonzero(lost) / count
    if not 0 < share < 1 or np.count_nonzero(kept) < 8:
        return
    factor = float(np.vdot(mine[kept], its[kept]) / np.vdot(mine[kept], mine[kept]))
    rate = 1 - 1 / factor if factor > 1 else 0.0  # every framework makes up for what is lost
    if not 0 < rate < 1 or abs(share - rate) > 4 * np.sqrt(rate * (1 - rate) / count):
        return
    rate = float(f"{rate:.6g}")
    said = (
        f"Dropout behind {case.reference.path or case.reference.kind}: off in the reference, "
        "active in the port"
    )
    said += f" with rate {told(rate)} (solved: {told(factor)} times what is kept)."
    line = cure(
        case,
        "torch.nn.functional.dropout(x, p=rate, training=model.training)",
        "model(x, training=False)",
        "flax.linen.Dropout(rate, deterministic=True)",
    )
    yield Hypothesis("active", said, line, lambda: np.where(lost, 0.0, factor * mine), solved=True)


def _is_a_relu(mine: np.ndarray, lost: np.ndarray) -> bool:
    """Whether all that is lost has one sign, and nothing kept has it: an activation does that."""
    negative = mine < 0
    return bool(np.array_equal(lost, negative) or np.array_equal(lost, mine > 0))
