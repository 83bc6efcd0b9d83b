"""Arrays that another framework has no place for, as they are added to one it has: second biases.

PyTorch's LSTM and simple cell add two biases; Keras and Flax have one, which gets the sum. Of a
GRU's second bias, which the reset gate multiplies, Flax has the candidate's part; those of the two
other gates are added to the first bias.

Trap: the gradient of both is the same, so PyTorch moves their sum twice as far in a step as the
others move the one bias. What an optimiser keeps of a second bias has no place, and is refused; a
second bias that is frozen has none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.errors import UserError, shown
from experiments.converting.laws import Framework

Arrays = dict[str, np.ndarray]

REMARKS = {
    ("rnn", "one"): (
        "two biases become their sum; PyTorch moves both in a step, so freeze bias_hh there for "
        "equal steps"
    ),
    ("rnn", "two"): (
        "bias_hh is 0 there: freeze it (requires_grad_(False)), or a step moves the sum twice as "
        "far"
    ),
    ("gru", "one"): (
        "the second bias of the gates r and z is added to the first; a step moved both there, and "
        "moves one here"
    ),
    ("gru", "two"): (
        "the second bias of the gates r and z is 0 there: mask its gradient, or a step moves the "
        "sum twice as far"
    ),
}
"""What is to be said: by the cell, and by how many biases the target has."""


def remark(
    kind: str, source: Framework, target: Framework, arrays: Mapping[str, np.ndarray]
) -> str | None:
    """What is to be said of the biases of a layer that is carried, given its canonical arrays.

    None where nothing is lost.
    """
    second = arrays.get("recurrent_bias")
    cell = "gru" if kind == "gru" else "rnn"
    if second is not None and _homeless(second, kind, target).any():
        return REMARKS[cell, "one"]
    alone = target == "torch" if cell == "rnn" else source == "jax"
    return (
        REMARKS[cell, "two"]
        if kind in ("lstm", "gru", "rnn") and "bias" in arrays and alone
        else None
    )


def folded(arrays: Arrays, kind: str, target: Framework) -> Arrays:
    """The canonical arrays of a layer as the target can have them."""
    second, bias = arrays.get("recurrent_bias"), arrays.get("bias")
    if kind not in ("lstm", "rnn", "gru") or bias is None:
        return arrays
    if kind == "gru":
        return _gru(arrays, target)
    if target == "torch":
        return arrays if second is not None else arrays | {"recurrent_bias": np.zeros_like(bias)}
    if second is None:
        return arrays
    left = {name: a for name, a in arrays.items() if name != "recurrent_bias"}
    return left | {"bias": bias + second}


def _gru(arrays: Arrays, target: Framework) -> Arrays:
    second = arrays["recurrent_bias"]
    if target != "jax":
        return arrays
    rest = second.copy()
    rest[:2] = 0
    return arrays | {"bias": arrays["bias"] + (second - rest), "recurrent_bias": rest}


def folded_state(arrays: Arrays, kind: str, target: Framework, of: str) -> Arrays:
    """What an optimiser keeps of the canonical arrays of a layer, as the target can have it.

    Raises:
        UserError: It keeps something of a second bias that the target has not.
    """
    second = arrays.get("recurrent_bias")
    if kind not in ("lstm", "rnn", "gru") or second is None:
        return arrays
    if _homeless(second, kind, target).any():
        raise UserError(
            f"the optimiser must keep nothing of the second bias of {shown(of)}, which {target} "
            "has not; received what is not 0; freeze that bias, or leave the state out"
        )
    left = {name: a for name, a in arrays.items() if name != "recurrent_bias"}
    return arrays if kind == "gru" or target == "torch" else left


def _homeless(second: np.ndarray, kind: str, target: Framework) -> np.ndarray:
    """The part of a second bias that the target has no place for."""
    if kind not in ("lstm", "rnn", "gru"):
        return second[:0]
    if kind == "gru":
        return second[: 2 if target == "jax" else 0]
    return second[: 0 if target == "torch" else None]
