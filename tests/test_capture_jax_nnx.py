"""The capture of flax nnx models: gradients, places, layers, steps, and that the user's own model
stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from backends.jax import capture
from tests import central
from tests import nnx_models as models
from tests.captured_nnx import BY_NAME, CASES
from tests.flax_cases import (
    CLASSES,
    FLAT,
    IMAGE,
    Case,
    attended,
    convolved,
    drawn,
    gru,
    lstm,
    normalized,
    place,
    precise,
    said,
    simple,
    taken,
    transposed,
)


@pytest.fixture(scope="module", autouse=True)
def _precise() -> None:
    precise()


def captured(name: str) -> dict[str, Any]:
    return taken("nnx", BY_NAME[name]).captured


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_places_are_those_that_a_reader_expects_in_their_order(case: Case) -> None:
    assert said(taken("nnx", case).captured) == case.places


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gradient_is_that_of_central_differences_and_none_where_it_is_cut(case: Case) -> None:
    _, subject, found = taken("nnx", case)
    cut = {
        f"{each['path']}#{each['call']}.{each['leaf']}"
        for each in found["places"]
        if each["gradient"] is None
    }
    assert cut == set(case.cut)
    reached = dict(found, places=[each for each in found["places"] if each["gradient"] is not None])
    errors = dict(central.errors(subject, reached))
    assert {name: error for name, error in errors.items() if error > 1e-5} == {}
    assert len(errors) == len(reached["places"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_drawn_and_written_is_read_back_to_the_last_bit(case: Case) -> None:
    subject = taken("nnx", case).subject
    before = subject.layers()
    try:
        new = drawn(before)
        subject.write(new)
        for path, layer in subject.layers().items():
            for name, value in {**layer["parameters"], **layer["statistics"]}.items():
                np.testing.assert_array_equal(value, new[path][name], err_msg=f"{path} {name}")
    finally:
        subject.write(
            {path: {**layer["parameters"], **layer["statistics"]} for path, layer in before.items()}
        )
    assert subject.capture(values=False)["loss"] == pytest.approx(
        taken("nnx", case).captured["loss"], rel=1e-14
    )


def canonical(
    name: str, path: str
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any], np.ndarray]:
    """Input, parameters, numbers and output."""
    found = captured(name)
    seen = place(found, path)
    layer = found["layers"][path]
    return seen["inputs"][0], layer["parameters"], seen["config"], seen["output"]


def test_the_canonical_arrays_give_the_output() -> None:
    x, p, _, y = canonical("between", "a")
    np.testing.assert_allclose(x @ p["weight"] + p["bias"], y, rtol=1e-12, atol=1e-13)
    x, p, config, y = canonical("strided", "conv")
    np.testing.assert_allclose(
        convolved(x, p["weight"], p["bias"], config), y, rtol=1e-12, atol=1e-13
    )
    x, p, config, y = canonical("strided", "back")
    np.testing.assert_allclose(
        transposed(x, p["weight"], p["bias"], config), y, rtol=1e-12, atol=1e-13
    )
    x, p, config, y = canonical("normalized", "bn")
    np.testing.assert_allclose(
        normalized(x, p, config["epsilon"], (0, 1, 2)), y, rtol=1e-11, atol=1e-12
    )
    x, p, config, y = canonical("attention", "attention")
    np.testing.assert_allclose(attended(x, p, config["scale"]), y, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "formula"), [("lstm", lstm), ("plain lstm", lstm), ("gru", gru), ("rnn", simple)]
)
def test_the_canonical_arrays_of_a_recurrent_layer_give_its_steps(name: str, formula: Any) -> None:
    x, p, _, y = canonical(name, "rnn")
    np.testing.assert_allclose(formula(x, p), y, rtol=1e-12, atol=1e-13)


def test_a_second_bias_of_a_gru_fits_only_where_nnx_can_have_it() -> None:
    subject = taken("nnx", BY_NAME["gru"]).subject
    before = subject.layers()["rnn"]["parameters"]
    inner = np.zeros((3, 4))
    inner[:2] = 1.0
    try:
        subject.write({"rnn": {**before, "recurrent_bias": inner}})
        after = subject.layers()["rnn"]["parameters"]["bias"]
        np.testing.assert_array_equal(after, before["bias"] + inner)
        with pytest.raises(ValueError, match=r"rnn: recurrent_bias .* has no place there"):
            subject.write({"rnn": {**before, "recurrent_bias": np.ones((3, 4))}})
    finally:
        subject.write({"rnn": before})


def test_what_is_shared_is_one_layer_by_the_path_that_was_set_first() -> None:
    assert list(captured("twice")["layers"]) == ["shared", "head"]
    tied = captured("tied")["layers"]
    assert list(tied["a"]["parameters"]) == ["weight", "bias"]
    assert list(tied["b"]["parameters"]) == ["bias"]


def test_the_users_model_stays_as_it_is() -> None:
    model = models.Normalized(nnx.Rngs(0))
    model.eval()
    graph, state = nnx.split(model)
    before = jax.tree.map(np.array, nnx.to_pure_dict(state))
    subject = capture.subject(model, IMAGE, CLASSES, optimizer=optax.sgd(0.1))
    subject.capture(values=True)
    subject.steps([(IMAGE, CLASSES)], values=False)
    after_graph, after = nnx.split(model)
    assert after_graph == graph
    assert model.bn.use_running_average
    jax.tree.map(np.testing.assert_array_equal, before, nnx.to_pure_dict(after))


def test_batch_norm_says_in_both_modes_which_statistics_were_used() -> None:
    for training in (True, False):
        subject = capture.subject(
            models.Normalized(nnx.Rngs(0)), IMAGE, CLASSES, training=training, precision="float64"
        )
        before = subject.layers()["bn"]["statistics"]["mean"]
        found = subject.capture(values=True)
        assert place(found, "bn")["config"]["batch"] == training
        assert (abs(place(found, "bn")["output"].mean((0, 1, 2))).max() < 1e-10) == training
        np.testing.assert_array_equal(subject.layers()["bn"]["statistics"]["mean"], before)
        assert found["layers"]["bn"]["statistics"]["mean"].dtype == np.float64


def test_norms_alone_are_those_of_the_values() -> None:
    subject = taken("nnx", BY_NAME["strided"]).subject
    full = captured("strided")
    for a, b in zip(subject.capture(values=False)["places"], full["places"], strict=True):
        assert a["norms"]["rms"] == pytest.approx(
            float(np.sqrt(np.mean(b["output"] ** 2))), rel=1e-12
        )
        assert a["norms"]["gradient"] == pytest.approx(
            float(np.sqrt(np.mean(b["gradient"] ** 2))), rel=1e-12
        )


def in_double(model: Any) -> Any:
    graph, state = nnx.split(model)
    return nnx.merge(graph, jax.tree.map(lambda a: a.astype(float), state))


def test_steps_are_those_of_a_plain_loop_and_their_statistics_move() -> None:
    model = in_double(models.Normalized(nnx.Rngs(0)))
    optimizer = optax.sgd(0.1, 0.9)
    subject = capture.subject(
        model, IMAGE, CLASSES, optimizer=nnx.Optimizer(model, optimizer, wrt=nnx.Param)
    )
    steps = subject.steps([(IMAGE, CLASSES), (IMAGE[::-1].copy(), CLASSES)], values=True)
    own = nnx.Optimizer(model, optimizer, wrt=nnx.Param)
    model.train()

    @nnx.jit
    def step(model: Any, optimizer: Any, x: Any) -> Any:
        def loss(model: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(
                model(x), jnp.asarray(CLASSES)
            ).mean()

        value, gradients = nnx.value_and_grad(loss)(model)
        optimizer.update(model, gradients)
        return value

    for found, x in zip(steps, (IMAGE, IMAGE[::-1]), strict=True):
        assert found["loss"] == pytest.approx(float(step(model, own, jnp.asarray(x))), rel=1e-12)
    np.testing.assert_allclose(
        steps[-1]["parameters"]["conv"]["weight"], model.conv.kernel[...], rtol=1e-12
    )
    np.testing.assert_allclose(
        steps[-1]["statistics"]["bn"]["mean"], model.bn.mean[...], rtol=1e-12
    )
    np.testing.assert_array_equal(
        subject.layers()["bn"]["statistics"]["mean"], steps[-1]["statistics"]["bn"]["mean"]
    )


def test_the_models_own_precision_is_kept_and_said() -> None:
    found = capture.subject(models.CalledTwice(nnx.Rngs(0)), FLAT, CLASSES).capture(values=True)
    assert found["precision"] == "float32"
    assert {place["output"].dtype for place in found["places"]} == {np.dtype(np.float32)}


def test_after_a_capture_the_names_and_calls_are_the_frameworks_own() -> None:
    kept = (nnx.relu, jax.nn.gelu, nnx.Linear.__call__, models.Block.__call__)
    capture.subject(models.Nested(nnx.Rngs(0)), FLAT).capture(values=False)
    now = (nnx.relu, jax.nn.gelu, nnx.Linear.__call__, models.Block.__call__)
    assert all(a is b for a, b in zip(kept, now, strict=True))
