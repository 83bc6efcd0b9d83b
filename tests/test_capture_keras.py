"""What is captured of a Keras model: its places, gradients and layers, on models that are awkward
to look into.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from isograd import captured, kinds, npz
from tests import central
from tests.keras_cases import MODELS, Wing, arrays_of, drawn_over, place, recomputed, wing

__all__ = ["wing"]


def known(norms: Any) -> dict[str, float]:
    return {name: float(value) for name, value in norms.items() if value is not None}


@pytest.mark.parametrize("name", MODELS)
def test_every_gradient_is_that_of_central_differences(wing: Wing, name: str):
    given, subject, seen = wing.made(name)
    errors = dict(central.errors(subject, seen))
    cut = [key for key in errors if key.split("#")[0] in given.cut]
    assert len(cut) == len(given.cut)
    assert all(place(seen, path)["gradient"] is None for path in given.cut)
    assert {key: error for key, error in errors.items() if error > 1e-5 and key not in cut} == {}


@pytest.mark.parametrize("name", MODELS)
def test_the_places_are_those_that_a_reader_expects(wing: Wing, name: str):
    given, _, seen = wing.made(name)
    assert [f"{each['path']} {each['kind']}" for each in seen["places"]] == given.places
    assert {each["kind"] for each in seen["places"]} <= set(kinds.KINDS)
    assert {key for each in seen["places"] for key in each} == set(captured.Place.__annotations__)
    assert set(seen) == set(captured.Captured.__annotations__)


@pytest.mark.parametrize("name", MODELS)
def test_places_are_in_the_order_of_return_and_lie_within_each_other_or_apart(
    wing: Wing, name: str
):
    places = wing.made(name)[2]["places"]
    spans = sorted({(each["start"], each["end"]) for each in places}, key=lambda span: span[1])
    assert [(each["start"], each["end"]) for each in places] == sorted(
        ((each["start"], each["end"]) for each in places), key=lambda span: span[1]
    )
    assert all(a[1] < b[0] or b[0] < a[0] for a, b in itertools.pairwise(spans))
    assert not place(wing.made(name)[2], "")["inner"]


@pytest.mark.parametrize("name", MODELS)
def test_one_compiled_program_gives_the_norms_of_the_values(wing: Wing, name: str):
    _, subject, seen = wing.made(name)
    compiled = subject.capture(values=False)
    assert not any("op by op" in remark for remark in compiled["remarks"])
    assert compiled["loss"] == pytest.approx(seen["loss"], rel=1e-13)
    for one, other in zip(compiled["places"], seen["places"], strict=True):
        assert known(one["norms"]) == pytest.approx(known(other["norms"]), rel=1e-12, abs=1e-300), (
            one["path"]
        )
        assert other["norms"]["rms"] == pytest.approx(captured.rms(other["output"]), rel=1e-13)
        if other["gradient"] is not None:
            assert other["norms"]["gradient"] == pytest.approx(
                captured.rms(other["gradient"]), rel=1e-12
            )


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_read_back_to_the_last_bit(wing: Wing, name: str):
    _, subject, seen = wing.made(name)
    before = arrays_of(subject)
    subject.write(before)
    assert subject.capture(values=True)["loss"] == seen["loss"]
    new = drawn_over(subject)
    read = arrays_of(subject)
    subject.write(before)
    np.testing.assert_equal(read, new)
    assert subject.capture(values=True)["loss"] == seen["loss"]


@pytest.mark.parametrize("name", MODELS)
def test_a_capture_leaves_the_model_as_it_was_and_travels(wing: Wing, name: str):
    given, subject, seen = wing.made(name)
    before = [variable.numpy() for variable in given.model.variables]
    chance = np.random.get_state(legacy=False)["state"]["key"].tolist()
    again = subject.capture(values=True)
    subject.capture(values=False)
    assert chance == np.random.get_state(legacy=False)["state"]["key"].tolist()
    for variable, value in zip(given.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_equal(npz.load(npz.dump(again)), json_form(seen))


def json_form(what: Any) -> Any:
    """Tuples as lists, as in a file."""
    if isinstance(what, dict):
        return {key: json_form(value) for key, value in what.items()}
    return [json_form(value) for value in what] if isinstance(what, list | tuple) else what


def test_canonical_arrays_give_the_output_by_the_formula_of_their_kind(wing: Wing):
    checked = set()
    for name in MODELS:
        _, subject, _ = wing.made(name)
        before = arrays_of(subject)
        drawn_over(subject)
        seen = subject.capture(values=True, gradient=False)
        subject.write(before)
        for each in seen["places"]:
            made = recomputed(each, seen["layers"].get(each["path"]))
            if made is not None:
                checked.add(
                    (each["kind"], each["config"].get("cell"), each["config"].get("transposed"))
                )
                np.testing.assert_allclose(
                    made, each["output"], rtol=1e-12, atol=1e-12, err_msg=f"{name}: {each['path']}"
                )
    assert {
        "affine",
        "convolution",
        "batch_norm",
        "layer_norm",
        "rms_norm",
        "embedding",
        "attention",
    } <= {kind for kind, *_ in checked}
    assert {cell for _, cell, _ in checked} >= {"lstm", "gru", "rnn"}
    assert ("convolution", None, True) in checked


def test_a_frozen_layer_has_no_gradient_and_its_normalization_uses_running_statistics(wing: Wing):
    seen = wing.made("frozen")[2]
    assert seen["layers"]["body.d"]["gradients"] == {"weight": None, "bias": None}
    assert seen["layers"]["body.d"]["trainable"] == {"weight": False, "bias": False}
    assert place(seen, "body.n")["config"]["batch"] is False
    assert place(seen, "body.d")["gradient"] is not None
    assert place(wing.made("convolutions")[2], "norm")["config"]["batch"] is True


def test_a_variable_that_two_layers_share_is_written_once_and_both_calls_are_seen(wing: Wing):
    seen = wing.made("twice")[2]
    assert list(seen["layers"]) == ["words", "dense"]
    assert [place(seen, "dense", call)["call"] for call in (0, 1)] == [0, 1]


def test_padding_is_what_was_padded(wing: Wing):
    seen = wing.made("convolutions")[2]
    assert place(seen, "stem")["config"]["padding"] == [[0, 1], [1, 1]]
    assert place(wing.made("grouped")[2], "grouped")["config"]["padding"] == [[0, 1], [0, 1]]
    assert place(wing.made("normalized")[2], "causal")["config"]["padding"] == [[4, 0]]


def test_the_loss_of_a_compiled_model_takes_the_logits_that_keras_keeps(wing: Wing):
    given, _, seen = wing.made("probabilities")
    logits = place(seen, "d")["output"]
    log = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert seen["loss"] == pytest.approx(-np.mean(log[range(3), given.y]), rel=1e-12)
    assert seen["loss_said"] == "the loss that the model was compiled with"
    assert place(seen, "d:softmax")["gradient"] is None
    assert any("logits" in remark for remark in seen["remarks"])


def test_an_optimizer_is_told_by_its_numbers(wing: Wing):
    told = wing.made("probabilities")[2]["optimizer"]
    assert told.pop("kind") == "sgd"
    assert told == pytest.approx(
        {"rate": 0.1, "momentum": 0.9, "nesterov": False, "decay": 0.0, "decoupled": True}, rel=1e-6
    )


def test_the_losses_of_layers_are_part_of_the_loss(wing: Wing):
    given, _, seen = wing.made("rowwise")
    output = place(seen, "")["output"]
    plain = -np.mean((output - np.log(np.exp(output).sum(-1, keepdims=True)))[range(3), given.y])
    assert seen["loss"] == pytest.approx(
        plain + 0.125 * np.sum(np.square(given.model.d.kernel.numpy())), rel=1e-12
    )


def test_what_cannot_be_seen_into_is_said(wing: Wing):
    remarks = wing.made("rowwise")[2]["remarks"]
    assert any("d is called within tf.map_fn" in remark for remark in remarks)
    assert any("prelu" in remark and "no attribute" in remark for remark in remarks)
    assert any(
        "dropout of attention (rate 0.1)" in remark
        for remark in wing.made("transformer")[2]["remarks"]
    )


def test_a_model_that_runs_as_one_compiled_piece_says_so(wing: Wing):
    seen = wing.capture.subject(wing.models.Sealed(), wing.models.real(3, 4)).capture(values=True)
    assert any("compiled" in remark for remark in seen["remarks"])


def test_a_model_that_cannot_be_traced_is_run_op_by_op_and_says_so(wing: Wing):
    subject = wing.capture.subject(wing.models.Branching(), wing.models.real(3, 4))
    seen = subject.capture(values=False)
    assert any("op by op" in remark for remark in seen["remarks"])
    assert seen["loss"] == subject.capture(values=True)["loss"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            {"c": {"weight": np.zeros((2, 3))}},
            r"'weight' of the layer 'c' .* \(4, 3\); received \(2, 3\)",
        ),
        ({"c": {"kernel": np.zeros((4, 3))}}, "the layer 'c' has no 'kernel'; it has weight, bias"),
        ({"d": {}}, "no layer has the path 'd'; there are a, b, c"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_written(
    wing: Wing, layers: Any, message: str
):
    subject = wing.made("perceptron")[1]
    before = arrays_of(subject)
    with pytest.raises(ValueError, match=message):
        subject.write({"a": {"bias": np.ones(4)}, **layers})
    np.testing.assert_equal(arrays_of(subject), before)


def test_a_value_that_is_put_lets_the_gradient_through(wing: Wing):
    _, subject, seen = wing.made("perceptron")
    same = subject.capture(values=True, put={("a", 0, 0): place(seen, "a")["output"]})
    np.testing.assert_equal(same["layers"]["a"]["gradients"], seen["layers"]["a"]["gradients"])
    other = subject.capture(values=True, put={("b", 0, 0): np.zeros((3, 4))})
    assert not place(other, "b")["output"].any()
    assert np.any(other["layers"]["a"]["gradients"]["weight"])


def test_a_compiled_method_that_ran_before_is_still_seen_into(wing: Wing):
    given, subject, seen = wing.made("nested")
    given.model(given.x, training=True)
    again = subject.capture(values=True)
    assert [each["path"] for each in again["places"]] == [each["path"] for each in seen["places"]]


def test_a_value_without_a_place_or_of_another_shape_is_refused(wing: Wing):
    subject = wing.made("perceptron")[1]
    with pytest.raises(ValueError, match="no place"):
        subject.capture(values=False, put={("nowhere", 0, 0): np.zeros(1)})
    with pytest.raises(ValueError, match=r"shape \(3, 4\)"):
        subject.capture(values=False, put={("a", 0, 0): np.zeros(1)})
