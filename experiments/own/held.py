"""What `port` does with each of its models.

The reference captured with its tolerance and steps, then each port held to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import backends
from common.errors import UserError
from experiments.own import data as own_data
from experiments.own.diagnose import read_capture
from experiments.own.given import Given
from experiments.own.interpreter import Interpreter, trained
from experiments.own.kept import kept
from experiments.own.layouts import completed
from experiments.own.port_document import CarriedFinding, Model, Port
from experiments.own.porting import Reference, compare
from experiments.own.tolerance import Tolerances, tolerances
from experiments.own.tree import tree
from experiments.whole import write_whole
from isograd import npz
from isograd.captured import Captured

PRECISION = "float64"
"""Ports are compared in it: what is a fault there is one in every precision, and what is rounding
there is small."""


class Asked(NamedTuple):
    """What `port` is asked; experiments/port.py has the same as flags."""

    data: str | None = None
    samples: int = 8
    steps: int = 3
    evaluate: bool = False
    seed: int = 0
    map: tuple[str, ...] = ()
    save: Path | None = None
    divergence: str | None = None
    """A file.npz for the tensors where they part first."""


def reference_of(given: Given, asked: Asked, python: str | None) -> Reference:
    """The reference, captured in a process of its own or kept in a file."""
    if given.captured:
        return _kept(given)
    with Interpreter(given.backend, python) as model:
        return captured_in(model, given, asked)


def captured_in(model: Interpreter, given: Given, asked: Asked) -> Reference:
    """The reference, captured with its tolerance and its steps in a process that runs."""
    data = None if asked.data is None else own_data.read(asked.data).request()
    opened = model.open(
        given.file, given.factory, data=data, **_request(asked), samples=asked.samples
    )
    captured = completed(model.capture())
    found = tolerances(captured, model)
    steps = model.steps(asked.steps) if asked.steps and trained(opened, captured) else []
    if asked.save:
        write_whole(
            asked.save, npz.dump({**captured, "tolerances": found._asdict(), "steps": steps})
        )
    return Reference(captured, found, steps)


def _request(asked: Asked) -> dict[str, Any]:
    return {"precision": PRECISION, "training": not asked.evaluate, "seed": asked.seed}


def _kept(given: Given) -> Reference:
    captured: dict[str, Any] = dict(read_capture(given))
    found = captured.pop("tolerances", None)
    steps = captured.pop("steps", [])
    if any(place["output"] is None for place in captured["places"]):
        raise UserError(f"{given.file} was kept without values; keep it with `port ... --save`")
    known: Captured = captured  # type: ignore[assignment]
    return Reference(known, Tolerances(**found) if found else tolerances(known), steps)


def port_of(
    given: Given, reference: Reference, port: Given, asked: Asked, python: str | None, command: str
) -> Port:
    """A port held to the reference, in a process of its own."""
    with Interpreter(port.backend, python) as model:
        return held_in(model, given, reference, port, asked, command)


def held_in(
    model: Interpreter, given: Given, reference: Reference, port: Given, asked: Asked, command: str
) -> Port:
    """A port held to the reference, in a process that runs."""
    captured = reference.captured
    mine = backends.IMAGES[captured["backend"]]
    its = backends.IMAGES[port.backend]
    opened = model.open(
        port.file,
        port.factory,
        data={"x": captured["x"], "y": captured["y"]},
        **_request(asked) | {"training": captured["training"]},
        images=its if mine != its else None,
    )
    found = compare(reference, model, _pairs(asked.map), "optimizer" in opened["has"])
    steps = trained(opened, found.sides.port)
    if asked.divergence and found.partings:
        kept(
            found.seen, min(found.partings, key=lambda each: each.framework), Path(asked.divergence)
        )
    remarks = dict.fromkeys(
        [*captured["remarks"], *found.sides.port["remarks"], *_not_compared(reference, steps)]
    )
    return Port(
        command=command,
        reference=_model(given, captured),
        port=_model(port, found.sides.port),
        ok=all(one.framework for one in found.partings),
        divergences=found.partings,
        tree=tree(found),
        carried=CarriedFinding(
            layers=found.carried.pairs, by=found.carried.by, lacking=found.carried.lacking
        ),
        starts=dict(found.starts),
        losses=found.losses,
        judged=found.judged,
        remarks=list(remarks),
    )


def _model(given: Given, captured: Captured) -> Model:
    return Model(
        file=given.name,
        backend=captured["backend"],
        versions=captured["versions"],
        loss=captured["loss"],
    )


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    return dict(word.split("=") for word in words)


def _not_compared(reference: Reference, steps: bool) -> list[str]:
    """What one side has not."""
    if reference.steps and steps:
        return []
    side = "port" if reference.steps else "reference" if steps else "files"
    return [
        (
            f"no steps were compared: the {side} {'have' if side == 'files' else 'has'} no "
            "optimizer(model)"
        )
    ]
