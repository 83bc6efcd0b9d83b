"""Activation as the frameworks ship it: how it departs from the definition, and that our form keeps
its digits.
"""

from __future__ import annotations

import importlib
from decimal import Context, localcontext
from typing import Any

import numpy as np
import pytest

from common.backend import Backend
from common.countermeasures.activation import ELU, GELU, SELU, Activation, LeakyReLU
from tests.conftest import load
from tests.exact_activation import ULPS, exact, probe_with


def test_the_shipped_leaky_relu_of_keras_and_jax_departs_as_the_trap_says(backend: Backend) -> None:
    if backend.name == "keras":
        import tensorflow as tf

        assert backend.activation.native(LeakyReLU())(tf.constant([-1.0], tf.float64)).numpy()[
            0
        ] == pytest.approx(-0.3)
        stated = type(backend.activation.native(LeakyReLU()))(negative_slope=0.01, dtype="float64")
        rounded = stated(tf.constant([-1.0], tf.float64)).numpy()[0]
        assert rounded == -float(np.float32(0.01))
        assert rounded != -0.01
    elif backend.name == "jax":
        jax = importlib.import_module("jax")
        assert jax.grad(backend.activation.native(LeakyReLU()))(0.0) == 1.0


def test_the_shipped_gelu_departs_as_the_trap_says(backend: Backend) -> None:
    points = np.array([0.5, -8.4])
    stated = GELU()
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
    shipped = backend.activation.native(SELU())
    points = np.array([-40.0, 0.0])
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


def test_the_elu_of_jax_keeps_its_digits_under_every_transformation(
    request: pytest.FixtureRequest,
) -> None:
    elu = load("jax", request.config).activation.elu
    jax = importlib.import_module("jax")
    z = np.array([-1e-12, -30.0, -40.0, 0.0, 2.0])
    alphas = np.array([0.5, 1.0, 3.0, 0.7, 0.7])
    value = np.where(z > 0, z, alphas * np.expm1(z))
    by_alpha = np.where(z > 0, 0, np.expm1(np.minimum(z, 0)))
    by_z = np.where(z > 0, 1, alphas * np.exp(z))

    def same(found: Any, expected: np.ndarray) -> None:
        assert np.allclose(found, expected, rtol=ULPS * np.finfo(float).eps, atol=0)

    def scanned(z: Any, alphas: Any) -> Any:
        return jax.lax.scan(lambda total, pair: (total + elu(*pair), None), 0.0, (z, alphas))[0]

    for transform in (lambda f: f, jax.jit):  # alpha is a traced number here
        same(transform(jax.vmap(elu))(z, alphas), value)
        for found, expected in zip(
            transform(jax.vmap(jax.grad(elu, (0, 1))))(z, alphas), (by_z, by_alpha), strict=True
        ):
            same(found, expected)
        for found, expected in zip(
            transform(jax.grad(scanned, (0, 1)))(z, alphas), (by_z, by_alpha), strict=True
        ):
            same(found, expected)
        same(
            transform(lambda z, a: jax.jvp(elu, (z, a), (np.ones(5), np.zeros(5)))[1])(z, alphas),
            by_z,
        )
        same(
            transform(jax.vmap(lambda z: jax.grad(elu)(z, 0.7)))(z),
            np.where(z > 0, 1, 0.7 * np.exp(z)),
        )


@pytest.mark.parametrize("alpha", [1.0, 0.7])
def test_the_elu_of_keras_keeps_its_digits_in_a_compiled_loop(
    request: pytest.FixtureRequest, alpha: float
) -> None:
    load("keras", request.config)
    import tensorflow as tf

    layer = importlib.import_module("backends.keras.activation").build(ELU(alpha=alpha))
    points = np.array([-1e-12, -30.0, -40.0, 0.0, 2.0])

    @tf.function(autograph=False)
    def gradient(z: Any) -> Any:
        with tf.GradientTape() as tape:  # type: ignore[attr-defined]
            tape.watch(z)
            loop: Any = tf.while_loop(
                lambda i, total: i < 3,
                lambda i, total: (i + 1, total + layer(z)),
                (0, tf.zeros_like(z)),
            )
        return tape.gradient(loop[1], z)

    expected = 3 * np.where(points > 0, 1, alpha * np.exp(points))
    assert np.allclose(
        gradient(tf.constant(points)).numpy(), expected, rtol=ULPS * np.finfo(float).eps, atol=0
    )
