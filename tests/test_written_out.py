"""An activation that is written out as a product is one place; where both have written it out,
factor is held to factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.own.given import Given
from experiments.own.held import Asked, captured_in, held_in
from experiments.own.interpreter import Interpreter
from tests.conftest import load

CODE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 3)
    def forward(self, x):
        z = self.first(x)
        return self.last({activation})

def model():
    return Net()

def batch():
    torch.manual_seed(1)
    return 4 * torch.randn(8, 5), torch.randint(0, 3, (8,))
"""
SILU = "nn.functional.silu(z)"
BY_HAND = "z * torch.sigmoid(z)"
HARD = "z * nn.functional.hardsigmoid(z)"


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    """A process of PyTorch."""
    load("torch", request.config)
    with Interpreter("torch", threads=1) as torch:
        yield torch


@pytest.mark.parametrize(
    ("reference", "port", "said"),
    [
        (SILU, BY_HAND, None),
        (BY_HAND, SILU, None),
        (BY_HAND, BY_HAND, None),
        ("nn.functional.gelu(z)", BY_HAND, "Activation: gelu in the reference, silu in the port."),
        (SILU, HARD, "Activation: silu in the reference, hard_swish in the port."),
        (BY_HAND, HARD, "Activation: sigmoid in the reference, hard_sigmoid in the port."),
    ],
)
def test_the_cause_names_what_is_written(
    running: Interpreter, tmp_path: Path, reference: str, port: str, said: str | None
) -> None:
    files = [tmp_path / "mine.py", tmp_path / "its.py"]
    for file, activation in zip(files, (reference, port), strict=True):
        file.write_text(CODE.format(activation=activation))
    mine, its = (Given("torch", file, "model") for file in files)
    found = held_in(running, mine, captured_in(running, mine, Asked()), its, Asked(), "")
    assert [parting.causes[0].said for parting in found.divergences if parting.causes] == (
        [said] if said else []
    )
    assert found.ok == (said is None)
