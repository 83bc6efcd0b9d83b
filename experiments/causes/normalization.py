"""Normalization: epsilon, the statistics it takes, what it runs over, multiplies and adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, code, configured, cure, told, value, without
from experiments.causes._definition.activation import number
from experiments.causes._definition.normalization import scaled
from experiments.causes._hypothesis import Hypothesis, varied
from experiments.causes._normalization_axes import axes
from experiments.causes._norms import KINDS, centred_of, line_of

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = "docs/migration/normalization.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if side.kind not in KINDS or not side.inputs or side.output is None or not varied(side.output):
        return
    yield from _epsilon(case)
    yield from _statistics(case)
    yield from _affine(case)
    yield from _groups(case)
    yield from axes(case)
    yield from _others(case)


def solved_epsilon(side: Side, output: np.ndarray) -> float | None:
    """The epsilon of an output, the median over its elements; those that are large tell it best."""
    centred, variance = centred_of(side)
    if output.shape != centred.shape:
        return None
    scale = side.parameters.get("scale", np.ones(()))
    shift = side.parameters.get("shift", np.zeros(()))
    with np.errstate(all="ignore"):
        each = np.square(centred * scale / (output - shift)) - variance
    large = np.abs(centred) >= np.median(np.abs(centred))
    kept = each[large & np.isfinite(each)]
    found = float(np.median(kept)) if kept.size else -1.0
    return found if found >= 0 else None


def _epsilon(case: Case) -> Iterator[Hypothesis]:
    side, output = case.reference, case.port.output
    found = None if output is None else solved_epsilon(side, output)
    if found is None:
        return
    found = float(f"{found:.6g}")
    mine = number(side.config, "epsilon")
    said = (
        f"Epsilon of {KINDS[side.kind]}: {told(mine)} in the reference, {told(found)} in the port "
        "(solved from the outputs)."
    )
    text = code(mine)
    line = line_of(case, f"eps={text}", f"epsilon={text}", f"epsilon={text}")
    yield alternative(case, "epsilon", said, line, configured(side, epsilon=found), solved=True)


def _statistics(case: Case) -> Iterator[Hypothesis]:
    """Of batch norm: the batch's or the running ones, biased or not, carried or not."""
    side = case.reference
    if side.kind != "batch_norm":
        return
    batch = bool(side.config.get("batch", True))
    words = ("the batch's", "the running ones") if batch else ("the running ones", "the batch's")
    said = (
        f"Statistics that batch norm uses: {words[0]} in the reference, {words[1]} in the port "
        f"({_mode(batch)} mode)."
    )
    line = cure(
        case,
        f"model.train({batch})",
        f"model(x, training={batch})",
        f"flax.linen.BatchNorm(use_running_average={not batch})",
    )
    yield alternative(case, "evaluation", said, line, configured(side, batch=not batch))
    count = side.inputs[0].size // side.inputs[0].shape[-1]
    if batch and count > 1:
        said = (
            f"Variance of batch norm: biased (over {count}) in the reference, unbiased (over "
            f"{count - 1}) in the port."
        )
        yield _unbiased(case, said, line_of(case), (count - 1) / count)
    if not batch:
        yield from _running(case)


def _mode(batch: bool) -> str:
    return "it is in evaluation" if batch else "it is in training"


def _unbiased(case: Case, said: str, line: str, share: float) -> Hypothesis:
    """Dividing by n - 1: as if variance and epsilon were larger, and the epsilon not."""
    side = case.reference
    epsilon = number(side.config, "epsilon")
    centred, variance = centred_of(side)

    def port() -> np.ndarray:
        return scaled(centred / np.sqrt(variance / share + epsilon), side.parameters)

    return Hypothesis("unbiased", said, line, port, value(side))


def _running(case: Case) -> Iterator[Hypothesis]:
    """Running statistics that were left as they start, or put in each other's place."""
    side = case.reference
    fresh = {
        "mean": np.zeros(side.inputs[0].shape[-1]),
        "variance": np.ones(side.inputs[0].shape[-1]),
    }
    said = (
        "Running statistics of batch norm: carried into the reference, still 0 and 1 in the port."
    )
    layer = (side.path or "layer").replace(".", "_")
    line = cure(
        case,
        (
            'layer.load_state_dict({"weight": scale, "bias": shift, "running_mean": mean, '
            '"running_var": variance}, strict=False)'
        ),
        "layer.set_weights([scale, shift, mean, variance])",
        f'variables["batch_stats"]["{layer}"] = {{"mean": mean, "var": variance}}',
        "layer.mean[...], layer.var[...] = mean, variance",
    )
    yield alternative(case, "statistics", said, line, replace(side, statistics=fresh))
    yield from _argument_order(case, line)


