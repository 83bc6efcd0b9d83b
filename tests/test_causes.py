"""The causes: each planted fault is named, by no other family than its own, and nothing else is."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from experiments import causes as door
from experiments.causes import Case, Finding, Side, explain
from experiments.causes._definition import forward
from tests.ported import bench
from tests.ported_bench import Bench, Planted

ROOT = Path(__file__).parents[1]
SEEDS = (0, 1)
DESCRIBES = {
    ("two groups for one", "stated.numbers"),  # the port says so itself
    ("threshold", "optimizer.schedule"),  # another threshold is another rate in each step
}
"""What describes the same numbers, of a higher rank: never named beside the cause."""


@cache
def planted() -> dict[str, Planted]:
    return {f"{each.name}, seed {seed}": each for seed in SEEDS for each in bench(seed).faults}


@cache
def found(name: str) -> list[Finding]:
    return explain(planted()[name].case)


@pytest.mark.parametrize("name", planted())
def test_a_planted_fault_is_named_first(name: str) -> None:
    assert [each.key for each in found(name)][:1] == [planted()[name].cause]


@pytest.mark.parametrize("name", planted())
def test_nothing_else_is_named_but_what_gives_the_same_numbers(name: str) -> None:
    fault = planted()[name]
    assert {each.key for each in found(name)} <= {fault.cause, *fault.same}


def test_no_family_claims_the_fault_of_another() -> None:
    claims = set()
    for fault in bench(0).faults:
        for name in door.causes().keys() - {fault.cause.split(".")[0]}:
            keys = {each.key for each in explain(fault.case, only=[name])} - fault.same
            claims |= {(fault.name, key) for key in keys}
    assert claims <= DESCRIBES


def test_there_are_faults_of_every_family() -> None:
    families = {fault.cause.split(".")[0] for fault in bench(0).faults}
    assert families == door.causes().keys() - {"stated"}
    assert len(bench(0).faults) >= 80


def test_a_port_without_a_fault_has_no_cause() -> None:
    named = [explain(case) for case in bench(0).clean]
    assert len(named) > 60
    assert not any(named)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("batch norm's epsilon of Keras", "1e-05 in the reference, 0.001 in the port"),
        ("Keras' slope", "0.01 in the reference, 0.3 in the port"),
        ("a branch scaled", "1 in the reference, 0.1 in the port"),
        ("label smoothing", "0 in the reference, 0.1 in the port"),
        ("dropout active", "rate 0.3"),
        ("momentum of 0.99", "0.9 in the reference, 0.99 in the port"),
        ("rate", "0.05 in the reference, 0.005 in the port"),
        ("class weights", "0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 1"),
        (
            "same padding at stride 2",
            "1 on each side in the reference, 0 before and 1 after in the port",
        ),
    ],
)
def test_the_sentence_has_both_numbers(name: str, words: str) -> None:
    said = found(f"{name}, seed 1")[0].said
    present = (
        [part for part in words.split(", ") if part in said]
        if "0: 0.2" in words
        else [words] * (words in said)
    )
    assert present
    assert said.endswith(".")


def test_what_is_solved_for_is_called_so() -> None:
    fault = "batch norm's epsilon of Keras, seed 0"
    assert (found(fault)[0].certainty, found(fault)[0].page) == (
        "solved",
        "docs/migration/normalization.md",
    )
    assert found("affine transposed, seed 0")[0].certainty == "reproduced"


def test_every_page_is_there() -> None:
    pages = {cause.PAGE for cause in door.causes().values() if cause.PAGE}
    assert pages
    assert all((ROOT / page).is_file() for page in pages)


def test_a_framework_that_does_it_itself_is_said_to() -> None:
    assert "Keras does this itself" in found("Keras' place of epsilon, seed 0")[0].note


# what must not be taken for a cause


def test_a_reference_that_is_not_what_it_states_explains_nothing() -> None:
    fault = planted()["batch norm's epsilon of Keras, seed 0"].case
    assert fault.reference.output is not None
    other = replace(
        fault.reference,
        output=fault.reference.output
        + np.linspace(0, 1, fault.reference.output.size).reshape(5, 4, 6, 8),
    )
    assert explain(replace(fault, reference=other)) == []


def test_rounding_in_float32_is_no_cause() -> None:
    b = Bench(7)
    x = b.draw(6, 32)
    weight = b.draw(32, 8)
    side = replace(b.side("affine", {}, x, weight=weight), single=True, dtype="float32")
    order = np.argsort(weight[:, 0])
    its = (x[:, order].astype(np.float32) @ weight[order].astype(np.float32)).astype(np.float64)
    mine = (x.astype(np.float32) @ weight.astype(np.float32)).astype(np.float64)
    case = Case("forward", replace(side, output=mine), replace(side, output=its))
    assert explain(case) == []


def test_a_fault_is_named_in_float32_too() -> None:
    for name in (
        "batch norm's epsilon of Keras",
        "gelu by tanh",
        "same padding at stride 2",
        "gates in another order",
    ):
        fault = planted()[f"{name}, seed 0"]
        sides = [_narrow(fault.case.reference), _narrow(fault.case.port)]
        assert [
            each.key for each in explain(replace(fault.case, reference=sides[0], port=sides[1]))
        ][:1] == [fault.cause]


def _narrow(side: Side) -> Side:
    assert side.output is not None
    noise = 1 + 1e-7 * np.random.default_rng(0).normal(size=side.output.shape)
    return replace(
        side, output=(side.output * noise).astype(np.float32).astype(np.float64), single=True
    )


def test_two_faults_at_one_place_are_both_named() -> None:
    b = Bench(4)
    x = b.draw(5, 4, 4, 6)
    arrays = {"scale": b.draw(6) + 2, "shift": b.draw(6)}
    side = b.side("batch_norm", {"epsilon": 1e-5, "batch": True}, x, **arrays)
    its = forward(
        "batch_norm", {"epsilon": 1e-3, "batch": True}, {"scale": arrays["scale"]}, {}, [x]
    )
    found = explain(Case("forward", side, replace(side, output=its)))
    assert [each.key for each in found] == ["normalization.shift+normalization.epsilon"]
    assert "1e-05 in the reference, 0.001 in the port" in found[0].said


def test_a_difference_of_a_billionth_is_not_explained_by_what_is_a_millionth_away() -> None:
    b = Bench(4)
    x = b.draw(6, 20)
    side = b.side("activation", {"name": "tanh"}, x)
    its = np.tanh(x) + 1e-9 * b.draw(6, 20)
    assert explain(Case("forward", side, replace(side, output=its))) == []


def test_two_values_of_a_stretch_are_not_taken_for_counterparts_that_agree() -> None:
    """The port's normalization is right, and stands beside the reference's ReLU in the stretch."""
    b = Bench(4)
    x = b.draw(6, 8)
    norm = replace(
        b.side("layer_norm", {"epsilon": 1e-5}, x, scale=b.draw(8), shift=b.draw(8)), path="norm"
    )
    assert norm.output is not None
    relu = replace(b.side("activation", {"name": "relu"}, norm.output), path="relu")
    end = Side("torch", "torch", "next", "between", output=relu.output)
    its = replace(end, backend="keras", dialect="keras", output=np.tanh(norm.output))
    case = Case(
        "forward",
        end,
        its,
        between_reference=(norm, relu),
        between_port=(replace(norm, backend="keras"),),
    )
    assert [(each.key, each.path) for each in explain(case)] == [("activation.kind", "relu")]


def test_what_the_objects_state_is_the_weakest_and_told_only_where_nothing_explains_the_numbers(
) -> None:  # fmt: skip
    fault = planted()["batch norm's epsilon of Keras, seed 0"].case
    port = replace(fault.port, config={**fault.port.config, "epsilon": 1e-3})
    assert [each.certainty for each in explain(replace(fault, port=port))] == ["solved"]
    assert port.output is not None
    other = replace(
        port, output=port.output + np.sin(np.arange(port.output.size)).reshape(port.output.shape)
    )
    found = explain(replace(fault, port=other))
    assert [(each.key, each.certainty) for each in found] == [("stated.epsilon", "stated")]


# the registry


def test_a_file_is_a_family_by_being_there() -> None:
    files = {path.stem for path in (ROOT / "experiments" / "causes").glob("[!_]*.py")}
    assert door.causes().keys() == files


def test_every_family_has_its_stages_and_hypotheses() -> None:
    for name, cause in door.causes().items():
        assert {"forward", "backward", "loss", "step"} >= cause.STAGES, name
        assert inspect.isgeneratorfunction(cause.hypotheses), name
