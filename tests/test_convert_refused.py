"""Files that are not what they should be: each is one line that names the entry and what was expected; nothing is written."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import pickle
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from common.errors import UserError
from experiments import convert, destinations, entry
from experiments.converting import files, origin
from experiments.converting.conversion import Asked
from experiments.converting.conversion import convert as convert_file

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
    return files.dumped(arrays, metadata or {})


def with_header(change: Callable[[dict[str, Any]], Any], arrays: Arrays = TORCH) -> bytes:
    """A file whose header was changed."""
    content = dumped(arrays)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    text = json.dumps(change(header) or header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def raw(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def one_entry(dtype: str, shape: list[int], size: int) -> bytes:
    """A file of one array of zeros, which the library takes."""
    return raw(json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}).encode(), bytes(size))


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(TORCH))
    return content.getvalue()


class Trap:
    """What a pickle can do when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        header[new] = header.pop(old)

    return change


def entry_of(name: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header[name].update(values)


def swapped(header: dict[str, Any]) -> None:
    """Two entries with each other's shapes; the sizes are the same."""
    header["0.weight"]["shape"] = [4, 6]


CONTENTS: dict[str, tuple[bytes, str]] = {
    "an empty file": (
        b"",
        "must be a whole safetensors file; received: header too small; copy or save it again (docs/convert.md)",
    ),
    "a few bytes": (b"\x01\x02\x03", "received: header too small"),
    "a text file": (b"0.weight = [1, 2, 3], and so on", "received: header too large"),
    "a pickle renamed": (pickle.dumps(TORCH), "is a pickle, and nothing is unpickled"),
    "a pickle that acts": (pickle.dumps(Trap()), "is a pickle, and nothing is unpickled"),
    "an archive of torch.save": (zipped(), "is a zip archive, as torch"),
    "an HDF5 file": (b"\x89HDF\r\n\x1a\n" + bytes(64), "is an HDF5 file"),
    "a header cut off": (dumped(TORCH)[:200], "received: invalid header length"),
    "numbers cut off": (dumped(TORCH)[:-5], "incomplete metadata, file not fully covered"),
    "numbers too many": (dumped(TORCH) + b"more", "incomplete metadata, file not fully covered"),
    "a header of any length": (b"\xff" * 7 + b"\x7f" + b"{}" * 10, "received: header too large"),
    "no JSON": (raw(b"{'0.weight': 1}"), "invalid JSON in header: key must be a string"),
    "no UTF-8": (raw(b'{"\xff": 1}'), "invalid UTF-8 in header"),
    "JSON without an end": (raw(b'{"a":' * 50_000), "invalid JSON in header: recursion limit exceeded"),
    "a name twice": (raw(b'{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{}}', bytes(4)), "missing field `dtype`"),
    "no weights": (dumped({}), "it holds none"),
    "only a count": (dumped({"1.num_batches_tracked": np.array(3)}), "it holds none"),
    "an entry that is a number": (with_header(lambda h: h.update({"0.weight": 3})), "invalid type: integer `3`"),
    "an entry without a shape": (
        with_header(lambda h: h["0.weight"].pop("shape") and None),
        "missing field `shape`",
    ),
    "a negative shape": (with_header(entry_of("0.weight", shape=[-6, -4])), "invalid value: integer `-6`"),
    "a shape of words": (with_header(entry_of("0.weight", shape=["6", "4"])), 'invalid type: string "6"'),
    "a shape of truths": (with_header(entry_of("0.weight", shape=[True, 24])), "invalid type: boolean `true`"),
    "a shape too large": (with_header(entry_of("0.weight", shape=[2**62, 2**62])), "overflow computing buffer size from shape"),
    "a shape too small": (with_header(entry_of("0.weight", shape=[6, 3])), "invalid shape, data type, or offset for tensor"),
    "three offsets": (
        with_header(entry_of("0.weight", data_offsets=[0, 8, 192])),
        "invalid length 3, expected 2",
    ),
    "offsets that overlap": (
        with_header(entry_of("0.bias", data_offsets=[184, 232])),
        "invalid offset for tensor",
    ),
    "a hole": (with_header(entry_of("0.weight", data_offsets=[8, 200])), "invalid offset for tensor"),
    "an unknown dtype": (with_header(entry_of("0.weight", dtype="F7")), "unknown variant `F7`"),
    "bfloat16": (one_entry("BF16", [2], 4), "'a' must be F64, F32 or F16, or whole numbers; received BF16"),
    "a float of eight bits": (one_entry("F8_E4M3", [2], 2), "'a' must be F64, F32 or F16, or whole numbers; received F8_E4M3"),
    "complex numbers": (one_entry("C64", [], 8), "'a' must be F64, F32 or F16, or whole numbers; received C64"),
    "more axes than NumPy has": (one_entry("F32", [1] * 100, 4), "the shape of 'a' must be one of NumPy; received [1, 1,"),
    "an empty array of any length": (one_entry("F32", [0, 2**63], 0), "the shape of 'a' must be one of NumPy; received [0, 9"),
    "another dtype of that size": (
        with_header(entry_of("0.weight", dtype="I64")),
        "'0.weight' must be a weight in floating point",
    ),
    "metadata of numbers": (
        with_header(lambda h: h.update(__metadata__={"a": 1})),
        "invalid type: integer `1`, expected a",
    ),
    "metadata of kinds that is no JSON": (dumped(TORCH, {"kinds": "0=affine"}), "the metadata 'kinds' must be JSON"),
    "metadata with an unknown kind": (
        dumped(TORCH, {"kinds": '{"2": "ConvTranspose1d"}'}),
        "must be one that is known; received 'ConvTranspose1d' of '2'",
    ),
    "metadata of ours, damaged": (dumped(TORCH, {"isograd": "{}"}), "the metadata 'isograd' must be what convert wrote"),
    "swapped shapes": (with_header(swapped), "'0.bias' of affine must be [out = 4]; received [6]"),
    "a name of something else": (
        with_header(renamed("0.weight", "0.wieght")),
        "must have known entries (bias, weight); received '0.wieght'",
    ),
}
"""Files as bytes, and what is said of them."""


def without(*names: str) -> Change:
    return lambda a: [a.pop(name) for name in names]


def with_(**values: np.ndarray) -> Change:
    return lambda a: a.update({name.replace("__", "/"): value for name, value in values.items()})


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


CELL, OPTIMIZER = "sequential/gru/gru_cell", "sgd/sequential_gru_gru_cell"
CHANGES: dict[str, tuple[str, Change, str]] = {
    "a weight missing": ("torch", without("0.weight"), "must have weight too; received only '0.bias'"),
    "a statistic missing": ("torch", without("1.running_var"), "the batch_norm '1' must have running_var too"),
    "a statistic too many": ("torch", put("1.running_max", numbers(6)), "received '1.running_max'"),
    "NaN": ("torch", bad("0.weight", np.nan), "'0.weight' must be finite; received nan at [5, 3]"),
    "an infinity": ("torch", bad("1.running_var", np.inf), "'1.running_var' must be finite; received inf at [5]"),
    "a transposed weight": ("torch", put("0.weight", numbers(4, 6)), "'0.bias' of affine must be [out = 4]; received [6]"),
    "a bias of another layer": ("torch", exchanged("0.bias", "2.bias"), "'0.bias' of affine must be [out = 6]; received [8]"),
    "a transposed convolution": ("torch", put("2.bias", numbers(6)), "'2.bias' of convolution must be [out = 8]; received [6]"),
    "a scalar": ("torch", put("2.bias", np.array(1.0)), "'2.bias' of convolution must be [out = 8]; received []"),
    "a layer norm over two axes": ("torch", put("0.bias", numbers(6, 4)), "'0.bias' of affine must be [out = 6]"),
    "statistics of another width": ("torch", put("1.running_mean", numbers(5)), "must be [channel = 6]; received [5]"),
    "gates that are no four": (
        "torch",
        put("3.weight_ih_l0", numbers(15, 8)),
        "'3.weight_ih_l0' of lstm must be [4 gates x unit, in]",
    ),
    "a recurrent weight missing": (
        "torch",
        without("3.weight_hh_l0"),
        "must have weight_hh too; received only '3.bias_hh_l0', '3.bias_ih_l0'",
    ),
    "a projection of an LSTM": ("torch", put("3.weight_hr_l0", numbers(2, 5)), "received '3.weight_hr_l0'"),
    "thirds that are none": ("torch", put("4.in_proj_weight", numbers(11, 4)), "'4.in_proj_weight' of attention must be"),
    "an attention without its out": ("torch", without("4.out_proj.weight"), "must have out_proj.weight too"),
    "an attention with half its biases": ("torch", without("4.in_proj_bias"), "the attention '4' must have in_proj_bias too"),
    "an unknown module": ("torch", put("5.theta", numbers(3)), "a layer of torch with it must have known entries"),
    "whole numbers": ("torch", put("0.bias", np.arange(6)), "'0.bias' must be a weight in floating point; received int64"),
    "an embedding that may be a map": (
        "torch",
        put("9.weight", numbers(7, 3)),
        "fit affine, embedding; give --kind 9=embedding",
    ),
    "a slope that may be a norm": ("torch", put("9.weight", numbers(7)), "give --kind 9="),
    "a state of nothing": ("torch", put("optimizer.7.weight.exp_avg", numbers(3)), "received 'optimizer.7.weight.exp_avg'"),
    "a state of a statistic": (
        "adam",
        put("optimizer.1.running_mean.exp_avg", numbers(6)),
        "received 'optimizer.1.running_mean",
    ),
    "a slot missing": ("adam", without("optimizer.0.bias.exp_avg_sq"), "must keep exp_avg_sq of '0.bias'; received none"),
    "a slot of every parameter missing": (
        "adam",
        without(*(name for name in STATE if name.endswith("exp_avg_sq"))),
        "must be those of one that is known",
    ),
    "amsgrad": ("adam", put("optimizer.0.bias.max_exp_avg_sq", numbers(6)), "received 'optimizer.0.bias.max_exp_avg_sq'"),
    "a moment misshapen": (
        "adam",
        put("optimizer.0.bias.exp_avg", numbers(5)),
        "'optimizer.0.bias.exp_avg' must be [6] in floating point, as 0.bias is; received [5]",
    ),
    "a moment that is NaN": ("adam", bad("optimizer.0.bias.exp_avg", np.nan), "'optimizer.0.bias.exp_avg' must be finite"),
    "other counts of steps": ("adam", put("optimizer.0.bias.step", np.array(7.0, np.float32)), "must have taken as many steps"),
    "half a step": (
        "adam",
        lambda a: a.update({name: np.array(1.5, np.float32) for name in STATE if name.endswith("step")}),
        "must have taken as many steps",
    ),
    "a moment of a second bias": (
        "adam",
        lambda a: a.update({f"optimizer.3.bias_hh_l0.{slot}": numbers(20) for slot in ("exp_avg", "exp_avg_sq")}),
        "must keep nothing of the second bias of '3', which keras has not",
    ),
    "a slope of every step of time": (
        "keras",
        put("sequential/p_re_lu/alpha", numbers(7, 5)),
        "'sequential/p_re_lu/alpha' of prelu must be [1, ..., channel]; received [7, 5]",
    ),
    "a GRU that resets before": ("keras", put(f"{CELL}/bias", numbers(9)), "must have two rows (reset_after=True)"),
    "a kernel of two gates": ("keras", put(f"{CELL}/kernel", numbers(6, 6)), "'sequential/gru/gru_cell/recurrent_kernel' of"),
    "a kernel missing": ("keras", without(f"{CELL}/kernel"), "must have cell.kernel too"),
    "a velocity missing": (
        "keras",
        without(f"{OPTIMIZER}_bias_momentum"),
        "must keep momentum of 'sequential/gru/gru_cell/bias'",
    ),
    "a rate of 0": ("keras", put("sgd/learning_rate", np.array(0.0)), "so the rate must be known"),
    "no rate": ("keras", without("sgd/learning_rate"), "so the rate must be known; received none; give --learning-rate"),
    "an optimiser's number": ("keras", put("sgd/beta", np.array(0.9)), "received 'sgd/beta'"),
    "a gate missing": ("jax", without("params/LSTM_0/ig/kernel"), "the lstm 'LSTM_0' must have ig.kernel too"),
    "a gate's bias missing": ("jax", without("params/LSTM_0/hg/bias"), "the lstm 'LSTM_0' must have hg.bias too"),
    "a gate misshapen": ("jax", put("params/LSTM_0/if/kernel", numbers(4, 3)), "'params/LSTM_0/if/kernel' of lstm must be"),
    "a recurrent weight that is not square": (
        "jax",
        lambda a: a.update({f"params/LSTM_0/h{gate}/kernel": numbers(2, 3) for gate in "ifgo"}),
        "must be [unit = 2] from and to",
    ),
    "a value missing": ("jax", without("params/Attention_0/value/kernel"), "must have value.kernel too"),
    "a mean without its norm": ("jax", put("batch_stats/Dense_0/mean", numbers(2)), "received 'batch_stats/Dense_0/mean'"),
    "the same in two collections": ("jax", put("batch_stats/Dense_0/kernel", numbers(3, 2)), "of a layer of its own"),
    "a count missing a moment": ("jax", without("opt_state/0/nu/Dense_0/kernel"), "must keep nu of 'params/Dense_0/kernel'"),
    "a parameter among the statistics": (
        "jax",
        lambda a: a.update({"batch_stats/BatchNorm_0/scale": a.pop("params/BatchNorm_0/scale")}),
        "'batch_stats/BatchNorm_0/scale' must be in params",
    ),
    "a layer that is called otherwise": (
        "jax",
        put("params/ConvTranspose_0/kernel", numbers(3, 2, 2)),
        "it is called transpose, whose layout is another",
    ),
    "a general map": ("jax", put("params/DenseGeneral_0/kernel", numbers(3, 2, 2)), "is called general"),
    "a depthwise kernel": ("keras", put("sequential/depthwise_conv2d/kernel", numbers(3, 3, 4, 1)), "is called depthwise"),
    "a state of a schedule": ("jax", put("opt_state/2/loss_scale", np.array(1.0)), "received 'opt_state/2/loss_scale'"),
}
"""Files with something wrong in them, and what is said of it."""


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["convert", *words])
    return entry.run(convert._main)


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
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


