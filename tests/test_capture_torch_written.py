"""Layers of a PyTorch model as they are listed, and numbers that are written into them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from tests.awkward_torch import CASES, data  # noqa: E402
from tests.awkward_torch_modes import Tied  # noqa: E402
from tests.captures_torch import of  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_writing_what_is_there_changes_nothing_and_what_is_drawn_is_read_back(name: str) -> None:
    subject = of(CASES[name].make, data(CASES[name].shape))
    before = copy.deepcopy(subject.model.state_dict())
    layers = subject.layers()
    parts = ("parameters", "statistics")
    values = {
        path: {key: one for part in parts for key, one in layer[part].items()}
        for path, layer in layers.items()
    }
    subject.write(values)
    assert all(torch.equal(value, before[key]) for key, value in subject.model.state_dict().items())
    rng = np.random.default_rng(0)
    drawn = {
        path: {key: rng.standard_normal(one.shape) for key, one in ones.items()}
        for path, ones in values.items()
    }
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
    assert (
        layer["names"]["parametrizations.weight.original0"]
        == "qkv.parametrizations.weight.original0"
    )


def test_layers_that_no_call_has_used_come_last() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused, self.second, self.first = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x: Any) -> Any:
            return self.second(self.first(x))

    assert list(of(Backwards, data((3, 4))).capture(False)["layers"]) == [
        "first",
        "second",
        "unused",
    ]
