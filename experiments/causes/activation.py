"""Activation: another function, another slope or alpha, the other GELU, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._activation_lines import NUMBERS, SINGLE, TORCH, line
from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, configured, cure, told, value
from experiments.causes._definition.activation import (
    FIXED,
    gelu,
    gelu_tanh,
    hard_sigmoid_fifth,
    log_softmax,
    softmax,
)
from experiments.causes._gelu import forms_of_gelu, of_values
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = "docs/migration/activation.md"


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side, output = case.reference, case.port.output
    if side.output is None or output is None or not varied(output):
        return
    if side.kind == "activation" and side.inputs:
        yield from _solved(case)
        yield from _others(case)
        yield from forms_of_gelu(case)
        yield from _shape(case)
    elif not case.partial:
        yield from _added(case)


def _solved(case: Case) -> Iterator[Hypothesis]:
    """The slope, or ELU's alpha."""
    if case.port.output is not None:
        for config in _own_numbers(case.reference.inputs[0], case.port.output):
            key = NUMBERS[config["name"]]
            yield _number(case, config["name"], key, config[key])


def _number(case: Case, name: str, key: str, found: float) -> Hypothesis:
    side = case.reference
    mine = side.config.get(key)
    found = float(f"{found:.10g}")
    if side.config.get("name") == name and mine is not None:
        said = (
            f"{key.capitalize()} of {name}: {told(mine)} in the reference, {told(found)} in the "
            "port (solved from the outputs)."
        )
    else:
        said = (
            f"Activation: {side.config.get('name')} in the reference, {name} with {key} "
            f"{told(found)} in the port (solved)."
        )
    note = (
        SINGLE
        if mine is not None and abs(found - float(np.float32(mine))) <= 1e-9 * abs(found)
        else ""
    )
    other = replace(side, config={"name": name, key: found})
    return alternative(case, key, said, line(case), other, solved=True, note=note)


def _others(case: Case) -> Iterator[Hypothesis]:
    """Every function that has no number of its own.

    The port's own first, then none, for others do nothing to small numbers.
    """
    side = case.reference
    stated = case.port.config.get("name")
    mine = side.config.get("name")
    names = dict.fromkeys(["identity", *FIXED, "gelu", "softmax", "log_softmax"])
    for name in sorted(names, key=lambda each: each != stated):
        if name == mine:
            continue
        missing = name == "identity"
        its = "missing" if missing else name
        said = f"Activation: {mine} in the reference, {its} in the port."
        other = replace(side, config={"name": name})
        yield alternative(case, "missing" if missing else "kind", said, line(case), other)
    fifth = (
        f"Activation: {mine} in the reference, the hard sigmoid of Keras 2, x / 5 + 1 / 2, in the "
        "port."
    )
    yield Hypothesis(
        "kind", fifth, line(case), lambda: hard_sigmoid_fifth(side.inputs[0]), value(side)
    )
    yield from _twice(case)


def _twice(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    said = f"Activation: {side.config.get('name')} once in the reference, twice in the port."
    yield Hypothesis(
        "twice",
        said,
        line(case),
        lambda: value(replace(side, inputs=(value(side)(),)))(),
        value(side),
    )


def _shape(case: Case) -> Iterator[Hypothesis]:
    """Softmax over another axis; PReLU with one slope for all."""
    side = case.reference
    if side.config.get("name") in ("softmax", "log_softmax"):
        mine = int(side.config.get("axis", -1))
        ndim = side.inputs[0].ndim
        for axis in range(ndim):
            if axis != mine % ndim:
                said = (
                    f"Axis of {side.config['name']}: {mine % ndim} in the reference, {axis} in the "
                    "port (channels last)."
                )
                name = side.config["name"]
                row = cure(
                    case,
                    f"torch.nn.{TORCH[name]}(dim=1)",
                    f"keras.ops.{name}(x, axis=-1)",
                    f"jax.nn.{name}(x, axis=-1)",
                )
                yield alternative(case, "axis", said, row, configured(side, axis=axis))
    slope = side.parameters.get("slope")
    if slope is not None and slope.size > 1:
        said = (
            f"Slope of prelu: {slope.size} of them in the reference, their first for all in the "
            "port."
        )
        yield alternative(
            case, "shared", said, line(case), replace(side, parameters={"slope": slope.ravel()[:1]})
        )


def _added(case: Case) -> Iterator[Hypothesis]:
    """The port applies one where the reference has none, or the other way round."""
    mine, its = case.reference.output, case.port.output
    assert mine is not None
    assert its is not None
    if mine.shape != its.shape:
        return
    row = cure(case, "torch.nn.Identity()", "keras.activations.linear(x)", "jax.nn.identity(x)")
    others = {
        "gelu": gelu,
        "gelu by tanh": gelu_tanh,
        "softmax": softmax,
        "log_softmax": log_softmax,
    }
    for name, form in {**FIXED, **others}.items():
        if name == "identity":
            continue
        said = f"Activation {_where(case.reference)}: none in the reference, {name} in the port."
        yield Hypothesis("added", said, row, of_values(form, mine))
    for config in _own_numbers(mine, its):
        said = (
            f"Activation {_where(case.reference)}: none in the reference, {_spelt(config)} in the "
            "port (solved)."
        )
        form = replace(
            case.reference, kind="activation", config=config, inputs=(mine,), parameters={}
        )
        yield Hypothesis("added", said, row, value(form), solved=True)
    for name, form in {**FIXED, "gelu": gelu}.items():
        if name == "identity":
            continue
        said = f"Activation {_where(case.reference)}: {name} in the reference, missing in the port."
        config = {"name": name}
        yield Hypothesis("missing", said, line(case, config), lambda: its, of_values(form, its))


def _own_numbers(x: np.ndarray, output: np.ndarray) -> Iterator[dict]:
    """Of what is x above 0, the slope below it, and ELU's alpha: medians over the elements."""
    low = x < 0
    if output.shape != x.shape or np.unique(x[low]).size < 3 or not np.any(x > 0):
        return
    for name, key, unit in (
        ("leaky_relu", "slope", x),
        ("elu", "alpha", np.expm1(np.minimum(x, 0))),
    ):
        found = float(np.median(output[low] / unit[low]))
        # else it is relu, or there is none
        if min(abs(found), abs(found - 1)) > 1e-12 or (name == "elu" and found):
            yield {"name": name, key: float(f"{found:.10g}")}


def _spelt(config: dict) -> str:
    return " ".join(
        str(word)
        for key, number in config.items()
        for word in ((number,) if key == "name" else (key, told(number)))
    )


def _where(side: Side) -> str:
    """Of a stretch between two places it is what goes into the second that differs."""
    if side.kind == "between":
        return f"in front of {side.path or 'the end'}"
    return f"behind {side.path or side.kind}"
