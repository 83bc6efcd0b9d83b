"""Weights that move: a user's model of eleven layers, there and back in six directions, by a user who writes no map.

The model is tests/converted.py's, as each framework has it. Its optimiser has taken steps before it is carried.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import UserError
from experiments.converting import files, laws, state_writing
from experiments.converting.files import Stored
from tests import converted as c
from tests.conftest import load
from tests.converted import precise

__all__ = ["precise"]

ROOT = Path(__file__).parents[1]

EXACT = 1e-12
"""Of outputs and of the next step, relative to the largest number of the array."""

SIX = list(permutations(laws.FRAMEWORKS, 2))
over_six = pytest.mark.parametrize(("source", "target"), SIX)
over_optimizers = pytest.mark.parametrize("kind", c.OPTIMIZERS)


@pytest.fixture(scope="module", autouse=True)
def wings(request: pytest.FixtureRequest) -> None:
    for name in laws.FRAMEWORKS:
        load(name, request.config)


@cache
def trained(kind: str) -> Stored:
    """The PyTorch model's file after three steps."""
    model = c.torch_model()
    stepper = c.torch_optimizer(model, kind)
    for seed in range(3):
        c.torch_step(model, stepper, seed)
    return c.file_of(c.torch_saved(model, stepper), c.torch_kinds(model))


@cache
def fresh(framework: str, kind: str) -> Stored:
    """What is saved of a model that was only built, for its names."""
    match framework:
        case "torch":
            return trained(kind)
        case "keras":
            model = c.keras_model()
            return c.file_of(c.keras_saved(model, c.keras_optimizer_of(model, kind)))
        case _:
            variables = c.linen_started(c.linen_model())
            return c.file_of(c.linen_saved(variables, c.optax_optimizer(kind).init(variables["params"])))


@cache
def arrived(framework: str, kind: str) -> Stored:
    """The trained model's file in each framework."""
    if framework == "torch":
        return trained(kind)
    found = c.through(trained(kind), "torch", framework, fresh(framework, kind), rate=c.RATE)
    return Stored(found.arrays, found.metadata)


def stepped(framework: str, kind: str, file: Stored) -> c.Stepped:
    """A model of the framework that loads the file, and takes a step."""
    match framework:
        case "torch":
            model = c.torch_model()
            stepper = c.torch_optimizer(model, kind)
            c.torch_loaded(model, stepper, file.arrays)
            return c.torch_step(model, stepper, seed=9)
        case "keras":
            model = c.keras_model()
            stepper = c.keras_optimizer_of(model, kind)
            names = dict(zip(fresh("keras", kind).arrays, sorted(c.keras_saved(model, stepper)), strict=True))
            c.keras_loaded(model, stepper, {names[name]: a for name, a in file.arrays.items()})
            found = c.keras_step(model, stepper, seed=9)
            back = {new: old for old, new in names.items()}
            return c.Stepped(found.output, {back[name]: a for name, a in found.arrays.items()})
        case _:
            model, transformation = c.linen_model(), c.optax_optimizer(kind)
            variables = c.linen_started(model)
            loaded, kept = c.linen_loaded(variables, transformation.init(variables["params"]), file.arrays)
            return c.linen_step(model, loaded, transformation, kept, seed=9)


@cache
def stepped_there(framework: str, kind: str) -> c.Stepped:
    return stepped(framework, kind, arrived(framework, kind))


def apart(found: c.Arrays, expected: c.Arrays) -> float:
    """The largest error of what a step leaves, in PyTorch's names; the running variance is another by definition."""
    assert set(found) == set(expected)
    compared = {name: a for name, a in expected.items() if not name.endswith(("running_var", "num_batches_tracked"))}
    return max(error(found[name], a, name) for name, a in compared.items())


def error(found: np.ndarray, expected: np.ndarray, name: str) -> float:
    if name.startswith("optimizer.layers.1.bias."):  # before a batch norm: its gradient is 0, and rounding
        return float(np.abs(found - expected).max())
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(float).tiny))


