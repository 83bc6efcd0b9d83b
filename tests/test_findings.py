from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from common.trace import Agreed
from experiments.findings.configuration import configuration, failed
from experiments.findings.document import Document, Spread
from experiments.findings.outcome import Outcome
from experiments.findings.thresholds import Thresholds
from experiments.tables import Run
from tests.found_runs import PLAN, agreement_of, as_torch, document, found, run, worker

__all__ = ["run", "worker"]


def test_equal_runs_agree_and_name_their_bound(run: Run) -> None:
    agreed = agreement_of(run, as_torch(run))
    assert (agreed.outcome, agreed.reason, agreed.judged_steps) == ("agrees", None, [0])
    assert (agreed.free_run.outcome, agreed.free_run.divergence) == ("comparable", 0.0)
    assert 0 < (agreed.free_run.bound or 0) < 1e-10


def test_a_free_run_beyond_its_bound_is_broken_and_says_from_where(run: Run) -> None:
    one = found(run, as_torch(run, loss_factor=1 + 1e-6))
    agreed = agreement_of(run, as_torch(run, loss_factor=1 + 1e-6))
    assert (agreed.outcome, agreed.single_steps.outcome) == ("broken", "agrees")
    assert agreed.reason == "the free run parts from the definition's at step 1"
    assert document(one).agrees is False
    assert failed(document(one))


@pytest.mark.parametrize(
    ("outcomes", "first", "all_steps", "compared"),
    [
        (("agrees", "agrees"), "agrees", "agrees", [0, 1]),
        (("agrees", "broken"), "agrees", "broken", [0, 1]),
        (("broken", "cannot be judged"), "broken", "broken", [0]),
        (("cannot be judged", "agrees"), "cannot be judged", "agrees", [1]),
        (("cannot be judged", "cannot be judged"), "cannot be judged", "cannot be judged", []),
    ],
)
def test_a_run_is_broken_where_a_step_is_and_agrees_where_one_could_be_judged(
    run: Run, outcomes: tuple[Agreed, ...], first: Agreed, all_steps: Agreed, compared: list[int]
) -> None:
    agreed = agreement_of(run, as_torch(run, *outcomes))
    assert (agreed.first_step.outcome, agreed.single_steps.outcome, agreed.outcome) == (
        first,
        all_steps,
        all_steps,
    )
    assert agreed.judged_steps == compared
    assert document(found(run, as_torch(run, *outcomes))).agrees is {
        "agrees": True,
        "broken": False,
    }.get(all_steps)


def test_the_first_step_is_that_of_every_group_of_seeds(run: Run) -> None:
    torch = as_torch(run, "agrees", "agrees", "broken")
    assert torch.header
    steps = [
        check.model_copy(update={"step": step})
        for check, step in zip(torch.header.checks, (0, 4, 0), strict=True)
    ]
    grouped = dataclasses.replace(torch, header=torch.header.model_copy(update={"checks": steps}))
    agreed = agreement_of(run, grouped)
    assert (agreed.first_step.outcome, agreed.judged_steps) == ("broken", [0, 4])


def test_without_the_definitions_run_the_free_run_cannot_be_judged(run: Run) -> None:
    agreed = agreement_of(run, as_torch(run), definition=False)
    assert (agreed.free_run.outcome, agreed.single_steps.outcome) == ("cannot be judged", "agrees")
    assert agreed.outcome == "cannot be judged"


def test_a_run_that_turns_non_finite_says_where_and_fails(run: Run) -> None:
    outcome = as_torch(run, loss_factor=np.nan)
    result = found(run, outcome).runs["torch"]
    assert result.gradient
    assert result.learning
    assert (result.status, result.gradient.verdict, result.learning.verdict) == (
        "non-finite",
        "non-finite",
        "diverged",
    )
    assert not result.ranked, "the class of a NaN is 0, which is no accuracy"
    assert result.reason == "not finite from step 1 on, first at layer 4, seed 0"
    assert result.event and (result.event.seed, result.event.step, result.event.layer) == (0, 1, 4)  # noqa: PT018
    assert result.loss_last and result.loss_last.mean is None  # noqa: PT018
    assert failed(document(found(run, outcome)))


def test_runs_that_turn_non_finite_together_agree(run: Run) -> None:
    broken = as_torch(run, loss_factor=np.nan)
    assert broken.trace
    result = configuration("it", PLAN, {"numpy": broken, "torch": broken}, Thresholds()).runs[
        "torch"
    ]
    assert result.agreement
    assert result.agreement.outcome == "agrees"


