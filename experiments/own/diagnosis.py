"""The diagnosis of somebody's own model: what `compare` says of a network, said of theirs.

    python -m experiments.diagnose torch=mine.py --json diagnosis.json

A number that is not finite, or that was not measured, is null.

| field                           | meaning                                                        |
|---------------------------------|----------------------------------------------------------------|
| schema                          | 1                                                              |
| file, backend, command          | what was diagnosed                                             |
| versions                        | of the framework                                               |
| precision, training             | of the computation; whether the model was in training mode     |
| batch, parameters               | how many samples; how many numbers the model learns            |
| loss_said                       | what the loss is where the file has none; null where it has    |
| steps                           | how many steps of its optimizer were taken                     |
| sites                           | its layers in the order of execution: path, type, shape of h,  |
|                                 | and the quantities (common/quantities.py) at the first pass;   |
|                                 | `block`: how much of the gradient at h is left before the      |
|                                 | layer's activation and norm; `weights`: how much of that the   |
|                                 | weights hand back to the layer before                          |
| gradient                        | whether it comes through: verdict, reason                      |
|                                 | (experiments/findings/gradient.py)                             |
| learning                        | whether it learns, after `steps`: verdict, reason; null where  |
|                                 | nothing was trained                                            |
| gradient_ratio, decay_per_layer | as in `compare`                                                |
| thresholds                      | of the verdict: the shares of the last layer's gradient        |
|                                 | between which it comes through                                 |
| profiles                        | the sites' `signal_gradient_rms` at steps of the training,     |
|                                 | counted from 1: all steps, or of many some, the first and the  |
|                                 | last among them                                                |
| over_time                       | of recurrent layers, and of layers that are used three times   |
|                                 | or more: `signal_gradient_rms` at each step of time (use), the |
|                                 | first one first                                                |
| losses                          | of each step                                                   |
| guessing_loss                   | of always saying the same, the best there is; null where the   |
|                                 | loss is of a kind for which that is not known                  |
| advice                          | what is the likely cause: cause, said, line to change, and     |
|                                 | what was tried of it                                           |
| remarks                         | what could not be seen into, and what was changed              |
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from experiments.findings.document import Finding, Judged, Number
from experiments.findings.thresholds import Thresholds


class SiteFinding(Finding):
    """A layer, and what is measured at it."""

    path: str
    type: str
    shape: list[int]
    signal_gradient_rms: Number
    weight_gradient_rms: Number
    update_ratio: Number = None
    activation_mean: Number
    activation_rms: Number
    dead_fraction: Number
    block: Number
    weights: Number


class Profile(Finding):
    """The signal gradient of all sites at a step, counted from 1."""

    step: int
    signal_gradient_rms: list[Number]


class OverTime(Finding):
    """The signal gradient of a layer at each step of time, the first one first."""

    path: str
    signal_gradient_rms: list[Number]


class Advice(Finding):
    """A likely cause, and the line that changes it.

    Attributes:
        cause: A word for programs: `activation`, `start`, `normalization`, `learning rate`, `dead
            units`, `input`, `cut`, `output`, `zero weights`, `momentum`.
        said: What was measured, and what follows from it.
        line: Of the model's framework; empty where no single line does it.
    """

    cause: str
    said: str
    line: str


class Diagnosis(Finding):
    """What is said of a model."""

    version: Literal[1] = Field(default=1, alias="schema")
    file: str
    backend: str
    command: str
    versions: dict[str, str]
    precision: str
    training: bool
    batch: int
    parameters: int
    loss_said: str | None
    steps: int
    sites: list[SiteFinding]
    gradient: Judged
    learning: Judged | None
    gradient_ratio: Number
    decay_per_layer: Number
    thresholds: Thresholds
    profiles: list[Profile]
    over_time: list[OverTime]
    losses: list[Number]
    guessing_loss: Number
    advice: list[Advice]
    remarks: list[str]

    @property
    def ok(self) -> bool:
        """Whether the gradient comes through."""
        return self.gradient.verdict == "comes through"

    def to_json(self) -> str:
        """The JSON text, indented."""
        return self.model_dump_json(by_alias=True, indent=2)
