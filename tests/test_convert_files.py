"""The reader and the writer of files: the library's to the last bit; damaged ones are refused by a
line, and nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from common import tensors
from common.errors import UserError
from experiments.converting import files, origin
from experiments.converting.asked import Asked
from experiments.converting.conversion import convert as convert_file
from experiments.converting.laws import Framework
from tests.refused_files import FILES, TORCH, Arrays, command, dumped, numbers, raw, refused


def test_the_library_reads_what_is_written_and_the_reverse_to_the_last_bit(tmp_path: Path) -> None:
    """Every dtype with all its bits, a scalar, an empty array, and one whose memory lies
    otherwise.
    """
    bits = np.random.default_rng(0).bytes(8 * 6)
    arrays = {
        code: np.frombuffer(bits, code).reshape(2, 3, -1)
        for code in files.DTYPES.values()
        if code != "|b1"
    }
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
    header = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": offsets}
        for name, offsets in places.items()
    }
    path.write_bytes(raw(json.dumps(header).encode(), np.arange(3, dtype=np.float32).tobytes()))
    assert {name: a.item() for name, a in files.read(path).arrays.items()} == {
        "c": 0,
        "b": 1,
        "a": 2,
    }
    assert list(files.read(path).arrays) == ["c", "b", "a"]


@pytest.mark.parametrize("source", FILES)
def test_the_same_input_gives_the_same_bytes_in_every_process(tmp_path: Path, source: str) -> None:
    given = tmp_path / "given"
    given.write_bytes(dumped(FILES[source]))
    framework: Framework = "torch" if source == "adam" else cast(Framework, source)
    line = [sys.executable, "-m", "experiments.convert", "--from", framework, "--heads", "2"]
    line += ["--to", "keras" if framework == "torch" else "torch", str(given)]
    there = [tmp_path / seed for seed in "123"]
    for path in there:
        subprocess.run(
            [*line, str(path)],
            env=os.environ | {"PYTHONHASHSEED": path.name},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    first, *others = (path.read_bytes() for path in there)
    assert others == [first, first]


def test_kinds_of_a_file_of_format_1_are_beside_what_convert_says() -> None:
    asked = Asked("torch", "keras", heads=2)
    back = Asked("keras", "torch")
    there = convert_file(files.Stored(TORCH, {}), None, asked)
    own = json.loads(there.metadata["isograd"])
    kinds = own.pop("kinds")
    before = {"isograd": json.dumps(own | {"format": 1}), "kinds": json.dumps(kinds)}
    assert origin.kinds_of(before) == origin.kinds_of(there.metadata) == kinds != {}
    old, new = (
        convert_file(files.Stored(there.arrays, said), None, back)
        for said in (before, there.metadata)
    )
    assert dumped(old.arrays, old.metadata) == dumped(new.arrays, new.metadata)


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
        ("kinds", [3]),
        ("kinds", {"0": 3}),
        ("digest", None),
    ],
)
def test_metadata_that_convert_did_not_write_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    field: str,
    value: Any,
) -> None:
    given, there = tmp_path / "given", tmp_path / "first"
    given.write_bytes(dumped(TORCH))
    assert (
        command(
            monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)
        )
        == 0
    )
    stored = files.read(there)
    changed = json.loads(stored.metadata["isograd"]) | {field: value}
    if field == "digest":
        del changed["digest"]
    there.write_bytes(
        tensors.dumped(stored.arrays, stored.metadata | {"isograd": json.dumps(changed)})
    )
    capsys.readouterr()
    assert "'isograd' must be what convert wrote; it is damaged" in refused(
        monkeypatch, capsys, tmp_path, "--from", "keras", "--to", "torch", str(there)
    )


def test_what_was_lost_is_not_unpacked_without_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given, there = tmp_path / "given", tmp_path / "first"
    given.write_bytes(dumped(TORCH))
    assert (
        command(
            monkeypatch, "--from", "torch", "--to", "keras", "--heads", "2", str(given), str(there)
        )
        == 0
    )
    stored = files.read(there)
    changed = json.loads(stored.metadata["isograd"])
    monkeypatch.setattr(origin, "MOST", 2**10)
    bomb = base64.b64encode(zlib.compress(bytes(2**20))).decode()
    changed["lost"]["0.weight"] = ["<f8", [6, 4], bomb]
    there.write_bytes(
        tensors.dumped(stored.arrays, stored.metadata | {"isograd": json.dumps(changed)})
    )
    capsys.readouterr()
    said = refused(monkeypatch, capsys, tmp_path, "--from", "keras", "--to", "torch", str(there))
    assert "must say what was lost of '0.weight'; it is damaged" in said


def test_names_of_a_file_do_not_move_the_cursor_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given, like, there = (tmp_path / name for name in ("given", "like", "there"))
    given.write_bytes(dumped({"a\x1b[2J.weight": numbers(6, 4), "a\x1b[2J.bias": numbers(6)}))
    like.write_bytes(dumped({"dense/kernel": numbers(4, 6), "dense/bias": numbers(6)}))
    assert (
        command(
            monkeypatch,
            "--from",
            "torch",
            "--to",
            "keras",
            "--like",
            str(like),
            str(given),
            str(there),
        )
        == 0
    )
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("source", FILES)
def test_no_damage_of_a_file_ends_in_anything_but_a_line(tmp_path: Path, source: str) -> None:
    """Some bytes are others, mostly of the header: the file is refused, or another one that is
    whole.
    """
    rng = np.random.default_rng(0)
    framework: Framework = "torch" if source == "adam" else cast(Framework, source)
    asked = Asked(framework, "keras" if framework == "torch" else "torch", heads=2)
    whole = files.Stored(FILES[source], {})
    path = tmp_path / "file"
    for content in (dumped(FILES[source]), tensors.dumped(*returned(whole, asked))):
        for _ in range(25):
            damaged = bytearray(content)
            for at in rng.integers(
                int.from_bytes(content[:8], "little") + 8, size=rng.integers(1, 4)
            ):
                damaged[at] = rng.choice(np.frombuffer(b'0123456789[]{}",:.abcF\xff', np.uint8))
            path.write_bytes(damaged)
            with contextlib.suppress(UserError):
                convert_file(files.read(path), None, asked)


def returned(whole: files.Stored, asked: Asked) -> tuple[Arrays, dict[str, str]]:
    """The file after it was carried there and back, which has metadata of ours."""
    there = convert_file(whole, None, asked)
    back = convert_file(
        files.Stored(there.arrays, there.metadata), None, Asked(asked.target, asked.source)
    )
    return back.arrays, back.metadata
