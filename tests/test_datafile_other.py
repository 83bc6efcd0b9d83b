"""Files that are no .npz of arrays: text, tables and other formats are refused with a line that
makes one; it is run here.
"""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from common.datafile.recipes import RECIPES
from tests.datafiles import NAMES, X, Y, cured, refusal, same


def test_a_sparse_matrix_is_made_dense_and_gets_its_labels(tmp_path: Path) -> None:
    from scipy import sparse

    path = tmp_path / "sparse.npz"
    x = np.where(X > 0, X, 0)
    sparse.save_npz(path, sparse.csr_matrix(x))
    assert same(cured(path, labels=Y), x)


def text(rows: np.ndarray, labels: np.ndarray, delimiter: str = ",", heading: str = "") -> str:
    lines = [
        delimiter.join([*map(repr, map(float, row)), str(label)])
        for row, label in zip(rows, labels, strict=True)
    ]
    return "\n".join([*([heading] if heading else []), *lines]) + "\n"


TEXTS = {
    "iris.csv": text(X, NAMES[Y]),
    "heading.csv": text(X, NAMES[Y], heading="a,b,c,d,species"),
    "german.csv": text(X, Y, ";", "a;b;c;d;y"),
    "quoted.csv": text(X, np.array([f'"{name}"' for name in NAMES[Y]]),
        heading='"a","b","c","d","y"'),
    "table.tsv": text(X, Y, "\t"),
    "iris.data": text(X, NAMES[Y]),
    "table.txt": text(X, Y, " "),
    "really_csv.npz": text(X, Y),
    "data.json": json.dumps({"x": X.tolist(), "y": Y.tolist()}),
    "data.svm": "".join(
        f"{y} 1:{a!r} 2:{b!r} 3:{c!r} 4:{d!r}\n"
        for (a, b, c, d), y in zip(X.tolist(), Y, strict=True)
    ),
    "data.arff": (
        "@relation r\n" + "".join(f"@attribute {c} numeric\n" for c in "abcdy")
        + "@data\n" + text(X, Y)
    ),
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


@pytest.mark.parametrize(
    "name", ["table.npy", "really_npy.npz", "data.mat", "table.parquet", "data.pkl", "data.pickle"]
)
def test_another_binary_file_is_refused_with_what_makes_an_npz_of_it(
    tmp_path: Path, name: str
) -> None:
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


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02\x03", bytes(range(256)), b"\x89HDF\r\n\x1a\n", b"PAR1torn"]
)
def test_a_file_of_any_bytes_gets_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(content)
    assert "must be an .npz file" in refusal(path)
