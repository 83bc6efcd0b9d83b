"""A user's own data, read from an .npz file: what is accepted, and for all else the line of Python that makes such a file.

Accepted are `x` [samples, features], real numbers, and `y`, a label for each sample; either key also as a capital. Labels are
what names classes beyond doubt: integers, truth values, text, whole numbers of a floating-point type, a column [samples, 1] of
any of these, and one-hot rows, with a single 1 and otherwise 0. Nothing is guessed: other keys, other files and other
shapes are refused, with what to do about them.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import UserError

Arrays = dict[str, np.ndarray]

CALLED = {
    "x": ("x", "x_train", "data", "features", "inputs", "samples", "images", "train_x", "train_data", "arr_0"),
    "y": ("y", "y_train", "target", "targets", "labels", "label", "classes", "train_y", "train_labels", "arr_1"),
}
"""What people call the two arrays, in small letters, the likeliest first."""

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

TABLE = "np.savez({out!r}, x=t[:, :-1].astype(float), y=t[:, -1])"
NAMED = "np.savez({out!r}, x=d['x'], y=d['y'])"
RECIPES = {
    ".npy": f"t = np.load({{path!r}}); {TABLE}",
    ".csv": f"t = np.loadtxt({{path!r}}, dtype=str{{reading}}); {TABLE}",
    ".parquet": f"import polars as pl; t = pl.read_parquet({{path!r}}).to_numpy(); {TABLE}",
    ".xlsx": f"import pandas as pd; t = pd.read_excel({{path!r}}).to_numpy(); {TABLE}",
    ".arff": f"from scipy.io import arff; t = np.array(arff.loadarff({{path!r}})[0].tolist()); {TABLE}",
    ".svm": "from sklearn.datasets import load_svmlight_file; x, y = load_svmlight_file({path!r}); "
    "np.savez({out!r}, x=x.toarray(), y=y)",
    ".mat": "from scipy.io import loadmat; d = loadmat({path!r}); np.savez({out!r}, x=d['x'], y=d['y'].ravel())",
    ".h5": f"import h5py; d = h5py.File({{path!r}}); {NAMED}",
    ".pt": f"import torch; d = torch.load({{path!r}}); {NAMED}",
    ".pkl": f"import pickle; from pathlib import Path; d = pickle.loads(Path({{path!r}}).read_bytes()); {NAMED}",
    ".json": f"import json; from pathlib import Path; d = json.loads(Path({{path!r}}).read_text()); {NAMED}",
}
"""What makes the right file of another kind of file; of a table the last column is taken for the labels."""


@dataclass(frozen=True)
class File:
    """A file that is being read, and the keys that its two arrays have."""

    path: str
    x: str = "x"
    y: str = "y"

    def refuse(self, problem: str, cure: str = "") -> UserError:
        """The error that says what is wrong with the file."""
        return UserError(f"{self.path}: {problem}" + (f"; {cure}" if cure else ""))

    def cure(self, x: str = "{x}", y: str = "{y}", *, before: str = "", load: str = "np.load({path!r})") -> str:
        """The Python that makes the right file: of what x and y are made, where `{x}` and `{y}` are the arrays as they are."""
        made = f"import numpy as np; d = {load}; {before}np.savez({{out!r}}, x={x}, y={y})"
        return "in Python: " + made.format(path=self.path, out=self.out, x=f"d[{self.x!r}]", y=f"d[{self.y!r}]")

    @property
    def out(self) -> str:
        """What the right file may be called."""
        path = Path(self.path)
        return str(path.with_name(f"{path.stem}-xy.npz") if path.suffix == ".npz" else path.with_suffix(".npz"))


def read(path: str, content: bytes | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Samples x [samples, features] float64, and labels y [samples] int64, numbered 0, 1, 2 ... in the order of the file's.

    Args:
        path: Of the file, for what is said of it.
        content: Its bytes, where they are read already.

    Raises:
        UserError: The file is no such file; the message says what it is, and how to make one of it.
    """
    file, found = _opened(path, content)
    x, y = _samples(file, found["x"]), _labels(file, found["y"])
    if len(x) != len(y):
        turned = file.cure("{x}.T") if x.shape[1] == len(y) else ""
        raise file.refuse(f"'x' and 'y' must have as many samples; received {len(x)} and {len(y)}", turned)
    names, numbers = np.unique(y, return_inverse=True)
    if len(names) < 2:
        raise file.refuse(f"'y' must have at least two classes; received only the label {names[0]}")
    return x, numbers.astype(np.int64)


