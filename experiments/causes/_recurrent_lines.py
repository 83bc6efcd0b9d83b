"""A recurrent layer with other numbers, and as a line of each framework."""

from __future__ import annotations

import numpy as np

from experiments.causes._case import Case, Side
from experiments.causes._change import cure, value
from experiments.causes._hypothesis import Hypothesis, Numbers

LAYERS = {
    "lstm": ("LSTM", "OptimizedLSTMCell"),
    "gru": ("GRU", "GRUCell"),
    "rnn": ("RNN", "SimpleCell"),
}


def line_of(case: Case, keras: str = "", torch: str = "", flax: str = "") -> str:
    layer, cell = LAYERS[case.reference.config["cell"]]
    name = "SimpleRNN" if layer == "RNN" else layer
    return cure(
        case,
        f"torch.nn.{layer}(..., {torch})",
        f"keras.layers.{name}(..., {keras})",
        f"flax.linen.{cell}(..., {flax})",
    ).replace(", )", ")")


def alternative_of(
    case: Case, name: str, said: str, line: str, side: Side, rank: int = 0
) -> Hypothesis:
    """Where the port returns the last step alone, that is what is compared."""
    return Hypothesis(
        name, said, line, _fitted(case, side), value(case.reference), rank=rank, side=side
    )


def _fitted(case: Case, side: Side) -> Numbers:
    def found() -> np.ndarray:
        y = value(side)()
        single = case.port.output is not None and case.port.output.ndim == y.ndim - 1
        return (y[:, 0] if side.config.get("backwards") else y[:, -1]) if single else y

    return found
