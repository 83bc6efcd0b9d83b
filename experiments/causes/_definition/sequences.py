"""Recurrent layers and attention [batch, time, feature]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from experiments.causes._definition.activation import (
    FIXED,
    NAMES,
    hard_sigmoid_fifth,
    needed,
    number,
    softmax,
)
from experiments.causes._definition.errors import Undefined
from experiments.causes._definition.rounding import TYPES

Config = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]
Function = Callable[[np.ndarray], np.ndarray]
Cell = Callable[[np.ndarray, tuple[np.ndarray, ...]], tuple[np.ndarray, ...]]
"""From x at a step [gate, batch, unit], already multiplied, and the state to the state after; what
comes out is its first."""


def function(config: Config, name: str, usual: Function) -> Function:
    """The activation of a cell or of its gates."""
    stated = config.get(name)
    if stated is None:
        return usual
    known = FIXED | {"hard_sigmoid_fifth": hard_sigmoid_fifth}
    own = NAMES.get(stated, stated)
    if own not in known:
        raise Undefined(f"{name} {stated}")
    return known[own]


def recurrent(config: Config, parameters: Arrays, x: np.ndarray) -> np.ndarray:
    """A layer of cells over the steps.

    One that runs backwards gives its outputs in the order of its inputs.

    Beyond what a place states, `state` says that the last array of the state is returned, of an
    LSTM that of the cell.
    """
    kernel = needed(parameters, "kernel")
    cell, states = _cell(config, parameters)
    bias = parameters.get("bias", np.zeros((len(kernel), kernel.shape[-1])))
    steps = np.einsum("ntf,gfu->tgnu", x, kernel) + bias[:, None]
    order = range(len(steps))
    state = tuple(np.zeros((len(x), kernel.shape[-1])) for _ in range(states))
    outputs: dict[int, np.ndarray] = {}
    for step in reversed(order) if config.get("backwards") else order:
        state = cell(steps[step], state)
        outputs[step] = state[0]
    if config.get("state"):
        return state[-1]
    return state[0] if config.get("last") else np.stack([outputs[step] for step in order], axis=1)


def _cell(config: Config, parameters: Arrays) -> tuple[Cell, int]:
    """A step, and how many arrays its state has."""
    weight = needed(parameters, "recurrent")
    inner = function(config, "activation", np.tanh)
    gate = function(config, "gate_activation", expit)
    match number(config, "cell"):
        case "rnn":
            return lambda x, state: (inner(x[0] + state[0] @ weight[0]),), 1
        case "lstm":
            return _lstm(weight, inner, gate), 2
        case "gru":
            bias = parameters.get("recurrent_bias", np.zeros((3, weight.shape[-1])))
            after = config.get("reset_after", True)
            return (
                _gru_after(weight, bias, inner, gate) if after else _gru_before(weight, inner, gate)
            ), 1
        case cell:
            raise Undefined(f"a cell {cell}")


def _lstm(weight: np.ndarray, inner: Function, gate: Function) -> Cell:
    def step(x: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        h, c = state
        i, f, g, o = x + np.einsum("nu,guv->gnv", h, weight)
        kept = gate(f) * c + gate(i) * inner(g)
        return gate(o) * inner(kept), kept

    return step


def _gru_after(weight: np.ndarray, bias: np.ndarray, inner: Function, gate: Function) -> Cell:
    """The reset gate stands after the product."""

    def step(x: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        own = np.einsum("nu,guv->gnv", state[0], weight) + bias[:, None]
        r, z = gate(x[:2] + own[:2])
        return ((1 - z) * inner(x[2] + r * own[2]) + z * state[0],)

    return step


def _gru_before(weight: np.ndarray, inner: Function, gate: Function) -> Cell:
    """The reset gate stands before the product, as in Cho et al. 2014."""

    def step(x: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        r, z = gate(x[:2] + np.einsum("nu,guv->gnv", state[0], weight[:2]))
        return ((1 - z) * inner(x[2] + (r * state[0]) @ weight[2]) + z * state[0],)

    return step


def attention(config: Config, parameters: Arrays, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """A module of several heads [batch, time, feature].

    Without parameters, the function [batch, heads, time, width].
    """
    if "query" not in parameters:
        return weighted(config, *inputs)
    query = inputs[0]
    key = inputs[1] if len(inputs) > 1 else query
    value = inputs[2] if len(inputs) > 2 else key
    q, k, v = (
        _headed(x, parameters, name)
        for x, name in ((query, "query"), (key, "key"), (value, "value"))
    )
    mixed = weighted(config, q, k, v)
    y = np.einsum("nhtw,hwo->nto", mixed, needed(parameters, "out"))
    return y + parameters.get("out_bias", np.zeros(()))


def _headed(x: np.ndarray, parameters: Arrays, name: str) -> np.ndarray:
    y = np.einsum("ntf,fhw->nhtw", x, needed(parameters, name))
    bias = parameters.get(f"{name}_bias")
    return y if bias is None else y + bias[:, None]


def weighted(
    config: Config,
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """softmax(scale q k' + mask) v (Vaswani et al. 2017).

    A mask of booleans says what may be looked at, others are added.

    Beyond what a place states: `fill` is the score of what is hidden, if it is not infinitely low;
    `behind` says that the mask multiplies what comes out of the softmax; `scores` and `weights` are
    the types that these are rounded to on the way.
    """
    scale = config.get("scale")
    score = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    seen = (
        np.tril(np.ones(score.shape[-2:], dtype=bool))
        if config.get("causal")
        else np.ones(score.shape[-2:], dtype=bool)
    )
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        score = score + mask
    score = _rounded(config, "scores", score)
    hidden = score if config.get("behind") else np.where(seen, score, config.get("fill", -np.inf))
    weights = _rounded(config, "weights", softmax(hidden, int(config.get("over", -1))))
    return (weights * seen if config.get("behind") else weights) @ value


def _rounded(config: Config, name: str, values: np.ndarray) -> np.ndarray:
    return TYPES[config[name]][0](values) if name in config else values
