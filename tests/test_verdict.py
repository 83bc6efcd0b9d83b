from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.quantities import QUANTITIES
from common.trace import Trace
from experiments.findings.gradient import Thresholds, gradient
from experiments.findings.learning import learning
from experiments.findings.score import Accuracies, Guessing
from experiments.findings.verdict import Judgement, first_event

SEEDS, STEPS, LAYERS = 3, 4, 5
GUESSING = Guessing(0.11, 360, 0.12)


def trace(signal: np.ndarray | None = None, steps: tuple[int, ...] = (0, 5, 10, 12), loss: np.ndarray | None = None) -> Trace:
    """A healthy trace of ones, with another signal gradient or loss where one is given, of any shape that broadcasts."""
    signal = np.ones(LAYERS) if signal is None else np.asarray(signal, dtype=float)
    shape = (SEEDS, len(steps), signal.shape[-1])
    quantities = {name: np.ones(shape) for name in QUANTITIES} | {"dead_fraction": np.zeros(shape)}
    quantities["signal_gradient_rms"] = np.broadcast_to(signal, shape).copy()
    return Trace(np.array(steps), np.broadcast_to(1.0 if loss is None else loss, shape[:2]).copy(), quantities)


def falling(ratio: float, layers: int = 30) -> np.ndarray:
    """A profile whose first layer is `ratio` times its last, at one rate."""
    return np.geomspace(ratio, 1, layers)


def judged(signal: np.ndarray, **thresholds: float) -> Judgement:
    return gradient(trace(signal), Thresholds(**thresholds))


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
    assert judged(seeds, vanishing=0.1, exploding=10).seeds == ["vanishing", "comes through", "exploding"]


@pytest.mark.parametrize(
    "numbers", [{"vanishing": 1}, {"vanishing": 0}, {"exploding": 1}, {"exploding": np.inf}, {"vanish": 0.1}]
)
def test_thresholds_on_the_wrong_side_of_1_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Thresholds(**numbers)


def noisy(rate: float, layers: int, noise: float, seed: int = 0) -> np.ndarray:
    """Profiles [seed, 1, layer] that gain `rate` decades a layer on the way back, with independent noise in each."""
    gains = rate + noise * np.random.default_rng(seed).normal(size=(SEEDS, layers - 1))
    logs = np.concatenate([np.cumsum(gains[:, ::-1], axis=1)[:, ::-1], np.zeros((SEEDS, 1))], axis=1)
    return 10 ** logs[:, None]


@pytest.mark.parametrize("layers", [3, 4, 6, 10, 30, 60])
@pytest.mark.parametrize(
    ("rate", "verdict"), [(-0.5, "vanishing"), (-0.15, "vanishing"), (0.0, "comes through"), (0.4, "exploding")]
)
def test_a_small_trial_is_judged_by_what_30_layers_would_do(layers: int, rate: float, verdict: str) -> None:
    """Wrong: sigmoid + he, -0.5 decades a layer, "healthy" at depth 6 and "vanishing" at 30."""
    found = judged(noisy(rate, layers, 0.005))
    assert found.verdict == verdict
    assert found.reason.startswith(f"each layer {'makes' if rate > 0 else 'keeps'}")
    assert f"over {layers} layers the first gets" in found.reason
    assert ("at 30" in found.reason) == (layers < 30)
    assert "at 100)" in found.reason


def test_a_healthy_short_network_is_hardly_ever_called_vanishing_by_its_noise() -> None:
    """ReLU + He of width 8: 0.17 decades of noise in each layer, more than the bound of 0.103 a layer."""
    wrong = sum(judged(noisy(0.0, 4, 0.17, seed)).verdict != "comes through" for seed in range(200))
    assert wrong <= 8, "by noise alone 0.103 is exceeded in 80 of 200"


@pytest.mark.parametrize("layers", [5, 6, 10, 20])
def test_a_gradient_that_falls_as_a_power_of_the_depth_is_not_taken_for_an_exponential(layers: int) -> None:
    """As at the edge of vanishing: the first of l layers gets 1 / l of the last one's; one rate for all says 1e-5 at 30."""
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
    profile = np.array([falling(0.37, 10), falling(0.1, 10), falling(3e-23, 10), falling(3e-23, 10)])
    found = judged(profile)
    assert found.verdict == "vanishing"
    assert found.reason == "at the first step the first layer gets 0.37 of the last one's, by step 13 3e-23"


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
        "; by step 13 layers 1 to 30 get exactly 0: the loss does not depend on the last layer any more"
    )
    profile[0] = 1
    assert judged(profile).verdict == "dead"


