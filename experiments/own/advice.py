"""What is the likely cause where the gradient does not come through or a model does not learn.

And the line that changes it.

Each piece is measured in this model: what its activations leave of the gradient and what its
weights hand back, the size of its weights beside what their own fan-in asks for, its dead units,
the size of its steps, its input and its output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from experiments.own.diagnosing import Passes
from experiments.own.diagnosis import Advice, Diagnosis
from experiments.own.guessing import cross_entropy
from experiments.own.lines import LINES, named, percent
from experiments.own.stepping import momentum, rate
from experiments.own.unreached import SIZED, cut, dead, dead_end, zero
from isograd.captured import Layer, Place, rms

LEAST_DERIVATIVES = {
    "sigmoid": 1 / 4,
    "hard_sigmoid": 1 / 6,
    "tanh": 1.0,
    "softsign": 1.0,
    "hard_tanh": 1.0,
}
"""Activations that saturate, and their largest derivative."""

HALF = {"relu": 0.0, "relu6": 0.0, "leaky_relu": 0.01, "prelu": 0.25}
"""Activations of two slopes, and the lower one where the layer does not state it."""

WEAK = 0.9
"""A share of the gradient below which a layer's part is named as a cause."""


def advice(taken: Passes, said: Diagnosis) -> list[Advice]:
    """The likely causes, the most important first; empty where nothing is wrong."""
    found = [
        *cut(taken),
        *zero(taken, said),
        *_gradient(taken, said),
        *dead_end(taken),
        *dead(taken),
    ]
    return [*found, *_output(taken), *_input(taken), *rate(taken, said), *momentum(taken, said)]


# --- where the gradient does not come through


def _gradient(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    verdict = said.gradient.verdict
    if verdict not in ("vanishing", "exploding"):
        return
    block = _typical([site.block for site in said.sites])
    back = _typical([site.weights for site in said.sites])
    vanishing = verdict == "vanishing"
    if vanishing and block is not None and block < WEAK:
        yield from _activation(taken, block)
    if (
        back is not None
        and block is not None
        and (block * back < WEAK if vanishing else block * back > 1 / WEAK)
    ):
        yield from _start(taken, said, back, vanishing)
    if len(said.sites) >= 10 and not _has(
        taken, "batch_norm", "layer_norm", "group_norm", "rms_norm"
    ):
        skip = (
            "" if _has(taken, "add") else ", or a skip connection around every one or two layers,"
        )
        text = (
            f"{len(said.sites)} layers have no normalization: one before each activation{skip} "
            "keeps the gradient's size."
        )
        yield Advice(cause="normalization", said=text, line=LINES["normalization"][taken.api])


def _typical(factors: list[float | None]) -> float | None:
    """The geometric mean of those that are known."""
    logs = [math.log(one) for one in factors if one]
    return math.exp(sum(logs) / len(logs)) if logs else None


def _activation(taken: Passes, block: float) -> Iterator[Advice]:
    names = [
        name for place in _ends(taken) if (name := place["config"].get("name")) in LEAST_DERIVATIVES
    ]
    if not names:
        return
    name = max(set(names), key=names.count)
    most = LEAST_DERIVATIVES[name]
    bound = (
        f"its derivative is at most {most:.2g}"
        if most < 1
        else "its derivative is below 1 wherever it bends"
    )
    text = (
        f"{name} is the activation of {len(names)} layers: {bound}, and it leaves {percent(block)} "
        "of the gradient here."
    )
    yield Advice(
        cause="activation",
        said=text,
        line=LINES["relu"][taken.api].format(activation=_spelt(taken, name)),
    )


def _spelt(taken: Passes, name: str) -> str:
    return (
        {"sigmoid": "Sigmoid()", "tanh": "Tanh()"}.get(name, name) if taken.api == "torch" else name
    )


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
    where = named([path])
    text = (
        f"The weights start too {word}: in {where} their rms is {size:.2g}, where {name} start "
        f"gives {right_size:.2g} for a fan-in of {fan_in}; each layer's weights hand back "
        f"{percent(back)} of the gradient."
    )
    yield Advice(cause="start", said=text, line=LINES[which][taken.api])


def saturates(taken: Passes) -> bool:
    """Whether some layer's activation has two ends."""
    return any(place["config"].get("name") in LEAST_DERIVATIVES for place in _ends(taken))


def _sizes(taken: Passes, path: str) -> tuple[float, int] | None:
    """The rms of a layer's weights, and their fan-in.

    None where the layer is of a kind that has none of its own.
    """
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


# --- input and output


def _input(taken: Passes) -> Iterator[Advice]:
    """Data that are far from a mean of 0 and a deviation of 1."""
    x = taken.captured["x"]
    first = min(taken.captured["places"], key=lambda place: place["end"])
    if (
        not isinstance(x, np.ndarray)
        or x.dtype.kind not in "fiu"
        or first["kind"] == "embedding"
        or x.ndim < 2
    ):
        return
    mean = float(x.mean())
    std = float(x.std())
    if 0.1 <= rms(x) <= 5 and abs(mean) <= 3 * std:
        return
    text = (
        f"The input has mean {mean:.3g} and standard deviation {std:.3g}: a network starts as it "
        "is meant to with 0 and 1."
    )
    yield Advice(cause="input", said=text, line=LINES["input"][taken.api])


def _output(taken: Passes) -> Iterator[Advice]:
    """Probabilities that go into a loss which takes logits: a softmax of a softmax."""
    output = taken.captured["output"]
    y = taken.captured["y"]
    loss = taken.captured["loss"]
    if (
        output is None
        or y is None
        or output.ndim != 2
        or y.dtype.kind not in "iu"
        or y.shape != output.shape[:1]
    ):
        return
    shares = (output >= 0).all() and np.allclose(output.sum(-1), 1, atol=1e-5)
    if shares and math.isclose(cross_entropy(output, y), loss, rel_tol=1e-5):
        text = (
            "The output is a softmax already, and the loss takes another one: the gradient at the "
            "output is a small part."
        )
        yield Advice(cause="output", said=text, line=LINES["logits"][taken.api])
