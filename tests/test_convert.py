"""Weights that move: a user's model of eleven layers, there and back in six directions, by a user
who writes no map.

The model is tests/converted/'s, as each framework has it. Its optimiser has taken steps before it
is carried.
"""

from __future__ import annotations

import numpy as np
import pytest

from experiments.converting import laws, state_writing
from experiments.converting.files import Stored
from tests import converted as c
from tests.carried import (
    EXACT,
    apart,
    arrived,
    fresh,
    over_optimizers,
    over_six,
    same_bits,
    stepped,
    stepped_there,
    trained,
    wings,
    with_second_biases,
)
from tests.converted import precise

__all__ = ["precise", "wings"]


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
    expected = fresh(framework, kind).arrays
    found = arrived(framework, kind).arrays
    assert {name: (a.shape, a.dtype) for name, a in found.items()} == {
        name: (a.shape, a.dtype) for name, a in expected.items()
    }


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


@over_six
def test_one_way_or_by_a_third_framework_is_the_same(source: str, target: str) -> None:
    """The two that PyTorch is not part of are reached from it by both ways."""
    kind = "adam"
    found = c.through(
        arrived(source, kind), source, target, fresh(target, kind), rate=c.RATE
    ).arrays
    expected = arrived(target, kind).arrays
    names = [
        name
        for name in expected
        if "num_batches" not in name and "bias_hh" not in name and "seed" not in name
    ]
    assert all(np.array_equal(found[name], expected[name]) for name in names)


@pytest.mark.parametrize("target", ["keras", "jax"])
def test_two_biases_become_one_that_computes_the_same_and_come_back_as_two(target: str) -> None:
    file = with_second_biases("momentum")
    there = c.through(file, "torch", target, fresh(target, "momentum"), rate=c.RATE)
    assert [
        line for line in there.remarks if line.startswith("layers/5: two biases become their sum")
    ]
    outputs = [
        stepped(name, "momentum", one).output
        for name, one in (("torch", file), (target, Stored(there.arrays, {})))
    ]
    assert np.abs(outputs[0] - outputs[1]).max() <= EXACT * np.abs(outputs[0]).max()
    assert same_bits(
        c.through(Stored(there.arrays, there.metadata), target, "torch").arrays, file.arrays
    )


def test_what_was_trained_there_comes_back_with_one_bias() -> None:
    """What the metadata keeps of the way there counts only while the numbers are those that
    went.
    """
    there = c.through(with_second_biases("momentum"), "torch", "keras", rate=c.RATE, heads=c.HEADS)
    changed = there.arrays | {
        "layers/5/lstm_cell/bias": there.arrays["layers/5/lstm_cell/bias"] + 1
    }
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
        assert same_bits(
            c.through(Stored(there.arrays, there.metadata), target, "torch").arrays, file.arrays
        )


FAULTS: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    "convolution without its turn": (
        "convolution",
        {"weight": {"torch": "weight: in out space *"}},
    ),
    "query and key exchanged": (
        "attention",
        {
            "query": {"torch": "in_proj_weight[1/3]: (heads width) in"},
            "key": {"torch": "in_proj_weight[0/3]: (heads width) in"},
        },
    ),
    "heads and width exchanged": (
        "attention",
        {"out": {"torch": "out_proj.weight: out (width heads)"}},
    ),
    "recurrent weights transposed": (
        "rnn",
        {"recurrent": {"torch": "weight_hh: from (gate unit)"}},
    ),
    "scale and shift exchanged": (
        "layer_norm",
        {"scale": {"keras": "beta: channel"}, "shift": {"keras": "gamma: channel"}},
    ),
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
    found = c.through(
        trained("momentum"), "torch", "keras", fresh("keras", "momentum"), rate=c.RATE
    )
    here = stepped_there("torch", "momentum").output
    there = stepped("keras", "momentum", Stored(found.arrays, {})).output
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
