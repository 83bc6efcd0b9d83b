"""The glossary: it is the generated text, every word stands in it once, and what it calls usual is
measured to be so.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import backends
from common import draw, task
from common.backend import train
from common.plan import Plan
from experiments.experiment import Experiment, plans, read
from experiments.judging import batch_of
from experiments.report.quantities import HEALTHY, SHARE, SHOWN
from experiments.report.words import WORDS, glossary

DOCS = Path(__file__).parent.parent / "docs"
CURE = (
    "write it again: python -c 'from experiments.report.words import glossary; print(glossary(), "
    "end=str())'"
)
SMALL = {"depth": 10, "width": 32, "steps": 10, "seeds": 2}
SIZES = {"10 layers": SMALL, "30 layers": {"depth": 30, "width": 64, "steps": 10, "seeds": 2}}
RELU = {"activation": "relu", "initialization": "he"}

UNUSUAL = {
    SHARE: {},  # sigmoid + xavier
    "signal_gradient_rms": {},
    "weight_gradient_rms": {},
    "clipped_weight_gradient_rms": RELU | {"clipping": {"kind": "global_norm", "threshold": 1e-3}},
    "update_ratio": RELU | {"learning_rate": 0.3},
    "activation_rms": {"activation": "relu", "initialization": {"kind": "gaussian", "std": 0.01}},
    "activation_mean": {},
    "dead_fraction": RELU | {"depth": 30, "width": 4},
}
"""For each quantity what its `bad` speaks of."""


def test_the_glossary_is_the_generated_text() -> None:
    assert (DOCS / "glossary.md").read_text(encoding="utf-8") == glossary(), CURE


def test_every_word_and_quantity_is_explained_once() -> None:
    text = glossary()
    entries = re.findall(r"^(?:### (.+)|- \*\*(.+?)\*\*: )", text, re.MULTILINE)
    names = [heading or word for heading, word in entries]
    assert sorted(names) == sorted({*WORDS, *(shown.title for shown in SHOWN.values())})
    sentences = [shown.meaning for shown in SHOWN.values()] + [
        meaning for word, meaning in WORDS.items()
    ]
    assert [one for one in sentences if text.count(one) > 1] == []
    assert [shown.title for shown in SHOWN.values() if not shown.meaning.endswith(".")] == []


def values_of(changes: dict[str, object]) -> dict[str, np.ndarray]:
    """All quantities [seed, step, layer] of a small run of the definition."""
    experiment = Experiment(question="?", base=SMALL | changes, configuration=({},))
    (plan,) = plans(experiment).values()
    return quantities_of(plan)


def quantities_of(plan: Plan) -> dict[str, np.ndarray]:
    program = backends.load("numpy").program(plan, "cpu:0")
    program.load(draw.state(plan))
    data = task.load(plan.task)
    found = train(
        program, plan, (batch_of(plan, data, step) for step in range(plan.steps))
    ).trace.quantities
    signal = found["signal_gradient_rms"]
    return found | {SHARE: signal / signal[..., -1:]}


@cache
def healthy(name: str, size: str = "10 layers") -> dict[str, np.ndarray]:
    return quantities_of(plans(read("countermeasures"), SIZES[size])[name])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("quantity", SHOWN)
def test_a_healthy_network_has_what_is_called_usual(quantity: str, name: str, size: str) -> None:
    usual = SHOWN[quantity].usual
    found = usual.of(quantity, healthy(name, size))
    assert found.min() >= usual.low, f"{found.min():.2g}"
    assert found.max() <= usual.high, f"{found.max():.2g}"


@pytest.mark.parametrize("quantity", SHOWN)
def test_a_network_that_is_called_bad_has_not(quantity: str) -> None:
    usual = SHOWN[quantity].usual
    found = usual.of(quantity, values_of(UNUSUAL[quantity]))
    assert (found < usual.low).any() or (found > usual.high).any()


def said(pattern: str, text: str) -> float:
    """The number within a sentence."""
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


def test_the_usual_means_by_activation_are_true() -> None:
    means = SHOWN["activation_mean"]
    found = {name: np.median(means.usual.of("activation_mean", healthy(name))) for name in HEALTHY}
    assert "0 of tanh, half the rms of ReLU" in means.bad
    sigmoid = said(r"([\d.]+) of a sigmoid with batch norm", means.bad)
    assert found == pytest.approx({HEALTHY[0]: 0.5, HEALTHY[1]: 0.0, HEALTHY[2]: sigmoid}, abs=0.05)


def test_a_tanh_that_is_saturated_is_close_to_what_is_said() -> None:
    saturated = values_of(
        {"activation": "tanh", "initialization": {"kind": "gaussian", "std": 1.0}}
    )
    level = said(r"Of tanh, close to (\d)", SHOWN["activation_rms"].bad)
    assert saturated["activation_rms"] == pytest.approx(level, abs=0.1)


def test_the_rule_of_thumb_for_the_update_ratio_is_of_the_measured_size() -> None:
    about = r"About ([\de-]+) is"
    rule = said(about, SHOWN["update_ratio"].source)
    assert said(about, WORDS["update ratio"]) == rule
    for name in HEALTHY:
        ratio = float(np.median(healthy(name)["update_ratio"]))
        assert rule / 5 < ratio < rule * 5, name
