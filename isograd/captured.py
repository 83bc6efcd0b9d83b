"""What is captured of somebody's own model, and how it travels: NumPy and the standard library, nothing else.

A wing's `capture` hands plain dictionaries, in the shapes that are stated here. They cross from one process, interpreter or
machine to another as one `.npz` file, which holds the arrays and a JSON text that says where each of them belongs. Nothing is
pickled.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

FORMAT = 1
"""Counts the versions of the file."""

SUFFIX = ".capture"


class Norms(TypedDict):
    """What is known of a tensor when its values are not kept; root mean squares are scale-safe, and taken on the device.

    Attributes:
        rms: Of the values.
        mean: Of the values.
        gradient: Root mean square of dL/dy; None where no gradient reaches it.
        dead: Of the output of an activation: the share of units (channels) whose derivative is exactly 0 in the whole batch;
            None where that is not known.
        finite: Whether all values, and all of dL/dy, are finite.
    """

    rms: float
    mean: float
    gradient: float | None
    dead: float | None
    finite: bool


class Place(TypedDict):
    """A tensor that a module, or a function between modules, has returned; in the order in which they return.

    Attributes:
        path: As the model's author would write it: `layers.1.conv1`; empty for the model itself. A function is
            `owner:function`, `layers.1:relu`; a layer's inner activation likewise, `dense:relu`, and the layer's own place then
            holds what goes into the activation.
        call: 0, and more for a path that is used again.
        leaf: Which tensor of the output.
        start: When it was entered, an order over all places.
        end: When it returned, in the same order.
        inner: Whether it has no place within it: not a container.
        type: The class or function, as the framework calls it.
        kind: What it is in every framework, one of `KINDS`; `other` where that is not known.
        config: Its numbers, by the names of its kind (see `KINDS`).
        shape, dtype: Of the output.
        layout: The order of the axes that makes the output (batch, *space, channel); None where it is not known.
        norms: Always there.
        inputs: The tensors that go into it, copied at the entry; empty where only norms are kept.
        output: Copied at the return, before anything can change it in place; None where only norms are kept.
        gradient: dL/d output, of the tensor as it was returned; None where none reaches it, or only norms are kept.
    """

    path: str
    call: int
    leaf: int
    start: int
    end: int
    inner: bool
    type: str
    kind: str
    config: dict[str, Any]
    shape: list[int]
    dtype: str
    layout: list[int] | None
    norms: Norms
    inputs: list[np.ndarray]
    output: np.ndarray | None
    gradient: np.ndarray | None


class Layer(TypedDict):
    """A module that owns parameters or statistics, in the canonical form of its kind.

    Attributes:
        type, kind, config: As in `Place`.
        parameters: By canonical name, in the canonical layout (see `KINDS`); of the kind `other` the module's own names and
            layouts.
        gradients: Of the loss, alike; None where none reaches it. Of a capture without gradients: empty.
        statistics: What is not trained: running mean and variance.
        names: By canonical name, the framework's own full name: `layers.1.conv1.weight`.
        trainable: By canonical name.
    """

    type: str
    kind: str
    config: dict[str, Any]
    parameters: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray | None]
    statistics: dict[str, np.ndarray]
    names: dict[str, str]
    trainable: dict[str, bool]


class Captured(TypedDict):
    """One forward and backward pass of a model.

    Attributes:
        format: `FORMAT`.
        backend: torch, keras or jax.
        api: The framework's interface: torch, keras, linen or nnx.
        versions: Of the packages.
        precision: float32 or float64: of the parameters, and of the computation.
        loss: Mean over the batch, or whatever the loss is.
        loss_said: What the loss is, in words, where none was given: cross-entropy of logits, or mean squared error.
        batch: How many samples.
        training: Whether the model was in training mode.
        x, y: The batch.
        output: What the model returned: its first tensor of real numbers; also where only norms are kept.
        output_gradient: dL/d output.
        places: In the order of return.
        layers: By path, in the order of their first use; those that were not used come last.
        statistics: By layer and canonical name, after the pass, before they were put back.
        optimizer: `kind`, and its numbers by the names of `OPTIMIZER`; None where there is none or nothing is known.
        remarks: What could not be seen into, and the cure; what was changed (dropout rates set to 0).
    """

    format: int
    backend: str
    api: str
    versions: dict[str, str]
    precision: str
    loss: float
    loss_said: str | None
    batch: int
    training: bool
    x: np.ndarray
    y: np.ndarray | None
    output: np.ndarray | None
    output_gradient: np.ndarray | None
    places: list[Place]
    layers: dict[str, Layer]
    statistics: dict[str, dict[str, np.ndarray]]
    optimizer: dict[str, Any] | None
    remarks: list[str]


class Step(TypedDict):
    """One step of the user's optimiser on the batch.

    Attributes:
        loss: Before the step.
        gradients: By layer and canonical name, as they come from the loss.
        parameters: After the step.
        statistics: After the step.
        norms: By layer and canonical name of a parameter: `gradient`, `update` and `weight` before the step, root mean
            squares. They are there when the arrays are not.
        places: The norms of the places, in the order of the capture's.
    """

    loss: float
    gradients: dict[str, dict[str, np.ndarray | None]]
    parameters: dict[str, dict[str, np.ndarray]]
    statistics: dict[str, dict[str, np.ndarray]]
    norms: dict[str, dict[str, dict[str, float]]]
    places: list[Norms]


KINDS: dict[str, str] = {
    "affine": "weight [in, out], bias [out]",
    "convolution": (
        "weight [*space, in / groups, out], bias [out]; stride [..], padding [[before, after], ..] or 'same', dilation [..], "
        "groups, transposed, mode (zeros, reflect, replicate, circular); the padding is that of the call, which for 'same' "
        "depends on the input's size"
    ),
    "batch_norm": (
        "scale, shift [channel]; statistics mean, variance; epsilon; momentum: the share of the old value that is kept; batch: "
        "whether the batch's own statistics were used; unbiased: whether the running variance is"
    ),
    "layer_norm": "scale, shift [*normalized]; epsilon; axes: how many of the last axes",
    "group_norm": "scale, shift [channel]; epsilon; groups",
    "rms_norm": "scale [*normalized]; epsilon",
    "activation": (
        "name: relu, relu6, leaky_relu, prelu, elu, selu, celu, gelu, silu, sigmoid, tanh, softplus, softsign, mish, "
        "hard_sigmoid, hard_swish, hard_tanh, softmax, log_softmax ...; slope, alpha, approximate, axis; of prelu the "
        "parameter slope [channel or 1]"
    ),
    "pooling": (
        "which: max or average; size, stride [..], padding [[before, after], ..]; counted: whether padding counts in the mean; "
        "ceil"
    ),
    "global_pooling": "which",
    "embedding": "weight [entries, features]",
    "recurrent": (
        "cell: lstm, gru, rnn; kernel [gate, in, unit], recurrent [gate, unit, unit] (from, to), bias [gate, unit], and of a "
        "gru that is reset after, recurrent_bias [gate, unit]; the gates in the order i f g o, r z n; backwards; last: whether "
        "only the last step is returned; reset_after; activation, gate_activation. A module of several layers is several "
        "layers: `lstm[0]`, `lstm[1]`, and of both directions `lstm[0,back]`"
    ),
    "attention": (
        "heads, scale, causal; of a module query, key, value [in, heads, width], out [heads, width, out], and their biases "
        "query_bias [heads, width] .. out_bias [out]; of a function, inputs query, key, value [batch, heads, time, width]"
    ),
    "dropout": "rate, active",
    "add": "",
    "multiply": "",
    "concatenate": "axis",
    "flatten": "",
    "reshape": "",
    "transpose": "axes",
    "mean": "axes",
    "matmul": "",
    "container": "no computation of its own",
    "other": "",
}
"""What a place or layer can be, with the canonical layout of its parameters and the names of its numbers."""

OPTIMIZER = (
    "kind: sgd, adam, adamw, rmsprop ...; rate, momentum, nesterov, beta1, beta2, epsilon, decay, decoupled, and clip: "
    "{'norm' | 'global_norm' | 'value': threshold}"
)


def rms(values: np.ndarray) -> float:
    """The root mean square, scale-safe: 1e-200 has one, although its square is 0. 0 of nothing."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        return largest
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))


