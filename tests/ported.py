"""Faults of a port, planted in NumPy: a reference, what a port with one fault gives, and the cause that has to be named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy.special import erf, expit

from experiments.causes import Case, Side, Steps
from experiments.causes._definition import forward
from experiments.causes._losses import softmax
from experiments.causes._steps import complete, updates

BACKENDS = {"torch": "torch", "keras": "keras", "linen": "jax", "nnx": "jax"}


@dataclass(frozen=True, eq=False)
class Planted:
    """A fault, the key of its cause, and those of causes that give the same numbers, as they are documented."""

    name: str
    case: Case
    cause: str
    same: frozenset[str] = frozenset()

    def at(self, dialect: str) -> Case:
        """With the port in this framework."""
        return replace(self.case, port=replace(self.case.port, dialect=dialect, backend=BACKENDS[dialect]))


def computed(side: Side) -> Side:
    """With what the definition makes of it."""
    return replace(side, output=forward(side.kind, side.config, side.parameters, side.statistics, side.inputs))


class Bench:
    """Makes sides and faults out of one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.faults: list[Planted] = []
        self.clean: list[Case] = []

    def draw(self, *shape: int) -> np.ndarray:
        return self.rng.normal(size=shape)

    def side(self, kind: str, config: dict[str, Any], *inputs: np.ndarray, **arrays: np.ndarray) -> Side:
        statistics = {name: arrays.pop(name) for name in ("mean", "variance") if name in arrays}
        made = computed(
            Side("torch", "torch", "layer", kind, config=config, inputs=inputs, parameters=arrays, statistics=statistics)
        )
        self.clean.append(Case("forward", made, replace(made, backend="keras", dialect="keras")))
        return made

    def plant(self, name: str, cause: str, side: Side, port: Side | np.ndarray | None, *same: str, **case: Any) -> None:
        its = port if isinstance(port, Side) else replace(side, output=port)
        its = replace(its, backend="keras", dialect="keras")
        self.faults.append(Planted(name, Case("forward", side, its, **case), cause, frozenset(same)))

    def changed(self, name: str, cause: str, side: Side, *same: str, **numbers: Any) -> None:
        """A number that is another one; the port does not say so."""
        its = computed(replace(side, config={**side.config, **numbers}))
        self.plant(name, cause, side, replace(its, config=side.config), *same)

    def held(self, name: str, cause: str, side: Side, *same: str, drop: Any = "", **arrays: np.ndarray) -> None:
        """Parameters that are others; the port does not say so."""
        kept = {key: array for key, array in side.parameters.items() if key != drop}
        its = computed(replace(side, parameters={**kept, **arrays}))
        self.plant(name, cause, side, replace(its, parameters=side.parameters), *same)


def normalizations(b: Bench) -> None:
    x = b.draw(5, 4, 6, 8) * 0.7 + b.draw(8)
    arrays = {"scale": b.draw(8) + 2, "shift": b.draw(8)}
    statistics = {"mean": b.draw(8), "variance": np.exp(b.draw(8))}
    batch = b.side("batch_norm", {"epsilon": 1e-5, "batch": True, "momentum": 0.9}, x, **arrays, **statistics)
    b.changed("batch norm's epsilon of Keras", "normalization.epsilon", batch, epsilon=1e-3)
    b.changed("batch norm in evaluation", "normalization.evaluation", batch, batch=False)
    b.held("batch norm without scale", "normalization.scale", batch, drop="scale")
    b.held("batch norm without shift", "normalization.shift", batch, "scale.bias", drop="shift")
    b.plant("batch norm missing", "normalization.missing", batch, x)
    n = x.size // 8
    unbiased = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) * n / (n - 1) + 1e-5)
    b.plant("unbiased variance", "normalization.unbiased", batch, unbiased * arrays["scale"] + arrays["shift"])
    square = b.draw(5, 8, 6, 8) + b.draw(8)
    turned = b.side("batch_norm", {"epsilon": 1e-5, "batch": True}, square, **arrays)
    moved = np.moveaxis(square, 1, -1)
    normal = (moved - moved.mean((0, 1, 2))) / np.sqrt(moved.var((0, 1, 2)) + 1e-5)
    b.plant(
        "batch norm over axis 1", "normalization.axis", turned, np.moveaxis(normal * arrays["scale"] + arrays["shift"], -1, 1)
    )
    rest = b.side("batch_norm", {"epsilon": 1e-5, "batch": False}, x, **arrays, **statistics)
    b.changed("batch norm in training", "normalization.evaluation", rest, batch=True)
    fresh = computed(replace(rest, statistics={"mean": np.zeros(8), "variance": np.ones(8)}))
    b.plant("running statistics left behind", "normalization.statistics", rest, fresh.output)
    swapped = computed(replace(rest, parameters={"scale": arrays["shift"], "shift": arrays["scale"]}))
    b.plant("scale and shift swapped", "normalization.order", rest, swapped.output)
    b.changed("epsilon in evaluation", "normalization.epsilon", rest, epsilon=1e-2)
    sequence = b.draw(4, 8, 8) + b.draw(8)
    layer = b.side("layer_norm", {"epsilon": 1e-5, "axes": 1}, sequence, **arrays)
    b.changed("layer norm's epsilon", "normalization.epsilon", layer, epsilon=1e-6)
    b.changed("layer norm over all axes", "normalization.axes", layer, "normalization.kind", axes=2)
    b.plant("layer norm missing", "normalization.missing", layer, sequence)
    root = sequence / np.sqrt(np.mean(sequence**2, -1, keepdims=True) + 1e-5)
    b.plant("rms instead of layer norm", "normalization.kind", layer, root * arrays["scale"] + arrays["shift"])
    plain = b.side("rms_norm", {"epsilon": 1e-6}, sequence, scale=arrays["scale"])
    b.changed("rms norm's epsilon", "normalization.epsilon", plain, epsilon=1e-2)
    b.held("rms norm with 1 + scale", "normalization.offset", plain, scale=arrays["scale"] + 1)
    group = b.side("group_norm", {"epsilon": 1e-5, "groups": 2}, x, **arrays)
    b.changed("four groups", "normalization.groups", group, groups=4)
    b.changed("group norm's epsilon", "normalization.epsilon", group, epsilon=1e-3)


