"""What is captured of PyTorch models: gradients against central differences, layers against NumPy, state, steps."""

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
from tests.awkward_torch import CASES, Attention, InPlace, Recurrent, Residual, Several, Tied, data  # noqa: E402


def weighted(output: Any, y: Any) -> Any:
    """No symmetry of the output hides a gradient."""
    return (output * torch.linspace(-1, 1.3, output.numel(), dtype=output.dtype).view_as(output)).sum()


def of(make: Any, *arrays: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    options = {"loss": weighted, "precision": "float64"} | options
    x = arrays[0] if len(arrays) == 1 else arrays
    return capture.subject(make(), x, **options)


def named(captured: dict[str, Any]) -> str:
    first = [place for place in captured["places"] if not place["leaf"]]
    return " ".join((place["path"] or ".") + (f"#{place['call']}" if place["call"] else "") for place in first)


def place_of(captured: dict[str, Any], path: str, call: int = 0) -> dict[str, Any]:
    (found,) = [one for one in captured["places"] if (one["path"], one["call"], one["leaf"]) == (path, call, 0)]
    return found


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
    whole, alone, again = subject.capture(True), subject.capture(False), subject.capture(False)
    assert [one["norms"] for one in alone["places"]] == [one["norms"] for one in again["places"]]
    for one, other in zip(whole["places"], alone["places"], strict=True):
        assert other["output"] is None
        assert one["norms"] == other["norms"]
        assert one["norms"]["rms"] == pytest.approx(np.sqrt(np.mean(np.square(one["output"]))), rel=1e-12)
        if one["gradient"] is not None:
            assert one["norms"]["gradient"] == pytest.approx(np.sqrt(np.mean(np.square(one["gradient"]))), rel=1e-12)


def test_several_inputs_and_outputs_a_frozen_layer_and_own_parameters() -> None:
    subject = of(Several, data((3, 4)), data((3, 5), seed=1))
    captured = subject.capture(values=True)
    assert named(captured) == "frozen pair.a pair:add pair:sigmoid pair :mul :cat :getitem :mul#1 head ."
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
            self.cut, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

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
    conv, shared = place_of(captured, "conv"), place_of(captured, "shared", 1)
    assert conv["config"] | {"mode": "zeros"} == conv["config"]
    assert (conv["config"]["stride"], conv["config"]["padding"]) == ([2, 2], [[1, 1], [1, 1]])
    assert (shared["config"]["groups"], shared["layout"]) == (2, [0, 2, 3, 1])
    assert place_of(captured, ":add")["kind"] == "add"
    assert place_of(captured, ":add_")["kind"] == "other"  # a plain number is added
    assert place_of(captured, "cut")["config"] == {"name": "leaky_relu", "slope": 0.2}
    assert place_of(captured, ":flatten")["kind"] == "flatten"
    assert not place_of(captured, "")["inner"]
    before, after = place_of(captured, ":add_")["output"], place_of(captured, "cut")["output"]
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
        assert place_of(captured, "stem.1")["config"] == {"epsilon": 1e-5, "momentum": 0.9, "batch": training, "unbiased": True}
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert model.training is not training
        assert torch.equal(first.grad, torch.ones_like(first))
        assert torch.equal(torch.get_rng_state(), random)
        assert all(one.grad is None for one in list(model.parameters())[1:])
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_dropout_is_off_and_said() -> None:
    captured = of(lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), data((3, 4))).capture(True)
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


@pytest.mark.parametrize("name", CASES)
def test_writing_what_is_there_changes_nothing_and_what_is_drawn_is_read_back(name: str) -> None:
    subject = of(CASES[name].make, data(CASES[name].shape))
    before = copy.deepcopy(subject.model.state_dict())
    layers = subject.layers()
    parts = ("parameters", "statistics")
    values = {path: {key: one for part in parts for key, one in layer[part].items()} for path, layer in layers.items()}
    subject.write(values)
    assert all(torch.equal(value, before[key]) for key, value in subject.model.state_dict().items())
    rng = np.random.default_rng(0)
    drawn = {path: {key: rng.standard_normal(one.shape) for key, one in ones.items()} for path, ones in values.items()}
    subject.write(drawn)
    for path, layer in subject.layers().items():
        for key, value in (layer["parameters"] | layer["statistics"]).items():
            assert np.array_equal(value, drawn[path][key]), (path, key)


