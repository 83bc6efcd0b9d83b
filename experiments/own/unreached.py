"""Parts of a model that get no gradient, or hand none back: cut off, starting from 0, or dead."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.own.diagnosing import Passes
from experiments.own.diagnosis import Advice, Diagnosis
from experiments.own.lines import LINES, named, percent
from isograd.captured import Layer

SIZED = ("affine", "convolution")
"""Kinds of layers whose weights' size is known from their fan-in."""

DEAD = 0.5
"""A share of dead units from which on they are named."""


def cut(taken: Passes) -> Iterator[Advice]:
    """Layers that no gradient reaches, although it reaches one that comes after."""
    captured, found = taken.captured, taken.sites
    reached = [captured["places"][site.weighted]["norms"]["gradient"] is not None for site in found]
    if all(reached):
        return
    last = max(i for i, one in enumerate(reached) if not one)
    which = found[0].path if last == 0 else f"{found[0].path} to {found[last].path}"
    after = f"before {found[last + 1].path}" if last + 1 < len(found) else "before the output layer"
    text = f"No gradient reaches {which}: it is cut off {after}."
    yield Advice(cause="cut", said=text, line=LINES["uncut"][taken.api])


def zero(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    """Weights that are exactly 0, through which nothing goes back."""
    layers = taken.captured["layers"]
    found = [
        path
        for path, layer in layers.items()
        if layer["kind"] in SIZED and not np.any(layer["parameters"]["weight"])
    ]
    if not found or said.gradient.verdict != "dead":
        return
    moving = [path for path in found if _is_reached(layers[path])]
    begin = (
        f"The weights of {named(found)} are exactly 0: nothing goes back through them in the first "
        "step."
    )
    after = f"A gradient gets to {named(moving)}, and from the second step on to the layers before."
    never = (
        "No gradient gets to them either: they stay 0, and so does what the layers before them get."
    )
    yield Advice(
        cause="zero weights",
        said=f"{begin} {after if moving else never}",
        line=LINES["he"][taken.api],
    )


def _is_reached(layer: Layer) -> bool:
    gradient = layer["gradients"].get("weight")
    return gradient is not None and bool(np.any(gradient))


def dead_end(taken: Passes) -> Iterator[Advice]:
    """An activation at the end of the model, which is none of a hidden layer."""
    places = taken.captured["places"]
    last = max(
        (place["start"] for place in places if place["path"] in taken.captured["layers"]), default=0
    )
    behind = [
        i for i, place in enumerate(places) if place["kind"] == "activation" and place["end"] > last
    ]
    share = max((taken.norms[i]["dead"] or 0.0 for i in behind), default=0.0)
    if share > DEAD:
        which = f"{percent(share)} of the outputs are dead"
        text = (
            f"{which}: the activation behind the last layer has a derivative of 0 for the whole "
            "batch."
        )
        yield Advice(cause="dead units", said=text, line=LINES["open"][taken.api])


def dead(taken: Passes) -> Iterator[Advice]:
    """Units whose derivative is 0 for the whole batch, at the layer that has most of them."""
    shares = taken.trace.quantities["dead_fraction"][0, -1]
    worst = int(np.argmax(shares))
    if shares[worst] <= DEAD:
        return
    count = int((shares > DEAD).sum())
    most = f"{percent(shares[worst])} of the units of {taken.sites[worst].path} are dead"
    others = f", and more than half of {count - 1} other layers'" if count > 1 else ""
    text = f"{most}{others}: their derivative is 0 for the whole batch."
    yield Advice(cause="dead units", said=text, line=LINES["leaky"][taken.api])