def activations(b: Bench) -> None:
    x = b.draw(6, 20) * 3

    def kind(name: str, **config: Any) -> Side:
        return b.side("activation", {"name": name, **config}, x)

    leaky = kind("leaky_relu", slope=0.01)
    b.changed("Keras' slope", "activation.slope", leaky, slope=0.3)
    b.changed("a slope in float32", "activation.slope", leaky, slope=float(np.float32(0.01)))
    b.plant("relu for leaky relu", "activation.kind", leaky, np.maximum(x, 0))
    b.plant("leaky relu missing", "activation.missing", leaky, x)
    relu = kind("relu")
    b.plant("relu missing", "activation.missing", relu, x)
    b.plant("relu6 for relu", "activation.kind", relu, np.clip(x, 0, 6))
    b.plant("tanh for relu", "activation.kind", relu, np.tanh(x))
    b.plant("slope for relu", "activation.slope", relu, np.where(x > 0, x, 0.2 * x))
    exact = kind("gelu", approximate=False)
    tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    b.plant("gelu by tanh", "activation.gelu", exact, tanh)
    b.plant("gelu by sigmoid", "activation.gelu", exact, x * expit(1.702 * x))
    narrow = 0.5 * x * (1 + erf(x / float(np.float32(np.sqrt(2)))))
    b.plant("gelu's constant in float32", "activation.constants", exact, narrow)
    b.plant("exact gelu", "activation.gelu", kind("gelu", approximate=True), 0.5 * x * (1 + erf(x / np.sqrt(2))))
    b.changed("another alpha", "activation.alpha", kind("elu", alpha=1.0), alpha=0.5)
    b.plant("silu for mish", "activation.kind", kind("mish"), x * expit(x))
    b.plant("sigmoid twice", "activation.twice", kind("sigmoid"), expit(expit(x)))
    soft = b.side("activation", {"name": "softmax", "axis": -1}, b.draw(5, 6, 7))
    b.changed("softmax over axis 1", "activation.axis", soft, axis=1)
    linear = b.side("affine", {}, b.draw(6, 8), weight=b.draw(8, 9), bias=b.draw(9))
    assert linear.output is not None
    b.plant("an activation too many", "activation.added", linear, np.tanh(linear.output))


def affine(b: Bench) -> None:
    x, weight, bias = b.draw(7, 6), b.draw(6, 6), b.draw(6)
    other = {"weight": b.draw(6, 6), "bias": b.draw(6)}
    side = b.side("affine", {}, x, weight=weight, bias=bias)
    layer: Any = {"type": "", "kind": "affine", "config": {}, "parameters": other, "gradients": {}, "statistics": {}}
    b.held("affine bias missing", "affine.bias", side, "scale.bias", drop="bias")
    b.held("affine bias twice", "affine.bias_twice", side, "scale.bias", bias=2 * bias)
    b.held("affine transposed", "affine.transposed", side, weight=weight.T)
    b.plant("weights of another layer", "weights.swapped", side, x @ other["weight"] + other["bias"], layers={"other": layer})
    b.plant("a weight of another layer", "weights.swapped", side, x @ other["weight"] + bias, layers={"other": layer})
    drawn = computed(replace(side, parameters={"weight": b.draw(6, 6), "bias": bias}))
    b.plant("weights that were not carried", "weights.held", side, drawn)
    b.plant("a factor", "scale.factor", side, 1.7 * side.output)  # type: ignore[operator]
    b.plant("float32", "precision.float32", side, _single(side))
    b.plant("bfloat16", "precision.bfloat16", side, _brain(side.output))
    kept = b.rng.random(side.output.shape) > 0.3  # type: ignore[union-attr]
    b.plant("dropout active", "dropout.active", side, side.output * kept / 0.7)  # type: ignore[operator]


