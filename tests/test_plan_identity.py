"""What a plan is told apart by: its run id by every number, its compiled step by those that are no
input.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from common.architectures import Perceptron
from common.plan import Plan
from common.task import Task
from tests.changed_plan import changed, full

__all__ = ["full"]

NUMBERS = {
    "network.features": 6, "network.width": 9, "network.depth": 5, "network.classes": 4,
    "network.activation": "elu", "network.activation.slope": 0.02,
    "network.normalization": "none", "network.normalization.epsilon": 1e-3,
    "network.normalization.momentum": 0.99,
    "network.normalization.initial_scale": 0.5, "network.normalization.initial_shift": 0.5,
    "network.skip": "none", "network.loss": "squared_error", "network.skip.scale": 0.25,
    "network.skip.order": "around",
    "initialization": "he", "initialization.fan": "avg", "initialization.distribution": "uniform",
    "initialization_by_layer": {"output": "he"},
    "clipping": "none", "clipping.threshold": 2.0, "optimizer.learning_rate": 0.1 + 2**-54,
    "task.source": "other.npz", "task.sha256": "ab", "task.batch_size": 17,
    "task.test_fraction": 0.25,
    "task.standardized": "no", "task.time": 20, "network.targets": 2,
    "precision": "float32", "seeds": [1, 0], "steps": 4, "record_every": 2,
}  # fmt: skip
COMPILED = ("network.", "clipping", "optimizer", "task.batch_size", "precision")
INPUTS = (
    "network.activation.slope",
    "network.skip.scale",
    "clipping.threshold",
    "optimizer.learning_rate",
)
STARTS = ("network.normalization.initial_scale", "network.normalization.initial_shift")


@pytest.mark.parametrize("path", NUMBERS)
def test_the_run_id_changes_with_every_number(full: Plan, path: str) -> None:
    other = changed(full, path, NUMBERS[path])
    assert other.run_id("torch", "cpu:0", {}) != full.run_id("torch", "cpu:0", {})
    assert other.digest() != full.digest()


def test_every_number_of_a_plan_is_tried() -> None:
    assert {path.split(".")[0] for path in NUMBERS} == set(Plan.model_fields)
    for room, spec in {"network": Perceptron, "task": Task}.items():
        tried = {path.split(".")[1] for path in NUMBERS if path.startswith(f"{room}.")}
        assert tried >= set(spec.model_fields)


@pytest.mark.parametrize("path", NUMBERS)
def test_plans_of_one_structure_share_a_compiled_step(full: Plan, path: str) -> None:
    same = changed(full, path, NUMBERS[path]).structure() == full.structure()
    assert same == (path in INPUTS + STARTS or not path.startswith(COMPILED))


def test_the_slope_that_prelu_starts_with_is_no_part_of_the_structure(
    plan: Callable[..., Plan],
) -> None:
    a, b = (plan(activation={"kind": "prelu", "initial_slope": slope}) for slope in (0.1, 0.25))
    assert a.structure() == b.structure()


def test_the_numbers_of_a_plan_may_be_given_back_to_it(full: Plan) -> None:
    assert full.with_numbers(full.numbers()) == full
    other = full.with_numbers(dict.fromkeys(full.numbers(), 0.5))
    assert other.numbers() == dict.fromkeys(full.numbers(), 0.5)
    assert len(other.numbers()) == 4


def test_the_number_of_seeds_is_part_of_the_structure_and_their_values_are_not(
    plan: Callable[..., Plan],
) -> None:
    assert plan(seeds=(0, 1)).structure() == plan(seeds=(5, 9)).structure()
    assert plan(seeds=(0, 1)).structure() != plan(seeds=(0, 1, 2)).structure()


@pytest.mark.parametrize(
    "facts",
    [
        ("jax", "cpu:0", {"a": "1"}),
        ("torch", "gpu:0", {"a": "1"}),
        ("torch", "cpu:0", {"a": "2"}),
        ("torch", "cpu:0", {}),
    ],
)
def test_the_run_id_changes_with_backend_device_and_versions(
    full: Plan, facts: tuple[str, str, dict[str, str]]
) -> None:
    assert full.run_id(*facts) != full.run_id("torch", "cpu:0", {"a": "1"})


def test_the_order_of_the_versions_does_not_matter(full: Plan) -> None:
    assert full.run_id("jax", "cpu:0", {"a": "1", "b": "2"}) == full.run_id(
        "jax", "cpu:0", {"b": "2", "a": "1"}
    )


def test_a_data_file_may_move_but_not_change(full: Plan) -> None:
    here, there, other = (
        changed(full, "task", {"source": source, "sha256": digest, "batch_size": 16}).run_id(
            "torch", "cpu:0", {}
        )
        for source, digest in (("a.npz", "aa"), ("b/a.npz", "aa"), ("a.npz", "bb"))
    )
    assert here == there
    assert here != other


def test_a_run_id_is_sixteen_hexadecimal_digits(full: Plan) -> None:
    found = full.run_id("torch", "cpu:0", {})
    assert len(found) == 16
    assert set(found) <= set("0123456789abcdef")
