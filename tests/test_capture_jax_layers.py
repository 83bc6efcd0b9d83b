"""The layers in a capture of flax linen models: canonical forms, reading and writing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")


from backends.jax import capture
from tests import linen_models as models
from tests.flax_cases import (
    CLASSES,
    FLAT,
    Case,
    attended,
    convolved,
    drawn,
    gru,
    lstm,
    normalized,
    place,
    precise,
    simple,
    taken,
    transposed,
)
from tests.linen_cases import BY_NAME, CASES, captured


@pytest.fixture(scope="module", autouse=True)
def _precise() -> None:
    precise()


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
        subject.write(
            {path: {**layer["parameters"], **layer["statistics"]} for path, layer in before.items()}
        )
    assert subject.capture(values=False)["loss"] == pytest.approx(
        taken("linen", case).captured["loss"], rel=1e-14
    )


def test_every_parameter_is_in_one_layer_and_has_a_gradient_in_its_form() -> None:
    for case in CASES:
        found = captured(case.name)
        variables = taken("linen", case).subject.parameters
        names = [
            name
            for layer in found["layers"].values()
            for each in layer["names"].values()
            for name in each.split(", ")
        ]
        assert set(variables) <= set(names)
        assert len(names) == len(set(names))
        for layer in found["layers"].values():
            for name, gradient in layer["gradients"].items():
                assert gradient is None or gradient.shape == layer["parameters"][name].shape


def canonical(
    name: str, path: str, call: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any], np.ndarray]:
    """Input, parameters, numbers and output."""
    found = captured(name)
    seen = place(found, path, call)
    layer = found["layers"][path]
    return seen["inputs"][0], layer["parameters"], seen["config"], seen["output"]


def test_the_canonical_arrays_give_the_output() -> None:
    x, p, _, y = canonical("between", "Dense_0")
    np.testing.assert_allclose(x @ p["weight"] + p["bias"], y, rtol=1e-12, atol=1e-13)
    x, p, config, y = canonical("strided", "Conv_0")
    np.testing.assert_allclose(
        convolved(x, p["weight"], p["bias"], config), y, rtol=1e-12, atol=1e-13
    )
    assert (config["padding"], config["groups"]) == ([[0, 1], [0, 1]], 2)
    x, p, config, y = canonical("strided", "ConvTranspose_0")
    np.testing.assert_allclose(
        transposed(x, p["weight"], p["bias"], config), y, rtol=1e-12, atol=1e-13
    )
    x, p, config, y = canonical("normalized", "BatchNorm_0")
    np.testing.assert_allclose(
        normalized(x, p, config["epsilon"], (0, 1, 2)), y, rtol=1e-11, atol=1e-12
    )
    x, p, config, y = canonical("normalized", "LayerNorm_0")
    np.testing.assert_allclose(
        normalized(x, p, config["epsilon"], (-1,)), y, rtol=1e-11, atol=1e-12
    )
    x, p, config, y = canonical("attention", "MultiHeadDotProductAttention_0")
    np.testing.assert_allclose(attended(x, p, config["scale"]), y, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "formula"), [("lstm", lstm), ("plain lstm", lstm), ("gru", gru), ("rnn", simple)]
)
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
        np.testing.assert_allclose(
            gru(seen["inputs"][0], new), seen["output"], rtol=1e-12, atol=1e-13
        )
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


def test_stacked_parameters_are_left_as_they_are_and_said() -> None:
    found = captured("scanned")
    assert found["layers"]["stack.Dense_0"]["kind"] == "other"
    assert "stack.Dense_0" in " ".join(found["remarks"])


def test_what_does_not_fit_is_refused_by_name() -> None:
    subject = taken("linen", BY_NAME["twice"]).subject
    with pytest.raises(
        ValueError, match=r"shared: weight has the shape \(4, 4\); received \(4, 5\)"
    ):
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
