"""Public reports of networks that do not learn, rebuilt: what their authors saw is what the
definition finds.

Each test names its report. The data are others where the report has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from common import draw, task
from common.backend import Backend, train
from common.plan import Plan
from experiments.evaluation import accuracy
from experiments.experiment import plans, read
from tests.conftest import load


@pytest.fixture(scope="module")
def two_groups(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Twenty-two features and two classes."""
    x, y = load_breast_cancer(return_X_y=True)
    path = tmp_path_factory.mktemp("data") / "breast_cancer.npz"
    np.savez(path, x=x[:, :22], y=y)
    return str(path)


def plan_of(folder: Path, **numbers: Any) -> Plan:
    """The plan of an experiment with these numbers."""
    file = folder / "report.toml"
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in numbers.items()]
    file.write_text("\n".join(['question = "?"', "[[configuration]]", *lines]), encoding="utf-8")
    return next(iter(plans(read(str(file))).values()))


def trained(wing: Backend, plan: Plan) -> tuple[np.ndarray, float]:
    """The loss [seed, step] of a run, and its accuracy beyond guessing."""
    data = task.load(plan.task)
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    trace = train(program, plan, draw.batches(plan, data)).trace
    return trace.loss, float(np.mean(accuracy(program, plan, data))) - data.best_guess


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "squared_error"])
def test_a_sigmoid_network_learns_with_three_hidden_layers_and_not_with_four(
    definition: Backend, two_groups: str, tmp_path: Path, loss: str
) -> None:
    """22-19-15-12-8-1, rate 0.7, momentum 0.3: stats.stackexchange.com/questions/230193."""
    shared: dict[str, Any] = {
        "data": two_groups,
        "loss": loss,
        "initialization": "torch_default",
        "batch_size": 32,
    }
    shared |= {"optimizer": "momentum", "learning_rate": 0.7, "steps": 300, "seeds": 2}
    found = {}
    for widths in ([19, 15, 12], [19, 15, 12, 8]):
        plan = plan_of(tmp_path, **shared, width=widths)
        plan = plan.model_copy(
            update={"optimizer": plan.optimizer.model_copy(update={"momentum": 0.3})}
        )
        found[len(widths)] = trained(definition, plan)
    assert found[3][1] > 0.25
    assert abs(found[4][1]) < 0.03
    assert found[3][0][:, -1].max() < 0.3 * found[4][0][:, -1].min()


def test_he_for_relu_makes_the_signal_of_a_prelu_network_grow_and_he_for_its_slope_does_not(
    definition: Backend, tmp_path: Path
) -> None:
    """PReLU from 0.25 over 50 layers, by a gain of 2 / (1 + a^2):
    github.com/apache/mxnet/issues/2647.
    """
    growth = {}
    for slope in (0.0, 0.25):
        start = plan_of(tmp_path, activation="prelu", depth=50, width=128, steps=1, seeds=3)
        plan = Plan.model_validate(
            start.model_dump() | {"initialization": {"kind": "he", "slope": slope}}
        )
        program = definition.program(plan, "cpu")
        program.load(draw.state(plan))
        data = task.load(plan.task)
        quantities = program.measured(program.step(next(iter(draw.batches(plan, data)))))
        size = quantities["activation_rms"]
        growth[slope] = float(np.mean(2 * np.log(size[:, -1] / size[:, 0]) / 49))
    assert growth[0.0] == pytest.approx(np.log(1 + 0.25**2), abs=0.02), (
        "each layer multiplies the mean square by 1 + a^2"
    )
    assert growth[0.25] == pytest.approx(0, abs=0.02)


def test_an_lstm_with_relu_dies_of_momentum_and_one_with_tanh_does_not(
    definition: Backend, tmp_path: Path
) -> None:
    """Regression by an LSTM with ReLU, momentum 0.99, that says 0 for everything:
    github.com/keras-team/keras/issues/3687.
    """
    shared: dict[str, Any] = {
        "data": "adding",
        "time": 10,
        "loss": "squared_error",
        "recurrent": "lstm",
        "width": 16,
    }
    shared |= {
        "initialization": "keras_default",
        "batch_size": 32,
        "learning_rate": 0.2,
        "steps": 300,
        "seeds": 6,
    }
    dead = {}
    constant = {}
    for activation in ("relu", "tanh"):
        plan = plan_of(tmp_path, **shared, activation=activation, optimizer="momentum")
        plan = plan.model_copy(
            update={"optimizer": plan.optimizer.model_copy(update={"momentum": 0.99})}
        )
        program = definition.program(plan, "cpu")
        data = task.load(plan.task)
        program.load(draw.state(plan))
        trace = train(program, plan, draw.batches(plan, data)).trace
        said = program.predict(np.broadcast_to(data.x_test[:100], (6, 100, 10, 2)))
        dead[activation] = trace.quantities["dead_fraction"][:, -1, -1]
        constant[activation] = np.ptp(said, axis=(1, 2)) < 1e-9
    assert dead["relu"].min() >= 0.5
    assert (dead["relu"] == 1).sum() >= 2
    assert (constant["relu"] == (dead["relu"] == 1)).all(), (
        "who is dead says the same of every sample"
    )
    assert not dead["tanh"].any()
    assert not constant["tanh"].any()


@pytest.fixture(scope="module")
def itself(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Normal numbers that are held to themselves, as an autoencoder's are."""
    x = np.random.default_rng(0).normal(size=(640, 64))
    path = tmp_path_factory.mktemp("data") / "itself.npz"
    np.savez(path, x=x, y=x)
    return str(path)


def test_a_linear_autoencoder_by_hand_and_in_flax_differ_by_their_start_alone(
    request: pytest.FixtureRequest, definition: Backend, itself: str, tmp_path: Path
) -> None:
    """A loss of 1.01 by hand and of 1.84 with `nn.Dense` as it ships:
    github.com/google/flax/issues/4087.

    Such numbers are those of a start from near 0, where nothing is said and the variance of the
    data is left, and of one that keeps the size of a signal: noise of the data's own size, on top
    of it.
    """
    jax = load("jax", request.config)
    shared: dict[str, Any] = {
        "data": itself,
        "loss": "squared_error",
        "activation": "identity",
        "depth": 1,
        "width": 32,
    }
    shared |= {"learning_rate": 0.03, "batch_size": 64, "steps": 20, "seeds": 1}
    shipped = plan_of(tmp_path, **shared, initialization="flax_default")
    small = Plan.model_validate(
        shipped.model_dump() | {"initialization": {"kind": "gaussian", "std": 0.01}}
    )
    by_hand = fitted(jax, small)
    in_flax = fitted(jax, shipped)
    assert by_hand[0, -1] == pytest.approx(1.01, abs=0.06)
    assert 1.6 < in_flax[0, -1] < in_flax[0, 0] < 2.3
    for found, plan in ((by_hand, small), (in_flax, shipped)):
        assert np.allclose(found, fitted(definition, plan), rtol=1e-9, atol=0), (
            "from one start there is one run"
        )


def fitted(wing: Backend, plan: Plan) -> np.ndarray:
    """The loss [seed, step] of a run."""
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    return train(program, plan, draw.batches(plan, task.load(plan.task))).trace.loss
