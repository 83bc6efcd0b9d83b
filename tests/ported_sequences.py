"""Faults of a port in layers of sequences, planted in NumPy: attention, cells and tables of
words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from experiments.causes import Side
from experiments.causes._losses import softmax
from tests.ported_bench import Bench, computed


def attentions(b: Bench) -> None:
    q = b.draw(2, 3, 5, 4)
    k = b.draw(2, 3, 5, 4)
    v = b.draw(2, 3, 5, 4)
    side = b.side("attention", {"heads": 3, "scale": 0.5, "causal": False}, q, k, v)
    b.changed("no scale", "attention.scale", side, scale=1.0)
    b.changed("scale of all heads", "attention.scale", side, scale=12**-0.5)
    b.changed("a causal mask", "attention.causal", side, causal=True)
    b.plant(
        "softmax over queries",
        "attention.softmax",
        side,
        softmax(q @ k.swapaxes(-1, -2) / 2, -2) @ v,
    )
    b.plant(
        "query and key swapped", "attention.order", side, softmax(k @ q.swapaxes(-1, -2) / 2) @ v
    )
    mask = b.rng.random((5, 5)) > 0.4
    mask |= np.eye(5, dtype=bool)
    masked = b.side("attention", {"heads": 3, "scale": 0.5}, q, k, v, mask)
    b.plant("mask missing", "attention.mask", masked, side.output)
    b.plant(
        "mask turned around",
        "attention.mask",
        masked,
        _attended(q, k, v, np.where(mask.T, 0, -np.inf)),
    )
    causal = b.side("attention", {"heads": 3, "scale": 0.5, "causal": True}, q, k, v)
    b.plant(
        "mask one step late",
        "attention.mask",
        causal,
        _attended(q, k, v, np.where(np.tri(5, k=1), 0, -np.inf)),
    )
    b.plant(
        "mask of the past",
        "attention.mask",
        causal,
        _attended(q, k, v, np.where(np.tri(5).T, 0, -np.inf)),
    )
    scores = q @ k.swapaxes(-1, -2) / 2
    b.plant("masked with 0", "attention.mask", causal, softmax(np.where(np.tri(5), scores, 0)) @ v)
    b.plant(
        "masked behind the softmax", "attention.mask", causal, (softmax(scores) * np.tri(5)) @ v
    )
    b.plant("mask added", "attention.mask", causal, softmax(scores + np.tri(5)) @ v)
    units = [x.swapaxes(1, 2).reshape(2, 5, 12) for x in (q, k, v)]
    for words, heads in (
        ("heads one by one", lambda x: np.stack([x[..., h::3] for h in range(3)], 1)),
        ("heads without a transposition", lambda x: x.reshape(2, 3, 5, 4)),
        ("four heads", lambda x: np.stack([x[..., 3 * h : 3 * h + 3] for h in range(4)], 1)),
    ):
        a, c, d = map(heads, units)
        its = softmax(a @ c.swapaxes(-1, -2) / np.sqrt(a.shape[-1])) @ d
        b.plant(words, "attention.heads", side, its.swapaxes(1, 2).reshape(2, 5, -1))
    x = b.draw(3, 6, 8)
    heads = {name: b.draw(8, 2, 4) for name in ("query", "key", "value")}
    biases = {f"{name}_bias": b.draw(2, 4) for name in heads}
    module = b.side(
        "attention",
        {"heads": 2, "scale": 0.5},
        x,
        **heads,
        **biases,
        out=b.draw(2, 4, 8),
        out_bias=b.draw(8),
    )
    b.held("query and key's weights swapped", "attention.order", module, query=heads["key"],
        key=heads["query"],
           query_bias=biases["key_bias"], key_bias=biases["query_bias"])  # fmt: skip
    b.held("output bias missing", "attention.bias", module, "scale.bias", drop="out_bias")
    b.held("heads dealt out", "attention.heads", module, **_dealt(module))
    b.changed("module without scale", "attention.scale", module, scale=1.0)


def _attended(q: np.ndarray, k: np.ndarray, v: np.ndarray, added: np.ndarray) -> np.ndarray:
    return softmax(q @ k.swapaxes(-1, -2) / 2 + added) @ v


def _dealt(module: Side) -> dict[str, np.ndarray]:
    """Unit u of 8 is head u % 2, not u // 4; the output map stays as it is but reads them so."""
    found = {}
    for name, array in module.parameters.items():
        if name == "out_bias":
            continue
        if name == "out":
            found[name] = np.stack([array.reshape(8, 8)[h::2] for h in range(2)])
        else:
            rows = array.reshape(-1, 8) if array.ndim == 3 else array.reshape(1, 8)
            dealt = np.stack([rows[:, h::2] for h in range(2)], 1)
            found[name] = dealt if array.ndim == 3 else dealt[0]
    return found


