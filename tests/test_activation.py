"""Activation: all four wings against the exact value and derivative, element by element."""

from __future__ import annotations

import importlib
from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import backends
from common.backend import Backend
from common.countermeasures import activation as room
from common.countermeasures.activation import (
    ELU,
    Activation,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    Tanh,
    has_kink,
    open_interval,
)
from tests.conftest import load
from tests.strategies import SUBNORMAL, float64s, floats

SPECS = [Sigmoid(), Tanh(), ReLU(), LeakyReLU(), LeakyReLU(slope=0.3), PReLU(), PReLU(initial_slope=0), ELU(), ELU(alpha=0.7)]
BY_NAME = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "-".join(str(v) for v in spec.model_dump().values()))
SATURATING = pytest.mark.parametrize("spec", [Sigmoid(), Tanh()], ids=lambda spec: spec.kind)
PRECISIONS = pytest.mark.parametrize("precision", ["float32", "float64"])
FEW = settings(max_examples=25, deadline=None)

ULPS = 8
"""What a function of the frameworks may be away from the exact one, in units of the last place of 1; 4 were seen."""

SMALLEST = {"float32": -37, "float64": -300}
"""The exponents of the powers of ten down to which an activation is drawn."""
NEAR = [sign * 10.0**-k for k in (1, 2, 3, 6, 8, 12, 17, 30, 37) for sign in (1, -1)]
FAR = [
    sign * z for z in (0.5, 1, 5, 7.9, 9, 15.8, 16.7, 17.4, 17.7, 19, 20, 30, 36.7, 38, 40, 87, 100, 700) for sign in (1, -1)
]


@pytest.fixture(params=backends.NEEDS, scope="session")
def wing(request: pytest.FixtureRequest) -> Backend:
    """Each of the four wings, the definition among them."""
    return load(request.param, request.config)


def exact(spec: Activation, z: float) -> tuple[Decimal, Decimal]:
    """Value and derivative at z, to 40 digits, in the formulas that cancel nowhere; called with 60 digits."""
    x = Decimal(z)
    match spec:
        case Sigmoid():
            e = (-abs(x)).exp()
            return 1 / (1 + (-x).exp()), e / (1 + e) ** 2
        case Tanh():
            m, e = expm1(2 * x), (-2 * abs(x)).exp()
            return m / (m + 2), 4 * e / (1 + e) ** 2
        case ReLU():
            return max(x, Decimal(0)), Decimal(int(x > 0))
        case LeakyReLU(slope=slope) | PReLU(initial_slope=slope):
            return (x, Decimal(1)) if x > 0 else (Decimal(slope) * x, Decimal(slope))
        case ELU(alpha=alpha):
            return (x, Decimal(1)) if x > 0 else (Decimal(alpha) * expm1(x), Decimal(alpha) * x.exp())


def expm1(x: Decimal) -> Decimal:
    """exp(x) - 1, to 40 of 60 digits."""
    return x.exp() - 1 if abs(x) > Decimal("1e-20") else x + x * x / 2


def amplified(spec: Activation, value: Decimal, derivative: Decimal) -> Decimal:
    """How many times a relative error of the value is one of the derivative, beside the rounding of the product itself.

    The spec's derivative of sigmoid and tanh is that of the rounded y, whose distance from 1 takes over the error of y: it is
    y / (1 - y) times that, relative to itself. Where y is small, as on all of sigmoid's lower side, nothing is lost; the bound
    reaches 1 where y rounds to 1. No other derivative depends on y, and none but these may lose more than the value does.
    """
    y = abs(value)
    match spec:
        case Sigmoid():
            return 1 + y * y / derivative  # 1 - y = derivative / y
        case Tanh():
            return 1 + y * (1 + y) / derivative  # 1 - y = derivative / (1 + y)
        case _:
            return Decimal(1)


def faults(wing: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray) -> list[str]:
    """The elements at which a value or a gradient is away from the exact one by more than its bound."""
    found, info = probe_with(wing, spec, z, cotangent), np.finfo(z.dtype)
    eps, underflow = Decimal(float(info.eps)), Decimal(float(info.smallest_normal))  # what is below it may be flushed to 0
    wrong = []
    with localcontext(Context(prec=60, traps=[])):
        for index in np.ndindex(z.shape):
            value, derivative = exact(spec, float(z[index]))
            factor = Decimal(float(cotangent[index]))
            flushed = underflow * max(1, abs(factor))
            expected = {"value": value, "gradient": factor * derivative}
            bounds = {"value": Decimal(1), "gradient": amplified(spec, value, derivative)}
            for name, number in expected.items():
                error = abs(Decimal(float(found[name][index])) - number)
                if not error <= ULPS * eps * bounds[name] * abs(number) + flushed:
                    wrong.append(f"{name} at {z[index]!r}: {found[name][index]!r} for {float(number)!r}")
    return wrong


