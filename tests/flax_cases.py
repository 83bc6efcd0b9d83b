"""What the captures of linen and nnx share in their tests: batches, a model's subject, formulae in
NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from backends.jax import capture

RNG = np.random.default_rng(1)
FLAT = RNG.normal(size=(5, 4))
SEQUENCE = RNG.normal(size=(5, 3, 4))
IMAGE = RNG.normal(size=(5, 4, 4, 4))
WORDS = RNG.integers(0, 5, size=(5, 3))
PAIR = (FLAT, RNG.normal(size=(5, 4)))
CLASSES = np.arange(5) % 3


class Case(NamedTuple):
    """A model, what goes in, and what a reader of it expects to see: its places, in order."""

    name: str
    model: Callable[[], Any]
    x: Any
    places: str
    cut: tuple[str, ...] = ()
    y: Any = CLASSES


class Taken(NamedTuple):
    case: Case
    subject: Any
    captured: dict[str, Any]


_taken: dict[tuple[str, str], Taken] = {}


def taken(api: str, case: Case) -> Taken:
    """The case's capture in float64, made once."""
    if (api, case.name) not in _taken:
        subject = capture.subject(case.model(), case.x, case.y, precision="float64")
        _taken[api, case.name] = Taken(case, subject, subject.capture(values=True))
    return _taken[api, case.name]


def precise() -> None:
    """JAX works in float64 from now on; as its tests have it everywhere."""
    capture.prepare("float64")


def said(captured: dict[str, Any]) -> str:
    """The places in a line: path, call where there are several, leaf where it is not the first."""
    return " ".join(_said(place) for place in captured["places"])


def _said(place: dict[str, Any]) -> str:
    call = f"#{place['call']}" if place["call"] else ""
    leaf = f".{place['leaf']}" if place["leaf"] else ""
    return f"{place['path'] or '(model)'}{call}{'/' if leaf else ''}{leaf}"


def place(
    captured: dict[str, Any], path: str, call: int = 0, leaf: int | None = None
) -> dict[str, Any]:
    """The place; the last leaf unless one is named."""
    found = [each for each in captured["places"] if (each["path"], each["call"]) == (path, call)]
    return found[-1] if leaf is None else next(each for each in found if each["leaf"] == leaf)


def drawn(layers: dict[str, Any], seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Other numbers for all parameters and statistics; of a GRU's recurrent bias only the gate that
    Flax has.
    """
    rng = np.random.default_rng(seed)
    new: dict[str, dict[str, np.ndarray]] = {}
    for path, layer in layers.items():
        arrays = {**layer["parameters"], **layer["statistics"]}
        new[path] = {name: rng.uniform(0.5, 1.5, np.shape(value)) for name, value in arrays.items()}
        if "recurrent_bias" in new[path]:
            new[path]["recurrent_bias"][:2] = 0
    return new


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def normalized(
    x: np.ndarray, p: dict[str, np.ndarray], epsilon: float, axes: tuple[int, ...]
) -> np.ndarray:
    mean = x.mean(axes, keepdims=True)
    variance = x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * p["scale"] + p["shift"]


def convolved(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, config: dict[str, Any]
) -> np.ndarray:
    """A convolution of two space axes, and groups."""
    padded = np.pad(x, [(0, 0), *config["padding"], (0, 0)])
    (high, wide, inner, out), groups = weight.shape, config["groups"]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (high, wide), (1, 2))
    windows = windows[:, :: config["stride"][0], :: config["stride"][1]]
    parts = [
        np.einsum("bijchw,hwco->bijo", windows[..., g * inner : (g + 1) * inner, :, :], part)
        for g, part in enumerate(np.split(weight, groups, axis=-1))
    ]
    assert out % groups == 0
    return np.concatenate(parts, axis=-1) + bias


def transposed(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, config: dict[str, Any]
) -> np.ndarray:
    """Each input adds the kernel, times itself, to the output; then the edges are left out."""
    high, wide = weight.shape[:2]
    up, right = config["stride"]
    full = np.zeros(
        (len(x), (x.shape[1] - 1) * up + high, (x.shape[2] - 1) * right + wide, weight.shape[-1])
    )
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            full[:, i * up : i * up + high, j * right : j * right + wide] += np.einsum(
                "bc,hwco->bhwo", x[:, i, j], weight
            )
    (top, bottom), (left, end) = config["padding"]
    full = np.pad(full, [(0, 0), (0, max(-bottom, 0)), (0, max(-end, 0)), (0, 0)])
    return full[:, top : full.shape[1] - max(bottom, 0), left : full.shape[2] - max(end, 0)] + bias


def lstm(x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    h = c = np.zeros((len(x), p["kernel"].shape[-1]))
    steps = []
    for t in range(x.shape[1]):
        i, f, g, o = (
            np.einsum("bi,gio->gbo", x[:, t], p["kernel"])
            + np.einsum("bi,gio->gbo", h, p["recurrent"])
            + p["bias"][:, None]
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.stack(steps, axis=1)


def gru(x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    h = np.zeros((len(x), p["kernel"].shape[-1]))
    steps = []
    for t in range(x.shape[1]):
        xr, xz, xn = np.einsum("bi,gio->gbo", x[:, t], p["kernel"]) + p["bias"][:, None]
        hr, hz, hn = (
            np.einsum("bi,gio->gbo", h, p["recurrent"])
            + p.get("recurrent_bias", np.zeros((3, 1)))[:, None]
        )
        r = sigmoid(xr + hr)
        z = sigmoid(xz + hz)
        h = (1 - z) * np.tanh(xn + r * hn) + z * h
        steps.append(h)
    return np.stack(steps, axis=1)


def simple(x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    h = np.zeros((len(x), p["kernel"].shape[-1]))
    steps = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ p["kernel"][0] + h @ p["recurrent"][0] + p["bias"][0])
        steps.append(h)
    return np.stack(steps, axis=1)


def attended(x: np.ndarray, p: dict[str, np.ndarray], scale: float) -> np.ndarray:
    query, key, value = (
        np.einsum("bti,ihw->bhtw", x, p[name]) + p[f"{name}_bias"][:, None]
        for name in ("query", "key", "value")
    )
    scores = np.exp(scale * query @ np.swapaxes(key, -1, -2))
    mixed = scores / scores.sum(-1, keepdims=True) @ value
    return np.einsum("bhtw,hwo->bto", mixed, p["out"]) + p["out_bias"]
