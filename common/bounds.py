"""Bounds on the errors of one training step, from draws of what rounding does to it.

common/agreement.py has the formulas.
"""

from __future__ import annotations

import math

import numpy as np

from common.agreement import KINKS, NEAR_A_KINK, T, flushed
from common.apart import OUTPUT, UPDATE, Inside, Place, difference, of_inside, with_another
from common.countermeasures.activation import open_interval
from common.countermeasures.clipping import most_apart
from common.countermeasures.optimizer import linear, steepest
from common.network import State
from common.plan import Plan
from common.quantities import ratio, rms_of_layers
from common.step import SIGNAL, Compared, Key, Step, arrays, distance, largest

Sides = dict[Place, np.ndarray]
"""Which pre-activations lie above 0, [seed, batch, width] by their place."""


class Bounds:
    """What rounding does to a step, gathered from draws.

    Args:
        plan: Whose step it is.
        before: The state that it starts from.
        step: The definition's.
        inside: The definition's.
    """

    def __init__(self, plan: Plan, before: State, step: Step, inside: Inside) -> None:
        self.plan = plan
        self.before = before
        self.step = step
        self.inside = inside
        self.info = np.finfo(plan.precision)
        self.u = float(self.info.eps) / 2
        self.flushed = flushed(plan)
        self.expected = arrays(step) | of_inside(inside)
        self.rms = {key: np.zeros(largest(a).shape) for key, a in self.expected.items()}
        self.kinked = {key: np.zeros(found.shape) for key, found in self.rms.items()}
        self.margins = self._margins(inside)
        self.moved = {number: np.zeros(margin.shape) for number, margin in self.margins.items()}
        self.spread = {place: np.zeros(z.shape) for place, z in inside.z.items()}

    def _margins(self, inside: Inside) -> dict[int, np.ndarray]:
        """How far each unit of a site is from death, [seed, width] by layer: below 0 where dead."""
        low, high = open_interval(self.plan.network.activation, self.plan.precision)
        telling = {number: z for (number, _), z in inside.z.items()}
        margins = {number: np.minimum(z - low, high - z).max(1) for number, z in telling.items()}
        alive = {number: np.full((len(h), h.shape[2]), np.inf) for number, h in inside.h.items()}
        return {number: margins.get(number, alive[number]) for number in inside.h}

    @property
    def deep(self) -> bool:
        """Whether a product of two signals may be flushed."""
        signals = np.abs(self.expected[SIGNAL])
        return bool(((signals > 0) & (signals < math.sqrt(self.info.smallest_normal))).any())

    @property
    def sides(self) -> Sides:
        """Where the definition's pre-activations lie above 0."""
        return {place: z > 0 for place, z in self.inside.z.items()}

    def kinks(self) -> list[Sides]:
        """What draws of the other sides of the kinks take for above 0.

        None where no pre-activation is near one.
        """
        spread, sides = self.spread, self.sides
        near = {
            i: (np.abs(z) <= NEAR_A_KINK * spread[i]) & (spread[i] > 0)
            for i, z in self.inside.z.items()
        }
        if not any(layer.any() for layer in near.values()):
            return []
        rng = np.random.default_rng(0)
        halves = {i: rng.random(layer.shape) < 0.5 for i, layer in near.items()}
        return [
            {i: sides[i] | layer for i, layer in near.items()},
            {i: sides[i] & ~layer for i, layer in near.items()},
            {i: sides[i] ^ (layer & halves[i]) for i, layer in near.items()},
            {i: sides[i] ^ (layer & ~halves[i]) for i, layer in near.items()},
        ]

    def add(self, step: Step, inside: Inside) -> None:
        """Take a draw with the definition's sides into account."""
        with np.errstate(invalid="ignore", over="ignore"):
            for key, d in self._distances(step, inside).items():
                self.rms[key] = with_another(self.rms[key], d)
            for number, margin in self._margins(inside).items():
                self.moved[number] = with_another(
                    self.moved[number], difference(margin, self.margins[number])
                )
            for i, z in self.inside.z.items():
                # of infinite ones that are equal the difference is no number, and ignored
                np.fmax(self.spread[i], np.abs(inside.z[i] - z), out=self.spread[i])

    def add_kink(self, step: Step, inside: Inside) -> None:
        """Take a draw with other sides into account."""
        for key, d in self._distances(step, inside).items():
            np.maximum(self.kinked[key], d, out=self.kinked[key])

    def _distances(self, step: Step, inside: Inside) -> Compared:
        found = arrays(step) | of_inside(inside)
        unclipped = [
            key
            for key in found
            if key.what == "clipped gradient" and found[key] is found[Key("gradient", key.name)]
        ]
        distances = {
            key: distance(a, self.expected[key]) for key, a in found.items() if key not in unclipped
        }
        return distances | {key: distances[Key("gradient", key.name)] for key in unclipped}

    def spreads(self) -> Compared:
        """T times what the draws differ by."""
        return {key: T * rms for key, rms in self.rms.items()}

    def found(self) -> Compared:
        """The bounds on all arrays and quantities."""
        bounds = {
            key: spread
            + KINKS * self.kinked[key]
            + 4 * self.u * largest(self.expected[key])
            + self.flushed
            for key, spread in self.spreads().items()
        }
        apart = most_apart(self.plan.clipping)
        if apart is not None:
            for name in self.before.parameters:
                clipped = Key("clipped gradient", name)
                gradient = bounds[Key("gradient", name)]
                bounds[clipped] = np.maximum(bounds[clipped], np.minimum(gradient, apart))
        self._add_lost_gradients(bounds)
        quantities = {Key(name): b for name, b in self._quantities(bounds).items()}
        shown = {key: b for key, b in bounds.items() if key != OUTPUT and key.what != UPDATE}
        return shown | quantities

    def _add_lost_gradients(self, bounds: Compared) -> None:
        """Add what an update is made of.

        Where a gradient was flushed, or clipped elsewhere than in the draws.
        """
        spec = self.plan.optimizer
        rate = spec.learning_rate
        steep = steepest(spec)
        lost = rate * steep * self.flushed
        for name in self.before.parameters:
            bounds[Key("value after the step", name)] += lost
        for name in self.plan.network.weights:
            bounds[Key(UPDATE, name)] += lost
            if linear(spec) and most_apart(self.plan.clipping) is not None:
                clipped = rate * steep * bounds[Key("clipped gradient", name)]
                bounds[Key(UPDATE, name)] = np.maximum(
                    bounds[Key(UPDATE, name)], clipped + self.flushed
                )

    def _quantities(self, bounds: Compared) -> dict[str, np.ndarray]:
        q, network = self.step.quantities, self.plan.network
        gradient, clipped, update = (
            self._of_weights(bounds, what) for what in ("gradient", "clipped gradient", UPDATE)
        )
        weights = network.at_sites(
            [rms_of_layers(self.before.parameters[name]) for name in network.weights]
        )
        of_layer = self._own(self.plan.task.batch_size * network.units)
        of_weight = self._own(network.units * max(network.units, network.features))
        dead = [
            self._may_be_dead(margin, self.moved[number]) for number, margin in self.margins.items()
        ]
        return {
            "signal_gradient_rms": bounds[SIGNAL] + of_layer * q["signal_gradient_rms"],
            "weight_gradient_rms": gradient + of_weight * q["weight_gradient_rms"],
            "clipped_weight_gradient_rms": clipped + of_weight * q["clipped_weight_gradient_rms"],
            "update_ratio": ratio(update, weights) + 3 * of_weight * q["update_ratio"],
            "activation_mean": bounds[OUTPUT] + of_layer * q["activation_rms"] + self._overflow(),
            "activation_rms": bounds[OUTPUT] + of_layer * q["activation_rms"],
            "dead_fraction": np.stack([layer.mean(1) for layer in dead], axis=1) + 8 * self.u,
        }

    def _may_be_dead(self, margin: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Whether units [seed, width] are so near to death that nobody tells.

        Neither do the draws, or they are alive by what is flushed.
        """
        drawn = (np.abs(margin) <= T * moved) & (moved > 0)
        return drawn | ((margin > 0) & (margin <= self.flushed))

    def _of_weights(self, bounds: Compared, what: str) -> np.ndarray:
        return self.plan.network.at_sites(
            [bounds[Key(what, name)] for name in self.plan.network.weights]
        )

    def _overflow(self) -> np.ndarray:
        """Infinite where the sum of a mean is beyond the largest number, though the mean is not."""
        terms = self.plan.task.batch_size * self.plan.network.units
        return np.where(largest(self.expected[OUTPUT]) > float(self.info.max) / terms, np.inf, 0.0)

    def _own(self, terms: int) -> float:
        """What the sum of a root mean square, or of a mean, adds."""
        return T * self.u * max(1.0, math.sqrt(terms) / 4)
