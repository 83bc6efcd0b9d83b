"""The claims of the article: verdicts follow from figures and turn with them; the page is what the command prints."""

from __future__ import annotations

import re
import runpy
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from rich.console import Console

from common.backend import Backend
from common.errors import Failed, UserError
from experiments import claims
from experiments.claiming import activations, architectures, clippings, initializations, measuring, normalizations, page, table
from experiments.claiming.article import CLAIMS
from experiments.claiming.claim import Case, Claim, Judged, judge
from experiments.claiming.criteria import Above, Below, Between, Criterion, Figure, Near
from experiments.claiming.evidence import Evidence, Untried
from experiments.claiming.networks import NETWORKS, WIDENED, WIDTHS, plans, wide
from experiments.store import Run
from experiments.working import Job, Worker
from tests.conftest import load

FRAMEWORKS = ("torch", "keras", "jax")
OUTCOME_OF = {word: outcome for outcome, word in table.OUTCOMES.items()}
CRITERIA = list(dict.fromkeys(case.criterion for claim in CLAIMS for case in (*claim.cases, *claim.beside)))


def beyond(criterion: Criterion, *, met: bool) -> Figure:
    """A figure that surely meets a criterion, or surely does not."""
    match criterion:
        case Below(bound=bound):
            return Figure(bound - 1 if met else bound + 1)
        case Above(bound=bound):
            return Figure(bound + 1 if met else bound - 1)
        case Between(low=low, high=high):
            return Figure((low + high) / 2 if met else high + 1)
        case Near(expected=expected):
            return Figure(expected if met else 2 * expected)


def planted(claim: Claim, *outcomes: bool | None) -> Claim:
    """The claim with figures for its cases that meet their criteria, or do not, or are nothing."""

    def case(one: Case, met: bool | None) -> Case:
        figure = Figure(float("nan")) if met is None else beyond(one.criterion, met=met)
        return replace(one, measure=lambda evidence: figure)

    return replace(claim, cases=tuple(case(*pair) for pair in zip(claim.cases, outcomes, strict=True)), beside=())


def verdict(claim: Claim) -> str:
    return judge(claim, {name: Evidence({}, {}) for name in FRAMEWORKS}).verdict


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.words)
def test_the_verdict_on_every_claim_turns_with_its_figures(claim: Claim) -> None:
    count = len(claim.cases)
    assert verdict(planted(claim, *[True] * count)) == "holds"
    assert verdict(planted(claim, *[False] * count)) == "does not hold"
    assert verdict(planted(claim, *[None] * count)) == "cannot be told"
    for place in range(count if count > 1 else 0):
        wrong: list[bool | None] = [True] * count
        wrong[place] = False
        assert verdict(planted(claim, *wrong)) == "holds with a condition"


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_a_criterion_is_met_or_not_and_of_nan_cannot_be_told(criterion: Criterion) -> None:
    assert criterion.met(beyond(criterion, met=True)) is True
    assert criterion.met(beyond(criterion, met=False)) is False
    assert criterion.met(Figure(float("nan"))) is None


def test_a_figure_within_two_standard_errors_of_a_bound_is_on_neither_side() -> None:
    assert Above(0.0).met(Figure(0.019, 0.01)) is None
    assert Above(0.0).met(Figure(0.021, 0.01)) is True
    assert Below(0.0).met(Figure(0.021, 0.01)) is False
    assert Between(-1.0, 1.0).met(Figure(0.99, 0.01)) is None


def test_a_bound_that_is_reached_exactly_is_not_exceeded() -> None:
    assert Above(1.0).met(Figure(1.0)) is False
    assert Below(1.0).met(Figure(1.0)) is False


def of_frameworks(**figures: Figure | None) -> Judged:
    case = Case("", lambda evidence: figures[evidence.facts["name"]], Above(0.0))
    return judge(Claim("", (case,)), {name: Evidence({}, {"name": name}) for name in figures})


def test_a_framework_that_differs_takes_a_case_away() -> None:
    found = of_frameworks(torch=Figure(1.0), keras=Figure(-1.0), jax=Figure(1.0))
    assert (found.outcomes, found.verdict) == ("differs", "does not hold")


def test_a_framework_that_has_nothing_of_the_kind_has_no_say() -> None:
    assert of_frameworks(torch=Figure(1.0), keras=None, jax=None).verdict == "holds"
    assert of_frameworks(torch=None, keras=None, jax=None).verdict == "cannot be told"


