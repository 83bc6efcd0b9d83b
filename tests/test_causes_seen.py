"""A fault is seen from further away than its own place: behind a layer, in front of one, or at the
end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.causes import Case, Side, backward_case, explain, forward_case, loss_case
from experiments.causes._definition import forward
from tests.places import step, told
from tests.test_causes_filled import captured, place

RNG = np.random.default_rng(0)

# what is weaker comes later


def test_what_goes_in_is_told_and_not_what_a_layer_makes_of_it() -> None:
    """Half the input of a layer norm is as if its epsilon were four times as large: but the input
    itself is half as large.
    """
    x = RNG.normal(size=(6, 8))
    config = {"epsilon": 1e-5, "axes": 1}
    mine, its = (
        step("norm", "layer_norm", forward("layer_norm", config, {}, {}, [v]), v, **config)
        for v in (x, x / 2)
    )
    before = Side("torch", "torch", "norm", "between", output=x)
    known = (step("x", "other", RNG.normal(size=(6, 8))),)
    case = Case(
        "forward",
        before,
        replace(before, output=x / 2),
        known,
        after_reference=(mine,),
        after_port=(its,),
    )
    assert [key for key, _ in told(case)] == ["scale.factor"]


def test_an_activation_that_comes_later_is_not_missing() -> None:
    x = RNG.normal(size=(2, 6, 6, 3))
    config = {"which": "average", "size": [2, 2], "stride": [2, 2], "padding": [[0, 0], [0, 0]]}

    def pool(value: np.ndarray) -> np.ndarray:
        return forward("pooling", config, {}, {}, [value])

    act = step("act", "activation", np.tanh(x), x, name="tanh")
    after = step("pool", "pooling", pool(np.tanh(x)), np.tanh(x), **config)
    end = Side("keras", "keras", "pool", "between", output=np.tanh(x))
    its = (
        step("p", "pooling", pool(x), x),
        step("a", "activation", np.tanh(pool(x)), pool(x), name="tanh"),
    )
    case = Case("forward", end, replace(end, output=x), (), (act,), (), (after,), its)
    assert told(case)[0][0] == "order.layers"
    assert told(replace(case, after_port=its[:1]))[0][0] == "activation.missing"


def test_of_two_causes_at_once_the_second_has_to_explain_something() -> None:
    """A rounding beside a fault is no second fault, even where the first alone is not certain."""
    x = RNG.normal(size=(5, 4, 6, 8))
    config = {"epsilon": 1e-5, "batch": True}
    side = step(
        "norm",
        "batch_norm",
        forward("batch_norm", config, {}, {}, [x]) + np.linspace(0, 1, 8),
        x,
        **config,
    )
    its = forward("batch_norm", config | {"epsilon": 1e-3}, {}, {}, [x])
    assert told(Case("forward", side, replace(side, output=its))) == []


# behind a layer, and in front of one


def embedded(its: np.ndarray, tokens: np.ndarray, weight: np.ndarray) -> Case:
    made = replace(
        step("tokens", "embedding", weight[tokens], tokens), parameters={"weight": weight}
    )
    end = Side("torch", "torch", "add", "between", output=weight[tokens])
    return Case("forward", end, replace(end, output=its), (made,))


def test_what_is_done_to_a_layer_s_output_may_be_a_number_of_the_layer() -> None:
    tokens = RNG.integers(0, 6, (5, 7))
    weight = RNG.normal(size=(6, 8))
    blank = np.where(tokens[..., None] == 0, 0.0, weight[tokens])
    assert told(embedded(blank, tokens, weight))[0] == ("embedding.padding", "tokens")
    assert told(embedded(weight[tokens] + RNG.normal(size=(5, 7, 8)), tokens, weight)) == []


@pytest.mark.parametrize(("name", "narrow"), [("float16", np.float16), ("float32", np.float32)])
@pytest.mark.parametrize("what", ["inputs", "weights"])
def test_a_rounding_on_the_way_is_named_by_its_type(name: str, narrow: type, what: str) -> None:
    x = RNG.normal(size=(6, 9))
    weight = RNG.normal(size=(9, 7))
    side = replace(step("fc", "affine", x @ weight, x), parameters={"weight": weight})
    rounded = {
        "inputs": (x.astype(narrow).astype(float), weight),
        "weights": (x, weight.astype(narrow).astype(float)),
    }
    its = np.matmul(*rounded[what])
    assert told(Case("forward", side, replace(side, output=its)))[0][0] == f"precision.{name}"
    noise = x @ weight + 1e-8 * RNG.normal(size=its.shape)
    assert told(Case("forward", side, replace(side, output=noise))) == []


def test_an_activation_with_a_number_of_its_own_may_be_too_many() -> None:
    x = RNG.normal(size=(6, 8))
    end = Side("torch", "torch", "add", "between", output=x)
    its = np.where(x > 0, x, 0.75 * np.expm1(x))
    (found,) = explain(Case("forward", end, replace(end, output=its)))
    assert (found.key, found.certainty) == ("activation.added", "solved")
    assert "elu alpha 0.75" in found.said


# the order of axes at the end, and of a concatenation


def test_a_loss_of_channels_first_is_that_of_channels_last() -> None:
    z = RNG.normal(size=(4, 5, 6, 3))
    y = RNG.integers(0, 3, (4, 5, 6))
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    each = -np.log(np.take_along_axis(p, y[..., None], -1))
    gradient = p - np.eye(3)[y]
    first = [0, 2, 3, 1]
    conv = np.moveaxis(z, -1, 1)
    mine = captured("torch", [place("conv", "convolution", conv, layout=first)], output=conv, y=y)
    mine |= {
        "loss": float(each.mean()),
        "output_gradient": np.moveaxis(gradient, -1, 1) / each.size,
    }
    its = captured("keras", [place("conv", "convolution", z)], output=z, y=y)
    its |= {"loss": float(each.sum() / 4), "output_gradient": gradient / 4}
    assert [found.key for found in explain(loss_case(mine, its))] == ["loss.reduction"]


def test_the_skip_of_a_concatenation_is_a_way_of_the_gradient() -> None:
    x, up, back, other = (RNG.normal(size=(3, 4, 4, 2)) for _ in range(4))
    first = [0, 2, 3, 1]
    turned = [np.moveaxis(value, -1, 1) for value in (x, up, back, other)]
    joined, whole = (np.concatenate([turned[i], turned[j]], 1) for i, j in ((1, 0), (3, 2)))
    skip = place("act", "activation", turned[0], layout=first, gradient=turned[2] + turned[3])
    cat = place(
        "cat",
        "concatenate",
        joined,
        turned[1],
        turned[0],
        layout=None,
        config={"axis": 1},
        gradient=whole,
    )
    its = place("act", "activation", turned[0], layout=first, gradient=turned[3])
    mine = captured("torch", [skip, cat])
    case = backward_case(mine, captured("torch", [its]), skip, its, follows=[cat])
    assert [found.key for found in explain(case)] == ["gradient.way"]
    lone = backward_case(
        mine, captured("torch", [its]), skip, its | {"gradient": turned[1]}, follows=[cat]
    )
    assert explain(lone) == []


def test_a_softmax_at_the_end_runs_over_the_channels_of_both() -> None:
    z = RNG.normal(size=(2, 4, 4, 3))
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    conv = place("conv", "convolution", np.moveaxis(z, -1, 1), layout=[0, 2, 3, 1])
    mine = captured("torch", [conv], output=np.moveaxis(z, -1, 1))
    found = explain(forward_case(mine, captured("keras", [], output=p), None, None, agreed=[conv]))
    assert [each.key for each in found] == ["activation.added"]
