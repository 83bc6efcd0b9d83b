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

from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from common.quantities import decay_per_layer, gradient_ratio
from common.trace import Trace
from experiments.findings import gradient
from experiments.findings.document import Finding, Judged, Number
from experiments.findings.gradient import Thresholds
from experiments.own import sites
from experiments.own.guessing import guessing_loss
from experiments.own.sites import Site
from isograd.captured import Captured, Norms, Step


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


MOST_PROFILES = 50
"""So many steps of a training have their profile in the document."""


class Passes(NamedTuple):
    """What was captured of a model.

    One pass, its sites, the trace of it or of the steps after it, and all norms at last.
    """

    captured: Captured
    sites: list[Site]
    trace: Trace
    norms: list[Norms]

    @property
    def api(self) -> str:
        """The framework's interface: torch, keras, linen or nnx."""
        return self.captured["api"]


def passes(captured: Captured, steps: list[Step] | None = None) -> Passes:
    """A capture and the steps after it."""
    found = sites.sites(captured)
    measured = (
        [sites.of_step(captured, step, found) for step in steps]
        if steps
        else [sites.of_capture(captured, found)]
    )
    last = steps[-1]["places"] if steps else [place["norms"] for place in captured["places"]]
    return Passes(captured, found, sites.trace(measured), last)


def diagnosis(
    taken: Passes,
    file: str,
    command: str,
    learning: Judged | None = None,
    thresholds: Thresholds | None = None,
) -> Diagnosis:
    """What is said of a model, but for the advice.

    Args:
        taken: Its passes.
        file: Where it stands.
        command: The command line.
        learning: Whether it learns, where it was trained.
        thresholds: Of the verdict.
    """
    captured, found, trace, _ = taken
    names = [site.path for site in found]
    bounds = thresholds or Thresholds()
    judged = gradient.gradient(trace, bounds, _precision(captured), names=names)
    signal = trace.quantities["signal_gradient_rms"][0, 0]
    return Diagnosis(
        file=file,
        backend=captured["backend"],
        command=command,
        versions=captured["versions"],
        precision=captured["precision"],
        training=captured["training"],
        batch=captured["batch"],
        parameters=sum(
            a.size for layer in captured["layers"].values() for a in layer["parameters"].values()
        ),
        loss_said=captured["loss_said"],
        steps=len(trace.steps) if "update_ratio" in trace.quantities else 0,
        sites=[_site(taken, i) for i in range(len(found))],
        gradient=Judged(**judged._asdict()),
        learning=learning,
        gradient_ratio=float(gradient_ratio(signal)),
        decay_per_layer=float(decay_per_layer(signal)),
        thresholds=bounds,
        profiles=_profiles(trace),
        over_time=_uses(taken),
        losses=list(trace.loss[0]),
        guessing_loss=guessing_loss(captured),
        advice=[],
        remarks=captured["remarks"],
    )


def _profiles(trace: Trace) -> list[Profile]:
    """Of all steps, or of so many at equal distances."""
    signal = trace.quantities["signal_gradient_rms"][0]
    steps = np.unique(
        np.linspace(0, len(signal) - 1, min(len(signal), MOST_PROFILES)).round().astype(int)
    )
    return [Profile(step=int(step) + 1, signal_gradient_rms=list(signal[step])) for step in steps]


def _uses(taken: Passes) -> list[OverTime]:
    """Of layers used three times or more, such as a cell in a loop over time, each use in order."""
    signal = taken.trace.quantities["signal_gradient_rms"][0, 0]
    of_layer: dict[str, list[float | None]] = {}
    for site, value in zip(taken.sites, signal, strict=True):
        of_layer.setdefault(site.layer, []).append(float(value))
    often = {path: values for path, values in of_layer.items() if len(values) >= 3}
    return [
        OverTime(path=path or "(model)", signal_gradient_rms=values)
        for path, values in often.items()
    ]


def _precision(captured: Captured) -> Any:
    """What the gradient's range is: that of float32 for anything smaller too."""
    return "float64" if captured["precision"] == "float64" else "float32"


def _site(taken: Passes, i: int) -> SiteFinding:
    captured, found, trace, _ = taken
    site, place = found[i], captured["places"][found[i].place]
    measured = {name: values[0, 0, i] for name, values in trace.quantities.items()}
    block, weights = factors(captured, found, i)
    return SiteFinding(
        path=site.path,
        type=captured["places"][site.weighted]["type"],
        shape=place["shape"],
        block=block,
        weights=weights,
        **measured,
    )


def factors(captured: Captured, found: list[Site], i: int) -> tuple[float, float]:
    """What becomes of the gradient at a site.

    Returns:
        What is left of it before the block's activation and norm; and of that, what the layer's
        weights hand back to the site before. NaN where that is not known: of the first layer, or
        where nothing came.
    """
    norms = [place["norms"]["gradient"] or 0.0 for place in captured["places"]]
    at_h, at_z = norms[found[i].place], norms[found[i].weighted]
    before = norms[found[i - 1].place] if i else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        block = float(np.divide(at_z, at_h))
        weights = float(np.divide(before, at_z)) if i else np.nan
    return block, weights
