"""What the pages tell people to copy is right where this project is not: pasted into an empty
folder and run there.

Of each framework one fresh interpreter, which cannot import this project, runs the code blocks of
all pages in an ordinary program: a model of two layers with its own parameters, a backward pass and
an optimiser. What it finds is compared with the definition.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from common.backend import Backend
from common.countermeasures.activation import Activation, Tanh
from common.countermeasures.clipping import Clipping
from common.countermeasures.initialization import (
    Constant,
    Initialization,
    Orthogonal,
    law_of,
    standard_deviation,
)
from common.countermeasures.loss import Loss, outputs
from common.countermeasures.normalization import BatchNormalization, Normalization
from common.countermeasures.optimizer import Optimizer
from common.countermeasures.recurrent import Cell, Step
from common.countermeasures.skip import Skip, own_parameters
from common.distribution import TRUNCATED_STD
from experiments.report import migration
from tests.conftest import load
from tests.pasted import FRAMEWORKS, SHAPE, SPECS, given, paste

Found = dict[str, np.ndarray]


@pytest.fixture(scope="module", params=FRAMEWORKS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What a framework's program found with the code of the pages."""
    load(request.param, request.config)
    folder = tmp_path_factory.mktemp("pasted")
    pages = {path.name: path.read_text("utf-8") for path in migration.PAGES.glob("*.md")}
    done = paste(folder, request.param, pages)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "found.npz"))


def compared(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / max(1e-300, np.abs(expected).max()))


def test_the_pasted_activations_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["activation"]):
        expected = definition.activation.probe(
            TypeAdapter(Activation).validate_python(written), given()
        )
        for name in ("value", "gradient"):
            assert compared(found[f"activation {i} {name}"], expected[name]) < 1e-14, (
                written,
                name,
            )


def test_the_pasted_batch_norm_is_the_definitions(found: Found, definition: Backend) -> None:
    expected = definition.normalization.probe(
        BatchNormalization.model_validate(SPECS["normalization"][0]), given()
    )
    for name in ("value", "gradient", "mean", "variance", "evaluated"):
        assert compared(found[f"normalization 0 {name}"], expected[name]) < 1e-12, name


def test_the_pasted_norms_over_the_units_are_the_definitions(
    found: Found, definition: Backend
) -> None:
    for i, written in enumerate(SPECS["normalization over units"]):
        spec = TypeAdapter(Normalization).validate_python(written)
        given_inputs = {name: given()[name] for name in ("z", "cotangent", *spec.parameters(3))}
        expected = definition.normalization.probe(spec, given_inputs)
        for name in ("value", "gradient"):
            assert (
                compared(found[f"normalization over units {i} {name}"], expected[name]) < 1e-12
            ), (written, name)


def test_the_pasted_connections_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["skip"]):
        spec = TypeAdapter(Skip).validate_python(written)
        key = f"skip {i}"
        own = {
            name: found.get(f"{key} {name}", np.asarray(one.start))
            for name, one in own_parameters(spec, 3).items()
        }
        given_inputs = {
            "x": given()["z"],
            "cotangent": given()["cotangent"],
            "weight": found[f"{key} weight"],
        }
        expected = definition.skip.probe(spec, given_inputs | own)
        for name in ("value", "gradient"):
            assert compared(found[f"{key} {name}"], expected[name]) < 1e-12, (written, name)
        assert (found[f"{key} gate_bias"] == -3).all() if "gate_bias" in own else True


def test_the_pasted_cells_are_the_definitions_and_a_step_moves_one_bias_a_gate(
    found: Found, definition: Backend
) -> None:
    for i, written in enumerate(SPECS["recurrent"]):
        spec = TypeAdapter(Cell).validate_python(written)
        key = f"recurrent {i}"
        own = {name: found[f"{key} {name}"] for name in Step(spec, 4, (Tanh(),)).parameters(2)}
        given_inputs = {"x": given()["x"], "cotangent": given()["of_outputs"]}
        expected = definition.recurrent.probe(spec, given_inputs | own, Tanh())
        for name, value in expected.items():
            assert compared(found[f"{key} {name}"], value) < 1e-12, (written, name)
        if f"{key} moved" in found:  # in the candidate of a GRU the second bias is one of its own
            gates = slice(0, 2) if spec.kind == "gru" else slice(None)
            assert (
                compared(found[f"{key} moved"][gates], -expected["bias_gradient"][gates]) < 1e-12
            ), written


