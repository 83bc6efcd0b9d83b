"""The table of laws is what the frameworks do: as the captures read living models, and as the rooms' `PARAMETERS` say.

The captures state the layouts once more, in each framework's own arrays, since they may import nothing of ours; here the two
statements are held to each other, array by array.
"""

from __future__ import annotations

from functools import cache
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
from experiments.converting.folding import folded
from experiments.converting.layer import Layer
from experiments.converting.layers import layers
from experiments.converting.origin import kinds_of
from isograd.captured import KINDS
from tests import converted as c
from tests.conftest import load
from tests.converted import precise
from tests.modelled import CASES, Maker, of_seed, planned, start_and_batches
from tests.ordinary import FORMS, Ordinary

__all__ = ["precise"]

Captured = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module", autouse=True)
def wings(request: pytest.FixtureRequest) -> None:
    for name in laws.FRAMEWORKS:
        load(name, request.config)


def torch_file(seed: int) -> c.Arrays:
    """A file of the model of eleven layers whose numbers are all different."""
    rng = np.random.default_rng(seed)
    found = c.torch_saved(c.torch_model())
    return {name: rng.uniform(0.5, 1.5, size=a.shape) if a.dtype.kind == "f" else a for name, a in found.items()}


@cache
def living(framework: str) -> tuple[Any, Stored]:
    """A model of the framework, and its file."""
    start = c.file_of(torch_file(3), c.torch_kinds(c.torch_model()))
    match framework:
        case "torch":
            model = c.torch_model()
            c.torch_loaded(model, None, start.arrays)
            return model, start
        case "keras":
            model = c.keras_model()
            there = c.through(start, "torch", "keras", c.file_of(c.keras_saved(model)))
            c.keras_loaded(model, None, there.arrays)
            return model, c.file_of(c.keras_saved(model))
        case _:
            model = c.linen_model()
            there = c.through(start, "torch", "jax", c.file_of(c.linen_saved(c.linen_started(model))))
            variables, _ = c.linen_loaded({}, None, there.arrays)
            return (model, variables), c.file_of(c.linen_saved(variables))


@cache
def captured(framework: str) -> Captured:
    """What the capture reads of it, by layer and canonical name."""
    module = import_module(f"backends.{framework}.capture")
    found = module.subject(living(framework)[0], *c.batch(0), precision="float64").layers()
    return {path: one["parameters"] | one["statistics"] for path, one in found.items()}


def carried(framework: str) -> Captured:
    """What the laws make of its file."""
    model, file = living(framework)
    said = c.torch_kinds(model)["kinds"] if framework == "torch" else "{}"
    weights = {name: a for name, a in file.arrays.items() if a.dtype.kind == "f"}
    found = layers(weights, framework, kinds_of({"kinds": said}), c.HEADS)
    return {layer.name: of_layer(layer, framework) for layer in found}


def of_layer(layer: Layer, framework: str) -> c.Arrays:
    """As the captures have it: of two biases that are added, the sum."""
    kind = layer.kinds[0]
    found = canonical.canonical(layer, framework, kind)
    return folded(found, kind, "keras") if kind in ("lstm", "rnn") else found


def unlike(found: Captured, expected: Captured) -> list[str]:
    """The layers that no layer of the other side is equal to, bit by bit."""
    return [path for path, arrays in found.items() if not any(equal(arrays, other) for other in expected.values())]


def equal(a: c.Arrays, b: c.Arrays) -> bool:
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_the_laws_read_a_file_as_the_capture_reads_the_model(framework: str) -> None:
    found, expected = carried(framework), captured(framework)
    assert len(found) == len(expected) == 11
    assert unlike(found, expected) == []


@pytest.mark.parametrize(
    ("framework", "kind", "name", "there"),
    [
        ("torch", "convolution", "weight", "weight: in out space *"),
        ("torch", "attention", "query", "in_proj_weight[1/3]: (heads width) in"),
        ("torch", "lstm", "recurrent", "weight_hh: (unit gate) from"),
        ("keras", "gru", "bias", "cell.bias[1/2]: 1 (gate unit)"),
        ("jax", "attention", "out", "out.kernel: heads width out"),
    ],
)
def test_a_wrong_law_is_not_what_the_capture_reads(
    monkeypatch: pytest.MonkeyPatch, framework: str, kind: str, name: str, there: str
) -> None:
    law = laws.LAWS[kind][name]
    changed = law._replace(**{framework: there})
    if changed == law:  # the order of axes is planted on the canonical side
        changed = law._replace(canonical="width heads out")
    expected = captured(framework)
    monkeypatch.setitem(laws.LAWS, kind, laws.LAWS[kind] | {name: changed})
    assert len(unlike(carried(framework), expected)) == 1


