"""What is wrongly asked of `convert`, and a place that cannot be written: one line, and nothing is
written.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from experiments import destinations
from experiments.converting import files
from tests.refused_files import (
    KERAS,
    STATE,
    TORCH,
    Change,
    command,
    dumped,
    numbers,
    put,
    refused,
    without,
)

LIKE: dict[str, tuple[Change, str]] = {
    "a layer more": (
        put("sequential/dense_5/kernel", numbers(2, 2)),
        "'dense_5' (affine) has none among",
    ),
    "a layer less": (
        without("0/kernel", "0/bias"),
        "'0.bias' (affine) must have a counterpart in --like",
    ),
    "another width": (
        put("0/kernel", numbers(5, 6)),
        "'0/kernel' must be [5, 6], as --like has it; '0' gives [4, 6]",
    ),
    "no bias": (without("0/bias"), "'0: bias' must be absent, as --like has it; '0' gives [6]"),
    "another precision": (
        put("0/kernel", numbers(4, 6).astype(np.float32)),
        "'0/kernel' must be float32, as --like has it",
    ),
    "other heads": (
        lambda a: a.update(
            {f"4/{part}/kernel": numbers(4, 3, 1) for part in ("query", "key", "value")}
        ),
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
    assert (
        command(
            monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)
        )
        == 0
    )
    arrays = dict(files.read(there).arrays)
    change(arrays)
    like.write_bytes(dumped(arrays))
    capsys.readouterr()
    words = ("--from", "torch", "--to", "keras", "--like", str(like), str(given))
    assert said in refused(monkeypatch, capsys, tmp_path, *words)


FLAGS: dict[str, tuple[tuple[str, ...], str]] = {
    "one framework": (
        ("--from", "torch", "--to", "torch", "given"),
        "--from and --to must differ; received torch twice",
    ),
    "an unknown framework": (
        ("--from", "caffe", "--to", "torch", "given"),
        "--from must be torch|keras|jax; received 'caffe'",
    ),
    "one file": (
        ("--from", "torch", "--to", "keras"),
        "two files must be given, IN and OUT; received 1",
    ),
    "no such file": (
        ("--from", "torch", "--to", "keras", "absent"),
        "received 'absent': No such file or directory",
    ),
    "a folder": (("--from", "torch", "--to", "keras", "."), "received '.': Is a directory"),
    "no heads": (
        ("--from", "torch", "--to", "keras", "given"),
        "the heads of the attention '4' must be known",
    ),
    "heads that do not fit": (
        ("--from", "torch", "--to", "keras", "--heads", "3", "given"),
        "'4.in_proj_weight' of attention",
    ),
    "heads below 1": (
        ("--from", "torch", "--to", "keras", "--heads", "0", "given"),
        "--heads must be above 0; received 0",
    ),
    "a rate below 0": (
        ("--from", "torch", "--to", "keras", "--learning-rate", "-1", "given"),
        "--learning-rate must be",
    ),
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
        (
            "--from",
            "torch",
            "--to",
            "keras",
            "--heads",
            "2",
            "--kind",
            "0=embedding",
            "--learning-rate",
            "1",
            "given",
        ),
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
    written = {
        "given": TORCH,
        "keras": KERAS,
        "adam": dense | kept,
        "dense": {"0/kernel": numbers(4, 6), "0/bias": numbers(6)},
    }
    for name, arrays in written.items():
        (tmp_path / name).write_bytes(dumped(arrays))
    assert said in refused(monkeypatch, capsys, tmp_path, *words)


def test_where_it_cannot_write_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = (
        "--from",
        "torch",
        "--to",
        "keras",
        "absent",
        str(tmp_path / "no" / "such.safetensors"),
    )
    assert command(monkeypatch, *words) == 2
    assert "OUT must be a file that can be written" in capsys.readouterr().err


def test_a_write_that_fails_leaves_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given, there = tmp_path / "given", tmp_path / "there"
    given.write_bytes(dumped(TORCH))
    there.write_bytes(b"as it was")
    monkeypatch.setattr(
        os,
        "replace",
        lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device", str(there))),
    )
    assert (
        command(
            monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)
        )
        == 1
    )
    assert there.read_bytes() == b"as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "there"]
    assert destinations.taken(there) is None
