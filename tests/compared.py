"""How far two results are apart, for the tests: scaled by the size of each layer."""

from __future__ import annotations

import numpy as np

from common import draw, task
from common.backend import Backend
from common.network import Gradients
from common.plan import Plan
from common.step import distance, largest
from experiments.judging import batch_of


def scaled_error(value: np.ndarray, definition: np.ndarray) -> float:
    """The largest difference over the largest value of the definition, for each leading [seed,
    layer] by itself.
    """
    difference = distance(value, definition)
    size = largest(np.where(np.isfinite(definition), definition, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(difference == 0, 0.0, difference / size).max(initial=0.0))


def gradient_error(gradients: Gradients, definition: Gradients) -> float:
    """The largest scaled error of the loss, of any layer's signal gradient and of any parameter's
    gradient.
    """
    pairs = [(gradients.loss, definition.loss), (gradients.signal, definition.signal)]
    pairs += [(gradients.parameters[name], value) for name, value in definition.parameters.items()]
    return max(scaled_error(value, expected) for value, expected in pairs)


def differing(backend: Backend, definition: Backend, plan: Plan, most: float = 1e-9) -> list[str]:
    """What of a step from the plan's start is not the definition's, to `most` of the size of each
    layer: names.
    """
    found = []
    for wing in (backend, definition):
        program = wing.program(plan, "cpu")
        program.load(draw.state(plan))
        measured = program.measured(program.step(batch_of(plan, task.load(plan.task), 0)))
        state = program.state()
        found.append(measured | state.parameters | state.statistics)
    return [name for name, value in found[1].items() if scaled_error(found[0][name], value) > most]
