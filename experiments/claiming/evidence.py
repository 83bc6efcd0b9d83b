"""Evidence: what one framework has measured, and the figures that claims take from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.quantities import decay_per_layer, gradient_ratio
from experiments.claiming.criteria import Figure
from experiments.findings.gradient import DEPTHS
from experiments.findings.thresholds import Thresholds
from experiments.tables import Run

_BOUNDS = Thresholds()
_LAYERS = DEPTHS[0]
THROUGH = (_BOUNDS.vanishing ** (1 / (_LAYERS - 1)), _BOUNDS.exploding ** (1 / (_LAYERS - 1)))
"""A layer's factor on the gradient by which it comes through 30 layers, as the verdicts of
`compare` have it."""


class Untried(Exception):
    """The run or the script that a figure is taken from has failed."""


@dataclass(frozen=True)
class Evidence:
    """What one framework has measured.

    Attributes:
        runs: Of the networks, by name.
        facts: Of its own functions (experiments/claiming/native); empty where they could not be
            asked.
    """

    runs: Mapping[str, Run]
    facts: Mapping[str, Any]

    def first(self, network: str, quantity: str) -> np.ndarray:
        """A quantity [seed, layer] at the first step."""
        return self._run(network).trace.quantities[quantity][:, 0]

    def a_layer(self, network: str) -> Figure:
        """What a layer makes of the gradient on its way back, at the first step.

        A factor, by least squares over all layers.
        """
        return _over_seeds(10.0 ** decay_per_layer(self.first(network, "signal_gradient_rms")))

    def halves(self, network: str) -> Figure:
        """The decades that a layer of the first half takes, as a share of one of the last half."""
        signal = self.first(network, "signal_gradient_rms")
        middle = signal.shape[1] // 2
        early = decay_per_layer(signal[:, :middle])
        late = decay_per_layer(signal[:, middle:])
        return _over_seeds(early / late)

    def decades(self, network: str) -> Figure:
        """The gradient of the first layer beside the last one's, in decades."""
        with np.errstate(divide="ignore"):
            return _over_seeds(np.log10(gradient_ratio(self.first(network, "signal_gradient_rms"))))

    def accuracy(self, network: str) -> Figure:
        """On the test set; the error is its samples', or the seeds' where they differ more."""
        header = self._run(network).header
        found = _over_seeds(np.array(header.accuracy))
        binomial = np.sqrt(found.value * (1 - found.value) / header.test_samples)
        return Figure(found.value, max(found.error, float(binomial)))

    def gain(self, network: str, *others: str) -> Figure:
        """By how much the accuracy is above the best of others."""
        best = max((self.accuracy(other) for other in others), key=lambda figure: figure.value)
        return difference(self.accuracy(network), best)

    def loss_gap(self, network: str, other: str) -> Figure:
        """By how much the training loss of the last recorded steps is above another network's."""
        one, second = (
            _over_seeds(self._run(name).trace.loss[:, -10:].mean(1)) for name in (network, other)
        )
        return difference(one, second)

    def saturation(self, network: str, derivative: str) -> Figure:
        """The mean derivative of an activation by its outputs' moments.

        Over all layers but the first, at the first step.

        Args:
            network: Of which.
            derivative: Of sigmoid, h (1 - h), or of tanh, 1 - h^2.
        """
        mean = self.first(network, "activation_mean")
        square = self.first(network, "activation_rms") ** 2
        of_units = {"sigmoid": mean - square, "tanh": 1 - square}[derivative]
        return _over_seeds(of_units[:, 1:].mean(1))

    def clipped(self, network: str) -> Figure:
        """The first layer's weight gradient after clipping / before it, at the first step.

        Of all seeds the largest.
        """
        before, after = (
            self.first(network, f"{word}weight_gradient_rms")[:, 0] for word in ("", "clipped_")
        )
        return Figure(float((after / before).max()))

    def largest_step(self, network: str) -> Figure:
        """The largest share of its size by which any step changes any layer's weights."""
        return _over_seeds(self._run(network).trace.quantities["update_ratio"].max((1, 2)))

    def fact(self, name: str) -> Any:
        """What a function of its own does; None where it has none of the kind.

        Raises:
            Untried: They could not be asked.
        """
        if not self.facts:
            raise Untried(name)
        return self.facts.get(name)

    def _run(self, network: str) -> Run:
        """A network's run.

        Raises:
            Untried: It has failed.
        """
        try:
            return self.runs[network]
        except KeyError:
            raise Untried(network) from None


def difference(one: Figure, other: Figure) -> Figure:
    """Of two figures that were measured apart."""
    return Figure(one.value - other.value, float(np.hypot(one.error, other.error)))


def quotient(one: Figure, other: Figure) -> Figure:
    """Of two figures that were measured apart."""
    value = one.value / other.value
    return Figure(
        value, abs(value) * float(np.hypot(one.error / one.value, other.error / other.value))
    )


def _over_seeds(values: np.ndarray) -> Figure:
    """The mean over seeds with its standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return Figure(float(values.mean()), float(error))
