"""Activation: all four wings against the exact value and derivative, element by element."""

from __future__ import annotations

import importlib
from decimal import Context, Decimal, localcontext
from functools import cache
from typing import Any, assert_never

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import special

from common.backend import Backend
from common.countermeasures import activation as room
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
    has_kink,
    open_interval,
)
from tests.conftest import load
from tests.strategies import SUBNORMAL, every, float64s, floats, label

SPECS = [*every(Activation), LeakyReLU(slope=0.3), PReLU(initial_slope=0), ELU(alpha=0.7)]
BY_NAME = pytest.mark.parametrize("spec", SPECS, ids=label)
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


def exact(spec: Activation, z: float) -> tuple[Decimal, Decimal]:
    """Value and derivative at z, to 40 digits, in the formulas that cancel nowhere; called with 60 digits."""
    x = Decimal(z)
    match spec:
        case Identity():
            return x, Decimal(1)
        case Sigmoid():
            return logistic(x), logistic(x) * logistic(-x)
        case Tanh():
            m, e = expm1(2 * x), (-2 * abs(x)).exp()
            return m / (m + 2), 4 * e / (1 + e) ** 2
        case ReLU():
            return max(x, Decimal(0)), Decimal(int(x > 0))
        case LeakyReLU(slope=slope) | PReLU(initial_slope=slope):
            return (x, Decimal(1)) if x > 0 else (Decimal(slope) * x, Decimal(slope))
        case ELU(alpha=alpha):
            return (x, Decimal(1)) if x > 0 else (Decimal(alpha) * expm1(x), Decimal(alpha) * x.exp())
        case SELU(alpha=alpha, scale=scale):
            value, derivative = exact(ELU(alpha=alpha), z)
            return Decimal(scale) * value, Decimal(scale) * derivative
        case GELU(approximation="none"):
            return x * normal_cdf(x), normal_cdf(x) + x * normal_density(x)
        case GELU():
            return product(x, *tanh_argument(x))
        case SiLU():
            return product(x, x, Decimal(1))
        case _:
            assert_never(spec)


def product(x: Decimal, argument: Decimal, slope: Decimal) -> tuple[Decimal, Decimal]:
    """Value and derivative of x times the logistic function of an argument that has that slope."""
    s = logistic(argument)
    return x * s, s + slope * x * s * logistic(-argument)


def logistic(x: Decimal) -> Decimal:
    """1 / (1 + exp(-x)); where that has no number, 0."""
    return x.exp() / (1 + x.exp()) if x < 0 else 1 / (1 + (-x).exp())


def tanh_argument(x: Decimal) -> tuple[Decimal, Decimal]:
    """2 u of GELU's approximation, and its derivative."""
    twice, cubic = (8 / PI).sqrt(), Decimal(GELU_CUBIC)
    return twice * (x + cubic * x**3), twice * (1 + 3 * cubic * x**2)


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def normal_density(x: Decimal) -> Decimal:
    """Of a standard normal number."""
    return (-x * x / 2).exp() / (2 * PI).sqrt()


@cache
def normal_cdf(x: Decimal) -> Decimal:
    """The probability of less than x, to 40 digits: by the series from the middle, or by the continued fraction of its tail."""
    if x > 0:
        return 1 - normal_cdf(-x)
    if x < -9:
        below = -x
        for n in range(100, 0, -1):
            below = n / below - x
        return normal_density(x) / below
    term = total = x
    for n in range(1, 300):
        term *= x * x / (2 * n + 1)
        total += term
    return Decimal("0.5") + normal_density(x) * total


def expm1(x: Decimal) -> Decimal:
    """exp(x) - 1, to 40 of 60 digits."""
    return x.exp() - 1 if abs(x) > Decimal("1e-20") else x + x * x / 2


def sizes(spec: Activation, z: float, value: Decimal, derivative: Decimal, eps: Decimal) -> tuple[Decimal, Decimal]:
    """What the errors of value and derivative are a few units in the last place of: themselves, where nothing is amplified.

    The spec's derivative of sigmoid and tanh is that of the rounded y, whose distance from 1 takes over the error of y: it is
    y / (1 - y) times that, relative to itself. Where y is small, as on all of sigmoid's lower side, nothing is lost; the bound
    reaches 1 where y rounds to 1. GELU and SiLU are products with a function of z: an argument of exp that is rounded is as
    far off as it is large, and the two terms of the derivative may cancel. No other may lose more than the value does.
    """
    x, y = Decimal(z), abs(value)
    match spec:
        case Sigmoid():
            return y, derivative + y * y  # 1 - y = derivative / y
        case Tanh():
            return y, derivative + y * (1 + y)  # 1 - y = derivative / (1 + y)
        case GELU(approximation="none"):
            rounded = 1 + x * x / 4
            return y * rounded, (normal_cdf(x) + abs(x) * normal_density(x)) * rounded
        case GELU():
            return product_sizes(x, *tanh_argument(x), eps)
        case SiLU():
            return product_sizes(x, x, Decimal(1), eps)
        case Identity() | ReLU() | LeakyReLU() | PReLU() | ELU() | SELU():
            return y, abs(derivative)
        case _:
            assert_never(spec)


