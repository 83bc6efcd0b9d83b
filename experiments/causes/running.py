"""Running statistics after a step: momentum, and whether the variance that goes in is unbiased."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Side, Stage, flat
from experiments.causes._change import code, cure, told
from experiments.causes._hypothesis import Hypothesis, Numbers

STAGES: frozenset[Stage] = frozenset({"step"})
PAGE = "docs/migration/normalization.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference, case.port
    if (
        mine.kind != "batch_norm"
        or not mine.inputs
        or {"mean", "variance"} - mine.after.keys() - its.after.keys()
    ):
        return
    own = solved(mine)
    if own is None or not {"mean", "variance"} <= its.after.keys() or len(its.after["mean"]) < 2:
        return
    plain = after(mine, *own)
    found = solved(its, mine)
    frozen = flat([mine.statistics["mean"], mine.statistics["variance"]])
    said = "Running statistics: moved in the reference, as they were in the port."
    line = cure(
        case,
        "model.train()",
        "model(x, training=True)",
        "model.apply(variables, x, mutable=['batch_stats'])",
        "model.train()",
    )
    yield Hypothesis("frozen", said, line, lambda: frozen, plain)
    if found is not None and found != own:
        yield from _numbers(case, own, found, plain)


def _numbers(
    case: Case, own: tuple[float, bool], found: tuple[float, bool], plain: Numbers
) -> Iterator[Hypothesis]:
    side = case.reference
    if found[0] != own[0]:
        said = (
            f"Momentum of batch norm, the share of the old value: {told(own[0])} in the reference, "
            f"{told(found[0])} in the port"
        )
        both = f"{said} (solved), and the variance is {_word(own[1])} against {_word(found[1])}."
        text = f"{said} (solved from the running mean)." if own[1] == found[1] else both
        yield Hypothesis(
            "momentum", text, _momentum(case, own[0]), after(side, *found), plain, solved=True
        )
    else:
        said = (
            f"Running variance of batch norm: {_word(own[1])} in the reference, {_word(found[1])} "
            "in the port."
        )
        note = (
            "PyTorch keeps the unbiased one, Keras and Flax the biased; outputs in training do not "
            "differ."
        )
        yield Hypothesis(
            "unbiased", said, _variance(case, own[1]), after(side, *found), plain, note=note
        )


def _word(unbiased: bool) -> str:
    return "unbiased" if unbiased else "biased"


def _momentum(case: Case, share: float) -> str:
    text = code(share)
    return cure(
        case,
        f"torch.nn.BatchNorm2d(..., momentum={code(1 - share)})",
        f"keras.layers.BatchNormalization(momentum={text})",
        f"flax.linen.BatchNorm(momentum={text})",
        f"flax.nnx.BatchNorm(..., momentum={text})",
    )


def _variance(case: Case, unbiased: bool) -> str:
    """No framework has a switch for it: the statistics are set after the layer has run."""
    share = "biased * count / (count - 1)" if unbiased else "unbiased * (count - 1) / count"
    moved = f"momentum * old + (1 - momentum) * {share}"
    return cure(
        case,
        f"layer.running_var.copy_({moved})",
        f"layer.moving_variance.assign({moved})",
        f'updated["batch_stats"]["layer"]["var"] = {moved}',
        f"layer.var[...] = {moved}",
    )


def batch(side: Side) -> tuple[np.ndarray, np.ndarray, int]:
    """The batch's own mean and biased variance, and over how many numbers they are."""
    x = side.inputs[0]
    axes = tuple(range(x.ndim - 1))
    return x.mean(axes), x.var(axes), x.size // x.shape[-1]


def after(side: Side, momentum: float, unbiased: bool) -> Numbers:
    """The statistics after one step, mean and variance."""
    mean, variance, count = batch(side)
    factor = count / (count - 1) if unbiased and count > 1 else 1.0
    moved = momentum * side.statistics["mean"] + (1 - momentum) * mean
    spread = momentum * side.statistics["variance"] + (1 - momentum) * factor * variance
    return lambda: flat([moved, spread])


def solved(side: Side, of: Side | None = None) -> tuple[float, bool] | None:
    """Momentum, by the running mean of all channels, and whether the variance is unbiased.

    None where they do not tell.
    """
    before = of or side
    mean, variance, count = batch(before)
    away = mean - before.statistics["mean"]
    if not np.any(away) or count < 2:
        return None
    share = float(
        np.vdot(away, side.after["mean"] - before.statistics["mean"]) / np.vdot(away, away)
    )
    momentum = float(f"{1 - share:.7g}")
    if abs(share) < 1e-9:
        return None
    fed = (side.after["variance"] - momentum * before.statistics["variance"]) / (1 - momentum)
    moved = variance > 0  # a channel that is the same everywhere does not tell
    if not moved.any():
        return None
    factor = float(np.median(fed[moved] / variance[moved]))
    return momentum, bool(abs(factor - count / (count - 1)) < abs(factor - 1))
