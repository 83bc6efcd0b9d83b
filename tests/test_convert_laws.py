"""The table of laws is what the frameworks do: as the captures read living models.

The captures state the layouts once more, in each framework's own arrays, since they may import
nothing of ours; here the two statements are held to each other, array by array.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from experiments.converting import canonical, laws
from experiments.converting.files import Stored
from experiments.converting.folding import folded
from experiments.converting.layer import Layer
from experiments.converting.layers import layers
from experiments.converting.origin import kinds_of
from isograd.kinds import KINDS
from tests import converted as c
from tests.converted import equal, precise, wings

__all__ = ["precise", "wings"]

Captured = dict[str, dict[str, np.ndarray]]


def torch_file(seed: int) -> c.Arrays:
    """A file of the model of eleven layers whose numbers are all different."""
    rng = np.random.default_rng(seed)
    found = c.torch_saved(c.torch_model())
    return {
        name: rng.uniform(0.5, 1.5, size=a.shape) if a.dtype.kind == "f" else a
        for name, a in found.items()
    }


@cache
def living(framework: laws.Framework) -> tuple[Any, Stored]:
    """A model of the framework, and its file."""
    start = c.file_of(torch_file(3), c.torch_kinds(c.torch_model()))
    match framework:
        case "torch":
            model = c.torch_model()
            c.torch_loaded(model, None, start.arrays)
            return model, start
        case "keras":
            model = c.keras_model()
            there = c.through(start, "torch", "keras", c.file_of(c.keras_saved(model)))
            c.keras_loaded(model, None, there.arrays)
            return model, c.file_of(c.keras_saved(model))
        case _:
            model = c.linen_model()
            there = c.through(
                start, "torch", "jax", c.file_of(c.linen_saved(c.linen_started(model)))
            )
            variables, _ = c.linen_loaded({}, None, there.arrays)
            return (model, variables), c.file_of(c.linen_saved(variables))


@cache
def captured(framework: laws.Framework) -> Captured:
    """What the capture reads of it, by layer and canonical name."""
    module = import_module(f"backends.{framework}.capture")
    found = module.subject(living(framework)[0], *c.batch(0), precision="float64").layers()
    return {path: one["parameters"] | one["statistics"] for path, one in found.items()}


def carried(framework: laws.Framework) -> Captured:
    """What the laws make of its file."""
    model, file = living(framework)
    said = c.torch_kinds(model)["kinds"] if framework == "torch" else "{}"
    weights = {name: a for name, a in file.arrays.items() if a.dtype.kind == "f"}
    found = layers(weights, framework, kinds_of({"kinds": said}), c.HEADS)
    return {layer.name: of_layer(layer, framework) for layer in found}


def of_layer(layer: Layer, framework: laws.Framework) -> c.Arrays:
    """As the captures have it: of two biases that are added, the sum."""
    kind = layer.kinds[0]
    found = canonical.canonical(layer, framework, kind)
    return folded(found, kind, "keras") if kind in ("lstm", "rnn") else found


def unlike(found: Captured, expected: Captured) -> list[str]:
    """The layers that no layer of the other side is equal to, bit by bit."""
    return [
        path
        for path, arrays in found.items()
        if not any(equal(arrays, other) for other in expected.values())
    ]


@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_the_laws_read_a_file_as_the_capture_reads_the_model(framework: laws.Framework) -> None:
    found, expected = carried(framework), captured(framework)
    assert len(found) == len(expected) == 11
    assert unlike(found, expected) == []


@pytest.mark.parametrize(
    ("framework", "kind", "name", "there"),
    [
        ("torch", "convolution", "weight", "weight: in out space *"),
        ("torch", "attention", "query", "in_proj_weight[1/3]: (heads width) in"),
        ("torch", "lstm", "recurrent", "weight_hh: (unit gate) from"),
        ("keras", "gru", "bias", "cell.bias[1/2]: 1 (gate unit)"),
        ("jax", "attention", "out", "out.kernel: heads width out"),
    ],
)
def test_a_wrong_law_is_not_what_the_capture_reads(
    monkeypatch: pytest.MonkeyPatch, framework: laws.Framework, kind: str, name: str, there: str
) -> None:
    law = laws.LAWS[kind][name]
    changed = law._replace(**{framework: there})
    if changed == law:  # the order of axes is planted on the canonical side
        changed = law._replace(canonical="width heads out")
    expected = captured(framework)
    monkeypatch.setitem(laws.LAWS, kind, laws.LAWS[kind] | {name: changed})
    assert len(unlike(carried(framework), expected)) == 1


@pytest.mark.parametrize("kind", laws.LAWS)
def test_the_canonical_names_are_those_that_captures_use(kind: str) -> None:
    said = (
        KINDS.get(kind)
        or KINDS[
            "recurrent" if kind in laws.GATES else "activation" if kind == "prelu" else "other"
        ]
    )
    if kind != "rezero":  # a part of this suite, and no layer of a framework
        assert [name for name in laws.LAWS[kind] if name.removesuffix("_bias") not in said] == []
