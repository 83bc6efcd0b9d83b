"""Steps of a PyTorch model's own optimiser: those of a plain loop, and what optimiser and clipping
are said to be.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from backends.torch import capture  # noqa: E402
from tests.awkward_torch import Residual, data  # noqa: E402


def sgd(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01)


def clip(model: Any) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)


def test_steps_are_those_of_a_plain_loop_to_the_last_bit() -> None:
    torch.manual_seed(0)
    model: Any = Residual().double()
    plain = copy.deepcopy(model)
    batches = [(data((4, 2, 4, 4), seed=k), np.array([0, 1, 2, 1])) for k in range(3)]
    subject = capture.subject(
        model, *batches[0], optimizer=sgd(model), clip=clip, precision="float64"
    )
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
        assert np.array_equal(
            step["parameters"]["stem.0"]["weight"],
            plain.stem[0].weight.detach().permute(2, 3, 1, 0),
        )
        assert np.array_equal(
            step["statistics"]["blocks.1.bn"]["variance"], plain.blocks[1].bn.running_var
        )
    assert captured["loss"] == steps[0]["loss"]
    assert [one["norms"] for one in captured["places"]] == steps[0]["places"]
    assert all(
        torch.equal(one, two)
        for one, two in zip(model.parameters(), plain.parameters(), strict=True)
    )
    moved = steps[1]["parameters"]["stem.0"]["weight"] - steps[0]["parameters"]["stem.0"]["weight"]
    assert steps[1]["norms"]["stem.0"]["weight"]["update"] == pytest.approx(
        np.sqrt(np.mean(moved**2)), rel=1e-9
    )


CLIPS: dict[str, tuple[Any, Any]] = {
    "global norm": (clip, {"global_norm": 0.5}),
    "value": (lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.25), {"value": 0.25}),
    "each norm": (
        lambda model: [nn.utils.clip_grad_norm_([one], 2.0) for one in model.parameters()],
        {"norm": 2.0},
    ),
    "nothing": (lambda model: None, None),
}


@pytest.mark.parametrize("name", CLIPS)
def test_an_optimiser_and_its_clipping_are_described_by_what_they_do(name: str) -> None:
    function, expected = CLIPS[name]
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    options = {"optimizer": torch.optim.AdamW(model.parameters(), 1e-3), "clip": function}
    found = capture.subject(model, data((3, 4)), **options).capture(False)["optimizer"]
    assert found["clip"] == expected
    numbers = {
        "kind": "adamw",
        "rate": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "decay": 0.01,
        "decoupled": True,
    }
    assert numbers.items() <= found.items()
