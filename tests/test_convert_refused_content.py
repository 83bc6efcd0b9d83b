"""Bytes that are no safetensors file of weights: each is one line that says what it is; nothing is
unpickled.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.refused_files import TORCH, Arrays, dumped, raw, refused


def with_header(change: Callable[[dict[str, Any]], Any], arrays: Arrays = TORCH) -> bytes:
    """A file whose header was changed."""
    content = dumped(arrays)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    text = json.dumps(change(header) or header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def one_entry(dtype: str, shape: list[int], size: int) -> bytes:
    """A file of one array of zeros, which the library takes."""
    return raw(
        json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}).encode(),
        bytes(size),
    )


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
        (
            "must be a whole safetensors file; received: header too small; copy or save it again "
            "(docs/convert.md)"
        ),
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
    "JSON without an end": (
        raw(b'{"a":' * 50_000),
        "invalid JSON in header: recursion limit exceeded",
    ),
    "a name twice": (
        raw(b'{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{}}', bytes(4)),
        "missing field `dtype`",
    ),
    "no weights": (dumped({}), "it holds none"),
    "only a count": (dumped({"1.num_batches_tracked": np.array(3)}), "it holds none"),
    "an entry that is a number": (
        with_header(lambda h: h.update({"0.weight": 3})),
        "invalid type: integer `3`",
    ),
    "an entry without a shape": (
        with_header(lambda h: h["0.weight"].pop("shape") and None),
        "missing field `shape`",
    ),
    "a negative shape": (
        with_header(entry_of("0.weight", shape=[-6, -4])),
        "invalid value: integer `-6`",
    ),
    "a shape of words": (
        with_header(entry_of("0.weight", shape=["6", "4"])),
        'invalid type: string "6"',
    ),
    "a shape of truths": (
        with_header(entry_of("0.weight", shape=[True, 24])),
        "invalid type: boolean `true`",
    ),
    "a shape too large": (
        with_header(entry_of("0.weight", shape=[2**62, 2**62])),
        "overflow computing buffer size from shape",
    ),
    "a shape too small": (
        with_header(entry_of("0.weight", shape=[6, 3])),
        "invalid shape, data type, or offset for tensor",
    ),
    "three offsets": (
        with_header(entry_of("0.weight", data_offsets=[0, 8, 192])),
        "invalid length 3, expected 2",
    ),
    "offsets that overlap": (
        with_header(entry_of("0.bias", data_offsets=[184, 232])),
        "invalid offset for tensor",
    ),
    "a hole": (
        with_header(entry_of("0.weight", data_offsets=[8, 200])),
        "invalid offset for tensor",
    ),
    "an unknown dtype": (with_header(entry_of("0.weight", dtype="F7")), "unknown variant `F7`"),
    "bfloat16": (
        one_entry("BF16", [2], 4),
        "'a' must be F64, F32 or F16, or whole numbers; received BF16",
    ),
    "a float of eight bits": (
        one_entry("F8_E4M3", [2], 2),
        "'a' must be F64, F32 or F16, or whole numbers; received F8_E4M3",
    ),
    "complex numbers": (
        one_entry("C64", [], 8),
        "'a' must be F64, F32 or F16, or whole numbers; received C64",
    ),
    "more axes than NumPy has": (
        one_entry("F32", [1] * 100, 4),
        "the shape of 'a' must be one of NumPy; received [1, 1,",
    ),
    "an empty array of any length": (
        one_entry("F32", [0, 2**63], 0),
        "the shape of 'a' must be one of NumPy; received [0, 9",
    ),
    "another dtype of that size": (
        with_header(entry_of("0.weight", dtype="I64")),
        "'0.weight' must be a weight in floating point",
    ),
    "metadata of numbers": (
        with_header(lambda h: h.update(__metadata__={"a": 1})),
        "invalid type: integer `1`, expected a",
    ),
    "metadata of kinds that is no JSON": (
        dumped(TORCH, {"kinds": "0=affine"}),
        "the metadata 'kinds' must be JSON",
    ),
    "metadata with an unknown kind": (
        dumped(TORCH, {"kinds": '{"2": "ConvTranspose1d"}'}),
        "must be one that is known; received 'ConvTranspose1d' of '2'",
    ),
    "metadata of ours, damaged": (
        dumped(TORCH, {"isograd": "{}"}),
        "the metadata 'isograd' must be what convert wrote",
    ),
    "swapped shapes": (with_header(swapped), "'0.bias' of affine must be [out = 4]; received [6]"),
    "a name of something else": (
        with_header(renamed("0.weight", "0.wieght")),
        "must have known entries (bias, weight); received '0.wieght'",
    ),
}
"""Files as bytes, and what is said of them."""


@pytest.mark.parametrize("what", CONTENTS)
def test_what_is_no_such_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    content, said = CONTENTS[what]
    given = tmp_path / "given.safetensors"
    given.write_bytes(content)
    words = ("--from", "torch", "--to", "keras", "--heads", "2", str(given))
    assert said in refused(monkeypatch, capsys, tmp_path, *words)
