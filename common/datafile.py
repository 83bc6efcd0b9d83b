"""A user's own data, read from an .npz file: what is accepted, and for all else the line of Python that makes such a file.

Accepted are `x` [samples, features] or sequences [samples, time, features], real numbers, and `y`, a label or real targets for
each sample; either key also as a capital. Labels are what names classes beyond doubt: integers, truth values, text, whole
numbers of a floating-point type, a column [samples, 1] of any of these, and one-hot rows, with a single 1 and otherwise 0.

Real targets, [samples] or [samples, targets], are other numbers of a floating-point type: those that are not whole, whole ones
that differ from sample to sample like a measurement, and rows that are no probabilities. Nothing is guessed: other keys, other
files and other shapes are refused, with what to do about them.

What a file says of itself is read first: only a regular file is opened, and arrays that would not fit into memory are refused
by their headers, however small the archive that they are packed into. Nothing that is pickled is opened.
"""

from __future__ import annotations

import gzip
import io
import math
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from common import files, memory
from common.errors import UserError, shown

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
RULE = "must be an .npz file with arrays x and y"

DIRECTORY = 1_000_000
"""Bytes of an archive's list of its members, which is read whole."""

PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How an archive may be packed; of others, zipfile unpacks more than is asked for, without bound."""

HEADER = 16_384
"""Bytes of an array's header; NumPy reads no more than 10,000 of it."""

LINE = 100_000
"""Characters of a table's first line."""

COPIES = 6
"""How many times the samples are in memory, as float64, while they are standardized and divided."""

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
        return UserError(f"{self.path}: {problem}", f"; {cure}" if cure else "")

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
    """The samples, and what they are held to.

    Args:
        path: Of the file, for what is said of it.
        content: Its bytes, where they are read already.

    Returns:
        x [samples, features] or [samples, time, features] float64; and labels y [samples] int64, numbered 0, 1, 2 ... in the
        order of the file's, or real targets y [samples, targets] float64.

    Raises:
        UserError: The file is no such file; the message says what it is, and how to make one of it.
    """
    file, found = opened(path, content)
    x, y = _samples(file, found["x"]), _held_to(file, found["y"])
    if len(x) != len(y):
        turned = file.cure("{x}.T" if x.ndim == 2 else "{x}.swapaxes(0, 1)") if x.shape[1] == len(y) else ""
        raise file.refuse(f"'x' and 'y' must have as many samples; received {len(x)} and {len(y)}", turned)
    return x, y


class Member(NamedTuple):
    """What an archive says of an array in it, before it is read: its shape, its type, and how many bytes it has."""

    shape: tuple[int, ...]
    dtype: np.dtype
    size: int


Members = dict[str, Member | None]
"""The members of an archive by key; None for one that is no array."""


def content_of(path: str) -> bytes:
    """The bytes of the file, once what it says of itself shows that its arrays can be read and fit into memory.

    Raises:
        UserError: It is no regular file, no archive with x and y, or needs more memory than there is.
    """
    try:
        with files.regular(path) as file:
            _archive(path, file)
            return file.read()
    except OSError as error:
        raise UserError(f"--data must name a readable .npz file; received {path}: {error.strerror or error}") from None


def opened(path: str, content: bytes | None = None) -> tuple[File, Arrays]:
    """The two arrays as they are in the file.

    Raises:
        UserError: It is no archive of two arrays; the message says what it is, and how to make one of it.
    """
    file = io.BytesIO(content_of(path) if content is None else content)
    named = _archive(path, file)
    try:
        with warnings.catch_warnings(), np.load(file, allow_pickle=False) as archive:
            warnings.simplefilter("ignore")  # of NumPy, about files of Python 2
            return named, {"x": archive[named.x], "y": archive[named.y]}
    except Exception as error:  # a damaged archive raises whatever its decoder stumbles over
        raise UserError(f"{path} {RULE}; received a damaged one{_stumbled(error)}; save it again") from None


def _archive(path: str, file: BinaryIO) -> File:
    """The keys of the two arrays; the file is then at its beginning."""
    kind = _kind(Path(path), file.read(4096))
    if kind not in ("", ".npz"):
        raise UserError(f"{path} {RULE}; received a {kind} file", f"; {_recipe(path, kind)}")
    size = file.seek(0, io.SEEK_END)
    try:
        members = _members(path, file)
    except UserError:
        raise
    except Exception as error:  # as above
        raise UserError(f"{path} {RULE}; received none, or a damaged one{_stumbled(error)}; save it again") from None
    named = _named(path, members)
    _check_size(named, members, size)
    file.seek(0)
    return named