@pytest.mark.parametrize(
    ("status", "fails"), [("crashed", True), ("unsupported", True), ("missing", False)]
)
def test_a_run_without_a_trace_is_a_row_with_its_reason(run: Run, status, fails: bool) -> None:
    one = found(run, Outcome(status, "because"))
    assert (one.runs["torch"].status, one.runs["torch"].reason, one.runs["torch"].gradient) == (
        status,
        "because",
        None,
    )
    assert not one.runs["torch"].ranked
    assert failed(document(one)) is fails
    assert document(one).agrees is None


def test_the_document_survives_json_and_has_the_promised_keys(run: Run) -> None:
    one = document(found(run, as_torch(run)))
    assert Document.model_validate_json(one.to_json()) == one
    raw = json.loads(one.to_json())
    assert raw["schema"] == 3
    assert {
        "experiment",
        "question",
        "command",
        "versions",
        "device",
        "configurations",
        "agrees",
    } <= raw.keys()
    (row,) = raw["configurations"]
    assert {"name", "spec", "parameters", "runs"} == row.keys()
    promised = "status reason gradient learning guessing profile"
    promised += " gradient_ratio decay_per_layer loss_first loss_last accuracy agreement seconds"
    assert set(promised.split()) <= row["runs"]["torch"].keys()
    assert row["runs"]["torch"]["seconds"].keys() == {"import", "first_step", "steps"}
    promised = {"outcome", "reason", "first_step", "single_steps", "judged_steps", "free_run"}
    assert row["runs"]["torch"]["agreement"].keys() == promised


def test_every_field_of_the_document_is_documented() -> None:
    import experiments.findings.document as module

    for model in (Document, module.Configuration, module.RunFinding):
        for name, field in model.model_fields.items():
            assert (field.alias or name) in (module.__doc__ or ""), name


def test_the_loss_and_the_best_share_of_guessing_are_kept_with_the_run(run: Run) -> None:
    assert run.header.guessing_loss == pytest.approx(np.log(10), rel=1e-3)
    assert 0.1 < (run.header.best_guess or 0) < 0.15


def test_a_seed_that_is_not_finite_is_null() -> None:
    spread = Spread.of([1.0, np.inf])
    assert (spread.mean, spread.std, spread.seeds) == (None, None, [1.0, None])


def test_only_a_run_that_learns_and_is_finished_is_ranked(run: Run) -> None:
    result = found(run, as_torch(run)).runs["numpy"]
    assert result.learning
    for word in ("learns", "has not learnt", "diverged", "cannot be told"):
        told = result.model_copy(
            update={"learning": result.learning.model_copy(update={"verdict": word})}
        )
        assert told.ranked == (word == "learns")
        assert not told.model_copy(update={"status": "non-finite"}).ranked


def test_seeds_decades_apart_have_a_geometric_mean() -> None:
    spread = Spread.geometric([1e-2, 1e-6])
    assert spread.mean == pytest.approx(1e-4)
    assert (spread.std, spread.decades, spread.seeds) == (None, pytest.approx(2), [1e-2, 1e-6])
    assert Spread.geometric([1e-2, 0]).mean == 0
    assert Spread.geometric([1e-2, 0]).decades is None
    assert Spread.geometric([1e-2, np.inf]).mean is None


def test_the_mean_ratio_is_that_of_the_profile(run: Run) -> None:
    """Wrong: an arithmetic mean of 7.6e-03 beside a profile, which is geometric, of 1e-4, and
    "vanishing" below 1e-3.
    """
    signal = run.trace.quantities["signal_gradient_rms"].copy()
    signal[:, 0, 0] *= [1e-6, 1.0]
    trace = dataclasses.replace(
        run.trace, quantities=run.trace.quantities | {"signal_gradient_rms": signal}
    )
    result = found(Run(run.header, trace), as_torch(run)).runs["numpy"]
    assert result.profile
    assert result.gradient_ratio
    first, last = result.profile[0], result.profile[-1]
    assert result.gradient_ratio.mean == pytest.approx((first or 0) / (last or 1))


def test_the_spread_is_the_mean_and_deviation_of_the_seeds() -> None:
    spread = Spread.of([1.0, 3.0])
    assert (spread.mean, spread.std) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("clipped", "share"), [(1.0, 0.0), (1 - 1e-9, 0.0), (0.5, 0.5), (np.nan, 0.0)]
)
def test_clipping_bound_where_it_made_a_gradient_smaller(
    run: Run, clipped: float, share: float
) -> None:
    """In one of two seeds; what is closer than rounding, or not a number, is no clipping."""
    before = run.trace.quantities["weight_gradient_rms"]
    after = before.copy()
    after[0, :, 2] *= clipped
    trace = dataclasses.replace(
        run.trace, quantities=run.trace.quantities | {"clipped_weight_gradient_rms": after}
    )
    found = configuration(
        "it", PLAN, {"numpy": Outcome("finished", None, run.header, trace)}, Thresholds()
    )
    assert found.runs["numpy"].clipping_bound == share