def _opened(path: str, content: bytes | None) -> tuple[File, Arrays]:
    """The two arrays as they are in the file."""
    kind = ""
    try:
        content = Path(path).read_bytes() if content is None else content
        kind = _kind(Path(path), content[:4096])
        if kind not in ("", ".npz"):
            raise UserError(f"{path} must be an .npz file with arrays x and y; received a {kind} file; {_recipe(path, kind)}")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return _named(path, archive)
    except UserError:
        raise
    except Exception as error:  # a damaged archive raises whatever its decoder stumbles over
        rule = f"{path} must be an .npz file with arrays x and y, saved without pickle; received: {error}"
        raise UserError(rule + (_unpickled(path) if kind == ".npz" and "allow_pickle" in str(error) else "")) from None


def _unpickled(path: str) -> str:
    load = "np.load({path!r}, allow_pickle=True)"
    made = File(path).cure("np.array({x}.tolist(), float)", "np.array({y}.tolist())", load=load)
    return f"; for a file that you trust, {made}"


def _kind(path: Path, head: bytes) -> str:
    """The kind of a file by how it begins, as the suffix that it ought to have; an empty string for what is not known."""
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


def _recipe(path: str, kind: str) -> str:
    reading = _reading(path) if kind == ".csv" else ""
    made = RECIPES[kind].format(path=path, out=File(path).out, reading=reading)
    taken = ", the last column for the labels" if "t[:, -1]" in made else ", by the names x and y" if "d['x']" in made else ""
    return f"in Python{taken}: import numpy as np; {made}"