@pytest.mark.parametrize("what", CONTENTS)
def test_what_is_no_such_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    content, said = CONTENTS[what]
    given = tmp_path / "given.safetensors"
    given.write_bytes(content)
    words = ("--from", "torch", "--to", "keras", "--heads", "2", str(given))
    assert said in refused(monkeypatch, capsys, tmp_path, *words)


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_unknown_missing_or_misshapen_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    source, change, said = CHANGES[what]
    arrays = dict(FILES[source])
    change(arrays)
    given = tmp_path / "given.safetensors"
    given.write_bytes(dumped(arrays))
    source = "torch" if source == "adam" else source
    target = "keras" if source == "torch" else "torch"
    assert said in refused(monkeypatch, capsys, tmp_path, "--from", source, "--to", target, "--heads", "2", str(given))


@pytest.mark.parametrize("source", FILES)
def test_the_files_are_carried_where_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str) -> None:
    given, there = tmp_path / "given.safetensors", tmp_path / "there.safetensors"
    given.write_bytes(dumped(FILES[source]))
    source = "torch" if source == "adam" else source
    target = "keras" if source == "torch" else "torch"
    assert command(monkeypatch, "--from", source, "--to", target, "--heads", "2", str(given), str(there)) == 0
    assert files.read(there).arrays


