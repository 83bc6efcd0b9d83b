"""What people have on disk: accepted as it is, or refused with a line of Python that makes the right file; it is run here."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import datafile, memory
from common.datafile.recipes import RECIPES
from common.errors import COLUMNS, UserError
from common.text import columns

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
Y = RNG.integers(3, size=30)
SEQUENCES = X.reshape(30, 2, 2)
NAMES = np.array(["setosa", "versicolor", "virginica"])


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "it's {mine}.npz"
    np.savez(path, **arrays)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        datafile.read(str(path))
    message = str(refused.value)
    assert "\n" not in message
    assert str(path)[:16] in message
    assert columns(refused.value.line) <= COLUMNS
    return message


def cured(path: Path, **names: Any) -> tuple[np.ndarray, np.ndarray]:
    """The data of the file that the message's line of Python makes."""
    code = re.search(r"in Python[^:]*: (.*)$", refusal(path))
    assert code, refusal(path)
    before = set(path.parent.iterdir())
    exec(code[1], dict(names))
    (made,) = set(path.parent.iterdir()) - before
    assert made.suffix == ".npz"
    return datafile.read(str(made))


def same(found: tuple[np.ndarray, np.ndarray], x: np.ndarray = X, y: np.ndarray = Y) -> bool:
    assert (found[0].dtype, found[1].dtype) == (np.float64, np.int64)
    return np.array_equal(found[0], x) and np.array_equal(found[1], y)


LABELS = {
    "integers": Y,
    "small integers": Y.astype(np.int8),
    "unsigned": Y.astype(np.uint64),
    "from 1": Y + 1,
    "with gaps": Y * 1000 - 7,
    "codes of letters": Y + 97,
    "column": Y[:, None],
    "floats": Y.astype(float),
    "float column": Y[:, None].astype(np.float32),
    "half floats": Y.astype(np.float16),
    "one-hot": np.eye(3, dtype=int)[Y],
    "one-hot floats": np.eye(3)[Y],
    "one-hot truth values": np.eye(3, dtype=bool)[Y],
    "text": NAMES[Y],
    "text column": NAMES[Y][:, None],
    "bytes": NAMES[Y].astype("S"),
    "digits as text": Y.astype(str),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind_that_names_classes_are_accepted_as_they_are(tmp_path: Path, kind: str) -> None:
    assert same(datafile.read(str(saved(tmp_path, x=X, y=LABELS[kind]))))


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.integers(-5, 5), min_size=4, max_size=30).filter(lambda y: len(set(y)) > 1), kind=st.sampled_from("if")
)
def test_labels_are_numbered_in_their_order(tmp_path_factory: pytest.TempPathFactory, labels: list[int], kind: str) -> None:
    y = np.repeat(labels, 3).astype(kind)
    _, numbers = datafile.read(str(saved(tmp_path_factory.mktemp("labels"), x=np.ones((len(y), 1)), y=y)))
    assert np.array_equal(np.unique(y)[numbers], y)


QUANTITIES = {
    "a quantity": X[:, 0] ** 3,
    "a column": X[:, :1] ** 3,
    "halves": Y / 2,
    "single precision": X[:, 0].astype(np.float32),
    "whole, like a measurement": np.arange(30.0) * 1e3,
    "several": X[:, :2],
    "the samples themselves": X,
    "scores": np.eye(3)[Y] * 0.8 + 0.1,
    "several labels of 0 and 1 each": (X > 0).astype(float),
}


@pytest.mark.parametrize("kind", QUANTITIES)
def test_quantities_are_real_targets_as_they_are(tmp_path: Path, kind: str) -> None:
    y = QUANTITIES[kind]
    x, found = datafile.read(str(saved(tmp_path, x=X, y=y)))
    assert np.array_equal(x, X)
    assert found.dtype == np.float64
    assert found.shape == (30, 1 if y.ndim == 1 else y.shape[1])
    assert np.array_equal(found, y.reshape(30, -1))


def test_sequences_are_taken_as_they_are(tmp_path: Path) -> None:
    assert same(datafile.read(str(saved(tmp_path, x=SEQUENCES, y=Y))), SEQUENCES)
    x, y = datafile.read(str(saved(tmp_path, x=SEQUENCES.astype(np.float32), y=X)))
    assert (x.shape, y.shape, x.dtype) == ((30, 2, 2), (30, 4), np.float64)


