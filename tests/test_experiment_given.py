"""An experiment as it is given: its file, the command line and its data, and each mistake with its
cure.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.experiment import plans, read
from experiments.settings import settings_of
from tests.experiment_files import message, written


def test_a_countermeasure_is_written_by_name_or_as_a_table(tmp_path: Path) -> None:
    text = (
        '[[configuration]]\nactivation = "relu"\n[[configuration]]\nactivation = { kind = '
        '"leaky_relu", slope = 0.1 }'
    )
    assert list(plans(read(written(tmp_path, text)))) == [
        "relu + xavier",
        "leaky_relu (slope 0.1) + xavier",
    ]


def test_a_layer_may_start_by_a_law_of_its_own(tmp_path: Path) -> None:
    starts = '{ output = "he", "layer 1" = { kind = "gaussian", std = 0.1 } }'
    text = f"[base]\ndepth = 2\n[[configuration]]\ninitialization_by_layer = {starts}"
    ((name, plan),) = plans(read(written(tmp_path, text))).items()
    assert name == "sigmoid + xavier + output he + layer 1 gaussian (std 0.1)"
    assert [plan.initialization_of(layer).kind for layer in ("layer 1", "layer 2", "output")] == [
        "gaussian",
        "xavier",
        "he",
    ]
    assert settings_of(plan).initialization_by_layer == plan.initialization_by_layer


def test_the_command_line_replaces_a_configurations_own_value(tmp_path: Path) -> None:
    name = written(tmp_path, "[[configuration]]\ndepth = 7\n")
    assert [len(plan.network.sites) for plan in plans(read(name), {"depth": 5}).values()] == [5]


def test_the_command_line_replaces_a_whole_axis_of_the_grid(tmp_path: Path) -> None:
    name = written(tmp_path, "[grid]\ndepth = [5, 7]\nwidth = [8, 9]\n")
    found = plans(read(name), {"depth": 6})
    assert [(len(plan.network.sites), plan.network.width) for plan in found.values()] == [
        (6, 8),
        (6, 9),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[base]\ndepht = 3\n[[configuration]]", "did you mean 'depth'?"),
        ('[[configuration]]\nactivation = "rleu"', "received 'rleu'; did you mean 'relu'?"),
        (
            '[[configuration]]\nactivation = { kind = "leaky_relu", slop = 1 }',
            "did you mean 'slope'?",
        ),
        (
            '[[configuration]]\nactivation = { kind = "leaky_relu", slope = 2 }',
            "less than or equal to 1; received 2",
        ),
        ('[[configuration]]\ninitialization = { fan = "avg" }', "a table with the key 'kind'"),
        (
            '[[configuration]]\ninitialization = { kind = "xavier", fan = "in_" }',
            "did you mean 'in'?",
        ),
        ('[[configuration]]\nprecision = "float46"', "did you mean 'float64'?"),
        ("[[configuration]]\ndepth = 0", "greater than or equal to 1; received 0"),
        ("[[configuration]]\nbatch_size = 99999", "lower --batch-size"),
        ('[[configuration]]\nnormalization = "batch"\nbatch_size = 1', "at least 2 samples"),
        ('[[configuration]]\nname = "a"\n[[configuration]]\nname = "a"\ndepth = 3', "'a' twice"),
        ("[[configuration]]\nname = 3", "must be a string; received 3"),
        ("[thresholds]\nvanishin = 1\n[[configuration]]", "did you mean 'vanishing'?"),
        (
            "[thresholds]\nvanish = 1\n[[configuration]]",
            "in thresholds; known: exploding, vanishing",
        ),
        (
            '[[configuration]]\nactivation = "mish"',
            "mish is not among the activations; known: elu, gelu, identity, leaky_relu",
        ),
        ('[[configuration]]\nactivation = "swish"', "swish is silu here"),
        (
            '[[configuration]]\nactivation = { kind = "selu", alpha = 1.67 }',
            "or equal to 1.6732632423543772; received 1.67",
        ),
        (
            '[[configuration]]\nnormalization = "group"',
            "group is not among the normalizations; known: batch, layer, none, rms",
        ),
        ('[[configuration]]\ninitialization = "glorot"', "glorot is xavier here, with fan = 'avg'"),
        (
            "[[configuration]]\noptimiser = 1",
            "no key is called 'optimiser'; did you mean 'optimizer'?",
        ),
        ("[[configuration]]\noptimizer = 1", "a table with the key 'kind'; received 1"),
        ('[[configuration]]\noptimizer = "adma"', "received 'adma'; did you mean 'adam'?"),
        (
            '[[configuration]]\noptimizer = { kind = "adam", beta = 0.9 }',
            "did you mean 'beta1' or 'beta2'?",
        ),
        (
            '[[configuration]]\noptimizer = "nadam"',
            "nadam is not among the optimizers; known: adam, adamw, momentum, nesterov",
        ),
        (
            (
                '[base]\nlearning_rate = 0.1\n[[configuration]]\noptimizer = { kind = "adam", '
                "learning_rate = 0.01 }"
            ),
            (
                "a learning rate must be given once; received learning_rate = 0.1, and 0.01 in the "
                "optimizer's own table"
            ),
        ),
        (
            '[[configuration]]\ninitialization_by_layer = { outptu = "he" }',
            "received 'outptu'; did you mean 'output'?",
        ),
        (
            '[[configuration]]\ninitialization_by_layer = { output = "glorot" }',
            "glorot is xavier here",
        ),
        (
            '[[configuration]]\ninitialization_by_layer = { "\\u001b" = 3 }',
            "initialization_by_layer.\\x1b must be a name",
        ),
        ("[grid]\ndepth = []", "at least 1 item"),
        ("[gird]\ndepth = [3]", "did you mean 'grid'?"),
        ("", "either [[configuration]] or [grid]"),
        ("depth", "must be TOML"),
    ],
)
def test_a_mistake_in_the_file_gets_one_line_with_its_cure(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert expected in message(written(tmp_path, text))


WRONG = {
    "0": "greater than 0; received 0",
    "-1": "greater than 0; received -1",
    "inf": "a finite number; received inf; write a number such as {default}",
    "nan": "a finite number; received nan; write a number such as {default}",
    "true": "a valid number; received true; write a number such as {default}",
    '"1.0"': "a valid number; received '1.0'; write 1.0",
    '"one"': "a valid number; received 'one'; write a number such as {default}",
    "[1.0]": "a valid number; received [1.0]; write a number such as {default}",
}


@pytest.mark.parametrize("received", WRONG)
@pytest.mark.parametrize(
    ("place", "written_as", "default"),
    [
        ("thresholds.vanishing", "[thresholds]\nvanishing = {}\n[[configuration]]", 0.001),
        (
            "clipping.norm.threshold",
            '[[configuration]]\nclipping = {{ kind = "norm", threshold = {} }}',
            1.0,
        ),
        (
            "activation.leaky_relu.slope",
            '[[configuration]]\nactivation = {{ kind = "leaky_relu", slope = {} }}',
            0.01,
        ),
        ("learning_rate", "[[configuration]]\nlearning_rate = {}", 0.03),
        ("learning_rate", "[grid]\nlearning_rate = [0.1, {}]", 0.03),
        ("test_fraction", "[base]\ntest_fraction = {}\n[[configuration]]", 0.2),
    ],
)
def test_what_is_no_positive_number_is_refused_with_the_rule_and_the_cure(
    tmp_path: Path, place: str, written_as: str, default: float, received: str
) -> None:
    found = message(written(tmp_path, written_as.format(received)))
    assert found.endswith(f"{place} must be {WRONG[received].format(default=default)}")


@pytest.mark.parametrize(
    ("received", "said"),
    [
        ("true", "received true; write a number such as 30"),
        ('"30"', "received '30'; write 30"),
        ("30.0", "received 30.0; write 30"),
        ("3e1", "received 30.0; write 30"),
        ("30.5", "received 30.5; write a number such as 30"),
    ],
)
def test_a_count_is_a_whole_number_and_nothing_that_resembles_one(
    tmp_path: Path, received: str, said: str
) -> None:
    found = message(written(tmp_path, f"[[configuration]]\ndepth = {received}"))
    assert found.endswith(f"depth must be a valid integer; {said}")


def test_a_misspelt_experiment_gets_the_nearest_name() -> None:
    assert "did you mean 'depth'?" in message("deth")


def test_a_file_that_is_not_there_is_named() -> None:
    assert "nowhere.toml: No such file" in message("nowhere.toml")