def test_death_by_dead_units_names_their_layer() -> None:
    dead = trace(np.array([0, 0, 1, 1, 1.0]))
    dead.quantities["dead_fraction"][..., 2] = 1
    assert gradient(dead, Thresholds()).reason == "layers 1 to 2 get exactly 0: all units of layer 3 are dead"


def test_death_by_cut_paths_is_told_from_dead_units() -> None:
    cut = trace(np.array([0, 1, 1, 1, 1.0]))
    cut.quantities["dead_fraction"][..., 1] = 0.5
    assert gradient(cut, Thresholds()).reason == (
        "layer 1 gets exactly 0: cut off, since the units of layer 2 that are not dead get no gradient"
    )


def test_death_by_underflow_is_told_in_the_precision_that_was_asked_for() -> None:
    """Wrong: sigmoid, std 0.01, depth 40, in float32 "vanishing; 4.1e-67" where all frameworks have exactly 0."""
    profile = falling(1e-67, 40)
    assert gradient(trace(profile), Thresholds(), "float64").verdict == "vanishing"
    found = gradient(trace(profile), Thresholds(), "float32")
    assert found.verdict == "dead"
    assert found.reason == "layers 1 to 17 get exactly 0: less than float32 can hold (underflow); layer 18 still gets 2e-38"
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
    assert judgement.reason.startswith("1 of 3 seeds is not finite, 2 come through: not finite from step 10 on, first at layer")
    learnt = learning(found, Accuracies([0.9] * 3, GUESSING))
    assert learnt.seeds == ["learns", "diverged", "learns"], "the class of a NaN is 0, and its accuracy no accuracy"


def test_a_dead_seed_is_not_outvoted_in_silence() -> None:
    """Wrong: ReLU + He, width 5, depth 12, "healthy" with one of three seeds dead."""
    seeds = np.ones((SEEDS, 1, LAYERS))
    seeds[1, 0, 0] = 0
    found = judged(seeds)
    assert found.verdict == "comes through"
    assert found.reason.startswith("2 of 3 seeds come through, 1 is dead: each layer keeps 100 % of the gradient")
    assert "layer 1 gets exactly 0" in found.reason


def test_seeds_decades_apart_are_told_by_their_geometric_mean() -> None:
    """Wrong: "vanishing" at a threshold of 1e-3, with an arithmetic mean of 7.6e-03."""
    found = judged(np.array([falling(1e-2), falling(1e-6), falling(1e-7)])[:, None])
    assert found.verdict == "vanishing"
    assert found.reason.startswith("2 of 3 seeds are vanishing, 1 comes through: each layer keeps")
    assert "the first gets 3e-07 of the last one's" in found.reason


profiles = st.lists(st.floats(-8, 8), min_size=3, max_size=8).map(lambda logs: 10 ** np.array(logs))
rates = st.floats(-0.6, 0.6)


@given(profile=profiles, exponent=st.sampled_from([-6, 6]), accuracy=st.floats(0, 1), end=st.floats(0.01, 20))
def test_scaling_the_loss_does_not_change_a_verdict(profile: np.ndarray, exponent: int, accuracy: float, end: float) -> None:
    loss = np.geomspace(1, end, STEPS)
    base, scaled = trace(profile, loss=loss), trace(profile * 10.0**exponent, loss=loss * 10.0**exponent)
    for name in ("weight_gradient_rms", "clipped_weight_gradient_rms"):
        scaled.quantities[name][:] *= 10.0**exponent
    a, b = gradient(base, Thresholds()), gradient(scaled, Thresholds())
    assert (a.verdict, a.seeds) == (b.verdict, b.seeds)
    score = Accuracies([accuracy] * 3, GUESSING)
    assert learning(base, score).seeds == learning(scaled, score).seeds


@given(a=rates, b=rates, layers=st.integers(3, 60))
def test_a_gradient_that_falls_faster_does_not_get_a_better_verdict(a: float, b: float, layers: int) -> None:
    order = ["vanishing", "comes through", "exploding"]
    low, high = (order.index(judged(noisy(rate, layers, 0.02)).verdict) for rate in sorted([a, b]))
    assert low <= high


@given(accuracies=st.lists(st.floats(0, 1), min_size=2, max_size=2), end=st.floats(0.1, 2))
def test_a_better_accuracy_does_not_get_a_worse_verdict(accuracies: list[float], end: float) -> None:
    order = ["has not learnt", "cannot be told", "learns"]
    run = trace(loss=np.array([1, end, end, end]))
    low, high = (order.index(learning(run, Accuracies([a] * 3, GUESSING)).verdict) for a in sorted(accuracies))
    assert low <= high


