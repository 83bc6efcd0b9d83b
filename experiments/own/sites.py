"""The sites of somebody's own model: which places are its layers, and what is measured there.

A site is a place whose layer has weights of two or more axes (affine maps, convolutions, recurrent
and attention layers, and a module's own weights), in the order of execution. Its h is what leaves
its block: the output of the last activation, normalization or sum before the next such layer
begins, or its own output where there is none. The last layer is the model's output and no site, as
in `compare`, unless it is the only one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from common.errors import UserError
from common.trace import Trace
from isograd.captured import Captured, Layer, Norms, Place, Step, rms

WEIGHTED = ("affine", "convolution", "recurrent", "attention", "other")
ENDS = ("activation", "batch_norm", "layer_norm", "group_norm", "rms_norm", "add")
"""What a block ends in; a softmax is no activation of hidden units."""


class Site(NamedTuple):
    """A layer of a model.

    Attributes:
        path: Of the layer; with `#1` where it is used a second time.
        layer: The key of its parameters in `Captured.layers`.
        weighted: The index of its own place.
        place: The index of the place whose value is h.
    """

    path: str
    layer: str
    weighted: int
    place: int


def sites(captured: Captured) -> list[Site]:
    """The sites of a model, in the order of execution.

    Raises:
        UserError: It has none.
    """
    places = captured["places"]
    weighted = [i for i, place in enumerate(places) if _has_weights(captured, place)]
    found = [i for i in weighted if not _is_around(places, i, weighted)]
    found.sort(key=lambda i: places[i]["start"])
    if not found:
        raise UserError(
            "the model must have a layer with weights; none was seen: " + _what_was_seen(captured)
        )
    ends = [places[i]["start"] for i in found[1:]] + [max(place["end"] for place in places) + 1]
    hidden = list(zip(found, ends, strict=True))[: max(1, len(found) - 1)]
    return [_site(places, i, end) for i, end in hidden]


def _has_weights(captured: Captured, place: Place) -> bool:
    layer = captured["layers"].get(place["path"])
    return (
        layer is not None
        and not place["leaf"]
        and place["kind"] in WEIGHTED
        and bool(weights(layer))
    )


def _is_around(places: list[Place], i: int, weighted: list[int]) -> bool:
    """Whether a module with weights of its own holds other layers.

    A transformer with its table of positions is no layer.
    """
    outer = places[i]
    return any(
        outer["start"] < places[j]["start"] and places[j]["end"] < outer["end"]
        for j in weighted
        if j != i
    )


def weights(layer: Layer) -> list[str]:
    """Those of its parameters that are weights, and no biases or scales."""
    return [
        name
        for name, value in layer["parameters"].items()
        if value.ndim >= 2 and "bias" not in name
    ]


def _site(places: list[Place], i: int, end: int) -> Site:
    own = places[i]
    block = [
        j
        for j, place in enumerate(places)
        if own["end"] < place["end"] < end and _ends_a_block(place)
    ]
    path = own["path"] or "(model)"
    return Site(
        f"{path}#{own['call']}" if own["call"] else path, own["path"], i, block[-1] if block else i
    )


def _ends_a_block(place: Place) -> bool:
    soft = place["config"].get("name") in ("softmax", "log_softmax")
    return place["kind"] in ENDS and place["leaf"] == 0 and not soft


def _what_was_seen(captured: Captured) -> str:
    kinds = dict.fromkeys(place["type"] for place in captured["places"])
    return ", ".join(kinds) or "nothing"


class Measured(NamedTuple):
    """The quantities of one pass, by name [site], and its loss."""

    loss: float
    quantities: dict[str, np.ndarray]


def of_capture(captured: Captured, found: list[Site]) -> Measured:
    """What a capture has measured at the sites: everything but the update."""
    gradients = []
    for site in found:
        layer = captured["layers"][site.layer]
        gradients.append(_together([layer["gradients"].get(name) for name in weights(layer)]))
    norms = [place["norms"] for place in captured["places"]]
    return Measured(
        captured["loss"],
        _of_places(norms, captured["batch"], found) | {"weight_gradient_rms": np.array(gradients)},
    )


def of_step(captured: Captured, step: Step, found: list[Site]) -> Measured:
    """What a step has measured at the sites of the capture before."""
    gradients, ratios = [], []
    for site in found:
        layer = captured["layers"][site.layer]
        norms = [step["norms"][site.layer][name] for name in weights(layer)]
        sizes = [layer["parameters"][name].size for name in weights(layer)]
        gradient, update, weight = (
            _mean_square(norms, sizes, of) for of in ("gradient", "update", "weight")
        )
        gradients.append(gradient)
        ratios.append(update / weight if weight else 0.0)
    quantities = _of_places(step["places"], captured["batch"], found)
    return Measured(
        step["loss"],
        quantities | {"weight_gradient_rms": np.array(gradients), "update_ratio": np.array(ratios)},
    )


def trace(measured: list[Measured]) -> Trace:
    """The passes of one run as a trace of one seed; a quantity that some lack is left out."""
    names = [
        name for name in measured[0].quantities if all(name in one.quantities for one in measured)
    ]
    quantities = {
        name: np.stack([one.quantities[name] for one in measured])[None] for name in names
    }
    return Trace(np.arange(len(measured)), np.array([[one.loss for one in measured]]), quantities)


def _of_places(norms: list[Norms], batch: int, found: list[Site]) -> dict[str, np.ndarray]:
    at = [norms[site.place] for site in found]
    return {
        "signal_gradient_rms": batch * np.array([one["gradient"] or 0.0 for one in at]),
        "activation_mean": np.array([one["mean"] for one in at]),
        "activation_rms": np.array([one["rms"] for one in at]),
        "dead_fraction": np.array([one["dead"] or 0.0 for one in at]),
    }


def _together(gradients: list[np.ndarray | None]) -> float:
    """The root mean square over several arrays; 0 where no gradient reaches them."""
    arrays = [gradient.ravel() for gradient in gradients if gradient is not None]
    return rms(np.concatenate(arrays)) if arrays else 0.0


def _mean_square(norms: list[dict[str, float]], sizes: list[int], of: str) -> float:
    squares = [size * norm[of] ** 2 for norm, size in zip(norms, sizes, strict=True)]
    return float(np.sqrt(sum(squares) / sum(sizes)))