def _single(side: Side) -> np.ndarray:
    """Computed in float32."""
    x, weight, bias = (a.astype(np.float32) for a in (side.inputs[0], side.parameters["weight"], side.parameters["bias"]))
    return (x @ weight + bias).astype(np.float64)


def _brain(values: np.ndarray | None) -> np.ndarray:
    """Rounded to 8 bits by frexp, not by the bits."""
    assert values is not None
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 256) / 256, exponent)


def convolutions(b: Bench) -> None:
    x, kernel, bias = b.draw(3, 8, 8, 4), b.draw(3, 3, 4, 4), b.draw(4)
    config = {"stride": [1, 1], "padding": [[1, 1], [1, 1]], "dilation": [1, 1], "groups": 1}
    plain = b.side("convolution", config, x, weight=kernel, bias=bias)
    step = b.side("convolution", {**config, "stride": [2, 2]}, x, weight=kernel, bias=bias)
    b.changed("same padding at stride 2", "convolution.padding", step, padding="same")
    b.changed("no padding", "convolution.padding", plain, padding="valid")
    b.changed("reflected padding", "convolution.mode", plain, mode="reflect")
    b.changed("a stride of 1", "convolution.stride", step, stride=[1, 1])
    b.changed("dilated", "convolution.dilation", plain, dilation=[2, 2])
    wide = b.side("convolution", {**config, "padding": [[2, 2], [2, 2]], "dilation": [2, 2]}, x, weight=kernel, bias=bias)
    b.changed("dilation lost", "convolution.dilation", wide, "convolution.padding", dilation=[1, 1], padding=[[1, 1], [1, 1]])
    b.held("height and width swapped", "convolution.height_and_width", plain, weight=kernel.transpose(1, 0, 2, 3))
    b.held("flipped kernel", "convolution.flipped", plain, weight=kernel[::-1, ::-1])
    b.held("in and out swapped", "convolution.transposed", plain, weight=kernel.transpose(0, 1, 3, 2))
    b.held("channels backwards", "convolution.channels", plain, weight=kernel[:, :, ::-1])
    b.held("convolution's bias missing", "affine.bias", plain, "scale.bias", drop="bias")
    grouped = b.side("convolution", {**config, "groups": 2}, x, weight=b.draw(3, 3, 2, 4), bias=bias)
    order = [0, 2, 1, 3]
    interleaved = {name: array[..., order] for name, array in grouped.parameters.items()}
    b.held("groups interleaved", "convolution.interleaved", grouped, "order.channels", **interleaved)
    its = computed(replace(plain, config={**config, "groups": 2}, parameters={"weight": b.draw(3, 3, 2, 4), "bias": bias}))
    b.plant("two groups for one", "convolution.groups", plain, its)
    back = b.side("convolution", {**config, "stride": [2, 2], "transposed": True}, x, weight=kernel, bias=bias)
    b.held("flipped transposed kernel", "convolution.flipped", back, weight=kernel[::-1, ::-1])
    steps = b.draw(4, 9, 3)
    one = b.side(
        "convolution", {"stride": [1], "padding": [[2, 0]], "dilation": [1], "groups": 1}, steps, weight=b.draw(3, 3, 5)
    )
    b.changed("causal padding lost", "convolution.padding", one, padding=[[1, 1]])


def pools(b: Bench) -> None:
    x = b.draw(3, 8, 8, 4)
    largest = b.side(
        "pooling", {"which": "max", "size": [2, 2], "stride": [2, 2], "padding": [[0, 0], [0, 0]], "counted": True}, x
    )
    b.changed("mean for largest", "pooling.which", largest, which="average")
    b.changed("overlapping windows", "pooling.stride", largest, stride=[1, 1])
    mean = b.side(
        "pooling", {"which": "average", "size": [3, 3], "stride": [2, 2], "padding": [[1, 1], [1, 1]], "counted": True}, x
    )
    b.changed("padding not counted", "pooling.counted", mean, counted=False)
    b.changed("same padding in pooling", "pooling.padding", mean, padding=[[0, 1], [0, 1]])
    b.changed("largest for mean", "pooling.which", mean, which="max")
    b.changed("largest with zeros around", "pooling.which", mean, which="max", zeros=True)
    ceiled = b.side(
        "pooling", {"which": "max", "size": [3, 3], "stride": [2, 2], "padding": [[0, 0], [0, 0]], "counted": True}, x
    )
    b.changed("windows that are not whole", "pooling.ceil", ceiled, "pooling.padding", ceil=True)
    whole = b.side("global_pooling", {"which": "average"}, x)
    b.changed("global maximum", "pooling.which", whole, which="max")
    steps = b.side("global_pooling", {"which": "average"}, b.draw(5, 6, 7))
    b.plant("last step for mean", "pooling.step", steps, steps.inputs[0][:, -1])


