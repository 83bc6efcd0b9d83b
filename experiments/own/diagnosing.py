"""A diagnosis, made of the passes of a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from common.quantities import decay_per_layer, gradient_ratio
from common.trace import Trace
from experiments.findings import gradient
from experiments.findings.document import Judged
from experiments.findings.thresholds import Thresholds
from experiments.own import sites
from experiments.own.diagnosis import Diagnosis, OverTime, Profile, SiteFinding
from experiments.own.guessing import guessing_loss
from experiments.own.sites import Site
from isograd.captured import Captured, Norms, Step

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