kinds = st.sampled_from([1.0, 1e-9, 1e9, 0.0, np.nan])


@given(firsts=st.lists(kinds, min_size=3, max_size=3), order=st.permutations(range(3)))
def test_the_order_of_the_seeds_does_not_matter_and_none_is_hidden(firsts: list[float], order: list[int]) -> None:
    signal = np.ones((SEEDS, 1, LAYERS))
    signal[:, 0, 0] = firsts
    found, other = judged(signal), judged(signal[order])
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


def learnt(accuracy: float, loss: list[float], guessing: Guessing = GUESSING, steps: int = 50) -> Judgement:
    recorded = tuple(np.linspace(0, steps - 1, len(loss)).astype(int))
    return learning(trace(loss=np.array(loss), steps=recorded), Accuracies([accuracy] * SEEDS, guessing), 2.3)


def test_a_network_that_learns() -> None:
    found = learnt(0.62, [2.31, 1.6, 1.4, 1.34])
    assert found.verdict == "learns"
    assert found.reason == ("0.62 of the test samples are right, guessing gets 0.12 ± 0.02; the loss has fallen, 2.31 to 1.34")


def test_a_network_at_guessing_level_has_not_learnt_although_its_loss_fell() -> None:
    """Wrong: "healthy", read as "it learns", of sigmoid + gaussian (std 1): 7.35 to 2.34, accuracy 0.10."""
    found = learnt(0.10, [7.35, 4, 2.34, 2.34])
    assert found.verdict == "has not learnt"
    assert found.reason == (
        "0.10 is what guessing gets (0.12 ± 0.02) after 50 steps, though the loss has fallen, 7.35 to 2.34, what guessing gets "
        "is 2.30"
    )
    assert learnt(0.10, [2.4, 2.3, 2.4, 2.4]).reason.endswith("and the loss has not fallen")


def test_an_accuracy_that_is_a_little_above_guessing_is_not_said_to_be_the_same() -> None:
    found = learnt(0.14, [2.3, 2.3, 2.3, 2.3])
    assert found.verdict == "has not learnt"
    assert found.reason.startswith("0.14 is hardly more than guessing gets (0.12 ± 0.02)")


@pytest.mark.parametrize("accuracy", [0.86, 0.90, 0.92])
def test_a_majority_guesser_has_not_learnt(accuracy: float) -> None:
    """Wrong: "highest test accuracy" for who always says the same class."""
    assert learnt(accuracy, [0.7, 0.4, 0.33, 0.33], Guessing(0.9, 200, 0.9)).verdict == "has not learnt"
    assert learnt(0.98, [0.7, 0.4, 0.1, 0.1], Guessing(0.9, 200, 0.9)).verdict == "learns"


def test_an_accuracy_that_chance_gets_once_in_a_hundred_times_needs_a_loss_that_fell() -> None:
    guessing = Guessing(0.5, 100, 0.5)
    assert 0.001 < guessing.chance(0.63) < 0.01
    assert learnt(0.63, [0.7, 0.5, 0.4, 0.4], guessing).verdict == "learns"
    assert learnt(0.63, [0.7, 0.7, 0.7, 0.7], guessing).verdict == "has not learnt"


def test_of_equally_many_seeds_the_more_severe_verdict_counts() -> None:
    found = learning(trace(loss=np.array([1, 0.5, 0.5, 0.5])), Accuracies([0.1, 0.9, np.nan], GUESSING))
    assert (found.verdict, set(found.seeds)) == ("diverged", {"has not learnt", "learns", "diverged"})
    assert judged(np.array([falling(1), falling(1e-9), falling(1e9)])[:, None]).verdict == "exploding"


def test_numbers_at_the_ends_of_the_range_are_told() -> None:
    assert "makes the gradient 1e+600 times as large" in judged(np.array([1e300, 1e-300])).reason
    assert "keeps 1e-288 % of the gradient" in judged(np.array([1e-290, 1, 1e290])).reason


def test_another_constant_class_is_a_guess_too() -> None:
    assert learnt(0.6, [0.7, 0.7, 0.7, 0.7], Guessing(0.4, 1000, 0.6)).verdict == "has not learnt"


def test_labels_that_are_known_by_heart_are_not_learnt() -> None:
    found = learnt(0.52, [0.7, 0.2, 0.01, 0.01], Guessing(0.5, 200, 0.5))
    assert found.verdict == "has not learnt"
    assert "though the loss has fallen" in found.reason