def _stumbled(error: Exception) -> str:
    """What the reader of archives says; what NumPy says is for programs: it advises to trust the file."""
    return f" ({error})" if isinstance(error, (zipfile.BadZipFile, NotImplementedError)) and str(error) else ""


class _Sober:
    """A file of which nobody reads as much at once as a forged directory of an archive asks for."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """As of a file; what is left at the end, where no size is given."""
        if size > DIRECTORY:
            raise zipfile.BadZipFile("its directory is larger than 1 MB")
        return self.file.read(size if size >= 0 else DIRECTORY)


def _members(path: str, file: BinaryIO) -> Members:
    found: Members = {}
    with zipfile.ZipFile(cast(BinaryIO, _Sober(file))) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if key in found:
                raise UserError(f"{path} must have each array once; received {shown(key)} twice; save it again")
            if info.flag_bits & 1:
                raise UserError(f"{path} must not be encrypted; received {shown(key)} with a password; save it again without")
            if info.compress_type not in PACKED:
                raise UserError(f"{path} must be packed as NumPy does it; received {shown(key)} in another way; save it again")
            with archive.open(info) as member:
                found[key] = _member(member.read(HEADER), info.file_size)
    return found


def _member(head: bytes, size: int) -> Member | None:
    file = io.BytesIO(head)
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        return None
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about files of Python 2
        shape, _, dtype = read(file)
    if any(length < 0 for length in shape) or not (dtype.itemsize or dtype.hasobject):
        raise zipfile.BadZipFile(f"an array of shape {shown(shape)} of {dtype}")
    return Member(shape, dtype, size)


def _check_size(file: File, members: Members, size: int) -> None:
    """Refuse arrays that are pickled, are larger than what is there of them, or do not fit into memory."""
    arrays = {key: member for key in (file.x, file.y) if (member := members[key])}
    if any(member.dtype.hasobject for member in arrays.values()):
        key = next(key for key, member in arrays.items() if member.dtype.hasobject)
        raise UserError(f"{file.path} {RULE}, saved without pickle; received objects under {key!r}", _unpickled(file.path))
    for key, member in arrays.items():
        if math.prod(member.shape) * member.dtype.itemsize > member.size:
            raise UserError(
                f"{file.path} {RULE}; received a damaged one: shape {shown(member.shape)} of {member.dtype} under {key!r} "
                f"in {memory.spoken(member.size)}; save it again"
            )
    needed = size + sum(math.prod(member.shape) * (member.dtype.itemsize + 8 * COPIES) for member in arrays.values())
    if needed > (there := memory.available()):
        raise file.refuse(
            f"x and y must fit into memory; received arrays that need about {memory.spoken(needed)} of the "
            f"{memory.spoken(there)} that there are; keep fewer samples or features"
        )


def _unpickled(path: str) -> str:
    """The cure for objects; `np.load` in it opens what is pickled, so it is for a file that is trusted."""
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
    return "".join(f", {name}={value if name == 'skiprows' else repr(value)}" for name, value in options.items() if value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(path: str, members: Members) -> File:
    """The keys of the arrays x and y of an archive; either key may be a capital."""
    keys = {role: role if role in members else role.upper() for role in ("x", "y")}
    for role, key in keys.items():
        if key not in members:
            raise File(path).refuse(
                f"key {role!r} is missing; expected x [samples, features] and y [samples]; received {_listed(members)}",
                _renamed(path, members),
            )
    for key in keys.values():
        if not members[key]:
            raise UserError(f"{path} {RULE}; received no array under {key!r}; save it again")
    return File(path, **keys)


def _listed(keys: Iterable[str], most: int = 6) -> str:
    names = list(keys)
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])]) or "no keys"


def _renamed(path: str, members: Members) -> str:
    """The cure for arrays of other names."""
    shapes = {key: member.shape if member else () for key, member in members.items()}
    if {"indptr", "indices", "shape"} <= shapes.keys():
        made = f"x=load_npz({path!r}).toarray(), y=labels"
        return f"in Python, with your labels: import numpy as np; from scipy.sparse import load_npz; {_saved(path, made)}"
    names = list(shapes)
    if len(names) == 1 and len(shapes[names[0]]) == 2:
        table = File(path, x=names[0], y=names[0])
        return "if its last column is the labels, " + table.cure("{x}[:, :-1]", "{y}[:, -1]")
    names = _meant(shapes)
    if names is None:
        return f"in Python: import numpy as np; {_saved(path, 'x=samples, y=labels')}"
    x, y = (_whole(name, shapes) for name in names)
    return File(path).cure(x if len(shapes[names[0]]) in (2, 3) else f"(s := {x}).reshape(len(s), -1)", y)


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


def _held_to(file: File, y: np.ndarray) -> np.ndarray:
    """Labels [samples], numbered, or real targets [samples, targets]."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind == "f" and y.ndim in (1, 2):
        _check_known(file, y)
        if _real(y):
            with np.errstate(over="ignore"):
                return y.astype(np.float64).reshape(len(y), -1)
    names, numbers = np.unique(_labels(file, y), return_inverse=True)
    if len(names) < 2:
        raise file.refuse(f"'y' must have at least two classes; received only the label {names[0]}")
    return numbers.astype(np.int64)