def probe_with(backend: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return backend.activation.probe(spec, {"z": z, "cotangent": cotangent})


def awkward(precision: str) -> np.ndarray:
    """Powers of ten down to the smallest, points around every edge, and even steps between them: [1, point]."""
    powers = 10.0 ** np.arange(SMALLEST[precision], 0, 3)
    smallest = np.finfo(precision).smallest_normal * np.linspace(1, 5, 17)  # a half of it may be flushed on the way
    near = np.concatenate([powers, smallest])
    return np.concatenate([NEAR, FAR, near, -near, np.linspace(-45, 45, 181)]).astype(precision)[None]


@BY_NAME
@PRECISIONS
def test_near_0_and_far_out_every_element_is_exact_to_a_few_units(wing: Backend, spec: Activation, precision: str) -> None:
    z = awkward(precision)
    assert faults(wing, spec, z, np.ones_like(z)) == []


def elements(precision: str) -> st.SearchStrategy[float]:
    """Numbers of any size up to 700, small ones as often as large ones, of both signs."""
    near = st.floats(SMALLEST[precision], -1).map(lambda exponent: 10.0**exponent)
    return st.one_of(near, near.map(lambda z: -z), floats(-700, 700, NEAR + FAR + [0.0, -0.0]))


@BY_NAME
@PRECISIONS
@FEW
@given(data=st.data())
def test_every_element_is_exact_whatever_is_drawn(wing: Backend, spec: Activation, precision: str, data: Any) -> None:
    z = data.draw(float64s((4, 3), elements(precision))).astype(precision)
    cotangent = data.draw(float64s((4, 3), floats(0.01, 2, [0.0, 1.0]))).astype(precision)
    z[np.abs(z) < np.finfo(precision).smallest_normal] = 0
    assert faults(wing, spec, z, cotangent) == []


@pytest.mark.parametrize(
    ("lossy", "where"),
    [
        (lambda z: (np.exp(z) - 1, np.exp(z)), "value at np.float64(-1e-12)"),
        (lambda z: (np.expm1(z), np.expm1(z) + 1), "gradient at np.float64(-30.0)"),
    ],
    ids=["exp - 1", "value + alpha"],
)
def test_the_check_finds_a_formula_that_cancels(lossy: Any, where: str) -> None:
    class Lossy:
        class activation:  # noqa: N801
            @staticmethod
            def probe(spec: Activation, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
                value, derivative = lossy(np.minimum(inputs["z"], 0))
                positive = inputs["z"] > 0
                return {"value": np.where(positive, inputs["z"], value), "gradient": np.where(positive, 1, derivative)}

    z = awkward("float64")
    found = faults(Lossy, ELU(), z, np.ones_like(z))  # type: ignore[arg-type]
    assert any(fault.startswith(where) for fault in found)


@SATURATING
@PRECISIONS
def test_a_saturating_derivative_is_that_of_the_wings_own_value(wing: Backend, spec: Activation, precision: str) -> None:
    z, eps = awkward(precision), np.finfo(precision).eps
    found = probe_with(wing, spec, z, np.ones_like(z))
    y = found["value"].astype(np.float64)
    expected = y * (1 - y) if isinstance(spec, Sigmoid) else (1 - y) * (1 + y)
    rounded = eps / 2 if isinstance(spec, Tanh) else 0.0  # of y * y, in the frameworks that compute 1 - y * y
    error = np.abs(found["gradient"] - expected)
    assert (error <= 4 * eps * expected + rounded * y * y + np.finfo(precision).smallest_normal).all()


@BY_NAME
@FEW
@given(z=float64s((5, 1), elements("float64")), cotangent=float64s((5, 1), floats(-2, 2, [0.0])))
def test_one_unit_is_enough(wing: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray) -> None:
    assert faults(wing, spec, z, cotangent) == []


@pytest.mark.parametrize("spec", [PReLU(), PReLU(initial_slope=0)], ids=["0.25", "0"])
@FEW
@given(z=float64s((4, 3), elements("float64")), cotangent=float64s((4, 3), floats(-2, 2, [0.0])))
def test_the_slopes_gradient_is_the_sum_below_0(wing: Backend, spec: PReLU, z: np.ndarray, cotangent: np.ndarray) -> None:
    terms = [Decimal(float(c)) * Decimal(float(x)) for c, x in zip(cotangent.flat, z.flat, strict=True) if x <= 0]
    found = Decimal(float(probe_with(wing, spec, z, cotangent)["slope_gradient"]))
    eps, tiny = (Decimal(float(n)) for n in (np.finfo(float).eps, np.finfo(float).tiny))
    with localcontext(Context(prec=800)):  # enough for a sum of 700 and 1e-300
        assert abs(found - sum(terms)) <= 12 * eps * sum(map(abs, terms)) + 12 * tiny


@BY_NAME
@pytest.mark.parametrize("cotangent", [1.0, -0.5, 0.0])
def test_an_infinite_or_huge_pre_activation_has_the_limits_of_the_definition(
    backend: Backend, definition: Backend, spec: Activation, cotangent: float
) -> None:
    z = np.array([[np.inf, -np.inf, 1e300, -1e300]])
    expected, found = (probe_with(one, spec, z, np.full_like(z, cotangent)) for one in (definition, backend))
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.allclose(found[name], value, rtol=4 * np.finfo(float).eps, atol=0, equal_nan=True), name


@BY_NAME
def test_the_derivative_at_zero_is_the_stated_one(backend: Backend, spec: Activation) -> None:
    stated = {"sigmoid": 0.25, "tanh": 1.0, "relu": 0.0}
    expected = stated.get(spec.kind, getattr(spec, getattr(spec, "derivative_at_0", "") or "", None))
    expected = spec.initial_slope if isinstance(spec, PReLU) else expected
    gradient = probe_with(backend, spec, np.array([[0.0, -0.0]]), np.ones((1, 2)))["gradient"]
    assert gradient.tolist() == [[expected, expected]]


@BY_NAME
def test_a_nan_comes_out_as_a_nan(backend: Backend, spec: Activation) -> None:
    assert np.isnan(probe_with(backend, spec, np.array([[np.nan, 1.0]]), np.ones((1, 2)))["value"][0, 0])


@pytest.mark.parametrize("spec", [LeakyReLU(), PReLU(), Tanh()], ids=lambda spec: spec.kind)
def test_subnormals_are_flushed_by_tensorflow_and_xla_and_by_nobody_else(backend: Backend, spec: Activation) -> None:
    z = np.array([[SUBNORMAL, 1.0]])
    value = probe_with(backend, spec, z, np.ones_like(z))["value"]
    assert value[0, 0] == (SUBNORMAL if backend.name == "torch" else 0.0)


@BY_NAME
def test_float32_stays_float32(backend: Backend, spec: Activation) -> None:
    found = probe_with(backend, spec, *np.ones((2, 4, 3), np.float32))
    assert {str(a.dtype) for a in found.values()} == {"float32"}


def test_the_shipped_leaky_relu_of_keras_and_jax_departs_as_the_trap_says(backend: Backend) -> None:
    if backend.name == "keras":
        import tensorflow as tf

        assert backend.activation.native(LeakyReLU())(tf.constant([-1.0], tf.float64)).numpy()[0] == pytest.approx(-0.3)
        stated = type(backend.activation.native(LeakyReLU()))(negative_slope=0.01, dtype="float64")
        rounded = stated(tf.constant([-1.0], tf.float64)).numpy()[0]
        assert rounded == -float(np.float32(0.01))
        assert rounded != -0.01
    elif backend.name == "jax":
        jax = importlib.import_module("jax")
        assert jax.grad(backend.activation.native(LeakyReLU()))(0.0) == 1.0
    else:
        assert not hasattr(backend.activation, "native")


def relative_error(found: Any, expected: float) -> float:
    return abs(float(found) - expected) / abs(expected)


def test_the_shipped_elu_of_keras_and_jax_departs_as_the_trap_says(backend: Backend) -> None:
    points = np.array([-1e-17, -1e-12, -30.0, -40.0])
    if backend.name == "torch":
        assert not hasattr(backend.activation, "native")
        return
    if backend.name == "keras":
        import tensorflow as tf

        z = tf.constant(points)
        layer = type(backend.activation.native(ELU()))(dtype="float64")
        with tf.GradientTape() as tape:  # type: ignore[attr-defined]
            tape.watch(z)
            value: Any = layer(z)
        derivative: Any = tape.gradient(value, z)
        assert value.numpy()[0] == 0
        assert 1e-5 < relative_error(value.numpy()[1], np.expm1(-1e-12)) < 1e-4
    else:
        jax = importlib.import_module("jax")
        derivative = jax.vmap(jax.grad(backend.activation.native(ELU())))(points)
    assert 1e-4 < relative_error(derivative[2], np.exp(-30)) < 1e-3
    assert derivative[3] == 0 < np.exp(-40)


def test_the_elu_of_jax_keeps_its_digits_under_every_transformation(request: pytest.FixtureRequest) -> None:
    elu, jax = load("jax", request.config).activation.elu, importlib.import_module("jax")
    z, alphas = np.array([-1e-12, -30.0, -40.0, 0.0, 2.0]), np.array([0.5, 1.0, 3.0, 0.7, 0.7])
    value, by_alpha = np.where(z > 0, z, alphas * np.expm1(z)), np.where(z > 0, 0, np.expm1(np.minimum(z, 0)))
    by_z = np.where(z > 0, 1, alphas * np.exp(z))

    def same(found: Any, expected: np.ndarray) -> None:
        assert np.allclose(found, expected, rtol=ULPS * np.finfo(float).eps, atol=0)

    def scanned(z: Any, alphas: Any) -> Any:
        return jax.lax.scan(lambda total, pair: (total + elu(*pair), None), 0.0, (z, alphas))[0]

    for transform in (lambda f: f, jax.jit):  # alpha is a traced number here
        same(transform(jax.vmap(elu))(z, alphas), value)
        for found, expected in zip(transform(jax.vmap(jax.grad(elu, (0, 1))))(z, alphas), (by_z, by_alpha), strict=True):
            same(found, expected)
        for found, expected in zip(transform(jax.grad(scanned, (0, 1)))(z, alphas), (by_z, by_alpha), strict=True):
            same(found, expected)
        same(transform(lambda z, a: jax.jvp(elu, (z, a), (np.ones(5), np.zeros(5)))[1])(z, alphas), by_z)
        same(transform(jax.vmap(lambda z: jax.grad(elu)(z, 0.7)))(z), np.where(z > 0, 1, 0.7 * np.exp(z)))


@pytest.mark.parametrize("alpha", [1.0, 0.7])
def test_the_elu_of_keras_keeps_its_digits_in_a_compiled_loop(request: pytest.FixtureRequest, alpha: float) -> None:
    load("keras", request.config)
    import tensorflow as tf

    layer = importlib.import_module("backends.keras.activation").build(ELU(alpha=alpha))
    points = np.array([-1e-12, -30.0, -40.0, 0.0, 2.0])

    @tf.function(autograph=False)
    def gradient(z: Any) -> Any:
        with tf.GradientTape() as tape:  # type: ignore[attr-defined]
            tape.watch(z)
            loop: Any = tf.while_loop(lambda i, total: i < 3, lambda i, total: (i + 1, total + layer(z)), (0, tf.zeros_like(z)))
        return tape.gradient(loop[1], z)

    expected = 3 * np.where(points > 0, 1, alpha * np.exp(points))
    assert np.allclose(gradient(tf.constant(points)).numpy(), expected, rtol=ULPS * np.finfo(float).eps, atol=0)


EVERY = [Sigmoid(), Tanh(), ReLU(), LeakyReLU(), LeakyReLU(slope=0.9), PReLU(), ELU(), ELU(alpha=2.0)]


@pytest.mark.parametrize("spec", EVERY, ids=str)
def test_a_kink_is_where_the_derivative_jumps_at_0(spec: Activation) -> None:
    with localcontext(Context(prec=60, traps=[])):
        below, above = (exact(spec, z)[1] for z in (-1e-9, 1e-9))
    assert (abs(above - below) > Decimal("1e-3")) == has_kink(spec)


@PRECISIONS
@pytest.mark.parametrize("spec", [Sigmoid(), Tanh(), ReLU(), ELU(), ELU(alpha=2.0)], ids=lambda spec: spec.kind)
def test_outside_the_open_interval_the_derivative_is_0_and_inside_it_is_not(
    wing: Backend, spec: Activation, precision: str
) -> None:
    edges = np.array([z for z in open_interval(spec, precision) if np.isfinite(z)], precision)[None]
    # a tanh that is a few units in the last place off reaches 1 somewhat before, or as late as at 20
    outside, inside = edges * np.array(2.5, precision), np.where(edges, edges * np.array(0.85, precision), 1e-3)
    smallest = np.finfo(precision).smallest_normal
    for z, dead in ((outside, True), (inside.astype(precision), False)):
        derivative = probe_with(wing, spec, z, np.ones_like(z))["gradient"]
        assert ((derivative < smallest) == dead).all(), (z, derivative)


@PRECISIONS
@pytest.mark.parametrize("spec", [Sigmoid(), Tanh(), ELU()], ids=lambda spec: spec.kind)
def test_the_page_says_where_a_unit_is_dead(spec: Activation, precision: str) -> None:
    rows = (room.__doc__ or "").partition("is dead where its derivative")[2].splitlines()
    (row,) = [row for row in rows if row.startswith(f"| {spec.kind} ")]
    cell = row.split("|")[{"float64": 3, "float32": 4}[precision]]
    for edge in open_interval(spec, precision):
        assert np.isinf(edge) or f"{edge:.4g}" in cell


@pytest.mark.parametrize("text", ['"relu"', '{"kind": "leaky_relu", "slope": 0.2}'], ids=["by name", "by table"])
def test_a_spec_survives_json(text: str) -> None:
    adapter = TypeAdapter(Activation)
    spec = adapter.validate_json(text)
    assert adapter.validate_json(adapter.dump_json(spec)) == spec