@pytest.mark.parametrize("framework", ["keras", "jax"])
def test_the_outputs_are_the_same_there(framework: str) -> None:
    here, there = (stepped_there(name, "momentum").output for name in ("torch", framework))
    assert np.abs(here - there).max() <= EXACT * np.abs(here).max()


@over_optimizers
@pytest.mark.parametrize("framework", ["keras", "jax"])
def test_the_next_step_is_the_same_there(framework: str, kind: str) -> None:
    there = stepped_there(framework, kind)
    found = c.through(c.file_of(there.arrays), framework, "torch", trained(kind), rate=c.RATE)
    assert apart(found.arrays, stepped_there("torch", kind).arrays) <= EXACT


@over_optimizers
@pytest.mark.parametrize("framework", ["keras", "jax"])
def test_a_file_loads_straight_into_the_model_that_it_is_for(framework: str, kind: str) -> None:
    expected, found = fresh(framework, kind).arrays, arrived(framework, kind).arrays
    assert {name: (a.shape, a.dtype) for name, a in found.items()} == {name: (a.shape, a.dtype) for name, a in expected.items()}


@over_optimizers
@over_six
@pytest.mark.parametrize("named", [True, False], ids=["like", "own names"])
def test_back_is_equal_to_the_last_bit(source: str, target: str, kind: str, named: bool) -> None:
    file = arrived(source, kind)
    like = fresh(target, kind) if named else None
    there = c.through(file, source, target, like, rate=c.RATE, heads=c.HEADS)
    back = c.through(Stored(there.arrays, there.metadata), target, source)
    assert same_bits(back.arrays, file.arrays)
    assert back.remarks == []


def same_bits(found: c.Arrays, expected: c.Arrays) -> bool:
    assert set(found) == set(expected)
    return all(
        (found[name].dtype, found[name].shape, found[name].tobytes()) == (a.dtype, a.shape, a.tobytes())
        for name, a in expected.items()
    )


@over_six
def test_one_way_or_by_a_third_framework_is_the_same(source: str, target: str) -> None:
    """The two that PyTorch is not part of are reached from it by both ways."""
    kind = "adam"
    found = c.through(arrived(source, kind), source, target, fresh(target, kind), rate=c.RATE).arrays
    expected = arrived(target, kind).arrays
    names = [name for name in expected if "num_batches" not in name and "bias_hh" not in name and "seed" not in name]
    assert all(np.array_equal(found[name], expected[name]) for name in names)


def with_second_biases(kind: str) -> Stored:
    """The file with what PyTorch alone has: two biases of every gate."""
    arrays = dict(trained(kind).arrays)
    for layer in ("5", "6", "7"):
        name = f"layers.{layer}.bias_hh_l0"
        arrays[name] = np.random.default_rng(1).normal(size=arrays[name].shape)
    return Stored(arrays, trained(kind).metadata)


@pytest.mark.parametrize("target", ["keras", "jax"])
def test_two_biases_become_one_that_computes_the_same_and_come_back_as_two(target: str) -> None:
    file = with_second_biases("momentum")
    there = c.through(file, "torch", target, fresh(target, "momentum"), rate=c.RATE)
    assert [line for line in there.remarks if line.startswith("layers/5: two biases become their sum")]
    outputs = [stepped(name, "momentum", one).output for name, one in (("torch", file), (target, Stored(there.arrays, {})))]
    assert np.abs(outputs[0] - outputs[1]).max() <= EXACT * np.abs(outputs[0]).max()
    assert same_bits(c.through(Stored(there.arrays, there.metadata), target, "torch").arrays, file.arrays)


