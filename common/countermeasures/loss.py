r"""Loss: what the outputs of a network are held to, and the first gradient on the way back.

For outputs z of a sample of class y, out of C, or of n real targets t:

| kind                 | outputs | of a sample                        | gradient with respect to z |
|----------------------|---------|------------------------------------|----------------------------|
| cross_entropy        | C       | log sum exp(z) - z_y               | softmax(z) - onehot(y)     |
| binary_cross_entropy | 1       | log(1 + exp(z)) - y z,             | sigmoid(z) - y             |
|                      |         | for y of 0 or 1                    |                            |
| squared_error        | C       | mean over the outputs of           | 2 / C (z - onehot(y))      |
|                      |         | (z - onehot(y))^2                  |                            |
| squared_error        | n       | mean over the outputs of (z - t)^2 | 2 / n (z - t)              |

The loss of a batch is the mean over its samples. The class that a network finds is that of the
largest output; of one logit, whether it is above 0. Always saying the shares p of the classes has
the loss sum -p log p, the squared error mean p (1 - p); always saying the mean of real targets has
their variance.

Sources: Bridle 1990 (softmax with cross-entropy); Bishop 2006, sections 4.3 and 5.2.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, assert_never

import numpy as np
from pydantic import Field

from common.spec import BY_NAME, Spec

Reduction = Literal["mean over samples"]


class CrossEntropy(Spec, frozen=True):
    """The logarithm of what softmax leaves of the right class."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    unit: ClassVar[str] = "nats"
    most_classes: ClassVar[int | None] = None
    of_real_targets: ClassVar[bool] = False
    reduction: Reduction = "mean over samples"


class BinaryCrossEntropy(Spec, frozen=True):
    """The same for two classes and one logit."""

    kind: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    unit: ClassVar[str] = "nats"
    most_classes: ClassVar[int | None] = 2
    of_real_targets: ClassVar[bool] = False
    reduction: Reduction = "mean over samples"


class SquaredError(Spec, frozen=True):
    """The squared distance from the one-hot class, or from real targets, an output on average."""

    kind: Literal["squared_error"] = "squared_error"
    unit: ClassVar[str] = "squared error"
    most_classes: ClassVar[int | None] = None
    of_real_targets: ClassVar[bool] = True
    reduction: Literal["mean over samples and outputs"] = "mean over samples and outputs"


Loss = Annotated[
    Annotated[CrossEntropy | BinaryCrossEntropy | SquaredError, Field(discriminator="kind")],
    BY_NAME,
]


def outputs(spec: Loss, classes: int) -> int:
    """How many a network has for so many classes."""
    match spec:
        case CrossEntropy() | SquaredError():
            return classes
        case BinaryCrossEntropy():
            return 1
        case _:
            assert_never(spec)


def predicted(spec: Loss, z: np.ndarray) -> np.ndarray:
    """The classes [...] that outputs [..., output] stand for."""
    match spec:
        case CrossEntropy() | SquaredError():
            return z.argmax(-1)
        case BinaryCrossEntropy():
            return (z[..., 0] > 0).astype(np.int64)
        case _:
            assert_never(spec)


def guessing(spec: Loss, shares: np.ndarray) -> float:
    """The loss of saying the shares [class] of the classes, whatever the sample."""
    match spec:
        case CrossEntropy() | BinaryCrossEntropy():
            there = shares[shares > 0]
            return float(-(there * np.log(there)).sum())
        case SquaredError():
            return float((shares * (1 - shares)).mean())
        case _:
            assert_never(spec)