def product_sizes(x: Decimal, argument: Decimal, slope: Decimal, eps: Decimal) -> tuple[Decimal, Decimal]:
    """Those of x times the logistic function of an argument: 1 - s of a rounded s has no digits where s is nearly 1."""
    s, rest = logistic(argument), logistic(-argument)
    amplified = 1 if slope == 1 else 1 + abs(argument) / 4  # an argument that is z itself is exact
    lost = slope * abs(x) * s * s / 4 if rest > eps / 8 else 0
    return abs(x) * s * amplified, (s + slope * abs(x) * s * rest) * amplified + lost


def is_product(spec: Activation) -> bool:
    """Whether what is flushed to 0 may be multiplied by z afterwards."""
    return isinstance(spec, GELU | SiLU)


def faults(wing: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray) -> list[str]:
    """The elements at which a value or a gradient is away from the exact one by more than its bound."""
    found, info = probe_with(wing, spec, z, cotangent), np.finfo(z.dtype)
    eps, underflow = Decimal(float(info.eps)), Decimal(float(info.smallest_normal))  # what is below it may be flushed to 0
    wrong = []
    with localcontext(Context(prec=60, traps=[])):
        for index in np.ndindex(z.shape):
            value, derivative = exact(spec, float(z[index]))
            factor = Decimal(float(cotangent[index]))
            flushed = underflow * max(1, abs(factor)) * max(1, abs(Decimal(float(z[index]))) if is_product(spec) else 1)
            of_value, of_derivative = sizes(spec, float(z[index]), value, derivative, eps)
            expected = {"value": (value, of_value), "gradient": (factor * derivative, abs(factor) * of_derivative)}
            for name, (number, size) in expected.items():
                error = abs(Decimal(float(found[name][index])) - number)
                if not error <= ULPS * eps * size + flushed:
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


