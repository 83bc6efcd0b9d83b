"""The capture of flax linen models, and what it has in common with that of nnx: gradients, places, layers, steps, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from backends.jax import capture
from tests import central
from tests import linen_models as models
from tests.flax_cases import (
    CLASSES,
    FLAT,
    IMAGE,
    PAIR,
    SEQUENCE,
    WORDS,
    Case,
    attended,
    convolved,
    drawn,
    gru,
    lstm,
    normalized,
    place,
    quick,
    said,
    simple,
    taken,
    transposed,
)

BLOCK = "{0}.Dense_0 {0}:gelu {0}:add {0}"
RECURRENT = "RNN_0 RNN_0/.1 {}:slice :add Dense_0 (model)"
SCANNED = " ".join(f"stack.Dense_0{n} stack:tanh{n} stack:add{n} stack{n}" for n in ("", "#1", "#2"))

CASES = [
    Case("twice", models.CalledTwice, FLAT, "shared :tanh shared#1 :tanh#1 head (model)"),
    Case("tied", models.TiedEmbedding, WORDS, "Embed_0 Dense_0 :tanh :mean :transpose :dot_general (model)", y=None),
    Case("in place", models.InPlace, FLAT, "Dense_0 :scatter-mul :add :silu Dense_1 (model)"),
    Case(
        "tuples",
        models.TupleOutput,
        FLAT,
        "Dense_0 Pair_0.Dense_0 Pair_0.Dense_1 Pair_0 Pair_0/.1 (model)",
        ("Pair_0.Dense_1#0.0", "Pair_0#0.1"),
    ),
    Case("nested", models.Nested, FLAT, f"{BLOCK.format('Block_0')} Sequential_0:relu Dense_0 Sequential_0 (model)"),
    Case("lstm", models.Recurrent, SEQUENCE, RECURRENT.format("RNN_0/.2 "), ("RNN_0#0.0",)),
    Case("plain lstm", lambda: models.Recurrent(nn.LSTMCell), SEQUENCE, RECURRENT.format("RNN_0/.2 "), ("RNN_0#0.0",)),
    Case("gru", lambda: models.Recurrent(nn.GRUCell), SEQUENCE, RECURRENT.format("")),
    Case("rnn", lambda: models.Recurrent(nn.SimpleCell), SEQUENCE, RECURRENT.format("")),
    Case(
        "both ways",
        models.BothWays,
        SEQUENCE,
        "RNN_0 RNN_0/.1 RNN_1 RNN_1/.1 Bidirectional_0:concatenate Bidirectional_0 :slice Dense_0 (model)",
        ("RNN_0#0.0", "RNN_1#0.0"),
    ),
    Case("jitted", models.Jitted, FLAT, f"{BLOCK.format('JitBlock_0')} {BLOCK.format('JitBlock_1')} Dense_0 (model)"),
    Case(
        "remat",
        models.Rematerialised,
        FLAT,
        f"{BLOCK.format('CheckpointBlock_1')} {BLOCK.format('CheckpointBlock_0')} Dense_0 (model)",
    ),
    Case("frozen", models.Frozen, FLAT, "frozen :tanh head (model)", ("frozen#0.0", ":tanh#0.0")),
    Case(
        "normalized",
        models.Normalized,
        IMAGE,
        "Conv_0 BatchNorm_0 :silu GroupNorm_0 :max_pool LayerNorm_0 :reshape Dense_0 (model)",
    ),
    Case(
        "between",
        models.Between,
        FLAT,
        "Dense_0 :leaky_relu :mul :concatenate :softmax :dot_general :reshape :transpose :mean :elu Dense_1 (model)",
    ),
    Case("two inputs", models.TwoInputs, PAIR, "Dense_1 Dense_2 :mul Dense_0 (model)"),
    Case("custom", models.CustomLayer, FLAT, "Dense_1 Scaled_0:exp Scaled_0:mul Scaled_0 Dense_0 (model)"),
    Case(
        "attention",
        models.Attention,
        SEQUENCE,
        "LayerNorm_0 MultiHeadDotProductAttention_0:dot_product_attention MultiHeadDotProductAttention_0 Dropout_0 :add :mean "
        "Dense_0 (model)",
    ),
    Case("strided", models.Strided, IMAGE, "Conv_0 :tanh ConvTranspose_0 :avg_pool :mean Dense_0 (model)"),
    Case("scanned", models.Scanned, FLAT, f"{SCANNED} Dense_0 (model)"),
]
BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        yield


def captured(name: str) -> dict[str, Any]:
    return taken("linen", BY_NAME[name]).captured


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_places_are_those_that_a_reader_expects_in_their_order(case: Case) -> None:
    assert said(taken("linen", case).captured) == case.places


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gradient_is_that_of_central_differences_and_none_where_it_is_cut(case: Case) -> None:
    _, subject, found = taken("linen", case)
    cut = {f"{each['path']}#{each['call']}.{each['leaf']}" for each in found["places"] if each["gradient"] is None}
    assert cut == set(case.cut)
    reached = dict(found, places=[each for each in found["places"] if each["gradient"] is not None])
    errors = dict(central.errors(subject, reached))
    assert {name: error for name, error in errors.items() if error > 1e-5} == {}
    assert len(errors) == len(reached["places"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_drawn_and_written_is_read_back_to_the_last_bit(case: Case) -> None:
    subject = taken("linen", case).subject
    before = subject.layers()
    try:
        new = drawn(before)
        subject.write(new)
        for path, layer in subject.layers().items():
            for name, value in {**layer["parameters"], **layer["statistics"]}.items():
                np.testing.assert_array_equal(value, new[path][name], err_msg=f"{path} {name}")
    finally:
        subject.write({path: {**layer["parameters"], **layer["statistics"]} for path, layer in before.items()})
    assert subject.capture(values=False)["loss"] == pytest.approx(taken("linen", case).captured["loss"], rel=1e-14)


def test_every_parameter_is_in_one_layer_and_has_a_gradient_in_its_form() -> None:
    for case in CASES:
        found, variables = captured(case.name), taken("linen", case).subject.parameters
        names = [name for layer in found["layers"].values() for each in layer["names"].values() for name in each.split(", ")]
        assert set(variables) <= set(names)
        assert len(names) == len(set(names))
        for layer in found["layers"].values():
            for name, gradient in layer["gradients"].items():
                assert gradient is None or gradient.shape == layer["parameters"][name].shape


def canonical(name: str, path: str, call: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any], np.ndarray]:
    """Input, parameters, numbers and output."""
    found = captured(name)
    seen, layer = place(found, path, call), found["layers"][path]
    return seen["inputs"][0], layer["parameters"], seen["config"], seen["output"]


def test_the_canonical_arrays_give_the_output() -> None:
    x, p, _, y = canonical("between", "Dense_0")
    np.testing.assert_allclose(x @ p["weight"] + p["bias"], y, rtol=1e-12, atol=1e-13)
    x, p, config, y = canonical("strided", "Conv_0")
    np.testing.assert_allclose(convolved(x, p["weight"], p["bias"], config), y, rtol=1e-12, atol=1e-13)
    assert (config["padding"], config["groups"]) == ([[0, 1], [0, 1]], 2)
    x, p, config, y = canonical("strided", "ConvTranspose_0")
    np.testing.assert_allclose(transposed(x, p["weight"], p["bias"], config), y, rtol=1e-12, atol=1e-13)
    x, p, config, y = canonical("normalized", "BatchNorm_0")
    np.testing.assert_allclose(normalized(x, p, config["epsilon"], (0, 1, 2)), y, rtol=1e-11, atol=1e-12)
    x, p, config, y = canonical("normalized", "LayerNorm_0")
    np.testing.assert_allclose(normalized(x, p, config["epsilon"], (-1,)), y, rtol=1e-11, atol=1e-12)
    x, p, config, y = canonical("attention", "MultiHeadDotProductAttention_0")
    np.testing.assert_allclose(attended(x, p, config["scale"]), y, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("name", "formula"), [("lstm", lstm), ("plain lstm", lstm), ("gru", gru), ("rnn", simple)])
def test_the_canonical_arrays_of_a_recurrent_layer_give_its_steps(name: str, formula: Any) -> None:
    x, p, config, y = canonical(name, "RNN_0")
    np.testing.assert_allclose(formula(x, p), y, rtol=1e-12, atol=1e-13)
    assert config["cell"] == name.split()[-1]


def test_a_second_bias_of_a_gru_is_folded_into_the_one_that_flax_has() -> None:
    subject = taken("linen", BY_NAME["gru"]).subject
    before = subject.layers()
    new = {name: np.array(value) for name, value in before["RNN_0"]["parameters"].items()}
    new["recurrent_bias"] = np.arange(12.0).reshape(3, 4)
    try:
        subject.write({"RNN_0": new})
        after = subject.capture(values=True)
        seen = place(after, "RNN_0")
        np.testing.assert_allclose(gru(seen["inputs"][0], new), seen["output"], rtol=1e-12, atol=1e-13)
    finally:
        subject.write({"RNN_0": before["RNN_0"]["parameters"]})


def test_kinds_and_numbers_are_those_of_the_call() -> None:
    kinds = {each["path"]: (each["kind"], each["config"]) for each in captured("between")["places"]}
    assert kinds[":leaky_relu"] == ("activation", {"name": "leaky_relu", "slope": 0.2})
    assert kinds[":elu"] == ("activation", {"name": "elu", "alpha": 0.7})
    assert kinds[":concatenate"] == ("concatenate", {"axis": 1})
    assert kinds[":transpose"] == ("transpose", {"axes": [0, 2, 1]})
    assert kinds[":mean"] == ("mean", {"axes": [1]})
    assert kinds[""] == ("container", {})
    pool = place(captured("strided"), ":avg_pool")["config"]
    assert pool == {
        "which": "average",
        "size": [3, 2],
        "stride": [2, 2],
        "padding": [[0, 1], [0, 0]],
        "ceil": False,
        "counted": True,
    }


def test_batch_norm_says_in_both_modes_which_statistics_were_used() -> None:
    for training in (True, False):
        model = models.Normalized()
        variables = model.init(jax.random.key(0), IMAGE, False)
        subject = capture.subject((model, variables), IMAGE, CLASSES, training=training, precision="float64")
        before = subject.layers()["BatchNorm_0"]["statistics"]
        found = subject.capture(values=True)
        seen = place(found, "BatchNorm_0")
        assert seen["config"]["batch"] == training
        moved = abs(seen["output"].mean((0, 1, 2))).max() < 1e-10
        assert moved == training
        after = subject.layers()["BatchNorm_0"]["statistics"]
        np.testing.assert_array_equal(before["mean"], after["mean"])
        assert found["loss"] == subject.capture(values=True)["loss"]


def test_norms_alone_are_those_of_the_values() -> None:
    for name in ("strided", "attention"):
        subject, full = taken("linen", BY_NAME[name]).subject, captured(name)
        alone = subject.capture(values=False)
        for a, b in zip(alone["places"], full["places"], strict=True):
            assert a["output"] is None
            assert not a["inputs"]
            assert a["norms"]["rms"] == pytest.approx(float(np.sqrt(np.mean(b["output"] ** 2))), rel=1e-12)
            assert a["norms"]["mean"] == pytest.approx(float(b["output"].mean()), rel=1e-10, abs=1e-14)
            assert a["norms"]["gradient"] == pytest.approx(float(np.sqrt(np.mean(b["gradient"] ** 2))), rel=1e-12)


class Small(nn.Module):
    scale: float

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(3, use_bias=False)(nn.relu(nn.Dense(4)(x) - 100.0)) + nn.relu(x[:, :3] * self.scale)


def test_norms_are_scale_safe_and_dead_units_are_counted() -> None:
    found = capture.subject(Small(1e-200), FLAT, np.zeros((5, 3)), precision="float64").capture(values=False)
    dead, alive = place(found, ":relu", 0)["norms"], place(found, ":relu", 1)["norms"]
    assert dead["dead"] == 1
    assert alive["dead"] == 0
    assert 1e-201 < alive["rms"] < 1e-199


def test_what_is_put_replaces_the_value_and_gradients_flow_as_if_it_did_not() -> None:
    subject, full = taken("linen", BY_NAME["twice"]).subject, captured("twice")
    value = place(full, "shared", 1)["output"] + 0.5
    found = subject.capture(values=True, put={("shared", 1, 0): value})
    np.testing.assert_array_equal(place(found, "shared", 1)["output"], value)
    np.testing.assert_array_equal(place(found, "shared", 0)["output"], place(full, "shared", 0)["output"])
    np.testing.assert_allclose(place(found, ":tanh", 1)["output"], np.tanh(value), rtol=1e-13)
    assert np.any(place(found, "shared", 0)["gradient"])
    with pytest.raises(ValueError, match="no place"):
        subject.capture(values=True, put={("nowhere", 0, 0): value})
    with pytest.raises(ValueError, match=r"has the shape \(5, 4\); received \(2,\)"):
        subject.capture(values=True, put={("shared", 0, 0): np.zeros(2)})


def test_steps_are_those_of_a_plain_loop() -> None:
    model, optimizer = models.Normalized(), optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01))
    variables = jax.tree.map(lambda a: a.astype(float), model.init(jax.random.key(0), IMAGE, False))
    subject = capture.subject((model, variables), IMAGE, CLASSES, optimizer=optimizer, precision="float64")
    steps = subject.steps([(IMAGE, CLASSES), (IMAGE[::-1].copy(), CLASSES)], values=True)

    @jax.jit
    def loss(params: Any, state: Any, x: Any) -> Any:
        output, new = model.apply({"params": params, "batch_stats": state}, x, True, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(output, CLASSES).mean(), new["batch_stats"]

    params, state = variables["params"], variables["batch_stats"]
    own = optimizer.init(params)
    for step, x in zip(steps, (IMAGE, IMAGE[::-1]), strict=True):
        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params, state, x)
        updates, own = optimizer.update(gradients, own, params)
        params = optax.apply_updates(params, updates)
        assert step["loss"] == pytest.approx(float(value), rel=1e-12)
        np.testing.assert_allclose(step["gradients"]["Conv_0"]["weight"], gradients["Conv_0"]["kernel"], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(step["parameters"]["Dense_0"]["weight"], params["Dense_0"]["kernel"], rtol=1e-12)
        np.testing.assert_allclose(step["statistics"]["BatchNorm_0"]["variance"], state["BatchNorm_0"]["var"], rtol=1e-12)
    update = float(np.sqrt(np.mean(np.square(updates["Dense_0"]["kernel"]))))
    assert steps[-1]["norms"]["Dense_0"]["weight"]["update"] == pytest.approx(update, rel=1e-9)
    assert len(steps[0]["places"]) == len(subject.capture(values=False)["places"])


@pytest.mark.parametrize(
    ("optimizer", "numbers"),
    [
        (optax.sgd(0.1), {"kind": "sgd", "rate": 0.1}),
        (optax.sgd(0.1, 0.9, nesterov=True), {"kind": "sgd", "rate": 0.1, "momentum": 0.9, "nesterov": True}),
        (optax.adam(0.1, b1=0.8), {"kind": "adam", "rate": 0.1, "beta1": 0.8, "beta2": 0.999, "epsilon": 1e-8}),
        (optax.adamw(0.1), {"kind": "adamw", "rate": 0.1, "decay": 1e-4, "decoupled": True, "beta1": 0.9}),
        (
            optax.chain(optax.clip_by_global_norm(2.0), optax.add_decayed_weights(0.3), optax.adam(0.1)),
            {"kind": "adam", "clip": {"global_norm": 2.0}, "decay": 0.3, "decoupled": False},
        ),
        (optax.adam(optax.constant_schedule(0.1)), {"kind": "adam", "rate": None}),
    ],
)
def test_an_optimiser_says_its_numbers(optimizer: Any, numbers: dict[str, Any]) -> None:
    subject = taken("linen", BY_NAME["custom"]).subject
    subject.optimizer = optimizer
    found = subject.capture(values=False)["optimizer"]
    subject.optimizer = None
    assert found | numbers == found


def test_a_jitted_function_that_was_called_before_is_seen_all_the_same() -> None:
    model = models.Jitted()
    variables = model.init(jax.random.key(0), FLAT)
    jax.jit(model.apply)(variables, FLAT)
    loss = jax.jit(lambda output, y: jnp.mean(output**2))
    loss(model.apply(variables, FLAT), None)
    found = capture.subject((model, variables), FLAT, loss=loss).capture(values=False)
    assert said(found) == BY_NAME["jitted"].places


class Hidden(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        def step(module: nn.Module, carry: Any) -> Any:
            return carry[0] + 1, models.Block(4)(carry[1])

        if self.is_initializing():
            return step(self, (0, x))[1]
        return nn.while_loop(lambda module, carry: carry[0] < 2, step, self, (0, x))[1]


def test_a_loop_that_cannot_be_seen_into_is_said() -> None:
    found = capture.subject(Hidden(), FLAT).capture(values=False, gradient=False)
    assert [place["path"] for place in found["places"]] == [""]
    assert "inside `while`" in " ".join(found["remarks"])


def test_dropout_is_off_and_said() -> None:
    found = captured("attention")
    seen = place(found, "Dropout_0")
    np.testing.assert_array_equal(seen["output"], seen["inputs"][0])
    assert seen["config"] == {"rate": 0.5, "active": True}
    assert "dropout is off" in " ".join(found["remarks"])
    assert "attention MultiHeadDotProductAttention_0 (rate 0.5) is off" in " ".join(found["remarks"])


def test_stacked_parameters_are_left_as_they_are_and_said() -> None:
    found = captured("scanned")
    assert found["layers"]["stack.Dense_0"]["kind"] == "other"
    assert "stack.Dense_0" in " ".join(found["remarks"])


def test_what_does_not_fit_is_refused_by_name() -> None:
    subject = taken("linen", BY_NAME["twice"]).subject
    with pytest.raises(ValueError, match=r"shared: weight has the shape \(4, 4\); received \(4, 5\)"):
        subject.write({"shared": {"weight": np.zeros((4, 5))}})
    with pytest.raises(ValueError, match="shared: kernel of shape"):
        subject.write({"shared": {"kernel": np.zeros((4, 4))}})
    with pytest.raises(ValueError, match="no layer 'body'"):
        subject.write({"body": {}})
    with pytest.raises(ValueError, match="steps need an optimiser"):
        subject.steps([(FLAT, CLASSES)], values=True)
    with pytest.raises(ValueError, match="received Sequential"):
        capture.subject(type("Sequential", (), {})(), FLAT)
    with pytest.raises(ValueError, match="clip is torch's"):
        capture.subject(models.CalledTwice(), FLAT, clip=print)


def test_a_model_that_raises_raises_its_own_exception() -> None:
    with pytest.raises(nn.module.errors.ScopeParamShapeError):
        model = models.CalledTwice()
        capture.subject((model, model.init(jax.random.key(0), FLAT)), FLAT[:, :2]).capture(values=False)


def test_after_a_capture_the_names_are_the_frameworks_own() -> None:
    kept = (nn.relu, jax.nn.gelu, jnp.mean, nn.Module.__post_init__, models.Block.act, models.nn.tanh)
    subject = capture.subject(models.Nested(), FLAT)
    subject.capture(values=False)
    assert all(
        a is b
        for a, b in zip(
            kept, (nn.relu, jax.nn.gelu, jnp.mean, nn.Module.__post_init__, models.Block.act, models.nn.tanh), strict=True
        )
    )
