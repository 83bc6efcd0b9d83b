"""Recurrent cells in canonical terms: the gates of an LSTM in the order i f g o, of a GRU r z n.

Trap: torch's GRU has a second bias, inside the reset, for each gate. Flax has it for n only
(linen), or not at all (nnx). For r and z the two are added anyway, so what is given to be written
is folded into the one that Flax has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .forms import Arrays, Form, columns, last_gate, reshaped, stacked

CELLS = {"LSTMCell": "lstm", "OptimizedLSTMCell": "lstm", "GRUCell": "gru", "SimpleCell": "rnn"}


def cell_config(cell: Any, name_of: Callable[[Any], str]) -> dict[str, Any]:
    """The numbers of a cell; its functions by their canonical names."""
    kind = CELLS[_class(cell)]
    config: dict[str, Any] = {"cell": kind, "activation": name_of(cell.activation_fn)}
    if kind != "rnn":
        config["gate_activation"] = name_of(cell.gate_fn)
    if kind == "gru":
        config["reset_after"] = True
    if getattr(cell, "residual", False):
        config["residual"] = True
    return config


def cell_form(cell: Any, name: str) -> Form:
    """Its parameters, whose full names begin with `name`."""
    return FORMS[_api(cell), _class(cell)](name)


def _class(cell: Any) -> str:
    return next(base.__name__ for base in type(cell).__mro__ if base.__name__ in CELLS)


def _api(cell: Any) -> str:
    return next(
        base.__module__.split(".")[1]
        for base in type(cell).__mro__
        if base.__module__.startswith("flax.")
    )


def _lstm(name: str, forget: str = "f") -> Form:
    gates = ("i", forget, "g", "o")
    return Form(
        {
            "kernel": stacked(_each(name, "i", gates, "kernel"), 2),
            "recurrent": stacked(_each(name, "h", ("i", "f", "g", "o"), "kernel"), 2),
            "bias": stacked(_each(name, "h", ("i", "f", "g", "o"), "bias"), 1),
        }
    )


def _lstm_nnx(name: str) -> Form:
    return _lstm(name, "f_")


def _lstm_fused(name: str) -> Form:
    return Form(
        {
            "kernel": columns(f"{name}dense_i.kernel", 4, 2),
            "recurrent": columns(f"{name}dense_h.kernel", 4, 2),
            "bias": columns(f"{name}dense_h.bias", 4, 1),
        }
    )


def _gru(name: str) -> Form:
    return Form(
        {
            "kernel": stacked(_each(name, "i", "rzn", "kernel"), 2),
            "recurrent": stacked(_each(name, "h", "rzn", "kernel"), 2),
            "bias": stacked(_each(name, "i", "rzn", "bias"), 1),
            "recurrent_bias": last_gate(f"{name}hn.bias", 3),
        },
        folded=_folded,
        gradients=_both_biases,
    )


def _gru_fused(name: str) -> Form:
    return Form(
        {
            "kernel": columns(f"{name}dense_i.kernel", 3, 2),
            "recurrent": columns(f"{name}dense_h.kernel", 3, 2),
            "bias": columns(f"{name}dense_i.bias", 3, 1),
        },
        folded=_folded_whole,
    )


def _simple(name: str, inner: str = "") -> Form:
    kernel = f"{name}{inner}i.kernel"
    recurrent = f"{name}{inner}h.kernel"
    bias = f"{name}{inner}i.bias"
    return Form(
        {
            "kernel": _one_gate(kernel, 2),
            "recurrent": _one_gate(recurrent, 2),
            "bias": _one_gate(bias, 1),
        }
    )


def _simple_nnx(name: str) -> Form:
    return _simple(name, "dense_")


FORMS: dict[tuple[str, str], Callable[[str], Form]] = {
    ("linen", "LSTMCell"): _lstm,
    ("linen", "OptimizedLSTMCell"): _lstm,
    ("linen", "GRUCell"): _gru,
    ("linen", "SimpleCell"): _simple,
    ("nnx", "LSTMCell"): _lstm_nnx,
    ("nnx", "OptimizedLSTMCell"): _lstm_fused,
    ("nnx", "GRUCell"): _gru_fused,
    ("nnx", "SimpleCell"): _simple_nnx,
}


def _each(name: str, side: str, gates: Sequence[str], array: str) -> list[str]:
    return [f"{name}{side}{gate}.{array}" for gate in gates]


def _one_gate(name: str, rank: int) -> Any:
    return reshaped(name, lambda shape: (1, *shape), rank)


def _folded(given: Arrays) -> dict[str, np.ndarray]:
    """The recurrent bias of r and z goes into the bias, that of n stays."""
    written = dict(given)
    if (
        "recurrent_bias" in given
        and "bias" in given
        and np.shape(given["bias"]) == np.shape(given["recurrent_bias"])
    ):
        inner = np.array(given["recurrent_bias"])
        written["bias"] = np.concatenate([given["bias"][:2] + inner[:2], given["bias"][2:]])
        inner[:2] = 0
        written["recurrent_bias"] = inner
    return written


def _folded_whole(given: Arrays) -> dict[str, np.ndarray]:
    """As `_folded`; of n there must be none."""
    written = _folded(given)
    if "recurrent_bias" in written and not np.any(written["recurrent_bias"]):
        del written["recurrent_bias"]
    return written


def _both_biases(gradients: dict[str, Any]) -> dict[str, Any]:
    """What a recurrent bias of r and z would get is what the bias gets."""
    bias = gradients.get("bias")
    inner = gradients.get("recurrent_bias")
    if bias is None or inner is None:
        return gradients
    return gradients | {"recurrent_bias": np.concatenate([bias[:2], inner[2:]])}
