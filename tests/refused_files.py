"""Small files of three frameworks' weights, what may be wrong in them, and `convert` as a command
that refuses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import tensors
from experiments import convert, entry

Arrays = dict[str, np.ndarray]
Change = Callable[[Arrays], Any]


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape)


TORCH: Arrays = {
    "0.weight": numbers(6, 4),
    "0.bias": numbers(6),
    "1.weight": numbers(6),
    "1.bias": numbers(6),
    "1.running_mean": numbers(6),
    "1.running_var": numbers(6) ** 2,
    "1.num_batches_tracked": np.array(3),
    "2.weight": numbers(8, 6, 3),
    "2.bias": numbers(8),
    "3.weight_ih_l0": numbers(20, 8),
    "3.weight_hh_l0": numbers(20, 5),
    "3.bias_ih_l0": numbers(20),
    "3.bias_hh_l0": numbers(20),
    "4.in_proj_weight": numbers(12, 4),
    "4.in_proj_bias": numbers(12),
    "4.out_proj.weight": numbers(4, 4),
    "4.out_proj.bias": numbers(4),
}
KERAS: Arrays = {
    "sequential/dense/kernel": numbers(4, 6),
    "sequential/dense/bias": numbers(6),
    "sequential/gru/gru_cell/kernel": numbers(6, 9),
    "sequential/gru/gru_cell/recurrent_kernel": numbers(3, 9),
    "sequential/gru/gru_cell/bias": numbers(2, 9),
    "sgd/iteration": np.array(3),
    "sgd/learning_rate": np.array(0.1),
    "sgd/sequential_dense_kernel_momentum": numbers(4, 6),
    "sgd/sequential_dense_bias_momentum": numbers(6),
    "sgd/sequential_gru_gru_cell_kernel_momentum": numbers(6, 9),
    "sgd/sequential_gru_gru_cell_recurrent_kernel_momentum": numbers(3, 9),
    "sgd/sequential_gru_gru_cell_bias_momentum": numbers(2, 9),
}
LINEN: Arrays = {
    **{f"params/LSTM_0/{side}{gate}/kernel": numbers(3, 3) for side in "ih" for gate in "ifgo"},
    **{f"params/LSTM_0/h{gate}/bias": numbers(3) for gate in "ifgo"},
    **{f"params/Attention_0/{part}/kernel": numbers(4, 2, 2) for part in ("query", "key", "value")},
    "params/Attention_0/out/kernel": numbers(2, 2, 4),
    "params/BatchNorm_0/scale": numbers(3),
    "batch_stats/BatchNorm_0/mean": numbers(3),
    "batch_stats/BatchNorm_0/var": numbers(3) ** 2,
    "params/Dense_0/kernel": numbers(3, 2),
    "opt_state/0/count": np.array(2, np.int32),
}
LINEN |= {
    f"opt_state/0/{slot}/{name.removeprefix('params/')}": a**2
    for slot in ("mu", "nu")
    for name, a in list(LINEN.items())
    if name.startswith("params/")
}
STATE: Arrays = {
    f"optimizer.{name}.{slot}": np.array(2.0, np.float32) if slot == "step" else a**2
    for name, a in TORCH.items()
    if "running" not in name and "num_" not in name and "bias_hh" not in name
    for slot in ("exp_avg", "exp_avg_sq", "step")
}
FILES = {"torch": TORCH, "keras": KERAS, "jax": LINEN, "adam": TORCH | STATE}


def dumped(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    return tensors.dumped(arrays, metadata or {})


def raw(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def without(*names: str) -> Change:
    return lambda a: [a.pop(name) for name in names]


def put(name: str, value: np.ndarray) -> Change:
    return lambda a: a.update({name: value})


def bad(name: str, number: float) -> Change:
    """One number of an array is another."""

    def change(arrays: Arrays) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[-1] = number

    return change


def exchanged(one: str, other: str) -> Change:
    def change(arrays: Arrays) -> None:
        arrays[one], arrays[other] = arrays[other], arrays[one]

    return change


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["convert", *words])
    return entry.run(convert._main)


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *words: str
) -> str:
    """What is said; the file that was there is as it was, and no other is."""
    there = folder / "there.safetensors"
    there.write_bytes(b"as it was")
    before = sorted(folder.iterdir())
    monkeypatch.chdir(folder)
    assert command(monkeypatch, *words, str(there)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("error: ")
    assert len(said.err) <= 210
    assert there.read_bytes() == b"as it was"
    assert sorted(folder.iterdir()) == before
    return said.err
