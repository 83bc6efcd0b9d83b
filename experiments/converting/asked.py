"""What is asked of a conversion, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from experiments.converting.laws import Framework
from experiments.converting.layer import Layer
from experiments.converting.state import State

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        source, target: The frameworks.
        kinds: What layers are, where their names and shapes do not say it.
        heads: Of attentions.
        rate: The learning rate.
        frozen: The names of layers that are not trained.
    """

    source: Framework
    target: Framework
    kinds: Mapping[str, str] = field(default_factory=dict)
    heads: int | None = None
    rate: float | None = None
    frozen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Converted:
    """What comes of it.

    Attributes:
        arrays, metadata: Of the new file.
        layers: The kinds of the layers, by their names in it.
        pairs: The name there of each layer, by its name here.
        state: What the optimiser keeps; None where the file has none.
        remarks: What must be known of it.
    """

    arrays: Arrays
    metadata: dict[str, str]
    layers: dict[str, str]
    pairs: dict[str, str]
    state: State | None
    remarks: list[str]


@dataclass(frozen=True)
class Side:
    """A file, taken apart.

    Attributes:
        framework: Whose names it has.
        layers: Its layers.
        kept: What the optimiser keeps.
        rest: What is no weight.
    """

    framework: Framework
    layers: list[Layer]
    kept: Arrays
    rest: Arrays
