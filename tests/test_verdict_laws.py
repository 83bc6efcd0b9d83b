"""What no verdict depends on: the unit of the loss and of targets, the order of the seeds; a worse
run is not called better.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common.trace import Fit
from experiments.findings.gradient import gradient
from experiments.findings.learning import learning
from experiments.findings.score import Accuracies, Fits
from experiments.findings.thresholds import Thresholds
from tests.traces import GUESSING, LAYERS, SEEDS, STEPS, judged, noisy, trace

profiles = st.lists(st.floats(-8, 8), min_size=3, max_size=8).map(lambda logs: 10 ** np.array(logs))
rates = st.floats(-0.6, 0.6)


@given(
    profile=profiles,
    exponent=st.sampled_from([-6, 6]),
    accuracy=st.floats(0, 1),
    end=st.floats(0.01, 20),
)
def test_scaling_the_loss_does_not_change_a_verdict(
    profile: np.ndarray, exponent: int, accuracy: float, end: float
) -> None:
    loss = np.geomspace(1, end, STEPS)
    base = trace(profile, loss=loss)
    scaled = trace(profile * 10.0**exponent, loss=loss * 10.0**exponent)
    for name in ("weight_gradient_rms", "clipped_weight_gradient_rms"):
        scaled.quantities[name][:] *= 10.0**exponent
    a = gradient(base, Thresholds())
    b = gradient(scaled, Thresholds())
    assert (a.verdict, a.seeds) == (b.verdict, b.seeds)
    score = Accuracies([accuracy] * 3, GUESSING)
    assert learning(base, score).seeds == learning(scaled, score).seeds


@given(a=rates, b=rates, layers=st.integers(3, 60))
def test_a_gradient_that_falls_faster_does_not_get_a_better_verdict(
    a: float, b: float, layers: int
) -> None:
    order = ["vanishing", "comes through", "exploding"]
    low, high = (order.index(judged(noisy(rate, layers, 0.02)).verdict) for rate in sorted([a, b]))
    assert low <= high


@given(accuracies=st.lists(st.floats(0, 1), min_size=2, max_size=2), end=st.floats(0.1, 2))
def test_a_better_accuracy_does_not_get_a_worse_verdict(
    accuracies: list[float], end: float
) -> None:
    order = ["has not learnt", "cannot be told", "learns"]
    run = trace(loss=np.array([1, end, end, end]))
    low, high = (
        order.index(learning(run, Accuracies([a] * 3, GUESSING)).verdict)
        for a in sorted(accuracies)
    )
    assert low <= high


kinds = st.sampled_from([1.0, 1e-9, 1e9, 0.0, np.nan])


@given(firsts=st.lists(kinds, min_size=3, max_size=3), order=st.permutations(range(3)))
def test_the_order_of_the_seeds_does_not_matter_and_none_is_hidden(
    firsts: list[float], order: list[int]
) -> None:
    signal = np.ones((SEEDS, 1, LAYERS))
    signal[:, 0, 0] = firsts
    found = judged(signal)
    other = judged(signal[order])
    assert found.verdict == other.verdict
    assert [found.seeds[s] for s in order] == other.seeds
    words = {
        "dead": "dead",
        "non-finite": "not finite",
        "vanishing": "vanish",
        "exploding": "explod",
        "comes through": "through",
    }
    if len(set(found.seeds)) > 1:
        assert all(words[verdict] in found.reason for verdict in found.seeds)


@given(
    exponent=st.sampled_from([-20, 20]),
    loss=st.floats(0, 3),
    error=st.floats(0.001, 1),
    end=st.floats(0.01, 5),
)
def test_the_unit_of_real_targets_does_not_change_a_verdict(
    exponent: int, loss: float, error: float, end: float
) -> None:
    scale = 2.0**exponent
    found = []
    for s in (1.0, scale):
        fit = Fit(
            loss=[s * loss] * SEEDS,
            error=[s * error] * SEEDS,
            guessing=s,
            best_guess=s,
            guess_error=0.1 * s,
        )
        found.append(learning(trace(loss=s * np.geomspace(1, end, 4)), Fits(fit, 100)).seeds)
    assert found[0] == found[1]
