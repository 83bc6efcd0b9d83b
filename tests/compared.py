"""How far two results are apart, for the tests: scaled by the size of each layer."""

from __future__ import annotations

import numpy as np

from common.agreement import distance, largest
from common.network import Gradients


def scaled_error(value: np.ndarray, definition: np.ndarray) -> float:
    """The largest difference over the largest value of the definition, for each leading [seed, layer] by itself."""
    difference, size = distance(value, definition), largest(np.where(np.isfinite(definition), definition, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(difference == 0, 0.0, difference / size).max(initial=0.0))


def gradient_error(gradients: Gradients, definition: Gradients) -> float:
    """The largest scaled error of the loss, of any layer's signal gradient and of any parameter's gradient."""
    pairs = [(gradients.loss, definition.loss), (gradients.signal, definition.signal)]
    pairs += [(gradients.parameters[name], value) for name, value in definition.parameters.items()]
    return max(scaled_error(value, expected) for value, expected in pairs)
