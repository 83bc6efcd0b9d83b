from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.quantities import QUANTITIES
from common.trace import Trace
from common.verdict import SEVERITY, Thresholds, Verdict, first_event, of_run, of_seeds

SEEDS, STEPS, LAYERS = 3, 4, 5


def trace(signal: np.ndarray | None = None, steps: tuple[int, ...] = (0, 5, 10, 12)) -> Trace:
    """A healthy trace of ones, with another signal gradient where one is given, of any shape that broadcasts."""
    quantities = {name: np.ones((SEEDS, STEPS, LAYERS)) for name in QUANTITIES}
    if signal is not None:
        quantities["signal_gradient_rms"] = np.broadcast_to(signal, (SEEDS, STEPS, LAYERS)).copy()
    return Trace(np.array(steps), np.ones((SEEDS, STEPS)), quantities)


def falling(ratio: float) -> np.ndarray:
    """A profile whose first layer is `ratio` times its last."""
    return np.array([ratio, 1, 1, 1, 1.0])


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (0.99e-3, "vanishing"), (1e-300, "vanishing"), (1e-3, "healthy"), (1.01e-3, "healthy"), (1, "healthy"),
        (1e3, "healthy"), (1.01e3, "exploding"), (1e300, "exploding"), (0, "dead"), (np.inf, "non-finite"),
    ],
)  # fmt: skip
def test_the_gradient_ratio_decides(ratio: float, verdict: Verdict) -> None:
    assert of_seeds(trace(falling(ratio)), Thresholds()) == [verdict] * SEEDS


def test_the_thresholds_are_the_experiments() -> None:
    seeds = trace(np.array([falling(0.05), falling(1), falling(20)])[:, None])
    assert of_seeds(seeds, Thresholds()) == ["healthy"] * 3
    assert of_seeds(seeds, Thresholds(vanishing=0.1, exploding=10)) == ["vanishing", "healthy", "exploding"]


@pytest.mark.parametrize(
    "numbers", [{"vanishing": 1}, {"vanishing": 0}, {"exploding": 1}, {"exploding": np.inf}, {"vanish": 0.1}]
)
def test_thresholds_on_the_wrong_side_of_1_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Thresholds(**numbers)


def test_the_first_step_decides_about_vanishing_and_the_last_about_death() -> None:
    profile = np.ones((STEPS, LAYERS))
    profile[0, 0] = 1e-9
    assert of_seeds(trace(profile), Thresholds()) == ["vanishing"] * SEEDS
    profile[-1, 0] = 0
    assert of_seeds(trace(profile), Thresholds()) == ["dead"] * SEEDS
    profile[-1, 0], profile[0, 0], profile[1, 0] = 1, 1, 0
    assert of_seeds(trace(profile), Thresholds()) == ["healthy"] * SEEDS, "it came back to life"


@pytest.mark.parametrize("name", ["loss", *QUANTITIES])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_value_that_is_not_finite_condemns_its_seed_and_no_other(name: str, bad: float) -> None:
    found = trace(falling(0))
    values = found.loss if name == "loss" else found.quantities[name]
    values[(1, 2) if name == "loss" else (1, 2, 3)] = bad
    assert of_seeds(found, Thresholds()) == ["dead", "non-finite", "dead"]


ratios = st.floats(1e-12, 1e12).filter(lambda r: abs(abs(np.log10(r)) - 3) > 1e-9)


@given(ratio=ratios, exponent=st.sampled_from([-6, 6]))
def test_scaling_the_loss_does_not_change_the_verdict(ratio: float, exponent: int) -> None:
    base, scaled = trace(falling(ratio)), trace(falling(ratio) * 10.0**exponent)
    for name in ("weight_gradient_rms", "clipped_weight_gradient_rms"):
        scaled.quantities[name][:] *= 10.0**exponent
    scaled.loss[:] *= 10.0**exponent
    assert of_seeds(base, Thresholds()) == of_seeds(scaled, Thresholds())


verdicts = st.lists(st.sampled_from(SEVERITY), min_size=1, max_size=9)


@given(seeds=verdicts)
def test_a_run_gets_its_most_frequent_verdict_unless_a_seed_is_not_finite(seeds: list[Verdict]) -> None:
    found = of_run(seeds)
    assert (found == "non-finite") == ("non-finite" in seeds)
    assume("non-finite" not in seeds)
    assert seeds.count(found) == max(seeds.count(v) for v in SEVERITY)
    equals = [v for v in SEVERITY if seeds.count(v) == seeds.count(found)]
    assert found == equals[-1], "the more severe of equals"


def test_severity_grows_from_healthy_to_non_finite() -> None:
    assert SEVERITY == ("healthy", "vanishing", "exploding", "dead", "non-finite")
    assert of_run(["healthy", "exploding", "vanishing"]) == "exploding"
    assert of_run(["dead", "healthy", "healthy"]) == "healthy"


def test_a_finite_run_has_no_event() -> None:
    assert first_event(trace(falling(0))) is None


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
