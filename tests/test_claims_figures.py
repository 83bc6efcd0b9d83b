"""The claims of the article, by their figures: what would condemn a claim that holds, and acquit
one that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from backends import FRAMEWORKS
from experiments.claiming import (
    activations,
    architectures,
    clippings,
    initializations,
    measuring,
    normalizations,
    table,
)
from experiments.claiming.article import CLAIMS
from experiments.claiming.claim import Case, Claim, judge
from experiments.claiming.criteria import Above
from experiments.claiming.evidence import Evidence, Untried
from experiments.claiming.networks import NETWORKS, WIDENED, WIDTHS, wide
from experiments.tables import Run


def run(
    signal: list[float],
    accuracy: float = 0.5,
    samples: int = 100,
    others: Mapping[str, list[float]] | None = None,
) -> Run:
    """A run of two seeds alike, in one step; of other quantities too."""
    arrays = {"signal_gradient_rms": signal, **(others or {})}
    shaped = {name: np.array([[values], [values]]) for name, values in arrays.items()}
    header = SimpleNamespace(accuracy=[accuracy, accuracy], test_samples=samples)
    return cast(
        Run,
        SimpleNamespace(
            header=header, trace=SimpleNamespace(quantities=shaped, loss=np.ones((2, 1)))
        ),
    )


class Every(dict[str, Run]):
    """One run for whatever network is asked for, by name; which of them were."""

    def __init__(self, found: Run) -> None:
        self.found = found
        self.asked = set[str]()

    def __getitem__(self, name: str) -> Run:
        self.asked.add(name)
        return self.found


def judged(claim: Claim, runs: Mapping[str, Run]) -> str:
    return judge(claim, {"torch": Evidence(runs, {})}).verdict


def test_the_sigmoid_would_be_acquitted_by_a_gradient_that_comes_through() -> None:
    assert judged(activations.SIGMOID, Every(run([0.5**k for k in range(20, 0, -1)]))) == "holds"
    assert (
        judged(activations.SIGMOID, Every(run([0.95**k for k in range(20, 0, -1)])))
        == "holds with a condition"
    )
    lost_at_one_place = [1e-9] * 9 + [1e-5] * 3 + [1.0] * 8
    assert judged(activations.SIGMOID, Every(run(lost_at_one_place))) != "holds"


def test_relu_would_be_condemned_by_a_gradient_that_vanishes_or_explodes() -> None:
    for factor, expected in ((0.7, "does not hold"), (1.0, "holds"), (1.3, "does not hold")):
        assert (
            judged(
                activations.keeps("relu", "", ""), Every(run([factor**k for k in range(20, 0, -1)]))
            )
            == expected
        )


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
    moments = {
        "activation_mean": h.mean(0).tolist(),
        "activation_rms": np.sqrt((h**2).mean(0)).tolist(),
    }
    found = Evidence({"it": run([1.0, 1.0], others=moments)}, {})
    assert found.saturation("it", "sigmoid").value == pytest.approx((h * (1 - h))[:, 1].mean())
    assert found.saturation("it", "tanh").value == pytest.approx((1 - h**2)[:, 1].mean())


LOST = run([1e-9, 1e-6, 1e-3, 1.0])
KEPT = run([1.0, 1.0, 1.0, 1.0])


def met(case: Case, runs: Mapping[str, Run]) -> bool | None:
    """Whether a case bears its claim out, by these runs."""
    found = case.figure(Evidence(runs, {}))
    assert found is not None
    return case.criterion.met(found)


def test_gradients_that_grow_with_the_width_speak_against_what_is_said_of_it() -> None:
    def widened(narrow: Run, broad: Run) -> str:
        claim = replace(initializations.CLAIMS[0], beside=())
        return judged(
            claim,
            {
                wide(name, width): one
                for name in WIDENED
                for width, one in zip(WIDTHS, (narrow, broad), strict=True)
            },
        )

    assert widened(LOST, KEPT) == "does not hold"
    assert widened(KEPT, LOST) == "holds"


@pytest.mark.parametrize(("lstm", "simple", "expected"), [(KEPT, LOST, True), (LOST, KEPT, False)])
def test_cells_that_keep_more_than_simple_ones_speak_for_them(
    lstm: Run, simple: Run, expected: bool
) -> None:
    case = architectures.CLAIMS[1].cases[0]
    assert met(case, {"lstm, forget bias 1": lstm, "simple cells": simple}) is expected


def test_units_that_batch_norm_brings_back_speak_for_it() -> None:
    moments = [{"activation_mean": [0.5, 0.5], "activation_rms": [rms, rms]} for rms in (0.7, 0.51)]
    saturated, alive = (run([1.0, 1.0], others=one) for one in moments)
    case = normalizations.CLAIMS[0].cases[0]
    assert (
        met(case, {"sigmoid + N(0, 1)": saturated, "sigmoid + batch norm + N(0, 1)": alive}) is True
    )
    assert (
        met(case, {"sigmoid + N(0, 1)": alive, "sigmoid + batch norm + N(0, 1)": saturated})
        is False
    )


def test_what_clipping_makes_smaller_is_not_relieved_and_a_step_that_it_shortens_is_bounded() -> (
    None
):
    claim, plain = clippings.CLAIMS[3], "tanh + N(0, 0.35²)"
    shortened = {
        "weight_gradient_rms": [2.0],
        "clipped_weight_gradient_rms": [1.0],
        "update_ratio": [0.1],
    }
    clipped = run([1.0], others=shortened)
    free = run([1.0], others={"update_ratio": [1.0]})
    found = Evidence(
        {"sigmoid + value clipping": clipped, plain: free, f"{plain} + value clipping": clipped}, {}
    )
    assert claim.cases[0].figure(found) == (0.5, 0.0)
    assert claim.beside[0].figure(found) == pytest.approx((0.1, 0.0))


def test_a_run_that_failed_is_no_figure() -> None:
    with pytest.raises(Untried):
        Evidence({}, {}).accuracy("relu + he")
    found = judge(activations.SUITS, {name: Evidence({}, {}) for name in FRAMEWORKS})
    assert found.verdict == "cannot be told"
    assert {
        cell for row in table.rows([found], FRAMEWORKS) if not row.of_claim for cell in row.figures
    } == {"failed"}


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
