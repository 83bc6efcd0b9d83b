"""Data files: each that is no data set is refused by what is wrong in it, and one that changed is
not taken for what it was.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import UserError
from common.task import Task, digest_of, load
from tests.samples import X, Y, refusal, saved


def test_a_file_without_any_key_is_refused(tmp_path: Path) -> None:
    assert "no keys" in refusal(saved(tmp_path))


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (
            X[:, 0],
            Y,
            (
                r"'x' must be numbers \[samples, features\] or \[samples, time, features\]; "
                r"received shape \(20,\)"
            ),
        ),
        (X[..., None, None], Y, r"'x' must be numbers .* shape \(20, 2, 1, 1\)"),
        (X[:0], Y[:0], r"'x' must be numbers .* shape \(0, 2\)"),
        (X[:, :0], Y, r"'x' must be numbers .* shape \(20, 0\)"),
        (X + 1j, Y, r"'x' must be numbers .* of complex128"),
        (X.astype(str), Y, r"'x' must be numbers .* of <U"),
        (X, Y[:, None] * [1, 1], r"'y' must be integer labels .* of int64"),
        (X, np.full(20, 0.5), "its only target is constant over the training set"),
        (X, np.full((20, 2), [0.5, 3]), "all 2 targets are constant over the training set"),
        (
            X,
            np.where(np.arange(20) == 3, np.inf, Y / 2),
            r"'y' must be finite; received inf at \[3\]",
        ),
        (X, Y[:-1], r"'x' and 'y' must have as many samples; received 20 and 19"),
        (X, np.full(20, 7), r"'y' must have at least two classes; received only the label 7"),
    ],
)
def test_a_wrong_array_is_refused_by_its_key(
    tmp_path: Path, x: np.ndarray, y: np.ndarray, said: str
) -> None:
    assert re.search(said, refusal(saved(tmp_path, x=x, y=y)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@settings(max_examples=10, deadline=None)
@given(row=st.integers(0, 19), column=st.integers(0, 1))
def test_the_first_value_that_is_not_finite_is_named_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, value: float, row: int, column: int
) -> None:
    x = X.copy()
    x[row, column] = x[19, 1] = value
    source = saved(tmp_path_factory.mktemp("nan"), x=x, y=Y)
    assert f"'x' must be finite; received {value} at [{row}, {column}]; " in refusal(source)


def _archive(x: bytes) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", x)
    return file.getvalue()


def _npy() -> bytes:
    np.save(file := io.BytesIO(), X)
    return file.getvalue()


def _damaged() -> bytes:
    np.savez_compressed(
        file := io.BytesIO(), x=np.arange(20000.0).reshape(-1, 2), y=np.arange(10000)
    )
    content = bytearray(file.getvalue())
    content[100:200] = bytes(255 - byte for byte in content[100:200])
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"x,y\n1,2\n", id="text"),
        pytest.param(b"\x80\x04K\x01.", id="pickle"),
        pytest.param(b"PK\x03\x04 torn", id="torn"),
        pytest.param(b"", id="empty"),
        pytest.param(_npy(), id="npy"),
        pytest.param(_archive(b"hello"), id="text-in-zip"),
        pytest.param(_damaged(), id="damaged"),
    ],
)
def test_a_file_that_is_no_archive_of_arrays_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    assert "must be an .npz file" in refusal(str(path))


@pytest.mark.parametrize("key", ["x", "y"])
def test_a_pickled_array_is_refused_unopened(tmp_path: Path, key: str) -> None:
    arrays = {"x": X, "y": Y} | {key: np.array([{}] * 20, dtype=object)}
    assert "saved without pickle" in refusal(saved(tmp_path, **arrays))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "none.npz")
    assert "No such file" in refusal(path)
    with pytest.raises(UserError, match=re.escape(f"received {path}: No such file")):
        digest_of(path)


def test_a_file_that_changed_is_refused_and_not_taken_for_what_it_was(tmp_path: Path) -> None:
    source = saved(tmp_path, x=X, y=Y)
    task = Task(source=source, sha256=digest_of(source), batch_size=4)
    saved(tmp_path, x=X + 1, y=Y)
    said = f"the data file changed while it was in use: {source}; leave it as it is and run again"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        load(task)
    saved(tmp_path, x=X, y=Y)
    assert digest_of(source) == task.sha256


def test_the_digest_is_that_of_the_files_bytes_and_digits_have_none(tmp_path: Path) -> None:
    source = saved(tmp_path, x=X, y=Y)
    assert digest_of(source) == hashlib.sha256(Path(source).read_bytes()).hexdigest()
    assert digest_of("digits") == ""
