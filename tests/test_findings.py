from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import backends
from common.findings import Document, Outcome, Spread, all_agree, configuration, failed
from common.verdict import Thresholds
from experiments.experiment import plans, read
from experiments.store import Run
from experiments.worker import Worker

SMALL = {"depth": 4, "width": 8, "steps": 5, "batch_size": 16, "seeds": 2}
PLAN = plans(read("countermeasures"), SMALL)["tanh + xavier"]


@pytest.fixture(scope="module")
def worker() -> Worker:
    return Worker(backends.load("numpy"), threads=1, imports=0.1)


@pytest.fixture(scope="module")
def run(worker: Worker) -> Run:
    return worker.run("run1", PLAN, "cpu")


@pytest.fixture(scope="module")
def moved(worker: Worker) -> Run:
    return worker.run("run2", PLAN.model_copy(update={"perturbed": True}), "cpu")


def as_torch(run: Run, *, loss_factor: float = 1.0, error: float = 0.0) -> Outcome:
    header = run.header.model_copy(update={"backend": "torch", "first_step_error": error})
    loss = run.trace.loss * np.array([1.0, *[loss_factor] * 4])
    return Outcome("finished", None, header, dataclasses.replace(run.trace, loss=loss))


def found(run: Run, moved: Run | None, torch: Outcome, definition: bool = True):
    outcomes = ({"numpy": Outcome("finished", None, *run)} if definition else {}) | {"torch": torch}
    return configuration("it", PLAN, outcomes, moved.trace if moved else None, Thresholds())


def document(*configurations) -> Document:
    return Document(
        experiment="e", question="q", command="c", versions={}, device={}, threads={}, exclusive={}, thresholds=Thresholds(),
        configurations=list(configurations), agrees=all_agree(configurations),
    )  # fmt: skip


def test_equal_runs_agree_and_name_their_sensitivity(run: Run, moved: Run) -> None:
    agreement = found(run, moved, as_torch(run)).runs["torch"].agreement
    assert agreement
    assert (agreement.divergence, agreement.agrees) == (0.0, True)
    assert 0 < (agreement.sensitivity or 0) < 1e-10


def test_a_divergence_beyond_the_sensitivity_breaks_agreement(run: Run, moved: Run) -> None:
    one = found(run, moved, as_torch(run, loss_factor=1 + 1e-6))
    assert one.runs["torch"].agreement and one.runs["torch"].agreement.agrees is False  # noqa: PT018
    assert document(one).agrees is False
    assert failed(document(one))


def test_a_wrong_first_step_breaks_agreement(run: Run, moved: Run) -> None:
    agreement = found(run, moved, as_torch(run, error=1.0)).runs["torch"].agreement
    assert agreement
    assert agreement.agrees is False


def test_without_the_definitions_run_the_first_step_decides(run: Run) -> None:
    agreement = found(run, None, as_torch(run), definition=False).runs["torch"].agreement
    assert agreement
    assert (agreement.divergence, agreement.sensitivity, agreement.agrees) == (None, None, True)


def test_a_run_that_turns_non_finite_says_where_and_fails(run: Run, moved: Run) -> None:
    outcome = as_torch(run, loss_factor=np.nan)
    result = found(run, moved, outcome).runs["torch"]
    assert result.gradient
    assert result.learning
    assert (result.status, result.gradient.verdict, result.learning.verdict) == ("non-finite", "non-finite", "diverged")
    assert not result.ranked, "the class of a NaN is 0, which is no accuracy"
    assert result.reason == "not finite from step 1 on, first at layer 4, seed 0"
    assert result.event and (result.event.seed, result.event.step, result.event.layer) == (0, 1, 4)  # noqa: PT018
    assert result.loss_last and result.loss_last.mean is None  # noqa: PT018
    assert failed(document(found(run, moved, outcome)))


def test_runs_that_turn_non_finite_together_agree(run: Run, moved: Run) -> None:
    broken = as_torch(run, loss_factor=np.nan)
    assert broken.trace
    result = configuration("it", PLAN, {"numpy": broken, "torch": broken}, moved.trace, Thresholds()).runs["torch"]
    assert result.agreement
    assert result.agreement.agrees is True


@pytest.mark.parametrize(("status", "fails"), [("crashed", True), ("unsupported", True), ("missing", False)])
def test_a_run_without_a_trace_is_a_row_with_its_reason(run: Run, moved: Run, status, fails: bool) -> None:
    one = found(run, moved, Outcome(status, "because"))
    assert (one.runs["torch"].status, one.runs["torch"].reason, one.runs["torch"].gradient) == (status, "because", None)
    assert not one.runs["torch"].ranked
    assert failed(document(one)) is fails
    assert document(one).agrees is None