@pytest.mark.parametrize("kind", laws.LAWS)
def test_the_canonical_names_are_those_that_captures_use(kind: str) -> None:
    said = KINDS.get(kind) or KINDS["recurrent" if kind in laws.GATES else "activation" if kind == "prelu" else "other"]
    if kind != "rezero":  # a part of this suite, and no layer of a framework
        assert [name for name in laws.LAWS[kind] if name.removesuffix("_bias") not in said] == []


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
def test_every_parameter_of_this_suite_has_a_law_that_says_what_its_room_says(framework: str) -> None:
    rooms = {room: kept_by(import_module(f"backends.{framework}.{room}"), kind="") for room, _ in OURS}
    assert {(room, name) for room, kept in rooms.items() for name in kept} == set(OURS)
    for (room, name), (kind, canonical_name) in OURS.items():
        kept = rooms[room][name]
        assert isinstance(kept, Kept)
        assert agree(kept, framework, kind, canonical_name), (room, name)


RANKS = {"weight": 2, "slope": 0, "skip_scale": 0}
"""Of our arrays of one layer; the others are vectors."""


def agree(kept: Kept, framework: str, kind: str, name: str) -> bool:
    """Whether the room and the law lay out an array alike, under the same name."""
    a = np.arange(6.0).reshape({2: (2, 3), 1: (6,), 0: (6,)}[RANKS.get(name, 1)])
    a = a if RANKS.get(name, 1) else a[3]
    given = a.reshape(1) if kind == "prelu" else a  # a vector there, of as many slopes as channels
    there = canonical.own({name: given}, framework, kind)
    own_name, array = next(iter(there.items()))
    names = {own_name, "slope"} if own_name == "negative_slope" else {own_name}
    return kept.name.rpartition(".")[2] in names and np.array_equal(np.squeeze(kept.there(a)), np.squeeze(array))


CELLS = {"simple": SimpleRNN(), "lstm": LSTM(), "gru": GRU()}
OF_CELLS = {"input_weight": "kernel", "weight": "recurrent", "bias": "bias", "recurrent_bias": "recurrent_bias"}
"""Each parameter of a cell, and its canonical name."""


def unplaced(framework: str, kind: str) -> list[str]:
    """The parameters of a cell, with their gates, that its room does not find in the arrays that the laws make of them."""
    cell, units = CELLS[kind], 3
    part = Step(cell, units, (Tanh(),))
    rng = np.random.default_rng(0)
    held = {name: rng.normal(size=one.shape) for name, one in part.parameters(2).items()}
    arrays = {OF_CELLS[name]: a for name, a in held.items()}
    if kind == "gru":  # canonically of all gates
        arrays["recurrent_bias"] = np.stack([np.zeros(units), np.zeros(units), held["recurrent_bias"]])
    there = canonical.own(arrays, framework, "rnn" if kind == "simple" else kind)
    if (framework, kind) == ("keras", "gru"):  # a cell of our own, in which the two rows of Keras' bias are two variables
        first, second = there["cell.bias"]
        there |= {"cell.bias": first, "cell.recurrent_bias": second[-units:]}
    room = import_module(f"backends.{framework}.recurrent")
    found = of_part(part, 2, kept_by(room, kind))
    assert {place.name for place in found} == set(held)
    return [f"{p.name} {p.at}" for p in found if not np.array_equal(p.kept.here(whole(p.kept, there)), held[p.name][p.at[1:]])]


def whole(kept: Kept, there: c.Arrays) -> np.ndarray:
    """The array of a room's name, in which the laws have neither a model's own modules nor PyTorch's number of a layer."""
    name = kept.name.removesuffix("_l0")
    return next(a for own, a in there.items() if name == own or name.endswith(f".{own}"))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_the_gates_of_every_cell_are_where_its_laws_say(framework: str, kind: str) -> None:
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
        "nnx": {"/".join(map(str, path)): np.asarray(v[...]) for path, v in nnx.to_flat_state(nnx.state(models["nnx"]))},
    }
    return {form: c.file_of(arrays) for form, arrays in found.items()}


FRAMEWORK = {form: "jax" if form == "nnx" else form for form in FORMS}


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(case[room].kind for room in ("activation", "normalization", "skip"))
)
def test_the_ordinary_model_of_every_plan_moves_in_every_direction(plan: Maker, case: dict[str, Any]) -> None:
    small = planned(plan, case)
    state, _ = start_and_batches(small)
    found = files_of(small, of_seed(state.parameters | state.statistics))
    for source, target in permutations(FORMS, 2):
        if FRAMEWORK[source] != FRAMEWORK[target]:
            there = c.through(found[source], FRAMEWORK[source], FRAMEWORK[target], found[target])
            assert equal(there.arrays, found[target].arrays), (source, target)
            back = c.through(Stored(there.arrays, there.metadata), FRAMEWORK[target], FRAMEWORK[source])
            assert equal(back.arrays, found[source].arrays), (target, source)


@pytest.mark.parametrize(("source", "target"), [("torch", "jax"), ("jax", "torch")])
def test_layers_keep_their_names_which_are_the_other_models_in_this_suite(plan: Maker, source: str, target: str) -> None:
    small = planned(plan, CASES[1])
    state, _ = start_and_batches(small)
    found = files_of(small, of_seed(state.parameters | state.statistics))
    assert equal(c.through(found[source], source, target).arrays, found[target].arrays)