LIKE: dict[str, tuple[Change, str]] = {
    "a layer more": (put("sequential/dense_5/kernel", numbers(2, 2)), "'dense_5' (affine) has none among"),
    "a layer less": (without("0/kernel", "0/bias"), "'0.bias' (affine) must have a counterpart in --like"),
    "another width": (put("0/kernel", numbers(5, 6)), "'0/kernel' must be [5, 6], as --like has it; '0' gives [4, 6]"),
    "no bias": (without("0/bias"), "'0: bias' must be absent, as --like has it; '0' gives [6]"),
    "another precision": (put("0/kernel", numbers(4, 6).astype(np.float32)), "'0/kernel' must be float32, as --like has it"),
    "other heads": (
        lambda a: a.update({f"4/{part}/kernel": numbers(4, 3, 1) for part in ("query", "key", "value")}),
        "of attention must be",
    ),
}


@pytest.mark.parametrize("what", LIKE)
def test_a_model_that_the_weights_are_not_for_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    change, said = LIKE[what]
    given, like, there = (tmp_path / f"{name}.safetensors" for name in ("given", "like", "first"))
    given.write_bytes(dumped(TORCH))
    assert command(monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)) == 0
    arrays = dict(files.read(there).arrays)
    change(arrays)
    like.write_bytes(dumped(arrays))
    capsys.readouterr()
    words = ("--from", "torch", "--to", "keras", "--like", str(like), str(given))
    assert said in refused(monkeypatch, capsys, tmp_path, *words)


