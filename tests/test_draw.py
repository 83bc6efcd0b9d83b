from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from common import draw
from common.countermeasures.initialization import (
    Gaussian,
    He,
    Xavier,
    standard_deviation,
)
from common.distribution import TRUNCATED_STD, Distribution
from common.plan import Plan

SHAPE = (400, 300)
LAWS = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
    "truncated_normal": stats.truncnorm(-2, 2, scale=1 / TRUNCATED_STD),
}
BOUNDS = {"uniform": np.sqrt(3), "truncated_normal": 2 / TRUNCATED_STD}
STREAMS = {
    (0, "layer 0 weight"): 3261792156474645297,
    (1, "layer 12 weight"): 7028323763422193032,
    (2, "epoch 3"): 11007635052343970671,
    (0, "hidden.weight ulp"): 15461891084822697428,
}
"""The first number of some streams: other numbers here are other weights and batches everywhere."""

FIRST = [0.4619169200260029, 0.3771535858738972, 0.41315105325419055, 0.5333757162405112]

by_law = pytest.mark.parametrize("distribution", LAWS)


def test_the_truncation_constant_is_the_standard_deviation_of_the_cut_normal_law() -> None:
    assert stats.truncnorm(-2, 2).std() == pytest.approx(TRUNCATED_STD, rel=1e-14)


def test_the_stream_of_a_seed_and_name_is_the_one_that_earlier_results_were_drawn_from() -> None:
    found = [int(draw.stream(seed, name).bit_generator.random_raw()) for seed, name in STREAMS]
    assert dict(zip(STREAMS, found, strict=True)) == STREAMS


@by_law
@pytest.mark.parametrize("make", [Xavier, He, Gaussian], ids=lambda make: make.__name__.lower())
def test_weights_have_the_laws_mean_and_standard_deviation(
    make: Any, distribution: Distribution
) -> None:
    spec = make(distribution=distribution)
    w = draw.weight(spec, 3, "layer 7", SHAPE) / standard_deviation(spec, *SHAPE)
    kurtosis = float(LAWS[distribution].stats("k")) + 3
    assert abs(w.mean()) < 5 / np.sqrt(w.size)
    assert abs(w.std() - 1) < 5 * np.sqrt((kurtosis - 1) / (4 * w.size))


@by_law
def test_initializations_of_one_law_differ_by_a_factor_only(distribution: Distribution) -> None:
    he, xavier = (
        draw.weight(spec, 4, "layer 2", (50, 30))
        for spec in (He(distribution=distribution), Xavier(distribution=distribution))
    )
    assert np.allclose(he, np.sqrt(2) * xavier, rtol=1e-15, atol=0)


@pytest.mark.parametrize("distribution", BOUNDS)
def test_bounded_laws_reach_their_bound_and_never_exceed_it(distribution: Distribution) -> None:
    w = draw.weight(Gaussian(std=0.1, distribution=distribution), 0, "output", SHAPE) / 0.1
    assert 0.999 * BOUNDS[distribution] < np.abs(w).max() <= BOUNDS[distribution] * (1 + 1e-15)
    assert w.min() < 0 < w.max()


def test_the_normal_law_has_no_bound_at_two_standard_deviations() -> None:
    assert np.abs(draw.weight(Gaussian(), 0, "output", SHAPE)).max() > 4


@pytest.mark.parametrize("activation", ["tanh", "prelu"])
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_adding_a_layer_does_not_move_the_others(
    plan: Callable[..., Plan], activation: str, normalization: str
) -> None:
    changes = {"activation": activation, "normalization": normalization}
    short, long = (draw.state(plan(depth=depth, **changes)).parameters for depth in (4, 6))
    for name in short:
        if not name.startswith("output"):
            assert np.array_equal(short[name], long[name][:, : short[name].shape[1]]), name


def test_widening_the_output_does_not_move_the_hidden_layers(plan: Callable[..., Plan]) -> None:
    few, many = (draw.state(plan(classes=classes)).parameters for classes in (3, 9))
    assert np.array_equal(few["first.weight"], many["first.weight"])
    assert np.array_equal(few["hidden.weight"], many["hidden.weight"])


def test_a_seed_draws_the_same_whatever_its_neighbours(plan: Callable[..., Plan]) -> None:
    two, three = (draw.state(plan(seeds=seeds)).parameters for seeds in ((0, 7), (7, 5, 0)))
    for name in two:
        assert np.array_equal(two[name], three[name][[2, 0]]), name