@pytest.mark.parametrize("keys", [("X", "y"), ("x", "Y"), ("X", "Y")])
def test_a_key_may_be_a_capital(tmp_path: Path, keys: tuple[str, str]) -> None:
    assert same(datafile.read(str(saved(tmp_path, **dict(zip(keys, (X, Y), strict=True))))))


def test_of_a_small_and_a_capital_key_the_small_one_counts(tmp_path: Path) -> None:
    assert same(datafile.read(str(saved(tmp_path, X=X * 2, x=X, y=Y))))


REFUSED: dict[str, tuple[dict[str, Any], np.ndarray, np.ndarray]] = {
    "one axis": ({"x": X[:, 0], "y": Y}, X[:, :1], Y),
    "images": ({"x": X.reshape(30, 2, 2, 1), "y": Y}, X, Y),
    "sequences by time": ({"x": SEQUENCES.swapaxes(0, 1), "y": Y}, SEQUENCES, Y),
    "nan in a sequence": (
        {"x": np.where(SEQUENCES[3, 1, 1] == SEQUENCES, np.nan, SEQUENCES), "y": Y},
        np.delete(SEQUENCES, 3, 0),
        np.delete(Y, 3),
    ),
    "transposed": ({"x": X.T, "y": Y}, X, Y),
    "x as text": ({"x": X.astype(str), "y": Y}, X, Y),
    "complex": ({"x": X + 1j, "y": Y}, np.hstack([X, np.ones((30, 4))]), Y),
    "records": ({"x": np.array([tuple(row) for row in X], "f8,f8,f8,f8"), "y": Y}, X, Y),
    "dates": ({"x": np.arange(30).reshape(30, 1).astype("M8[s]"), "y": Y}, np.arange(30.0).reshape(30, 1), Y),
    "nan in x": ({"x": np.where(X[3, 1] == X, np.nan, X), "y": Y}, np.delete(X, 3, 0), np.delete(Y, 3)),
    "nan in y": ({"x": X, "y": np.where(np.arange(30) == 3, np.nan, Y)}, np.delete(X, 3, 0), np.delete(Y, 3)),
    "a row": ({"x": X, "y": Y[None]}, X, Y),
    "probabilities": ({"x": X, "y": np.eye(3)[Y] * 0.7 + 0.1}, X, Y),
    "dates in y": ({"x": X, "y": Y.astype("M8[D]")}, X, Y),
    "object x": ({"x": X.astype(object), "y": Y}, X, Y),
    "object y": ({"x": X, "y": np.array([str(name) for name in NAMES[Y]], object)}, X, Y),
    "sklearn": ({"data": X, "target": Y, "target_names": NAMES}, X, Y),
    "features, labels": ({"features": X, "labels": Y}, X, Y),
    "positional": ({"arr_0": X, "arr_1": Y}, X, Y),
    "unheard of": ({"messungen": X, "klassen": Y}, X, Y),
    "only y named": ({"table": X, "y": Y}, X, Y),
    "a table": ({"table": np.column_stack([X, Y])}, X, Y),
    "split": ({"x_train": X[:20], "y_train": Y[:20], "x_test": X[20:], "y_test": Y[20:]}, X, Y),
    "split in capitals": ({"X_train": X[:20], "y_train": Y[:20], "X_test": X[20:], "y_test": Y[20:]}, X, Y),
    "split images": (
        {
            "x_test": X[20:].reshape(-1, 2, 2, 1),
            "x_train": X[:20].reshape(-1, 2, 2, 1),
            "y_train": Y[:20],
            "y_test": Y[20:],
        },
        X,
        Y,
    ),
    "training part only": ({"x_train": X, "y_train": Y}, X, Y),
    "images of another name": ({"images": X.reshape(30, 2, 2, 1), "labels": Y}, X, Y),
    "sequences of another name": ({"inputs": SEQUENCES, "labels": Y}, SEQUENCES, Y),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_the_line_of_python_in_the_message_makes_the_right_file(tmp_path: Path, kind: str) -> None:
    arrays, x, y = REFUSED[kind]
    assert same(cured(saved(tmp_path, **arrays)), x, y)


def test_a_sparse_matrix_is_made_dense_and_gets_its_labels(tmp_path: Path) -> None:
    from scipy import sparse

    path, x = tmp_path / "sparse.npz", np.where(X > 0, X, 0)
    sparse.save_npz(path, sparse.csr_matrix(x))
    assert same(cured(path, labels=Y), x)


def text(rows: np.ndarray, labels: np.ndarray, delimiter: str = ",", heading: str = "") -> str:
    lines = [delimiter.join([*map(repr, map(float, row)), str(label)]) for row, label in zip(rows, labels, strict=True)]
    return "\n".join([*([heading] if heading else []), *lines]) + "\n"


TEXTS = {
    "iris.csv": text(X, NAMES[Y]),
    "heading.csv": text(X, NAMES[Y], heading="a,b,c,d,species"),
    "german.csv": text(X, Y, ";", "a;b;c;d;y"),
    "quoted.csv": text(X, [f'"{name}"' for name in NAMES[Y]], heading='"a","b","c","d","y"'),  # pyright: ignore[reportArgumentType]
    "table.tsv": text(X, Y, "\t"),
    "iris.data": text(X, NAMES[Y]),
    "table.txt": text(X, Y, " "),
    "really_csv.npz": text(X, Y),
    "data.json": json.dumps({"x": X.tolist(), "y": Y.tolist()}),
    "data.svm": "".join(f"{y} 1:{a!r} 2:{b!r} 3:{c!r} 4:{d!r}\n" for (a, b, c, d), y in zip(X.tolist(), Y, strict=True)),
    "data.arff": "@relation r\n" + "".join(f"@attribute {c} numeric\n" for c in "abcdy") + "@data\n" + text(X, Y),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_file_is_refused_with_what_makes_an_npz_of_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(TEXTS[name])
    assert "must be an .npz file with arrays x and y; received a ." in refusal(path)
    assert same(cured(path))


def test_a_compressed_table_is_refused_with_what_makes_an_npz_of_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(TEXTS["heading.csv"].encode()))
    assert same(cured(path))


def _write(path: Path) -> None:
    match path.name:
        case "table.npy" | "really_npy.npz":
            with path.open("wb") as file:
                np.save(file, np.column_stack([X, Y]))
        case "data.mat":
            from scipy.io import savemat

            savemat(path, {"x": X, "y": Y})
        case "table.parquet":
            import polars

            polars.DataFrame(np.column_stack([X, Y])).write_parquet(path)
        case "data.pkl" | "data.pickle":
            path.write_bytes(pickle.dumps({"x": X, "y": Y}))


@pytest.mark.parametrize("name", ["table.npy", "really_npy.npz", "data.mat", "table.parquet", "data.pkl", "data.pickle"])
def test_another_binary_file_is_refused_with_what_makes_an_npz_of_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    _write(path)
    assert same(cured(path))


def test_a_file_of_pytorch_is_refused_with_what_makes_an_npz_of_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"x": torch.tensor(X), "y": torch.tensor(Y)}, tmp_path / "data.pt")
    assert same(cured(tmp_path / "data.pt"))


