"""Dictionaries of JSON values and arrays as one `.npz` file, by NumPy and the standard library.

It holds the arrays and a JSON text that says where each of them belongs. Nothing is pickled.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np


def dump(what: Any) -> bytes:
    """A dictionary of JSON values and arrays, such as a `Captured`, as bytes of an .npz file."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_taken_apart(what, arrays))
    arrays["json"] = np.frombuffer(text.encode(), dtype=np.uint8)
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def load(content: bytes) -> Any:
    """What `dump` was given.

    Raises:
        ValueError: These are not such bytes.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _put_together(json.loads(arrays.pop("json").tobytes()), arrays)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as why:
        raise ValueError(f"not a capture, or a damaged one: {why}") from None


def write(what: Any, path: Path) -> None:
    """`dump` into a file, which is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(dump(what))
    part.replace(path)


def read(path: Path) -> Any:
    """What `write` was given.

    Raises:
        ValueError: It is not such a file.
        OSError: It cannot be read.
    """
    return load(path.read_bytes())


_ARRAY = "\0array"
"""Marks the place of an array in the JSON text: no name in a program holds it."""


def _taken_apart(what: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(what, dict):
        return {str(key): _taken_apart(value, arrays) for key, value in what.items()}
    if isinstance(what, list | tuple):
        return [_taken_apart(value, arrays) for value in what]
    if isinstance(what, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = what
        return {_ARRAY: name}
    if isinstance(what, np.generic):
        return what.item()
    return what


def _put_together(what: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(what, dict):
        if set(what) == {_ARRAY}:
            return arrays[what[_ARRAY]]
        return {key: _put_together(value, arrays) for key, value in what.items()}
    if isinstance(what, list):
        return [_put_together(value, arrays) for value in what]
    return what
