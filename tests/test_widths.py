"""Widths by layer, and networks of one layer: the three frameworks against the definition, and what
is said of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import draw
from common.backend import Backend
from common.network import side_by_side
from common.quantities import decay_per_layer
from experiments.experiment import plans, read
from tests.compared import differing
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.pairs import covering

WIDTHS: dict[str, list[int]] = {
    "falling": [9, 7, 5, 4],
    "in runs": [4, 4, 6, 6, 6, 3, 3],
    "one layer": [5],
    "even": [4, 4, 4],
}
SKIPS = [
    "none",
    {"kind": "residual", "scale": 0.3},
    {"kind": "residual", "scale": 0.3, "order": "post-activation"},
    "highway",
]
PARTS = [("prelu", "batch"), ("relu", "none"), ("tanh", "layer")]
EVERY_TWO = [
    (list(WIDTHS)[row["widths"]], SKIPS[row["skip"]], PARTS[row["parts"]])
    for row in covering({"widths": list(WIDTHS), "skip": SKIPS, "parts": PARTS})
]
"""Each pair of them stands in one network at least."""

over_widths = pytest.mark.parametrize("widths", WIDTHS.values(), ids=list(WIDTHS))


def of_widths(plan: Maker, widths: list[int], **changes: Any) -> Any:
    return plan(**{"features": 64, "classes": 10, "width": widths, "depth": len(widths)} | changes)


@pytest.mark.parametrize(("widths", "skip", "parts"), EVERY_TWO)
def test_a_step_is_the_definitions(
    backend: Backend,
    definition: Backend,
    plan: Maker,
    widths: str,
    skip: Any,
    parts: tuple[str, str],
) -> None:
    activation, normalization = parts
    small = of_widths(
        plan,
        WIDTHS[widths],
        skip=skip,
        activation=activation,
        normalization=normalization,
        clipping="norm",
    )
    assert not differing(backend, definition, small)


@over_widths
@pytest.mark.parametrize("skip", SKIPS)
def test_the_gradient_derived_by_hand_is_the_difference_quotient(
    plan: Maker, widths: list[int], skip: Any
) -> None:
    numbers = SIZES | {"width": widths, "depth": len(widths), "activation": "tanh", "skip": skip}
    assert_derived_by_hand(plan(**numbers))


def test_a_list_of_one_width_is_that_width(plan: Maker) -> None:
    one = of_widths(plan, [4, 4, 4])
    listed = of_widths(plan, [4, 4, 4], width=4)
    assert one.network.shapes() == listed.network.shapes()
    for name, value in draw.state(listed).parameters.items():
        assert np.array_equal(value, draw.state(one).parameters[name]), name


def test_layers_of_one_shape_in_a_row_are_a_stack(plan: Maker) -> None:
    network = of_widths(plan, WIDTHS["in runs"]).network
    assert {stack.name: len(stack.layers) for stack in network.stacks()} == {
        "first": 1, "hidden": 1, "hidden 2": 1, "hidden 3": 2, "hidden 4": 1, "hidden 5": 1,
        "output": 1,
    }  # fmt: skip
    assert network.sites == tuple(f"layer {number}" for number in range(1, 8))


def test_a_list_of_another_length_than_the_depth_is_refused(plan: Maker) -> None:
    with pytest.raises(
        ValueError,
        match="a list of widths needs one for each hidden layer; received 2 for a depth of 3",
    ):
        plan(width=[4, 5], depth=3)


def test_an_experiment_takes_widths_and_names_them(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('question = "q"\n[grid]\nwidth = [[22, 19, 15], [8]]\n', encoding="utf-8")
    found = plans(read(str(file)))
    assert [len(plan.network.sites) for plan in found.values()] == [3, 1]
    assert list(found) == ["sigmoid + xavier, width 22-19-15", "sigmoid + xavier, width 8"]


def test_the_slope_of_one_layer_is_0_and_of_two_their_difference() -> None:
    assert decay_per_layer(np.array([3.0])) == 0
    assert decay_per_layer(np.array([1.0, 100.0])) == pytest.approx(-2)


def test_narrower_layers_are_filled_up_with_zeros() -> None:
    found = side_by_side([np.ones((2, 3, 4)), np.ones((2, 3, 2))])
    assert found.shape == (2, 2, 3, 4)
    assert found.sum((0, 2)).tolist() == [[6.0] * 4, [6.0, 6.0, 0.0, 0.0]]
