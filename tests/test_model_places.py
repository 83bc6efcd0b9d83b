"""Where an ordinary model has the arrays of its parts: all of them, each in its own layout, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import numpy as np
import pytest

from backends import FRAMEWORKS
from common.errors import UserError
from common.part import Part
from common.placement import TRANSPOSED, Kept, kept_by, places, side_by_side
from tests.conftest import load
from tests.modelled import CASES, TIMED, Maker, planned
from tests.ordinary import module_of


def parts_of(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from parts_of(part.inner)


@pytest.mark.parametrize("wing", FRAMEWORKS)
def test_a_room_places_what_its_parts_have_and_nothing_else(
    wing: str, plan: Maker, request: pytest.FixtureRequest
) -> None:
    load(wing, request.config)
    wanted: dict[tuple[str, str], set[str]] = {}
    for case in CASES + TIMED:
        for stack in planned(plan, case).network.stacks():
            for part in parts_of(stack.block):
                inside = {
                    name
                    for inner in part.inner
                    for name in (*inner.parameters(3), *inner.statistics(3))
                }
                own = {*part.parameters(3), *part.statistics(3)} - inside
                key = part.room, part.kind if part.room == "recurrent" else ""
                wanted[key] = wanted.get(key, set()) | own
    assert {room for room, _ in wanted} == {
        "affine",
        "activation",
        "normalization",
        "skip",
        "recurrent",
    }
    for (room, kind), names in wanted.items():
        assert set(kept_by(import_module(f"backends.{wing}.{room}"), kind)) == names, (room, kind)


@pytest.mark.parametrize("kind", ["simple", "lstm", "gru"])
def test_a_cell_that_pytorch_lacks_is_refused_by_name(
    plan: Maker, request: pytest.FixtureRequest, kind: str
) -> None:
    load("torch", request.config)
    with pytest.raises(
        UserError, match=f"PyTorch's {kind} has the activation tanh( or relu)?; received gelu"
    ):
        module_of("torch").build(plan(recurrent=kind, activation="gelu", seeds=(0,)), seed=0)


@pytest.mark.parametrize("kept", [Kept("a"), Kept("a", TRANSPOSED), Kept("a", (1, None, 0))])
def test_a_layout_there_and_back_is_the_array(kept: Kept) -> None:
    a = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(kept.here(kept.there(a)), a)
    assert kept.there(a).shape == {None: (2, 3), (1, 0): (3, 2), (1, None, 0): (3, 1, 2)}[kept.axes]


@pytest.mark.parametrize("axis", [-1, -2])
def test_gates_put_side_by_side_are_in_the_order_named_and_come_back(axis: int) -> None:
    a = np.arange(18.0).reshape(3, 2, 3)
    places = side_by_side("a", ("second", "first", "third"), axis, TRANSPOSED)
    whole = np.zeros((3, 6) if axis == -1 else (9, 2), "float32")
    for gate, one in zip(("first", "second", "third"), a, strict=True):
        whole = places[gate].put(whole, one)
    assert np.array_equal(whole, np.concatenate([a[1].T, a[0].T, a[2].T], axis))
    back = [places[gate].here(whole) for gate in ("first", "second", "third")]
    assert np.array_equal(back, a)


def test_a_place_is_the_path_of_a_layer_its_parts_and_the_name_there(
    plan: Maker, request: pytest.FixtureRequest
) -> None:
    load("torch", request.config)
    network = plan(skip="highway", depth=2).network
    found = {
        place.name: ".".join(place.path) for place in places(network, module_of("torch").placed)
    }
    assert found["hidden.weight"] == "layer_2.skip.inner.affine.weight"
    assert found["hidden.gate_bias"] == "layer_2.skip.gate.bias"
    assert found["output.bias"] == "output.affine.bias"