def _real(y: np.ndarray) -> bool:
    """Whether floating-point numbers are a quantity: no whole numbers of which there are a few, no one-hot rows, no shares."""
    if y.ndim == 1:
        few = len(np.unique(y)) <= max(2, len(y) / 2)
        return y.size > 0 and not (few and bool((y == np.floor(y)).all()))
    shares = bool((y >= 0).all()) and np.allclose(y.sum(1), 1, rtol=0, atol=1e-3)
    return min(y.shape) > 1 and not shares


def _check_known(file: File, y: np.ndarray) -> None:
    """Refuse samples of which nobody knows what they are held to."""
    finite = np.isfinite(y)
    if finite.all():
        return
    place = np.argwhere(~finite)[0]
    keep = "keep = np.isfinite({y}).reshape(len({y}), -1).all(1); "
    cure = "to leave such samples out, " + file.cure("{x}[keep]", "{y}[keep]", before=keep)
    raise file.refuse(f"'y' must be finite; received {y[tuple(place)]} at [{', '.join(map(str, place))}]", cure)


def _labels(file: File, y: np.ndarray) -> np.ndarray:
    """Labels [samples], not numbered yet."""
    if y.ndim == 2 and _one_hot(y):
        return y.argmax(1)
    rule = (
        f"'y' must be integer labels [samples], or what stands for them, or real targets; received shape {y.shape} of {y.dtype}"
    )
    if y.ndim == 2 and y.shape[0] == 1:
        raise file.refuse(rule, file.cure(y="{y}.ravel()"))
    if y.ndim == 2 and y.dtype.kind in "fiu" and y.size:
        raise file.refuse(rule, "for the largest of each row, " + file.cure(y="{y}.argmax(1)"))
    if y.ndim != 1 or not y.size:
        raise file.refuse(rule)
    if y.dtype.kind not in "iubfUS":
        raise file.refuse(rule, file.cure(y="{y}.astype(str)"))
    return y


def _one_hot(y: np.ndarray) -> bool:
    return y.dtype.kind in "fiub" and y.size > 0 and bool(((y == 0) | (y == 1)).all() and ((y == 1).sum(1) == 1).all())


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
    """Finite numbers [samples, features] or [samples, time, features]."""
    rule = f"'x' must be numbers [samples, features] or [samples, time, features]; received shape {x.shape} of {x.dtype}"
    if x.dtype.kind not in "fiub":
        raise file.refuse(rule, file.cure(SAMPLES_OF[x.dtype.kind]))
    if 0 in x.shape or not x.ndim:
        raise file.refuse(rule)
    if x.ndim == 1:
        raise file.refuse(rule, "for one feature, " + file.cure("{x}[:, None]"))
    if x.ndim > 3:
        raise file.refuse(rule, file.cure("{x}.reshape(len({x}), -1)"))
    with np.errstate(over="ignore"):
        x = x.astype(np.float64, order="C")
    finite = np.isfinite(x)
    if not finite.all():
        place = np.argwhere(~finite)[0]
        keep = f"keep = np.isfinite({{x}}).all({'1' if x.ndim == 2 else '(1, 2)'}); "
        cure = "to leave such samples out, " + file.cure("{x}[keep]", "{y}[keep]", before=keep)
        raise file.refuse(f"'x' must be finite; received {x[tuple(place)]} at [{', '.join(map(str, place))}]", cure)
    return x
