"""What one training step gives, array by array, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from common.network import Arrays, Gradients, State
from common.plan import Plan


@dataclass(frozen=True)
class Step:
    """What one training step from a given state gives.

    Attributes:
        gradients: Before and after clipping.
        state: After the step.
        quantities: [seed, layer] by name.
        logits: [seed, sample, class], in evaluation mode after the step, of the drawn samples.
    """

    gradients: Gradients
    state: State
    quantities: Arrays
    logits: np.ndarray


class Key(NamedTuple):
    """What an array of a step is, in the words of a report.

    Also the parameter or statistic that it belongs to, if any.
    """

    what: str
    name: str = ""

    def place(self, index: Sequence[int], plan: Plan) -> str:
        """The words for an entry [seed] or [seed, layer]: `gradient of weight, layer 3, seed 0`."""
        stack, _, name = self.name.partition(".")
        words = [f"{self.what} of {name}" if name else self.what]
        if len(index) > 1 and self.what != EVALUATION:
            words.append(plan.network.layer(stack, index[1]))
        return ", ".join([*words, f"seed {plan.seeds[index[0]]}"])


EVALUATION = "evaluation output"
OPTIMIZER_STATE = "optimizer state after the step"
SIGNAL = Key("signal gradient")
Compared = dict[Key, np.ndarray]


def arrays(step: Step) -> Compared:
    """The arrays of a step in the order of computation, [seed] or [seed, layer, ...]."""
    found = {Key("loss"): step.gradients.loss, SIGNAL: step.gradients.signal}
    found |= {Key("gradient", name): a for name, a in step.gradients.parameters.items()}
    found |= {Key("clipped gradient", name): a for name, a in step.gradients.clipped.items()}
    found |= {Key(OPTIMIZER_STATE, name): a for name, a in step.state.optimizer.items()}
    found |= {Key("value after the step", name): a for name, a in step.state.parameters.items()}
    found |= {Key("running value", name): a for name, a in step.state.statistics.items()}
    return found | {Key(EVALUATION): step.logits[:, None]}


def all_of(step: Step) -> Compared:
    """The arrays and the quantities of a step."""
    return arrays(step) | {Key(name): a for name, a in step.quantities.items()}


def largest(a: np.ndarray) -> np.ndarray:
    """The largest absolute value for each leading [seed, layer] or [seed]."""
    axes = tuple(range(min(2, a.ndim), a.ndim))
    return np.maximum(a.max(axis=axes, initial=0.0), -a.min(axis=axes, initial=0.0))


def distance(value: np.ndarray, definition: np.ndarray) -> np.ndarray:
    """The largest absolute difference for each leading [seed, layer] or [seed].

    Values that are not finite differ by 0 where they are the same, and by infinity where they are
    not.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.subtract(value, definition)
    found = largest(difference)
    if np.isfinite(found).all():
        return found
    same = (value == definition) | (np.isnan(value) & np.isnan(definition))
    difference = np.where(same, 0.0, difference)
    return largest(np.where(np.isnan(difference), np.inf, difference))