def by_erf(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GELU, in the formula that cancels."""
    below = (1 + special.erf(z / np.sqrt(2))) / 2
    return z * below, below + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def by_tanh(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Its approximation, in the one that cancels."""
    u = np.sqrt(2 / np.pi) * (z + GELU_CUBIC * z**3)
    below = (1 + np.tanh(u)) / 2
    return z * below, below + z / 2 * (1 - np.tanh(u) ** 2) * np.sqrt(2 / np.pi) * (1 + 3 * GELU_CUBIC * z**2)


@pytest.mark.parametrize(
    ("spec", "lossy", "where"),
    [
        (ELU(), lambda z: (np.exp(z) - 1, np.exp(z)), "value at np.float64(-1e-12)"),
        (ELU(), lambda z: (np.expm1(z), np.expm1(z) + 1), "gradient at np.float64(-30.0)"),
        (GELU(), by_erf, "value at np.float64(-7.9)"),
        (GELU(), by_erf, "gradient at np.float64(-7.9)"),
        (GELU(approximation="tanh"), by_tanh, "value at np.float64(-5.0)"),
        (GELU(approximation="tanh"), by_tanh, "gradient at np.float64(-5.0)"),
        (SELU(), lambda z: (SELU().scale * z, SELU().scale * np.ones_like(z)), "gradient at np.float64(-1e-37)"),
    ],
    ids=["exp - 1", "value + alpha", "1 + erf", "1 + erf again", "1 + tanh", "1 + tanh again", "scale"],
)
def test_the_check_finds_a_formula_that_cancels(spec: Activation, lossy: Any, where: str) -> None:
    class Lossy:
        class activation:  # noqa: N801
            @staticmethod
            def probe(spec: Activation, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
                value, derivative = lossy(np.minimum(inputs["z"], 0))
                return {"value": value, "gradient": derivative}

    z = np.minimum(awkward("float64"), 0)
    found = faults(Lossy, spec, z, np.ones_like(z))  # type: ignore[arg-type]
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
    smooth = {"identity": 1.0, "sigmoid": 0.25, "tanh": 1.0, "gelu": 0.5, "silu": 0.5}
    numbers: dict[str, Any] = {"slope": getattr(spec, "initial_slope", 0)} | spec.model_dump()
    words = str(getattr(spec, "derivative_at_0", smooth.get(spec.kind))).split()
    expected = np.prod([float(numbers.get(word, word)) for word in words])
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


def test_the_shipped_gelu_departs_as_the_trap_says(backend: Backend) -> None:
    points, stated = np.array([0.5, -8.4]), GELU()
    shipped = backend.activation.native(GELU())
    if backend.name == "torch":
        value = shipped(importlib.import_module("torch").tensor(points)).numpy()
        assert value[1] == 0
    elif backend.name == "keras":
        value = type(shipped)("gelu", dtype="float64")(points).numpy()
        assert 1e-9 < relative_error(value[0], exact_value(stated, 0.5)) < 1e-8
        assert 1e-7 < relative_error(value[1], exact_value(stated, -8.4)) < 1e-5
    else:
        value = np.asarray(shipped(points))
        assert value[0] == pytest.approx(exact_value(GELU(approximation="tanh"), 0.5), rel=1e-15)
        assert value[1] == 0
    mine = probe_with(backend, stated, points[None], np.ones((1, 2)))["value"][0]
    assert mine == pytest.approx([exact_value(stated, z) for z in points], rel=1e-13)


def test_the_shipped_selu_of_keras_and_jax_departs_as_the_trap_says(backend: Backend) -> None:
    if backend.name == "torch":
        return  # its SELU is the definition's
    shipped, points = backend.activation.native(SELU()), np.array([-40.0, 0.0])
    if backend.name == "keras":
        import tensorflow as tf

        z = tf.constant(points)
        with tf.GradientTape() as tape:  # type: ignore[attr-defined]
            tape.watch(z)
            value: Any = type(shipped)("selu", dtype="float64")(z)
        found: Any = tape.gradient(value, z)
        derivative = found.numpy()
        assert derivative[1] == SELU().scale
    else:
        jax = importlib.import_module("jax")
        derivative = np.asarray(jax.vmap(jax.grad(shipped))(points))
        assert derivative[1] == pytest.approx(SELU().scale * SELU().alpha, rel=1e-15)
    assert relative_error(derivative[0], np.exp(-40) * SELU().scale * SELU().alpha) > 0.2


def exact_value(spec: Activation, z: float) -> float:
    with localcontext(Context(prec=60, traps=[])):
        return float(exact(spec, z)[0])


def relative_error(found: Any, expected: float) -> float:
    return abs(float(found) - expected) / abs(expected)


def test_the_shipped_elu_of_keras_and_jax_departs_as_the_trap_says(backend: Backend) -> None:
    points = np.array([-1e-17, -1e-12, -30.0, -40.0])
    if backend.name == "torch":
        return  # its ELU is the definition's
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


@pytest.mark.parametrize("spec", [*SPECS, LeakyReLU(slope=0.9), ELU(alpha=2.0)], ids=label)
def test_a_kink_is_where_the_derivative_jumps_at_0(spec: Activation) -> None:
    with localcontext(Context(prec=60, traps=[])):
        below, above = (exact(spec, z)[1] for z in (-1e-9, 1e-9))
    assert (abs(above - below) > Decimal("1e-3")) == has_kink(spec)


ENDING = [spec for spec in SPECS if any(map(np.isfinite, open_interval(spec, "float64")))]
"""What has an end beyond which a unit is dead."""


@PRECISIONS
@pytest.mark.parametrize("spec", [*ENDING, ELU(alpha=2.0)], ids=label)
def test_outside_the_open_interval_the_derivative_is_0_and_inside_it_is_not(
    wing: Backend, spec: Activation, precision: str
) -> None:
    edges = np.array([z for z in open_interval(spec, precision) if np.isfinite(z)], precision)[None]
    # a tanh that is a few units in the last place off reaches 1 somewhat before, or as late as at 20
    outside, inside = edges * np.array(2.5, precision), np.where(edges, edges * np.array(0.85, precision), 1e-3)
    smallest = np.finfo(precision).smallest_normal
    for z, dead in ((outside, True), (inside.astype(precision), False)):
        derivative = probe_with(wing, spec, z, np.ones_like(z))["gradient"]
        assert ((np.abs(derivative) < smallest) == dead).all(), (z, derivative)


@PRECISIONS
@pytest.mark.parametrize("spec", every(Activation), ids=label)
def test_the_page_says_where_a_unit_is_dead(spec: Activation, precision: str) -> None:
    rows = (room.__doc__ or "").partition("is dead where its derivative")[2].splitlines()
    words = f"{spec.kind}, approximation = " if isinstance(spec, GELU) and spec.approximation == "tanh" else f"{spec.kind} "
    (row,) = [row for row in rows if row.startswith(f"| {words}")]
    cell = row.split("|")[{"float64": 3, "float32": 4}[precision]]
    for edge in open_interval(spec, precision):
        assert np.isinf(edge) or f"{edge:.4g}" in cell


@pytest.mark.parametrize("text", ['"relu"', '{"kind": "leaky_relu", "slope": 0.2}'], ids=["by name", "by table"])
def test_a_spec_survives_json(text: str) -> None:
    adapter = TypeAdapter(Activation)
    spec = adapter.validate_json(text)
    assert adapter.validate_json(adapter.dump_json(spec)) == spec
