"""What layers compute, in NumPy, from their canonical arrays; x has PyTorch's axes, channels second
or last.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def affine(inputs: list[np.ndarray], p: Arrays, config: dict[str, Any]) -> np.ndarray:
    return inputs[0] @ p["weight"] + p["bias"]


def convolution(inputs: list[np.ndarray], p: Arrays, config: dict[str, Any]) -> np.ndarray:
    x = np.moveaxis(inputs[0], 1, -1)
    y = (_spread if config["transposed"] else _gathered)(x, p["weight"], config)
    return np.moveaxis(y + p["bias"], -1, 1)


def _gathered(x: np.ndarray, weight: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    x = np.pad(x, [(0, 0), *(tuple(pair) for pair in config["padding"]), (0, 0)])
    *size, per_group, out = weight.shape
    space = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(
            x.shape[1:-1], config["dilation"], size, config["stride"], strict=True
        )
    ]
    y = np.zeros((len(x), *space, out))
    for at in product(*map(range, size)):
        steps = zip(at, config["dilation"], config["stride"], space, strict=True)
        window = x[:, *(slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in steps)]
        for group in range(config["groups"]):
            columns = slice(group * out // config["groups"], (group + 1) * out // config["groups"])
            rows = slice(group * per_group, (group + 1) * per_group)
            y[..., columns] += window[..., rows] @ weight[*at, :, columns]
    return y


def _spread(x: np.ndarray, weight: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    *size, _, out = weight.shape
    numbers = list(zip(x.shape[1:-1], size, config["stride"], config["dilation"], strict=True))
    whole = np.zeros((len(x), *((n - 1) * s + d * (k - 1) + 1 for n, k, s, d in numbers), out))
    for at in product(*map(range, size)):
        where = (
            slice(k * d, k * d + s * (n - 1) + 1, s)
            for k, (n, _, s, d) in zip(at, numbers, strict=True)
        )
        whole[:, *where] += x @ weight[at]
    cut = (
        slice(before, n - after)
        for n, (before, after) in zip(whole.shape[1:-1], config["padding"], strict=True)
    )
    return whole[:, *cut]


def batch_norm(inputs: list[np.ndarray], p: Arrays, config: dict[str, Any]) -> np.ndarray:
    assert config["batch"]
    x = np.moveaxis(inputs[0], 1, -1)
    axes = tuple(range(x.ndim - 1))
    y = (x - x.mean(axes)) / np.sqrt(x.var(axes) + config["epsilon"]) * p["scale"] + p["shift"]
    return np.moveaxis(y, -1, 1)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def recurrent(inputs: list[np.ndarray], p: Arrays, config: dict[str, Any]) -> np.ndarray:
    x = inputs[0][:, ::-1] if config["backwards"] else inputs[0]
    h = c = np.zeros((len(x), p["kernel"].shape[-1]))
    found = []
    for t in range(x.shape[1]):
        own = np.einsum("bi,giu->gbu", x[:, t], p["kernel"]) + p["bias"][:, None]
        last = np.einsum("bu,guv->gbv", h, p["recurrent"])
        if config["cell"] == "lstm":
            i, f, g, o = own + last
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(c)
        else:
            last = last + p["recurrent_bias"][:, None]
            r, z = _sigmoid(own[:2] + last[:2])
            h = (1 - z) * np.tanh(own[2] + r * last[2]) + z * h
        found.append(h)
    return np.stack(found[::-1] if config["backwards"] else found, 1)


def attention(inputs: list[np.ndarray], p: Arrays, config: dict[str, Any]) -> np.ndarray:
    q, k, v = (
        np.einsum("bti,ihw->bhtw", x, p[name]) + p[f"{name}_bias"][:, None]
        for x, name in zip(inputs, ("query", "key", "value"), strict=True)
    )
    scores = q @ np.swapaxes(k, -1, -2) * config["scale"]
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bhtw,hwo->bto", weights @ v, p["out"]) + p["out_bias"]


FORMULAS: dict[str, Callable[[list[np.ndarray], Arrays, dict[str, Any]], np.ndarray]] = {
    "affine": affine,
    "convolution": convolution,
    "batch_norm": batch_norm,
    "recurrent": recurrent,
    "attention": attention,
}
