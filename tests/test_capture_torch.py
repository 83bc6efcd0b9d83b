"""What is captured of PyTorch models: gradients against central differences, layers against NumPy,
and what is said.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from backends.torch import capture  # noqa: E402
from tests import central  # noqa: E402
from tests.awkward_torch import CASES, InPlace, Recurrent, Residual, Several, data  # noqa: E402
from tests.awkward_torch_modes import Attention  # noqa: E402
from tests.captures_torch import named, of, place_of  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_every_place_is_seen_and_its_gradient_is_that_of_central_differences(name: str) -> None:
    case = CASES[name]
    subject = of(case.make, data(case.shape))
    captured = subject.capture(values=True)
    assert named(captured) == case.paths
    wrong = {place: error for place, error in central.errors(subject, captured) if error > 1e-5}
    assert not wrong


@pytest.mark.parametrize("name", CASES)
def test_norms_alone_are_those_of_the_values_and_a_second_capture_is_the_same(name: str) -> None:
    case = CASES[name]
    subject = of(case.make, data(case.shape))
    whole = subject.capture(True)
    alone = subject.capture(False)
    again = subject.capture(False)
    assert [one["norms"] for one in alone["places"]] == [one["norms"] for one in again["places"]]
    for one, other in zip(whole["places"], alone["places"], strict=True):
        assert other["output"] is None
        assert one["norms"] == other["norms"]
        assert one["norms"]["rms"] == pytest.approx(
            np.sqrt(np.mean(np.square(one["output"]))), rel=1e-12
        )
        if one["gradient"] is not None:
            assert one["norms"]["gradient"] == pytest.approx(
                np.sqrt(np.mean(np.square(one["gradient"]))), rel=1e-12
            )


def test_several_inputs_and_outputs_a_frozen_layer_and_own_parameters() -> None:
    subject = of(Several, data((3, 4)), data((3, 5), seed=1))
    captured = subject.capture(values=True)
    assert (
        named(captured)
        == "frozen pair.a pair:add pair:sigmoid pair :mul :cat :getitem :mul#1 head ."
    )
    assert [place["leaf"] for place in captured["places"] if place["path"] == "pair"] == [0, 1]
    assert max(error for _, error in central.errors(subject, captured)) < 1e-5
    layers = captured["layers"]
    assert (layers["pair"]["kind"], list(layers["pair"]["parameters"])) == ("other", ["shift"])
    assert layers["frozen"]["trainable"] == {"weight": False, "bias": False}
    assert layers["frozen"]["gradients"]["weight"] is None
    assert len(captured["x"]) == 2


def test_no_gradient_is_claimed_where_the_model_lets_none_through() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cut = nn.Linear(4, 4)
            self.head = nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            with torch.no_grad():
                h = self.cut(x)
            return self.head(h)

    captured = of(Cut, data((3, 4))).capture(True)
    assert place_of(captured, "cut")["gradient"] is None
    assert place_of(captured, "cut")["norms"]["gradient"] is None
    assert place_of(captured, "head")["gradient"] is not None


def test_kinds_numbers_and_layouts_say_what_was_computed() -> None:
    captured = of(InPlace, data((3, 2, 5, 5))).capture(True)
    conv = place_of(captured, "conv")
    shared = place_of(captured, "shared", 1)
    assert conv["config"] | {"mode": "zeros"} == conv["config"]
    assert (conv["config"]["stride"], conv["config"]["padding"]) == ([2, 2], [[1, 1], [1, 1]])
    assert (shared["config"]["groups"], shared["layout"]) == (2, [0, 2, 3, 1])
    assert place_of(captured, ":add")["kind"] == "add"
    assert place_of(captured, ":add_")["kind"] == "other"  # a plain number is added
    assert place_of(captured, "cut")["config"] == {"name": "leaky_relu", "slope": 0.2}
    assert place_of(captured, ":flatten")["kind"] == "flatten"
    assert not place_of(captured, "")["inner"]
    before = place_of(captured, ":add_")["output"]
    after = place_of(captured, "cut")["output"]
    assert np.array_equal(after, np.where(before > 0, before, 0.2 * before))


def test_batch_norm_says_whose_statistics_it_used_and_they_are_put_back() -> None:
    for training in (True, False):
        subject = of(Residual, data((4, 2, 4, 4)), training=training)
        model = subject.model.train(not training)
        before = copy.deepcopy(model.state_dict())
        first = next(model.parameters())
        first.grad = torch.ones_like(first)
        random = torch.get_rng_state()
        captured = subject.capture(True)
        assert place_of(captured, "stem.1")["config"] == {
            "epsilon": 1e-5,
            "momentum": 0.9,
            "batch": training,
            "unbiased": True,
        }
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert model.training is not training
        assert torch.equal(first.grad, torch.ones_like(first))
        assert torch.equal(torch.get_rng_state(), random)
        assert all(one.grad is None for one in list(model.parameters())[1:])
        assert not any(
            module._forward_hooks or module._forward_pre_hooks for module in model.modules()
        )


def test_dropout_is_off_and_said() -> None:
    captured = of(lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), data((3, 4))).capture(
        True
    )
    assert place_of(captured, "1")["config"] == {"rate": 0.5, "active": True}
    assert np.array_equal(place_of(captured, "1")["output"], place_of(captured, "0")["output"])
    assert captured["remarks"] == ["dropout 0.5 of 1 is off in the capture"]


def test_a_value_that_is_put_in_is_there_and_one_that_has_no_place_is_refused() -> None:
    subject = of(InPlace, data((3, 2, 5, 5)))
    value = data((3, 4, 3, 3), seed=5)
    captured = subject.capture(True, put={("cut", 0, 0): value})
    assert np.array_equal(place_of(captured, "cut")["output"], value)
    assert np.allclose(place_of(captured, ":flatten")["output"], value.mean((2, 3)), rtol=1e-14)
    with pytest.raises(ValueError, match=r"not seen.*nowhere"):
        subject.capture(False, put={("nowhere", 0, 0): value})
    with pytest.raises(ValueError, match=r"put in at cut must be \[3, 4, 3, 3\]; received \[1\]"):
        subject.capture(False, put={("cut", 0, 0): np.ones(1)})


def test_a_scripted_part_is_one_place_and_said_and_a_scripted_model_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
    subject = of(lambda: nn.Sequential(scripted, nn.Linear(4, 2)), data((3, 4)))
    captured = subject.capture(True)
    assert named(captured) == "0 1 ."
    assert max(error for _, error in central.errors(subject, captured)) < 1e-5
    assert "0 is scripted" in captured["remarks"][0]
    with pytest.raises(ValueError, match=r"before torch\.jit\.script"):
        of(lambda: scripted, data((3, 4))).capture(True)


def test_a_model_in_which_nothing_is_seen_is_an_error_and_one_that_raises_raises() -> None:
    class Nothing(nn.Module):
        def forward(self, x: Any) -> Any:
            return (x > 0).long()

    with pytest.raises(ValueError, match="no place was seen"):
        of(Nothing, data((3, 4)), loss=lambda output, y: torch.ones(1, requires_grad=True)).capture(
            True
        )
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        of(lambda: nn.Linear(5, 2), data((3, 4))).capture(True)


def test_the_default_loss_is_said_and_does_not_broadcast() -> None:
    model = nn.Linear(4, 1)
    column = capture.subject(model, data((3, 4)), data((3,), seed=1)).capture(False)
    assert column["loss_said"] == "mean squared error"
    other = capture.subject(model, data((3, 4)), data((3, 1), seed=1)).capture(False)
    assert column["loss"] == other["loss"]
    assert (column["precision"], place_of(column, "")["dtype"]) == ("float32", "float32")
    with pytest.raises(ValueError, match=r"output's shape, \[3, 1\]; received \[2\]"):
        capture.subject(model, data((3, 4)), data((2,))).capture(False)


def test_it_runs_from_its_folder_where_this_project_is_not(tmp_path: Path) -> None:
    folder = Path(capture.__file__).parent
    code = f"""
