"""The claims of the article, on their page: its rows are the command's, and its verdicts those of
the installed frameworks.
"""

from __future__ import annotations

import re
import runpy
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from backends import FRAMEWORKS
from common.backend import Backend
from common.errors import Failed
from experiments.claiming import (
    activations,
    clippings,
    initializations,
    measuring,
    normalizations,
    page,
    table,
)
from experiments.claiming.article import CLAIMS
from experiments.claiming.claim import Case, Claim, Judged, judge
from experiments.claiming.criteria import Figure
from experiments.claiming.evidence import Evidence
from experiments.claiming.networks import plans
from experiments.working import Job, Worker
from tests.conftest import load

OUTCOME_OF = {word: outcome for outcome, word in table.OUTCOMES.items()}

AT_THE_START = frozenset({"sigmoid + xavier", "sigmoid + N(0, 1)", "relu + he + batch norm"})


@pytest.fixture(scope="module")
def measured(backend: Backend) -> Evidence:
    """The start of a few networks, in each framework."""
    worker = Worker(backend, threads=1, imports=0.0)
    with warnings.catch_warnings():
        # what the frameworks say while they trace is not ours to mend
        warnings.simplefilter("ignore")
        runs = {
            name: worker.run(
                Job(run_id=name, plan=plan.model_copy(update={"steps": 1}), device="cpu")
            )
            for name, plan in plans(AT_THE_START).items()
        }
    return Evidence(runs, {})


def test_each_framework_says_that_the_sigmoid_loses_the_gradient(measured: Evidence) -> None:
    assert judge(activations.SIGMOID, {"it": measured}).verdict == "holds"


def test_in_each_framework_batch_norm_makes_the_gradient_grow_by_the_factor_of_theory(
    measured: Evidence,
) -> None:
    claim = replace(normalizations.CLAIMS[3], beside=())
    assert judge(claim, {"it": measured}).verdict == "holds"
    assert measured.a_layer("relu + he + batch norm").value == pytest.approx(
        np.sqrt(np.pi / (np.pi - 1)), rel=0.05
    )


@pytest.fixture(scope="module")
def facts(backend: Backend) -> dict[str, Evidence]:
    """What an installed framework's own functions do."""
    script = runpy.run_path(str(measuring.NATIVE / f"{backend.name}_itself.py"))
    return {backend.name: Evidence({}, script["measured"](measuring.ASKED))}


@pytest.mark.parametrize(
    "claim", [initializations.CLAIMS[1], *clippings.CLAIMS[:2]], ids=lambda claim: claim.words
)
def test_each_frameworks_own_functions_have_the_verdicts_of_the_page(
    claim: Claim, facts: dict[str, Evidence]
) -> None:
    judged = judge(claim, facts)
    assert judged.cases
    for one, row in zip(judged.cases, written()[claim.words].cases, strict=False):
        assert one.outcome in (OUTCOME_OF[row[-1]], "untried")


def test_the_articles_snippet_raises_in_pytorch_and_clips_in_its_place(
    request: pytest.FixtureRequest,
) -> None:
    load("torch", request.config)
    script = runpy.run_path(str(measuring.NATIVE / "torch_itself.py"))
    found = judge(clippings.CLAIMS[2], {"torch": Evidence({}, script["measured"](measuring.ASKED))})
    assert (found.verdict, found.outcomes) == ("does not hold", "no no | yes")


def test_a_script_that_fails_is_told_with_its_last_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measuring, "NATIVE", tmp_path)
    (tmp_path / "torch_itself.py").write_text("raise KeyError('threshold')")
    with pytest.raises(
        Failed, match="torch's own functions could not be asked: KeyError: 'threshold'"
    ):
        measuring.facts("torch")


def test_a_script_is_asked_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measuring, "NATIVE", tmp_path)
    (tmp_path / "torch_itself.py").write_text(
        "import json, sys; json.dump([json.load(sys.stdin), *sys.path], sys.stdout)"
    )
    asked, *paths = measuring.facts("torch")
    assert asked == measuring.ASKED
    assert str(tmp_path) not in paths


class Written:
    """A claim as the page has it, with its cases."""

    def __init__(self, verdict: str) -> None:
        self.verdict = verdict
        self.cases: list[list[str]] = []


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def written() -> dict[str, Written]:
    """The claims of the page."""
    found: dict[str, Written] = {}
    for line in page.PLACE.read_text(encoding="utf-8").splitlines():
        if claim := re.match(r"\| \*\*\d+\. (.*?)\*\*.*\| \*\*(.*?)\*\* \|$", line):
            found[claim[1]] = Written(claim[2])
        elif line.startswith("| ") and found:
            list(found.values())[-1].cases.append(cells(line))
    return found


def figure(cell: str) -> Figure:
    value, _, error = cell.partition(" ± ")
    return Figure(float(value), float(error or 0))


def everything() -> list[Judged]:
    return [judge(claim, {name: Evidence({}, {}) for name in FRAMEWORKS}) for claim in CLAIMS]


def test_the_page_has_every_row_that_the_command_prints() -> None:
    found: list[tuple[str, str]] = []
    for words, one in written().items():
        found += [(words, ""), *((row[0], row[4]) for row in one.cases)]
    printed = [
        (re.sub(r"^\d+\. ", "", row.words), row.criterion)
        for row in table.rows(everything(), FRAMEWORKS)
    ]
    assert found == printed


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.words)
def test_the_verdict_on_the_page_follows_from_the_figures_on_the_page(claim: Claim) -> None:
    found = written()[claim.words]

    def again(case: Case, row: list[str]) -> Case:
        def measure(evidence: Evidence) -> Figure | None:
            cell = row[1 + FRAMEWORKS.index(evidence.facts["name"])]
            return None if cell == "-" else figure(cell)

        return replace(case, measure=measure)

    cases = [again(*pair) for pair in zip((*claim.cases, *claim.beside), found.cases, strict=True)]
    count = len(claim.cases)
    repeated = replace(claim, cases=tuple(cases[:count]), beside=tuple(cases[count:]))
    recomputed = judge(repeated, {name: Evidence({}, {"name": name}) for name in FRAMEWORKS})
    assert recomputed.verdict == found.verdict
    said = [table.OUTCOMES[one.outcome] for one in (*recomputed.cases, *recomputed.beside)]
    assert said == [row[-1] for row in found.cases]


def test_terminal_and_page_have_the_same_rows() -> None:
    console = Console(width=400)
    found = everything()
    with console.capture() as shown:
        console.print(table.shown(found, FRAMEWORKS))
    printed = " ".join(shown.get().split())
    for row in table.rows(found, FRAMEWORKS):
        for cell in (row.words, *row.figures, row.criterion, row.verdict, row.condition):
            assert " ".join(cell.split()) in printed
    lines = table.markdown(found, FRAMEWORKS).splitlines()
    assert len(lines) == 2 + len(list(table.rows(found, FRAMEWORKS)))
    assert {line.count(" | ") for line in lines} == {5}


def test_a_figure_is_written_with_the_digits_that_its_error_leaves() -> None:
    assert table.spoken(Figure(0.23741, 0.0022)) == "0.2374 ± 0.0022"
    assert table.spoken(Figure(-0.0041, 0.0112)) == "-0.004 ± 0.011"
    assert table.spoken(Figure(3.0639, 0.358)) == "3.06 ± 0.36"
    assert table.spoken(Figure(8000.0)) == "8000"
    assert table.spoken(None) == "-"
