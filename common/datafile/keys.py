"""Which arrays of an archive are x and y.

Where none has the name, the line of Python that gives them their names.
"""

from __future__ import annotations

from collections.abc import Iterable

from common.datafile.archive import Members
from common.datafile.file import RULE, File
from common.errors import UserError

CALLED = {
    "x": (
        "x",
        "x_train",
        "data",
        "features",
        "inputs",
        "samples",
        "images",
        "train_x",
        "train_data",
        "arr_0",
    ),
    "y": (
        "y",
        "y_train",
        "target",
        "targets",
        "labels",
        "label",
        "classes",
        "train_y",
        "train_labels",
        "arr_1",
    ),
}
"""What people call the two arrays, in small letters, the likeliest first."""


def named_in(path: str, members: Members) -> File:
    """The keys of the arrays x and y of an archive; either key may be a capital."""
    keys = {role: role if role in members else role.upper() for role in ("x", "y")}
    for role, key in keys.items():
        if key not in members:
            raise File(path).refuse(
                (
                    f"key {role!r} is missing; expected x [samples, features] and y [samples]; "
                    f"received {_listed(members)}"
                ),
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
        return (
            "in Python, with your labels: import numpy as np; from scipy.sparse import load_npz; "
            f"{_saved(path, made)}"
        )
    names = list(shapes)
    if len(names) == 1 and len(shapes[names[0]]) == 2:
        table = File(path, x=names[0], y=names[0])
        return "if its last column is the labels, " + table.cure("{x}[:, :-1]", "{y}[:, -1]")
    names = _meant(shapes)
    if names is None:
        return f"in Python: import numpy as np; {_saved(path, 'x=samples, y=labels')}"
    x, y = (_whole(name, shapes) for name in names)
    return File(path).cure(
        x if len(shapes[names[0]]) in (2, 3) else f"(s := {x}).reshape(len(s), -1)", y
    )


def _saved(path: str, arrays: str) -> str:
    return f"np.savez({File(path).out!r}, {arrays})"


def _meant(shapes: dict[str, tuple[int, ...]]) -> tuple[str, str] | None:
    """The keys of the two arrays, by what people call them, or by shape where there are two."""
    keys = {key.lower(): key for key in shapes}
    x, y = (
        next((keys[name] for name in CALLED[role] if name in keys), None) for role in ("x", "y")
    )
    if x and y and shapes[x]:
        return x, y
    if len(shapes) == 2 and len({len(shape) for shape in shapes.values()}) == 2:
        y, x = sorted(shapes, key=lambda key: len(shapes[key]))
        return x, y
    return None


def _whole(key: str, shapes: dict[str, tuple[int, ...]]) -> str:
    """An array as an expression; a training part joined with its test part, if there is one."""
    rest = next(
        (k for k in shapes if k != key and k.lower() == key.lower().replace("train", "test")), None
    )
    return f"np.concatenate([d[{key!r}], d[{rest!r}]])" if rest else f"d[{key!r}]"
