"""What people have in an .npz file: accepted as it is, or refused with a line of Python for the
right file; it is run here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import datafile
from tests.datafiles import NAMES, SEQUENCES, X, Y, cured, refusal, same, saved

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
def test_labels_of_any_kind_that_names_classes_are_accepted_as_they_are(
    tmp_path: Path, kind: str
) -> None:
    assert same(datafile.read(str(saved(tmp_path, x=X, y=LABELS[kind]))))


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.integers(-5, 5), min_size=4, max_size=30).filter(lambda y: len(set(y)) > 1),
    kind=st.sampled_from("if"),
)
def test_labels_are_numbered_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, labels: list[int], kind: str
) -> None:
    y = np.repeat(labels, 3).astype(kind)
    _, numbers = datafile.read(
        str(saved(tmp_path_factory.mktemp("labels"), x=np.ones((len(y), 1)), y=y))
    )
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
    "as large as can be": np.full((30, 3), 1e308),
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
    "dates": ({"x": np.arange(30).reshape(30, 1).astype("M8[s]"), "y": Y},
        np.arange(30.0).reshape(30, 1), Y),
    "nan in x": ({"x": np.where(X[3, 1] == X, np.nan, X), "y": Y}, np.delete(X, 3, 0),
        np.delete(Y, 3)),
    "nan in y": ({"x": X, "y": np.where(np.arange(30) == 3, np.nan, Y)}, np.delete(X, 3, 0),
        np.delete(Y, 3)),
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
    "split in capitals": (
        {"X_train": X[:20], "y_train": Y[:20], "X_test": X[20:], "y_test": Y[20:]}, X, Y),
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


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_in_memory_changes_nothing(tmp_path: Path, order: Any) -> None:
    found = datafile.read(str(saved(tmp_path, x=np.asarray(X, order=order), y=Y)))
    assert same(found)
    assert found[0].flags.c_contiguous


def test_what_is_accepted_passes_the_check_as_well(tmp_path: Path) -> None:
    datafile.content_of(str(saved(tmp_path, x=X, y=Y)))
