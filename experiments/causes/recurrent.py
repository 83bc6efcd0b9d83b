"""Recurrent layers.

The order of gates, their activations and biases, the reset of a GRU, the direction, what is
returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import configured, cure, having, held_line, told, value, without
from experiments.causes._hypothesis import Hypothesis, varied
from experiments.causes._recurrent_lines import alternative_of, line_of
from experiments.causes._recurrent_returned import returned

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = "docs/migration/recurrent.md"
GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}
FUNCTIONS = ("hard_sigmoid", "hard_sigmoid_fifth", "relu", "tanh", "sigmoid", "softsign", "linear")


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if (
        side.kind != "recurrent"
        or not side.inputs
        or side.output is None
        or not varied(side.output)
    ):
        return
    if side.config.get("cell") in GATES and {"kernel", "recurrent"} <= side.parameters.keys():
        yield from _gates(case)
        yield from _functions(case)
        yield from _biases(case)
        yield from _direction(case)
        yield from returned(case)


def _gates(case: Case) -> Iterator[Hypothesis]:
    """The blocks of the arrays, read in another order; the update gate, read as what is kept."""
    side = case.reference
    letters = GATES[side.config["cell"]]
    line = held_line(case)
    for order in permutations(range(len(letters))):
        if order == tuple(range(len(letters))):
            continue
        words = ", ".join(letters[each] for each in order)
        said = (
            f"Order of the gates of {side.path}: {', '.join(letters)} in the reference, {words} in "
            "their places in the port."
        )
        yield alternative_of(case, "gates", said, line, _permuted(side, list(order)))
    if side.config["cell"] == "gru":
        sign = np.array([1, -1, 1])
        arrays = {
            name: array * sign.reshape(-1, *[1] * (array.ndim - 1))
            for name, array in side.parameters.items()
        }
        said = (
            f"Update gate of {side.path}: z keeps the old state in the reference, 1 - z does in "
            "the port."
        )
        yield alternative_of(case, "update", said, line_of(case), replace(side, parameters=arrays))
    said = f"Recurrent weights of {side.path}: [from, to] in the reference, transposed in the port."
    turned = having(side, recurrent=side.parameters["recurrent"].swapaxes(-1, -2))
    yield alternative_of(case, "transposed", said, line, turned)


def _permuted(side: Side, order: list[int]) -> Side:
    count = len(order)
    return replace(
        side, parameters={n: a[order] if len(a) == count else a for n, a in side.parameters.items()}
    )


def _functions(case: Case) -> Iterator[Hypothesis]:
    """Of the gates, and of the state; and where the reset gate stands."""
    side = case.reference
    for name, usual, keras, flax in (
        ("gate_activation", "sigmoid", "recurrent_activation", "gate_fn"),
        ("activation", "tanh", "activation", "activation_fn"),
    ):
        mine = side.config.get(name) or usual
        if side.config["cell"] == "rnn" and name == "gate_activation":
            continue
        for its in FUNCTIONS:
            if its != mine:
                word = name.replace("_", " ").capitalize()
                said = f"{word} of {side.path}: {mine} in the reference, {its} in the port."
                line = line_of(
                    case,
                    f"{keras}={mine!r}",
                    "",
                    f"{flax}=jax.numpy.{mine}" if mine == "tanh" else f"{flax}=jax.nn.{mine}",
                )
                yield alternative_of(case, name, said, line, configured(side, **{name: its}))
    if side.config["cell"] == "gru":
        after = bool(side.config.get("reset_after", True))
        words = {True: "after the product", False: "before the product"}
        said = (
            f"Reset gate of {side.path}: {words[after]} in the reference, {words[not after]} in "
            "the port."
        )
        line = line_of(case, f"reset_after={after}")
        yield alternative_of(case, "reset", said, line, configured(side, reset_after=not after))


def _biases(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    bias = side.parameters.get("bias")
    second = side.parameters.get("recurrent_bias")
    where = side.path
    line = line_of(case, "use_bias=True", "bias=True")
    if bias is not None:
        said = f"Bias of {where}: there in the reference, missing in the port."
        yield alternative_of(case, "bias", said, line, without(side, "bias", "recurrent_bias"))
        yield alternative_of(case, "bias", said, line, without(side, "bias"))
        said = f"Bias of {where}: added once in the reference, twice in the port."
        yield alternative_of(case, "bias_twice", said, line, having(side, bias=2 * bias))
        yield from _forget(case, bias)
    if second is not None:
        said = (
            f"Second bias of {where}, within the reset: there in the reference, missing in the "
            "port."
        )
        yield alternative_of(case, "second_bias", said, line, without(side, "recurrent_bias"))
        folded = {
            name: array for name, array in side.parameters.items() if name != "recurrent_bias"
        }
        said = (
            f"Second bias of {where}: within the reset in the reference, added outside of it in "
            "the port."
        )
        folded["bias"] = second + (np.zeros(second.shape) if bias is None else bias)
        yield alternative_of(case, "second_bias", said, line, replace(side, parameters=folded))


def _forget(case: Case, bias: np.ndarray) -> Iterator[Hypothesis]:
    """The 1 that some cells add to the forget gate by themselves."""
    side = case.reference
    if side.config["cell"] != "lstm":
        return
    for more in (1.0, -1.0):
        moved = bias.copy()
        moved[1] += more
        said = (
            f"Bias of the forget gate of {side.path}: as it stands in the reference, {told(more)} "
            "added to it in the port."
        )
        yield alternative_of(
            case,
            "forget_bias",
            said,
            line_of(case, "unit_forget_bias=False"),
            having(side, bias=moved),
        )


def _direction(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    back = bool(side.config.get("backwards"))
    words = {True: "backwards", False: "forwards"}
    said = (
        f"Direction of {side.path}: {words[back]} in the reference, {words[not back]} in the port."
    )
    line = cure(
        case,
        "torch.flip(x, (1,))",
        f"keras.layers.LSTM(..., go_backwards={back})",
        f"flax.linen.RNN(..., reverse={back})",
    )
    line = (
        line.replace("keras.layers.LSTM(", line_of(case).split("(")[0] + "(")
        if case.port.dialect == "keras"
        else line
    )
    other = configured(side, backwards=not back)
    yield alternative_of(case, "direction", said, line, other)
    if side.output is not None and side.output.ndim == 3:
        mirrored = (
            f"Outputs of {side.path}: in the order of the inputs in the reference, backwards in "
            "the port."
        )
        yield _mirrored(case, "direction", said, line, other)
        yield _mirrored(case, "order", mirrored, line, side)
        yield from _batch_first(case)


def _mirrored(case: Case, name: str, said: str, line: str, side: Side) -> Hypothesis:
    return Hypothesis(name, said, line, lambda: value(side)()[:, ::-1], value(case.reference))


def _batch_first(case: Case) -> Iterator[Hypothesis]:
    """Time is taken for the batch."""
    side = case.reference
    turned = replace(side, inputs=(side.inputs[0].swapaxes(0, 1),))
    said = (
        f"Axes of {side.path}: [batch, time, feature] in the reference, [time, batch, feature] in "
        "the port."
    )
    line = line_of(case, "", "batch_first=True")
    yield Hypothesis("batch_first", said, line, lambda: value(turned)().swapaxes(0, 1), value(side))
    if turned.inputs[0].shape == side.inputs[0].shape:
        # what comes out is turned back
        yield Hypothesis("batch_first", said, line, value(turned), value(side))
