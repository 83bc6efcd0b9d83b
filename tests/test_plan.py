"""Plans: they survive JSON, go in groups of seeds, and refuse what is no number of theirs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.architectures import FORMS
from common.countermeasures.activation import Activation
from common.countermeasures.initialization import Initialization
from common.plan import Plan
from tests.changed_plan import changed, full
from tests.strategies import every

__all__ = ["full"]

positive = st.floats(1e-37, 1e38)  # of both precisions
activations = st.one_of(
    st.sampled_from(every(Activation)),
    st.fixed_dictionaries({"kind": st.just("leaky_relu"), "slope": st.floats(1e-37, 1)}),
    st.fixed_dictionaries(
        {"kind": st.just("prelu"), "initial_slope": st.just(0) | st.floats(1e-37, 1)}
    ),
    st.fixed_dictionaries({"kind": st.just("elu"), "alpha": positive}),
)
normalizations = st.one_of(
    st.just("none"),
    st.fixed_dictionaries(
        {
            "kind": st.just("batch"),
            "epsilon": positive,
            "momentum": st.just(0) | st.floats(1e-37, 0.99),
        }
    ),
)
laws = st.sampled_from(["normal", "truncated_normal", "uniform"])
initializations = st.one_of(
    st.fixed_dictionaries({"kind": st.just("gaussian"), "std": positive, "distribution": laws}),
    st.fixed_dictionaries(
        {"kind": st.just("xavier"), "fan": st.sampled_from(["in", "avg"]), "distribution": laws}
    ),
    st.fixed_dictionaries({"kind": st.just("he"), "distribution": laws}),
    st.sampled_from(every(Initialization)),
)
clippings = st.one_of(
    st.just("none"),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["value", "norm", "global_norm"]), "threshold": positive}
    ),
)
changes = st.fixed_dictionaries(
    {
        "activation": activations, "normalization": normalizations,
        "initialization": initializations, "clipping": clippings,
        "learning_rate": positive, "batch_size": st.integers(2, 10**6),
        "depth": st.integers(2, 10**4),
        "seeds": st.lists(st.integers(0, 2**63), min_size=1, max_size=4).map(tuple),
        "steps": st.integers(1, 10**9),
        "precision": st.sampled_from(["float32", "float64"]), "record_every": st.integers(1, 99),
    }
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(numbers=changes)
def test_a_plan_survives_json(plan: Callable[..., Plan], numbers: dict[str, Any]) -> None:
    before = plan(**numbers)
    after = Plan.model_validate_json(before.model_dump_json())
    assert after == before
    assert after.structure() == before.structure()
    assert after.digest() == before.digest()
    assert after.run_id("torch", "cpu:0", {}) == before.run_id("torch", "cpu:0", {})


def test_json_states_every_number_that_was_left_to_its_default(plan: Callable[..., Plan]) -> None:
    stated = json.loads(
        plan(activation="prelu", normalization="batch", clipping="norm").model_dump_json()
    )
    assert stated["network"]["activation"] == {
        "kind": "prelu",
        "initial_slope": 0.25,
        "derivative_at_0": "slope",
    }
    assert stated["network"]["normalization"]["epsilon"] == 1e-5
    assert stated["network"]["normalization"]["momentum"] == 0.9
    assert stated["clipping"] == {
        "kind": "norm",
        "threshold": 1.0,
        "scope": "parameter",
        "epsilon": 0,
    }


def test_a_plan_whose_layers_all_start_alike_has_the_json_and_run_id_that_it_always_had(
    plan: Callable[..., Plan],
) -> None:
    alike, own = (plan(initialization_by_layer=given) for given in ({}, {"output": "he"}))
    before = json.loads(own.model_dump_json())
    assert before.pop("initialization_by_layer")["output"]["kind"] == "he"
    assert json.loads(alike.model_dump_json()) == before
    assert (
        alike.digest()
        == hashlib.sha256(json.dumps(before, separators=(",", ":")).encode()).hexdigest()[:16]
    )
    assert Plan.model_validate_json(own.model_dump_json()) == own


def test_a_layer_that_is_not_there_has_no_start_of_its_own(plan: Callable[..., Plan]) -> None:
    with pytest.raises(
        ValueError,
        match="must name layers of the network; received 'outptu'; did you mean 'output'",
    ):
        plan(initialization_by_layer={"outptu": "he"})
    with pytest.raises(ValueError, match="received 'layer 5'"):
        plan(depth=4, initialization_by_layer={"layer 5": "he"})


@pytest.mark.parametrize(
    ("width", "precision", "seeds", "sizes"),
    [
        (8, "float64", 32, [32]),
        (64, "float32", 32, [8] * 4),
        (64, "float64", 3, [3]),
        (256, "float32", 3, [1] * 3),
    ],
)
def test_seeds_go_side_by_side_in_groups_of_one_size_that_stay_in_the_cache(
    plan: Callable[..., Plan], width: int, precision: str, seeds: int, sizes: list[int]
) -> None:
    whole = plan(width=width, depth=20, precision=precision, seeds=tuple(range(seeds)))
    groups = whole.groups()
    assert [len(group.seeds) for group in groups] == sizes
    assert tuple(seed for group in groups for seed in group.seeds) == whole.seeds
    assert {group.model_copy(update={"seeds": whole.seeds}) for group in groups} == {whole}


def test_a_whole_number_is_a_floating_point_one(plan: Callable[..., Plan]) -> None:
    found = plan(learning_rate=1, clipping={"kind": "norm", "threshold": 2})
    assert (found.optimizer.learning_rate, type(found.optimizer.learning_rate)) == (1.0, float)
    assert found == plan(learning_rate=1.0, clipping={"kind": "norm", "threshold": 2.0})


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": {}},
        {"clipping": {"kind": "norm", "threshold": {}}},
        {"activation": {"kind": "elu", "alpha": {}}},
        {"normalization": {"kind": "batch", "epsilon": {}}},
        {"normalization": {"kind": "batch", "initial_shift": {}}},
        {"initialization": {"kind": "gaussian", "std": {}}},
    ],
    ids=str,
)
def test_a_number_that_the_precision_does_not_have_is_refused_and_not_run_as_0_or_infinity(
    plan: Callable[..., Plan], change: dict[str, Any]
) -> None:
    def with_number(number: float, precision: str) -> Plan:
        text = json.dumps(change).replace("{}", repr(number))
        return plan(precision=precision, **json.loads(text))

    for precision, within, beyond in [
        ("float32", 1e38, 1e39),
        ("float32", 1e-37, 1e-38),
        ("float64", 1e-307, 1e-310),
    ]:
        with_number(within, precision)
        with pytest.raises(
            ValidationError,
            match=(
                f"must be a number of {precision}, .* received {re.escape(str(beyond))}, which "
                "would be"
            ),
        ):
            with_number(beyond, precision)
    with_number(1e300, "float64")


def test_batch_norm_needs_a_batch_of_two(plan: Callable[..., Plan]) -> None:
    assert plan(normalization="none", batch_size=1).task.batch_size == 1
    assert plan(normalization="batch", batch_size=2).task.batch_size == 2
    with pytest.raises(
        ValidationError,
        match="batch norm needs a batch of at least 2 samples; received a batch size of 1",
    ):
        plan(normalization="batch", batch_size=1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stepz", 1), ("network.widht", 1), ("network.activation.alpha", 1.0),
        ("network.normalization.eps", 1e-5),
        ("clipping.treshold", 1.0), ("optimizer.momentum", 0.9), ("task.batchsize", 1),
        ("initialization.std", 1.0),
        ("network.depth", 0), ("network.width", 0), ("network.classes", 1), ("steps", 0),
        ("seeds", []), ("record_every", 0),
        ("optimizer.learning_rate", 0), ("optimizer.learning_rate", float("nan")),
        ("clipping.threshold", float("inf")),
        ("clipping.threshold", -1), ("precision", "float16"), ("task.test_fraction", 1),
        ("network.normalization.momentum", 1),
        ("network.activation", "swish"), ("network.activation.slope", 0),
        ("initialization.distribution", "cauchy"),
    ],
)  # fmt: skip
def test_unknown_keys_and_impossible_numbers_are_refused_by_their_name(
    full: Plan, path: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as refused:
        changed(full, path, value)
    places = [
        [part for part in error["loc"] if part not in FORMS] for error in refused.value.errors()
    ]
    assert [place[-1] for place in places] == [path.split(".")[-1]]


def test_a_plan_is_frozen(full: Plan) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        full.steps = 9  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError, match="frozen"):
        full.network.depth = 9  # pyright: ignore[reportAttributeAccessIssue]


@given(steps=st.integers(1, 200), every=st.integers(1, 250))
def test_every_kth_step_and_the_last_are_recorded(
    plan: Callable[..., Plan], steps: int, every: int
) -> None:
    run = plan(steps=steps, record_every=every)
    assert [step for step in range(steps) if run.recorded(step)] == sorted(
        {*range(0, steps, every), steps - 1}
    )