def _reading(path: str) -> str:
    """How `numpy.loadtxt` is to read a table: what is between its columns, and whether it has a heading."""
    opened = gzip.open if Path(path).suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        first = str(file.readline())
    delimiter = next((each for each in ",;\t" if each in first), None)
    options = {"delimiter": delimiter, "quotechar": '"' if '"' in first else None}
    fields = first.replace('"', "").split(delimiter)
    options["skiprows"] = None if all(map(_is_number, fields[:-1])) else "1"
    return "".join(f", {name}={value if name == 'skiprows' else repr(value)}" for name, value in options.items() if value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(path: str, archive: np.lib.npyio.NpzFile) -> tuple[File, Arrays]:
    """The arrays x and y of an archive; either key may be a capital."""
    keys = {role: role if role in archive.files else role.upper() for role in ("x", "y")}
    for role, key in keys.items():
        if key not in archive.files:
            raise File(path).refuse(
                f"key {role!r} is missing; expected x [samples, features] and y [samples]; "
                f"received {', '.join(archive.files) or 'no keys'}",
                _renamed(path, archive),
            )
    found = {role: archive[key] for role, key in keys.items()}
    for role, key in keys.items():
        if not isinstance(found[role], np.ndarray):
            raise UserError(f"{path} must be an .npz file with arrays x and y; received no array under {key!r}")
    return File(path, **keys), found


def _renamed(path: str, archive: np.lib.npyio.NpzFile) -> str:
    """The cure for arrays of other names."""
    shapes = {key: np.shape(archive[key]) for key in archive.files}
    if {"indptr", "indices", "shape"} <= shapes.keys():
        made = f"x=load_npz({path!r}).toarray(), y=labels"
        return f"in Python, with your labels: import numpy as np; from scipy.sparse import load_npz; {_saved(path, made)}"
    if len(shapes) == 1 and len(shapes[archive.files[0]]) == 2:
        table = File(path, x=archive.files[0], y=archive.files[0])
        return "if its last column is the labels, " + table.cure("{x}[:, :-1]", "{y}[:, -1]")
    names = _meant(shapes)
    if names is None:
        return f"in Python: import numpy as np; {_saved(path, 'x=samples, y=labels')}"
    x, y = (_whole(name, shapes) for name in names)
    return File(path).cure(x if len(shapes[names[0]]) == 2 else f"(s := {x}).reshape(len(s), -1)", y)


def _saved(path: str, arrays: str) -> str:
    return f"np.savez({File(path).out!r}, {arrays})"


def _meant(shapes: dict[str, tuple[int, ...]]) -> tuple[str, str] | None:
    """The keys of the two arrays, by what people call them, or by their shapes where there are two."""
    keys = {key.lower(): key for key in shapes}
    x, y = (next((keys[name] for name in CALLED[role] if name in keys), None) for role in ("x", "y"))
    if x and y and shapes[x]:
        return x, y
    if len(shapes) == 2 and len({len(shape) for shape in shapes.values()}) == 2:
        y, x = sorted(shapes, key=lambda key: len(shapes[key]))
        return x, y
    return None


def _whole(key: str, shapes: dict[str, tuple[int, ...]]) -> str:
    """An array as an expression, joined with its test part where it is a training part and there is one."""
    rest = next((k for k in shapes if k != key and k.lower() == key.lower().replace("train", "test")), None)
    return f"np.concatenate([d[{key!r}], d[{rest!r}]])" if rest else f"d[{key!r}]"


def _labels(file: File, y: np.ndarray) -> np.ndarray:
    """Labels [samples], not numbered yet."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and _one_hot(y):
        return y.argmax(1)
    rule = f"'y' must be integer labels [samples], or what stands for them; received shape {y.shape} of {y.dtype}"
    if y.ndim == 2 and y.shape[0] == 1:
        raise file.refuse(rule, file.cure(y="{y}.ravel()"))
    if y.ndim == 2 and y.dtype.kind in "fiu" and y.size:
        raise file.refuse(rule, "for the largest of each row, " + file.cure(y="{y}.argmax(1)"))
    if y.ndim != 1 or not y.size:
        raise file.refuse(rule)
    if y.dtype.kind not in "iubfUS":
        raise file.refuse(rule, file.cure(y="{y}.astype(str)"))
    if y.dtype.kind == "f":
        _check_whole(file, y)
    return y


def _one_hot(y: np.ndarray) -> bool:
    return y.dtype.kind in "fiub" and y.size > 0 and bool(((y == 0) | (y == 1)).all() and ((y == 1).sum(1) == 1).all())


def _check_whole(file: File, y: np.ndarray) -> None:
    """Whole numbers of a floating-point type are labels, unless they differ from sample to sample like a measurement."""
    if np.isnan(y).any():
        at = int(np.isnan(y).argmax())
        keep = "keep = ~np.isnan({y}).ravel(); "
        cure = "to leave such samples out, " + file.cure("{x}[keep]", "{y}[keep]", before=keep)
        raise file.refuse(f"'y' must be integer labels [samples]; received nan at [{at}]", cure)
    broken = (y != np.floor(y)) | ~np.isfinite(y)
    if not broken.any() and len(np.unique(y)) <= max(2, len(y) / 2):
        return
    received = f"{y[broken.argmax()]} at [{int(broken.argmax())}]" if broken.any() else f"{len(np.unique(y))} different numbers"
    cut = file.cure(y="np.digitize({y}.ravel(), np.quantile({y}, [1 / 3, 2 / 3]))")
    raise file.refuse(
        f"'y' must be integer labels [samples]; received {received} of {y.dtype}",
        f"to cut a quantity into three classes, {cut}",
    )


SAMPLES_OF = {
    "U": "{x}.astype(float)",
    "S": "{x}.astype(float)",
    "c": "np.hstack([{x}.real, {x}.imag])",
    "V": "np.array({x}.tolist(), float)",
    "M": "{x}.astype('int64')",
    "m": "{x}.astype('int64')",
}
"""How numbers are made of an array of another kind."""


def _samples(file: File, x: np.ndarray) -> np.ndarray:
    """Finite numbers [samples, features]."""
    rule = f"'x' must be numbers [samples, features]; received shape {x.shape} of {x.dtype}"
    if x.dtype.kind not in "fiub":
        raise file.refuse(rule, file.cure(SAMPLES_OF[x.dtype.kind]))
    if 0 in x.shape or not x.ndim:
        raise file.refuse(rule)
    if x.ndim == 1:
        raise file.refuse(rule, "for one feature, " + file.cure("{x}[:, None]"))
    if x.ndim > 2:
        raise file.refuse(rule, file.cure("{x}.reshape(len({x}), -1)"))
    with np.errstate(over="ignore"):
        x = x.astype(np.float64)
    finite = np.isfinite(x)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        keep = "keep = np.isfinite({x}).all(1); "
        cure = "to leave such samples out, " + file.cure("{x}[keep]", "{y}[keep]", before=keep)
        raise file.refuse(f"'x' must be finite; received {x[row, column]} at [{row}, {column}]", cure)
    return x
