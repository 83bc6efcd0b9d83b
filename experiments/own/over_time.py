"""The gradient within a recurrent layer, against the steps of time.

A framework runs such a layer in one call, and what it hands out of dL/dy holds only what comes to
each step from the layers above. So the layer is run again as it is defined
(backends/numpy/recurrent.py), forward and back through time, on what was captured. It counts where
that gives the layer's own output and the gradient of its own weights; else that is said.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backends.numpy.network import Run, back_through_time, through_time
from backends.numpy.recurrent import layer as one_step
from backends.numpy.rounding import EXACT
from common.countermeasures.activation import Identity, ReLU, Sigmoid, Tanh
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN, Step
from common.network import Arrays
from experiments.own.diagnosis import OverTime
from experiments.own.tensors import relative
from isograd.captured import Captured, Layer, Place, rms

CELLS = {"lstm": LSTM(), "gru": GRU(), "rnn": SimpleRNN()}
ACTIVATIONS = {"tanh": Tanh(), "relu": ReLU(), "sigmoid": Sigmoid(), "linear": Identity()}
SAME = 1e-3
"""Of the largest number: float32 over a hundred steps of time is off by less, another cell by
more."""


class Found(NamedTuple):
    """The profiles, and of each layer that has none the reason."""

    profiles: list[OverTime]
    remarks: list[str]


def over_time(captured: Captured) -> Found:
    """The profiles of all recurrent layers."""
    found = Found([], [])
    for place in captured["places"]:
        layer = captured["layers"].get(place["path"])
        if layer is None or place["kind"] != "recurrent" or place["leaf"] or place["call"]:
            continue
        path = place["path"] or "(model)"
        run = _run(place, layer)
        signals = None if run is None else _signals(captured, place, layer, run)
        if signals is None:
            found.remarks.append(
                f"the gradient over the steps of time within {path} is not seen: {_why(place)}"
            )
        else:
            found.profiles.append(OverTime(path=path, signal_gradient_rms=signals))
    return found


def _why(place: Place) -> str:
    if place["output"] is None:
        return "only norms were kept; keep values with --save, or take fewer samples"
    return (
        "run as it is defined, the layer does not give the same numbers (another cell, start, gate "
        "or mask)"
    )


def _run(place: Place, layer: Layer) -> Run | None:
    """The layer as it is defined, on what went into it.

    None where that does not give what it has returned.
    """
    cell = CELLS.get(layer["config"].get("cell", ""))
    function = layer["config"].get("activation") or "tanh"
    if (
        place["output"] is None
        or not place["inputs"]
        or cell is None
        or function not in ACTIVATIONS
    ):
        return None
    x = _ordered(place, place["inputs"][0])
    y = _ordered(place, place["output"])
    if x.ndim != 3 or not {"kernel", "recurrent"} <= layer["parameters"].keys():
        return None
    units = layer["parameters"]["recurrent"].shape[-1]
    step = Step(cell, units, (ACTIVATIONS[function],))
    in_order = x[:, ::-1] if layer["config"].get("backwards") else x
    run = through_time(
        step.carried, one_step(step), _parameters(layer, units), in_order[None], 0, training=True
    )
    h = np.stack([site.h[0] for site in run.sites], axis=1)
    h = h[:, -1] if y.ndim == 2 else h[:, ::-1] if layer["config"].get("backwards") else h
    return run if h.shape == y.shape and relative(h, y) <= SAME else None


def _ordered(place: Place, array: np.ndarray) -> np.ndarray:
    """As [batch, time, unit]."""
    layout = place["layout"]
    known = layout is not None and len(layout) == array.ndim
    return np.asarray(array.transpose(layout) if known else array, dtype=float)


def _parameters(layer: Layer, units: int) -> Arrays:
    """By the names of the definition, with the axis of the seeds."""
    given = layer["parameters"]
    gates = len(given["kernel"])
    bias = given.get("bias", np.zeros((gates, units)))
    second = given.get("recurrent_bias", np.zeros((gates, units)))
    gru = layer["config"]["cell"] == "gru"
    outside = bias + np.concatenate([second[:-1], np.zeros((1, units))]) if gru else bias + second
    arrays = {"input_weight": given["kernel"], "weight": given["recurrent"], "bias": outside}
    arrays |= {"recurrent_bias": second[-1]} if gru else {}
    return {name: np.asarray(array, dtype=float)[None] for name, array in arrays.items()}


def _signals(captured: Captured, place: Place, layer: Layer, run: Run) -> list[float | None] | None:
    """B times the rms of dL/dh at each step.

    None where the gradient of the weights is not the captured one.
    """
    backwards = bool(layer["config"].get("backwards"))
    back = back_through_time(run, _from_above(captured, place, run, backwards), EXACT)
    wanted = layer["gradients"].get("recurrent")
    wanted = np.zeros_like(layer["parameters"]["recurrent"]) if wanted is None else wanted
    if relative(wanted, back.gradients["weight"][0, 0]) > SAME:
        return None
    signals: list[float | None] = [captured["batch"] * rms(signal) for signal in back.signals]
    return signals[::-1] if backwards else signals


def _from_above(captured: Captured, place: Place, run: Run, backwards: bool) -> list[np.ndarray]:
    """What comes to each step [seed, batch, unit] from outside the layer.

    To its outputs, and to its state after the last.
    """
    found = [np.zeros_like(site.h) for site in run.sites]
    if place["gradient"] is not None:
        gradient = _ordered(place, place["gradient"])
        steps = (
            gradient[:, None]
            if gradient.ndim == 2
            else gradient[:, ::-1]
            if backwards
            else gradient
        )
        for site, one in zip(found[-steps.shape[1] :], np.moveaxis(steps, 1, 0), strict=True):
            site += one
    for other in captured["places"]:
        same = (other["path"], other["call"], other["leaf"]) == (place["path"], place["call"], 1)
        if same and other["gradient"] is not None and other["gradient"].size == found[-1].size:
            found[-1] += other["gradient"].reshape(found[-1].shape)
    return found