@pytest.mark.parametrize("loss", [[2.3, np.nan, np.nan, np.nan], [2.3, np.inf, 3, 2], [2.4, 50, 80, 91]])
def test_a_loss_that_is_not_finite_or_rose_far_has_diverged_whatever_the_accuracy(loss: list[float]) -> None:
    """Wrong: tanh, rate 10, "healthy" at a loss from 2.4 to 91, and a NaN that wins the ranking."""
    found = learnt(0.99, loss)
    assert found.verdict == "diverged"
    assert found.reason == ("the loss has risen from 2.4 to 85.5" if np.isfinite(loss).all() else "not finite from step 16 on")


def test_a_loss_that_rose_far_and_came_back_has_diverged_unless_it_learnt() -> None:
    assert learnt(0.11, [2.4, 1e5, 2.3, 2.3]).verdict == "diverged"
    assert learnt(0.90, [2.4, 1e5, 0.3, 0.3]).verdict == "learns"


def test_too_few_steps_or_samples_are_named() -> None:
    assert learnt(0.11, [2.3, 2.3], steps=2).reason == "2 steps are too few"
    assert learnt(0.90, [2.3, 2.3], steps=2).verdict == "learns"
    few = learnt(1.0, [0.7, 0.6, 0.5, 0.5], Guessing(0.5, 4, 0.5))
    assert few.verdict == "cannot be told"
    assert few.reason == "4 test samples are too few: guessing could get them all right by chance (0.50 ± 0.25)"
    assert learnt(1.0, [0.7, 0.1, 0.1, 0.1], Guessing(1.0, 50, 1.0)).verdict == "cannot be told", "one class only"
    between = learnt(0.75, [0.7, 0.5, 0.4, 0.4], Guessing(0.58, 48, 0.58))
    assert between.verdict == "cannot be told"
    assert "0.75 of 48 test samples are right, guessing gets 0.58 ± 0.07" in between.reason


def test_seeds_that_have_not_learnt_are_counted() -> None:
    """Wrong: XOR "healthy" with 42 of 50 seeds not solved."""
    found = learning(trace(loss=np.array([1, 0.5, 0.5, 0.5])), Accuracies([0.5, 1.0, 0.5], Guessing(0.5, 100, 0.5)))
    assert found.verdict == "has not learnt"
    assert found.seeds == ["has not learnt", "learns", "has not learnt"]
    assert found.reason.startswith("2 of 3 seeds have not learnt, 1 learns: 0.50 is what guessing gets")


@pytest.mark.parametrize(("accuracy", "chance"), [(0.0, 1.0), (1.0, 0.5**10), (0.9, 11 * 0.5**10)])
def test_the_chance_of_guessing_is_the_binomial_tail(accuracy: float, chance: float) -> None:
    assert Guessing(0.4, 10, 0.5).chance(accuracy) == pytest.approx(chance, rel=1e-12)


def test_a_finite_run_has_no_event() -> None:
    assert first_event(trace(np.zeros(LAYERS))) is None


def test_a_forward_event_is_at_the_first_bad_layer() -> None:
    found = trace()
    for name in ("activation_mean", "activation_rms"):
        found.quantities[name][1, 2, 2:] = np.inf
    for name in ("signal_gradient_rms", "weight_gradient_rms"):
        found.quantities[name][1, 2] = np.nan
    found.loss[1, 2] = np.nan
    assert first_event(found) == (1, 10, 3)


def test_a_backward_event_is_at_the_last_bad_layer() -> None:
    found = trace()
    found.quantities["signal_gradient_rms"][2, 1, :3] = np.inf
    assert first_event(found) == (2, 5, 3)


@pytest.mark.parametrize("name", ["weight_gradient_rms", "clipped_weight_gradient_rms", "update_ratio"])
def test_a_bad_weight_gradient_is_an_event_too(name: str) -> None:
    found = trace()
    found.quantities[name][0, 3, 1] = np.nan
    assert first_event(found) == (0, 12, 2)


def test_an_event_of_the_loss_alone_belongs_to_the_last_layer() -> None:
    found = trace()
    found.loss[0, 0] = np.inf
    assert first_event(found) == (0, 0, LAYERS)


def test_the_earliest_step_comes_before_the_first_seed() -> None:
    found = trace()
    found.loss[0, 3] = found.loss[2, 1] = np.nan
    found.quantities["activation_rms"][0, 3] = np.nan
    assert first_event(found) == (2, 5, LAYERS)


def test_a_loss_that_starts_at_0_is_judged_without_a_warning() -> None:
    found = trace()
    found.loss[:] = [0.0, 1.0, 2.0, 3.0][: found.loss.shape[1]]
    assert learning(found, Accuracies([0.1] * len(found.loss), Guessing(0.1, 100, 0.1))).verdict == "diverged"
