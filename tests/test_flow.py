"""Which place feeds which, and what layout follows from another's: told by the values alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.own.flow import behind, feeding, maker
from experiments.own.layouts import completed
from isograd.captured import Captured, Place

RNG = np.random.default_rng(0)
X, H, S, T, Y = (RNG.normal(size=(2, 3, 4, 5)) for _ in range(5))


def place(path: str, kind: str, inputs: list[np.ndarray], output: np.ndarray, **more: Any) -> Place:
    found = {
        "path": path,
        "call": 0,
        "leaf": 0,
        "kind": kind,
        "config": {},
        "layout": None,
        "shape": list(output.shape),
    }
    return found | {"inputs": inputs, "output": output} | more  # type: ignore[return-value]


def captured(*places: Place, layers: tuple[str, ...] = ()) -> Captured:
    return {"places": list(places), "layers": dict.fromkeys(layers)}  # type: ignore[return-value,typeddict-item]


SHORTCUT = [
    place("conv", "convolution", [X], H),
    place("relu", "activation", [H], S),
    place("shortcut", "convolution", [X], T),
    place("add", "add", [S, T], Y),
]
"""A sum of a branch and of a shortcut that runs after it."""


def test_a_value_comes_from_the_last_place_that_returned_it_and_not_from_a_container() -> None:
    places = [
        place("a", "affine", [X], H),
        place("b", "activation", [X], H),
        place("all", "container", [X], H),
    ]
    assert maker(places, H, 3) == 1
    assert maker(places, H, 1) == 0
    assert maker(places, X, 3) is None


def test_what_is_behind_a_value_is_its_own_branch_and_ends_where_places_agree() -> None:
    assert behind(SHORTCUT, T, 3, ()) == [2]
    assert behind(SHORTCUT, S, 3, ()) == [0, 1]
    assert behind(SHORTCUT, S, 3, {0}) == [1]
    assert behind(SHORTCUT, Y, 4, ()) == [0, 1, 2, 3]


def test_a_layer_is_fed_through_functions_of_one_tensor_but_not_through_a_sum() -> None:
    after_relu = place("norm", "batch_norm", [S], Y)
    found = feeding(captured(*SHORTCUT[:2], after_relu, layers=("conv", "norm")))
    assert found == {"norm": "conv"}
    after_sum = place("norm", "batch_norm", [Y], X)
    assert feeding(captured(*SHORTCUT, after_sum, layers=("conv", "shortcut", "norm"))) == {}


def test_a_transposition_turns_the_layout_and_what_works_by_element_keeps_it() -> None:
    turned = X.transpose(0, 3, 1, 2)
    found = completed(
        captured(
            place("conv", "convolution", [Y], X, layout=[0, 1, 2, 3]),
            place("turn", "transpose", [X], turned, config={"axes": [0, 3, 1, 2]}),
            place("relu", "activation", [turned], np.maximum(turned, 0)),
        )
    )["places"]
    assert [each["layout"] for each in found] == [[0, 1, 2, 3], [0, 2, 3, 1], [0, 2, 3, 1]]
    canonical = turned.transpose(found[1]["layout"])
    np.testing.assert_array_equal(canonical, X)


def test_a_layout_that_a_layer_states_is_kept() -> None:
    places = [
        place("a", "affine", [Y], X, layout=[1, 0, 2, 3]),
        place("b", "activation", [X], H, layout=[0, 1, 2, 3]),
    ]
    assert completed(captured(*places))["places"][1]["layout"] == [0, 1, 2, 3]