import importlib.util, pathlib, sys, numpy, torch
folder = pathlib.Path({str(folder)!r})
where = {{"submodule_search_locations": [str(folder)]}}
spec = importlib.util.spec_from_file_location("theirs", folder / "__init__.py", **where)
module = importlib.util.module_from_spec(spec)
sys.modules["theirs"] = module
spec.loader.exec_module(module)
captured = module.subject(torch.nn.Linear(2, 2), numpy.ones((3, 2))).capture(True)
assert len(captured["places"]) == 1 and not {{"backends", "common", "isograd"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_layers_reproduce_the_places() -> None:
    """By formulas in NumPy, see `tests.formulas_torch`."""
    from tests import formulas_torch as formulas

    for make, shape, path in (
        (lambda: nn.Sequential(nn.Linear(4, 3)), (3, 4), "0"),
        (InPlace, (3, 2, 5, 5), "conv"),
        (InPlace, (3, 2, 5, 5), "shared"),
        (CASES["transposed"].make, (2, 2, 4), "0"),
        (Residual, (4, 2, 4, 4), "stem.1"),
        (lambda: Attention(False), (2, 3, 6), "attention"),
        *((Recurrent, (2, 3, 3), path) for path in ("lstm[0]", "lstm[0,back]", "lstm[1]", "gru")),
    ):
        captured = of(make, data(shape)).capture(True)
        place = place_of(captured, path)
        layer = captured["layers"][path]
        given = formulas.FORMULAS[place["kind"]](
            place["inputs"], layer["parameters"], place["config"]
        )
        assert np.abs(given - place["output"]).max() < 1e-12, path
