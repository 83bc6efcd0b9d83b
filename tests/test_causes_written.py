"""A fault is seen in what is written out by hand: attention and padding are taken for one place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.causes import Case, Side
from experiments.causes._definition import forward
from experiments.causes._written import written
from tests.places import step, told

RNG = np.random.default_rng(0)
Q, K, V = (RNG.normal(size=(2, 3, 5, 4)) for _ in range(3))
TRIANGLE = np.tri(5, dtype=bool)


def attention_by_hand() -> list[Side]:
    """As it is written out in Keras: products, a division, a mask, a softmax."""
    raw = Q @ K.swapaxes(-1, -2)
    hidden = np.where(TRIANGLE, raw / 2, -np.inf)
    weights = np.exp(hidden) / np.exp(hidden).sum(-1, keepdims=True)
    return [
        step("product", "matmul", raw, Q, K.swapaxes(-1, -2)),
        step("divide", "other", raw / 2, raw),
        step("where", "other", hidden, TRIANGLE, raw / 2),
        step("softmax", "activation", weights, hidden, name="softmax", axis=-1),
        step("mix", "matmul", weights @ V, weights, V),
    ]


def fused(**config: Any) -> np.ndarray:
    return forward("attention", {"scale": 0.5, "causal": True} | config, {}, {}, [Q, K, V])


def stretch(its: np.ndarray) -> Case:
    """The whole attention lies between; the port has it in one place."""
    places = attention_by_hand()
    end = Side("keras", "keras", "out", "between", output=places[-1].output)
    one = Side("torch", "torch", "fused", "attention", output=its)
    return Case(
        "forward",
        end,
        replace(end, backend="torch", dialect="torch", output=its),
        (),
        tuple(places),
        (one,),
    )


# attention, written out


def test_attention_that_is_written_out_is_taken_for_one_place() -> None:
    places = attention_by_hand()
    (side,) = written(places, places)
    assert (side.kind, side.config["scale"], side.config["causal"]) == ("attention", 0.5, True)
    assert places[-1].output is not None
    np.testing.assert_allclose(fused(), places[-1].output, rtol=1e-12)


def test_what_is_not_attention_is_not_taken_for_it() -> None:
    places = attention_by_hand()
    assert places[-1].output is not None
    wrong = replace(places[-1], output=places[-1].output + 1)
    assert list(written([*places[:-1], wrong], places)) == []
    assert list(written(places, [])) == []  # none of it is where the two part


@pytest.mark.parametrize(
    ("config", "cause", "where"),
    [
        ({"causal": False}, "attention.causal", "where"),
        ({"scale": 1.0}, "attention.scale", "divide"),
        ({"over": -2}, "attention.softmax", "softmax"),
        ({"fill": 0.0}, "attention.mask", "where"),
        ({"behind": True}, "attention.mask", "where"),
    ],
)
def test_a_fault_of_attention_is_told_at_the_function_that_does_it(
    config: dict[str, Any], cause: str, where: str
) -> None:
    assert told(stretch(fused(**config)))[:1] == [(cause, where)]


def test_no_family_speaks_of_attention_that_is_another_function_altogether() -> None:
    assert told(stretch(np.tanh(fused()) * RNG.normal(size=V.shape))) == []


def test_a_mask_of_numbers_is_one_that_is_added() -> None:
    places = attention_by_hand()
    raw = places[0].output
    bias = RNG.normal(size=(5, 5))
    assert raw is not None
    score = raw * 0.5 + bias
    weights = np.exp(score) / np.exp(score).sum(-1, keepdims=True)
    own = [
        places[0],
        step("divide", "other", raw * 0.5, raw),
        step("add", "add", score, raw * 0.5, bias),
        step("softmax", "activation", weights, score, name="softmax", axis=-1),
        step("mix", "matmul", weights @ V, weights, V),
    ]
    (side,) = written(own, own)
    assert side.config["scale"] == pytest.approx(0.5, rel=1e-9)
    np.testing.assert_allclose(side.inputs[3], bias, rtol=1e-6, atol=1e-9)


# padding, written out


def padded() -> tuple[Case, np.ndarray]:
    x = RNG.normal(size=(2, 6, 6, 3))
    around = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    pad = step("pad", "other", around, x)
    config = {
        "which": "average",
        "size": [3, 3],
        "stride": [1, 1],
        "padding": [[0, 0], [0, 0]],
        "counted": False,
    }
    pool = step("pool", "pooling", forward("pooling", config, {}, {}, [around]), around, **config)
    its = forward("pooling", config | {"padding": [[1, 1], [1, 1]]}, {}, {}, [x])
    other = Side("torch", "torch", "avg", "pooling", inputs=(x,), output=its)
    before = Side("keras", "keras", "pool", "between", output=around)
    port = Side("torch", "torch", "avg", "between", output=x)
    return Case("forward", before, port, (), (pad,), (), (pool,), (other,)), its


def test_padding_and_the_pooling_behind_it_are_one_place() -> None:
    assert told(padded()[0])[0][0] == "pooling.counted"


def test_padding_that_the_port_has_too_is_no_fault_of_the_pooling() -> None:
    case, its = padded()
    right = case.after_reference[0].output
    assert right is not None
    assert told(replace(case, after_port=(replace(case.after_port[0], output=right),))) == []
    noise = its + 0.1 * RNG.normal(size=its.shape)
    assert told(replace(case, after_port=(replace(case.after_port[0], output=noise),))) == []