def _argument_order(case: Case, line: str) -> Iterator[Hypothesis]:
    """Scale, shift, mean and variance, given in another order."""
    side = case.reference
    names = ("scale", "shift", "mean", "variance")
    arrays = {**side.parameters, **side.statistics}
    if not all(name in arrays for name in names):
        return
    for order in permutations(names):
        if order == names or np.any(arrays[order[3]] < 0):
            continue
        given = dict(zip(names, (arrays[name] for name in order), strict=True))
        said = (
            f"Arrays of batch norm: {', '.join(names)} in the reference, {', '.join(order)} in "
            "their places in the port."
        )
        parts = ({n: given[n] for n in names[:2]}, {n: given[n] for n in names[2:]})
        yield alternative(
            case, "order", said, line, replace(side, parameters=parts[0], statistics=parts[1])
        )


def _affine(case: Case) -> Iterator[Hypothesis]:
    """Scale or shift that are not there; the whole normalization that is not there."""
    side, kind = case.reference, KINDS[case.reference.kind]
    every = line_of(
        case,
        "" if side.kind == "rms_norm" else "affine=True",
        "center=True, scale=True",
        "use_bias=True, use_scale=True",
    )
    every = every.replace("LayerNorm(..., affine=True", "LayerNorm(..., elementwise_affine=True")
    if side.kind == "rms_norm":
        every = line_of(case, "elementwise_affine=True", "", "use_scale=True")
    for names in (("scale",), ("shift",), ("scale", "shift")):
        if all(name in side.parameters for name in names):
            said = (
                f"{' and '.join(names).capitalize()} of {kind}: trained in the reference, missing "
                "in the port."
            )
            yield alternative(case, "_and_".join(names), said, every, without(side, *names))
    if "scale" in side.parameters:
        said = f"Scale of {kind}: it multiplies in the reference, 1 + scale does in the port."
        more = replace(side, parameters={**side.parameters, "scale": side.parameters["scale"] + 1})
        yield alternative(case, "offset", said, every, more, rank=1)
    said = (
        f"{kind.capitalize()}: there in the reference, missing in the port, which hands on what "
        "goes in."
    )
    yield Hypothesis("missing", said, line_of(case), lambda: side.inputs[0], value(side))


def _groups(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    if side.kind != "group_norm":
        return
    channels = side.inputs[0].shape[-1]
    mine = int(number(side.config, "groups"))
    for groups in range(1, channels + 1):
        if channels % groups == 0 and groups != mine:
            said = f"Groups of group norm: {mine} in the reference, {groups} in the port."
            line = line_of(case, f"num_groups={mine}", f"groups={mine}", f"num_groups={mine}")
            yield alternative(case, "groups", said, line, configured(side, groups=groups))


def _others(case: Case) -> Iterator[Hypothesis]:
    """Another normalization with the same scale and shift."""
    side = case.reference
    channels = case.reference.inputs[0].shape[-1]
    instance = configured(replace(side, kind="group_norm"), groups=channels)
    forms = {
        KINDS[kind]: configured(replace(side, kind=kind), axes=None, batch=True, groups=1)
        for kind in KINDS
    }
    forms |= {"instance norm": instance, "group norm of one group": forms.pop("group norm")}
    for name, form in forms.items():
        if name != KINDS[side.kind]:
            for words, lost in (
                ("", ()),
                (" without a shift", ("shift",)),
                (" without scale and shift", ("scale", "shift")),
            ):
                if all(each in side.parameters for each in lost):
                    said = (
                        f"Normalization: {KINDS[side.kind]} in the reference, {name}{words} in the "
                        "port."
                    )
                    yield alternative(case, "kind", said, line_of(case), without(form, *lost))
    yield from _outside(case)


def _outside(case: Case) -> Iterator[Hypothesis]:
    """Epsilon added to the root, not below it."""
    side = case.reference
    epsilon = number(side.config, "epsilon")
    centred, variance = centred_of(side)
    said = (
        f"Epsilon of {KINDS[side.kind]}: below the root in the reference, added to it in the port."
    )

    def port() -> np.ndarray:
        return scaled(centred / (np.sqrt(variance) + epsilon), side.parameters)

    yield Hypothesis("outside", said, line_of(case), port, value(side), rank=1)
