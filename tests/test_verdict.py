"""The verdict on the gradient: what each way of losing it is called, and what is said of why."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from common.quantities import QUANTITIES
from experiments.findings.gradient import gradient
from experiments.findings.learning import learning
from experiments.findings.score import Accuracies
from experiments.findings.thresholds import Thresholds
from tests.traces import GUESSING, LAYERS, SEEDS, STEPS, falling, judged, noisy, trace


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (0.99e-3, "vanishing"), (1e-300, "vanishing"),
        (1e-3, "comes through"), (1.01e-3, "comes through"), (1, "comes through"),
        (1e3, "comes through"), (1.01e3, "exploding"), (1e300, "exploding"),
    ],
)  # fmt: skip
def test_at_30_layers_the_ratio_decides(ratio: float, verdict: str) -> None:
    profile = np.ones(30)
    profile[0] = ratio
    assert judged(profile).seeds == [verdict] * SEEDS


def test_the_thresholds_are_the_experiments() -> None:
    seeds = np.array([falling(0.05), falling(1), falling(20)])[:, None]
    assert judged(seeds).seeds == ["comes through"] * 3
    assert judged(seeds, vanishing=0.1, exploding=10).seeds == [
        "vanishing",
        "comes through",
        "exploding",
    ]


@pytest.mark.parametrize(
    "numbers",
    [{"vanishing": 1}, {"vanishing": 0}, {"exploding": 1}, {"exploding": np.inf}, {"vanish": 0.1}],
)
def test_thresholds_on_the_wrong_side_of_1_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Thresholds(**numbers)


@pytest.mark.parametrize("layers", [3, 4, 6, 10, 30, 60])
@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(-0.5, "vanishing"), (-0.15, "vanishing"), (0.0, "comes through"), (0.4, "exploding")],
)
def test_a_small_trial_is_judged_by_what_30_layers_would_do(
    layers: int, rate: float, verdict: str
) -> None:
    """Wrong: sigmoid + he, -0.5 decades a layer, "healthy" at depth 6 and "vanishing" at 30."""
    found = judged(noisy(rate, layers, 0.005))
    assert found.verdict == verdict
    assert found.reason.startswith(f"each layer {'makes' if rate > 0 else 'keeps'}")
    assert f"over {layers} layers the first gets" in found.reason
    assert ("at 30" in found.reason) == (layers < 30)
    assert "at 100)" in found.reason


def test_a_healthy_short_network_is_hardly_ever_called_vanishing_by_its_noise() -> None:
    """ReLU + He of width 8: 0.17 decades of noise in each layer, more than the bound of 0.103 a
    layer.
    """
    wrong = sum(judged(noisy(0.0, 4, 0.17, seed)).verdict != "comes through" for seed in range(200))
    assert wrong <= 8, "by noise alone 0.103 is exceeded in 80 of 200"


@pytest.mark.parametrize("layers", [5, 6, 10, 20])
def test_a_gradient_that_falls_as_a_power_of_the_depth_is_not_taken_for_an_exponential(
    layers: int,
) -> None:
    """As at the edge of vanishing: the first of l layers gets 1 / l of the last one's; one rate for
    all says 1e-5 at 30.
    """
    profile = np.arange(1, layers + 1) / layers
    found = judged(profile)
    assert found.verdict == "comes through"
    assert 1 / 300 < gains_to_30(found.reason) < 1 / 3


def gains_to_30(reason: str) -> float:
    """What the reason says of 30 layers."""
    return float(reason.partition("(it would be ")[2].partition(" at 30")[0])


def test_two_layers_say_nothing_of_a_rate() -> None:
    assert judged(np.array([0.3, 1.0])).verdict == "comes through"
    assert "at 30" not in judged(np.array([0.3, 1.0])).reason
    assert judged(np.array([0.9e-3, 1.0])).verdict == "vanishing", "its own ratio is a fact"


def test_a_dip_in_the_middle_is_seen() -> None:
    """Wrong: 1 -> 1e-9 -> 1 "healthy", since only the ends were looked at."""
    profile = np.ones(30)
    profile[11] = 1e-9
    assert judged(profile).verdict == "vanishing"
    assert judged(profile).reason.endswith("layer 12 gets 1e-09")
    assert judged(1 / profile).verdict == "exploding"


@pytest.mark.parametrize(("factor", "verdict"), [(1e-4, "vanishing"), (1e4, "exploding")])
def test_one_jump_from_layer_to_layer_is_seen(factor: float, verdict: str) -> None:
    assert judged(np.where(np.arange(30) < 29, factor, 1.0)).verdict == verdict


def test_a_gradient_that_vanishes_while_training_is_seen() -> None:
    """Wrong: tanh, rate 10, "healthy" by its first step, at 3e-23 after 60."""
    profile = np.array(
        [falling(0.37, 10), falling(0.1, 10), falling(3e-23, 10), falling(3e-23, 10)]
    )
    found = judged(profile)
    assert found.verdict == "vanishing"
    assert (
        found.reason
        == "at the first step the first layer gets 0.37 of the last one's, by step 13 3e-23"
    )


def test_one_bad_step_on_the_way_is_no_verdict() -> None:
    profile = np.ones((7, LAYERS))
    profile[5, 0] = 1e-9
    assert gradient(trace(profile, steps=tuple(range(7))), Thresholds()).verdict == "comes through"


def test_death_is_decided_in_the_last_third() -> None:
    profile = np.ones((STEPS, LAYERS))
    profile[1, 0] = 0
    assert judged(profile).verdict == "comes through", "it came back to life"
    profile[3, 0] = 0
    assert judged(profile).verdict == "comes through", "for one batch"
    profile[2, 0] = 0
    assert judged(profile).verdict == "dead"


def test_what_a_network_was_born_with_is_the_cause_of_its_death() -> None:
    profile = np.array([falling(1e-9), falling(1e-9), 0 * falling(1), 0 * falling(1)])
    found = judged(profile)
    assert found.verdict == "vanishing"
    assert found.reason.endswith(
        "; by step 13 layers 1 to 30 get exactly 0: the loss does not depend on the last layer "
        "any more"
    )
    profile[0] = 1
    assert judged(profile).verdict == "dead"


def test_death_by_dead_units_names_their_layer() -> None:
    dead = trace(np.array([0, 0, 1, 1, 1.0]))
    dead.quantities["dead_fraction"][..., 2] = 1
    assert (
        gradient(dead, Thresholds()).reason
        == "layers 1 to 2 get exactly 0: all units of layer 3 are dead"
    )


def test_death_by_cut_paths_is_told_from_dead_units() -> None:
    cut = trace(np.array([0, 1, 1, 1, 1.0]))
    cut.quantities["dead_fraction"][..., 1] = 0.5
    assert gradient(cut, Thresholds()).reason == (
        "layer 1 gets exactly 0: cut off, since the units of layer 2 that are not dead get no "
        "gradient"
    )


def test_death_by_underflow_is_told_in_the_precision_that_was_asked_for() -> None:
    """Wrong: sigmoid, std 0.01, depth 40, in float32 "vanishing; 4.1e-67" where all frameworks have
    exactly 0.
    """
    profile = falling(1e-67, 40)
    assert gradient(trace(profile), Thresholds(), "float64").verdict == "vanishing"
    found = gradient(trace(profile), Thresholds(), "float32")
    assert found.verdict == "dead"
    assert found.reason == (
        "layers 1 to 17 get less than float32 can hold (underflow); layer 18 still gets 2e-38"
    )
    assert gradient(trace(falling(1e67, 40)), Thresholds(), "float32").verdict == "non-finite"


def test_a_loss_that_depends_on_nothing_is_named() -> None:
    assert "the loss does not depend on the last layer" in judged(np.zeros(LAYERS)).reason


@pytest.mark.parametrize("name", ["loss", *QUANTITIES])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_value_that_is_not_finite_condemns_its_seed_and_no_other(name: str, bad: float) -> None:
    found = trace()
    values = found.loss if name == "loss" else found.quantities[name]
    values[(1, 2) if name == "loss" else (1, 2, 3)] = bad
    judgement = gradient(found, Thresholds())
    assert judgement.seeds == ["comes through", "non-finite", "comes through"]
    assert judgement.verdict == "non-finite"
    assert judgement.reason.startswith(
        "1 of 3 seeds is not finite, 2 come through: not finite from step 10 on, first at layer"
    )
    learnt = learning(found, Accuracies([0.9] * 3, GUESSING))
    assert learnt.seeds == ["learns", "diverged", "learns"], (
        "the class of a NaN is 0, and its accuracy no accuracy"
    )


def test_a_dead_seed_is_not_outvoted_in_silence() -> None:
    """Wrong: ReLU + He, width 5, depth 12, "healthy" with one of three seeds dead."""
    seeds = np.ones((SEEDS, 1, LAYERS))
    seeds[1, 0, 0] = 0
    found = judged(seeds)
    assert found.verdict == "comes through"
    assert found.reason.startswith(
        "2 of 3 seeds come through, 1 is dead: each layer keeps 100 % of the gradient"
    )
    assert "layer 1 gets exactly 0" in found.reason


def test_seeds_decades_apart_are_told_by_their_geometric_mean() -> None:
    """Wrong: "vanishing" at a threshold of 1e-3, with an arithmetic mean of 7.6e-03."""
    found = judged(np.array([falling(1e-2), falling(1e-6), falling(1e-7)])[:, None])
    assert found.verdict == "vanishing"
    assert found.reason.startswith("2 of 3 seeds are vanishing, 1 comes through: each layer keeps")
    assert "the first gets 3e-07 of the last one's" in found.reason