def recurrences(b: Bench) -> None:
    x = b.draw(4, 6, 5)

    def cell(name: str, gates: int, **config: Any) -> Side:
        arrays = {
            "kernel": b.draw(gates, 5, 3),
            "recurrent": b.draw(gates, 3, 3),
            "bias": b.draw(gates, 3),
        }
        if name == "gru":
            arrays["recurrent_bias"] = b.draw(gates, 3)
        return b.side("recurrent", {"cell": name, "last": False, **config}, x, **arrays)

    lstm = cell("lstm", 4)
    order = [0, 2, 1, 3]
    b.held(
        "gates in another order",
        "recurrent.gates",
        lstm,
        **{n: a[order] for n, a in lstm.parameters.items()},
    )
    b.changed(
        "hard sigmoid gates", "recurrent.gate_activation", lstm, gate_activation="hard_sigmoid"
    )
    b.changed(
        "gates of Keras 2", "recurrent.gate_activation", lstm, gate_activation="hard_sigmoid_fifth"
    )
    b.changed("relu cells", "recurrent.activation", lstm, activation="relu")
    b.changed("time backwards", "recurrent.direction", lstm, backwards=True)
    b.plant("outputs backwards", "recurrent.order", lstm, lstm.output[:, ::-1], "order.reversed")  # type: ignore[index]
    b.held("lstm bias missing", "recurrent.bias", lstm, drop="bias")
    forget = lstm.parameters["bias"] + np.array([0, 1, 0, 0])[:, None]
    b.held("forget bias added", "recurrent.forget_bias", lstm, bias=forget)
    last = cell("lstm", 4, last=True)
    whole = computed(replace(last, config={**last.config, "last": False})).output
    assert whole is not None
    b.plant("mean for last step", "recurrent.returned", last, whole.mean(1))
    b.plant("last step but one", "recurrent.returned", last, whole[:, -2])
    b.changed("state of the cell", "recurrent.returned", last, state=True)
    gru = cell("gru", 3, reset_after=True)
    b.changed("reset before", "recurrent.reset", gru, reset_after=False)
    b.held(
        "gru gates z r n",
        "recurrent.gates",
        gru,
        **{n: a[[1, 0, 2]] for n, a in gru.parameters.items()},
    )
    b.held("second bias missing", "recurrent.second_bias", gru, drop="recurrent_bias")
    flipped = {
        n: a * np.array([1, -1, 1]).reshape(3, *[1] * (a.ndim - 1))
        for n, a in gru.parameters.items()
    }
    b.held("update gate the other way", "recurrent.update", gru, **flipped)
    simple = cell("rnn", 1)
    b.changed("relu for tanh", "recurrent.activation", simple, activation="relu")
    b.held(
        "recurrent weights transposed",
        "recurrent.transposed",
        simple,
        recurrent=simple.parameters["recurrent"].swapaxes(1, 2),
    )


def embeddings(b: Bench) -> None:
    entries = b.rng.integers(0, 9, (5, 7))
    side = b.side("embedding", {}, entries, weight=b.draw(10, 16))
    assert side.output is not None
    b.plant("times the root of the width", "embedding.scale", side, side.output * 4, "scale.factor")
    b.plant(
        "entry 0 is nothing",
        "embedding.padding",
        side,
        np.where(entries[..., None] == 0, 0, side.output),
    )
    b.plant("entries one off", "embedding.off_by_one", side, side.parameters["weight"][entries + 1])
    around = computed(replace(side, inputs=(entries + 1,)))
    b.plant(
        "entries one off, the last the first",
        "embedding.off_by_one",
        around,
        side.parameters["weight"][(entries + 2) % 10],
    )