def test_a_framework_that_is_not_sure_keeps_a_claim_from_holding() -> None:
    assert of_frameworks(torch=Figure(1.0), keras=Figure(0.1, 0.1), jax=Figure(1.0)).verdict == "cannot be told"


def test_words_are_said_for_the_outcomes_only_that_they_were_written_for() -> None:
    claim = Claim("", (Case("a", lambda _: Figure(1.0), Above(0.0)), Case("b", lambda _: Figure(0.0), Below(1.0))))
    said = replace(claim, meaning={"yes no": "only a"})
    found = {name: Evidence({}, {}) for name in FRAMEWORKS}
    assert judge(said, found).condition == ""
    turned = replace(said, cases=(said.cases[0], replace(said.cases[1], criterion=Above(1.0))))
    assert judge(turned, found).condition == "only a"
    unforeseen = replace(turned, meaning={"no no": "none"})
    assert judge(unforeseen, found).condition == "in 1 of 2 cases: a"


def run(signal: list[float], accuracy: float = 0.5, samples: int = 100, others: Mapping[str, list[float]] | None = None) -> Run:
    """A run of two seeds alike, in one step; of other quantities too."""
    arrays = {"signal_gradient_rms": signal, **(others or {})}
    shaped = {name: np.array([[values], [values]]) for name, values in arrays.items()}
    header = SimpleNamespace(accuracy=[accuracy, accuracy], test_samples=samples)
    return cast(Run, SimpleNamespace(header=header, trace=SimpleNamespace(quantities=shaped, loss=np.ones((2, 1)))))


class Every(dict[str, Run]):
    """One run for whatever network is asked for, by name; which of them were."""

    def __init__(self, found: Run) -> None:
        self.found, self.asked = found, set[str]()

    def __getitem__(self, name: str) -> Run:
        self.asked.add(name)
        return self.found


def judged(claim: Claim, runs: Mapping[str, Run]) -> str:
    return judge(claim, {"torch": Evidence(runs, {})}).verdict


def test_the_sigmoid_would_be_acquitted_by_a_gradient_that_comes_through() -> None:
    assert judged(activations.SIGMOID, Every(run([0.5**k for k in range(20, 0, -1)]))) == "holds"
    assert judged(activations.SIGMOID, Every(run([0.95**k for k in range(20, 0, -1)]))) == "holds with a condition"
    lost_at_one_place = [1e-9] * 9 + [1e-5] * 3 + [1.0] * 8
    assert judged(activations.SIGMOID, Every(run(lost_at_one_place))) != "holds"


def test_relu_would_be_condemned_by_a_gradient_that_vanishes_or_explodes() -> None:
    for factor, expected in ((0.7, "does not hold"), (1.0, "holds"), (1.3, "does not hold")):
        assert judged(activations.keeps("relu", "", ""), Every(run([factor**k for k in range(20, 0, -1)]))) == expected


def test_an_accuracy_has_the_error_of_its_test_samples_or_of_its_seeds() -> None:
    found = Evidence({"few": run([1.0], 0.5, 100), "many": run([1.0], 0.6, 10_000)}, {})
    assert found.accuracy("few") == pytest.approx((0.5, 0.05))
    gain = found.gain("many", "few")
    assert (Above(0.0).met(gain), gain.value) == (None, pytest.approx(0.1))
    seeds = run([1.0], samples=10_000)
    seeds.header.accuracy = [0.5, 0.9]
    assert Evidence({"apart": seeds}, {}).accuracy("apart") == pytest.approx((0.7, 0.2))


def test_the_mean_derivative_comes_of_the_moments_of_the_outputs() -> None:
    h = 1 / (1 + np.exp(-np.random.default_rng(0).normal(size=(1000, 2))))
    moments = {"activation_mean": h.mean(0).tolist(), "activation_rms": np.sqrt((h**2).mean(0)).tolist()}
    found = Evidence({"it": run([1.0, 1.0], others=moments)}, {})
    assert found.saturation("it", "sigmoid").value == pytest.approx((h * (1 - h))[:, 1].mean())
    assert found.saturation("it", "tanh").value == pytest.approx((1 - h**2)[:, 1].mean())


LOST, KEPT = run([1e-9, 1e-6, 1e-3, 1.0]), run([1.0, 1.0, 1.0, 1.0])


def met(case: Case, runs: Mapping[str, Run]) -> bool | None:
    """Whether a case bears its claim out, by these runs."""
    found = case.figure(Evidence(runs, {}))
    assert found is not None
    return case.criterion.met(found)


