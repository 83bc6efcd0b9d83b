"""Layers by their formulae, in NumPy and slowly, from parameters in canonical form."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def convolution(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, config: Mapping[str, Any]
) -> np.ndarray:
    """Of x [batch, *space, channel]: each offset of the kernel adds a product."""
    spread = transposed if config["transposed"] else gathered
    groups = config["groups"]
    parts = zip(np.split(x, groups, -1), np.split(weight, groups, -1), strict=True)
    return np.concatenate([spread(part, kernel, config) for part, kernel in parts], -1) + bias


def gathered(x: np.ndarray, weight: np.ndarray, config: Mapping[str, Any]) -> np.ndarray:
    space = weight.shape[:-2]
    padded = np.pad(x, [(0, 0), *config["padding"], (0, 0)])
    reach = [
        (size - 1) * dilation for size, dilation in zip(space, config["dilation"], strict=True)
    ]
    made: Any = 0
    for offset in itertools.product(*map(range, space)):
        starts = [at * dilation for at, dilation in zip(offset, config["dilation"], strict=True)]
        ends = [
            start + length - far
            for start, length, far in zip(starts, padded.shape[1:-1], reach, strict=True)
        ]
        window = tuple(slice(*each) for each in zip(starts, ends, config["stride"], strict=True))
        made = made + padded[(slice(None), *window)] @ weight[offset]
    return made


def transposed(x: np.ndarray, weight: np.ndarray, config: Mapping[str, Any]) -> np.ndarray:
    space = weight.shape[:-2]
    strides = config["stride"]
    full = [
        (length - 1) * stride + size
        for length, stride, size in zip(x.shape[1:-1], strides, space, strict=True)
    ]
    made = np.zeros((len(x), *full, weight.shape[-1]))
    for offset in itertools.product(*map(range, space)):
        window = tuple(
            slice(at, at + (n - 1) * s + 1, s)
            for at, n, s in zip(offset, x.shape[1:-1], strides, strict=True)
        )
        made[(slice(None), *window)] += x @ weight[offset]
    kept = tuple(
        slice(before, length - after)
        for (before, after), length in zip(config["padding"], full, strict=True)
    )
    return made[(slice(None), *kept)]


def lstm(x: np.ndarray, p: Arrays, config: Mapping[str, Any]) -> np.ndarray:
    """Of x [batch, time, feature], every state h."""
    h = c = np.zeros((len(x), p["bias"].shape[-1]))
    states = []
    for t in range(x.shape[1]):
        i, f, g, o = (
            x[:, t] @ p["kernel"][k] + h @ p["recurrent"][k] + p["bias"][k] for k in range(4)
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, 1)


def gru(x: np.ndarray, p: Arrays, config: Mapping[str, Any]) -> np.ndarray:
    """Of x [batch, time, feature], every state h; of a plain cell too, whose one gate is the
    candidate.
    """
    h = np.zeros((len(x), p["bias"].shape[-1]))
    states = []
    for t in range(x.shape[1]):
        h = _gru(x[:, t], h, p, config) if config["cell"] == "gru" else _plain(x[:, t], h, p)
        states.append(h)
    return np.stack(states, 1)


def _plain(x: np.ndarray, h: np.ndarray, p: Arrays) -> np.ndarray:
    return np.tanh(x @ p["kernel"][0] + h @ p["recurrent"][0] + p["bias"][0])


def _gru(x: np.ndarray, h: np.ndarray, p: Arrays, config: Mapping[str, Any]) -> np.ndarray:
    second = p.get("recurrent_bias", np.zeros_like(p["bias"]))
    given = [x @ p["kernel"][k] + p["bias"][k] for k in range(3)]
    r, z = (sigmoid(given[k] + h @ p["recurrent"][k] + second[k]) for k in range(2))
    kernel = p["recurrent"][2]
    back = r * (h @ kernel + second[2]) if config["reset_after"] else (r * h) @ kernel
    return z * h + (1 - z) * np.tanh(given[2] + back)


def attention(inputs: Sequence[np.ndarray], p: Arrays, config: Mapping[str, Any]) -> np.ndarray:
    """Of a function, from heads [batch, heads, time, width]; of a module, from [batch, time,
    feature].
    """
    if not p:
        return attended(*inputs, config=config)
    named = zip(("query", "key", "value"), inputs, strict=True)
    heads = [
        np.einsum("btf,fhw->bhtw", x, p[name]) + p[f"{name}_bias"][:, None] for name, x in named
    ]
    return np.einsum("bhtw,hwo->bto", attended(*heads, config=config), p["out"]) + p["out_bias"]


def attended(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, config: Mapping[str, Any]
) -> np.ndarray:
    scores = query @ key.swapaxes(-1, -2) * config["scale"]
    if config["causal"]:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ value
