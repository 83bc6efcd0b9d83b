"""What is the likely cause where the gradient does not come through or a model does not learn; and the line that changes it.

Each piece is measured in this model: what its activations leave of the gradient and what its weights hand back, the size of its
weights beside what their own fan-in asks for, its dead units, the size of its steps, its input and its output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.own.diagnosis import Advice, Diagnosis, Passes
from experiments.own.lines import LINES
from isograd.captured import Layer, Place, rms

LEAST_DERIVATIVES = {"sigmoid": 1 / 4, "hard_sigmoid": 1 / 6, "tanh": 1.0, "softsign": 1.0, "hard_tanh": 1.0}
"""Activations that saturate, and their largest derivative."""

HALF = {"relu": 0.0, "relu6": 0.0, "leaky_relu": 0.01, "prelu": 0.25}
"""Activations of two slopes, and the lower one where the layer does not state it."""

SIZED = ("affine", "convolution")
"""Kinds of layers whose weights' size is known from their fan-in."""

WEAK = 0.9
"""A share of the gradient below which a layer's part is named as a cause."""

DEAD = 0.5
LARGE_STEP, SMALL_STEP, USUAL_STEP = 0.1, 1e-5, 1e-3
"""Update ratios: beyond these a rate is called too large or too small; the last is usual."""


def advice(taken: Passes, said: Diagnosis) -> list[Advice]:
    """The likely causes, the most important first; empty where nothing is wrong."""
    found = [*_cut(taken), *_zero(taken, said), *_gradient(taken, said), *_dead_end(taken), *_dead(taken)]
    return [*found, *_output(taken), *_input(taken), *_rate(taken, said), *_momentum(taken, said)]


def api(taken: Passes) -> str:
    """The framework's interface: torch, keras, linen or nnx."""
    return taken.captured["api"]


# --- where the gradient does not come through


