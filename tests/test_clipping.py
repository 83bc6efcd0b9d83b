"""Clipping: the three frameworks against the definition, and what clipping promises."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings

from common.backend import Backend
from common.countermeasures.clipping import (
    Clipping,
    GlobalNormClipping,
    NoClipping,
    NormClipping,
    ValueClipping,
)
from common.plan import Plan
from tests.clipped import READERS
from tests.compared import differing
from tests.conftest import load
from tests.strategies import float64s, floats

KINDS: list[Callable[..., Clipping]] = [ValueClipping, NormClipping, GlobalNormClipping]
BY_KIND = pytest.mark.parametrize("kind", KINDS, ids=["value", "norm", "global_norm"])
FEW = settings(max_examples=40, deadline=None)
THRESHOLDS = pytest.mark.parametrize("threshold", [1e-9, 0.1, 1.0, 49.0])
WEIGHTS = float64s((2, 3, 2, 2), floats(-100, 100, [0.0, 1e-250, -1e200, 1e150]))
BIASES = float64s((2, 3, 2), floats(-1, 1, [0.0, 1e-250]))


def norms(gradients: dict[str, np.ndarray], axes_from: int) -> dict[str, np.ndarray]:
    return {
        name: np.sqrt((g.reshape(*g.shape[:axes_from], -1) ** 2).sum(-1))
        for name, g in gradients.items()
    }


@THRESHOLDS
@BY_KIND
@FEW
@given(weight=WEIGHTS, bias=BIASES)
def test_clipped_gradients_are_the_definitions(
    backend: Backend,
    definition: Backend,
    kind: Callable[..., Clipping],
    threshold: float,
    weight: np.ndarray,
    bias: np.ndarray,
) -> None:
    spec = kind(threshold=threshold)
    gradients = {"weight": weight, "bias": bias}
    expected, found = (wing.clipping.probe(spec, gradients) for wing in (definition, backend))
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= 1e-12 * max(np.abs(value).max(), 1e-290), name


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e6])
@BY_KIND
def test_what_a_reader_builds_clips_an_ordinary_model_as_the_definition(
    backend: Backend, definition: Backend, kind: Callable[..., Clipping], size: float
) -> None:
    draw = np.random.default_rng(0).normal
    gradients = {"weight": size * draw(size=(3, 2)), "bias": size * draw(size=2)}
    spec = kind(threshold=0.5 * size)
    expected = definition.clipping.probe(
        spec, {name: g[None, None] for name, g in gradients.items()}
    )
    found = READERS[backend.name](backend.clipping.build(spec), list(gradients.values()))
    for (name, value), g in zip(expected.items(), found, strict=True):
        np.testing.assert_allclose(
            g, value[0, 0], rtol=1e-12, err_msg=f"clipping by {spec.kind}: {name}"
        )


@pytest.mark.parametrize("kind", KINDS[1:], ids=["norm", "global_norm"])
def test_what_a_reader_builds_does_not_turn_what_is_not_finite_into_0(
    backend: Backend, kind: Callable[..., Clipping]
) -> None:
    gradients = [np.array([[np.inf, 1.0], [2.0, 3.0]]), np.array([1.0, 2.0])]
    weight, bias = READERS[backend.name](backend.clipping.build(kind(threshold=0.5)), gradients)
    assert np.isnan(weight).all()
    assert np.isnan(bias).all() == (kind is GlobalNormClipping)


def test_a_step_with_it_is_the_definitions_where_one_without_it_is(
    backend: Backend, definition: Backend, plan: Callable[..., Plan]
) -> None:
    for clipping in (NoClipping(), *(kind(threshold=1e-4) for kind in KINDS)):
        different = differing(
            backend, definition, plan(features=64, classes=10, clipping=clipping.model_dump())
        )
        assert not different, f"clipping: {clipping.kind}"


@THRESHOLDS
@FEW
@given(weight=WEIGHTS, bias=BIASES)
def test_a_clipped_norm_never_exceeds_the_bound(
    backend: Backend, threshold: float, weight: np.ndarray, bias: np.ndarray
) -> None:
    gradients = {"weight": weight, "bias": bias}
    bound = threshold * (1 + 1e-14)
    for g in norms(
        backend.clipping.probe(NormClipping(threshold=threshold), gradients), 2
    ).values():
        assert (g <= bound).all()
    squares = norms(
        backend.clipping.probe(GlobalNormClipping(threshold=threshold), gradients), 1
    ).values()
    assert (np.sqrt(sum(n**2 for n in squares)) <= bound).all()
    for g in backend.clipping.probe(ValueClipping(threshold=threshold), gradients).values():
        assert (np.abs(g) <= threshold).all()


@BY_KIND
def test_a_gradient_within_the_bound_is_left_alone(
    backend: Backend, kind: Callable[..., Clipping]
) -> None:
    gradients = {
        "weight": np.array([[[[3.0, 4.0]]]]),
        "bias": np.zeros((1, 1, 2)),
        "slope": np.array([[0.5]]),
    }
    clipped = backend.clipping.probe(kind(threshold=49.0), gradients)
    for name, g in gradients.items():
        assert (clipped[name] == g).all(), name


def test_no_clipping_changes_nothing(backend: Backend) -> None:
    gradients = {"weight": np.array([[[[3e200, np.inf]]]])}
    assert (backend.clipping.probe(NoClipping(), gradients)["weight"] == gradients["weight"]).all()


def test_each_parameter_of_each_layer_and_seed_is_clipped_by_itself(backend: Backend) -> None:
    # norms 5, 0.5; 10, 0
    weight = np.array([[[[3.0, 4.0]], [[0.3, 0.4]]], [[[6.0, 8.0]], [[0.0, 0.0]]]])
    clipped = backend.clipping.probe(NormClipping(threshold=1.0), {"weight": weight})["weight"]
    assert norms({"weight": clipped}, 2)["weight"] == pytest.approx(
        np.array([[1.0, 0.5], [1.0, 0.0]])
    )


def test_a_seed_does_not_feel_the_others(backend: Backend) -> None:
    gradients = {"weight": np.random.default_rng(0).standard_normal((2, 3, 2, 2))}
    alone = backend.clipping.probe(
        GlobalNormClipping(threshold=0.1), {"weight": gradients["weight"][:1]}
    )["weight"]
    gradients["weight"][1] = np.nan
    together = backend.clipping.probe(GlobalNormClipping(threshold=0.1), gradients)["weight"]
    assert np.abs(together[0] - alone[0]).max() <= 1e-16
    assert np.isnan(together[1]).all()


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_norm_that_is_not_finite_makes_a_nan_and_not_a_zero(
    backend: Backend, definition: Backend, bad: float
) -> None:
    gradients = {"weight": np.array([[[[1.0, bad]], [[1.0, 2.0]]]]), "bias": np.ones((1, 2, 2))}
    for wing in (definition, backend):
        by_norm = wing.clipping.probe(NormClipping(), gradients)
        assert np.isnan(by_norm["weight"][0, 0]).all()
        assert np.isfinite(by_norm["weight"][0, 1]).all()
        assert np.isfinite(by_norm["bias"]).all()
        for name, g in wing.clipping.probe(GlobalNormClipping(), gradients).items():
            assert np.isnan(g).all(), name
        by_value = wing.clipping.probe(ValueClipping(), gradients)["weight"][0, 0, 0]
        assert by_value[0] == 1.0
        assert np.isnan(by_value[1]) if np.isnan(bad) else by_value[1] == np.sign(bad)


def test_float32_gradients_of_1e30_are_clipped_and_not_lost_in_their_square(
    backend: Backend,
) -> None:
    gradients = {"weight": np.full((1, 1, 2, 2), 1e30, np.float32)}
    for spec in (NormClipping(), GlobalNormClipping()):
        assert backend.clipping.probe(spec, gradients)["weight"] == pytest.approx(
            np.full((1, 1, 2, 2), 0.5), rel=1e-6
        )


def test_a_subnormal_gradient_is_within_any_bound_and_left_alone(backend: Backend) -> None:
    gradients = {"weight": np.full((1, 1, 1, 2), 1e-310)}
    for spec in (NormClipping(), GlobalNormClipping()):
        assert (backend.clipping.probe(spec, gradients)["weight"] == 1e-310).all()


@pytest.mark.parametrize(
    ("size", "threshold"), [(1e38, 1.0), (1.6e38, 1.0), (1e30, 1e-9), (1e-30, 1e-37)]
)
def test_a_float32_norm_is_clipped_over_the_whole_range_of_its_numbers(
    backend: Backend, size: float, threshold: float
) -> None:
    gradients = {"weight": np.full((1, 1, 2, 2), size, np.float32)}
    for spec in (NormClipping(threshold=threshold), GlobalNormClipping(threshold=threshold)):
        clipped = backend.clipping.probe(spec, gradients)["weight"]
        assert clipped == pytest.approx(np.full((1, 1, 2, 2), threshold / 2), rel=1e-6)


def test_pytorchs_own_norm_clipping_shortens_a_vanished_gradient_too_much(
    request: pytest.FixtureRequest,
) -> None:
    wing = load("torch", request.config)
    torch = importlib.import_module("torch")
    parameter = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    parameter.grad = torch.tensor([0.6e-7, 0.8e-7], dtype=torch.float64)
    wing.clipping.native(GlobalNormClipping(threshold=1e-9))([parameter])
    assert torch.linalg.vector_norm(parameter.grad).item() == pytest.approx(
        1e-9 * 1e-7 / (1e-7 + 1e-6), rel=1e-9
    )


def test_optaxs_global_norm_turns_a_large_float32_gradient_to_zero(
    request: pytest.FixtureRequest,
) -> None:
    wing = load("jax", request.config)
    jnp = importlib.import_module("jax.numpy")
    native = wing.clipping.native(GlobalNormClipping())
    clipped, _ = native.update(jnp.full(4, 1e30, jnp.float32), native.init(jnp.zeros(4)))
    assert (np.asarray(clipped) == 0).all()


@pytest.mark.parametrize(
    "kind", [ValueClipping, NormClipping, GlobalNormClipping], ids=["value", "norm", "global_norm"]
)
def test_keras_own_argument_clips_as_the_layers_are_clipped(
    kind: Callable[..., Clipping], request: pytest.FixtureRequest
) -> None:
    wing = load("keras", request.config)
    keras = importlib.import_module("keras")
    tf = importlib.import_module("tensorflow")
    gradients = {"weight": np.array([[[[3.0, 4.0]]]]), "bias": np.array([[[0.3, -7.0]]])}
    expected = wing.clipping.probe(kind(threshold=0.5), gradients)
    variables = [keras.Variable(np.zeros(g.shape), dtype="float64") for g in gradients.values()]
    optimizer = keras.optimizers.SGD(1.0, **wing.clipping.native(kind(threshold=0.5)))
    optimizer.apply([tf.constant(g) for g in gradients.values()], variables)
    for variable, value in zip(variables, expected.values(), strict=True):
        assert np.abs(variable.numpy() + value).max() <= 1e-15
