"""Other kinds of file.

Which one a file is, by how it begins, and the line of Python that makes an .npz of it.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from common.datafile.file import File

SIGNATURES = {
    b"PK\x03\x04": ".npz",
    b"\x93NUMPY": ".npy",
    b"\x80": ".pkl",
    b"\x89HDF": ".h5",
    b"PAR1": ".parquet",
    b"MATLAB 5": ".mat",
}
"""How files begin."""

OTHER_ARCHIVES = (".pt", ".pth", ".xlsx")
TEXTS = (".json", ".arff", ".svm", ".libsvm")

LINE = 100_000
"""Characters of a table's first line."""

TABLE = "np.savez({out!r}, x=t[:, :-1].astype(float), y=t[:, -1])"
NAMED = "np.savez({out!r}, x=d['x'], y=d['y'])"

RECIPES = {
    ".npy": f"t = np.load({{path!r}}); {TABLE}",
    ".csv": f"t = np.loadtxt({{path!r}}, dtype=str{{reading}}); {TABLE}",
    ".parquet": f"import polars as pl; t = pl.read_parquet({{path!r}}).to_numpy(); {TABLE}",
    ".xlsx": f"import pandas as pd; t = pd.read_excel({{path!r}}).to_numpy(); {TABLE}",
    ".arff": (
        "from scipy.io import arff; t = np.array(arff.loadarff({path!r})[0].tolist()); " + TABLE
    ),
    ".svm": (
        "from sklearn.datasets import load_svmlight_file; x, y = load_svmlight_file({path!r}); "
        "np.savez({out!r}, x=x.toarray(), y=y)"
    ),
    ".mat": (
        "from scipy.io import loadmat; d = loadmat({path!r}); np.savez({out!r}, x=d['x'], "
        "y=d['y'].ravel())"
    ),
    ".h5": f"import h5py; d = h5py.File({{path!r}}); {NAMED}",
    ".pt": f"import torch; d = torch.load({{path!r}}); {NAMED}",
    ".pkl": (
        "import pickle; from pathlib import Path; d = "
        f"pickle.loads(Path({{path!r}}).read_bytes()); {NAMED}"
    ),
    ".json": (
        f"import json; from pathlib import Path; d = json.loads(Path({{path!r}}).read_text()); "
        f"{NAMED}"
    ),
}
"""What makes the right file of another kind of file; of a table the last column is taken for the
labels."""


def kind_of(path: Path, head: bytes) -> str:
    """The kind of a file by how it begins, as the suffix that it ought to have.

    An empty string for what is not known.
    """
    suffix = {".pth": ".pt", ".libsvm": ".svm"}.get(path.suffix.lower(), path.suffix.lower())
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return suffix if kind == ".npz" and path.suffix.lower() in OTHER_ARCHIVES else kind
    if head.startswith(b"\x1f\x8b"):
        return ".csv"
    try:
        text = head.decode(errors="strict" if len(head) < 4096 else "ignore")
    except UnicodeDecodeError:
        return ""
    if not text.strip() or "\0" in text:
        return ""
    return suffix if path.suffix.lower() in TEXTS else ".csv"


def recipe(path: str, kind: str) -> str:
    """The line of Python that makes an .npz of such a file, and what it takes for the labels."""
    reading = _reading(path) if kind == ".csv" else ""
    made = RECIPES[kind].format(path=path, out=File(path).out, reading=reading)
    taken = (
        ", the last column for the labels"
        if "t[:, -1]" in made
        else ", by the names x and y"
        if "d['x']" in made
        else ""
    )
    return f"in Python{taken}: import numpy as np; {made}"


def _reading(path: str) -> str:
    """How `numpy.loadtxt` is to read a table: its delimiter, and whether it has a heading."""
    opener = gzip.open if Path(path).suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace") as file:
            first = str(file.readline(LINE))
    except (OSError, EOFError, zlib.error):  # it is called .gz and is none, or is torn
        return ""
    delimiter = next((each for each in ",;\t" if each in first), None)
    options = {"delimiter": delimiter, "quotechar": '"' if '"' in first else None}
    fields = first.replace('"', "").split(delimiter)
    options["skiprows"] = None if all(map(_is_number, fields[:-1])) else "1"
    return "".join(
        f", {name}={value if name == 'skiprows' else repr(value)}"
        for name, value in options.items()
        if value
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