def test_what_was_trained_there_comes_back_with_one_bias() -> None:
    """What the metadata keeps of the way there counts only while the numbers are those that went."""
    there = c.through(with_second_biases("momentum"), "torch", "keras", rate=c.RATE, heads=c.HEADS)
    changed = there.arrays | {"layers/5/lstm_cell/bias": there.arrays["layers/5/lstm_cell/bias"] + 1}
    back = c.through(Stored(changed, there.metadata), "keras", "torch")
    assert np.array_equal(back.arrays["layers.5.bias_ih_l0"], changed["layers/5/lstm_cell/bias"])
    assert not back.arrays["layers.5.bias_hh_l0"].any()
    assert [line for line in back.remarks if line.startswith("layers/5: bias_hh is 0 there")]


def test_a_cell_of_several_layers_and_directions_comes_back() -> None:
    import torch

    model = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    file = c.file_of({name: a.numpy() for name, a in model.state_dict().items()})
    for target in ("keras", "jax"):
        there = c.through(file, "torch", target)
        assert len(there.layers) == 4
        assert same_bits(c.through(Stored(there.arrays, there.metadata), target, "torch").arrays, file.arrays)


FAULTS: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    "convolution without its turn": ("convolution", {"weight": {"torch": "weight: in out space *"}}),
    "query and key exchanged": (
        "attention",
        {
            "query": {"torch": "in_proj_weight[1/3]: (heads width) in"},
            "key": {"torch": "in_proj_weight[0/3]: (heads width) in"},
        },
    ),
    "heads and width exchanged": ("attention", {"out": {"torch": "out_proj.weight: out (width heads)"}}),
    "recurrent weights transposed": ("rnn", {"recurrent": {"torch": "weight_hh: from (gate unit)"}}),
    "scale and shift exchanged": ("layer_norm", {"scale": {"keras": "beta: channel"}, "shift": {"keras": "gamma: channel"}}),
}
"""Wrong laws whose shapes are right: by kind and canonical name, what is said of a framework."""

GATES = {"lstm": "figo", "gru": "rzn"}
"""Wrong orders of the gates in Keras."""


