"""The command of differences: what it prints, and what effects mean."""

from __future__ import annotations

import io
import json
from math import inf, nan
from pathlib import Path

import pytest
from rich.console import Console

from backends import FRAMEWORKS
from common.deep import Outcome
from common.errors import UserError
from experiments import differences
from experiments.differences import Options
from experiments.ledger import effects, entries
from experiments.ledger.effects import Effect
from experiments.report.blocks import imports
from experiments.report.differences import shown, what_it_does


def printed(options: Options, width: int = 128) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    differences.run(options, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_difference_is_listed_with_what_it_does() -> None:
    table = printed(Options(), width=400)
    for name, difference in entries().items():
        assert name in table
        assert what_it_does(difference) in table
    assert "not measured" not in table


def test_at_least_sixty_are_measured_and_what_does_most_comes_first() -> None:
    sizes = [effects.size(each.name) for each in effects.by_effect()]
    assert len(sizes) >= 60
    assert sizes == sorted(sizes, reverse=True)
    assert sum(size[0] > 0 for size in sizes) >= 5


@pytest.mark.parametrize("width", [80, 128, 200])
def test_a_difference_is_told_with_both_lines_of_each_framework(width: int) -> None:
    text = "".join(printed(Options("momentum_keras = 1 - momentum_torch"), width).split())
    first = entries()["batch-norm-momentum-meaning"]
    for framework in FRAMEWORKS:
        assert "".join(first.trial.cured.of(framework).split()) in text or width >= 150
    assert "".join(first.question.split()) in text


def test_json_has_values_lines_and_effects() -> None:
    found = json.loads(printed(Options("adam-epsilon-default", json=True), width=10_000))
    assert [each["name"] for each in found] == ["adam-epsilon-default"]
    assert found[0]["shipped"]["keras"]["is"] == 1e-7
    assert found[0]["effects"]


def test_a_word_that_nobody_uses_is_a_mistake_of_the_user() -> None:
    with pytest.raises(UserError, match="no difference is about 'zyzzyva'"):
        printed(Options("zyzzyva"))


def outcome(accuracy: float, decay: float = 0.0, error: float = 0.01) -> Outcome:
    return Outcome(decay, 1.0, accuracy, error)


@pytest.mark.parametrize(
    ("effect", "size"),
    [
        (Effect(0.5), (0, 0, 0.5)),
        (Effect(inf), (0, 0, 1e9)),
        (Effect(0.5, outcome(0.2), outcome(0.9)), (0.7, 0, 0.5)),
        (Effect(0.5, outcome(0.20), outcome(0.24)), (0, 0, 0.5)),
        (Effect(0.5, outcome(0.2, error=0.3), outcome(0.9)), (0, 0, 0.5)),
        (Effect(0.5, outcome(0.2, decay=-0.5), outcome(0.2, decay=-0.1)), (0, 0.4, 0.5)),
        (Effect(0.5, outcome(0.2, decay=nan), outcome(0.2, decay=-0.1)), (0, inf, 0.5)),
    ],
    ids=[
        "a trial alone",
        "as far as can be",
        "learns",
        "by chance",
        "seeds differ as much",
        "decay",
        "no gradient at all",
    ],
)
def test_an_effect_counts_where_seeds_do_not_move_as_much(
    effect: Effect, size: tuple[float, float, float]
) -> None:
    assert effect.size == pytest.approx(size)


def test_the_file_of_effects_has_every_entry_where_it_departs() -> None:
    for name, difference in entries().items():
        assert set(effects.measured().get(name, {})) == set(difference.trial.departs()), name


def test_what_has_a_network_is_measured_in_it_once() -> None:
    for name, difference in entries().items():
        found = effects.measured().get(name, {}).items()
        where = [framework for framework, effect in found if effect.native and effect.cured]
        assert len(where) == bool(difference.trial.piece or difference.trial.network), name
        assert not difference.trial.network or set(where) <= set(difference.trial.network), name


def test_a_network_of_its_own_is_said_with_its_layers() -> None:
    assert what_it_does(entries()["lstm-forget-bias"]).endswith(
        "(PyTorch, 3 layers of its own kind)"
    )
    assert what_it_does(entries()["convolution-start"]).endswith(
        "(PyTorch, 20 layers of its own kind)"
    )
    assert "no number of decades a layer, cured +0.026" in what_it_does(
        entries()["attention-mask-meaning"]
    )


def test_effects_can_be_measured_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert differences.measured_in("a framework of which there is no entry") == {}


def test_imports_are_those_that_a_line_needs() -> None:
    assert imports("torch", "nn.Linear(2, 3)") == "from torch import nn"
    assert (
        imports("jax", "jnp.where(x, jax.nn.relu(x), 0)") == "import jax\nimport jax.numpy as jnp"
    )
    assert imports("keras", "tf.where(x > 0, x, 0.1 * x)") == "import tensorflow as tf"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-5, "1e-05"),
        ([1, 0.25], "1, 0.25"),
        ({"a": 1}, "a 1"),
        (True, "True"),
        ("none", "none"),
        (1.7580993, "1.758"),
    ],
)
def test_shipped_values_are_shown_in_few_letters(value: object, text: str) -> None:
    assert shown(value) == text
