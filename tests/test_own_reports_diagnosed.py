"""Public reports of models that do not learn, diagnosed."""

from __future__ import annotations

from collections.abc import Callable

from experiments.own import spoken
from experiments.own.diagnosis import Diagnosis
from tests.held_reports import causes, diagnose, port, running

__all__ = ["diagnose", "port", "running"]


def test_an_lstm_with_relu_that_ends_in_nothing_but_0_is_told_what_died_and_why(
    diagnose: Callable[..., Diagnosis],
) -> None:
    # https://github.com/keras-team/keras/issues/3687: SGD(0.01, momentum=0.99, nesterov=True)
    said = diagnose("keras=keras3687_keras.py", 20)
    assert said.gradient.verdict == "dead"
    assert causes(said) == ["dead units", "momentum"]
    assert said.advice[0].said.startswith("100 % of the outputs are dead")
    assert said.advice[1].line == "keras.optimizers.SGD(0.01, momentum=0.9)"


def test_a_relu_at_the_end_that_starts_below_0_is_named_before_all_others(
    diagnose: Callable[..., Diagnosis],
) -> None:
    # https://github.com/ProteomicsML/ProteomicsML/pull/203: an LSTM that says 0 for all peptides
    said = diagnose("torch=proteomics203_torch.py")
    assert said.gradient.verdict == "dead"
    assert said.advice[0].said.startswith("100 % of the outputs are dead")
    assert "nn.ReLU()" in said.advice[0].line


def test_a_softmax_before_the_cross_entropy_is_named(diagnose: Callable[..., Diagnosis]) -> None:
    # https://github.com/sugi-chan/custom_bert_pipeline/issues/1,
    # https://github.com/NaJaeMin92/pytorch-DANN/issues/7
    said = diagnose("torch=softmax_torch.py")
    assert causes(said) == ["output"]
    assert said.advice[0].line.startswith("return the logits")


def test_a_last_layer_that_starts_from_0_is_told_to_be_so_and_to_pass(
    diagnose: Callable[..., Diagnosis],
) -> None:
    # https://github.com/LTH14/mar/issues/46: only the last layer gets a gradient
    said = diagnose("torch=zero_torch.py")
    assert causes(said) == ["zero weights"]
    assert (
        "A gradient gets to layer 6, and from the second step on to the layers before."
        in said.advice[0].said
    )
    later = diagnose("torch=zero_torch.py", 3)
    assert later.gradient.verdict == "comes through"
    assert "the first layer got nothing at the first step" in next(spoken.sentences(later))


def test_two_layers_in_a_row_that_start_from_0_are_told_to_stay_so(
    diagnose: Callable[..., Diagnosis],
) -> None:
    # https://github.com/yz93/LAVT-RIS/issues/25
    said = diagnose("torch=zero_torch.py:two", 3)
    assert said.gradient.verdict == "dead"
    assert causes(said) == ["zero weights"]
    assert said.advice[0].said.startswith("The weights of layer 4 and layer 6 are exactly 0")
    assert "they stay 0" in said.advice[0].said


def test_features_up_to_1000_are_named_before_the_rate(diagnose: Callable[..., Diagnosis]) -> None:
    # https://github.com/py-why/EconML/issues/60
    said = diagnose("keras=econml60_keras.py", 4)
    assert said.gradient.verdict == "non-finite"
    assert causes(said) == ["input", "learning rate"]
    assert said.advice[1].line == "keras.optimizers.SGD(learning_rate=5e-09)"