def _gradient(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    verdict = said.gradient.verdict
    if verdict not in ("vanishing", "exploding"):
        return
    block, back = _typical([site.block for site in said.sites]), _typical([site.weights for site in said.sites])
    vanishing = verdict == "vanishing"
    if vanishing and block is not None and block < WEAK:
        yield from _activation(taken, block)
    if back is not None and block is not None and (block * back < WEAK if vanishing else block * back > 1 / WEAK):
        yield from _start(taken, said, back, vanishing)
    if len(said.sites) >= 10 and not _has(taken, "batch_norm", "layer_norm", "group_norm", "rms_norm"):
        skip = "" if _has(taken, "add") else ", or a skip connection around every one or two layers,"
        text = f"{len(said.sites)} layers have no normalization: one before each activation{skip} keeps the gradient's size."
        yield Advice(cause="normalization", said=text, line=LINES["normalization"][api(taken)])


def _typical(factors: list[float | None]) -> float | None:
    """The geometric mean of those that are known."""
    logs = [math.log(one) for one in factors if one]
    return math.exp(sum(logs) / len(logs)) if logs else None


def _activation(taken: Passes, block: float) -> Iterator[Advice]:
    names = [name for place in _ends(taken) if (name := place["config"].get("name")) in LEAST_DERIVATIVES]
    if not names:
        return
    name = max(set(names), key=names.count)
    most = LEAST_DERIVATIVES[name]
    bound = f"its derivative is at most {most:.2g}" if most < 1 else "its derivative is below 1 wherever it bends"
    text = f"{name} is the activation of {len(names)} layers: {bound}, and it leaves {_percent(block)} of the gradient here."
    yield Advice(cause="activation", said=text, line=LINES["relu"][api(taken)].format(activation=_spelt(taken, name)))


def _spelt(taken: Passes, name: str) -> str:
    return {"sigmoid": "Sigmoid()", "tanh": "Tanh()"}.get(name, name) if api(taken) == "torch" else name


def _start(taken: Passes, said: Diagnosis, back: float, vanishing: bool) -> Iterator[Advice]:
    """The size of the weights beside what their own fan-in asks for."""
    sizes = [(site.path, *found) for site in taken.sites if (found := _sizes(taken, site.layer))]
    if not sizes:
        return
    saturating = saturates(taken)
    which = "xavier" if saturating else "he"
    asked = math.sqrt(1.0 if saturating else 2.0)
    typical = float(np.median([size * math.sqrt(fan_in) for _, size, fan_in in sizes]))
    right = typical > WEAK * asked if vanishing else typical < asked / WEAK
    if right:
        return
    path, size, fan_in = sizes[len(sizes) // 2]
    name = {"xavier": "Xavier's", "he": "He's"}[which]
    word = "small" if vanishing else "large"
    right_size = asked / math.sqrt(fan_in)
    where = _named([path])
    text = (
        f"The weights start too {word}: in {where} their rms is {size:.2g}, where {name} start gives {right_size:.2g} for a "
        f"fan-in of {fan_in}; each layer's weights hand back {_percent(back)} of the gradient."
    )
    yield Advice(cause="start", said=text, line=LINES[which][api(taken)])


def saturates(taken: Passes) -> bool:
    """Whether some layer's activation has two ends."""
    return any(place["config"].get("name") in LEAST_DERIVATIVES for place in _ends(taken))


def _sizes(taken: Passes, path: str) -> tuple[float, int] | None:
    """The rms of a layer's weights, and their fan-in; None where the layer is of a kind that has none of its own."""
    layer = taken.captured["layers"][path]
    if layer["kind"] not in SIZED:
        return None
    weight = layer["parameters"]["weight"]
    return rms(weight), fan_in_of(layer)


def fan_in_of(layer: Layer) -> int:
    """How many numbers a unit of an affine map or a convolution adds up."""
    return math.prod(layer["parameters"]["weight"].shape[:-1])


def _ends(taken: Passes) -> list[Place]:
    """The places of h at all sites."""
    return [taken.captured["places"][site.place] for site in taken.sites]


def _has(taken: Passes, *kinds: str) -> bool:
    return any(place["kind"] in kinds for place in taken.captured["places"])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


# --- parts that get nothing


def _cut(taken: Passes) -> Iterator[Advice]:
    """Layers that no gradient reaches, although it reaches one that comes after."""
    captured, found = taken.captured, taken.sites
    reached = [captured["places"][site.weighted]["norms"]["gradient"] is not None for site in found]
    if all(reached):
        return
    last = max(i for i, one in enumerate(reached) if not one)
    which = found[0].path if last == 0 else f"{found[0].path} to {found[last].path}"
    after = f"before {found[last + 1].path}" if last + 1 < len(found) else "before the output layer"
    text = f"No gradient reaches {which}: it is cut off {after}."
    yield Advice(cause="cut", said=text, line=LINES["uncut"][api(taken)])


def _zero(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    """Weights that are exactly 0, through which nothing goes back."""
    layers = taken.captured["layers"]
    zero = [path for path, layer in layers.items() if layer["kind"] in SIZED and not np.any(layer["parameters"]["weight"])]
    if not zero or said.gradient.verdict != "dead":
        return
    moving = [path for path in zero if _is_reached(layers[path])]
    begin = f"The weights of {_named(zero)} are exactly 0: nothing goes back through them in the first step."
    after = f"A gradient gets to {_named(moving)}, and from the second step on to the layers before."
    never = "No gradient gets to them either: they stay 0, and so does what the layers before them get."
    yield Advice(cause="zero weights", said=f"{begin} {after if moving else never}", line=LINES["he"][api(taken)])


def _named(paths: list[str]) -> str:
    return " and ".join(f"layer {path}" if path.isdigit() else path for path in paths)


def _is_reached(layer: Layer) -> bool:
    gradient = layer["gradients"].get("weight")
    return gradient is not None and bool(np.any(gradient))


def _dead_end(taken: Passes) -> Iterator[Advice]:
    """An activation at the end of the model, which is none of a hidden layer."""
    places = taken.captured["places"]
    last = max((place["start"] for place in places if place["path"] in taken.captured["layers"]), default=0)
    behind = [i for i, place in enumerate(places) if place["kind"] == "activation" and place["end"] > last]
    share = max((taken.norms[i]["dead"] or 0.0 for i in behind), default=0.0)
    if share > DEAD:
        which = f"{_percent(share)} of the outputs are dead"
        text = f"{which}: the activation behind the last layer has a derivative of 0 for the whole batch."
        yield Advice(cause="dead units", said=text, line=LINES["open"][api(taken)])


def _dead(taken: Passes) -> Iterator[Advice]:
    dead = taken.trace.quantities["dead_fraction"][0, -1]
    worst = int(np.argmax(dead))
    if dead[worst] <= DEAD:
        return
    count = int((dead > DEAD).sum())
    most = f"{_percent(dead[worst])} of the units of {taken.sites[worst].path} are dead"
    others = f", and more than half of {count - 1} other layers'" if count > 1 else ""
    text = f"{most}{others}: their derivative is 0 for the whole batch."
    yield Advice(cause="dead units", said=text, line=LINES["leaky"][api(taken)])


# --- input, output, and the size of the steps


def _input(taken: Passes) -> Iterator[Advice]:
    """Data that are far from a mean of 0 and a deviation of 1."""
    x = taken.captured["x"]
    first = min(taken.captured["places"], key=lambda place: place["end"])
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu" or first["kind"] == "embedding" or x.ndim < 2:
        return
    mean, std = float(x.mean()), float(x.std())
    if 0.1 <= rms(x) <= 5 and abs(mean) <= 3 * std:
        return
    text = f"The input has mean {mean:.3g} and standard deviation {std:.3g}: a network starts as it is meant to with 0 and 1."
    yield Advice(cause="input", said=text, line=LINES["input"][api(taken)])


def _output(taken: Passes) -> Iterator[Advice]:
    """Probabilities that go into a loss which takes logits: a softmax of a softmax."""
    output, y, loss = taken.captured["output"], taken.captured["y"], taken.captured["loss"]
    if output is None or y is None or output.ndim != 2 or y.dtype.kind not in "iu" or y.shape != output.shape[:1]:
        return
    shares = (output >= 0).all() and np.allclose(output.sum(-1), 1, atol=1e-5)
    if shares and math.isclose(_cross_entropy(output, y), loss, rel_tol=1e-5):
        text = "The output is a softmax already, and the loss takes another one: the gradient at the output is a small part."
        yield Advice(cause="output", said=text, line=LINES["logits"][api(taken)])


def _cross_entropy(logits: np.ndarray, y: np.ndarray) -> float:
    shifted = logits - logits.max(-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return float(-logs[np.arange(len(y)), y].mean())


def _rate(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    """The learning rate, by how far a step moves the weights."""
    ratios = taken.trace.quantities.get("update_ratio")
    if ratios is None or (said.learning and said.learning.verdict == "learns"):
        return
    if said.gradient.verdict == "non-finite":
        ratios = ratios[:, :1]  # what came after is as large as a number can be
    typical = float(np.median(ratios[np.isfinite(ratios)])) if np.isfinite(ratios).any() else math.nan
    small = typical < SMALL_STEP and said.gradient.verdict == "comes through"  # else it is the gradient that is small
    if not (typical > LARGE_STEP or small):
        return
    word = "large" if typical > LARGE_STEP else "small"
    text = f"The learning rate is too {word}: a step moves the weights by {typical:.1g} of their size; {USUAL_STEP:g} is usual."
    yield Advice(cause="learning rate", said=text, line=_rate_line(taken, typical))


def _momentum(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    """Steps that are small one by one, and add up until the model dies: to 1 / (1 - momentum) of them."""
    config: dict[str, Any] = taken.captured["optimizer"] or {}
    ratios, momentum = taken.trace.quantities.get("update_ratio"), config.get("momentum") or 0.0
    if ratios is None or said.gradient.verdict not in ("dead", "non-finite") or not 0 < momentum < 1:
        return
    first, count = float(np.median(ratios[0, 0])), 1 / (1 - momentum)
    if not first <= LARGE_STEP < first * count:
        return
    text = (
        f"The steps add up: with a momentum of {momentum:.3g} to {count:.0f} of them, and the first one moves the weights by "
        f"{first:.1g} of their size; together that is {first * count:.1g}."
    )
    yield Advice(cause="momentum", said=text, line=LINES["momentum"][api(taken)].format(rate=config["rate"]))


def _rate_line(taken: Passes, typical: float) -> str:
    config: dict[str, Any] = taken.captured["optimizer"] or {}
    if not config.get("rate") or not typical:
        return ""
    names = {"torch": {"sgd": "SGD", "adam": "Adam"}, "keras": {"sgd": "SGD", "adam": "Adam"}}
    name = names.get(api(taken), {}).get(config["kind"], config["kind"])
    return LINES["rate"][api(taken)].format(optimizer=name, rate=config["rate"] * USUAL_STEP / typical)
