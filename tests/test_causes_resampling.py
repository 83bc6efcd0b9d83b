"""Resampling is what the frameworks compute, and one for another is named; what is none of them is
not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.causes import Case, Side, explain
from experiments.causes._definition import Undefined
from experiments.causes._definition.resampling import resampled

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 4, 3))
SIZES = [(10, 8), (7, 9), (3, 2)]
TORCH: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"method": "nearest", "grid": "edges"}, {"mode": "nearest"}),
    ({"method": "nearest", "grid": "centers"}, {"mode": "nearest-exact"}),
    ({"method": "linear", "grid": "centers"}, {"mode": "bilinear", "align_corners": False}),
    ({"method": "linear", "grid": "corners"}, {"mode": "bilinear", "align_corners": True}),
    ({"method": "steeper cubic", "grid": "centers"}, {"mode": "bicubic", "align_corners": False}),
    ({"method": "steeper cubic", "grid": "corners"}, {"mode": "bicubic", "align_corners": True}),
]
JAX: list[tuple[dict[str, Any], str]] = [
    ({"method": "nearest", "grid": "centers"}, "nearest"),
    ({"method": "linear", "grid": "centers", "outside": "left", "smooth": True}, "linear"),
    ({"method": "cubic", "grid": "centers", "outside": "left", "smooth": True}, "cubic"),
    ({"method": "lanczos", "grid": "centers", "outside": "left", "smooth": True}, "lanczos3"),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("form", "named"), TORCH)
def test_resampling_is_pytorch_s(
    size: tuple[int, int], form: dict[str, Any], named: dict[str, Any]
) -> None:
    torch = pytest.importorskip("torch")
    wanted = torch.nn.functional.interpolate(
        torch.as_tensor(np.moveaxis(X, -1, 1)), size=size, **named
    )
    np.testing.assert_allclose(
        resampled(form | {"size": size}, X),
        np.moveaxis(wanted.numpy(), 1, -1),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("form", "named"), JAX)
def test_resampling_is_that_of_jax(size: tuple[int, int], form: dict[str, Any], named: str) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        wanted = jax.image.resize(X, (2, *size, 3), named)
        np.testing.assert_allclose(
            resampled(form | {"size": size}, X), wanted, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize(
    "form", [{"method": "wave", "grid": "edges"}, {"method": "linear", "grid": "sides"}]
)
def test_what_is_not_known_is_said(form: dict[str, Any]) -> None:
    with pytest.raises(Undefined):
        resampled(form | {"size": (10, 8)}, X)


def side(value: np.ndarray) -> Side:
    return Side("torch", "torch", "up", "other", inputs=(X,), output=value)


def told(mine: dict[str, Any], its: np.ndarray) -> list[str]:
    return [
        each.key
        for each in explain(
            Case("forward", side(resampled(mine | {"size": (10, 8)}, X)), side(its))
        )
    ]


@pytest.mark.parametrize(("form", "named"), TORCH[2:])
def test_each_form_is_named_for_the_nearest_number(
    form: dict[str, Any], named: dict[str, Any]
) -> None:
    assert told(TORCH[0][0], resampled(form | {"size": (10, 8)}, X)) == ["resampling.method"]


def test_corners_and_edges_are_told_apart() -> None:
    corners, left = (
        {"method": "linear", "grid": grid, "size": (10, 8)} for grid in ("corners", "edges")
    )
    assert told(TORCH[2][0], resampled(corners, X)) == ["resampling.grid"]
    assert told(TORCH[2][0], resampled(left, X)) == ["resampling.grid"]
    cubic = {"method": "steeper cubic", "grid": "centers", "outside": "left", "size": (10, 8)}
    assert told(TORCH[4][0], resampled(cubic, X)) == ["resampling.edge"]


def test_numbers_that_no_resampling_gives_have_no_cause_of_it() -> None:
    linear = resampled(TORCH[2][0] | {"size": (10, 8)}, X)
    assert told(TORCH[0][0], linear + 1e-3 * RNG.normal(size=linear.shape)) == []
    assert told({"method": "zeros", "grid": "edges"}, linear**2) == []


def test_a_reference_that_is_no_resampling_is_not_explained_by_one() -> None:
    linear = resampled(TORCH[2][0] | {"size": (10, 8)}, X)
    assert explain(Case("forward", side(np.tanh(linear)), side(linear)), only=["resampling"]) == []
