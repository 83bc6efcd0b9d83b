"""Ports as people write them: right ones are not accused, mistakes are found (all of them:
tests/port_campaign.py).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import backends
from experiments.own.port_document import Port
from tests.conftest import required
from tests.ports.faults import FAULTS, LATER, RIGHT, SEVERAL, Fault, Pair, named, together
from tests.ports.faults.bench import Bench
from tests.ports.faults.fault import BACKENDS, Edit, file_of, planted
from tests.ports.faults.judged import Judged, judged

PAIRS = [pair for pair in RIGHT if pair.architecture in ("cnn", "lstm", "mlp")]

FOUND = (
    (Pair("cnn", "torch", "keras"), "batch norm with Keras' epsilon"),
    (Pair("cnn", "torch", "keras"), "average pooling padded as Keras does"),
    (Pair("cnn", "torch", "keras"), "flattened with channels last"),
    (Pair("cnn", "torch", "keras"), "height and width exchanged"),
    (Pair("cnn", "keras", "linen"), "momentum of a batch norm as PyTorch's"),
    (Pair("cnn", "keras", "linen"), "loss summed over the batch"),
    (Pair("resnet", "torch", "keras"), "strided convolution padded as Keras does"),
    (Pair("resnet", "torch", "keras"), "no batch norm in the shortcut"),
    (Pair("lstm", "torch", "keras"), "hard sigmoid in the gates"),
    (Pair("transformer", "torch", "keras"), "scores not scaled"),
    (Pair("mlp", "torch", "keras"), "clipped by the norm of each parameter"),
    (Pair("mlp", "torch", "keras"), "a layer frozen"),
    (Pair("mlp", "torch", "linen"), "no shortcut"),
    (Pair("mlp", "torch", "nnx"), "no bias in the first layer"),
    (Pair("transformer", "torch", "linen"), "SiLU by hand"),
)
"""One of a kind: what the suite plants of them."""

AT_ONCE = (
    named(Pair("cnn", "torch", "keras"), "batch norm with Keras' epsilon", "ReLU for ELU"),
    named(Pair("mlp", "torch", "linen"), "ReLU for Leaky ReLU", "half of the squared error"),
)

BY_NAME = {(fault.pair, fault.name): fault for fault in (*FAULTS, *LATER)}


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Where ports are held; a framework that is not installed is a visible skip."""
    lacking = [name for name in backends.FRAMEWORKS if backends.missing(name)]
    if lacking:
        if set(lacking) & required(request.config):
            raise pytest.UsageError(f"--require: {', '.join(lacking)} not installed")
        pytest.skip(f"ports need all frameworks; not installed: {', '.join(lacking)}")
    with Bench() as bench:
        yield bench


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_right_port_agrees_and_every_layer_gets_its_weights(bench: Bench, pair: Pair) -> None:
    report = bench.held(pair)
    assert report.ok, [(each.stage, each.place, each.causes) for each in report.divergences]
    assert len(report.carried.layers) == len(bench.reference(pair).captured["layers"])
    assert not report.carried.lacking


@pytest.mark.parametrize(("pair", "name"), FOUND, ids=lambda each: str(each))
def test_a_mistake_is_found_where_it_is_and_for_what_it_is(
    bench: Bench, pair: Pair, name: str
) -> None:
    (found,) = found_of(bench, BY_NAME[pair, name])
    assert (found.where, found.why) == ("exact", "right"), found


@pytest.mark.parametrize("fault", AT_ONCE, ids=lambda each: each.name)
def test_mistakes_at_once_are_all_found_in_one_run(bench: Bench, fault: Fault) -> None:
    found = found_of(bench, fault)
    assert [(each.where, each.why) for each in found] == [("exact", "right")] * len(fault.places), (
        found
    )


def found_of(bench: Bench, fault: Fault) -> list[Judged]:
    report: Port = bench.held(fault.pair, fault.edits, fault.factory, fault.steps)
    assert not report.ok
    return judged(fault, report, bench.reference(fault.pair, fault.factory))


# --- the list, without a framework


@pytest.mark.parametrize(
    "fault", [*FAULTS, *LATER, *SEVERAL], ids=lambda fault: f"{fault.pair}: {fault.name}"
)
def test_every_fault_finds_its_text_once_and_leaves_python(fault: Fault) -> None:
    right = file_of(fault.pair.architecture, fault.pair.port).read_text(encoding="utf-8")
    text = planted(right, fault.edits)
    assert text != right
    ast.parse(text)


def test_there_are_at_least_60_mistakes_in_every_interface_and_architecture_and_none_twice() -> (
    None
):
    assert len(FAULTS) >= 60
    assert len(SEVERAL) >= 20
    assert {fault.pair.port for fault in FAULTS} == set(BACKENDS)
    assert len({fault.pair.architecture for fault in FAULTS}) == 6
    assert not [
        key
        for key, count in Counter((fault.pair, fault.name) for fault in FAULTS).items()
        if count > 1
    ]
    assert all(
        len({pair for pair in RIGHT if pair.architecture == each.architecture}) >= 3
        for each in RIGHT
    )


def test_at_least_50_mistakes_came_after_the_causes_everywhere_and_none_is_one_from_before(
) -> None:  # fmt: skip
    assert len(LATER) >= 50
    assert {fault.pair.port for fault in LATER} == set(BACKENDS)
    assert {fault.pair.architecture for fault in LATER} == {
        fault.pair.architecture for fault in FAULTS
    }
    planted_in = Counter((fault.pair, fault.edits) for fault in (*FAULTS, *LATER))
    assert not [key for key, count in planted_in.items() if count > 1]
    assert not {(fault.pair, fault.name) for fault in FAULTS} & {
        (fault.pair, fault.name) for fault in LATER
    }


@pytest.mark.parametrize("text", ["nothing", "twice twice"])
def test_a_text_that_is_not_there_exactly_once_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="find its text once"):
        planted(text, (Edit("twice", "once"),))


def test_mistakes_of_two_ports_are_not_one_port() -> None:
    with pytest.raises(ValueError, match="of one port"):
        together(FAULTS[0], FAULTS[-1])


# --- the judge, without a framework


def test_the_judge_tells_another_place_and_another_cause_from_the_right_ones() -> None:
    fault = BY_NAME[Pair("cnn", "torch", "keras"), "batch norm with Keras' epsilon"]
    order = ["features.3", "features.4", "features.5"]
    captured = {"places": [{"path": path, "call": 0, "kind": "other"} for path in order]}
    reference: Any = SimpleNamespace(captured=captured)

    def told(place: str, *causes: str) -> tuple[str, str]:
        parting = SimpleNamespace(place=place, causes=[SimpleNamespace(key=key) for key in causes])
        (found,) = judged(fault, SimpleNamespace(first=parting, divergences=[parting]), reference)  # type: ignore[arg-type]
        return found.where, found.why

    assert told("features.5", "normalization.epsilon") == ("exact", "right")
    assert told("features.5", "normalization.groups", "normalization.epsilon") == ("exact", "wrong")
    assert told("features.4") == ("next door", "none")
    assert told("features.3", "normalization.epsilon") == ("elsewhere", "right")
    (nothing,) = judged(fault, SimpleNamespace(first=None, divergences=[]), reference)  # type: ignore[arg-type]
    assert (nothing.where, nothing.why) == ("nothing", "none")
