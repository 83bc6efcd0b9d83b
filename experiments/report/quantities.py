"""The quantities as a reader sees them: title, unit, axis, meaning, what is usual.

common/quantities.py defines them.

The ranges are measured: `HEALTHY` networks of the default experiment stay in them in every layer
and step, and a test runs some. `python -m experiments.compare` shows all of it on its page, under
Quantity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from common.quantities import QUANTITIES, ratio

HEALTHY = ("relu + he", "tanh + xavier", "sigmoid + batch norm + xavier")
"""Configurations of the default experiment that come through and learn."""

LAST = "the last hidden layer's"


class Usual(NamedTuple):
    """The range of a quantity in healthy networks.

    Attributes:
        low: The least value.
        high: The largest value.
        over: What the quantity is divided by: nothing, itself in the last hidden layer (`LAST`), or
            another quantity's name.
    """

    low: float
    high: float
    over: str = ""

    @property
    def spoken(self) -> str:
        """`0.1 to 10 times the last hidden layer's`."""
        if self.low == self.high:
            return f"{self.low:g} times {self._divisor}"
        return f"{self.low:g} to {self.high:g}{f' times {self._divisor}' if self.over else ''}"

    @property
    def _divisor(self) -> str:
        return LAST if self.over == LAST else f'the layer\'s "{SHOWN[self.over].title}"'

    def of(self, quantity: str, values: dict[str, np.ndarray]) -> np.ndarray:
        """What the range is of.

        Args:
            quantity: The quantity's name.
            values: All quantities [..., layer] by their names.
        """
        value = values[quantity]
        if not self.over:
            return value
        return ratio(value, value[..., -1:] if self.over == LAST else values[self.over])


class Shown(NamedTuple):
    """How a quantity is shown and explained.

    Attributes:
        title: What the reader calls it.
        unit: Of its axis.
        logarithmic: Whether its axis is.
        meaning: In one sentence.
        usual: In healthy networks.
        bad: What a bad value looks like, and what it means.
        source: Of what is usual, where somebody else says it too.
    """

    title: str
    unit: str
    logarithmic: bool
    meaning: str
    usual: Usual
    bad: str
    source: str = ""


SHARE = "signal_gradient_share"
"""Made of the signal gradient, which is measured: a flat line where every site gets the same."""

SHOWN = {
    SHARE: Shown(
        "gradient relative to the last",
        "share",
        True,
        (
            "The signal gradient of each layer as a share of the last hidden layer's, which is "
            "what the verdicts go by."
        ),
        Usual(0.1, 10),
        "A line that falls to the left is a gradient that vanishes, one that rises to the left "
        "explodes: below 0.001 and above 1000 they are called that. Exactly 0 is dead.",
        (
            "That it should be about 1 in every layer is the aim of Glorot and Bengio 2010 and of "
            "He et al. 2015."
        ),
    ),
    "signal_gradient_rms": Shown(
        "signal gradient",
        "loss per activation",
        True,
        "How much the loss moves with a layer's output, rms over its units and the batch; "
        "textbooks call it the backpropagated error.",
        Usual(0.1, 10, LAST),
        (
            "Decades between the layers. Its size alone says nothing: a loss that is multiplied by "
            "1000 multiplies it by 1000."
        ),
    ),
    "weight_gradient_rms": Shown(
        "weight gradient",
        "loss per weight",
        True,
        (
            "How much the loss moves with a weight of the layer, rms over its weights, before "
            "clipping."
        ),
        Usual(0.1, 10, LAST),
        "Decades between the layers: one learning rate is then too small for some and too large "
        "for others. Its size alone says nothing, since it grows with the loss.",
    ),
    "clipped_weight_gradient_rms": Shown(
        "weight gradient after clipping",
        "loss per weight",
        True,
        "The weight gradient that the optimizer gets, after clipping.",
        Usual(1, 1, "weight_gradient_rms"),
        "Far below it in every step: then the threshold, and not the gradient, sets the size of "
        "the step. Where clipping does not bind they are the same.",
        "Pascanu et al. 2013 find thresholds of half to ten times the average norm to work.",
    ),
    "update_ratio": Shown(
        "update ratio",
        "step over weight",
        True,
        (
            "How far one training step moves the layer's weights, as a share of their size, rms "
            "over rms."
        ),
        Usual(1e-4, 3e-2),
        "At 1 a step throws away what the layer knew: lower the learning rate. At 1e-9 the layer "
        "stands still, whatever the loss does.",
        "About 1e-3 is the rule of thumb of Stanford's course CS231n.",
    ),
    "activation_rms": Shown(
        "activation, rms",
        "activation",
        True,
        "How large the layer's outputs are, rms over its units and the batch.",
        Usual(0.05, 3),
        "Decades less from layer to layer: the input does not reach the output. Ever larger: it "
        "will overflow. Of tanh, close to 1: the units are saturated, and their derivative is "
        "close to 0.",
    ),
    "activation_mean": Shown(
        "activation, mean",
        "activation",
        False,
        "The mean of the layer's outputs over its units and the batch.",
        Usual(-0.2, 0.95, "activation_rms"),
        "As large as the rms: the layer says nearly the same of every sample. Usual is about 0 of "
        "tanh, half the rms of ReLU, and 0.93 of a sigmoid with batch norm.",
    ),
    "dead_fraction": Shown(
        "dead units",
        "share of units",
        False,
        "The share of the layer's units that pass no gradient on, of any sample of the batch.",
        Usual(0, 0.6),
        "1: nothing passes through the layer, and no step will change what is before it. A ReLU "
        "whose input is negative for the whole batch is dead; units of tanh and sigmoid are so "
        "only where they are saturated to the last digit.",
    ),
}
assert set(SHOWN) == {SHARE, *QUANTITIES}