def test_gradients_that_grow_with_the_width_speak_against_what_is_said_of_it() -> None:
    def widened(narrow: Run, broad: Run) -> str:
        claim = replace(initializations.CLAIMS[0], beside=())
        return judged(
            claim, {wide(name, width): one for name in WIDENED for width, one in zip(WIDTHS, (narrow, broad), strict=True)}
        )

    assert widened(LOST, KEPT) == "does not hold"
    assert widened(KEPT, LOST) == "holds"


@pytest.mark.parametrize(("lstm", "simple", "expected"), [(KEPT, LOST, True), (LOST, KEPT, False)])
def test_cells_that_keep_more_than_simple_ones_speak_for_them(lstm: Run, simple: Run, expected: bool) -> None:
    case = architectures.CLAIMS[1].cases[0]
    assert met(case, {"lstm, forget bias 1": lstm, "simple cells": simple}) is expected


def test_units_that_batch_norm_brings_back_speak_for_it() -> None:
    moments = [{"activation_mean": [0.5, 0.5], "activation_rms": [rms, rms]} for rms in (0.7, 0.51)]
    saturated, alive = (run([1.0, 1.0], others=one) for one in moments)
    case = normalizations.CLAIMS[0].cases[0]
    assert met(case, {"sigmoid + N(0, 1)": saturated, "sigmoid + batch norm + N(0, 1)": alive}) is True
    assert met(case, {"sigmoid + N(0, 1)": alive, "sigmoid + batch norm + N(0, 1)": saturated}) is False


def test_what_clipping_makes_smaller_is_not_relieved_and_a_step_that_it_shortens_is_bounded() -> None:
    claim, plain = clippings.CLAIMS[3], "tanh + N(0, 0.35²)"
    shortened = {"weight_gradient_rms": [2.0], "clipped_weight_gradient_rms": [1.0], "update_ratio": [0.1]}
    clipped, free = run([1.0], others=shortened), run([1.0], others={"update_ratio": [1.0]})
    found = Evidence({"sigmoid + value clipping": clipped, plain: free, f"{plain} + value clipping": clipped}, {})
    assert claim.cases[0].figure(found) == (0.5, 0.0)
    assert claim.beside[0].figure(found) == pytest.approx((0.1, 0.0))


def test_a_run_that_failed_is_no_figure() -> None:
    with pytest.raises(Untried):
        Evidence({}, {}).accuracy("relu + he")
    found = judge(activations.SUITS, {name: Evidence({}, {}) for name in FRAMEWORKS})
    assert found.verdict == "cannot be told"
    assert {cell for row in table.rows([found], FRAMEWORKS) if not row.of_claim for cell in row.figures} == {"failed"}


FACTS: dict[str, Any] = {
    "clipped": {"value": [[1.0, 1.0], [0.1, 0.2]], "global_norm": [[0.6, 0.8], [0.02, 0.04]]},
    "snippet": {"errors": 1, "after it": 8000.0, "in its place": 1.0},
    "xavier": [1 / 16, np.sqrt(2 / 794), np.sqrt(2 / 794)],
    "batch_norm": {"training": [[0.0], [1.0]], "evaluation": [[0.0], [0.0]]},
}


def of_facts(claim: Claim, **changes: Any) -> str:
    return judge(claim, {"torch": Evidence(Every(run([1.0, 1.0])), FACTS | changes)}).verdict


def test_what_functions_of_a_framework_do_turns_a_verdict() -> None:
    xavier, (direction, by_norm, snippet, _) = initializations.CLAIMS[1], clippings.CLAIMS
    assert of_facts(xavier) == "holds with a condition"
    assert of_facts(xavier, xavier=[n_in**-0.5 for n_in, _ in measuring.ASKED["shapes"]]) == "holds"
    assert of_facts(direction) == "holds"
    assert of_facts(direction, clipped={"value": [[0.6, 0.8], [0.02, 0.04]]}) == "does not hold"
    assert of_facts(by_norm) == "does not hold"
    assert of_facts(by_norm, clipped={"value": [[0.6, 0.8], [0.0, 0.0]]}) == "holds"
    assert of_facts(snippet) == "does not hold"
    assert of_facts(snippet, snippet={"errors": 0, "after it": 1.0, "in its place": 1.0}) == "holds"


