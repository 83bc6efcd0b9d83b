"""The deep network in which the effect of a difference is measured.

An ordinary model, the same in each framework.

Twenty layers of affine map, perhaps a norm, and activation; a last affine map; a loss; an
optimizer. Each is a *piece*: a line of the framework (`backends/torch/trial.py`), of which a
difference replaces one. Weights are He's, drawn in NumPy and the same in all frameworks, unless the
piece in question is the affine map, whose own start is kept. A line that is no such piece has a
network of its own, whose layers are lines too: of convolutions, recurrent layers or attention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.network import Arrays

WIDTH = 32
FEATURES = 64
CLASSES = 10
BATCH = 64
DEPTH = 20
"""How many layers, unless a difference says otherwise."""

LAYER = ("affine", "norm", "activation")
"""The pieces of a hidden layer, in their order; a norm only where one is given."""


@dataclass(frozen=True)
class Setting:
    """What is trained how."""

    pieces: Mapping[str, str]
    """The lines of all pieces; none for a piece that is left out."""
    network: str = ""
    """The lines of a network of its own, which give its layers, the last of them the one of the
    logits."""
    own_start: bool = False
    """Whether the affine maps keep the weights that the framework gave them."""
    depth: int = DEPTH
    steps: int = 200
    gain: float = 1.0
    """By which He's weights are multiplied."""
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    decay_per_layer: float
    """Decades by which the gradient changes from a layer to the one before it, at the first
    step."""
    loss: float
    """Of the last step's batch."""
    accuracy: float
    """On samples that were not trained on, in evaluation."""
    error: float = 0.0
    """The standard error of the accuracy, where it is the mean of several seeds."""


def mean(outcomes: Sequence[Outcome]) -> Outcome:
    """The mean of the outcomes of several seeds."""
    accuracies = [each.accuracy for each in outcomes]
    decay = np.mean([each.decay_per_layer for each in outcomes])
    loss = np.mean([each.loss for each in outcomes])
    error = np.std(accuracies, ddof=1) / np.sqrt(len(accuracies))
    return Outcome(float(decay), float(loss), float(np.mean(accuracies)), float(error))


def names(setting: Setting) -> dict[str, int]:
    """What the lines of a network of its own may name."""
    return {"depth": setting.depth, "units": WIDTH, "classes": CLASSES}


def sizes(setting: Setting) -> list[tuple[int, int]]:
    """Inputs and outputs of each affine map."""
    return [(FEATURES, WIDTH), *[(WIDTH, WIDTH)] * (setting.depth - 1), (WIDTH, CLASSES)]


def kernels(setting: Setting) -> list[np.ndarray]:
    """He's weights [n_in, n_out] of each affine map, times the gain."""
    rng = np.random.default_rng(setting.seed)
    return [setting.gain * rng.normal(size=size) * np.sqrt(2 / size[0]) for size in sizes(setting)]


def batches(setting: Setting, data: Arrays) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The training samples of each step: `x` [sample, feature] and `y` [sample], drawn anew."""
    rng = np.random.default_rng(setting.seed + 1)
    for _ in range(setting.steps):
        chosen = rng.integers(len(data["x"]), size=BATCH)
        yield data["x"][chosen], data["y"][chosen]


def outcome(gradients: list[np.ndarray], loss: float, correct: np.ndarray) -> Outcome:
    """What came of training: from the gradients by each hidden layer's output at the first step."""
    with np.errstate(divide="ignore", invalid="ignore"):
        decades = np.log10([np.sqrt(np.mean(np.square(g))) for g in gradients])
        slope = (
            np.polyfit(np.arange(len(decades)), decades, 1)[0]
            if np.all(np.isfinite(decades))
            else np.nan
        )
    return Outcome(float(-slope), float(loss), float(np.mean(correct)))
