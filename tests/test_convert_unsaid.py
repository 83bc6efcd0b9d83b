"""What a file of weights does not say: kinds are asked for and not guessed, and what is lost comes
back.
"""

from __future__ import annotations

import numpy as np
import pytest

from common.errors import UserError
from experiments.converting import laws
from experiments.converting.files import Stored
from tests import converted as c
from tests.carried import fresh, over_six, same_bits, trained, wings, with_second_biases
from tests.converted import precise

__all__ = ["precise", "wings"]


def test_a_bare_file_says_what_it_lacks() -> None:
    """Without what its metadata say, a state_dict's embedding may be a map without a bias."""
    bare = Stored(trained("momentum").arrays, {})
    with pytest.raises(
        UserError, match=r"'layers\.0\.weight' is of must be known.*give --kind layers/0=embedding"
    ):
        c.through(bare, "torch", "keras", heads=c.HEADS, rate=c.RATE)
    kinds = {"layers/0": "embedding"}
    assert (
        c.through(bare, "torch", "keras", heads=c.HEADS, rate=c.RATE, kinds=kinds).layers[
            "layers/0"
        ]
        == "embedding"
    )


def test_two_norms_of_one_shape_are_not_guessed() -> None:
    bare = Stored(trained("momentum").arrays, {})
    with pytest.raises(UserError, match="must be told apart by kind or number"):
        c.through(bare, "torch", "keras", fresh("keras", "momentum"), rate=c.RATE)


@pytest.mark.parametrize(("inputs", "said"), [(4 * 9, True), (4, False), (10, False)])
def test_feature_maps_that_may_be_flattened_are_spoken_of(inputs: int, said: bool) -> None:
    """PyTorch has their channels first: the one map between layers that no file tells."""
    ones = {
        "0.weight": (4, 2, 3, 3),
        "0.bias": (4,),
        "3.weight": (5, inputs),
        "3.bias": (5,),
        "4.weight": (6, 5),
        "4.bias": (6,),
    }
    file = c.file_of({name: np.ones(shape) for name, shape in ones.items()})
    remarks = c.through(file, "torch", "keras").remarks
    assert [
        line.startswith("3: if feature maps of 4 channels are flattened before it")
        for line in remarks
    ] == [True] * said


def test_a_layer_that_is_called_as_a_part_of_this_suite_may_be_another() -> None:
    file = c.file_of(
        {"skip.weight": np.ones((4, 2, 3, 3)), "gate.bias": np.ones(3), "gate.weight": np.ones(3)}
    )
    assert c.through(file, "torch", "jax").layers == {
        "gate": "layer_norm or group_norm",
        "skip": "convolution",
    }


@over_six
def test_rmsprop_moves_too(source: str, target: str) -> None:
    weights = {
        "torch": ("0.weight", "0.bias"),
        "keras": ("0/kernel", "0/bias"),
        "jax": ("params/0/kernel", "params/0/bias"),
    }
    slots = {
        "torch": ("optimizer.0.weight.square_avg", "optimizer.0.bias.square_avg"),
        "keras": ("rmsprop/0_kernel_velocity", "rmsprop/0_bias_velocity"),
        "jax": ("opt_state/0/nu/0/kernel", "opt_state/0/nu/0/bias"),
    }
    kernel = np.random.default_rng(0).normal(size=(2, 3))
    arrays = {
        name: {
            weights[name][0]: kernel.T if name == "torch" else kernel,
            weights[name][1]: np.ones(3),
            slots[name][0]: (kernel.T if name == "torch" else kernel) ** 2,
            slots[name][1]: np.full(3, 0.5),
        }
        for name in laws.FRAMEWORKS
    }
    arrays["keras"]["rmsprop/iteration"] = np.array(0)
    counts = {f"optimizer.0.{name}.step": np.array(0, np.float32) for name in ("weight", "bias")}
    arrays["torch"] |= counts
    found = c.through(c.file_of(arrays[source]), source, target)
    assert same_bits(found.arrays, arrays[target])


def test_a_layer_that_is_frozen_has_no_state_there_and_back() -> None:
    arrays = {
        name: a
        for name, a in trained("adam").arrays.items()
        if not name.startswith("optimizer.layers.0.")
    }
    file = Stored(arrays, trained("adam").metadata)
    with pytest.raises(
        UserError,
        match=r"must keep exp_avg of 'layers\.0\.weight'; received none; .* --frozen layers/0",
    ):
        c.through(file, "torch", "keras", heads=c.HEADS)
    there = c.through(file, "torch", "keras", heads=c.HEADS, frozen=frozenset({"layers.0"}))
    assert not [name for name in there.arrays if name.startswith("adam/layers_0")]
    assert same_bits(
        c.through(Stored(there.arrays, there.metadata), "keras", "torch").arrays, arrays
    )


def test_back_into_the_names_of_the_first_file_is_back_to_the_last_bit() -> None:
    file = with_second_biases("momentum")
    there = c.through(file, "torch", "keras", fresh("keras", "momentum"), rate=c.RATE)
    back = c.through(Stored(there.arrays, there.metadata), "keras", "torch", file)
    assert same_bits(back.arrays, file.arrays)


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_plain_sgd_keeps_nothing_but_a_count_and_a_rate_in_keras(target: str) -> None:
    weights = {"sequential/dense/kernel": np.ones((2, 3)), "sequential/dense/bias": np.ones(3)}
    whole = c.file_of(weights | {"sgd/iteration": np.array(7), "sgd/learning_rate": np.array(0.1)})
    there = c.through(whole, "keras", target)
    assert len(there.arrays) == 2
    assert same_bits(
        c.through(Stored(there.arrays, there.metadata), target, "keras").arrays, whole.arrays
    )
    again = c.through(c.file_of(there.arrays), target, "keras", whole)
    assert same_bits(again.arrays, whole.arrays)
