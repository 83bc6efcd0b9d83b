"""Mistakes in the ports of tests/ports, one file each architecture, and the right ports that are
not to be accused.
"""

from __future__ import annotations

from itertools import chain

from tests.ports.faults import cnn, lstm, mlp, resnet, transformer, unet
from tests.ports.faults.fault import Fault, Pair, together
from tests.ports.faults.later import LATER as LATER

ARCHITECTURES = (cnn, resnet, transformer, lstm, unet, mlp)
FAULTS: tuple[Fault, ...] = tuple(chain.from_iterable(each.FAULTS for each in ARCHITECTURES))

RIGHT: dict[Pair, tuple[str, ...]] = {each.pair: ("model",) for each in (*FAULTS, *LATER)} | {
    lstm.KERAS: ("model", "gru")
}
"""The right ports: each pair that has faults, and the functions that make its models."""


def named(pair: Pair, *names: str) -> Fault:
    """Several mistakes of a pair at once, by their names."""
    by_name = {each.name: each for each in FAULTS if each.pair == pair}
    return together(*(by_name[name] for name in names))


SEVERAL: tuple[Fault, ...] = (
    named(cnn.KERAS, "batch norm with Keras' epsilon", "ReLU for ELU"),
    named(
        cnn.KERAS,
        "Leaky ReLU with Keras' slope",
        "flattened with channels last",
        "no activation after a dense layer",
    ),
    named(cnn.KERAS, "average pooling for maximum", "average pooling padded as Keras does"),
    named(cnn.KERAS, "input divided by 255", "dilated convolution"),
    named(cnn.LINEN, "padding not counted in the average", "an activation twice"),
    named(cnn.LINEN, "batch norm by running statistics", "circular padding", "SELU for ELU"),
    named(cnn.NNX, "no ELU", "labels smoothed"),
    named(cnn.KERAS_LINEN, "weight decay", "hard tanh for tanh"),
    named(
        resnet.KERAS, "strided convolution padded as Keras does", "maximum for the mean over pixels"
    ),
    named(resnet.LINEN, "batch norms with Keras' epsilon", "channels as BGR"),
    named(resnet.LINEN_TORCH, "SiLU for ReLU", "batch norm with another epsilon"),
    named(
        transformer.KERAS,
        "scores not scaled",
        "layer norm with Keras' epsilon",
        "last step for the mean",
    ),
    named(transformer.KERAS, "GELU by tanh", "no positions"),
    named(transformer.LINEN, "Flax' own GELU", "no bias for the values"),
    named(lstm.KERAS, "hard sigmoid in the gates", "mean over time for the last step"),
    named(lstm.LINEN, "first layer backwards", "clipped after the step"),
    named(unet.KERAS, "joined in another order", "one group", "no weight decay"),
    named(unet.LINEN, "average pooling for maximum", "skips exchanged with the upsampled"),
    named(mlp.KERAS, "ELU with its usual alpha", "not clipped"),
    named(mlp.LINEN, "ReLU for Leaky ReLU", "half of the squared error"),
    named(mlp.NNX, "no bias in the first layer", "shortcut scaled"),
)
"""Two or three mistakes in one port."""