LOOKED_INTO = 2**24
"""Numbers in all places: of so many the values are kept to look into a recurrent layer, some 200 MB in float32."""


def hides_time(captured: Captured) -> bool:
    """Whether values would show the steps of time of a recurrent layer, which norms do not, and are not too many to keep."""
    hidden = any(place["kind"] == "recurrent" and place["output"] is None for place in captured["places"])
    return hidden and sum(math.prod(place["shape"]) for place in captured["places"]) <= LOOKED_INTO


def dump(what: Any) -> bytes:
    """A dictionary of JSON values and arrays, such as a `Captured`, as the bytes of an .npz file."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_taken_apart(what, arrays))
    arrays["json"] = np.frombuffer(text.encode(), dtype=np.uint8)
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def load(content: bytes) -> Any:
    """What `dump` was given.

    Raises:
        ValueError: These are not such bytes.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _put_together(json.loads(arrays.pop("json").tobytes()), arrays)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as why:
        raise ValueError(f"not a capture, or a damaged one: {why}") from None


def write(what: Any, path: Path) -> None:
    """`dump` into a file, which is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(dump(what))
    part.replace(path)


def read(path: Path) -> Any:
    """What `write` was given.

    Raises:
        ValueError: It is not such a file.
        OSError: It cannot be read.
    """
    return load(path.read_bytes())


_ARRAY = "\0array"
"""Marks the place of an array in the JSON text: no name in a program holds it."""


def _taken_apart(what: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(what, dict):
        return {str(key): _taken_apart(value, arrays) for key, value in what.items()}
    if isinstance(what, list | tuple):
        return [_taken_apart(value, arrays) for value in what]
    if isinstance(what, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = what
        return {_ARRAY: name}
    if isinstance(what, np.generic):
        return what.item()
    return what


def _put_together(what: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(what, dict):
        if set(what) == {_ARRAY}:
            return arrays[what[_ARRAY]]
        return {key: _put_together(value, arrays) for key, value in what.items()}
    if isinstance(what, list):
        return [_put_together(value, arrays) for value in what]
    return what