def test_what_does_not_fit_is_named_and_nothing_is_written() -> None:
    subject = of(lambda: nn.Sequential(nn.Linear(4, 2)), data((3, 4)))
    before = subject.layers()["0"]["parameters"]["bias"]
    wrong = {"0": {"bias": np.ones(2), "weight": np.ones((2, 4))}}
    with pytest.raises(ValueError, match=r"0: weight must be \[4, 2\]; received \[2, 4\]"):
        subject.write(wrong)
    assert np.array_equal(subject.layers()["0"]["parameters"]["bias"], before)
    with pytest.raises(ValueError, match="no layer '1'; it has 0"):
        subject.write({"1": {}})
    with pytest.raises(ValueError, match="0 has no kernel; it has weight, bias"):
        subject.write({"0": {"kernel": np.ones(1)}})


def test_a_shared_parameter_is_listed_once() -> None:
    captured = of(Tied, data((4, 2))).capture(False)
    assert list(captured["layers"]["head"]["parameters"]) == ["bias"]
    assert captured["remarks"] == ["head.weight is embed.weight, and is listed there only"]


def test_a_computed_weight_is_given_by_the_parameters_that_it_is_computed_from() -> None:
    layer = of(CASES["causal"].make, data((2, 3, 4))).capture(True)["layers"]["qkv"]
    assert layer["kind"] == "other"
    assert all(gradient is not None for gradient in layer["gradients"].values())
    assert layer["names"]["parametrizations.weight.original0"] == "qkv.parametrizations.weight.original0"


def test_layers_that_no_call_has_used_come_last() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused, self.second, self.first = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x: Any) -> Any:
            return self.second(self.first(x))

    assert list(of(Backwards, data((3, 4))).capture(False)["layers"]) == ["first", "second", "unused"]


def sgd(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01)


def clip(model: Any) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)


def test_steps_are_those_of_a_plain_loop_to_the_last_bit() -> None:
    torch.manual_seed(0)
    model: Any = Residual().double()
    plain = copy.deepcopy(model)
    batches = [(data((4, 2, 4, 4), seed=k), np.array([0, 1, 2, 1])) for k in range(3)]
    subject = capture.subject(model, *batches[0], optimizer=sgd(model), clip=clip, precision="float64")
    captured = subject.capture(False)
    steps = subject.steps(batches, values=True)
    optimizer = sgd(plain)
    for (x, y), step in zip(batches, steps, strict=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(plain(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        clip(plain)
        optimizer.step()
        assert step["loss"] == loss.item()
        assert np.array_equal(step["parameters"]["stem.0"]["weight"], plain.stem[0].weight.detach().permute(2, 3, 1, 0))
        assert np.array_equal(step["statistics"]["blocks.1.bn"]["variance"], plain.blocks[1].bn.running_var)
    assert captured["loss"] == steps[0]["loss"]
    assert [one["norms"] for one in captured["places"]] == steps[0]["places"]
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), plain.parameters(), strict=True))
    moved = steps[1]["parameters"]["stem.0"]["weight"] - steps[0]["parameters"]["stem.0"]["weight"]
    assert steps[1]["norms"]["stem.0"]["weight"]["update"] == pytest.approx(np.sqrt(np.mean(moved**2)), rel=1e-9)


CLIPS: dict[str, tuple[Any, Any]] = {
    "global norm": (clip, {"global_norm": 0.5}),
    "value": (lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.25), {"value": 0.25}),
    "each norm": (lambda model: [nn.utils.clip_grad_norm_([one], 2.0) for one in model.parameters()], {"norm": 2.0}),
    "nothing": (lambda model: None, None),
}


@pytest.mark.parametrize("name", CLIPS)
def test_an_optimiser_and_its_clipping_are_described_by_what_they_do(name: str) -> None:
    function, expected = CLIPS[name]
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    options = {"optimizer": torch.optim.AdamW(model.parameters(), 1e-3), "clip": function}
    found = capture.subject(model, data((3, 4)), **options).capture(False)["optimizer"]
    assert found["clip"] == expected
    numbers = {"kind": "adamw", "rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.01, "decoupled": True}
    assert numbers.items() <= found.items()


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
        of(Nothing, data((3, 4)), loss=lambda output, y: torch.ones(1, requires_grad=True)).capture(True)
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
spec = importlib.util.spec_from_file_location("theirs", folder / "__init__.py", submodule_search_locations=[str(folder)])
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
        place, layer = place_of(captured, path), captured["layers"][path]
        given = formulas.FORMULAS[place["kind"]](place["inputs"], layer["parameters"], place["config"])
        assert np.abs(given - place["output"]).max() < 1e-12, path
