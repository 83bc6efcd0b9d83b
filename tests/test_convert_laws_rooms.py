"""The table of laws is what the rooms of this suite say by `PARAMETERS`, and carries the ordinary
model of every plan.
"""

from __future__ import annotations

from importlib import import_module
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from common.countermeasures.activation import Tanh
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN, Step
from common.placement import Kept, kept_by, of_part, side_by_side
from common.plan import Plan
from experiments.converting import canonical, laws
from experiments.converting.files import Stored
from tests import converted as c
from tests.converted import equal, precise, wings
from tests.modelled import CASES, Maker, of_seed, planned, start_and_batches
from tests.ordinary import FORMS, Ordinary

__all__ = ["precise", "wings"]

OURS: dict[tuple[str, str], tuple[str, str]] = {
    ("affine", "weight"): ("affine", "weight"),
    ("affine", "bias"): ("affine", "bias"),
    ("normalization", "scale"): ("batch_norm", "scale"),
    ("normalization", "shift"): ("batch_norm", "shift"),
    ("normalization", "mean"): ("batch_norm", "mean"),
    ("normalization", "variance"): ("batch_norm", "variance"),
    ("activation", "slope"): ("prelu", "slope"),
    ("skip", "skip_scale"): ("rezero", "skip_scale"),
    ("skip", "gate_weight"): ("affine", "weight"),
    ("skip", "gate_bias"): ("affine", "bias"),
}
"""Each parameter of the rooms, and its law."""


@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_every_parameter_of_this_suite_has_a_law_that_says_what_its_room_says(
    framework: laws.Framework,
) -> None:
    rooms = {
        room: kept_by(import_module(f"backends.{framework}.{room}"), kind="") for room, _ in OURS
    }
    assert {(room, name) for room, kept in rooms.items() for name in kept} == set(OURS)
    for (room, name), (kind, canonical_name) in OURS.items():
        kept = rooms[room][name]
        assert isinstance(kept, Kept)
        assert agree(kept, framework, kind, canonical_name), (room, name)


RANKS = {"weight": 2, "slope": 0, "skip_scale": 0}
"""Of our arrays of one layer; the others are vectors."""


def agree(kept: Kept, framework: laws.Framework, kind: str, name: str) -> bool:
    """Whether the room and the law lay out an array alike, under the same name."""
    a = np.arange(6.0).reshape({2: (2, 3), 1: (6,), 0: (6,)}[RANKS.get(name, 1)])
    a = a if RANKS.get(name, 1) else a[3]
    given = a.reshape(1) if kind == "prelu" else a  # a vector there, of as many slopes as channels
    there = canonical.own({name: given}, framework, kind)
    own_name, array = next(iter(there.items()))
    names = {own_name, "slope"} if own_name == "negative_slope" else {own_name}
    return kept.name.rpartition(".")[2] in names and np.array_equal(
        np.squeeze(kept.there(a)), np.squeeze(array)
    )


CELLS = {"simple": SimpleRNN(), "lstm": LSTM(), "gru": GRU()}
OF_CELLS = {
    "input_weight": "kernel",
    "weight": "recurrent",
    "bias": "bias",
    "recurrent_bias": "recurrent_bias",
}
"""Each parameter of a cell, and its canonical name."""


def unplaced(framework: laws.Framework, kind: str) -> list[str]:
    """The parameters of a cell, with their gates, that its room does not find in the arrays that
    the laws make of them.
    """
    cell, units = CELLS[kind], 3
    part = Step(cell, units, (Tanh(),))
    rng = np.random.default_rng(0)
    held = {name: rng.normal(size=one.shape) for name, one in part.parameters(2).items()}
    arrays = {OF_CELLS[name]: a for name, a in held.items()}
    if kind == "gru":  # canonically of all gates
        arrays["recurrent_bias"] = np.stack(
            [np.zeros(units), np.zeros(units), held["recurrent_bias"]]
        )
    there = canonical.own(arrays, framework, "rnn" if kind == "simple" else kind)
    # a cell of our own, in which the two rows of Keras' bias are two variables
    if (framework, kind) == ("keras", "gru"):
        first, second = there["cell.bias"]
        there |= {"cell.bias": first, "cell.recurrent_bias": second[-units:]}
    room = import_module(f"backends.{framework}.recurrent")
    found = of_part(part, 2, kept_by(room, kind))
    assert {place.name for place in found} == set(held)
    return [
        f"{p.name} {p.at}"
        for p in found
        if not np.array_equal(p.kept.here(whole(p.kept, there)), held[p.name][p.at[1:]])
    ]


def whole(kept: Kept, there: c.Arrays) -> np.ndarray:
    """The array of a room's name, in which the laws have neither a model's own modules nor
    PyTorch's number of a layer.
    """
    name = kept.name.removesuffix("_l0")
    return next(a for own, a in there.items() if name == own or name.endswith(f".{own}"))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_the_gates_of_every_cell_are_where_its_laws_say(
    framework: laws.Framework, kind: str
) -> None:
    assert unplaced(framework, kind) == []


def test_gates_in_another_order_than_the_laws_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = import_module("backends.keras.recurrent").PARAMETERS["gru"]
    monkeypatch.setitem(parameters, "weight", side_by_side("cell.recurrent_kernel", GRU.gates, -1))
    assert unplaced("keras", "gru") == ["weight (0, 0)", "weight (0, 1)"]


def files_of(plan: Plan, given: c.Arrays) -> dict[str, Stored]:
    """The file of the ordinary model of a plan, in each framework's own naming."""
    from flax import nnx

    models = {form: Ordinary(form, plan, given).model for form in FORMS}
    found = {
        "torch": c.torch_saved(models["torch"]),
        "keras": c.keras_saved(models["keras"]),
        "jax": c.linen_saved(models["jax"]),
        "nnx": {
            "/".join(map(str, path)): np.asarray(v[...])
            for path, v in nnx.to_flat_state(nnx.state(models["nnx"]))
        },
    }
    return {form: c.file_of(arrays) for form, arrays in found.items()}


FRAMEWORK = {form: "jax" if form == "nnx" else form for form in FORMS}


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: "-".join(case[room].kind for room in ("activation", "normalization", "skip")),
)
def test_the_ordinary_model_of_every_plan_moves_in_every_direction(
    plan: Maker, case: dict[str, Any]
) -> None:
    small = planned(plan, case)
    state, _ = start_and_batches(small)
    found = files_of(small, of_seed(state.parameters | state.statistics))
    for source, target in permutations(FORMS, 2):
        if FRAMEWORK[source] != FRAMEWORK[target]:
            there = c.through(found[source], FRAMEWORK[source], FRAMEWORK[target], found[target])
            assert equal(there.arrays, found[target].arrays), (source, target)
            back = c.through(
                Stored(there.arrays, there.metadata), FRAMEWORK[target], FRAMEWORK[source]
            )
            assert equal(back.arrays, found[source].arrays), (target, source)


@pytest.mark.parametrize(("source", "target"), [("torch", "jax"), ("jax", "torch")])
def test_layers_keep_their_names_which_are_the_other_models_in_this_suite(
    plan: Maker, source: str, target: str
) -> None:
    small = planned(plan, CASES[1])
    state, _ = start_and_batches(small)
    found = files_of(small, of_seed(state.parameters | state.statistics))
    assert equal(c.through(found[source], source, target).arrays, found[target].arrays)