def plant(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    if fault in GATES:
        monkeypatch.setitem(laws.GATES[fault], "keras", GATES[fault])
        return
    kind, changes = FAULTS[fault]
    changed = {name: laws.LAWS[kind][name]._replace(**change) for name, change in changes.items()}
    monkeypatch.setitem(laws.LAWS, kind, laws.LAWS[kind] | changed)


@pytest.mark.parametrize("fault", [*FAULTS, *GATES])
def test_a_planted_law_moves_the_outputs(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    plant(monkeypatch, fault)
    found = c.through(trained("momentum"), "torch", "keras", fresh("keras", "momentum"), rate=c.RATE)
    here, there = stepped_there("torch", "momentum").output, stepped("keras", "momentum", Stored(found.arrays, {})).output
    assert np.abs(here - there).max() > 1e6 * EXACT * np.abs(here).max()


@pytest.mark.parametrize("fault", ["the sign of a velocity", "the count of steps"])
def test_a_planted_state_moves_the_next_step(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    kind = "momentum" if fault == "the sign of a velocity" else "adam"
    if kind == "momentum":
        monkeypatch.setattr(state_writing, "keras_scale", lambda state: state.rate)
    found = c.through(trained(kind), "torch", "keras", fresh("keras", kind), rate=c.RATE)
    counts = [name for name in found.arrays if name.endswith("/iteration")]
    arrays = found.arrays | ({counts[0]: np.array(0)} if kind == "adam" else {})
    there = stepped("keras", kind, Stored(arrays, {}))
    monkeypatch.undo()
    back = c.through(c.file_of(there.arrays), "keras", "torch", trained(kind), rate=c.RATE)
    assert apart(back.arrays, stepped_there("torch", kind).arrays) > 1e6 * EXACT


def test_the_command_carries_a_file_and_says_what_it_did(tmp_path: Path) -> None:
    given, like, there = (tmp_path / f"{name}.safetensors" for name in ("given", "like", "there"))
    given.write_bytes(files.dumped(*trained("adam")))
    like.write_bytes(files.dumped(*fresh("keras", "adam")))
    words = ("--from", "torch", "--to", "keras", str(given), str(there), "--like", str(like))
    found = subprocess.run(
        [sys.executable, "-m", "experiments.convert", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert f"{there}: 11 layers (" in found.stdout
    assert "the optimiser's state: adam after 3 steps" in found.stdout
    written = files.read(there)
    assert same_bits(written.arrays, arrived("keras", "adam").arrays)
    assert json.loads(written.metadata["isograd"])["framework"] == "torch"


def test_a_bare_file_says_what_it_lacks() -> None:
    """Without what its metadata say, a state_dict's embedding may be a map without a bias."""
    bare = Stored(trained("momentum").arrays, {})
    with pytest.raises(UserError, match=r"'layers\.0\.weight' is of must be known.*give --kind layers/0=embedding"):
        c.through(bare, "torch", "keras", heads=c.HEADS, rate=c.RATE)
    kinds = {"layers/0": "embedding"}
    assert c.through(bare, "torch", "keras", heads=c.HEADS, rate=c.RATE, kinds=kinds).layers["layers/0"] == "embedding"


def test_two_norms_of_one_shape_are_not_guessed() -> None:
    bare = Stored(trained("momentum").arrays, {})
    with pytest.raises(UserError, match="must be told apart by kind or number"):
        c.through(bare, "torch", "keras", fresh("keras", "momentum"), rate=c.RATE)


@pytest.mark.parametrize(("inputs", "said"), [(4 * 9, True), (4, False), (10, False)])
def test_feature_maps_that_may_be_flattened_are_spoken_of(inputs: int, said: bool) -> None:
    """PyTorch has their channels first: the one map between layers that no file tells."""
    ones = {
        "0.weight": (4, 2, 3, 3),
        "0.bias": (4,),
        "3.weight": (5, inputs),
        "3.bias": (5,),
        "4.weight": (6, 5),
        "4.bias": (6,),
    }
    file = c.file_of({name: np.ones(shape) for name, shape in ones.items()})
    remarks = c.through(file, "torch", "keras").remarks
    assert [line.startswith("3: if feature maps of 4 channels are flattened before it") for line in remarks] == [True] * said


def test_a_layer_that_is_called_as_a_part_of_this_suite_may_be_another() -> None:
    file = c.file_of({"skip.weight": np.ones((4, 2, 3, 3)), "gate.bias": np.ones(3), "gate.weight": np.ones(3)})
    assert c.through(file, "torch", "jax").layers == {"gate": "layer_norm or group_norm", "skip": "convolution"}


@over_six
def test_rmsprop_moves_too(source: str, target: str) -> None:
    weights = {"torch": ("0.weight", "0.bias"), "keras": ("0/kernel", "0/bias"), "jax": ("params/0/kernel", "params/0/bias")}
    slots = {
        "torch": ("optimizer.0.weight.square_avg", "optimizer.0.bias.square_avg"),
        "keras": ("rmsprop/0_kernel_velocity", "rmsprop/0_bias_velocity"),
        "jax": ("opt_state/0/nu/0/kernel", "opt_state/0/nu/0/bias"),
    }
    kernel = np.random.default_rng(0).normal(size=(2, 3))
    arrays = {
        name: {
            weights[name][0]: kernel.T if name == "torch" else kernel,
            weights[name][1]: np.ones(3),
            slots[name][0]: (kernel.T if name == "torch" else kernel) ** 2,
            slots[name][1]: np.full(3, 0.5),
        }
        for name in laws.FRAMEWORKS
    }
    arrays["keras"]["rmsprop/iteration"] = np.array(0)
    counts = {f"optimizer.0.{name}.step": np.array(0, np.float32) for name in ("weight", "bias")}
    arrays["torch"] |= counts
    found = c.through(c.file_of(arrays[source]), source, target)
    assert same_bits(found.arrays, arrays[target])


DOCS = (ROOT / "docs" / "convert.md").read_text()
BLOCKS: dict[str, str] = dict(zip(laws.FRAMEWORKS, re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL), strict=True))


def models(framework: str) -> dict[str, Any]:
    """What the shown code has at hand: a model and its optimiser."""
    match framework:
        case "torch":
            model = c.torch_model()
            stepper = c.torch_optimizer(model, "adam")
            c.torch_loaded(model, stepper, trained("adam").arrays)
            return {"model": model, "optimizer": stepper}
        case "keras":
            model = c.keras_model()
            return {"model": model, "optimizer": c.keras_optimizer_of(model, "adam")}
        case _:
            variables = c.linen_started(c.linen_model())
            return {"variables": variables, "state": c.optax_optimizer("adam").init(variables["params"])}


@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_the_shown_code_saves_what_is_read_and_loads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, framework: str
) -> None:
    monkeypatch.chdir(tmp_path)
    at_hand = models(framework)
    exec(BLOCKS[framework], at_hand)
    stored = files.read(next(tmp_path.iterdir()))
    saved = {
        "torch": lambda: c.torch_saved(at_hand["model"], at_hand["optimizer"]),
        "keras": lambda: c.keras_saved(at_hand["model"], at_hand["optimizer"]),
        "jax": lambda: c.linen_saved(at_hand["variables"], at_hand["state"]),
    }
    assert same_bits(saved[framework](), stored.arrays)
    target = "jax" if framework == "torch" else "torch"
    assert len(c.through(stored, framework, target, heads=c.HEADS).layers) == 11


def test_the_table_of_laws_is_the_codes() -> None:
    expected = [["kind", "array", "canonical", *laws.FRAMEWORKS]]
    for kind, arrays in laws.LAWS.items():
        expected += [[kind, name, law.canonical, law.torch, law.keras, law.jax] for name, law in arrays.items()]
    rows = [line.strip("|").replace("`", "").split("|") for line in DOCS.splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in row] for row in rows] == expected


def test_a_layer_that_is_frozen_has_no_state_there_and_back() -> None:
    arrays = {name: a for name, a in trained("adam").arrays.items() if not name.startswith("optimizer.layers.0.")}
    file = Stored(arrays, trained("adam").metadata)
    with pytest.raises(UserError, match=r"must keep exp_avg of 'layers\.0\.weight'; received none; .* --frozen layers/0"):
        c.through(file, "torch", "keras", heads=c.HEADS)
    there = c.through(file, "torch", "keras", heads=c.HEADS, frozen=frozenset({"layers.0"}))
    assert not [name for name in there.arrays if name.startswith("adam/layers_0")]
    assert same_bits(c.through(Stored(there.arrays, there.metadata), "keras", "torch").arrays, arrays)


def test_back_into_the_names_of_the_first_file_is_back_to_the_last_bit() -> None:
    file = with_second_biases("momentum")
    there = c.through(file, "torch", "keras", fresh("keras", "momentum"), rate=c.RATE)
    back = c.through(Stored(there.arrays, there.metadata), "keras", "torch", file)
    assert same_bits(back.arrays, file.arrays)


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_plain_sgd_keeps_nothing_but_a_count_and_a_rate_in_keras(target: str) -> None:
    weights = {"sequential/dense/kernel": np.ones((2, 3)), "sequential/dense/bias": np.ones(3)}
    whole = c.file_of(weights | {"sgd/iteration": np.array(7), "sgd/learning_rate": np.array(0.1)})
    there = c.through(whole, "keras", target)
    assert len(there.arrays) == 2
    assert same_bits(c.through(Stored(there.arrays, there.metadata), target, "keras").arrays, whole.arrays)
    again = c.through(c.file_of(there.arrays), target, "keras", whole)
    assert same_bits(again.arrays, whole.arrays)