@pytest.mark.parametrize("suffix", [s for s in RECIPES if s not in (".csv",)])
def test_every_recipe_is_python(suffix: str) -> None:
    compile(RECIPES[suffix].format(path="a", out="b", reading=""), suffix, "exec")


def test_what_no_line_can_mend_is_refused_all_the_same(tmp_path: Path) -> None:
    for arrays, said in [
        ({"x": X[:0], "y": Y[:0]}, "received shape (0, 4)"),
        ({"x": X, "y": Y[:-1]}, "received 30 and 29"),
        ({"x": X, "y": np.full(30, 7)}, "only the label 7"),
        ({"x": X, "y": np.ones((30, 2, 2))}, "received shape (30, 2, 2) of float64"),
        ({"x": X, "y": Y[:0]}, "received shape (0,) of int64"),
        ({"x": np.float64(3), "y": Y}, "received shape () of float64"),
    ]:
        assert said in refusal(saved(tmp_path, **arrays))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\x03", bytes(range(256)), b"\x89HDF\r\n\x1a\n", b"PAR1torn"])
def test_a_file_of_any_bytes_gets_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(content)
    assert "must be an .npz file" in refusal(path)


def npy(x: np.ndarray) -> bytes:
    np.save(content := io.BytesIO(), x)
    return content.getvalue()