def test_the_pasted_losses_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["loss"]):
        spec = TypeAdapter(Loss).validate_python(written)
        classes = spec.most_classes or 3
        given_inputs = {"z": given()["z"][:, : outputs(spec, classes)], "y": given()["y"] % classes}
        expected = definition.loss.probe(spec, given_inputs)
        for name in ("loss", "gradient"):
            assert compared(found[f"loss {i} {name}"], expected[name]) < 1e-13, (written, name)


def test_the_pasted_initializations_have_the_laws_of_the_definition(found: Found) -> None:
    laws = {
        "normal": stats.norm(),
        "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
        "truncated_normal": stats.truncnorm(-2, 2, scale=1 / TRUNCATED_STD),
    }
    for i, written in enumerate(SPECS["initialization"]):
        spec = TypeAdapter(Initialization).validate_python(written)
        weight = found[f"initialization {i} weight"]
        assert weight.shape == SHAPE
        match law_of(spec):
            case Constant(value=value):
                assert (weight == value).all()
            case Orthogonal(gain=gain):
                assert np.abs(weight.T @ weight - gain**2 * np.eye(SHAPE[1])).max() < 1e-13
            case law:
                standard = weight.ravel() / standard_deviation(spec, *SHAPE)
                assert stats.kstest(standard, laws[law.distribution].cdf).pvalue > 1e-4, written
        bias = found[f"initialization {i} bias"]
        uniform = stats.uniform(-1 / np.sqrt(SHAPE[0]), 2 / np.sqrt(SHAPE[0]))
        assert bias.shape == SHAPE[1:]
        assert (
            not bias.any() if spec.bias == 0 else stats.kstest(bias, uniform.cdf).pvalue > 1e-4
        ), written


def test_the_pasted_clipping_clips_an_ordinary_model_as_the_definition_does(
    found: Found, definition: Backend
) -> None:
    bound = set()
    for i, written in enumerate(SPECS["clipping"]):
        spec = TypeAdapter(Clipping).validate_python(written)
        count = sum(name.startswith(f"clipping {i} gradient") for name in found)
        assert count == 5  # two weights, two biases, a slope
        gradients = {str(k): found[f"clipping {i} gradient {k}"][None, None] for k in range(count)}
        clipped = definition.clipping.probe(spec, gradients)
        for k, gradient in gradients.items():
            assert compared(found[f"clipping {i} update {k}"], clipped[k][0, 0]) < 1e-12, (
                written,
                k,
            )
            if not np.array_equal(clipped[k], gradient):
                bound.add(spec.kind)
    assert bound == {"value", "norm", "global_norm"}, "each has to have clipped something"


def test_the_pasted_optimizers_train_an_ordinary_model_as_the_definition_does(
    found: Found, definition: Backend
) -> None:
    for i, written in enumerate(SPECS["optimizer"]):
        spec = TypeAdapter(Optimizer).validate_python(written)
        for k in range(4):  # two weights, two biases
            gradients = np.stack([found[f"optimizer {i} gradient {k} {step}"] for step in range(4)])
            inputs = {"w": found[f"optimizer {i} start {k}"], "w.gradients": gradients}
            end = definition.optimizer.probe(spec, inputs)["w"]
            assert (
                compared(found[f"optimizer {i} end {k}"] - inputs["w"], end - inputs["w"]) < 1e-12
            ), (written, k)


def test_code_that_needs_this_project_does_not_pass(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    load("torch", request.config)
    pages = migration.pages()
    pages["clipping.md"] = pages["clipping.md"].replace(
        "import torch\n", "import torch\nfrom common.spec import Spec\n", 1
    )
    done = paste(tmp_path, "torch", pages)
    assert done.returncode == 1
    assert "No module named 'common'" in done.stderr