FLAGS: dict[str, tuple[tuple[str, ...], str]] = {
    "one framework": (("--from", "torch", "--to", "torch", "given"), "--from and --to must differ; received torch twice"),
    "an unknown framework": (("--from", "caffe", "--to", "torch", "given"), "--from must be torch|keras|jax; received 'caffe'"),
    "one file": (("--from", "torch", "--to", "keras"), "two files must be given, IN and OUT; received 1"),
    "no such file": (("--from", "torch", "--to", "keras", "absent"), "received 'absent': No such file or directory"),
    "a folder": (("--from", "torch", "--to", "keras", "."), "received '.': Is a directory"),
    "no heads": (("--from", "torch", "--to", "keras", "given"), "the heads of the attention '4' must be known"),
    "heads that do not fit": (("--from", "torch", "--to", "keras", "--heads", "3", "given"), "'4.in_proj_weight' of attention"),
    "heads below 1": (("--from", "torch", "--to", "keras", "--heads", "0", "given"), "--heads must be above 0; received 0"),
    "a rate below 0": (("--from", "torch", "--to", "keras", "--learning-rate", "-1", "given"), "--learning-rate must be"),
    "another rate than the file's": (
        ("--from", "keras", "--to", "torch", "--learning-rate", "0.2", "keras"),
        "--learning-rate must be what the file says, 0.1; received 0.2",
    ),
    "a model with an optimiser for weights without": (
        ("--from", "keras", "--to", "torch", "--like", "adam", "dense"),
        "the optimiser's entries must be those of --like; received 'optimizer.0.bias.exp_avg'",
    ),
    "a kind that is none": (
        ("--from", "torch", "--to", "keras", "--kind", "0=transformer", "--heads", "2", "given"),
        "must be one that is known; received 'transformer' of '0'",
    ),
    "a kind of no layer": (
        (
            "--from",
            "torch",
            "--to",
            "keras",
            "--heads",
            "2",
            "--frozen",
            "none",
            "--kind",
            "7=affine",
            "--learning-rate",
            "1",
            "given",
        ),
        "--kind must name a layer of the file; received '7'",
    ),
    "a kind without a layer": (
        ("--from", "torch", "--to", "keras", "--kind", "affine", "--heads", "2", "given"),
        "--kind must be",
    ),
    "a kind that it is not": (
        ("--from", "torch", "--to", "keras", "--heads", "2", "--kind", "0=embedding", "--learning-rate", "1", "given"),
        "'0.bias'",
    ),
}


