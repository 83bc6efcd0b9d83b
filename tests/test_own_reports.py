"""Public reports of ports that give other results and of models that do not learn, rebuilt small:
what their authors are told.

Each test names its report; its models are in reports/, as their authors would give them to `port`
and `diagnose`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments.own.port_closing import closing, worst
from experiments.own.port_document import Port
from experiments.own.port_spoken import head
from tests.held_reports import cures, diagnose, partings, port, running

__all__ = ["diagnose", "port", "running"]


# --- ports


def test_a_dense_layer_of_2048_numbers_is_no_fault_but_rounding(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/google/flax/issues/963: float32, and 1e-7 of difference where none was
    # expected
    said = port("torch=flax963_torch.py", "jax=flax963_linen.py")
    assert said.ok
    assert not said.divergences
    assert 0 < worst(said) < 0.1


def test_same_of_a_strided_convolution_is_not_a_padding_of_3(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/google/flax/issues/2993: the first layer of a ResNet18, 7x7, stride 2
    said = port("torch=flax2993_torch.py", "jax=flax2993_linen.py")
    assert partings(said) == [("forward", "conv1", "convolution.padding")]
    assert cures(said) == ["flax.linen.Conv(..., padding=((3, 3), (3, 3)))"]
    assert (
        "3 on each side in the reference, 2 before and 3 after in the port" in list(head(said))[1]
    )
    assert port("torch=flax2993_torch.py", "jax=flax2993_linen.py:mended").ok


def test_a_causal_convolution_has_the_gradient_of_one_whose_end_is_cut_off(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/google/flax/issues/4188: the same output, and another gradient
    said = port("torch=flax4188_torch.py", "jax=flax4188_linen.py")
    assert said.ok
    assert said.carried.layers == {"conv1d": "conv1d"}
    assert next(head(said)) == "The port agrees: values, loss, gradients, 3 steps of the optimizer."


def test_the_same_output_with_another_gradient_is_found_on_the_way_back(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/google/flax/issues/4188, with a gradient that is lost on the way
    said = port("torch=flax4188_torch.py", "jax=flax4188_linen.py:cut")
    assert partings(said) == [("backward", ":getitem", "")]
    assert next(head(said)).startswith(
        "The values agree, the gradient does not: coming back it leaves at :getitem"
    )


def test_one_autoencoder_from_two_starts_agrees_once_its_weights_are_carried(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/google/flax/issues/4087: a loss of 1.01 by hand and of 1.84 in Flax
    said = port("jax=flax4087_by_hand.py:layers", "jax=flax4087_linen.py")
    assert said.ok
    mine, its = said.starts["encoder"]
    assert mine == pytest.approx(0.01, rel=0.2)
    assert its == pytest.approx((1 / 32) ** 0.5, rel=0.2)  # LeCun's, of a fan-in of 32
    assert any(
        "The weights start in another size, before they are carried: encoder" in line
        for line in closing(said)
    )
    assert any(line.count("and 1 other.") for line in closing(said))


@pytest.mark.parametrize(
    ("reference", "other"),
    [
        (
            "jax=flax4087_by_hand.py",
            "jax=flax4087_linen.py",
        ),  # https://github.com/google/flax/issues/4087
        (
            "torch=flax4188_torch.py",
            "jax=flax4188_linen.py:by_hand",
        ),  # https://github.com/google/flax/issues/4188
    ],
)
def test_weights_by_hand_that_cannot_be_carried_are_said_and_not_explained_away(
    port: Callable[[str, str], Port], reference: str, other: str
) -> None:
    said = port(reference, other)
    assert not said.ok
    assert all(not one.causes for one in said.divergences)
    assert "layers of the port are without the reference's weights" in list(head(said))[1]
    assert any("(model)" in line for line in said.carried.lacking)


def test_a_bias_that_is_a_buffer_and_gets_a_gradient_in_the_port_is_named(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/huggingface/transformers/pull/16345: FlaxBart's final_logits_bias
    said = port("torch=transformers16345_torch.py", "jax=transformers16345_linen.py")
    assert partings(said) == [("backward", "(model)", "gradient.trained")]
    assert "final_logits_bias: no parameter in the reference, trained in the port." in list(
        head(said)
    )
    assert port("torch=transformers16345_torch.py", "jax=transformers16345_linen.py:mended").ok


def test_an_update_by_hand_is_that_of_the_optimizer(port: Callable[[str, str], Port]) -> None:
    # https://discuss.pytorch.org/t/140781: what differs is the start, since the generator has moved
    # on
    said = port("torch=discuss140781_torch.py", "torch=discuss140781_own.py")
    assert said.ok
    assert {"step", "statistics"} <= set(said.judged)
    assert [mine for mine, _ in said.losses] == pytest.approx(
        [its for _, its in said.losses], rel=1e-12
    )
    assert not said.starts, "both are drawn by one law"


def test_the_steps_by_hand_are_named_where_they_are_others(
    port: Callable[[str, str], Port],
) -> None:
    # https://discuss.pytorch.org/t/140781, with another rate
    said = port("torch=discuss140781_torch.py", "torch=discuss140781_faster.py")
    assert partings(said) == [("step", "(the end)", "optimizer.rate")]


def test_pytorchs_momentum_of_batch_norm_is_one_minus_that_of_keras(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/gzuidhof/nn-transfer/issues/7; the epsilon is pull/3 there, the flattening
    # issues/16
    said = port("torch=nn_transfer7_torch.py", "keras=nn_transfer7_keras.py")
    assert partings(said) == [
        ("forward", "bnm1", "normalization.epsilon"),
        ("forward", ":flatten", "order.flatten"),
        ("forward", "bnm3", "normalization.epsilon"),
        ("statistics", "bnm1", "running.momentum"),
    ]
    assert cures(said)[-1] == "keras.layers.BatchNormalization(momentum=0.9)"
    mended = port("torch=nn_transfer7_torch.py", "keras=nn_transfer7_keras.py:mended")
    assert mended.ok
    assert partings(mended) == [("statistics", "bnm1", "running.unbiased")]


def test_the_first_argument_of_linens_layer_norm_is_epsilon(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/google/flax/issues/2195: LayerNorm(12) on both sides
    said = port("torch=flax2195_torch.py", "jax=flax2195_linen.py")
    assert partings(said) == [("forward", "1", "normalization.epsilon")]
    assert "1e-05 in the reference, 12 in the port" in list(head(said))[1]
    assert port("torch=flax2195_torch.py", "jax=flax2195_linen.py:mended").ok


def test_two_grus_agree_once_the_gates_are_in_their_order(port: Callable[[str, str], Port]) -> None:
    # https://github.com/keras-team/keras/issues/15915: weights taken over as they lie, r z n
    # against z r n
    said = port("torch=keras15915_torch.py", "keras=keras15915_keras.py")
    assert said.ok
    assert said.carried.layers == {"rnn[0]": "gru_1", "rnn[1]": "gru_2"}


def test_a_gru_that_is_reset_before_the_product_is_another(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/apple/coremltools/issues/1124: the reset gate and the second bias
    said = port("torch=keras15915_torch.py", "keras=keras15915_keras.py:reset_before")
    assert partings(said) == [
        ("forward", "rnn[0]", "recurrent.reset"),
        ("forward", "rnn[1]", "recurrent.reset"),
    ]
    assert "rnn[0] has recurrent_bias, and gru_1 of the port has none" in said.carried.lacking


def test_adam_with_a_decay_is_not_adamw(port: Callable[[str, str], Port]) -> None:
    # https://github.com/google-deepmind/optax/issues/417
    said = port("torch=optax417_torch.py", "jax=optax417_linen.py")
    assert partings(said) == [("step", "(the end)", "optimizer.coupling")]
    assert cures(said)[0].startswith("optax.chain(optax.add_decayed_weights(0.01), optax.adam(")


def test_each_parameter_clipped_by_itself_is_not_all_together(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/huggingface/transformers/issues/581: BERT's training in TensorFlow and its
    # port
    said = port("keras=transformers581_keras.py", "torch=transformers581_torch.py")
    assert partings(said) == [("step", "(the end)", "clipping.scope")]
    assert cures(said) == ["torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)"]


def test_gelu_by_tanh_is_not_the_exact_one(port: Callable[[str, str], Port]) -> None:
    # https://github.com/google/gemma_pytorch/issues/33, and
    # https://github.com/jax-ml/jax/issues/4428
    said = port("jax=gemma33_nnx.py", "torch=gemma33_torch.py")
    assert partings(said) == [("forward", ":gelu", "activation.gelu")]
    assert cures(said) == ["torch.nn.GELU(approximate='tanh')"]


def test_tables_of_words_start_with_other_sizes_and_the_rest_agrees(
    port: Callable[[str, str], Port],
) -> None:
    # https://discuss.pytorch.org/t/135659: accuracies of 66 and 77 %
    said = port("keras=discuss135659_keras.py", "torch=discuss135659_torch.py")
    assert said.ok
    mine, its = said.starts["embedding"]
    assert mine == pytest.approx(0.05 / 3**0.5, rel=0.15)
    assert its == pytest.approx(1, rel=0.15)
    assert worst(said) < 0.1, "Keras' loss goes round the sigmoid, which is no fault"


def test_a_block_of_a_resnet_has_all_its_faults_named_in_one_run(
    port: Callable[[str, str], Port],
) -> None:
    # https://github.com/keras-team/keras/pull/16363: weights of ResNet18, stride 2; the rest as
    # Keras has it
    said = port("torch=keras16363_torch.py", "keras=keras16363_keras.py")
    assert partings(said) == [
        ("forward", "conv1", "convolution.padding"),
        ("forward", "bn1", "normalization.epsilon"),
        ("forward", "bn2", "normalization.epsilon"),
        ("statistics", "bn1", "running.momentum"),
    ]
    assert cures(said)[0] == "keras.layers.ZeroPadding2D(((1, 1), (1, 1)))"


# --- models that do not learn