def archive(path: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a name that is there twice
        for name, content in members:
            file.writestr(name, content)
    return path


def header(shape: str, descr: str = "'<f8'", rest: bytes = b"") -> bytes:
    """An array that says of itself what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + rest


FORGED = {
    "negative": (header("(-3, 4)"), "damaged one (an array of shape (-3, 4) of float64)"),
    "huge": (header("(1000000000, 1000000000)"), "received a damaged one: shape (1000000000, 1000000000) of float64 under 'x'"),
    "astronomical": (header(f"({10**300},)"), "of float64 under 'x' in 384 bytes"),
    "no shape": (header("'three'"), "damaged"),
    "no type": (header("(3, 4)", "'nonsense'"), "damaged"),
    "code": (header("(3, 4)", "__import__('os')"), "damaged"),
    "nested": (header("(3, 4)", "[" * 3000 + "]" * 3000), "damaged"),
    "empty text": (header(f"({10**15},)", "'<U0'"), "damaged"),
    "objects": (header("(3, 4)", "'|O'"), "saved without pickle; received objects under 'x'"),
    "nothing": (b"", "received no array under 'x'"),
    "text": (b"hello", "received no array under 'x'"),
    "torn": (npy(X)[:200], "received a damaged one: shape (30, 4) of float64 under 'x' in 200 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGED)
def test_an_array_that_lies_about_itself_is_refused_unread(tmp_path: Path, kind: str) -> None:
    content, said = FORGED[kind]
    message = refusal(archive(tmp_path / "forged.npz", ("x.npy", content), ("y.npy", npy(Y))))
    assert said in message
    assert "allow_pickle" not in message.partition("; for a file that you trust")[0], "which is advice for programs"


def test_a_long_header_is_refused_without_numpys_advice_to_trust_the_file(tmp_path: Path) -> None:
    names = np.zeros(3, [(f"a rather long name of a field, number {i}", "f8") for i in range(400)])
    assert "trust" not in refusal(saved(tmp_path, x=names, y=Y))


def test_a_small_archive_of_large_arrays_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((100_000, 20)), y=np.arange(100_000) % 2)
    assert path.stat().st_size < 300_000
    monkeypatch.setattr(memory, "available", lambda: 50_000_000)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it is read"))
    assert "received arrays that need about 118 MB of the 50 MB that there are" in refusal(path)


def test_an_archive_whose_list_of_members_is_huge_is_refused(tmp_path: Path) -> None:
    members = [(f"{i:0200}.npy", b"") for i in range(5000)]
    path = archive(tmp_path / "many.npz", ("x.npy", npy(X)), ("y.npy", npy(Y)), *members, how=zipfile.ZIP_STORED)
    assert "its directory is larger than 1 MB" in refusal(path)


@pytest.mark.parametrize("second", ["x.npy", "x"])
def test_an_array_that_is_there_twice_is_refused(tmp_path: Path, second: str) -> None:
    members = [("x.npy", npy(X)), (second, npy(2 * X)), ("y.npy", npy(Y))]
    assert "received 'x' twice" in refusal(archive(tmp_path / "twice.npz", *members))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "secret.npz", ("x.npy", npy(X)), ("y.npy", npy(Y)))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "received 'x' with a password" in refusal(path)


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_is_packed_in_another_way_is_refused_unread(tmp_path: Path, how: int) -> None:
    path = archive(tmp_path / "odd.npz", ("x.npy", npy(X)), ("y.npy", npy(Y)), ("z.npy", bytes(10**8)), how=how)
    assert "received 'x' in another way; save it again" in refusal(path)


def test_what_is_no_regular_file_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    for path in (tmp_path / "fifo.npz", Path("/dev/zero"), Path("/dev/tty")):
        with pytest.raises(UserError, match=r"--data must name a readable \.npz file; received .*(pipe or a device|No such)"):
            datafile.content_of(str(path))


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_in_memory_changes_nothing(tmp_path: Path, order: Any) -> None:
    found = datafile.read(str(saved(tmp_path, x=np.asarray(X, order=order), y=Y)))
    assert same(found)
    assert found[0].flags.c_contiguous


def test_what_is_accepted_passes_the_check_as_well(tmp_path: Path) -> None:
    datafile.content_of(str(saved(tmp_path, x=X, y=Y)))


def test_the_memory_there_is_counts_this_processs_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory.available()
    assert 0 < free < 2**50
    monkeypatch.setattr(memory.resource, "getrlimit", lambda _: (2**33, 2**33))
    assert memory.available() < 2**33