@pytest.mark.parametrize("what", FLAGS)
def test_what_is_wrongly_asked_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    words, said = FLAGS[what]
    dense = {name: a for name, a in TORCH.items() if name.startswith("0.")}
    kept = {name: a for name, a in STATE.items() if name.startswith("optimizer.0.")}
    written = {"given": TORCH, "keras": KERAS, "adam": dense | kept, "dense": {"0/kernel": numbers(4, 6), "0/bias": numbers(6)}}
    for name, arrays in written.items():
        (tmp_path / name).write_bytes(dumped(arrays))
    assert said in refused(monkeypatch, capsys, tmp_path, *words)


def test_where_it_cannot_write_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("--from", "torch", "--to", "keras", "absent", str(tmp_path / "no" / "such.safetensors"))
    assert command(monkeypatch, *words) == 2
    assert "OUT must be a file that can be written" in capsys.readouterr().err


def test_a_write_that_fails_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given, there = tmp_path / "given", tmp_path / "there"
    given.write_bytes(dumped(TORCH))
    there.write_bytes(b"as it was")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device", str(there))))
    assert command(monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)) == 1
    assert there.read_bytes() == b"as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "there"]
    assert destinations.taken(there) is None


def test_the_library_reads_what_is_written_and_the_reverse_to_the_last_bit(tmp_path: Path) -> None:
    """Every dtype with all its bits, a scalar, an empty array, and one whose memory lies otherwise."""
    bits = np.random.default_rng(0).bytes(8 * 6)
    arrays = {code: np.frombuffer(bits, code).reshape(2, 3, -1) for code in files.DTYPES.values() if code != "|b1"}
    arrays |= {"truths": np.array([True, False]), "scalar": np.array(3.0), "empty": np.ones((0, 3))}
    arrays |= {"transposed": numbers(6, 4).T, "every other": numbers(6, 4)[:, ::2]}
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_bytes(dumped(arrays, {"kinds": "{}"}))
    save_file({name: a.copy(order="C") for name, a in arrays.items()}, theirs, {"kinds": "{}"})
    stored = files.read(theirs)
    assert stored.metadata == {"kinds": "{}"}
    for found in (load_file(ours), stored.arrays):
        assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in found.items()} == {
            name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()
        }