def test_no_two_layers_or_seeds_share_their_weights(plan: Callable[..., Plan]) -> None:
    weights = draw.state(plan(seeds=(0, 1, 2), features=8)).parameters
    matrices = np.concatenate([weights["first.weight"], weights["hidden.weight"]], axis=1).reshape(
        12, 64
    )
    assert np.abs(np.corrcoef(matrices) - np.eye(12)).max() < 0.6, (
        "independent draws of 64 numbers: 5 standard errors"
    )


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_biases_are_drawn_where_there_are_any_and_move_no_weight(
    plan: Callable[..., Plan], normalization: str
) -> None:
    laws = [{"kind": "he", "bias": bias} for bias in (0, "uniform_fan_in")]
    zero, uniform = (
        draw.state(plan(initialization=law, normalization=normalization)).parameters for law in laws
    )
    assert set(zero) == set(uniform)
    for name, a in zero.items():
        assert name.endswith("bias") or np.array_equal(a, uniform[name]), name
    drawn = {name: a for name, a in uniform.items() if name.endswith("bias")}
    assert set(drawn) == (
        {"output.bias"}
        if normalization == "batch"
        else {"first.bias", "hidden.bias", "output.bias"}
    )
    for name, a in drawn.items():
        n_in = uniform[name.replace("bias", "weight")].shape[2]
        assert 0.5 / np.sqrt(n_in) < np.abs(a).max() < 1 / np.sqrt(n_in), name
        assert not zero[name].any()
        assert len(np.unique(a)) == a.size, "each layer and seed has its own"


def test_a_layer_with_a_law_of_its_own_moves_no_other(plan: Callable[..., Plan]) -> None:
    own = {
        "layer 3": {"kind": "gaussian", "std": 1e-3, "bias": "uniform_fan_in"},
        "output": {"kind": "constant", "value": 0.5},
    }
    alike, apart = (
        draw.state(plan(depth=4, initialization_by_layer=given)).parameters for given in ({}, own)
    )
    at = 1  # layer 3 is the second of the stack
    assert np.abs(apart["hidden.weight"][:, at]).max() < 1e-2
    assert apart["hidden.bias"][:, at].all()
    assert (apart["output.weight"] == 0.5).all()
    assert np.array_equal(alike["first.weight"], apart["first.weight"])
    for name in ("hidden.weight", "hidden.bias"):
        assert np.array_equal(alike[name][:, [0, 2]], apart[name][:, [0, 2]]), name


def test_cells_and_the_layer_after_them_may_start_by_two_laws(plan: Callable[..., Plan]) -> None:
    cells = plan(
        recurrent={"kind": "lstm", "start": "drawn"},
        initialization_by_layer={"recurrent": {"kind": "constant", "value": 2}},
    )
    found = draw.state(cells).parameters
    assert (found["recurrent.weight"] == 2).all()
    assert (found["recurrent.input_weight"] == 2).all()
    assert np.abs(found["output.weight"]).max() < 2


def test_the_laws_of_before_draw_what_they_drew() -> None:
    """The first weight of each: other numbers here are other weights in every run that is kept."""
    found = [
        draw.weight(spec, 5, "layer 3", (6, 4))[0, 0]
        for spec in (Gaussian(std=0.5), Xavier(), Xavier(fan="avg"), He())
    ]
    assert found == FIRST


def test_float32_weights_are_the_float64_ones_rounded_once(plan: Callable[..., Plan]) -> None:
    single, double = (
        draw.state(plan(precision=precision)).parameters for precision in ("float32", "float64")
    )
    for name in double:
        assert single[name].dtype == np.float64
        assert np.array_equal(single[name], double[name].astype(np.float32).astype(np.float64)), (
            name
        )
    assert not np.array_equal(single["hidden.weight"], double["hidden.weight"])


def test_what_is_not_a_weight_starts_at_the_number_in_its_spec(plan: Callable[..., Plan]) -> None:
    batch_norm = {"kind": "batch", "initial_scale": 0.75, "initial_shift": -0.5}
    changed = plan(activation={"kind": "prelu", "initial_slope": 0.125}, normalization=batch_norm)
    start = draw.state(changed)
    expected = {"bias": 0.0, "scale": 0.75, "shift": -0.5, "slope": 0.125}
    kinds = {name.partition(".")[2] for name in start.parameters}
    assert kinds == {"weight", *expected}
    for name, a in start.parameters.items():
        if not name.endswith("weight"):
            assert (a == expected[name.partition(".")[2]]).all(), name
    for name, a in start.statistics.items():
        assert (a == (1 if name.endswith("variance") else 0)).all(), name
    for name, a in draw.state(plan()).parameters.items():
        assert name.endswith("weight") or (a == 0).all(), name


@by_law
@pytest.mark.parametrize(("precision", "std"), [("float32", 3e38), ("float64", 1.7e308)])
def test_weights_beyond_the_largest_number_are_infinite_without_a_warning(
    plan: Callable[..., Plan], distribution: Distribution, precision: str, std: float
) -> None:
    spec = {"kind": "gaussian", "std": std, "distribution": distribution}
    start = plan(precision=precision, initialization=spec)
    found = draw.state(start).parameters["hidden.weight"]
    assert np.isinf(found).any()
    assert not np.isnan(found).any()
