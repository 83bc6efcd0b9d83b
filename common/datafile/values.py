"""What both arrays must hold: finite samples, labels or real targets, told apart beyond doubt."""

from __future__ import annotations

import numpy as np

from common.datafile.file import File

SAMPLES_OF = {
    "U": "{x}.astype(float)",
    "S": "{x}.astype(float)",
    "c": "np.hstack([{x}.real, {x}.imag])",
    "V": "np.array({x}.tolist(), float)",
    "M": "{x}.astype('int64')",
    "m": "{x}.astype('int64')",
}
"""How numbers are made of an array of another kind."""


def samples(file: File, x: np.ndarray) -> np.ndarray:
    """Finite numbers [samples, features] or [samples, time, features]."""
    rule = (
        "'x' must be numbers [samples, features] or [samples, time, features]; received shape "
        f"{x.shape} of {x.dtype}"
    )
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
        raise file.refuse(
            f"'x' must be finite; received {x[tuple(place)]} at [{', '.join(map(str, place))}]",
            cure,
        )
    return x


NEAR = 1e-3
"""So near to 1 do shares of a whole add up to it."""


def held_to(file: File, y: np.ndarray) -> np.ndarray:
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
    """Whether floating-point numbers are a quantity.

    No whole numbers of which there are a few, no one-hot rows, no shares.
    """
    if y.ndim == 1:
        few = len(np.unique(y)) <= max(2, len(y) / 2)
        return y.size > 0 and not (few and bool((y == np.floor(y)).all()))
    within = bool(((y >= 0) & (y <= 1 + NEAR)).all())  # of larger numbers the sum may overflow
    shares = within and np.allclose(y.sum(1), 1, rtol=0, atol=NEAR)
    return min(y.shape) > 1 and not shares


def _check_known(file: File, y: np.ndarray) -> None:
    """Refuse samples of which nobody knows what they are held to."""
    finite = np.isfinite(y)
    if finite.all():
        return
    place = np.argwhere(~finite)[0]
    keep = "keep = np.isfinite({y}).reshape(len({y}), -1).all(1); "
    cure = "to leave such samples out, " + file.cure("{x}[keep]", "{y}[keep]", before=keep)
    raise file.refuse(
        f"'y' must be finite; received {y[tuple(place)]} at [{', '.join(map(str, place))}]", cure
    )


def _labels(file: File, y: np.ndarray) -> np.ndarray:
    """Labels [samples], not numbered yet."""
    if y.ndim == 2 and _one_hot(y):
        return y.argmax(1)
    rule = (
        "'y' must be integer labels [samples], or what stands for them, or real targets; received "
        f"shape {y.shape} of {y.dtype}"
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
    return (
        y.dtype.kind in "fiub"
        and y.size > 0
        and bool(((y == 0) | (y == 1)).all() and ((y == 1).sum(1) == 1).all())
    )