def test_the_document_survives_json_and_has_the_promised_keys(run: Run, moved: Run) -> None:
    one = document(found(run, moved, as_torch(run)))
    assert Document.model_validate_json(one.to_json()) == one
    raw = json.loads(one.to_json())
    assert raw["schema"] == 2
    assert {"experiment", "question", "command", "versions", "device", "configurations", "agrees"} <= raw.keys()
    (row,) = raw["configurations"]
    assert {"name", "spec", "parameters", "runs"} == row.keys()
    promised = "status reason gradient learning guessing profile"
    promised += " gradient_ratio decay_per_layer loss_first loss_last accuracy agreement seconds"
    assert set(promised.split()) <= row["runs"]["torch"].keys()
    assert row["runs"]["torch"]["seconds"].keys() == {"import", "first_step", "steps"}
    assert row["runs"]["torch"]["agreement"].keys() == {"first_step_error", "tolerance", "divergence", "sensitivity", "agrees"}


def test_every_field_of_the_document_is_documented() -> None:
    import common.findings as module

    for model in (Document, module.Configuration, module.RunFinding):
        for name, field in model.model_fields.items():
            assert (field.alias or name) in (module.__doc__ or ""), name


def test_the_loss_and_the_best_share_of_guessing_are_kept_with_the_run(run: Run) -> None:
    assert run.header.guessing_loss == pytest.approx(np.log(10), rel=1e-3)
    assert 0.1 < (run.header.best_guess or 0) < 0.15


def test_a_seed_that_is_not_finite_is_null() -> None:
    spread = Spread.of([1.0, np.inf])
    assert (spread.mean, spread.std, spread.seeds) == (None, None, [1.0, None])


def test_only_a_run_that_learns_and_is_finished_is_ranked(run: Run, moved: Run) -> None:
    result = found(run, moved, as_torch(run)).runs["numpy"]
    assert result.learning
    for word in ("learns", "has not learnt", "diverged", "cannot be told"):
        told = result.model_copy(update={"learning": result.learning.model_copy(update={"verdict": word})})
        assert told.ranked == (word == "learns")
        assert not told.model_copy(update={"status": "non-finite"}).ranked


def test_seeds_decades_apart_have_a_geometric_mean() -> None:
    spread = Spread.geometric([1e-2, 1e-6])
    assert spread.mean == pytest.approx(1e-4)
    assert (spread.std, spread.decades, spread.seeds) == (None, pytest.approx(2), [1e-2, 1e-6])
    assert Spread.geometric([1e-2, 0]).mean == 0
    assert Spread.geometric([1e-2, 0]).decades is None
    assert Spread.geometric([1e-2, np.inf]).mean is None


def test_the_mean_ratio_is_that_of_the_profile(run: Run, moved: Run) -> None:
    """Wrong: an arithmetic mean of 7.6e-03 beside a profile, which is geometric, of 1e-4, and "vanishing" below 1e-3."""
    signal = run.trace.quantities["signal_gradient_rms"].copy()
    signal[:, 0, 0] *= [1e-6, 1.0]
    trace = dataclasses.replace(run.trace, quantities=run.trace.quantities | {"signal_gradient_rms": signal})
    result = found(Run(run.header, trace), moved, as_torch(run)).runs["numpy"]
    assert result.profile
    assert result.gradient_ratio
    first, last = result.profile[0], result.profile[-1]
    assert result.gradient_ratio.mean == pytest.approx((first or 0) / (last or 1))


def test_the_spread_is_the_mean_and_deviation_of_the_seeds() -> None:
    spread = Spread.of([1.0, 3.0])
    assert (spread.mean, spread.std) == (2.0, 1.0)


@pytest.mark.parametrize(("clipped", "share"), [(1.0, 0.0), (1 - 1e-9, 0.0), (0.5, 0.5), (np.nan, 0.0)])
def test_clipping_bound_where_it_made_a_gradient_smaller(run: Run, clipped: float, share: float) -> None:
    """In one of two seeds; what is closer than rounding, or not a number, is no clipping."""
    before = run.trace.quantities["weight_gradient_rms"]
    after = before.copy()
    after[0, :, 2] *= clipped
    trace = dataclasses.replace(run.trace, quantities=run.trace.quantities | {"clipped_weight_gradient_rms": after})
    found = configuration("it", PLAN, {"numpy": Outcome("finished", None, run.header, trace)}, None, Thresholds())
    assert found.runs["numpy"].clipping_bound == share
