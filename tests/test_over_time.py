"""The gradient within a recurrent layer: what autograd has of a loop over its cells, or nothing is
said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.own.diagnose import Asked, of_model
from experiments.own.diagnosing import diagnosis, passes
from experiments.own.given import Given
from experiments.own.guessing import guessing_loss
from experiments.own.interpreter import Interpreter
from experiments.own.over_time import over_time
from isograd.captured import Captured, hides_time
from tests.conftest import load

PORTS = Path(__file__).parent / "ports"
MODELS = """
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    '''The last output, through its state where `states` is said; in one call, or in a loop.'''

    def __init__(self, kind, looped=False, states=False, backwards=False, first=False):
        super().__init__()
        self.kind, self.looped, self.states, self.first = kind, looped, states, first
        cells = {{"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}}
        whole = {{"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}}
        self.out = nn.Linear(5, 2)
        how = {{}} if looped else {{"batch_first": True, "bidirectional": backwards}}
        self.rnn = (cells if looped else whole)[kind](3, 5, **how)
        rng = np.random.default_rng(0)
        for parameter in self.parameters():
            parameter.data = torch.tensor(rng.uniform(-0.5, 0.5, parameter.shape))

    def forward(self, x):
        if not self.looped:
            given = torch.ones(1, len(x), 5, dtype=x.dtype)
            start = None if not self.first else (given, given) if self.kind == "lstm" else given
            y, state = self.rnn(x, start)
            h = state[0] if self.kind == "lstm" else state
            return self.out(h[-1] if self.states else y[:, -1, :5])
        state = None
        for t in range(x.shape[1]):
            state = self.rnn(x[:, t], state)
            self.kept.append(state[0] if self.kind == "lstm" else state)
            self.kept[-1].retain_grad()
        return self.out(self.kept[-1])


def loss(output, y):
    return nn.functional.cross_entropy(output, y)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 7, 3)), rng.integers(0, 2, 6)


def model():
    return Net({arguments})
"""


@pytest.fixture(scope="module")
def torch_(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    load("torch", request.config)
    with Interpreter("torch", threads=1) as running:
        yield running


def captured(running: Interpreter, folder: Path, arguments: str, values: bool = True) -> Captured:
    (folder / "mine.py").write_text(MODELS.format(arguments=arguments), encoding="utf-8")
    running.open(folder / "mine.py", precision="float64")
    return running.capture(values=values)


def looped(folder: Path, kind: str) -> list[float]:
    """B times the rms of dL/dh of each step, by autograd."""
    import torch

    names: dict[str, Any] = {}
    exec(MODELS.format(arguments=f"{kind!r}, looped=True"), names)
    net, (x, y) = names["model"](), names["batch"]()
    net.kept = []
    names["loss"](net(torch.as_tensor(x)), torch.as_tensor(y)).backward()
    return [len(x) * float(h.grad.square().mean().sqrt()) for h in net.kept]


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_layer_in_one_call_is_told_what_autograd_has_of_its_cells(
    torch_: Interpreter, tmp_path: Path, kind: str, states: bool
) -> None:
    found = over_time(captured(torch_, tmp_path, f"{kind!r}, states={states}"))
    assert found.remarks == []
    assert found.profiles[0].signal_gradient_rms == pytest.approx(looped(tmp_path, kind), rel=1e-10)


def test_what_comes_from_above_alone_is_another_profile(
    torch_: Interpreter, tmp_path: Path
) -> None:
    """The gradient that the framework hands out is 0 at all steps but the last."""
    one = captured(torch_, tmp_path, "'lstm'")
    place = next(place for place in one["places"] if place["kind"] == "recurrent")
    assert place["gradient"] is not None
    assert not place["gradient"][:, :-1].any()
    assert all(over_time(one).profiles[0].signal_gradient_rms)


def test_time_runs_the_other_way_where_a_layer_does(torch_: Interpreter, tmp_path: Path) -> None:
    found = over_time(captured(torch_, tmp_path, "'gru', backwards=True")).profiles
    assert [one.path for one in found] == ["rnn[0]", "rnn[0,back]"]
    there, back = (np.array(one.signal_gradient_rms) for one in found)
    assert there[0] < there[-1]
    assert back[:-1].max() == 0, "of the last output the way back has seen only the last step"
    assert back[-1] >= 0


def test_a_layer_that_is_not_as_defined_is_named_and_not_drawn(
    torch_: Interpreter, tmp_path: Path
) -> None:
    found = over_time(captured(torch_, tmp_path, "'lstm', first=True"))
    assert found.profiles == []
    assert (
        "within rnn is not seen: run as it is defined, the layer does not give the same numbers"
        in found.remarks[0]
    )


@pytest.mark.parametrize("fault", ["output", "weights", "gradient"])
def test_other_numbers_than_its_own_are_never_told(
    torch_: Interpreter, tmp_path: Path, fault: str
) -> None:
    one = captured(torch_, tmp_path, "'lstm'")
    place = next(
        place for place in one["places"] if place["kind"] == "recurrent" and not place["leaf"]
    )
    layer = one["layers"][place["path"]]
    if fault == "output":
        assert place["output"] is not None
        place["output"] = 1.01 * place["output"]
    elif fault == "weights":
        layer["gradients"]["recurrent"] = 1.01 * np.asarray(layer["gradients"]["recurrent"])
    else:
        place["gradient"] = 1.01 * np.asarray(place["gradient"])
    assert over_time(one).profiles == []


def test_norms_alone_say_what_they_lack_and_ask_for_values(
    torch_: Interpreter, tmp_path: Path
) -> None:
    norms = captured(torch_, tmp_path, "'lstm'", values=False)
    assert hides_time(norms)
    assert "only norms were kept" in over_time(norms).remarks[0]
    assert not hides_time(captured(torch_, tmp_path, "'lstm'"))
    norms["places"][0]["shape"] = [2**30]
    assert not hides_time(norms), "too many to keep"


def test_a_cell_in_a_loop_is_a_profile_over_its_uses(torch_: Interpreter, tmp_path: Path) -> None:
    source = MODELS.format(arguments="'gru', looped=True").replace(
        "self.kept.append(state", "self.kept = [state"
    )
    source = source.replace("else state)\n", "else state]\n").replace(
        "            self.kept[-1].retain_grad()\n", ""
    )
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    torch_.open(tmp_path / "mine.py", precision="float64")
    said = diagnosis(passes(torch_.capture(values=False)), "", "")
    assert [one.path for one in said.over_time] == ["rnn"]
    assert said.over_time[0].signal_gradient_rms == pytest.approx(
        looped(tmp_path, "gru"), rel=1e-10
    )


def test_a_diagnosis_has_the_profile_of_each_recurrent_layer(
    request: pytest.FixtureRequest,
) -> None:
    load("keras", request.config)
    said = of_model(Given("keras", PORTS / "lstm_keras.py"), Asked(steps=2), None, "")
    assert [len(one.signal_gradient_rms) for one in said.over_time] == [6, 6]
    assert all(value for one in said.over_time for value in one.signal_gradient_rms)
    assert not [one for one in said.remarks if "steps of time" in one]
    assert [one.step for one in said.profiles] == [1, 2]


# --- the loss of always saying the same


def batch_of(output: Any, y: Any, loss: float) -> Captured:
    said = {"output": np.array(output), "y": np.array(y), "loss": loss}
    return said  # type: ignore[return-value]


LOGITS = [[2.0, 0.0], [0.0, 1.0], [1.0, 0.0], [3.0, 0.0]]
LABELS = [0, 1, 0, 0]
CROSS_ENTROPY = float(
    np.mean(
        [np.log1p(np.exp(-2)), np.log1p(np.exp(-1)), np.log1p(np.exp(-1)), np.log1p(np.exp(-3))]
    )
)
ENTROPY = float(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))


def test_guessing_is_known_of_a_cross_entropy_and_of_a_squared_error() -> None:
    assert guessing_loss(batch_of(LOGITS, LABELS, CROSS_ENTROPY)) == pytest.approx(ENTROPY)
    assert guessing_loss(
        batch_of(LOGITS, LABELS, CROSS_ENTROPY), np.array([0, 1])
    ) == pytest.approx(np.log(2))
    shares = [[0.75, 0.25], [0.5, 0.5]]
    assert guessing_loss(
        batch_of(shares, [0, 1], float(-np.log([0.75, 0.5]).mean()))
    ) == pytest.approx(np.log(2))
    assert guessing_loss(batch_of([[1.0], [2.0]], [[0.0], [4.0]], 2.5)) == pytest.approx(4)


@pytest.mark.parametrize("loss", [CROSS_ENTROPY * 1.01, 0.0, np.nan])
def test_of_any_other_loss_guessing_is_not_known(loss: float) -> None:
    assert guessing_loss(batch_of(LOGITS, LABELS, loss)) is None
    assert guessing_loss(batch_of(LOGITS, [0, 1, 2, 0], CROSS_ENTROPY)) is None
