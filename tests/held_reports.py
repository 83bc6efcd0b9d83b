"""The models of public reports, held to one another and diagnosed in a process of each
framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experiments.own.advice import advice
from experiments.own.diagnosing import diagnosis, passes
from experiments.own.diagnosis import Diagnosis
from experiments.own.given import Given
from experiments.own.held import Asked, captured_in, held_in
from experiments.own.interpreter import Interpreter
from experiments.own.port_document import Port
from experiments.own.porting import Reference
from tests.conftest import load

REPORTS = Path(__file__).parent / "reports"


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[dict[str, Interpreter]]:
    """A process of each framework."""
    for name in ("torch", "keras", "jax"):
        load(name, request.config)
    with (
        Interpreter("torch", threads=1) as torch,
        Interpreter("keras", threads=1) as keras,
        Interpreter("jax", threads=1) as jax,
    ):
        yield {"torch": torch, "keras": keras, "jax": jax}


def given(words: str) -> Given:
    """`torch=file.py:factory`, as the command line has it."""
    backend, _, named = words.partition("=")
    file, _, factory = named.partition(":")
    return Given(backend, REPORTS / file, factory or "model")


@pytest.fixture(scope="module")
def port(running: dict[str, Interpreter]) -> Callable[[str, str], Port]:
    """A port held to its reference, which is captured once."""
    known: dict[str, Reference] = {}

    def held(reference: str, other: str) -> Port:
        mine = given(reference)
        its = given(other)
        if reference not in known:
            known[reference] = captured_in(running[mine.backend], mine, Asked())
        return held_in(running[its.backend], mine, known[reference], its, Asked(), "")

    return held


@pytest.fixture(scope="module")
def diagnose(running: dict[str, Interpreter]) -> Callable[..., Diagnosis]:
    """A model's diagnosis with its advice, after some steps of its optimizer."""

    def said(words: str, steps: int = 0) -> Diagnosis:
        one = given(words)
        model = running[one.backend]
        model.open(one.file, one.factory, precision="float32")
        captured = model.capture(values=False)
        taken = passes(captured, model.steps(steps, values=False) if steps else None)
        found = diagnosis(taken, one.name, "")
        return found.model_copy(update={"advice": advice(taken, found)})

    return said


def partings(said: Port) -> list[tuple[str, str, str]]:
    """Stage, place and the first cause of each parting."""
    return [
        (one.stage, one.place, one.causes[0].key if one.causes else "") for one in said.divergences
    ]


def cures(said: Port) -> list[str]:
    return [one.causes[0].cure for one in said.divergences if one.causes]


def causes(said: Diagnosis) -> list[str]:
    return [one.cause for one in said.advice]
