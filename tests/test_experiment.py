from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.countermeasures.activation import Activation
from common.countermeasures.initialization import Constant, Initialization
from common.countermeasures.recurrent import Cell
from common.plan import Plan
from common.spec import kinds_of
from experiments.changes import with_single_changes
from experiments.experiment import catalogue, plans, read
from experiments.report.answer.changes import differences
from experiments.settings import COUNTERMEASURES, kinds, settings_of

SMALL = {"depth": 4, "width": 8, "steps": 3}


@pytest.mark.parametrize("name", catalogue())
def test_every_experiment_of_the_catalogue_has_a_question_and_plans_with_unique_names(
    name: str,
) -> None:
    experiment = read(name)
    through_time = "recurrent" in str(experiment.base) + str(experiment.configuration)
    found = plans(
        experiment,
        {key: value for key, value in SMALL.items() if key != "depth" or not through_time},
    )
    assert experiment.question.endswith("?")
    assert all(plan.steps == 3 for plan in found.values())
    assert through_time or all(len(plan.network.sites) == 4 for plan in found.values())


def test_the_default_experiment_states_the_projects_numbers() -> None:
    base = next(iter(plans(read("countermeasures")).values()))
    assert (len(base.network.sites), base.network.width, len(base.seeds), base.steps) == (
        30,
        64,
        3,
        50,
    )
    assert (base.precision, base.task.source, base.network.activation.kind) == (
        "float64",
        "digits",
        "sigmoid",
    )


def test_the_factorial_has_every_combination() -> None:
    assert len(plans(read("factorial"), SMALL)) == len(kinds_of(Activation)) * 2 * 4 * 4


@pytest.mark.parametrize("name", ["activations", "factorial"])
def test_every_kind_of_activation_has_its_place(name: str) -> None:
    assert {type(plan.network.activation) for plan in plans(read(name), SMALL).values()} == set(
        kinds_of(Activation)
    )


def test_every_kind_of_initialization_has_its_place() -> None:
    found = [
        plan
        for name in ("initialization", "as_shipped")
        for plan in plans(read(name), SMALL).values()
    ]
    # all gradients of its hidden layers are rounding, of which no answer can be made
    without = {Constant}
    assert {type(plan.initialization) for plan in found} == set(kinds_of(Initialization)) - without


def test_every_kind_of_cell_has_its_place() -> None:
    found = [plan.network for plan in plans(read("recurrent")).values()]
    assert {type(network.countermeasures()["recurrent"]) for network in found} == set(
        kinds_of(Cell)
    )
    assert {len(network.sites) for network in found} == {100}


def test_the_depths_go_from_5_to_100() -> None:
    depths = {len(plan.network.sites) for plan in plans(read("depth")).values()}
    assert (min(depths), max(depths)) == (5, 100)


def test_plans_survive_json() -> None:
    for plan in plans(read("countermeasures"), SMALL).values():
        assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_single_changes_are_every_other_kind_with_the_files_own_numbers() -> None:
    asked = read("countermeasures").model_copy(
        update={"configuration": ({"activation": "relu", "depth": 5, "name": "mine"},), "grid": {}}
    )
    found = plans(with_single_changes(asked))
    assert next(iter(found)) == "mine"
    changed = {
        name: differences(found["mine"], plan) for name, plan in found.items() if name != "mine"
    }
    assert all(len(parts) == 1 for parts in changed.values()), changed
    of_layers = set(COUNTERMEASURES) - {"recurrent"}
    assert {part for (part,) in changed.values()} == of_layers
    for room in of_layers:
        tried = {getattr(settings_of(plan), room).kind for plan in found.values()}
        assert tried == set(kinds(room))


def test_single_changes_of_a_grid_are_those_of_its_first_combination() -> None:
    grid = read("depth")
    found = plans(with_single_changes(grid))
    assert list(found)[:30] == list(plans(grid))
    assert "elu + xavier, depth 5" in found
    assert len({plan.model_dump_json() for plan in found.values()}) == len(found)


def test_real_targets_decide_how_many_outputs_there_are(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    np.savez(tmp_path / "mine.npz", x=x, y=x[:, :2])
    plan = next(
        iter(
            plans(
                read("countermeasures"),
                {"data": str(tmp_path / "mine.npz"), "loss": "squared_error"},
            ).values()
        )
    )
    assert (plan.network.classes, plan.network.targets, plan.network.outputs) == (None, 2, 2)