def test_every_network_is_asked_for_and_every_one_that_is_asked_for_is_there() -> None:
    moments = {"activation_mean": [0.5] * 4, "activation_rms": [0.6] * 4, "update_ratio": [1.0] * 4}
    gradients = {"weight_gradient_rms": [1.0] * 4, "clipped_weight_gradient_rms": [1.0] * 4}
    asked = Every(run([0.1, 0.2, 0.4, 0.8], others=moments | gradients))
    for claim in CLAIMS:
        judge(claim, {"torch": Evidence(asked, FACTS)})
    assert asked.asked == set(NETWORKS)


def test_the_factor_of_batch_norm_is_what_the_moments_of_a_rectified_gaussian_give() -> None:
    z = np.linspace(-12, 12, 400_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    relu = np.maximum(z, 0)
    variance = (relu**2 * density).sum() - (relu * density).sum() ** 2
    assert pytest.approx(np.sqrt(0.5 / variance), rel=1e-4) == normalizations.EXPLODES


AT_THE_START = frozenset({"sigmoid + xavier", "sigmoid + N(0, 1)", "relu + he + batch norm"})


@pytest.fixture(scope="module")
def measured(backend: Backend) -> Evidence:
    """The start of a few networks, in each framework."""
    worker = Worker(backend, threads=1, imports=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the frameworks say while they trace is not ours to mend
        runs = {
            name: worker.run(Job(run_id=name, plan=plan.model_copy(update={"steps": 1}), device="cpu"))
            for name, plan in plans(AT_THE_START).items()
        }
    return Evidence(runs, {})


def test_each_framework_says_that_the_sigmoid_loses_the_gradient(measured: Evidence) -> None:
    assert judge(activations.SIGMOID, {"it": measured}).verdict == "holds"


def test_in_each_framework_batch_norm_makes_the_gradient_grow_by_the_factor_of_theory(measured: Evidence) -> None:
    claim = replace(normalizations.CLAIMS[3], beside=())
    assert judge(claim, {"it": measured}).verdict == "holds"
    assert measured.a_layer("relu + he + batch norm").value == pytest.approx(np.sqrt(np.pi / (np.pi - 1)), rel=0.05)


@pytest.fixture(scope="module")
def facts(backend: Backend) -> dict[str, Evidence]:
    """What an installed framework's own functions do."""
    script = runpy.run_path(str(measuring.NATIVE / f"{backend.name}_itself.py"))
    return {backend.name: Evidence({}, script["measured"](measuring.ASKED))}


@pytest.mark.parametrize("claim", [initializations.CLAIMS[1], *clippings.CLAIMS[:2]], ids=lambda claim: claim.words)
def test_each_frameworks_own_functions_have_the_verdicts_of_the_page(claim: Claim, facts: dict[str, Evidence]) -> None:
    judged = judge(claim, facts)
    assert judged.cases
    for one, row in zip(judged.cases, written()[claim.words].cases, strict=False):
        assert one.outcome in (OUTCOME_OF[row[-1]], "untried")


def test_the_articles_snippet_raises_in_pytorch_and_clips_in_its_place(request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    script = runpy.run_path(str(measuring.NATIVE / "torch_itself.py"))
    found = judge(clippings.CLAIMS[2], {"torch": Evidence({}, script["measured"](measuring.ASKED))})
    assert (found.verdict, found.outcomes) == ("does not hold", "no no | yes")


def test_a_script_that_fails_is_told_with_its_last_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measuring, "NATIVE", tmp_path)
    (tmp_path / "torch_itself.py").write_text("raise KeyError('threshold')")
    with pytest.raises(Failed, match="torch's own functions could not be asked: KeyError: 'threshold'"):
        measuring.facts("torch")


def test_a_script_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measuring, "NATIVE", tmp_path)
    (tmp_path / "torch_itself.py").write_text("import json, sys; json.dump([json.load(sys.stdin), *sys.path], sys.stdout)")
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
    printed = [(re.sub(r"^\d+\. ", "", row.words), row.criterion) for row in table.rows(everything(), FRAMEWORKS)]
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
    console, found = Console(width=400), everything()
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


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (claims.Options(backends=("numpy",)), "--backends must name one of torch, keras, jax"),
        (claims.Options(backends=("troch",)), "did you mean 'torch'"),
        (claims.Options(backends=("torch",), write=True), "--write must have all of torch, keras, jax"),
        (claims.Options(json="not/there.json"), "whose folder is not there"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(options: claims.Options, expected: str) -> None:
    with pytest.raises(UserError, match=re.escape(expected)):
        claims.run(options)