def test_arrays_are_in_the_order_of_their_offsets(tmp_path: Path) -> None:
    path = tmp_path / "file"
    places = {"a": [8, 12], "c": [0, 4], "b": [4, 8]}
    header = {name: {"dtype": "F32", "shape": [1], "data_offsets": offsets} for name, offsets in places.items()}
    path.write_bytes(raw(json.dumps(header).encode(), np.arange(3, dtype=np.float32).tobytes()))
    assert {name: a.item() for name, a in files.read(path).arrays.items()} == {"c": 0, "b": 1, "a": 2}
    assert list(files.read(path).arrays) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entries", {"0.weight": ["|O", [6, 4]]}),
        ("entries", {"0.weight": ["<f8", [-1]]}),
        ("entries", {"0.weight": ["<f8", ["6", 4]]}),
        ("layers", {"0": 3}),
        ("heads", "2"),
        ("rate", -1.0),
        ("frozen", [3]),
        ("lost", [1]),
        ("digest", None),
    ],
)
def test_metadata_that_convert_did_not_write_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, field: str, value: Any
) -> None:
    given, there = tmp_path / "given", tmp_path / "first"
    given.write_bytes(dumped(TORCH))
    assert command(monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)) == 0
    stored = files.read(there)
    changed = json.loads(stored.metadata["isograd"]) | {field: value}
    if field == "digest":
        del changed["digest"]
    there.write_bytes(files.dumped(stored.arrays, stored.metadata | {"isograd": json.dumps(changed)}))
    capsys.readouterr()
    assert "'isograd' must be what convert wrote; it is damaged" in refused(
        monkeypatch, capsys, tmp_path, "--from", "keras", "--to", "torch", str(there)
    )


def test_what_was_lost_is_not_unpacked_without_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given, there = tmp_path / "given", tmp_path / "first"
    given.write_bytes(dumped(TORCH))
    assert command(monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)) == 0
    stored = files.read(there)
    changed = json.loads(stored.metadata["isograd"])
    monkeypatch.setattr(origin, "MOST", 2**10)
    bomb = base64.b64encode(zlib.compress(bytes(2**20))).decode()
    changed["lost"]["0.weight"] = ["<f8", [6, 4], bomb]
    there.write_bytes(files.dumped(stored.arrays, stored.metadata | {"isograd": json.dumps(changed)}))
    capsys.readouterr()
    said = refused(monkeypatch, capsys, tmp_path, "--from", "keras", "--to", "torch", str(there))
    assert "must say what was lost of '0.weight'; it is damaged" in said


def test_names_of_a_file_do_not_move_the_cursor_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given, like, there = (tmp_path / name for name in ("given", "like", "there"))
    given.write_bytes(dumped({"a\x1b[2J.weight": numbers(6, 4), "a\x1b[2J.bias": numbers(6)}))
    like.write_bytes(dumped({"dense/kernel": numbers(4, 6), "dense/bias": numbers(6)}))
    assert command(monkeypatch, "--from", "torch", "--to", "keras", "--like", str(like), str(given), str(there)) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("source", FILES)
def test_no_damage_of_a_file_ends_in_anything_but_a_line(tmp_path: Path, source: str) -> None:
    """Some bytes are others, mostly of the header: the file is refused, or another one that is whole."""
    rng = np.random.default_rng(0)
    framework = "torch" if source == "adam" else source
    asked = Asked(framework, "keras" if framework == "torch" else "torch", heads=2)
    whole, path = files.Stored(FILES[source], {}), tmp_path / "file"
    for content in (dumped(FILES[source]), files.dumped(*returned(whole, asked))):
        for _ in range(25):
            damaged = bytearray(content)
            for at in rng.integers(int.from_bytes(content[:8], "little") + 8, size=rng.integers(1, 4)):
                damaged[at] = rng.choice(np.frombuffer(b'0123456789[]{}",:.abcF\xff', np.uint8))
            path.write_bytes(damaged)
            with contextlib.suppress(UserError):
                convert_file(files.read(path), None, asked)


def returned(whole: files.Stored, asked: Asked) -> tuple[Arrays, dict[str, str]]:
    """The file after it was carried there and back, which has metadata of ours."""
    there = convert_file(whole, None, asked)
    back = convert_file(files.Stored(there.arrays, there.metadata), None, Asked(asked.target, asked.source))
    return back.arrays, back.metadata
