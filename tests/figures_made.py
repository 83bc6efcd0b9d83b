"""What figures are drawn of, in the tests: a small experiment, and an awkward one with many
alike.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from experiments import index, reported
from experiments.report.figures.drawn import figures
from experiments.report.figures.flags import Asked
from experiments.report.figures.scene import Figure
from experiments.reported import Source
from experiments.tables import Run
from tests.stored import make

LONG = (
    "a layer with a name that nobody would write, WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW, and its end"
)
QUANTITIES = ("signal_gradient_share", "clipped_weight_gradient_rms")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(tmp_path_factory.mktemp("figures") / "runs")


def parted(run: Run) -> Run:
    """A run whose gradients are 1.5 times the definition's, which is broken."""
    quantities = {name: 1.5 * values for name, values in run.trace.quantities.items()}
    checks = [
        check.model_copy(update={"outcome": "broken", "error": 1e-9}) for check in run.header.checks
    ]
    return Run(
        run.header.model_copy(update={"checks": checks}),
        dataclasses.replace(run.trace, quantities=quantities),
    )


@pytest.fixture(scope="module")
def awkward(source: Source) -> Source:
    """Eight configurations, most of them alike, one with a long name and one with a hostile one;
    and torch is broken.
    """
    (path,) = Path(source.label).glob("experiment-*.json")
    made = index.read(path)
    first, second, *others = made.entries
    copies = [
        second.model_copy(update={"name": f"tanh + xavier + {word}"})
        for word in ("one", "two", "three")
    ]
    entries = [first.model_copy(update={"name": LONG}), second, *others, *copies]
    torch = second.runs["torch"]
    runs = {run_id: parted(run) if run_id == torch else run for run_id, run in source.runs.items()}
    return reported.source(made.model_copy(update={"entries": entries}), runs, source.label)


def all_of(source: Source, **words: Any) -> Asked:
    names = tuple(source.entries)
    return Asked(Path("nowhere"), draw=names, quantities=QUANTITIES, **words)


def made(source: Source, order: Asked) -> dict[str, Figure]:
    return {one.name: one for one in figures([source], order) if isinstance(one, Figure)}