def attentions(b: Bench) -> None:
    q, k, v = b.draw(2, 3, 5, 4), b.draw(2, 3, 5, 4), b.draw(2, 3, 5, 4)
    side = b.side("attention", {"heads": 3, "scale": 0.5, "causal": False}, q, k, v)
    b.changed("no scale", "attention.scale", side, scale=1.0)
    b.changed("scale of all heads", "attention.scale", side, scale=12**-0.5)
    b.changed("a causal mask", "attention.causal", side, causal=True)
    b.plant("softmax over queries", "attention.softmax", side, softmax(q @ k.swapaxes(-1, -2) / 2, -2) @ v)
    b.plant("query and key swapped", "attention.order", side, softmax(k @ q.swapaxes(-1, -2) / 2) @ v)
    mask = b.rng.random((5, 5)) > 0.4
    mask |= np.eye(5, dtype=bool)
    masked = b.side("attention", {"heads": 3, "scale": 0.5}, q, k, v, mask)
    b.plant("mask missing", "attention.mask", masked, side.output)
    b.plant("mask turned around", "attention.mask", masked, _attended(q, k, v, np.where(mask.T, 0, -np.inf)))
    causal = b.side("attention", {"heads": 3, "scale": 0.5, "causal": True}, q, k, v)
    b.plant("mask one step late", "attention.mask", causal, _attended(q, k, v, np.where(np.tri(5, k=1), 0, -np.inf)))
    b.plant("mask of the past", "attention.mask", causal, _attended(q, k, v, np.where(np.tri(5).T, 0, -np.inf)))
    scores = q @ k.swapaxes(-1, -2) / 2
    b.plant("masked with 0", "attention.mask", causal, softmax(np.where(np.tri(5), scores, 0)) @ v)
    b.plant("masked behind the softmax", "attention.mask", causal, (softmax(scores) * np.tri(5)) @ v)
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
    module = b.side("attention", {"heads": 2, "scale": 0.5}, x, **heads, **biases, out=b.draw(2, 4, 8), out_bias=b.draw(8))
    b.held("query and key's weights swapped", "attention.order", module, query=heads["key"], key=heads["query"],
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
        arrays = {"kernel": b.draw(gates, 5, 3), "recurrent": b.draw(gates, 3, 3), "bias": b.draw(gates, 3)}
        if name == "gru":
            arrays["recurrent_bias"] = b.draw(gates, 3)
        return b.side("recurrent", {"cell": name, "last": False, **config}, x, **arrays)

    lstm = cell("lstm", 4)
    order = [0, 2, 1, 3]
    b.held("gates in another order", "recurrent.gates", lstm, **{n: a[order] for n, a in lstm.parameters.items()})
    b.changed("hard sigmoid gates", "recurrent.gate_activation", lstm, gate_activation="hard_sigmoid")
    b.changed("gates of Keras 2", "recurrent.gate_activation", lstm, gate_activation="hard_sigmoid_fifth")
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
    b.held("gru gates z r n", "recurrent.gates", gru, **{n: a[[1, 0, 2]] for n, a in gru.parameters.items()})
    b.held("second bias missing", "recurrent.second_bias", gru, drop="recurrent_bias")
    flipped = {n: a * np.array([1, -1, 1]).reshape(3, *[1] * (a.ndim - 1)) for n, a in gru.parameters.items()}
    b.held("update gate the other way", "recurrent.update", gru, **flipped)
    simple = cell("rnn", 1)
    b.changed("relu for tanh", "recurrent.activation", simple, activation="relu")
    b.held(
        "recurrent weights transposed", "recurrent.transposed", simple, recurrent=simple.parameters["recurrent"].swapaxes(1, 2)
    )


def embeddings(b: Bench) -> None:
    entries = b.rng.integers(0, 9, (5, 7))
    side = b.side("embedding", {}, entries, weight=b.draw(10, 16))
    assert side.output is not None
    b.plant("times the root of the width", "embedding.scale", side, side.output * 4, "scale.factor")
    b.plant("entry 0 is nothing", "embedding.padding", side, np.where(entries[..., None] == 0, 0, side.output))
    b.plant("entries one off", "embedding.off_by_one", side, side.parameters["weight"][entries + 1])
    around = computed(replace(side, inputs=(entries + 1,)))
    b.plant(
        "entries one off, the last the first", "embedding.off_by_one", around, side.parameters["weight"][(entries + 2) % 10]
    )


def resamplings(b: Bench) -> None:
    x = b.draw(2, 3, 4, 5)
    rows, columns = (np.repeat(np.arange(n), 2) for n in (3, 4))
    nearest = Side("torch", "torch", "up", "other", inputs=(x,), output=x[:, rows][:, :, columns])
    linear = replace(nearest, output=_linear(_linear(x, 1, False), 2, False))
    b.clean += [Case("forward", side, side) for side in (nearest, linear)]
    b.plant("linear for nearest", "resampling.method", nearest, linear)
    b.plant("corners kept", "resampling.grid", linear, _linear(_linear(x, 1, True), 2, True))


def _linear(x: np.ndarray, axis: int, corners: bool) -> np.ndarray:
    """Twice as many numbers along an axis."""
    n = x.shape[axis]
    at = np.linspace(0, n - 1, 2 * n) if corners else (np.arange(2 * n) + 0.5) / 2 - 0.5
    return np.apply_along_axis(lambda row: np.interp(at, np.arange(n), row), axis, x)


def between(b: Bench) -> None:
    """What lies between two places: sums, flattening, concatenation, reductions."""
    u, v, w = b.draw(4, 5, 5, 6), b.draw(4, 5, 5, 6), b.draw(4, 5, 5, 6)

    def known(path: str, value: np.ndarray) -> Side:
        return Side("torch", "torch", path, "other", output=value)

    agreed = (known("other", w), known("short", v), known("branch", u))
    add = b.side("add", {}, u, v)
    relu = replace(b.side("activation", {"name": "relu"}, u + v), path="relu")
    end = Side("torch", "torch", "next", "between", output=relu.output)
    held = {"agreed": agreed, "between_reference": (replace(add, path="add"), relu)}
    positive = np.maximum(u, 0)
    b.plant("sum behind the activation", "skip.order", end, positive + v, "activation.missing", **held)
    b.plant("no skip connection", "skip.missing", end, positive, **held)
    b.plant("a branch scaled before the activation", "skip.scale", end, np.maximum(0.1 * u + v, 0), **held)
    b.plant("skip from elsewhere", "skip.source", end, np.maximum(u + w, 0), **held)
    b.plant("skip missing at the sum", "skip.missing", add, u, agreed=agreed)
    b.plant("a branch scaled", "skip.scale", add, 0.1 * u + v, agreed=agreed)
    flat = Side("torch", "torch", "fc", "between", output=np.moveaxis(u, -1, 1).reshape(4, -1))
    b.plant("flattened channels last", "order.flatten", flat, u.reshape(4, -1), agreed=agreed)
    joined = Side("torch", "torch", "up", "between", output=np.concatenate([u, v], -1))
    b.plant(
        "concatenated the other way", "order.concatenate", joined, np.concatenate([v, u], -1), "order.channels", agreed=agreed
    )
    y = b.draw(5, 6, 8)
    steps = (known("lstm", y),)
    head = Side("torch", "torch", "head", "between", output=y[:, -1])
    b.plant("mean over the steps", "order.reduction", head, y.mean(1), agreed=steps)
    mean = Side("torch", "torch", "head", "between", output=y.mean(1))
    a = b.draw(4, 6, 6, 5)
    plain = replace(b.side("activation", {"name": "tanh"}, a), path="act")
    first = replace(b.side("pooling", {"which": "average", "size": [2, 2]}, np.tanh(a)), path="pool")
    stop = Side("torch", "torch", "next", "between", output=first.output)
    blocks = a.reshape(4, 3, 2, 3, 2, 5).mean((2, 4))
    pooled: dict[str, Any] = {"agreed": (known("a", a),), "between_reference": (plain, first)}
    b.plant("activation missing before pooling", "order.missing", stop, blocks, **pooled)
    b.plant("pooling before the activation", "order.layers", stop, np.tanh(blocks), **pooled)
    b.plant("first of the steps", "order.reduction", mean, y[:, 0], agreed=steps)
    x = b.draw(6, 8) + 1
    norm = replace(b.side("layer_norm", {"epsilon": 1e-5}, x, scale=b.draw(8) + 2, shift=b.draw(8)), path="norm")
    assert norm.output is not None
    gelu = replace(b.side("activation", {"name": "tanh"}, norm.output), path="act")
    stop = Side("torch", "torch", "next", "between", output=gelu.output)
    turned = forward("layer_norm", norm.config, norm.parameters, {}, [np.tanh(x)])
    first = {"agreed": (known("x", x),), "between_reference": (norm, gelu)}
    b.plant("activation before the norm", "order.layers", stop, turned, **first)
    b.plant("norm missing between", "order.missing", stop, np.tanh(x), **first)
    image = Side("torch", "torch", "", "between", output=b.rng.integers(0, 256, (4, 6, 6, 3)).astype(float))
    assert image.output is not None
    b.plant("divided by 255", "data.scale", image, image.output / 255, "scale.factor")
    b.plant("channels of the image", "data.channels", image, image.output[..., ::-1], "order.reversed", "order.channels")
    standard = (image.output - image.output.mean((0, 1, 2))) / image.output.std((0, 1, 2))
    b.plant("standardised", "data.standardised", image, standard)


def cross_entropy(
    z: np.ndarray, y: np.ndarray, smoothing: float = 0.0, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """The mean over the batch, with its gradient, written out once more."""
    target = np.eye(z.shape[1])[y] * (1 - smoothing) + smoothing / z.shape[1]
    w = np.ones(len(z)) if weights is None else weights[y]
    w = w / w.sum()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return float(-(w[:, None] * target * np.log(p)).sum()), w[:, None] * (p - target)


def losses(b: Bench) -> None:
    z, y = b.draw(8, 5), b.rng.integers(0, 5, 8)

    def side(output: np.ndarray, target: np.ndarray, found: tuple[float, np.ndarray]) -> Side:
        return Side("torch", "torch", kind="loss", output=output, target=target, loss=found[0], gradient=found[1])

    def plant(name: str, cause: str, mine: Side, found: tuple[float, np.ndarray], *same: str) -> None:
        its = replace(mine, backend="keras", dialect="keras", loss=found[0], gradient=found[1])
        b.faults.append(Planted(name, Case("loss", mine, its), cause, frozenset(same)))

    mean = cross_entropy(z, y)
    mine = side(z, y, mean)
    b.clean.append(Case("loss", mine, mine))
    plant("sum for mean", "loss.reduction", mine, (8 * mean[0], 8 * mean[1]))
    p = softmax(z)
    outer = cross_entropy(p, y)
    through = p * (outer[1] - (outer[1] * p).sum(1, keepdims=True))
    plant("softmax twice", "loss.twice", mine, (outer[0], through))
    plant("label smoothing", "loss.smoothing", mine, cross_entropy(z, y, 0.1))
    plant("class weights", "loss.weights", mine, cross_entropy(z, y, weights=np.array([1.0, 2, 3, 4, 5])))
    right = p[np.arange(8), y]
    back = 2 * (1 - right) * right * np.log(right) - (1 - right) ** 2
    focal = float(np.mean(-((1 - right) ** 2) * np.log(right))), back[:, None] * (np.eye(5)[y] - p) / 8
    plant("focal loss", "loss.kind", mine, focal)
    plant("a quarter of the focal loss", "loss.kind", mine, (focal[0] / 4, focal[1] / 4))
    plant("a loss of another size", "loss.factor", mine, (0.3 * mean[0], 0.3 * mean[1]))
    targets = b.draw(8, 5)
    away = z - targets
    squared = side(z, targets, (float(np.mean(away**2)), 2 * away / 40))
    plant("half the squared error", "loss.kind", squared, (float(np.mean(away**2) / 2), away / 40), "loss.factor")
    plant("sum over the outputs", "loss.reduction", squared, (float(np.mean((away**2).sum(1))), 2 * away / 8), "loss.factor")
    error = float(np.sqrt(np.mean(away**2)))
    plant("root of the squared error", "loss.kind", squared, (error, away / 40 / error), "loss.factor")
    uneven = np.array([1.0, 2, 3, 4, 5])
    plant("outputs weighted", "loss.weights", squared, (float(np.mean(uneven * away**2)), 2 * uneven * away / 40))
    plant("absolute error", "loss.kind", squared, (float(np.mean(np.abs(away))), np.sign(away) / 40))
    bits = b.rng.integers(0, 2, (8, 3))
    logits = b.draw(8, 3)
    binary = side(logits, bits, (float(np.mean(np.logaddexp(0, logits) - bits * logits)), (expit(logits) - bits) / 24))
    q = expit(logits)
    twice = float(np.mean(np.logaddexp(0, q) - bits * q)), (expit(q) - bits) * q * (1 - q) / 24
    plant("sigmoid twice", "loss.twice", binary, twice)


def stepped(
    config: dict[str, Any] | None, gradients: list[dict[str, np.ndarray]], start: dict[str, np.ndarray], backend: str
) -> Steps:
    """Steps of this optimiser, on these gradients."""
    assert config is not None
    full = complete(config, backend)
    parameters = [start]
    for count in range(1, len(gradients) + 1):
        so_far = Steps(None, [*parameters, start], gradients[:count])
        moves = updates(full, so_far)[-sum(a.size for a in start.values()) :]
        ends = np.cumsum([a.size for a in start.values()])[:-1]
        parts = zip(start, np.split(moves, ends), strict=True)
        parameters.append({name: parameters[-1][name] + part.reshape(start[name].shape) for name, part in parts})
    return Steps(config, parameters, gradients)


SGD = {"kind": "sgd", "rate": 0.05}
MOMENTUM = {"kind": "sgd", "rate": 0.05, "momentum": 0.9}
ADAM = {"kind": "adam", "rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
CLIP = {"clip": {"global_norm": 1.0}}
OPTIMIZERS: list[tuple[str, str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("rate", "optimizer.rate", SGD, {"rate": 0.005}, ("optimizer.dampening",)),
    ("momentum", "optimizer.momentum", SGD, {"momentum": 0.9}, ()),
    ("momentum 0.99", "optimizer.momentum", MOMENTUM, {"momentum": 0.99}, ()),
    ("nesterov", "optimizer.nesterov", MOMENTUM, {"nesterov": True}, ()),
    ("dampening", "optimizer.dampening", MOMENTUM, {"dampening": 0.9}, ()),
    ("adam's epsilon", "optimizer.epsilon", ADAM, {"epsilon": 1e-3}, ()),
    ("beta2", "optimizer.beta2", ADAM, {"beta2": 0.99}, ()),
    ("beta1", "optimizer.beta1", ADAM, {"beta1": 0.5}, ()),
    ("no bias correction", "optimizer.corrected", ADAM, {"corrected": False}, ()),
    ("amsgrad", "optimizer.amsgrad", ADAM, {"amsgrad": True}, ()),
    ("decay decoupled", "optimizer.coupling", ADAM | {"decay": 0.01}, {"decoupled": True}, ()),
    ("decay missing", "optimizer.decay", ADAM | {"decay": 0.01, "decoupled": True}, {"decay": 0.0}, ()),
    ("decay of 0.004", "optimizer.decay", ADAM | {"decay": 0.01, "decoupled": True}, {"decay": 0.004}, ()),
    ("decay of 0.0123", "optimizer.decay", ADAM | {"decay": 0.01, "decoupled": True}, {"decay": 0.0123}, ()),
    ("sgd for adam", "optimizer.kind", ADAM, {"kind": "sgd", "momentum": 0.9, "rate": 0.05}, ()),
    ("momentum in float32", "optimizer.momentum", MOMENTUM, {"momentum": float(np.float32(0.9))}, ()),
    ("decay of weights only", "optimizer.masked", ADAM | {"decay": 0.01, "decoupled": True}, {"masked": True}, ()),
    ("clipping missing", "clipping.missing", SGD | CLIP, {"clip": {}}, ("optimizer.schedule",)),
    ("clipping of each parameter", "clipping.scope", SGD | CLIP, {"clip": {"norm": 1.0}}, ()),
    ("clipping by value", "clipping.scope", SGD | CLIP, {"clip": {"value": 1.0}}, ()),
    ("clipping by value at 0.5", "clipping.kind", SGD | CLIP, {"clip": {"value": 0.5}}, ()),
    ("threshold", "clipping.threshold", SGD | CLIP, {"clip": {"global_norm": 5.0}}, ("optimizer.rate",)),
    ("clipped with the decay", "clipping.order", SGD | CLIP | {"decay": 0.05, "decoupled": False}, {"clip_last": True}, ()),
    ("the step clipped", "clipping.order", SGD | {"clip": {"value": 0.01}}, {"clip_step": True}, ("clipping.threshold",)),
    ("clipped adaptively", "clipping.kind", SGD | CLIP, {"clip": {"adaptive": 0.1}}, ()),
    ("nadam", "optimizer.nesterov", ADAM, {"nesterov": True}, ()),
    ("decay that grows", "optimizer.decay", SGD | {"decay": 0.01}, {"decay": -0.2, "decoupled": True}, ()),
    ("centered", "optimizer.centered", {"kind": "rmsprop", "rate": 1e-3, "rho": 0.9, "epsilon": 1e-8}, {"centered": True}, ()),
    ("rho", "optimizer.rho", {"kind": "rmsprop", "rate": 1e-3, "rho": 0.9, "epsilon": 1e-8}, {"rho": 0.99}, ()),
    ("two decisions", "optimizer.momentum_and_nesterov", SGD, {"momentum": 0.9, "nesterov": True}, ()),
]  # fmt: skip


def optimizers(b: Bench) -> None:
    start = {"a.weight": b.draw(4, 6), "a.bias": b.draw(6), "b.weight": b.draw(6, 3)}
    gradients = [{name: b.draw(*array.shape) * 10.0 ** b.rng.uniform(-3, 1) for name, array in start.items()} for _ in range(4)]
    for name, cause, config, change, same in OPTIMIZERS:
        mine = stepped(config, gradients, start, "torch")
        its = replace(stepped(config | change, gradients, start, "torch"), optimizer=None)
        reference = Side("torch", "torch", kind="optimizer", steps=mine)
        case = Case("step", reference, Side("torch", "torch", kind="optimizer", steps=its))
        b.clean.append(replace(case, port=replace(reference)))
        b.faults.append(Planted(name, case, cause, frozenset(same)))
    mine, its = (stepped(ADAM | {"epsilon": 1e-4}, gradients, start, backend) for backend in ("torch", "keras"))
    sides = [Side(backend, backend, kind="optimizer", steps=steps) for backend, steps in (("torch", mine), ("keras", its))]
    b.faults.append(Planted("Keras' place of epsilon", Case("step", sides[0], sides[1]), "optimizer.place"))


def statistics(b: Bench) -> None:
    x = b.draw(6, 5, 5, 4) + b.draw(4)
    side = Side(
        "torch", "torch", "norm", "batch_norm", inputs=(x,), statistics={"mean": b.draw(4), "variance": np.exp(b.draw(4))}
    )
    n = x.size // 4

    def after(momentum: float, factor: float) -> dict[str, np.ndarray]:
        batch = {"mean": x.mean((0, 1, 2)), "variance": x.var((0, 1, 2)) * factor}
        return {name: momentum * side.statistics[name] + (1 - momentum) * array for name, array in batch.items()}

    mine = replace(side, after=after(0.9, n / (n - 1)))
    b.clean.append(Case("step", mine, mine))
    for name, cause, its in (
        ("momentum of 0.99", "running.momentum", after(0.99, n / (n - 1))),
        ("momentum of the new value", "running.momentum", after(0.1, n / (n - 1))),
        ("biased running variance", "running.unbiased", after(0.9, 1.0)),
        ("statistics that do not move", "running.frozen", dict(side.statistics)),
    ):
        b.faults.append(Planted(name, Case("step", mine, replace(mine, after=its)), cause))


def gradients(b: Bench) -> None:
    x, behind, other = b.draw(6, 8), b.draw(6, 8), b.draw(6, 8)
    x[:2, :3] = 0
    relu = Side("torch", "torch", "act", "activation", config={"name": "relu"}, inputs=(x,), gradient=behind)
    add = Side("torch", "torch", "add", "add", gradient=behind)
    mine = Side("torch", "torch", "layer", "affine", output=x, gradient=behind * (x > 0))
    two = replace(mine, gradient=behind + other)

    def plant(name: str, cause: str, side: Side, its: np.ndarray | None, *follows: Side, same: tuple[str, ...] = ()) -> None:
        port = replace(side, backend="keras", dialect="keras", gradient=its)
        b.faults.append(Planted(name, Case("backward", side, port, follows=follows), cause, frozenset(same)))

    plant("detached", "gradient.detached", mine, None, relu)
    plant("stopped", "gradient.detached", mine, np.zeros(x.shape), relu)
    plant("one way cut", "gradient.way", two, behind, add)
    plant("the skip cut", "gradient.way", two, other, add)
    plant("gradient doubled", "gradient.scaled", two, 2 * (behind + other), add)
    plant("straight through", "gradient.derivative", mine, behind, relu, same=("gradient.way",))
    plant("another kink", "gradient.kink", mine, behind * (x >= 0), relu)
    arrays = {"weight": b.draw(4, 8), "bias": b.draw(8)}
    full = replace(
        mine,
        parameters=arrays,
        gradients={n: b.draw(*a.shape) for n, a in arrays.items()},
        trainable=dict.fromkeys(arrays, True),
    )
    frozen = replace(
        full, backend="keras", dialect="keras", gradients=dict.fromkeys(arrays), trainable=dict.fromkeys(arrays, False)
    )
    b.faults.append(Planted("a frozen layer", Case("backward", full, frozen), "gradient.frozen"))
    kept = {"weight": full.gradients["weight"], "bias": None}
    lost = replace(full, backend="keras", dialect="keras", gradients=kept)
    b.faults.append(Planted("a bias without gradient", Case("backward", full, lost), "gradient.frozen"))


ROOMS: tuple[Callable[[Bench], None], ...] = (
    normalizations, activations, affine, convolutions, pools, attentions, recurrences, embeddings, resamplings, between, losses,
    optimizers, statistics, gradients,
)  # fmt: skip


@cache
def bench(seed: int) -> Bench:
    """All faults, drawn from this seed."""
    made = Bench(seed)
    for room in ROOMS:
        room(made)
    return made
